"""Which folder of a server holds more than the same folder of its peers: that is the one that grew."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from bot.checks import Answer, Target, noun
from bot.ports import GaveUp, TryAgain
from bot.runbook.inventory import Host
from bot.runbook.result import State

TIMES = 2.0
"""A folder that grew is at least so many times as large as on every peer."""
LISTED = 10


@noun("growth", over_ssh=True)
async def growth(on: Target, *, path: str = "/var", megabytes: int = 500) -> Answer:
    """Whether a folder is far larger than on the peers, and which one.

    path: where to look, two levels deep and on its own filesystem (/var). megabytes: by how much a folder must be
    larger, beside being twice as large (500).
    """
    if not path.startswith("/"):
        raise GaveUp(f"{path!r} is not an absolute path.", reason="error", fix="Correct the runbook.")
    own = await _sizes(on, on.host, path)
    hosts = on.inventory.peers(on.host)
    asked = await asyncio.gather(*(_peer(on, host, path) for host in hosts))
    peers = [sizes for sizes in asked if sizes]
    largest = _largest(own, path)
    if not peers:
        state = State.UNKNOWN if hosts else State.SKIPPED
        said = "no peer could be read" if hosts else "there are no peers to compare with"
        summary = f"{on.host.name}: {said}; largest: {largest}"
        return Answer(state=state, reason="error" if hosts else "", summary=summary, evidence=_listed(own))
    grown = grew(own, peers, least=megabytes * 1024, path=path)
    usual = max((peer.get(grown or "", 0) for peer in peers), default=0)
    said = f"{grown} holds {_size(own[grown])}, on its peers at most {_size(usual)}" if grown else "as on its peers"
    return Answer(
        state=State.FAIL if grown else State.OK,
        reason="differs" if grown else "",
        summary=f"{on.host.name}: {said}",
        facts={
            "path": grown or path,
            "found": _size(own[grown]) if grown else largest,
            "expected": f"at most {_size(usual)}" if grown else "",
            "size": _size(own.get(path, 0)),
            "hosts": ", ".join(host.name for host, sizes in zip(hosts, asked, strict=True) if sizes),
        },
        evidence=_listed(own),
    )


def grew(own: Mapping[str, int], peers: Sequence[Mapping[str, int]], *, least: int, path: str) -> str | None:
    """The folder that is larger than on every peer by the most, and of nested ones the innermost; sizes in kB."""
    more = {}
    for folder, size in own.items():
        usual = max(peer.get(folder, 0) for peer in peers)
        if folder != path and size - usual >= least and size >= TIMES * usual:
            more[folder] = size - usual
    if not more:
        return None
    most = max(more.values())
    return max((folder for folder, size in more.items() if size >= 0.8 * most), key=lambda f: (f.count("/"), more[f]))


def parse_du(text: str) -> dict[str, int]:
    """The folders of `du -k` and their kilobytes; lines that are none are passed over."""
    rows = (line.split("\t", 1) for line in text.splitlines())
    return {
        row[1]: int(row[0])
        for row in rows
        if len(row) == 2 and row[0].isascii() and row[0].isdigit() and len(row[0]) < 16 and row[1].startswith("/")
    }


async def _peer(on: Target, host: Host, path: str) -> Mapping[str, int]:
    try:
        return await _sizes(on, host, path)
    except (TryAgain, GaveUp):
        return {}


async def _sizes(on: Target, host: Host, path: str) -> Mapping[str, int]:
    said = await (await on.session(host)).run(["du", "-xk", "--max-depth=2", path], within=on.within)
    if said.exit == 124:
        raise TryAgain(f"du on {host.name} did not end in time.", reason="timeout")
    found = parse_du(said.stdout)
    if path not in found or said.cut:  # the total comes last; folders that we may not read are left out of it
        text = said.stderr.strip()[:200] or f"exit {said.exit}"
        raise GaveUp(f"du on {host.name}: {text}", reason="cut" if said.cut else "error")
    return found


def _largest(sizes: Mapping[str, int], path: str) -> str:
    inner = {folder: size for folder, size in sizes.items() if folder != path}
    folder = max(inner, key=lambda name: inner[name], default=path)
    return f"{folder} {_size(sizes[folder])}"


def _listed(sizes: Mapping[str, int]) -> str:
    first = sorted(sizes.items(), key=lambda row: -row[1])[:LISTED]
    return "\n".join(f"{_size(size):>10}  {folder}" for folder, size in first)


def _size(kilobytes: int) -> str:
    return f"{kilobytes / 1_048_576:.1f} GiB" if kilobytes >= 1_048_576 else f"{kilobytes / 1024:.1f} MiB"
