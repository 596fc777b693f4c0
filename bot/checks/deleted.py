"""Files that were deleted and are still open: their space is not free, and no folder shows them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bot.checks import Answer, Output, Target, noun
from bot.ports import GaveUp, TryAgain
from bot.runbook.result import State


@dataclass(frozen=True, kw_only=True)
class Gone:
    """A file without a name: its size in bytes, and the processes that hold it."""

    size: int
    pids: tuple[int, ...]


@noun("deleted", over_ssh=True)
async def deleted(on: Target, *, megabytes: int = 100, sudo: bool = False) -> Answer:
    """Whether programs hold large files open that are deleted.

    megabytes: how large a file counts (100). sudo: look with `sudo -n`, else only programs of our own account are
    seen, and none found there proves nothing.
    """
    # A file that is reached through its descriptor and has no link left. Memory that only looks like a file is none.
    argv = ["find", "-L", "/proc", "-mindepth", "3", "-maxdepth", "3", "-path", "/proc/[0-9]*/fd/*", "-type", "f"]
    argv += ["-links", "0", "-size", f"+{megabytes}M", "-not", "-fstype", "tmpfs", "-printf", "%s %D:%i %p\\n"]
    said = await (await on.session()).run([*(["sudo", "-n"] if sudo else []), *argv], within=on.within)
    if said.exit == 124:
        raise TryAgain(f"find on {on.host.name} did not end in time.", reason="timeout")
    found = parse_find(said.stdout)
    if not found and (problem := _not_all_seen(said)):
        reason = "no-access" if "denied" in problem or "password" in problem else "error"
        raise GaveUp(f"Open files of {on.host.name} cannot all be seen: {problem}", reason=reason)
    total = sum(each.size for each in found)
    pids = sorted({pid for each in found for pid in each.pids})
    held = f"{len(found)} deleted files hold {total / 1_073_741_824:.1f} GiB, open in {_listed(pids)}"
    return Answer(
        state=State.FAIL if found else State.OK,
        reason="error" if found else "",
        summary=f"{on.host.name}: {held if found else 'no large file is deleted and still open'}",
        facts={
            "count": len(found),
            "size": f"{total / 1_073_741_824:.1f} GiB",
            "found": _listed(pids),
            "pid": pids[0] if pids else None,
        },
        evidence=said.stdout,
    )


def parse_find(text: str) -> list[Gone]:
    """The files of the list, the largest first; each once, however often it is open."""
    sizes: dict[str, int] = {}
    pids: dict[str, set[int]] = {}
    for line in text.splitlines():
        size, _, rest = line.partition(" ")
        file, _, path = rest.partition(" ")
        parts = path.split("/")
        if len(parts) == 5 and parts[1] == "proc" and _is_number(size) and _is_number(parts[2]):
            sizes[file] = int(size)
            pids.setdefault(file, set()).add(int(parts[2]))
    found = [Gone(size=size, pids=tuple(sorted(pids[file]))) for file, size in sizes.items()]
    return sorted(found, key=lambda each: -each.size)


def _not_all_seen(said: Output) -> str:
    """Why a list without a file may lack one; programs that ended while we looked are no reason."""
    lines = [line for line in said.stderr.splitlines() if line.strip() and "No such file" not in line]
    if lines:
        return lines[0].strip()[:200]
    return f"exit {said.exit}" if said.exit and not said.stderr.strip() else ""


def _listed(pids: Collection[int]) -> str:
    shown = ", ".join(str(pid) for pid in list(pids)[:8])
    return f"process {shown}" if shown else "no process"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
