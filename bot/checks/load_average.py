"""How many programs of a server want to run, for each of its processors. (`load` is what this package is read with.)"""

from __future__ import annotations

import re

from bot.checks import Answer, Target, noun
from bot.checks.kernel import read_proc
from bot.runbook.result import State

LOADS = re.compile(r"^(\d{1,7}\.\d{1,4}) (\d{1,7}\.\d{1,4}) (\d{1,7}\.\d{1,4}) ")


@noun("load", over_ssh=True)
async def load(on: Target, *, per_core_below: float = 4.0) -> Answer:
    """The load of the last minute for each processor.

    per-core-below: the most that is fine (4).
    """
    loads = parse_loadavg(await read_proc(on, "/proc/loadavg"))
    cores = await _cores(on)
    if loads is None or not cores:
        what = "load" if loads is None else "number of processors"
        return Answer(state=State.UNKNOWN, reason="error", summary=f"{on.host.name} does not say its {what}")
    each = loads[0] / cores
    high = each >= per_core_below
    return Answer(
        state=State.FAIL if high else State.OK,
        reason="slow" if high else "",
        summary=f"load of {on.host.name}: {loads[0]:g} on {cores} processors ({each:.2f} each)",
        facts={
            "value": loads[0],
            "cores": cores,
            "found": f"{each:.2f}",
            "expected": f"below {per_core_below:g}",
        },
    )


async def _cores(on: Target) -> int:
    said = await (await on.session()).run(["nproc"], within=on.within)
    text = said.stdout.strip()
    return int(text) if said.exit == 0 and text.isascii() and text.isdigit() and len(text) < 6 else 0


def parse_loadavg(text: str) -> tuple[float, float, float] | None:
    """The load of the last 1, 5 and 15 minutes; None for what is no /proc/loadavg."""
    found = LOADS.match(text)
    return (float(found[1]), float(found[2]), float(found[3])) if found else None
