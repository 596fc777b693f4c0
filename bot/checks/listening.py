"""Which TCP ports a server listens on, as its kernel says."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from bot.checks import Answer, Port, Session, Target, noun
from bot.ports import GaveUp, TryAgain
from bot.runbook.inventory import Host, Inventory
from bot.runbook.result import State

LISTEN = "0A"
"""The state of a listening socket in /proc/net/tcp."""


@dataclass(frozen=True, kw_only=True, order=True)
class Socket:
    """A listening socket; the address of a wildcard is `*`."""

    address: str
    port: int


@noun("listening", over_ssh=True)
async def listening(on: Target, *, port: Port, address: str | None = None) -> Answer:
    """Whether something listens on the port at the host's own address (or on all addresses).

    port: the port that is expected. address: another address than the host's.
    """
    sockets = await open_sockets(await on.session(), within=on.within)
    ports = ports_of(on.host, sockets, on.inventory, address=address)
    others = [each for each in ports if each != on.host.ssh_port]
    ok = int(port) in ports
    found = str(int(port)) if ok else (", ".join(str(each) for each in others[:8]) or "no port")
    return Answer(
        state=State.OK if ok else State.FAIL,
        reason="" if ok else "differs",
        summary=f"{on.host.name} listens on {found}" + ("" if ok else f", not on {int(port)}"),
        facts={"found": found, "expected": str(int(port)), "ports": list(ports)},
        evidence="\n".join(f"{each.address}:{each.port}" for each in sockets),
    )


async def open_sockets(session: Session, *, within: float) -> Sequence[Socket]:
    """All listening TCP sockets, from `ss` or else from /proc. Raises GaveUp when neither can be had."""
    asked = await session.run(["ss", "-Hltn"], within=within)
    if asked.exit == 124:
        raise TryAgain("ss did not end in time.", reason="timeout")
    if asked.exit == 0:
        if asked.cut:
            raise GaveUp("The list of sockets is too long.", reason="cut")
        return parse_ss(asked.stdout)
    tables = [await session.run(["cat", f"/proc/net/{name}"], within=within) for name in ("tcp", "tcp6")]
    if tables[0].exit:
        raise GaveUp(f"Neither ss nor /proc/net/tcp can be read: {tables[0].stderr.strip()[:200]}", reason="no-access")
    if any(table.cut for table in tables):
        raise GaveUp("The list of sockets is too long.", reason="cut")
    return sorted({each for table in tables if not table.exit for each in parse_proc(table.stdout)})


def ports_of(host: Host, sockets: Sequence[Socket], inventory: Inventory, *, address: str | None = None) -> list[int]:
    """The ports that answer at the host's own address.

    A server behind address translation knows itself by another address than we do, so any address counts that is
    neither loopback nor that of another host of the inventory.
    """
    strangers = {h.address for g in inventory.groups.values() for h in g.hosts.values()} - {host.address}

    def counts(socket: Socket) -> bool:
        if socket.address in ("*", address or host.address):
            return True
        return address is None and socket.address not in strangers and not _loopback(socket.address)

    return sorted({socket.port for socket in sockets if counts(socket)})


def parse_ss(text: str) -> list[Socket]:
    """The sockets of `ss -Hltn`; lines that are none are passed over."""
    found = set()
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 4 and words[0] == "LISTEN":
            address, _, port = words[3].rpartition(":")
            if port.isdecimal():
                found.add(Socket(address=_plain(address), port=int(port)))
    return sorted(found)


def parse_proc(text: str) -> list[Socket]:
    """The listening sockets of /proc/net/tcp or tcp6, whose addresses are words in the machine's byte order."""
    found = set()
    for line in text.splitlines():
        words = line.split()
        if len(words) > 3 and words[3] == LISTEN and ":" in words[1]:
            address, _, port = words[1].partition(":")
            try:
                raw = b"".join(bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8))
                found.add(Socket(address=_plain(str(ipaddress.ip_address(raw))), port=int(port, 16)))
            except ValueError:
                continue
    return sorted(found)


def _plain(address: str) -> str:
    bare = address.strip("[]").partition("%")[0]
    if bare in ("0.0.0.0", "::", "*", ""):  # noqa: S104 - recognised, not bound
        return "*"
    return bare.removeprefix("::ffff:") if "." in bare else bare


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
