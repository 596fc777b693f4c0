"""What a program of a lab host gets: the machine that it can see, its words, and where its output goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.lab.host_files import Root
from bot.lab.host_nginx import Nginx

CHUNK = 32_768

Write = Callable[[bytes], Awaitable[None]]


@dataclass(kw_only=True)
class Machine:
    """What a program of one host can see."""

    name: str
    address: str
    ssh_port: int
    root: Root
    nginx: Nginx
    git: str
    booted: datetime
    missing: frozenset[str] = frozenset()
    disk_used: int = 0


@dataclass(frozen=True, kw_only=True)
class Call:
    """One program that runs: its words (argv[0] is its name) and where its output goes."""

    machine: Machine
    argv: Sequence[str]
    out: Write
    err: Write

    async def say(self, text: str) -> None:
        """Write a line to stdout."""
        await self.out(text.encode() + b"\n")

    async def complain(self, text: str, code: int = 1) -> int:
        """Write a line to stderr, with the program's name; the exit code is returned."""
        await self.err(f"{self.argv[0]}: {text}\n".encode())
        return code


Program = Callable[[Call], Awaitable[int]]


async def chunks(write: Write, data: bytes) -> None:
    """Write in pieces, so that a reader who goes away is noticed early."""
    for start in range(0, len(data), CHUNK):
        await write(data[start : start + CHUNK])
