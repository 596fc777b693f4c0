"""Small real things for tests of checks: a folder as a server, and a target that asks it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bot.checks import Answer, FileStat, Output
from bot.ports import GaveUp, Metrics, TryAgain
from bot.runbook.inventory import Group, Host, Inventory
from bot.runbook.result import Known, State
from tests.fake_metrics import FakeMetrics

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
Program = Callable[[Sequence[str]], Output]

WEB = Group(
    name="shop-web",
    service="shop",
    role="web",
    port=8080,
    behind="lb-01",
    config_repo="/etc",
    config_paths=("nginx",),
    hosts={
        name: Host(name=name, address=address, group="shop-web")
        for name, address in (("web-01", "127.9.0.11"), ("web-02", "127.9.0.12"), ("web-03", "127.9.0.13"))
    },
)
BALANCERS = Group(
    name="shop-lb", role="balancer", port=80, hosts={"lb-01": Host(name="lb-01", address="127.9.0.10", group="shop-lb")}
)


def shop(*, servers: int = 2) -> Inventory:
    """The shop's inventory with this many web servers behind one balancer."""
    hosts = dict(list(WEB.hosts.items())[:servers])
    web = Group(**{**vars(WEB), "hosts": hosts})
    return Inventory(groups={"shop-web": web, "shop-lb": BALANCERS})


def said(stdout: str = "", *, exit: int = 0, stderr: str = "", cut: bool = False) -> Output:
    """What a program said."""
    return Output(exit=exit, stdout=stdout, stderr=stderr, cut=cut, raw=stdout.encode())


@dataclass
class FolderServer:
    """A folder that stands for `/` of a server, git as it really is, and other programs as told.

    It keeps what was asked in `ran` and what was written in `written`. `away` makes it unreachable.
    """

    root: Path
    programs: dict[str, Program] = field(default_factory=dict)
    ran: list[Sequence[str]] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    away: TryAgain | GaveUp | None = None
    forbidden: set[str] = field(default_factory=set)

    def put(self, path: str, text: str | bytes) -> Path:
        """Write a file of the server."""
        place = self._at(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode() if isinstance(text, str) else text)
        return place

    def commit(self, message: str = "provision", *, repo: str = "/etc") -> str:
        """Commit all below the repository, which is made if needed; the id of the commit."""
        if not (self._at(repo) / ".git").exists():
            git(self._at(repo), "init", "-q", "-b", "main")
        git(self._at(repo), "add", "-A")
        git(self._at(repo), "commit", "-q", "--allow-empty", "-m", message)
        return git(self._at(repo), "rev-parse", "HEAD").strip()

    async def run(self, argv: Sequence[str], *, within: float = 5.0) -> Output:  # noqa: ARG002 - part of Session
        self._reachable()
        self.ran.append(tuple(argv))
        inner = argv[2:] if argv[:2] == ["sudo", "-n"] or tuple(argv[:2]) == ("sudo", "-n") else argv
        if inner[0] in self.programs:
            return self.programs[inner[0]](inner)
        if inner[0] == "git":
            return self._git(inner)
        return said(exit=127, stderr=f"{inner[0]}: command not found")

    async def read(self, path: str) -> bytes:
        self._reachable()
        self._allowed(path)
        return self._at(path).read_bytes()

    async def tail(self, path: str, *, limit: int = 65_536) -> bytes:
        return (await self.read(path))[-limit:]

    async def stat(self, path: str) -> FileStat:
        self._reachable()
        found = self._at(path).stat()
        return FileStat(
            uid=found.st_uid, gid=found.st_gid, mode=found.st_mode, size=found.st_size, mtime=found.st_mtime
        )

    async def names(self, folder: str) -> Sequence[str]:
        self._reachable()
        return sorted(os.listdir(self._at(folder)))

    async def replace(self, path: str, data: bytes, *, like: FileStat, sudo: bool = False) -> None:  # noqa: ARG002
        self._reachable()
        self._allowed(path)
        self.written.append(path)
        self._at(path).write_bytes(data)
        self._at(path).chmod(like.mode & 0o7777)

    async def remove(self, path: str, *, sudo: bool = False) -> None:  # noqa: ARG002 - part of the protocol
        self._reachable()
        self._at(path).unlink()

    def _git(self, argv: Sequence[str]) -> Output:
        moved = [str(self._at(word)) if at and argv[at - 1] == "-C" else word for at, word in enumerate(argv)]
        ended = subprocess.run([shutil.which("git") or "git", *moved[1:]], capture_output=True, check=False)
        return Output(
            exit=ended.returncode,
            stdout=ended.stdout.decode("utf-8", "replace"),
            stderr=ended.stderr.decode("utf-8", "replace"),
            raw=ended.stdout,
        )

    def _at(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def _reachable(self) -> None:
        if self.away is not None:
            raise self.away

    def _allowed(self, path: str) -> None:
        if path in self.forbidden:
            raise GaveUp(f"no access to {path}", reason="no-access")


@dataclass(kw_only=True)
class Asked:
    """A target: one host of an inventory and the servers behind the names."""

    host: Host
    inventory: Inventory
    servers: Mapping[str, FolderServer] = field(default_factory=dict)
    within: float = 2.0
    alerted: Host | None = None
    repaired_at: datetime | None = None
    good: Mapping[str, Known] = field(default_factory=dict)
    at: datetime = NOW
    metrics: Metrics = field(default_factory=FakeMetrics)
    secrets: Mapping[str, str] = field(default_factory=dict)

    @property
    def affected(self) -> Host:
        return self.alerted or self.host

    @property
    def group(self) -> Group:
        return self.inventory.group_of(self.host)

    def now(self) -> datetime:
        return self.at

    async def session(self, host: Host | None = None) -> FolderServer:
        server = self.servers[(host or self.host).name]
        if server.away is not None:
            raise server.away
        return server

    async def known_good(self, host: Host) -> Known | None:
        return self.good.get(host.name)

    async def secret(self, reference: str) -> str:
        if reference not in self.secrets:
            raise GaveUp(f"nobody holds {reference}", reason="no-secret")
        return self.secrets[reference]


@dataclass(kw_only=True)
class FolderReach:
    """Reaches folders instead of servers, and counts the runs that were opened and closed."""

    servers: Mapping[str, FolderServer]
    opened: int = 0
    closed: int = 0

    @asynccontextmanager
    async def connections(self) -> AsyncIterator[FolderReach]:
        self.opened += 1
        try:
            yield self
        finally:
            self.closed += 1

    async def session(self, host: Host) -> FolderServer:
        server = self.servers[host.name]
        if server.away is not None:
            raise server.away
        return server


def git(repo: Path, *words: str) -> str:
    """Run git for the test's own set-up."""
    who = ["-c", "user.name=provision", "-c", "user.email=provision@shop.test", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        [shutil.which("git") or "git", *who, "-C", str(repo), *words], capture_output=True, text=True, check=True
    ).stdout


def state_of(answer: Answer) -> tuple[State, str]:
    """What causes look at."""
    return answer.state, answer.reason


def site(address: str, port: int, *, more: str = "") -> str:
    """The site of a web server."""
    return (
        f"server {{\n  listen {address}:{port};\n  server_name shop.test;\n"
        f'  location = /healthz {{ return 200 "ok"; }}\n  location / {{ root www; }}\n{more}}}\n'
    )


MAIN = "worker_processes 1;\nevents { }\nhttp {\n  include conf.d/*.conf;\n}\n"


def web_server(root: Path, address: str, port: int = 8080) -> FolderServer:
    """A web server with its config committed."""
    server = FolderServer(root)
    server.put("/etc/nginx/nginx.conf", MAIN)
    server.put("/etc/nginx/conf.d/site.conf", site(address, port))
    server.commit()
    return server


def balancer_server(root: Path, servers: Sequence[str]) -> FolderServer:
    """A balancer in front of these address:port."""
    server = FolderServer(root)
    lines = "".join(f"    server {each};\n" for each in servers)
    upstream = f"  upstream shop {{\n{lines}  }}\n"
    site = "  server { listen 80; location / { proxy_pass http://shop; } }\n"
    server.put("/etc/nginx/nginx.conf", f"events {{ }}\nhttp {{\n{upstream}{site}}}\n")
    server.put("/var/log/nginx/error.log", "")
    server.commit()
    return server


def farm(root: Path, *, servers: int = 2) -> tuple[Inventory, dict[str, FolderServer]]:
    """The shop as folders: web servers on 8080 and their balancer."""
    inventory = shop(servers=servers)
    hosts = inventory.groups["shop-web"].hosts.values()
    found = {host.name: web_server(root / host.name, host.address) for host in hosts}
    found["lb-01"] = balancer_server(root / "lb-01", [f"{host.address}:8080" for host in hosts])
    return inventory, found


def moved(server: FolderServer, address: str, port: int) -> None:
    """Make this server's config listen on another port, uncommitted."""
    server.put("/etc/nginx/conf.d/site.conf", site(address, port))
