"""The SSH server of one lab host: key login, its own programs, SFTP below its root. No shell, no forwarding."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import shlex
from dataclasses import dataclass
from enum import StrEnum

import asyncssh

from bot.lab import host_commands
from bot.lab.host_call import Call, Machine
from bot.lab.host_sftp import RootedSFTP

USER = "muster"


class Mode(StrEnum):
    """How the SSH server behaves; everything but normal is a failure that tests ask for."""

    NORMAL = "normal"
    MUTE = "mute"
    REFUSE_KEY = "refuse-key"
    WRONG_HOST_KEY = "wrong-host-key"


@dataclass(kw_only=True)
class Manners:
    """What can be changed while the server runs: its mode, and a delay before each program, in milliseconds."""

    mode: Mode = Mode.NORMAL
    delay_ms: int = 0


class Host:
    """One host's SSH server."""

    def __init__(self, machine: Machine, client_key: asyncssh.SSHKey) -> None:
        self.machine = machine
        self.manners = Manners()
        self._client_key = client_key.public_data
        self._keys = {mode: asyncssh.generate_private_key("ssh-ed25519") for mode in Mode}
        self._server: asyncssh.SSHAcceptor | None = None
        self._mute: asyncio.Server | None = None
        self._connections: set[asyncssh.SSHServerConnection] = set()

    @property
    def known_host(self) -> str:
        """The line for known_hosts."""
        key = self._keys[Mode.NORMAL].export_public_key().decode().split()
        return f"[{self.machine.address}]:{self.machine.ssh_port} {key[0]} {key[1]}"

    async def open(self) -> None:
        """Listen, in the present mode."""
        mode = self.manners.mode
        if mode is Mode.MUTE:
            address = self.machine.address
            self._mute = await asyncio.start_server(_silence, address, self.machine.ssh_port)
            return
        self._server = await asyncssh.create_server(
            functools.partial(_Login, self._client_key, self.manners, self._connections),
            self.machine.address,
            self.machine.ssh_port,
            server_host_keys=[self._keys[Mode.WRONG_HOST_KEY if mode is Mode.WRONG_HOST_KEY else Mode.NORMAL]],
            process_factory=self._run,
            sftp_factory=functools.partial(RootedSFTP, root=self.machine.root),
            encoding=None,
            allow_scp=False,
            allow_pty=False,
            agent_forwarding=False,
            x11_forwarding=False,
            reuse_address=True,
            gss_host=None,
            password_auth=False,
            kbdint_auth=False,
        )

    def close(self) -> None:
        """Stop listening; open connections end too."""
        for server in (self._server, self._mute):
            if server is not None:
                server.close()
        self._server = self._mute = None
        for connection in list(self._connections):
            connection.abort()

    async def behave(self, *, mode: Mode, delay_ms: int) -> None:
        """Change the manners; open connections end when the mode changes."""
        changed = mode is not self.manners.mode
        self.manners.mode, self.manners.delay_ms = mode, delay_ms
        if changed:
            self.close()
            await self.open()

    async def _run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        # The boundary to the client: it may close its end at any moment, and then there is nobody to tell.
        with contextlib.suppress(BrokenPipeError, ConnectionError, asyncssh.Error):
            process.exit(await self._code(process))

    async def _code(self, process: asyncssh.SSHServerProcess[bytes]) -> int:
        await asyncio.sleep(self.manners.delay_ms / 1000)

        async def out(data: bytes) -> None:
            process.stdout.write(data)
            await process.stdout.drain()

        async def err(data: bytes) -> None:
            process.stderr.write(data)
            await process.stderr.drain()

        if process.command is None:
            await err(b"This host gives no shell.\n")
            return 126
        try:
            argv = shlex.split(process.command)
        except ValueError as e:
            await err(f"cannot split the command: {e}\n".encode())
            return 126
        return await host_commands.run(Call(machine=self.machine, argv=argv, out=out, err=err))


class _Login(asyncssh.SSHServer):
    """One account, one key. What is not mentioned here (forwarding of any kind) the library refuses."""

    def __init__(self, key: bytes, manners: Manners, connections: set[asyncssh.SSHServerConnection]) -> None:
        self._key = key
        self._manners = manners
        self._connections = connections
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the library names it
        if self._connection:
            self._connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - the library names it
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        mine = username == USER and key.public_data == self._key
        return mine and self._manners.mode is not Mode.REFUSE_KEY


async def _silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take what comes, answer nothing."""
    with contextlib.suppress(ConnectionError):
        while await reader.read(4096):
            pass
    writer.close()
