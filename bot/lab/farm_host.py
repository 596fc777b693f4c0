"""One host of the farm from its own side: provisioned, started, broken, repaired. Lives in the farm's process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import asyncssh

from bot.lab import farm_config, host_proc
from bot.lab.farm_block import is_free
from bot.lab.host import Host, Mode
from bot.lab.host_call import Machine
from bot.lab.host_files import Root
from bot.lab.host_gate import Gate
from bot.lab.host_nginx import Nginx, Said, execute
from bot.ports import NotAllowed

H = TypeVar("H", bound="FarmHost")
PROVISION = ("provision", "provision@shop.test")
DEPLOY = ("deploy", "deploy@shop.test")


class FarmHost:
    """A folder, an nginx and an SSH server under one name and address."""

    folders: tuple[str, ...] = ("etc/nginx/conf.d", "var/log/nginx", "var/www", "run", "tmp", "home/muster")

    def __init__(self, *, machine: Machine, port: int, files: Mapping[str, str], key: asyncssh.SSHKey) -> None:
        self.machine = machine
        self.port = port
        self.ssh = Host(machine, key)
        self._files = files
        self._folder = machine.root.folder
        self._known_good = ""
        self._holes: list[socket.socket] = []

    async def provision(self) -> None:
        """Write the files, commit them, start nginx and SSH. Raises OSError when one of them does not start."""
        self._write(self._files)
        await self._git("init", "-q", "-b", "main", "--template=")
        await self._commit(f"provision {self.machine.name}", PROVISION)
        self._known_good = (await self._git("rev-parse", "HEAD")).out.decode().strip()
        await self.start()
        await self.ssh.open()

    async def move_port(self, port: int, *, commit: bool, reload: bool) -> None:
        """The seed incident. Raises NotAllowed when the port is taken."""
        address = self.machine.address
        if not is_free(address, port):
            raise NotAllowed(f"{self.machine.name} was not moved: port {port} is taken on {address}; choose another.")
        await self.edit(farm_config.SITE, farm_config.with_port(self._read(farm_config.SITE), port), reload=reload)
        if commit:
            await self._commit(f"{self.machine.name}: listen on {port}", DEPLOY)
        if reload:
            await self._until_listening(port)

    async def edit(self, path: str, text: str, *, reload: bool) -> None:
        """Write a file as a person with an editor would, and let nginx read it."""
        self._write({path: text})
        if reload:
            await self.reload()

    async def replace(self, path: str, old: str, new: str, *, reload: bool) -> None:
        """Replace one text in a file. Raises NotAllowed when it is not there."""
        text = self._read(path)
        if old not in text:
            raise NotAllowed(f"{self.machine.name} was not changed: {path} has no {old!r}; reset the farm first.")
        await self.edit(path, text.replace(old, new), reload=reload)

    async def reload(self) -> None:
        """Reload, and wait until only new workers serve (or a second, when nginx keeps its old configuration)."""
        before = self.machine.nginx.workers()
        if (await self.machine.nginx.reload()).exit:
            return
        for _ in range(100):
            now = self.machine.nginx.workers()
            if now and not now & before:
                return
            await asyncio.sleep(0.01)

    async def drop_packets(self) -> None:
        """Connections time out: a socket with a full queue stands where nginx listened."""
        await self.machine.nginx.stop()
        place = (self.machine.address, self.port)
        hole = socket.socket()
        hole.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        hole.bind(place)
        hole.listen(0)
        self._holes.append(hole)
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(place)
            self._holes.append(filler)

    async def restart(self) -> None:
        """Stop and start nginx. Raises OSError when it does not start."""
        await self.machine.nginx.stop()
        await self.start()

    async def start(self) -> None:
        """Start nginx. Raises OSError when it does not start."""
        _must(await self.machine.nginx.start(), f"nginx of {self.machine.name}")

    async def reset(self) -> None:
        """Back to the first commit, with empty logs and good manners."""
        self._close_holes()
        self.machine.nginx.thaw()
        self.machine.missing, self.machine.disk_used = frozenset(), 0
        await self.ssh.behave(mode=Mode.NORMAL, delay_ms=0)
        main = self._read(farm_config.MAIN)
        await self._to_first_commit()
        self._write({path: text for path, text in self._files.items() if not path.startswith("etc/")})
        if self.machine.nginx.pid and main == self._files[farm_config.MAIN]:
            await self.reload()
        else:
            await self.restart()
        await self._until_listening(self.port)
        self._empty_logs()

    async def _to_first_commit(self) -> None:
        await self._git("reset", "-q", "--hard", self._known_good)
        await self._git("clean", "-fdxq")

    async def close(self) -> None:
        """End nginx and SSH."""
        self._close_holes()
        self.ssh.close()
        await self.machine.nginx.stop()

    async def _until_listening(self, port: int) -> None:
        for _ in range(200):
            if set(host_proc.listening(self.machine.address)) == {port, self.machine.ssh_port}:
                return
            await asyncio.sleep(0.01)
        raise NotAllowed(f"nginx of {self.machine.name} does not listen on {port}; its error.log says why.")

    async def _commit(self, message: str, author: tuple[str, str]) -> None:
        name, address = author
        await self._git("add", "-A")
        await self._git("-c", f"user.name={name}", "-c", f"user.email={address}", "commit", "-q", "-m", message)

    async def _git(self, *words: str) -> Said:
        env = {"HOME": os.fspath(self._folder), "PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}
        env |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
        return _must(await execute([self.machine.git, *words], cwd=self._folder / "etc", env=env), f"git {words[0]}")

    def _write(self, files: Mapping[str, str]) -> None:
        for folder in self.folders:
            (self._folder / folder).mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            (self._folder / path).write_text(text)

    def _read(self, path: str) -> str:
        return (self._folder / path).read_text()

    def _empty_logs(self) -> None:
        for log in (self._folder / "var/log/nginx").glob("*.log"):
            os.truncate(log, 0)

    def _close_holes(self) -> None:
        while self._holes:
            self._holes.pop().close()


def build(
    folder: Path,
    *,
    name: str,
    address: str,
    port: int,
    ssh_port: int,
    files: Mapping[str, str],
    tools: Mapping[str, str],
    kind: type[H],
) -> H:
    """Put a host of this kind together. `tools` are the paths of nginx and git, and the client's SSH key."""
    (folder / name).mkdir(mode=0o755)
    root = Root(folder / name)
    nginx = Nginx(Path(tools["nginx"]), Gate(root=root, address=address))
    machine = Machine(
        name=name,
        address=address,
        ssh_port=ssh_port,
        root=root,
        nginx=nginx,
        git=tools["git"],
        booted=datetime.now(UTC),
    )
    key = asyncssh.import_private_key(tools["key"])
    return kind(machine=machine, port=port, files=files, key=key)


def _must(said: Said, what: str) -> Said:
    if said.exit:
        raise OSError(f"{what} failed with exit {said.exit}: {said.err.decode(errors='replace').strip()}")
    return said
