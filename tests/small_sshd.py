"""One SSH server in the test's own process: its own host key, a folder as root, a handful of programs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from bot.hosts import Ssh
from bot.runbook.inventory import Host, SshAccess

PROGRAMS = {
    "printf": ["printf"],
    "echo-words": [sys.executable, "-c", "import sys; sys.stdout.write('\\0'.join(sys.argv[1:]))"],
    "bad-text": [sys.executable, "-c", "import sys; sys.stdout.buffer.write(b'\\xff\\xfe ok')"],
    "endless": [sys.executable, "-c", "import sys\nwhile True: sys.stdout.write('y' * 8192)"],
    "fails": [sys.executable, "-c", "import sys; sys.stderr.write('no\\n'); sys.exit(3)"],
    "sleeps": [sys.executable, "-c", "import time; time.sleep(60)"],
}


class Rooted(asyncssh.SFTPServer):
    """SFTP below a folder; of a `guarded` one only /tmp may be written."""

    root = b"/"
    guarded = False

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes]) -> None:
        super().__init__(channel, chroot=self.root)

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        if self.guarded and pflags & asyncssh.FXF_WRITE and not path.startswith(b"/tmp/"):
            raise asyncssh.SFTPPermissionDenied("Permission denied")
        return super().open(path, pflags, attrs)

    def remove(self, path: bytes) -> None:
        if self.guarded and not path.startswith(b"/tmp/"):
            raise asyncssh.SFTPPermissionDenied("Permission denied")
        super().remove(path)


@dataclass(kw_only=True)
class SmallSshd:
    """A running server and how to log in; `open_at_once` is the most programs that ran at the same time."""

    root: Path
    host: Host
    known_hosts: Path
    key: str
    running: int = 0
    open_at_once: int = 0
    connections: int = 0
    open_now: int = 0
    shell: Callable[[str], str] = str
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.idle.set()

    def ssh(self, *, known_hosts: Path | None = None, key: str | None = None) -> Ssh:
        """How a client logs in here."""
        return Ssh(SshAccess(user="muster"), key=key or self.key, known_hosts=known_hosts or self.known_hosts)

    async def handle(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """Run one of the programs, with the far side's timeout(1)."""
        argv = shlex.split(self.shell(process.command or ""))
        if argv[4:6] == ["sudo", "-n"]:
            del argv[4:6]
        inner = argv[4:]
        self.running += 1
        self.idle.clear()
        self.open_at_once = max(self.open_at_once, self.running)
        try:
            if inner and inner[0] in PROGRAMS:
                await _pump(process, [*argv[:4], *PROGRAMS[inner[0]], *inner[1:]])
            elif inner and inner[0] in ("cat", "ls", "stat", "tail", "rm", "install", "mv"):
                await _pump(process, [*argv[:4], *(self._inside(word) for word in inner)])
            else:
                process.stderr.write(f"{inner[0]}: command not found\n".encode())
                process.exit(127)
        except (BrokenPipeError, asyncssh.Error):
            pass  # the client closed its end
        finally:
            self.running -= 1
            if not self.running:
                self.idle.set()

    def _inside(self, word: str) -> str:
        return f"{self.root}{word}" if word.startswith("/") else word


async def _pump(process: asyncssh.SSHServerProcess[bytes], argv: list[str]) -> None:
    program = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C"},
        start_new_session=True,
    )

    async def copy(source: asyncio.StreamReader | None, sink: asyncssh.SSHWriter[bytes]) -> None:
        while source is not None and (part := await source.read(8192)):
            sink.write(part)
            await sink.drain()

    copies = [
        asyncio.create_task(copy(source, sink))
        for source, sink in ((program.stdout, process.stdout), (program.stderr, process.stderr))
    ]
    try:
        await asyncio.gather(*copies)
        process.exit(await program.wait())
    finally:
        for task in copies:
            task.cancel()
        await asyncio.gather(*copies, return_exceptions=True)
        if program.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)
            await program.communicate()  # undrained, the pipes would stay open


@asynccontextmanager
async def small_sshd(folder: Path, *, sftp: bool = True, guarded: bool = False) -> AsyncIterator[SmallSshd]:
    """Start a server whose root is `folder/root`; it ends with the block."""
    root = folder / "root"
    address = "127.0.0.1"
    (root / "tmp").mkdir(parents=True)
    host_key, client_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    found = SmallSshd(
        root=root,
        host=Host(name="web-02", address=address),
        known_hosts=folder / "known_hosts",
        key=client_key.export_private_key().decode(),
    )

    class Login(asyncssh.SSHServer):
        def connection_made(self, connection: asyncssh.SSHServerConnection) -> None:  # noqa: ARG002
            found.connections += 1
            found.open_now += 1

        def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
            found.open_now -= 1

    server = await asyncssh.create_server(
        Login,
        address,
        0,
        server_host_keys=[host_key],
        authorized_client_keys=asyncssh.import_authorized_keys(client_key.export_public_key().decode()),
        process_factory=found.handle,
        sftp_factory=type("RootedHere", (Rooted,), {"root": os.fsencode(root), "guarded": guarded}) if sftp else None,
        encoding=None,
    )
    port = server.sockets[0].getsockname()[1]
    found.host = Host(name="web-02", address=address, ssh_port=port)
    found.known_hosts.write_text(f"[{address}]:{port} {host_key.export_public_key().decode()}")
    try:
        yield found
    finally:
        server.close()
        await server.wait_closed()
        await found.idle.wait()
