"""Open questions: what the record contradicts, leaves out or cannot know. Each is specific and names its entries."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from bot.incident import Entry, Kind, Precision, Verdict
from bot.postmortem.clock import span
from bot.postmortem.markdown import code, escaped
from bot.postmortem.story import Story
from bot.postmortem.timeline import LATE, between

GAP = 15 * 60
"""Seconds without an entry, between detection and the end, that are worth a question."""
MOST = 5
"""Questions of one sort; the rest is counted."""
UNTIMED = 3
"""More entries without a time than this are asked about at once."""
STATEMENTS = (Kind.IMPACT, Kind.CAUSE, Kind.FACTOR, Kind.RESOLVED, Kind.NOTE, Kind.MITIGATED, Kind.FINDING)
PERCENT = re.compile(r"(\d+(?:\.\d+)?) ?(?:%|percent) of (?:all |the |our |active )*([a-z]+)", re.IGNORECASE)
CLOCK = re.compile(r"(?<![\d.:])(\d{1,2})[:.](\d{2}) ?([ap]\.?m\b\.?)?", re.IGNORECASE)
LASTED = re.compile(
    r"(?<![\d.])(\d{1,4}) ?(minutes?|mins?|hours?|hrs?)\b(?! (?:ago|later|after|before))", re.IGNORECASE
)
BLOCK = re.compile(r"\b(http|server|location|upstream|events) block\b", re.IGNORECASE)
SYSTEM_WORDS = (
    *("database", "replication", "replica", "cache", "queue", "dns", "disk", "certificate", "memory", "network"),
    *("firewall", "scheduler", "storage"),
)
SYSTEMS = re.compile(rf"\b({'|'.join(SYSTEM_WORDS)})s?\b", re.IGNORECASE)


def questions(story: Story) -> list[str]:
    """All open questions, contradictions first, as escaped lines."""
    asked: list[str] = []
    for ask in (*CONTRADICTIONS, *GAPS, *MISSING):
        found = list(ask(story))
        asked += found[:MOST]
        if len(found) > MOST:
            asked.append(f"Further questions of this kind, left out here: {len(found) - MOST}.")
    return asked


def _order(story: Story) -> Iterator[str]:
    wanted = [("began", "detected"), ("detected", "mitigated"), ("mitigated", "resolved"), ("detected", "resolved")]
    for first, second in wanted:
        a, b = story.points.get(first), story.points.get(second)
        if a and b and b.at < a.at:
            at = f"{story.clock.at(b.at, b.precision, date=True)} {story.cite(b.entry.id)}"
            early = f"{story.clock.at(a.at, a.precision, date=True)} {story.cite(a.entry.id)}"
            yield f"“{b.label}” is at {at}, before “{a.label}” at {early}: is that right?"


def _dated_ahead(story: Story) -> Iterator[str]:
    for e in story.shown:
        if e.occurred_at and e.occurred_at - e.recorded_at > LATE:
            yield f"{e.id} is dated later than it was written down {story.cite(e.id)}: is its date or zone right?"


def _backwards(story: Story) -> Iterator[str]:
    for e in story.shown:
        if e.occurred_at and e.ends_at and e.ends_at < e.occurred_at:
            yield f"The range of {e.id} ends before it starts {story.cite(e.id)}: which is right?"


def _still_firing(story: Story) -> Iterator[str]:
    end = story.points.get("resolved")
    alerts = story.entries(Kind.ALERT)
    if end and alerts and story.incident.firing and len(story.incident.firing) <= len(alerts):
        ids = story.cite(alerts[-1].id, end.entry.id)
        yield f"It was resolved, but no recovery of the alert is recorded {ids}: did it recover?"


def _percentages(story: Story) -> Iterator[str]:
    seen: dict[str, tuple[str, Entry]] = {}
    for e, hit in _matches(story, PERCENT, hints=("%", "percent")):
        unit = hit[2].lower()
        before = seen.setdefault(hit[1], (unit, e))
        if before[0].rstrip("s") != unit.rstrip("s"):
            ids = story.cite(before[1].id, e.id)
            one, other = escaped(before[0]), escaped(unit)
            yield f"{hit[1]}% is of “{one}” in one statement and of “{other}” in another {ids}: which?"


def _matches(
    story: Story, pattern: re.Pattern[str], *kinds: Kind, hints: tuple[str, ...] = ()
) -> Iterator[tuple[Entry, re.Match[str]]]:
    """Where people's words fit; without one of the `hints` in small letters they cannot."""
    for e in story.entries(*(kinds or STATEMENTS)):
        if (e.source.human or e.source.type == "import") and _hinted(e.text, hints):
            for hit in pattern.finditer(e.text):
                yield e, hit


def _hinted(text: str, hints: tuple[str, ...]) -> bool:
    lowered = text.lower() if hints else ""
    return not hints or any(hint in lowered for hint in hints)


def _outside_window(story: Story) -> Iterator[str]:
    window = _window(story)
    if not window:
        return
    first, last = window
    for e, hit in _matches(story, CLOCK, Kind.IMPACT, Kind.RESOLVED):
        at = _stated(story, hit, last[0])
        if at and at - last[0] > SLACK:
            yield _outside(story, e, hit[0], (at - last[0]).total_seconds(), "after the last", last[1])
        elif at and first[0] - at > SLACK:
            yield _outside(story, e, hit[0], (first[0] - at).total_seconds(), "before the first", first[1])


SLACK = timedelta(minutes=10)
"""How far a time in a statement may lie outside of the events before it is asked about."""


def _outside(story: Story, e: Entry, said: str, seconds: float, where: str, other: Entry) -> str:
    far = f"{span(seconds, exact=False)} {where} event"
    return f"“{escaped(said)}” in a statement is {far} {story.cite(e.id, other.id)}: what happened in between?"


def _window(story: Story) -> tuple[tuple[datetime, Entry], tuple[datetime, Entry]] | None:
    end = story.points.get("resolved") or story.points.get("mitigated")
    events = [(e.occurred_at, e) for e in story.entries(*HAPPENINGS) if e.occurred_at]
    if not events:
        return None
    return events[0], (end.at, end.entry) if end else events[-1]


HAPPENINGS = (
    Kind.ALERT,
    Kind.NOTE,
    Kind.BEGAN,
    Kind.DETECTED,
    Kind.NOTIFIED,
    Kind.ACKNOWLEDGED,
    Kind.FINDING,
    Kind.MITIGATED,
    Kind.RESOLVED,
    Kind.RECOVERED,
)


def _stated(story: Story, hit: re.Match[str], near: datetime) -> datetime | None:
    hour, minute, half = int(hit[1]), int(hit[2]), (hit[3] or "").lower()
    if "." in hit[0][:3] and not half:
        return None
    if half and hour <= 12:
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    if hour > 23 or minute > 59:
        return None
    return story.clock.local(near).replace(hour=hour, minute=minute, second=0, microsecond=0)


def _durations(story: Story) -> Iterator[str]:
    known = {round(abs(i.seconds) / 60) for i in story.intervals if i.seconds is not None}
    events = [e for e in story.entries(*HAPPENINGS) if e.occurred_at][:60]
    known |= {round(between(a, b) / 60) for n, a in enumerate(events) for b in events[n + 1 :]}
    for e, hit in _matches(story, LASTED, Kind.IMPACT, Kind.RESOLVED, Kind.MITIGATED):
        minutes = int(hit[1]) * (60 if hit[2].lower().startswith("h") else 1)
        if known and not known & {minutes - 1, minutes, minutes + 1}:
            yield f"“{escaped(hit[0])}” {story.cite(e.id)}: no two entries are that far apart. From when to when?"


def _blocks(story: Story) -> Iterator[str]:
    seen: dict[str, Entry] = {}
    for e, hit in _matches(story, BLOCK, hints=(" block",)):
        seen.setdefault(hit[1].lower(), e)
    if len(seen) > 1:
        (a, one), (b, other) = list(seen.items())[:2]
        yield f"“{a} block” in one statement, “{b} block” in another {story.cite(one.id, other.id)}: which was changed?"


def _only_once(story: Story) -> Iterator[str]:
    named: dict[str, set[str]] = {}
    for e, hit in _matches(story, SYSTEMS, hints=SYSTEM_WORDS):
        named.setdefault(hit[1].lower(), set()).add(e.id)
    machine = " ".join(c.text for c in story.incident.causes)
    machine += " ".join(f"{c.check} {c.summary}" for c in story.incident.checks)
    alone: dict[str, list[str]] = {}
    for word, ids in named.items():
        if len(ids) == 1 and word not in machine.lower():
            alone.setdefault(next(iter(ids)), []).append(word)
    for entry in story.entries(Kind.IMPACT):
        if words := alone.get(entry.id):
            quoted = " and ".join(f"“{w}”" for w in words)
            yield f"One statement speaks of {quoted} {story.cite(entry.id)}, no other entry does: what was its part?"


def _both_ways(story: Story) -> Iterator[str]:
    no = {(c.id, c.host): c for c in story.incident.causes if c.verdict is Verdict.RULED_OUT}
    for cause in story.causes(Verdict.PROVED):
        other = no.get((cause.id, cause.host))
        if other and other.at < cause.at:
            ids = story.cite(*story.of_cause(cause), *story.of_cause(other))
            yield f"The cause {code(cause.id)} was first ruled out and then proved {ids}: what changed in between?"


def _gaps(story: Story) -> Iterator[str]:
    end = story.points.get("mitigated") or story.points.get("resolved")
    start = story.points.get("began") or story.points.get("detected")
    dated = [e for e in story.shown if e.occurred_at and e.precision is not Precision.DATE]
    during = [e for e in dated if _inside(e, start.at if start else None, end.at if end else None)]
    pairs = ((between(a, b), a, b) for a, b in itertools.pairwise(during))
    for seconds, a, b in sorted((p for p in pairs if p[0] > GAP), key=lambda p: -p[0])[:3]:
        at = f"{story.clock.when(a)} {story.cite(a.id)} and {story.clock.when(b)} {story.cite(b.id)}"
        yield f"Nothing is recorded for {span(seconds, exact=False)} between {at}: what happened?"


def _inside(entry: Entry, start: datetime | None, end: datetime | None) -> bool:
    at = entry.occurred_at
    return at is not None and (start is None or at >= start) and (end is None or at <= end)


def _untimed(story: Story) -> Iterator[str]:
    untimed = [e for e in story.shown if e.occurred_at is None]
    if len(untimed) > UNTIMED:
        ids = story.cite(*[e.id for e in untimed])
        fix = story.typed(f"fix {untimed[0].id} at TIME")
        yield f"{len(untimed)} entries have no time {ids}: when were they? Correct each like this: {fix}."
        return
    for e in untimed:
        typed = f" (typed “{escaped(e.typed)}”)" if e.typed else ""
        fix = story.typed(f"fix {e.id} at TIME")
        yield f"{e.id} has no time{typed} {story.cite(e.id)}: when was it? Correct it with {fix}."


def _not_asked(story: Story) -> Iterator[str]:
    last = {(c.check, c.host): c for c in story.incident.checks if c.entry in story.by_id}
    for c in last.values():
        if c.state == "unknown":
            why = f" ({escaped(c.reason)})" if c.reason else ""
            asked = f"The check {code(c.check)} on {code(c.host)}"
            yield f"{asked} could not be asked{why} {story.cite(c.entry)}: what would it have said?"


def _key_times(story: Story) -> Iterator[str]:
    if "began" not in story.points:
        yield f"When did the impact begin?{_seen(story)} Add it with {story.typed('began TIME')}."
    if "detected" not in story.points:
        yield f"Which entry is the detection?{_nearest(story, first=True)} Add it with {story.typed('detected TIME')}."
    if "acknowledged" not in story.points:
        yield f"Who took it, and when? Add it with {story.typed('ack TIME')}."
    if "mitigated" not in story.points:
        yield f"When were users fine again? Add it with {story.typed('mitigated TIME')}."
    if "resolved" not in story.points:
        yield f"When was it resolved?{_nearest(story, first=False)} Add it with {story.typed('resolve TIME')}."


def _seen(story: Story) -> str:
    point = story.points.get("detected")
    at = f"{story.clock.at(point.at, point.precision)} {story.cite(point.entry.id)}" if point else ""
    return f" It was detected at {at}." if at else ""


def _nearest(story: Story, *, first: bool) -> str:
    dated = [e for e in story.shown if e.occurred_at]
    if not dated:
        return ""
    entry = dated[0] if first else dated[-1]
    return f" The {'first' if first else 'last'} entry is at {story.clock.when(entry)} {story.cite(entry.id)}."


def _statements(story: Story) -> Iterator[str]:
    stated = story.entries(Kind.IMPACT)
    if not stated:
        yield f"Who was affected, and how many of how many? Add it with {story.typed('impact')}."
    elif not any(c.isdigit() for e in stated for c in e.text):
        yield f"How many users or requests were affected, out of how many {story.cite(*[e.id for e in stated[:3]])}?"
    if not story.incident.severity:
        yield f"How severe was it? Add it with {story.typed('sev N')}."
    if not (story.entries(Kind.CAUSE) or story.causes(Verdict.PROVED)):
        yield f"What was the cause? Add it with {story.typed('cause')}."
    if not story.entries(Kind.FACTOR):
        ids = [id for cause in story.causes(Verdict.PROVED)[:1] for id in story.of_cause(cause)]
        asked = f"What let it happen, besides the trigger {story.cite(*ids)}".rstrip()
        yield f"{asked}? Add it with {story.typed('factor')}."
    if not story.incident.roles:
        yield f"Who led the response? Add it with {story.typed('lead')}."


def _lasting(story: Story) -> Iterator[str]:
    point = story.points.get("mitigated") or story.points.get("resolved")
    ended = story.entries(Kind.MITIGATED, Kind.RESOLVED, Kind.NOTE)
    words = ("temporary", "lasting", "permanent", "workaround")
    if point and not any(w in e.text.lower() for e in ended for w in words):
        yield f"Is what restored service lasting, or a stopgap {story.cite(point.entry.id)}?"


def _actions(story: Story) -> Iterator[str]:
    if not story.incident.action_items:
        yield f"What will be changed so that it does not happen again? Add it with {story.typed('action')}."
    for item in story.incident.action_items:
        fields = (
            ("an owner", item.owner),
            ("a due date", item.due),
            ("a priority", item.priority),
            ("a test (“done when”)", item.done_when),
        )
        lacking = [name for name, value in fields if not value]
        if item.state == "open" and lacking:
            yield f"{item.id} lacks {', '.join(lacking)} {story.cite(item.entry)}. Who sets them?"


Ask = Callable[[Story], Iterator[str]]
CONTRADICTIONS: tuple[Ask, ...] = (
    _order, _dated_ahead, _backwards, _still_firing, _percentages,
    _outside_window, _durations, _blocks, _only_once, _both_ways,
)  # fmt: skip
GAPS: tuple[Ask, ...] = (_gaps, _untimed, _not_asked)
MISSING: tuple[Ask, ...] = (_key_times, _statements, _lasting, _actions)
