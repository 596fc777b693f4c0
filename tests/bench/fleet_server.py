"""Many SSH hosts in a process of its own: `python -m tests.bench.fleet_server FOLDER HOSTS DELAY`.

Each has an address of 127.7.0.0/16 and the same port; whatever it is asked, it answers after the delay (seconds)
like systemctl, or like printf. It prints its port, and for each line on standard input the most handshakes that were
under way at once since the last one; it ends with standard input.
"""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from bot.runbook.inventory import Group, Host, Inventory, SshAccess

SAYS = b"LoadState=loaded\nActiveState=active\nSubState=running\nMainPID=1\nExecMainStartTimestamp=\nNRestarts=0\n"


def address(n: int) -> str:
    """Where the host with this number listens."""
    return f"127.7.{n // 250}.{n % 250 + 1}"


def _names(hosts: int) -> Iterator[tuple[int, str]]:
    return ((n, f"web-{n:02}") for n in range(hosts))


@dataclass
class Gate:
    """Counts connections that have not logged in yet."""

    open: set[int] = field(default_factory=set)
    most: int = 0

    def login(self) -> asyncssh.SSHServer:
        """What a new connection meets."""
        gate = self

        class Login(asyncssh.SSHServer):
            def connection_made(self, connection: asyncssh.SSHServerConnection) -> None:  # noqa: ARG002
                gate.open.add(id(self))
                gate.most = max(gate.most, len(gate.open))

            def auth_completed(self) -> None:
                gate.open.discard(id(self))

            def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
                gate.open.discard(id(self))

        return Login()


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """Running hosts: how they are reached, and how many handshakes were under way at once."""

    inventory: Inventory
    folder: Path
    process: asyncio.subprocess.Process

    async def most_handshakes(self) -> int:
        """Since it was last asked."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        return int(await self.process.stdout.readline())


@asynccontextmanager
async def fleet(folder: Path, *, hosts: int, delay: float) -> AsyncIterator[Fleet]:
    """Such a process, for as long as the block lasts."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.bench.fleet_server", str(folder), str(hosts), str(delay)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        named = {
            f"web-{n:02}": Host(name=f"web-{n:02}", address=address(n), ssh_port=port, group="web")
            for n in range(hosts)
        }
        access = SshAccess(user="muster", key=str(folder / "key"), known_hosts=str(folder / "known_hosts"))
        yield Fleet(
            inventory=Inventory(groups={"web": Group(name="web", hosts=named)}, ssh=access),
            folder=folder,
            process=process,
        )
    finally:
        process.stdin.close()
        await process.wait()


async def serve(folder: Path, hosts: int, delay: float) -> None:
    """Listen until standard input ends."""
    host_key, client_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    gate = Gate()

    async def answer(process: asyncssh.SSHServerProcess[bytes]) -> None:
        await asyncio.sleep(delay)
        *_, program, _, last = ["", "", "", *shlex.split(process.command or "")]
        process.stdout.write(last.encode() if program == "printf" else SAYS)
        process.exit(0)

    port, servers = 0, []
    for n in range(hosts):
        server = await asyncssh.create_server(
            gate.login,
            address(n),
            port,
            server_host_keys=[host_key],
            authorized_client_keys=asyncssh.import_authorized_keys(client_key.export_public_key().decode()),
            process_factory=answer,
            encoding=None,
        )
        port = port or server.sockets[0].getsockname()[1]
        servers.append(server)
    key = folder / "key"
    key.write_bytes(client_key.export_private_key())
    key.chmod(0o600)
    public = host_key.export_public_key().decode()
    (folder / "known_hosts").write_text("".join(f"[{address(n)}]:{port} {public}" for n in range(hosts)))
    print(port, flush=True)  # noqa: T201 - to whoever started it
    while await asyncio.to_thread(sys.stdin.readline):
        print(gate.most, flush=True)  # noqa: T201
        gate.most = len(gate.open)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
