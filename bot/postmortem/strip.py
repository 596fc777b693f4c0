"""The strip chart: phases as a coloured bar, entries as ticks with their ids. Plain SVG, readable light and dark.

Only ids and times stand in the picture: text from outside would overlap, and the timeline has it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from xml.sax.saxutils import escape

from bot.incident import Entry, Precision
from bot.postmortem.clock import DAY, MINUTE, span
from bot.postmortem.intervals import MISSING, Point
from bot.postmortem.sections import strip_text
from bot.postmortem.story import Story

WIDTH, LEFT, RIGHT = 900, 30, 30
LANE, MOST_LANES = 14, 6
BAR = 30
APART = 40
"""Pixels between the labels of a crowd that are no key times."""
SIGN = 6.6
"""Estimated width of one sign at 11 px; rounded up so that labels do not touch."""
COLOURS = {
    "began": "#f4a582",
    "detected": "#fddb8b",
    "notified": "#fbe9b7",
    "acknowledged": "#cfe3f5",
    "cause": "#a9cdec",
    "approved": "#c9c4e6",
    "mitigated": "#b9e0b0",
}
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800)


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Instants to pixels."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """The length of the axis."""
        return (self.end - self.start).total_seconds()

    def x(self, at: datetime) -> float:
        """The place of an instant."""
        share = (at - self.start).total_seconds() / self.seconds
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def holds(self, at: datetime) -> bool:
        """Whether an instant is drawn."""
        return self.start <= at <= self.end


@dataclass(frozen=True, kw_only=True)
class Label:
    """A text that was given a place: its middle, its lane from the bar upwards."""

    text: str
    x: float
    lane: int


def strip(story: Story) -> str:
    """The picture of a whole incident as an SVG document."""
    axis = _axis(story)
    if axis is None:
        return _document(story, 60, [text(LEFT, 36, "No entry has a time, so there is nothing to draw.", size=13)])
    inside = [e for e in story.shown if e.occurred_at and axis.holds(e.occurred_at)]
    labels = _labels(axis, inside, {p.entry.id for p in story.points.values()})
    lanes = max((label.lane for label in labels), default=0) + 1
    top = 34 + lanes * LANE
    phases = _phases(story, axis)
    drawn = [text(LEFT, 20, _heading(story, axis), size=13), *_ticks(axis, inside, labels, top)]
    drawn += [*_bars(axis, phases, top), *axis_marks(story, axis, top + BAR)]
    legend, below = _legend(phases, top + BAR + 58)
    notes = _notes(story, inside, len(labels))
    drawn += [*legend, *(text(LEFT, below + 16 * n, note) for n, note in enumerate(notes))]
    return _document(story, int(below + 16 * len(notes)), drawn)


def _axis(story: Story) -> Axis | None:
    dated = [e.occurred_at for e in story.shown if e.occurred_at and e.precision is not Precision.DATE]
    if not dated:
        return None
    times = [p.at for p in story.points.values()]
    first = story.window[0].at if story.window and story.window[0].precision is not Precision.DATE else dated[0]
    start = min((p.at for n, p in story.points.items() if n in {"began", "detected"}), default=first)
    end = max((p.at for n, p in story.points.items() if n in {"mitigated", "resolved"}), default=None)
    last = story.window[1].at if story.window else max((*times, *dated))
    end = end if end and end > start else max(start, last)
    length = max((end - start).total_seconds(), 1.0)
    near = [at for at in dated if timedelta(0) <= start - at <= timedelta(seconds=length / 3)]
    after = [at for at in dated if timedelta(0) <= at - end <= timedelta(seconds=length / 5)]
    start, end = min((start, *near)), max((end, *after))
    return Axis(start=start, end=end if end > start else start + timedelta(seconds=1))


def _labels(axis: Axis, entries: Sequence[Entry], important: set[str]) -> list[Label]:
    placed: list[Label] = []
    ends = [0.0] * MOST_LANES
    crowded = len(entries) > 60
    for e in entries:
        if e.occurred_at is None:
            continue
        half = len(e.id) * SIGN / 2
        x = min(max(axis.x(e.occurred_at), half + 2), WIDTH - half - 2)
        lane = next((n for n, end in enumerate(ends) if x - half >= end + 3), None)
        spare = not crowded or e.id in important or (lane == 0 and x - half >= ends[0] + APART)
        if lane is not None and spare:
            ends[lane] = x + half
            placed.append(Label(text=e.id, x=round(x, 1), lane=lane))
    return placed


def _ticks(axis: Axis, entries: Sequence[Entry], labels: Sequence[Label], top: int) -> list[str]:
    lanes = {label.text: label for label in labels}
    drawn: dict[int, str] = {}  # one tick a pixel: ten thousand entries are still a small picture
    for e in entries:
        if e.occurred_at is None:
            continue
        x, label = axis.x(e.occurred_at), lanes.get(e.id)
        height = 4 + (label.lane * LANE if label else 0)
        if label or int(x) not in drawn:
            drawn[int(x)] = drawn.get(int(x), "") + line(x, top - height, x, top)
    texts = [text(b.x, top - 7 - b.lane * LANE, b.text, anchor="middle", halo=True) for b in labels]
    return [*drawn.values(), *texts]


def _phases(story: Story, axis: Axis) -> list[tuple[Point, Point]]:
    names = [n for n in (*COLOURS, "resolved") if n in story.points]
    points = sorted((story.points[n] for n in names if axis.holds(story.points[n].at)), key=lambda p: p.at)
    return [(a, b) for a, b in itertools.pairwise(points) if a.at < b.at]


def _bars(axis: Axis, phases: Sequence[tuple[Point, Point]], top: int) -> list[str]:
    drawn = [f'<rect x="{LEFT}" y="{top}" width="{WIDTH - LEFT - RIGHT}" height="{BAR}" fill="#eeeeee"/>']
    for a, b in phases:
        x, width = axis.x(a.at), round(axis.x(b.at) - axis.x(a.at), 1)
        if width <= 0:
            continue
        drawn.append(_box(x, top, width, BAR, COLOURS.get(a.name, "#dddddd")))
        said = _length(a, b)
        if len(said) * SIGN + 6 < width:
            drawn.append(text(x + width / 2, top + 19, said, anchor="middle"))
    return drawn


def _length(a: Point, b: Point) -> str:
    exact = {a.precision, b.precision} == {Precision.SECOND}
    return span((b.at - a.at).total_seconds(), exact=exact)


def axis_marks(story: Story, axis: Axis, y: int) -> list[str]:
    """The axis below a picture, with round times of the incident\'s zone."""
    step = next((s for s in STEPS if axis.seconds / s <= 9), STEPS[-1])
    drawn = [line(LEFT, y + 8, WIDTH - RIGHT, y + 8, dash=False)]
    last, day = -100.0, story.clock.day(axis.start)
    for at in _round_times(story, axis, step):
        x = axis.x(at)
        local = story.clock.local(at)
        said = f"{local:%m-%d}" if step >= DAY else f"{local:%H:%M}" if step >= MINUTE else f"{local:%H:%M:%S}"
        half = len(said) * SIGN / 2
        drawn.append(line(x, y + 8, x, y + 13, dash=False))
        if x - half < last + 6 or x - half < 2 or x + half > WIDTH - 2:
            continue
        drawn.append(text(x, y + 25, said, anchor="middle"))
        last = x + half
        if story.clock.day(at) != day and step < DAY:
            drawn.append(text(x, y + 38, f"{local:%m-%d}", anchor="middle"))
        day = story.clock.day(at)
    return drawn


def _round_times(story: Story, axis: Axis, step: int) -> list[datetime]:
    shift = story.clock.local(axis.start).utcoffset() or timedelta(0)
    since = (axis.start + shift).timestamp()
    first = axis.start + timedelta(seconds=-(since % step) % step)
    times: list[datetime] = []
    while first <= axis.end and len(times) < 500:
        times.append(first)
        first += timedelta(seconds=step)
    return times


def _legend(phases: Sequence[tuple[Point, Point]], y: int) -> tuple[list[str], int]:
    drawn: list[str] = []
    x = float(LEFT)
    for a, b in phases:
        said = f"{a.label} to {b.label.lower()}: {_length(a, b)}"
        width = 16 + len(said) * SIGN + 14
        if x + width > WIDTH - RIGHT and x > LEFT:
            x, y = float(LEFT), y + 18
        drawn.append(_box(x, y - 9, 11, 11, COLOURS.get(a.name, "#dddddd")))
        drawn.append(text(x + 16, y, said))
        x += width
    return drawn, y + (22 if drawn else 0)


def _heading(story: Story, axis: Axis) -> str:
    days = list(dict.fromkeys(f"{story.clock.local(at):%Y-%m-%d}" for at in (axis.start, axis.end)))
    return f"{story.incident.id}, {' to '.join(days)}, {story.clock.zones([axis.start, axis.end])}"


def _notes(story: Story, inside: Sequence[Entry], labelled: int) -> list[str]:
    said = []
    missing = [n for n in ("began", "detected", "mitigated", "resolved") if n not in story.points]
    if missing:
        said.append("Not recorded: " + ", ".join(MISSING[n].removeprefix("the ") for n in missing) + ".")
    outside = sum(1 for e in story.shown if e.occurred_at) - len(inside)
    untimed = sum(1 for e in story.shown if not e.occurred_at)
    counts = (
        (outside, "outside of this window"),
        (untimed, "without a time"),
        (len(inside) - labelled, "without a label"),
    )
    told = [f"{n} {what}" for n, what in counts if n]
    if told:
        said.append("Entries not drawn or not labelled: " + ", ".join(told) + ".")
    return said


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    size = f'width="{width}" height="{height}"'
    return f'<rect x="{x:.1f}" y="{y}" {size} fill="{colour}" stroke="#555555" stroke-width="0.5"/>'


def line(x1: float, y1: float, x2: float, y2: float, *, dash: bool = True) -> str:
    """A thin line."""
    dashed = ' stroke-dasharray="2 2"' if dash else ""
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#555555"{dashed}/>'


def text(x: float, y: float, said: str, *, anchor: str = "start", size: int = 11, halo: bool = False) -> str:
    """Words at a place; `halo`: readable across lines."""
    under = ' stroke="#ffffff" stroke-width="3" paint-order="stroke"' if halo else ""
    place = f'x="{x:.1f}" y="{y}" font-size="{size}" text-anchor="{anchor}"'
    return f'<text {place} fill="#222222"{under}>{escape(said)}</text>'


def document(title: str, desc: str, height: int, drawn: Sequence[str]) -> str:
    """A picture with its title and its description, which have been escaped, on white."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
            'role="img" aria-labelledby="title desc" font-family="Helvetica, Arial, sans-serif">',
            f'<title id="title">{title}</title>',
            f'<desc id="desc">{desc}</desc>',
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
            *drawn,
            "</svg>",
            "",
        ]
    )


def _document(story: Story, height: int, drawn: Sequence[str]) -> str:
    return document(f"Timeline of {escape(story.incident.id)}", escape(strip_text(story)), height, drawn)
