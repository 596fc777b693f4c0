"""What an incident looks like in Slack: its card, its announcement, its topic. Pure: same incident, same bytes.

Every message has a text that says all of it, because that is what screen readers and notifications use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.incident import Incident, Kind, Room, Status
from bot.slack.around import around, around_in_words
from bot.slack.before_after import looked_again, looked_again_in_words
from bot.slack.blocks import (
    TEXT,
    TOPIC,
    Block,
    channel,
    context,
    header,
    in_utc,
    lasting,
    length,
    link,
    one_line,
    person,
    section,
    when,
)
from bot.slack.findings import (
    looked,
    others_in_words,
    proved,
    proved_in_words,
    ruled_out,
    sentence,
    sentences,
    unproved,
)
from bot.slack.grouped import grouped, grouped_in_words, storm_list
from bot.slack.invite import INVITED
from bot.slack.offer import DIFF, buttons, in_words, repair_blocks, shown

MESSAGE = 10_000
"""Slack refuses messages whose blocks show somewhat more (https://github.com/slackapi/bolt-js/issues/2509)."""
NAMED = 5
"""So many people who could not be invited are named."""


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message: all of it in words, and as blocks."""

    text: str
    blocks: list[Block] = field(default_factory=list)


def card(incident: Incident, *, now: datetime, command: str = "/incident") -> Message:
    """The one card of an incident. `now` decides only whether an offer has expired."""
    repairs = shown(incident)
    parts: list[tuple[int, list[Block]]] = [
        (9, [header(_title(incident)), _state(incident)]),
        (8, [*proved(incident), *unproved(incident)]),
        *((7 - at, _repair(incident, at, now=now)) for at in range(len(repairs))),
        (9, buttons(incident, repairs, now=now)),
        (6, looked_again(incident)),
        (4, looked(incident)),
        (2, ruled_out(incident)),
        (5, grouped(incident)),
        (3, storm_list(incident)),
        (2, around(incident)),
        (6, [*_troubles(incident), *_not_invited(incident)]),
        (1, [_hints(incident, command)]),
    ]
    return Message(text=_in_words(incident, now=now), blocks=_fitting(parts))


def announcement(incident: Incident) -> Message:
    """What everybody may know; of a private incident only that there is one."""
    if incident.private:
        told = f"{incident.id} · {one_line(incident.severity, 20)} · {incident.status}: a private incident."
        return Message(text=told, blocks=[section(told)])
    lines = [f"*{one_line(_title(incident), 300)}*", " · ".join(_brief(incident, since=when))]
    words = [f"{one_line(_title(incident), 300)}:", ", ".join(_brief(incident, since=in_utc)) + "."]
    for cause in incident.proved[:1]:
        lines.append(f"Cause: {sentences(one_line(cause.text, 600), 250)}")
        words.append(lines[-1])
    lines += filter(None, [_last_update(incident, at=when)])
    words += filter(None, [_last_update(incident, at=in_utc)])
    if lost := _LOST.get(incident.view.room) if incident.open else None:
        lines.append(f":warning: {lost}")
        words.append(lost)
    return Message(text=_joined(words), blocks=[section(*lines)])


_LOST = {
    Room.ARCHIVED: "Its channel was archived by hand; it comes back when there is something to say.",
    Room.LEFT: "Muster was taken out of its channel: /invite it there.",
    Room.GONE: "Its channel was deleted; another one is opened.",
}


def _last_update(incident: Incident, *, at: Callable[[datetime], str]) -> str:
    """What those outside were told last, when and by whom."""
    told = [e for e in incident.timeline if e.kind is Kind.UPDATE and not e.dropped]
    if not told:
        return ""
    last = told[-1]
    who = one_line(last.author.name or last.author.id, 80)
    stamp = ", ".join(filter(None, (at(last.occurred_at or last.recorded_at), who)))
    return f"Update ({stamp}): {one_line(last.text, 600)}"


def topic(incident: Incident) -> str:
    """The topic of the channel: how bad, who leads, what it is, and whether it is over.

    Each change of it writes a line into the channel, so where it stands in between is the card's to say.
    """
    lead = incident.roles.get("commander")
    over = [incident.status.value] if incident.status in {Status.RESOLVED, Status.CLOSED} else []
    who = [f"commander {lead.name or lead.id}"] if lead else []
    drill = ["DRILL"] if incident.drill else []
    return one_line(" · ".join([*drill, incident.severity, *over, *who, incident.title]), TOPIC)


def draft_note(incident: Incident) -> str:
    """What comes with the postmortem draft."""
    cause = f" Cause proved by checks: {one_line(incident.proved[0].text, 300)}" if incident.proved else ""
    return f"Postmortem draft of {one_line(_title(incident), 300)}.{cause} Please read and complete it."


def _title(incident: Incident) -> str:
    return ("DRILL · " if incident.drill else "") + f"{incident.id} · {incident.title or 'untitled'}"


def _since(incident: Incident) -> datetime:
    return incident.impact_started_at or incident.detected_at or incident.opened_at


def _status(incident: Incident) -> str:
    ended = incident.resolved_at
    if ended is None or incident.status not in {Status.RESOLVED, Status.CLOSED}:
        return incident.status
    return f"{incident.status}, after {lasting(max(0.0, (ended - _since(incident)).total_seconds()))}"


def _brief(incident: Incident, *, since: Callable[[datetime], str]) -> list[str]:
    at = incident.view.channel
    told = [one_line(incident.severity, 40), _status(incident), f"since {since(_since(incident))}"]
    told += [f"service {one_line(incident.service, 80)}"] if incident.service else []
    return told + ([f"in {channel(at.id, at.name)}"] if at else [])


def _state(incident: Incident) -> Block:
    """How it stands, in as few lines as a telephone has room for."""
    how = [f"*{one_line(incident.severity, 40) or 'severity not set'}*", f"*{_status(incident)}*"]
    how += ["*actions on hold*"] if incident.held else []
    where = [f"service {one_line(incident.service, 80)}"] if incident.service else []
    lines = [" · ".join([*how, f"since {when(_since(incident))}", *where]), " · ".join(_roles(incident))]
    return section(*lines, *_alerts(incident))


def _roles(incident: Incident) -> list[str]:
    if not incident.roles:
        return ["Nobody led" if incident.status is Status.CLOSED else "Nobody leads yet"]
    return [f"{one_line(role, 30).capitalize()} {person(p.id, p.name)}" for role, p in list(incident.roles.items())[:4]]


def _alerts(incident: Incident) -> list[str]:
    """The alerts that fire, or the last ones that did, each with its link and what the monitor says now."""
    told: dict[str, str] = {}
    for alert in incident.firing or incident.alerts[-1:]:
        monitor = incident.monitors.get(alert.monitor_id, {})
        label = one_line(alert.source.capitalize(), 30) or "Alert"
        linked = link(alert.link, label) or link(monitor.get("link", ""), label) or label
        fires = bool(incident.firing)  # of a recovered one we know what it was when it fired
        now = f" (monitor now: {one_line(monitor['state'], 30)})" if fires and monitor.get("state") else ""
        where = f" {one_line(alert.where, 60)}" if alert.where else ""
        told[alert.fingerprint or alert.delivery] = f"{linked} {one_line(alert.transition, 30)}{where}{now}"
    return list(told.values())[:2]


def _repair(incident: Incident, at: int, *, now: datetime) -> list[Block]:
    repairs = shown(incident)
    return repair_blocks(incident, repairs[at], now=now, diff=DIFF if at == 0 else DIFF // 5)


def _troubles(incident: Incident) -> list[Block]:
    """Steps of ours that failed, each with what a person can do."""
    told = sorted(incident.troubles.values(), key=lambda t: t.at, reverse=True)[:3]
    return [context(f":warning: {_trouble(t.step, t.text, t.fix)}") for t in told]


def _not_invited(incident: Incident) -> list[Block]:
    told = _left_out(incident)
    return [context(f":warning: {told}")] if told else []


def _left_out(incident: Incident) -> str:
    """Whom the policy names and who could not be invited, each with the reason."""
    failed = [
        f"{person(who, who)} ({one_line(why, 150)})" for who, why in incident.view.invited.items() if why != INVITED
    ]
    more = f", and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
    return f"Not invited: {', '.join(failed[:NAMED])}{more}." if failed else ""


def _trouble(step: str, text: str, fix: str) -> str:
    told = f"{one_line(step, 60).capitalize()} failed: {one_line(text, 150)}"
    return f"{sentence(told)} {one_line(fix, 150)}" if fix else told


def _hints(incident: Incident, command: str) -> Block:
    name = one_line(command, 32)
    if incident.status is Status.CLOSED:
        return context(f"`{name} postmortem` drafts again, `{name} reopen` if it is not over")
    return context(f"`{name} note …` writes into the timeline, `{name} help` shows all words")


def _in_words(incident: Incident, *, now: datetime) -> str:
    """The whole card in words, the important first; what does not fit is left out sentence by sentence."""
    words = [f"{one_line(_title(incident), 300)}:", ", ".join(_brief(incident, since=in_utc)) + "."]
    for role, holder in list(incident.roles.items())[:4]:
        words.append(f"{one_line(role, 30).capitalize()}: {one_line(holder.name or holder.id, 80)}.")
    words += proved_in_words(incident)
    words += [in_words(incident, repair, now=now) for repair in shown(incident)]
    words += looked_again_in_words(incident)
    words += others_in_words(incident)
    words += around_in_words(incident)
    words += grouped_in_words(incident)
    words += [sentence(_trouble(t.step, t.text, t.fix)) for t in list(incident.troubles.values())[:3]]
    words += [_left_out(incident)]
    return _joined(words)


def _joined(words: Sequence[str]) -> str:
    kept, size = [], 0
    for word in filter(None, words):
        size += length(word) + 1
        if size > TEXT:
            break
        kept.append(word)
    return " ".join(kept)


def _fitting(parts: Sequence[tuple[int, list[Block]]]) -> list[Block]:
    """All parts in their order, without the least important ones where there is too much."""
    kept = list(parts)
    while sum(_size(block) for _, blocks in kept for block in blocks) > MESSAGE:
        kept.remove(min(kept, key=lambda part: part[0]))
    return [block for _, blocks in kept for block in blocks]


def _size(block: Any) -> int:
    """How many characters a block shows, its questions before buttons included."""
    if isinstance(block, str):
        return length(block)
    if isinstance(block, list):
        return sum(_size(item) for item in block)
    if isinstance(block, dict):
        return sum(_size(value) for key, value in block.items() if isinstance(value, (dict, list)) or key == "text")
    return 0
