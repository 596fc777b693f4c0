"""The sections of a draft that tell what happened: header, impact, key times, detection, response, roster."""

from __future__ import annotations

import re

from bot.incident import AlertSeen, Entry, Kind, Precision, Review
from bot.postmortem.intervals import ALWAYS, LABELS, Interval, Point
from bot.postmortem.markdown import code, counted, escaped, link, table
from bot.postmortem.story import RESPONDER, Story, people, taken_oneself

NOT_RECORDED = "not recorded"
BANNERS = {
    Review.DRAFT: "**Draft, not reviewed.**",
    Review.IN_REVIEW: "**In review.**",
    Review.DONE: "**Reviewed.**",
}
_VERBS = (
    "was|were|is|are|had|has|have|saw|see|got|get|took|take|takes|lost|failed|fail|could|cannot|did|do|does|experienced"
    "|affected|unable|sent|went|returned|received|waited|stopped|broke|not|and|or|who|that|which|while|for|to|with|in|on"
    "|at|by|from|as|over|between|during|per|down"
)
_NAMED = rf"(?!(?:{_VERBS})\b)[^\W\d_][\w'-]*(?:\s+(?!(?:{_VERBS})\b)[^\W\d_][\w'-]*){{0,3}}"
AMOUNT = re.compile(
    r"(?<![\w.,:])(?P<number>\d[\d,.]*(?<=\d))(?![\d:]|[.,]\d|\s?[ap]\.?m\b)"
    r"(?:\s?(?P<unit>%|percent\b|ms\b|s\b|[kKMG]B\b))?"
    rf"(?:\s+(?:out\s+)?of\s+(?P<of>(?:\d[\d,]*\s+)?{_NAMED})|\s+(?P<what>{_NAMED}))?",
    re.IGNORECASE,
)
"""The first number of a statement that is no time of day, its unit, and what it counts or is a part of."""


ASKED = {
    "requests failed": re.compile(r"\b(fail\w*|errors?)\b", re.IGNORECASE),
    "support tickets": re.compile(r"\btickets?\b", re.IGNORECASE),
    "data lost": re.compile(r"\bdata\b", re.IGNORECASE),
}
"""What is asked of every impact, and the words of a statement that answers it."""


def banner(story: Story) -> str:
    """How far the text is, in two words."""
    return BANNERS[story.incident.review]


def header(story: Story, fingerprint: str) -> str:
    """The table under the title."""
    incident = story.incident
    owner, reviewer = incident.roles.get("owner"), incident.roles.get("reviewer")
    stages = (f"**{stage}**" if stage == incident.review else stage for stage in Review)
    rows = [
        ("Status", " → ".join(stages)),
        ("Owner", "see roster" if owner else f"**not named yet**: {story.typed('postmortem owner @user')}"),
        ("Reviewer", "see roster" if reviewer else f"**not named yet**: {story.typed('postmortem reviewer @user')}"),
        ("Severity", _severity(story)),
        ("Service", code(incident.service) or NOT_RECORDED),
        ("Date and zone", _dates(story)),
        ("Recorded window", _window(story)),
        ("Detected by", _detected_by(story)),
        ("Record", _provenance(story, fingerprint)),
    ]
    if incident.drill:
        rows.insert(1, ("Drill", "yes, nobody was affected"))
    return table(("", ""), rows)


def _severity(story: Story) -> str:
    moved = story.entries(Kind.SEVERITY)
    changed = f", changed {_some(story, [e.id for e in moved])}" if moved else ""
    return escaped(story.incident.severity) + changed if story.incident.severity else NOT_RECORDED


def _dates(story: Story) -> str:
    window = story.window
    instants = [p.at for p in window] if window else [e.occurred_at for e in story.shown if e.occurred_at]
    if not instants:
        return f"no entry has a time; {escaped(story.clock.name)}"
    first, last = (story.clock.day(at) for at in (instants[0], instants[-1]))
    days = first if first == last else f"{first} to {last}"
    zones = story.clock.zones(instants)
    return f"{days}, {zones}" if story.clock.only_utc else f"{days}, {escaped(story.clock.name)}: {zones}"


def _window(story: Story) -> str:
    if not story.window:
        return NOT_RECORDED
    start, end = story.window
    first, last = (story.clock.roughly(p.at, p.precision, date=True) for p in (start, end))
    value = Interval(label="", start=start, end=end).value
    return f"{first} to {last} {story.cite(start.entry.id, end.entry.id)}: {value}"


def _detected_by(story: Story) -> str:
    point = story.points.get("detected")
    if not point:
        return NOT_RECORDED
    kind = point.entry.kind
    source = story.incident.alerts[0].source.capitalize() if kind is Kind.ALERT and story.incident.alerts else ""
    by = f"{escaped(source)} alert" if source else f"as stated{story.quoted(point.entry, before=': ')}"
    return f"{by} {story.cite(point.entry.id)}"


def _provenance(story: Story, fingerprint: str) -> str:
    last = max((e.recorded_at for e in story.shown), default=None)
    upto = f", the last recorded at {story.clock.at(last, date=True)}" if last else ""
    gone = f", {story.dropped} dropped" if story.dropped else ""
    return f"`incident.json`: {counted(len(story.shown), 'entry', 'entries')}{upto}{gone}; fingerprint `{fingerprint}`"


def impact(story: Story) -> str:
    """What users felt, from what people stated, with number, unit, whole and source; what is missing is said."""
    stated = story.entries(Kind.IMPACT)
    rows = [("Stated", story.said(e), *_amount(story, e), _stated_by(story, e), story.cite(e.id)) for e in stated]
    if not stated:
        rows.append(("Who and what", f"**{NOT_RECORDED}**", "", "", "", ""))
    if not any(c.isdigit() for e in stated for c in e.text):
        rows.append(("How many, of what", f"**{NOT_RECORDED}**", "", "", "", ""))
    rows += [(name, value, "", "", "", cite) for name, value, cite in (_impact_start(story), _impact_end(story))]
    if unsaid := _unsaid(stated):
        rows.append((unsaid, NOT_RECORDED, "", "", "", ""))
    if not stated:
        return table(("Measure", "Recorded", "Entry"), [(row[0], row[1], row[5]) for row in rows])
    return table(("Measure", "Recorded", "Number", "Out of", "Source", "Entry"), rows)


def _unsaid(stated: list[Entry]) -> str:
    """What is asked of every impact and no statement speaks of: Requests failed, data lost."""
    names = [name for name, said in ASKED.items() if not any(said.search(e.text) for e in stated)]
    return ", ".join(names).capitalize()


def _amount(story: Story, entry: Entry) -> tuple[str, str]:
    """The first number of a statement with its unit, and what it is a part of."""
    found = AMOUNT.search(entry.text)
    if not found:
        return NOT_RECORDED, ""
    unit = found["unit"] or found["what"] or ""
    share = unit in {"%", "percent"}
    number = f"{found['number']}{unit}" if unit == "%" else f"{found['number']} {unit}"
    whole = story.words(found["of"], entry.id) if found["of"] else f"**{NOT_RECORDED}**" if share else NOT_RECORDED
    return story.words(number.strip(), entry.id), whole


def _stated_by(story: Story, entry: Entry) -> str:
    return f"stated by {story.who(entry.author)}" if entry.source.human else escaped(entry.source.type)


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
        today = story.clock.day(point.at)
        said.append(f"{point.label.lower()} {story.clock.at(point.at, point.precision, date=today != day, utc=False)}")
        day = today
    return f"Timeline of {story.incident.id}: {', '.join(said) or 'no key time is recorded'}"


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
        lines.append(f"Further alerts: {counted(len(others), 'one', str(len(others)))} {_some(story, others)}.")
    lines += [f"Recovered at {story.clock.when(entry)} {story.cite(entry.id)}." for entry in back[:3]]
    return "\n\n".join(lines)


def _reported(story: Story) -> str:
    point = story.points.get("detected")
    if not point:
        return "No alert is recorded. Who or what noticed it first, and how?"
    told = f"{story.clock.when(point.entry)}{story.quoted(point.entry, before=': ')} {story.cite(point.entry.id)}"
    return f"No alert is recorded. The detection is stated for {told}. Which monitor or person was it?"


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
    """Who held which role from when to when, how severity and status moved, and when stakeholders were told."""
    moves = story.entries(Kind.SEVERITY, Kind.STATUS, Kind.REOPENED)
    rows = [(story.clock.when(e), e.kind.value, story.said(e), story.cite(e.id)) for e in moves[:40]]
    parts = [_roles(story)]
    if rows:
        parts.append(table(("Time", "Kind", "What", "Entry"), rows))
    else:
        parts.append("No change of severity or status is recorded.")
    return "\n\n".join([*parts, _told_outside(story)])


def _roles(story: Story) -> str:
    """The roles over time: each row is one holder, and a second one in the same role is a hand-over."""
    taken = story.entries(Kind.ROLE)
    if not taken:
        return "No role was taken."
    rows = []
    for n, entry in enumerate(taken[:40]):
        role = entry.text.partition(":")[0]
        later = next((e for e in taken[n + 1 :] if e.text.partition(":")[0] == role), None)
        before = any(e.text.partition(":")[0] == role for e in taken[:n])
        until = f"{story.clock.when(later)}, handed over" if later else "the end"
        how = "handed over" if before else "taken" if taken_oneself(entry) else "given"
        ids = story.cite(entry.id, later.id) if later else story.cite(entry.id)
        rows.append((escaped(role), story.clock.when(entry), until, how, ids))
    return table(("Role", "From", "Until", "How", "Entry"), rows)


def _told_outside(story: Story) -> str:
    updates = story.entries(Kind.UPDATE)
    if not updates:
        return "No stakeholder update is recorded."
    first, point = updates[0], story.points.get("detected")
    told = "once" if len(updates) == 1 else f"{len(updates)} times"
    said = f"Stakeholders were told {told}, first at {story.clock.when(first)} {_some(story, [e.id for e in updates])}"
    if point and first.occurred_at and first.occurred_at >= point.at:
        after = Interval(label="", start=point, end=Point(name="told", at=first.occurred_at, entry=first)).value
        said += f", {after} after the detection {story.cite(point.entry.id)}"
    rows = [(story.clock.when(e), story.said(e), story.cite(e.id)) for e in updates[:12]]
    return f"{said}.\n\n" + table(("Time", "What they were told", "Entry"), rows)


def roster(story: Story) -> str:
    """The only place with names."""
    rows = [(escaped(role), escaped(p.name or p.id)) for role, p in people(story.incident)]
    known = story.wording.handles
    for item in story.incident.action_items:
        name = item.owner.strip().lstrip("@")
        if item.owner.strip().startswith("@") and name.lower() not in known and story.owner(item.owner, item.id):
            rows.append((f"owner of {item.id}", escaped(name)))
    rows += _owners(story)
    return table(("Role", "Name"), rows) if rows else "Nobody is named in the record."


def _owners(story: Story) -> list[tuple[str, str]]:
    """Which of several responders owns what: in the text they are all called alike."""
    responders = {p.name.lower(): p for role, p in people(story.incident) if role == RESPONDER}
    owned: dict[str, list[str]] = {}
    for item in story.incident.action_items:
        owned.setdefault(item.owner.strip().lstrip("@").lower(), []).append(item.id)
    named = [(f"owner of {', '.join(owned[name])}", p.name) for name, p in responders.items() if name in owned]
    return [(role, escaped(name)) for role, name in named] if len(responders) > 1 else []
