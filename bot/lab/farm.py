"""The farm: a balancer and its web servers as real nginx, each on its own loopback address, each behind real SSH.

It lives in a process of its own, so a busy caller never slows it and no caller leaves anything running. What is
here speaks to that process; farm_process.py is the other end.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aiohttp

from bot.lab import farm_config, farm_haproxy, farm_spawn
from bot.ports import GaveUp, NotAllowed

START_WITHIN = 30.0
ANSWER_WITHIN = 15.0


@dataclass(frozen=True, kw_only=True)
class LabHost:
    """One host of the farm: where its nginx should listen, and where its SSH server does."""

    name: str
    address: str
    port: int
    ssh_port: int


class Farm:
    """A running farm. Methods raise NotAllowed for what cannot be done and GaveUp when the farm is gone."""

    def __init__(self, process: asyncio.subprocess.Process, described: Mapping[str, Any], spare: Path | None) -> None:
        self._process = process
        self._described = described
        self._spare = spare
        self._ids = itertools.count(1)
        self._turn = asyncio.Lock()
        self.hosts: dict[str, LabHost] = {h["name"]: LabHost(**h) for h in described["hosts"]}
        self.balancer: LabHost = self.hosts[described["balancer"]]
        self.haproxy: LabHost | None = self.hosts.get(described["haproxy"])
        self.roots: dict[str, Path] = {name: Path(root) for name, root in described["roots"].items()}

    @classmethod
    async def start(cls, folder: Path, servers: int = 2, seed: int | None = None, *, haproxy: bool = False) -> Self:
        """Start a balancer and this many web servers (2 to 9) with their files below `folder`.

        With `haproxy` a second balancer, HAProxy, stands in front of the same web servers.

        Run by root, all of it runs under an unprivileged account, in a temporary folder when that account cannot
        reach this one. Raises GaveUp with what is missing.
        """
        if not 2 <= servers <= 9:
            raise NotAllowed(f"A farm has 2 to 9 web servers, not {servers}.")
        needs = farm_spawn.needs(haproxy=haproxy)
        place, temporary = farm_spawn.place(folder)
        order = {**needs, "folder": os.fspath(place), "temporary": temporary, "servers": servers, "seed": seed}
        process = await farm_spawn.spawn(place, folder / "farm.log")
        try:
            async with asyncio.timeout(START_WITHIN):
                described = await farm_spawn.first_words(process, order, folder / "farm.log")
        except BaseException as e:  # also a cancelled start must leave no process
            await farm_spawn.end(process)
            if temporary:
                shutil.rmtree(place, ignore_errors=True)
            if isinstance(e, TimeoutError):
                raise GaveUp(f"The lab's farm did not start within {START_WITHIN:.0f} s.", reason="timeout") from e
            raise
        return cls(process, described, place if temporary else None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """The site through the balancer."""
        return f"http://{self.balancer.address}:{self.balancer.port}"

    @property
    def webs(self) -> Sequence[LabHost]:
        """The web servers, in order."""
        return [host for host in self.hosts.values() if host not in (self.balancer, self.haproxy)]

    @property
    def pid(self) -> int:
        """The process that holds the whole farm."""
        return self._process.pid

    @property
    def known_hosts(self) -> str:
        """The hosts' public keys, as a known_hosts file has them."""
        return "".join(f"{line}\n" for line in self._described["known_hosts"])

    @property
    def private_key(self) -> str:
        """The key that every host accepts, for the account `muster`."""
        return str(self._described["key"])

    async def move_port(self, host: str, new_port: int, *, commit: bool = False, reload: bool = True) -> None:
        """Break a server as in the seed incident: another port in its site.conf, and by default a reload."""
        await self._ask("move-port", host, port=new_port, commit=commit, reload=reload)

    async def reset(self) -> None:
        """Everything as provisioned: files at the first commit, nginx running, logs empty, SSH well-behaved."""
        await self._ask("reset", self.balancer.name)

    async def stop_nginx(self, host: str) -> None:
        """The process is gone."""
        await self._ask("stop", host)

    async def start_nginx(self, host: str) -> None:
        """Start it again."""
        await self._ask("start", host)

    async def freeze(self, host: str) -> None:
        """It accepts connections and answers nothing."""
        await self._ask("freeze", host)

    async def thaw(self, host: str) -> None:
        """The end of `freeze`."""
        await self._ask("thaw", host)

    async def drop_packets(self, host: str) -> None:
        """Connections to its web port time out."""
        await self._ask("drop-packets", host)

    async def break_syntax(self, host: str) -> None:
        """A semicolon is missing on disk; nothing was reloaded yet."""
        await self._replace(host, farm_config.SITE, "server_name shop.test;", "server_name shop.test", reload=False)

    async def answer_500(self, host: str) -> None:
        """The application behind it fails."""
        await self._replace(host, farm_config.SITE, "root var/www;", "return 500;", reload=True)

    async def slow(self, host: str) -> None:
        """A tenth of its capacity is left."""
        rate = farm_config.CAPACITY
        await self._replace(host, farm_config.MAIN, f"rate={rate}r/s", f"rate={rate // 10}r/s", reload=False)
        await self._ask("restart", host)

    async def misdirect(self, host: str, port: int) -> None:
        """The balancer, not the server, is wrong: it sends this server's requests to another port."""
        of = self.hosts[host]
        old, new = f"server {of.address}:{of.port};", f"server {of.address}:{port};"
        await self._replace(self.balancer.name, farm_config.SITE, old, new, reload=True)

    async def switch_off(self, host: str) -> None:
        """The balancer's config says that it sends nothing to this server."""
        of = self.hosts[host]
        old = f"server {of.address}:{of.port}"
        await self._replace(self.balancer.name, farm_config.SITE, f"{old};", f"{old} down;", reload=True)

    async def misdirect_haproxy(self, host: str, port: int) -> None:
        """HAProxy sends this server's requests to another port."""
        of, at = self.hosts[host], self._second()
        old, new = f"{host} {of.address}:{of.port}", f"{host} {of.address}:{port}"
        await self._replace(at.name, farm_haproxy.MAIN, old, new, reload=True)

    async def take_out(self, host: str) -> None:
        """Somebody took the server out of HAProxy's rotation and forgot it."""
        of, at = self.hosts[host], self._second()
        old = f"{host} {of.address}:{of.port}"
        await self._replace(at.name, farm_haproxy.MAIN, old, f"{old} disabled", reload=True)

    async def fill_disk(self, host: str, used: int) -> None:
        """Let its disk (8 GiB) look as if so many bytes more were used."""
        await self._ask("fill-disk", host, bytes=used)

    async def ssh(self, host: str, *, mode: str = "normal", delay_ms: int = 0, missing: Sequence[str] = ()) -> None:
        """Change its SSH server: normal, mute, refuse-key, wrong-host-key; a delay; programs that it lacks."""
        await self._ask("ssh", host, mode=mode, delay_ms=delay_ms, missing=list(missing))

    async def look(self, host: str) -> Mapping[str, Any]:
        """The nginx of a host: pid (0: none), state, workers."""
        return await self._ask("look", host)

    async def served_by(self, requests: int) -> Counter[str]:
        """Ask through the balancer so many times, one after another; who answered, by name."""
        names: Counter[str] = Counter()
        limit = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=limit) as session:
            for _ in range(requests):
                async with session.get(f"{self.url}/healthz") as answer:
                    names[answer.headers.get("X-Served-By", f"status {answer.status}")] += 1
        return names

    def write_home(self, folder: Path, *, approvers: Sequence[str] = ()) -> Path:
        """Write a MUSTER_HOME: inventory.yaml, known_hosts, the SSH key and, with approvers, policy.yaml."""
        folder.mkdir(parents=True, exist_ok=True)
        key = folder / "ssh-key"
        key.unlink(missing_ok=True)
        with open(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(self.private_key)
        (folder / "known_hosts").write_text(self.known_hosts)
        (folder / "inventory.yaml").write_text(self._inventory(key.resolve()))
        if approvers:
            (folder / "policy.yaml").write_text(f"policy: 1\napprovers: {json.dumps(list(approvers))}\n")
        return folder

    async def stop(self) -> None:
        """End every process of the farm. A second stop is harmless."""
        if self._process.returncode is None and self._process.stdin:
            with contextlib.suppress(ConnectionError):
                self._process.stdin.write(b'{"id": -1, "do": "end"}\n')
        await farm_spawn.end(self._process)
        if self._spare:
            shutil.rmtree(self._spare, ignore_errors=True)  # gone already, unless the process was killed

    def _second(self) -> LabHost:
        if self.haproxy is None:
            raise NotAllowed("This farm has no HAProxy; start it with haproxy=True.")
        return self.haproxy

    async def _replace(self, host: str, path: str, old: str, new: str, *, reload: bool) -> None:
        await self._ask("replace", host, path=path, old=old, new=new, reload=reload)

    async def _ask(self, do: str, host: str, **words: object) -> Mapping[str, Any]:
        if host not in self.hosts:
            raise NotAllowed(f"The farm has no host {host!r}; it has {', '.join(self.hosts)}.")
        async with self._turn, asyncio.timeout(ANSWER_WITHIN):
            number = next(self._ids)
            reply = await self._exchange({"id": number, "do": do, "host": host, **words})
        if "refused" in reply:
            raise NotAllowed(reply["refused"])
        if "failed" in reply:
            raise GaveUp(f"{do} on {host} failed: {reply['failed']}")
        found: Mapping[str, Any] = reply["ok"]
        return found

    async def _exchange(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._process.stdin is None or self._process.stdout is None or self._process.returncode is not None:
            raise GaveUp("The lab's farm is not running.", reason="stopped")
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        while line := await self._process.stdout.readline():
            reply: Mapping[str, Any] = json.loads(line)
            if reply["id"] == request["id"]:  # an earlier one may have been given up
                return reply
        raise GaveUp("The lab's farm ended.", reason="stopped")

    def _inventory(self, key: Path) -> str:
        webs = ", ".join(_entry(host) for host in self.webs)
        port = self.webs[0].port
        lines = [
            "inventory: 1",
            f"ssh: {{user: muster, key: {json.dumps(os.fspath(key))}, known-hosts: known_hosts}}",
            "groups:",
            "  shop-web:",
            "    service: shop",
            "    role: web",
            f"    port: {port}",
            f"    behind: {self.balancer.name}",
            "    config: {repo: /etc, paths: [nginx]}",
            f"    hosts: {{{webs}}}",
            "  shop-lb:",
            "    service: shop",
            "    role: balancer",
            f"    port: {self.balancer.port}",
            "    config: {repo: /etc, paths: [nginx]}",
            f"    hosts: {{{_entry(self.balancer)}}}",
        ]
        return "\n".join(lines) + "\n"


def _entry(host: LabHost) -> str:
    return f"{host.name}: {{address: {host.address}, ssh-port: {host.ssh_port}}}"
