"""The card's lines on its alerts as a whole: how many, what was held back and why, what flaps, what recovered. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime

from bot.incident import AlertSeen, Incident, Status, last_words, problem_id
from bot.slack.blocks import Block, button, context, in_utc, one_line, section, when
from bot.triage.judge import starts
from bot.triage.reasons import QUIET, Why

WORDS = {
    Why.REMINDER.value: "said again",
    Why.LATE.value: "late",
    Why.FLAPPING.value: "flapping",
    Why.STORM.value: "in a storm",
}
NAMED = 3
"""So many problems that flap are named."""
OPEN_LISTED = "open_listed"
LISTED = 10
"""So many problems of a storm have a button."""


def grouped(incident: Incident) -> list[Block]:
    """What the card says of the alerts together, in small print."""
    told = " · ".join(_lines(incident, at=when))
    return [context(told)] if told else []


def grouped_in_words(incident: Incident) -> list[str]:
    """The same, as sentences."""
    return [f"{line}." for line in _lines(incident, at=in_utc)]


def _lines(incident: Incident, *, at: Callable[[datetime], str]) -> list[str]:
    lines = [counted(incident.alerts)] if len(incident.alerts) > 1 else []
    lines += flapping(incident.alerts)
    over = incident.status in {Status.RESOLVED, Status.CLOSED}
    if incident.alerts and not incident.firing and not over:
        last = max(a.at for a in incident.alerts)
        lines.append(f"All alerts recovered, {at(last)}: `resolve` if it is over")
    if incident.merged_into:
        lines.append(f"Merged into INC-{incident.merged_into}")
    return lines


def counted(alerts: Iterable[AlertSeen]) -> str:
    """12 alerts, 3 suppressed: 2 said again, 1 flapping."""
    found = list(alerts)
    held = Counter(WORDS[a.why] for a in found if a.why in QUIET and a.why in WORDS)
    told = f"{len(found)} alert{'s' * (len(found) != 1)}"
    if not held:
        return told
    return f"{told}, {held.total()} suppressed: {', '.join(f'{n} {word}' for word, n in held.items())}"


def flapping(alerts: Iterable[AlertSeen]) -> list[str]:
    """web-07 flapping: 6 times in 30 min, for each problem that was held down."""
    problems: dict[str, list[AlertSeen]] = {}
    for alert in alerts:
        problems.setdefault(alert.fingerprint, []).append(alert)
    return [_flapping(p) for p in problems.values() if any(a.why == Why.FLAPPING.value for a in p)][:NAMED]


def _flapping(alerts: list[AlertSeen]) -> str:
    began = starts(alerts)
    minutes = round((max(a.at for a in alerts) - min(a.at for a in alerts)).total_seconds() / 60)
    where = one_line(alerts[0].where or alerts[0].title, 60)
    return f"{where} flapping: {len(began)} times in {minutes} min"


def storm_list(incident: Incident) -> list[Block]:
    """The problems that a storm collects, each with a button that makes an incident of its own of it."""
    if not incident.storm or not incident.open:
        return []
    problems = [a for a in last_words(incident.alerts) if a.bad]
    rows = [_listed(alert) for alert in problems[:LISTED]]
    more = len(problems) - len(rows)
    how = f"`muster explain {incident.id}` names their deliveries, `split DELIVERY` opens one"
    told = [context(f"and {more} more: {how}")] if more > 0 else []
    return [*rows, *told]


def _listed(alert: AlertSeen) -> Block:
    where = f" ({one_line(alert.where, 80)})" if alert.where else ""
    return section(f"{one_line(alert.title, 120)}{where}") | {
        "accessory": button("Open incident", action=OPEN_LISTED, value=problem_id(alert))
    }
