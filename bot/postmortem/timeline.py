"""The timeline of a draft, where each entry comes from, and the silence between them."""

from __future__ import annotations

import itertools
from datetime import timedelta

from bot.incident import Entry, Precision
from bot.postmortem.clock import DAY, MINUTE
from bot.postmortem.markdown import counted, escaped, link, table
from bot.postmortem.story import Story
from bot.postmortem.wording import MARK

LATE = timedelta(minutes=5)
"""An entry that was written down this much after it happened is marked."""


def timeline(story: Story) -> str:
    """Every entry exactly once, in order of happening, with its date wherever the day changes."""
    if not story.shown:
        return "No entry is recorded. What happened first, and when?"
    zero = _zero(story)
    seconds = _in_seconds(story)
    rows = []
    days = ("", "")
    for entry in story.shown:
        row, days = _timeline_row(story, entry, days, _after(entry, zero, seconds))
        rows.append(row)
    local = () if story.clock.only_utc else ("UTC",)
    heads = (
        "#",
        "Time" if local else "Time (UTC)",
        *local,
        "+s" if seconds else "+min",
        "Kind",
        "What happened",
        "Notes",
    )
    return "\n\n".join([_timeline_lead(story, zero), table(heads, rows), *_legend(story)])


def _timeline_lead(story: Story, zero: Entry | None) -> str:
    instants = [e.occurred_at for e in story.shown if e.occurred_at]
    zones = story.clock.zones(instants) or escaped(story.clock.name)
    unit = "Seconds" if _in_seconds(story) else "Minutes"
    zeroed = f" {unit} count from {story.cite(zero.id)}." if zero else ""
    gone = f" Dropped, and only in the record: {counted(story.dropped, 'entry', 'entries')}." if story.dropped else ""
    beside = "" if story.clock.only_utc else ", with UTC beside them"
    return f"Times are {zones}{beside}.{zeroed}{gone}"


def _zero(story: Story) -> Entry | None:
    for name in ("began", "detected"):
        if name in story.points:
            return story.points[name].entry
    return next((e for e in story.shown if e.occurred_at), None)


def _in_seconds(story: Story) -> bool:
    exact = all(e.precision is Precision.SECOND for e in story.shown)
    return bool(exact and story.window and (story.window[1].at - story.window[0].at).total_seconds() < 1200)


def _after(entry: Entry, zero: Entry | None, seconds: bool) -> str:
    if not (zero and zero.occurred_at and entry.occurred_at) or entry.precision is Precision.DATE:
        return "–"
    since = between(zero, entry)
    said = f"{since:.1f}" if seconds else str(int(since / MINUTE))
    return said.removesuffix(".0").replace("-", "−") if float(said) else "0"


def _timeline_row(
    story: Story, entry: Entry, days: tuple[str, str], after: str
) -> tuple[tuple[str, ...], tuple[str, str]]:
    here, there = days
    if entry.occurred_at:
        here = story.clock.day(entry.occurred_at)
        there = f"{entry.occurred_at:%Y-%m-%d}"
    local = story.clock.cell(entry, date=here != days[0])
    utc = () if story.clock.only_utc else (story.clock.cell(entry, date=there != days[1], utc=True),)
    row = (entry.id, local, *utc, after, entry.kind.value, story.said(entry), ", ".join(_notes(story, entry)))
    return row, (here, there)


def _notes(story: Story, entry: Entry) -> list[str]:
    notes = []
    if _late(entry) and not _all_late(story):
        notes.append("late")
    if entry.history:
        notes.append("edited")
    return notes


def _late(entry: Entry) -> bool:
    return entry.occurred_at is not None and entry.recorded_at - entry.occurred_at > LATE


def _all_late(story: Story) -> bool:
    """Whether the whole story was told afterwards: then a mark on each row tells nothing."""
    return all(_late(e) for e in story.shown if (e.occurred_at and e.source.human) or e.source.type == "import")


def _legend(story: Story) -> list[str]:
    used = {note for e in story.shown for note in _notes(story, e)}
    lines = []
    if any(_late(e) for e in story.shown) and _all_late(story):
        lines.append("- All of it was written down more than 5 min after it happened; the evidence says when.")
    if "late" in used:
        lines.append("- late: written down more than 5 min after it happened; the evidence says when.")
    if "edited" in used:
        lines.append("- edited: corrected later; the earlier words are in `incident.json`.")
    if any(story.said(e).endswith(MARK) for e in story.shown):
        lines.append(f"- {MARK}: wording proposed, see “Wording”; the record keeps the original.")
    return ["\n".join(lines)] if lines else []


def evidence(story: Story) -> str:
    """Where each entry comes from: when it was written down, as typed, by which role, through what."""
    if not story.shown:
        return "No entry is recorded."
    rows = [_evidence_row(story, e) for e in story.shown]
    heads = ("Entry", "Recorded (UTC)", "By", "Through", "Typed time")
    width = 5 if any(row[4] for row in rows) else 4
    return table(heads[:width], [row[:width] for row in rows])


def _evidence_row(story: Story, entry: Entry) -> tuple[str, str, str, str, str]:
    known = entry.author.id or entry.author.name
    unnamed = "not recorded" if entry.source.type == "import" else "responder" if entry.source.human else "machine"
    by = story.who(entry.author).split(" ", 1)[1] if known else unnamed
    through = link(entry.source.type, entry.source.url) if entry.source.url else escaped(entry.source.type)
    recorded = f"{entry.recorded_at:%Y-%m-%d %H:%M:%S} UTC"
    return story.cite(entry.id), recorded, by, through, escaped(entry.typed)


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
