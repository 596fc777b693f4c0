"""What Datadog's monitors say of the host that is asked about. Asked of Datadog by the bot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from bot.checks import Answer, Target, noun
from bot.ports import GroupState
from bot.runbook.inventory import Host
from bot.runbook.result import State

NAMED = 3
WORST = ("alert", "no data", "warn")


@noun("monitor")
async def monitor(on: Target, *, query: str, expect: Literal["ok", "alert"] = "ok", everywhere: bool = False) -> Answer:
    """Whether the monitors of a search are well, as far as they speak of the host that is asked about.

    query: a search of monitors, `tag:"service:shop"` or `id:4711`. expect: `ok` (default) or `alert`.
    everywhere: count what they say of other hosts, too.
    """
    told = await on.metrics.groups(query, bad=False)
    looked = [group for group in told.groups if everywhere or speaks_of(group, on.host)]
    bad = sorted((group for group in looked if group.bad), key=lambda group: WORST.index(group.status))
    if not bad and not (told.complete and looked):
        why = f"none speaks of {on.host.name}" if told.complete else "there are too many to look at all"
        return Answer(state=State.UNKNOWN, reason="error", summary=f"monitors {query}: {why}")
    holds = bool(bad) == (expect == "alert")
    return Answer(
        state=_state(bad, expect, holds=holds),
        reason="" if holds else "error",
        summary=f"monitors {query}: {_in_words(bad) or 'all well'}",
        facts={
            "state": bad[0].status if bad else "ok",
            "count": len(bad),
            "found": _in_words(bad) or "ok",
            "expected": expect,
            "names": [*sorted({group.monitor for group in bad})],
        },
        evidence="\n".join(f"{group.status}: {group.monitor} ({group.name})" for group in bad[:20]),
    )


def _state(bad: Sequence[GroupState], expect: str, *, holds: bool) -> State:
    """A monitor that only warns is no failure."""
    if holds:
        return State.OK
    return State.WARN if expect == "ok" and all(group.status == "warn" for group in bad) else State.FAIL


def speaks_of(group: GroupState, host: Host) -> bool:
    """Whether the group is this host, by any of its names in the inventory, or is no host at all."""
    named = {tag.partition(":")[2].lower() for tag in group.tags if tag.startswith("host:")}
    return not named or not named.isdisjoint({host.name.lower(), *(alias.lower() for alias in host.aliases)})


def _in_words(bad: Sequence[GroupState]) -> str:
    said = [f"{group.status} {group.monitor} ({group.name})" for group in bad[:NAMED]]
    return ", ".join(said) + (f" and {len(bad) - NAMED} more" if len(bad) > NAMED else "")
