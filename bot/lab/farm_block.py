"""A block of loopback addresses and ports that nobody uses, held for one run so that two farms never meet."""

from __future__ import annotations

import random
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from bot.lab import host_proc

CLAIM_PORT = 2222


@dataclass(frozen=True, kw_only=True)
class Block:
    """127.x.y, and the ports that every host of the farm uses. `claim` keeps other farms away while it is open."""

    prefix: str
    web_port: int
    balancer_port: int
    ssh_port: int
    claim: socket.socket

    @property
    def balancer(self) -> str:
        """The balancer's address."""
        return f"{self.prefix}.10"

    @property
    def haproxy(self) -> str:
        """The address of the second balancer."""
        return f"{self.prefix}.9"

    def web(self, number: int) -> str:
        """The address of the n-th web server, counted from 1."""
        return f"{self.prefix}.{10 + number}"


def take(servers: int, *, seed: int | None = None) -> Block:
    """Find a free block for a balancer and this many web servers. Raises OSError when there is none."""
    chance = random.Random(seed)  # noqa: S311 - nothing secret
    for _ in range(200):
        prefix = f"127.{chance.randint(10, 250)}.{chance.randint(0, 250)}"
        claim = _claimed(prefix)
        if claim is None:
            continue
        hosts = [f"{prefix}.{10 + n}" for n in range(servers + 1)]
        fronts = [f"{prefix}.9", hosts[0]]
        web, balancer, ssh = _port(8080, hosts[1:]), _port(8000, fronts), _port(2222, [*fronts, *hosts[1:]])
        return Block(prefix=prefix, web_port=web, balancer_port=balancer, ssh_port=ssh, claim=claim)
    raise OSError("no free block of loopback addresses was found")


def is_free(address: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def _claimed(prefix: str) -> socket.socket | None:
    """The claim is an exclusive bind on .1, so of two farms that draw the same block one draws again."""
    claim = socket.socket()
    try:
        claim.bind((f"{prefix}.1", 0 if _wildcard(CLAIM_PORT) else CLAIM_PORT))
        claim.listen(1)
    except OSError:
        claim.close()
        return None
    if any(a.startswith(f"{prefix}.") and a != f"{prefix}.1" for a in host_proc.addresses()):
        claim.close()
        return None
    return claim


def _wildcard(port: int) -> bool:
    return not is_free("127.0.0.1", port) and ("0.0.0.0", port) in host_proc.listeners()  # noqa: S104 - only read


def _port(preferred: int, hosts: Sequence[str]) -> int:
    """The usual port, else one that no service on all addresses of this machine has taken already."""
    for port in range(preferred, 60_000, 1_000):
        if all(is_free(host, port) for host in hosts):
            return port
    raise OSError(f"no port like {preferred} is free on this machine")
