"""How many log lines a search finds, and the newest of them. Asked of Datadog by the bot."""

from __future__ import annotations

import re
from datetime import timedelta

from bot.checks import Answer, Seconds, Target, noun
from bot.ports import GaveUp
from bot.runbook.inventory import Host
from bot.runbook.result import State

TEN_MINUTES = Seconds(600)
MOST = 1000
"""Lines that one search hands out."""
PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
"""A host's name that means nothing else in a search."""


@noun("logs")
async def logs(
    on: Target,
    *,
    query: str,
    over: Seconds = TEN_MINUTES,
    fewer_than: int = 1,
    show: int = 3,
    everywhere: bool = False,
) -> Answer:
    """Whether there are few enough log lines of a kind, on the host that is asked about.

    query: a log search, `service:nginx status:error`. over: the window (10m). fewer-than: from so many on it fails (1).
    show: how many are shown (3). everywhere: search the logs of all hosts.
    """
    wanted = query if everywhere else f"{of_host(on.host)} {query}"
    now = on.now()
    most = max(1, min(max(fewer_than, show), MOST))
    found = await on.metrics.logs(wanted, start=now - timedelta(seconds=over), end=now, most=most)
    count, few = len(found.lines), len(found.lines) < fewer_than
    others = found.more and count >= most
    if few and others:
        text = f"logs {wanted}: there are more than the {count} that can be counted."
        raise GaveUp(text, reason="cut", fix=f"Set 'fewer-than' to {MOST} or less.")
    told = f"{count} or more" if others else str(count)
    newest = found.lines[: max(0, show)]
    return Answer(
        state=State.OK if few else State.FAIL,
        reason="" if few else "error",
        summary=f"logs {wanted}: {told} lines in {over:g} s" + ("" if few else f", expected fewer than {fewer_than}"),
        facts={
            "count": count,
            "found": told,
            "expected": f"fewer than {fewer_than}",
            "text": newest[0].text[:300] if newest else "",
        },
        evidence="\n".join(f"{line.at:%H:%M:%S} {line.host} {line.status}: {line.text}" for line in newest),
    )


def of_host(host: Host) -> str:
    """The search for this host by any of its names in the inventory."""
    names = dict.fromkeys((host.name, *host.aliases))
    said = [name if PLAIN.fullmatch(name) else '"' + re.sub(r'["\\]', "", name) + '"' for name in names]
    return f"host:{said[0]}" if len(said) == 1 else f"host:({' OR '.join(said)})"
