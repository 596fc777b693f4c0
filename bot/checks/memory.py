"""How much memory of a server is left for programs, as its kernel reckons."""

from __future__ import annotations

from collections.abc import Mapping

from bot.checks import Answer, Share, Target, noun
from bot.checks.kernel import read_proc
from bot.runbook.result import State

LIMIT = Share(95)


@noun("memory", over_ssh=True)
async def memory(on: Target, *, below: Share = LIMIT) -> Answer:
    """How much memory is used, without what the kernel gives back when asked (caches).

    below: the share that may be used (95%).
    """
    text = await read_proc(on, "/proc/meminfo")
    found = parse_meminfo(text)
    total, available = found.get("MemTotal", 0), found.get("MemAvailable")
    if not total or available is None:
        summary = f"the kernel of {on.host.name} does not say how much memory is available"
        return Answer(state=State.UNKNOWN, reason="error", summary=summary)
    used = 100 * (1 - min(available, total) / total)
    full = used >= below
    return Answer(
        state=State.FAIL if full else State.OK,
        reason="error" if full else "",
        summary=f"memory of {on.host.name}: {used:.0f}% used, {_gib(available)} available",
        facts={
            "used": f"{used:.0f}%",
            "free": _gib(available),
            "size": _gib(total),
            "swap": _gib(found.get("SwapTotal", 0) - found.get("SwapFree", 0)),
            "found": f"{used:.0f}%",
            "expected": f"below {below:g}%",
        },
        evidence="\n".join(line for line in text.splitlines() if line.startswith(("Mem", "Swap", "Cached"))),
    )


def parse_meminfo(text: str) -> Mapping[str, int]:
    """The figures of /proc/meminfo in kilobytes, by name; lines that are none are passed over."""
    rows = (line.split() for line in text.splitlines())
    return {row[0][:-1]: int(row[1]) for row in rows if len(row) >= 2 and row[0].endswith(":") and _is_number(row[1])}


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 16


def _gib(kilobytes: int) -> str:
    return f"{kilobytes / 1_048_576:.1f} GiB"
