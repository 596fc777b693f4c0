"""One host's view of the machine's socket table: only what listens on its own address."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from pathlib import Path

TABLE = Path("/proc/net/tcp")
LISTEN = "0A"
OPEN = ("/proc/meminfo", "/proc/loadavg")


def listening(address: str) -> Sequence[int]:
    """The ports on which something listens on exactly this address, in order."""
    return sorted({port for host, port in listeners() if host == address})


def addresses() -> frozenset[str]:
    """Every address on which something of this machine listens."""
    return frozenset(host for host, _ in listeners())


def virtual(path: str, address: str) -> bytes | None:
    """What `cat` shows below /proc: the sockets of this address alone, memory and load of the machine; else None."""
    if path in OPEN:
        return Path(path).read_bytes()
    if path == "/proc/net/tcp6":
        return _heading()
    if path != "/proc/net/tcp":
        return None
    return _heading() + b"".join(line for line in _rows() if _local(line)[0] == address)


def listeners() -> Sequence[tuple[str, int]]:
    """Address and port of every listening socket of this machine."""
    return [_local(line) for line in _rows() if line.split()[3].decode() == LISTEN]


def _rows() -> Sequence[bytes]:
    return TABLE.read_bytes().splitlines(keepends=True)[1:]


def _heading() -> bytes:
    return TABLE.read_bytes().splitlines(keepends=True)[0]


def _local(line: bytes) -> tuple[str, int]:
    number, port = line.split()[1].decode().split(":")
    return socket.inet_ntoa(struct.pack("=I", int(number, 16))), int(port, 16)
