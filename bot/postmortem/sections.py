"""The sections of a draft that tell what happened: summary, impact, times, timeline, detection, response, evidence."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

from bot.incident import AlertSeen, Entry, Kind, Precision, Verdict
from bot.postmortem.clock import DAY
from bot.postmortem.intervals import ALWAYS, LABELS, Interval, Point
from bot.postmortem.markdown import code, escaped, link, table
from bot.postmortem.story import Story, people
from bot.postmortem.wording import MARK

LATE = timedelta(minutes=5)
"""An entry that was written down this much after it happened is marked."""
NOT_RECORDED = "not recorded"


def header(story: Story, fingerprint: str) -> str:
    """The table under the title."""
    incident = story.incident
    owner = incident.roles.get("owner")
    rows = [
        ("Status", "Draft → In review → Reviewed → Closed"),
        ("Owner", "see roster" if owner else "**not named yet**"),
        ("Reviewers", "none yet"),
        ("Severity", escaped(incident.severity) or NOT_RECORDED),
        ("Service", code(incident.service) or NOT_RECORDED),
        ("Date and zone", _dates(story)),
        ("Recorded window", _window(story)),
        ("Detected by", _detected_by(story)),
        ("Record", _provenance(story, fingerprint)),
    ]
    if incident.drill:
        rows.insert(1, ("Drill", "yes, nobody was affected"))
    return table(("", ""), rows)


def _dates(story: Story) -> str:
    instants = [e.occurred_at for e in story.shown if e.occurred_at]
    if not instants:
        return f"no entry has a time; {escaped(story.clock.name)}"
    first, last = (f"{story.clock.local(at):%Y-%m-%d}" for at in (instants[0], instants[-1]))
    days = first if first == last else f"{first} to {last}"
    zones = story.clock.zones(instants)
    return f"{days}, {zones}" if story.clock.only_utc else f"{days}, {escaped(story.clock.name)}: {zones}"


def _window(story: Story) -> str:
    window = story.intervals[-1] if story.intervals else None
    if not window or not window.start or not window.end:
        return NOT_RECORDED
    start, end = window.start.entry, window.end.entry
    first, last = (story.clock.at(p.at, p.precision, date=True) for p in (window.start, window.end))
    return f"{first} to {last} {story.cite(start.id, end.id)}: {window.value}"


def _detected_by(story: Story) -> str:
    point = story.points.get("detected")
    if not point:
        return NOT_RECORDED
    kind = point.entry.kind
    source = story.incident.alerts[0].source.capitalize() if kind is Kind.ALERT and story.incident.alerts else ""
    by = f"{escaped(source)} alert" if source else f"as stated: “{story.said(point.entry)}”"
    return f"{by} {story.cite(point.entry.id)}"


def _provenance(story: Story, fingerprint: str) -> str:
    last = max((e.recorded_at for e in story.shown), default=None)
    upto = f", the last recorded at {story.clock.at(last, date=True)}" if last else ""
    gone = f", {story.dropped} dropped" if story.dropped else ""
    return f"`incident.json`: {_count(len(story.shown), 'entry', 'entries')}{upto}{gone}; fingerprint `{fingerprint}`"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def summary(story: Story) -> str:
    """Who noticed what, when, why, and what ended it: only what is recorded, each sentence with its entries."""
    parts = [_when_sentence(story), *_impact_sentences(story), _alert_sentence(story), *_cause_sentences(story)]
    parts += [_started_sentence(story), _repair_sentence(story), _end_sentence(story)]
    told = [p for p in parts if p]
    return " ".join(told) or "Nothing is recorded yet that a summary could be made of; see the open questions."


def _when_sentence(story: Story) -> str:
    start = story.points.get("began") or story.points.get("detected")
    end = story.points.get("resolved") or story.points.get("mitigated")
    if not (start and end) or start.at > end.at:
        window = story.intervals[-1] if story.intervals else None
        if not window or not window.start or not window.end:
            return ""
        start, end = window.start, window.end
        frame = "The recorded entries run from {} to {} {}."
    else:
        frame = "The incident ran from {} to {} {}."
    last = story.clock.at(end.at, end.precision, date=_day(story, start.at) != _day(story, end.at))
    return frame.format(
        story.clock.at(start.at, start.precision, date=True), last, story.cite(start.entry.id, end.entry.id)
    )


def _at(story: Story, point: Point) -> str:
    return story.clock.at(point.at, point.precision, utc=False)


def _day(story: Story, at: datetime) -> str:
    return f"{story.clock.local(at):%Y-%m-%d}"


def _impact_sentences(story: Story) -> list[str]:
    return [story.sentence(e.text, e.id, e.id) for e in story.entries(Kind.IMPACT)[:2]]


def _alert_sentence(story: Story) -> str:
    point = story.points.get("detected")
    if not point:
        return ""
    at, cite = _at(story, point), story.cite(point.entry.id)
    if point.entry.kind is Kind.ALERT:
        alert = next(iter(story.incident.alerts), None)
        if alert:
            title = story.words(alert.title, point.entry.id)
            return f"{escaped(alert.source.capitalize())} detected it at {at} with the alert “{title}” {cite}."
    return f"It was detected at {at}: “{story.said(point.entry)}” {cite}."


def _cause_sentences(story: Story) -> list[str]:
    proved = story.causes(Verdict.PROVED)
    if proved:
        first = proved[0]
        ids = story.of_cause(first)
        return [f"Proved by checks: {story.sentence(first.text, ids[0], *ids)}"]
    return [f"Stated as the cause: {story.sentence(e.text, e.id, e.id)}" for e in story.entries(Kind.CAUSE)[:1]]


def _started_sentence(story: Story) -> str:
    point = story.points.get("acknowledged")
    end = story.points.get("resolved")
    if not point or story.points.get("cause") or (end and point.at > end.at):
        return ""
    return f"A person took it at {_at(story, point)} {story.cite(point.entry.id)}."


def _repair_sentence(story: Story) -> str:
    point = story.points.get("mitigated")
    if not point:
        return ""
    at, cite = _at(story, point), story.cite(point.entry.id)
    repair = next((r for r in story.incident.repairs if point.entry.id in r.entries), None)
    if not repair:
        return f"It was mitigated at {at} {cite}."
    by = ", approved by " + " and ".join(story.who(p) for p in repair.approved_by) if repair.approved_by else ""
    ids = story.cite(*repair.entries)
    return f"The repair “{story.words(repair.title, point.entry.id)}”{by}, was verified at {at} {ids}."


def _end_sentence(story: Story) -> str:
    point = story.points.get("resolved")
    if not point:
        return ""
    return f"It was resolved at {_at(story, point)} {story.cite(point.entry.id)}."


def impact(story: Story) -> str:
    """What users felt, from what people stated; what nobody stated is said to be missing."""
    stated = story.entries(Kind.IMPACT)
    rows = [("Stated", story.said(e), story.cite(e.id)) for e in stated]
    if not stated:
        rows.append(("Who and what", f"**{NOT_RECORDED}**", ""))
    if not any(c.isdigit() for e in stated for c in e.text):
        rows.append(("How many, of what", f"**{NOT_RECORDED}**", ""))
    rows += [_impact_start(story), _impact_end(story)]
    rows.append(("Requests failed, support tickets, data lost", NOT_RECORDED, ""))
    return table(("Measure", "Recorded", "Entry"), rows)


def _impact_start(story: Story) -> tuple[str, str, str]:
    began, detected = story.points.get("began"), story.points.get("detected")
    if began:
        return "Start of impact", story.clock.when(began.entry), story.cite(began.entry.id)
    if detected:
        at = story.clock.at(detected.at, detected.precision)
        return "Start of impact", f"{NOT_RECORDED}; not later than {at}", story.cite(detected.entry.id)
    return "Start of impact", f"**{NOT_RECORDED}**", ""


def _impact_end(story: Story) -> tuple[str, str, str]:
    end = story.points.get("mitigated") or story.points.get("resolved")
    if not end:
        return "End of impact", f"**{NOT_RECORDED}**", ""
    return "End of impact", story.clock.at(end.at, end.precision), story.cite(end.entry.id)


def key_times(story: Story) -> str:
    """The key times, and the intervals with the two entries that each is computed from."""
    names = [n for n in LABELS if n in story.points or n in ALWAYS]
    times = [_time_row(story, n, story.points.get(n)) for n in names]
    spans = [_span_row(story, i) for i in story.intervals]
    heads = ("Point", "Time", "Entry")
    return "\n\n".join([table(heads, times), table(("Interval", "From", "To", "Value"), spans)])


def _time_row(story: Story, name: str, point: Point | None) -> tuple[str, str, str]:
    if not point:
        return LABELS[name], NOT_RECORDED, ""
    about = "about " if point.precision not in {Precision.SECOND, Precision.MINUTE} else ""
    said = about + story.clock.at(point.at, point.precision, date=True)
    said += f", {point.derived}" if point.derived else ""
    return point.label, said, _of_point(story, point)


def _of_point(story: Story, point: Point) -> str:
    late = " when recorded" if point.at != point.entry.occurred_at else ""
    return story.cite(point.entry.id) + late


def _span_row(story: Story, interval: Interval) -> tuple[str, str, str, str]:
    if not (interval.start and interval.end):
        return interval.label, "", "", interval.value
    return (
        interval.label,
        f"{interval.start.label} {_of_point(story, interval.start)}",
        f"{interval.end.label} {_of_point(story, interval.end)}",
        interval.value,
    )


def strip_text(story: Story) -> str:
    """The picture's text equivalent: every key time in order."""
    points = sorted(story.points.values(), key=lambda p: p.at)
    said, day = [], ""
    for point in points:
        today = _day(story, point.at)
        said.append(f"{point.label.lower()} {story.clock.at(point.at, point.precision, date=today != day, utc=False)}")
        day = today
    return f"Timeline of {story.incident.id}: {', '.join(said) or 'no key time is recorded'}"


def timeline(story: Story) -> str:
    """Every entry exactly once, in order of happening, with its date wherever the day changes."""
    if not story.shown:
        return "No entry is recorded. What happened first, and when?"
    zero = _zero(story)
    decimals = _decimals(story)
    rows = []
    days = ("", "")
    for entry in story.shown:
        row, days = _timeline_row(story, entry, days, _after(entry, zero, decimals))
        rows.append(row)
    local = () if story.clock.only_utc else ("UTC",)
    heads = ("#", "Time" if local else "Time (UTC)", *local, "+min", "Kind", "What happened", "Notes")
    return "\n\n".join([_timeline_lead(story, zero), table(heads, rows), *_legend(story)])


def _timeline_lead(story: Story, zero: Entry | None) -> str:
    instants = [e.occurred_at for e in story.shown if e.occurred_at]
    zones = story.clock.zones(instants) or escaped(story.clock.name)
    counted = f" Minutes count from {story.cite(zero.id)}." if zero else ""
    gone = f" Dropped, and only in the record: {_count(story.dropped, 'entry', 'entries')}." if story.dropped else ""
    beside = "" if story.clock.only_utc else ", with UTC beside them"
    return f"Times are {zones}{beside}.{counted}{gone}"


def _zero(story: Story) -> Entry | None:
    for name in ("began", "detected"):
        if name in story.points:
            return story.points[name].entry
    return next((e for e in story.shown if e.occurred_at), None)


def _decimals(story: Story) -> bool:
    window = story.intervals[-1] if story.intervals else None
    exact = all(e.precision is Precision.SECOND for e in story.shown)
    return bool(exact and window and window.seconds is not None and window.seconds < 1200)


def _after(entry: Entry, zero: Entry | None, decimals: bool) -> str:
    if not (zero and zero.occurred_at and entry.occurred_at) or entry.precision is Precision.DATE:
        return "–"
    minutes = (entry.occurred_at - zero.occurred_at).total_seconds() / 60
    said = f"{minutes:.1f}" if decimals else str(int(minutes // 1) if minutes >= 0 else -int(-minutes // 1))
    return said.replace("-", "−") if said not in {"-0.0", "-0"} else said[1:]


def _timeline_row(
    story: Story, entry: Entry, days: tuple[str, str], after: str
) -> tuple[tuple[str, ...], tuple[str, str]]:
    here, there = days
    if entry.occurred_at:
        here = _day(story, entry.occurred_at)
        there = f"{entry.occurred_at:%Y-%m-%d}"
    local = story.clock.cell(entry, date=here != days[0])
    utc = () if story.clock.only_utc else (story.clock.cell(entry, date=there != days[1], utc=True),)
    row = (entry.id, local, *utc, after, entry.kind.value, story.said(entry), ", ".join(_notes(entry)))
    return row, (here, there)


def _notes(entry: Entry) -> list[str]:
    notes = []
    if entry.occurred_at and entry.recorded_at - entry.occurred_at > LATE:
        notes.append("late")
    if entry.history:
        notes.append("edited")
    return notes


def _legend(story: Story) -> list[str]:
    used = {note for e in story.shown for note in _notes(e)}
    lines = []
    if "late" in used:
        lines.append("- late: written down more than 5 min after it happened; the evidence says when.")
    if "edited" in used:
        lines.append("- edited: corrected later; the earlier words are in `incident.json`.")
    if any(story.said(e).endswith(MARK) for e in story.shown):
        lines.append(f"- {MARK}: wording proposed, see “Wording”; the record keeps the original.")
    return ["\n".join(lines)] if lines else []


def detection(story: Story) -> str:
    """Which alert it was, in its own words, or the question who noticed."""
    pairs = alerts(story)
    if not pairs:
        return _reported(story)
    alert, entry = pairs[0]
    others = [e.id for a, e in pairs[1:] if a.bad]
    back = [e for a, e in pairs if not a.bad]
    lines = [table(("Alert", "Recorded"), _alert_rows(story, alert, entry))]
    if others:
        lines.append(f"Further alerts: {_count(len(others), 'one', str(len(others)))} {_some(story, others)}.")
    lines += [f"Recovered at {story.clock.when(entry)} {story.cite(entry.id)}." for entry in back[:3]]
    return "\n\n".join(lines)


def _reported(story: Story) -> str:
    point = story.points.get("detected")
    if not point:
        return "No alert is recorded. Who or what noticed it first, and how?"
    told = f"“{story.said(point.entry)}” at {story.clock.when(point.entry)} {story.cite(point.entry.id)}"
    return f"No alert is recorded, only what was stated: {told}. Which monitor or person was it?"


def _some(story: Story, ids: list[str], limit: int = 12) -> str:
    return story.cite(*ids[:limit]) + (" and more" if len(ids) > limit else "")


def alerts(story: Story) -> list[tuple[AlertSeen, Entry]]:
    """Each alert with its entry."""
    bad, good = iter(story.entries(Kind.ALERT)), iter(story.entries(Kind.RECOVERED))
    ordered = sorted(story.incident.alerts, key=lambda a: a.at)
    found = [(alert, next(bad if alert.bad else good, None)) for alert in ordered]
    return [(alert, entry) for alert, entry in found if entry]


def _alert_rows(story: Story, alert: AlertSeen, entry: Entry) -> list[tuple[str, str]]:
    monitor = link(f"monitor {alert.monitor_id}", alert.link) if alert.link else code(alert.monitor_id)
    rows = [
        ("Title", f"{story.words(alert.title, entry.id)} {story.cite(entry.id)}".strip()),
        ("Source", f"{escaped(alert.source.capitalize())}, {escaped(alert.transition)}"),
        ("At", story.clock.at(alert.at, date=True)),
        ("Monitor", monitor),
        ("Query", code(alert.query)),
        ("Host", code(alert.hostname)),
        ("Scope", ", ".join(code(s) for s in alert.scope)),
        ("Attached because", escaped(alert.reason)),
    ]
    return [row for row in rows if row[1]]


def response(story: Story) -> str:
    """Who took which role when, how severity and status moved, and what stakeholders were told."""
    moves = story.entries(Kind.ROLE, Kind.SEVERITY, Kind.STATUS, Kind.REOPENED)
    rows = [(story.clock.when(e), e.kind.value, story.said(e), story.cite(e.id)) for e in moves[:40]]
    parts = (
        [table(("Time", "Kind", "What", "Entry"), rows)]
        if rows
        else ["No role, severity or status change is recorded."]
    )
    updates = story.entries(Kind.UPDATE)
    if updates:
        first = updates[0]
        told = _count(len(updates), "time", "times")
        ids = _some(story, [e.id for e in updates])
        parts.append(f"Stakeholders were told {told}, first at {story.clock.when(first)} {ids}.")
    else:
        parts.append("No stakeholder update is recorded.")
    return "\n\n".join(parts)


def roster(story: Story) -> str:
    """The only place with names."""
    rows = [(escaped(role), escaped(p.name or p.id)) for role, p in people(story.incident)]
    known = story.wording.handles
    for item in story.incident.action_items:
        name = item.owner.strip().lstrip("@")
        if item.owner.strip().startswith("@") and name.lower() not in known and story.owner(item.owner, item.id):
            rows.append((f"owner of {item.id}", escaped(name)))
    return table(("Role", "Name"), rows) if rows else "Nobody is named in the record."


def evidence(story: Story) -> str:
    """Where each entry comes from: when it was written down, as typed, by which role, through what."""
    rows = [_evidence_row(story, e) for e in story.shown]
    return table(("Entry", "Recorded (UTC)", "Typed time", "By", "Through"), rows) if rows else "No entry is recorded."


def _evidence_row(story: Story, entry: Entry) -> tuple[str, str, str, str, str]:
    known = entry.author.id or entry.author.name
    by = story.who(entry.author).split(" ", 1)[1] if known else "responder" if entry.source.human else "machine"
    through = link(entry.source.type, entry.source.url) if entry.source.url else escaped(entry.source.type)
    recorded = f"{entry.recorded_at:%Y-%m-%d %H:%M:%S} UTC"
    return story.cite(entry.id), recorded, escaped(entry.typed), by, through


def longest_gap(story: Story) -> tuple[Entry, Entry, float] | None:
    """The longest time between two neighbouring entries before the end, with its seconds."""
    end = story.points.get("resolved") or story.points.get("mitigated")
    dated = [e for e in story.shown if e.occurred_at and (not end or e.occurred_at <= end.at)]
    pairs = [(a, b, between(a, b)) for a, b in itertools.pairwise(dated)]
    near = [p for p in pairs if p[2] < DAY * 3]
    return max(near, key=lambda p: p[2], default=None)


def between(a: Entry, b: Entry) -> float:
    """Seconds from one dated entry to another; 0 when one has no time."""
    return (b.occurred_at - a.occurred_at).total_seconds() if a.occurred_at and b.occurred_at else 0.0
