"""The chart of a measured line: its points, the threshold, and the key times as marks. Plain SVG, light and dark.

A table repeats every number, so that nothing depends on the picture.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

from bot.incident import Measurement
from bot.postmortem.markdown import code, escaped, plain, table
from bot.postmortem.story import Story
from bot.postmortem.strip import LEFT, RIGHT, WIDTH, Axis, axis_marks, document, line, text

TOP, HEIGHT = 44, 150
CAPTION = 110
"""Signs of the query that stand below the chart."""


def charts(story: Story) -> dict[str, str]:
    """The pictures by file name."""
    lines = [m for m in story.incident.measurements if m.times]
    return {f"metric-{n}.svg": chart(story, line) for n, line in enumerate(lines, 1)}


def chart(story: Story, measured: Measurement) -> str:
    """One line as an SVG document."""
    values = [float(value) for value in measured.values]
    limits = [*values, *([float(measured.threshold)] if measured.threshold else []), 0.0]
    low, high = min(limits), max(limits)
    axis = Axis(start=measured.times[0], end=max(measured.times[-1], measured.times[0].replace(microsecond=999999)))

    def y(value: float) -> float:
        return round(TOP + HEIGHT * (1 - (value - low) / ((high - low) or 1.0)), 1)

    points = " ".join(f"{axis.x(at)},{y(value)}" for at, value in zip(measured.times, values, strict=True))
    drawn = [text(LEFT, 20, _heading(story, measured), size=13), *_marks(story, axis)]
    drawn += [line(LEFT, y(low), WIDTH - RIGHT, y(low), dash=False), text(2, y(high) + 4, f"{high:g}")]
    drawn.append(f'<polyline points="{points}" fill="none" stroke="#1f5fa8" stroke-width="2"/>')
    if measured.threshold:
        at = y(float(measured.threshold))
        drawn.append(f'<line x1="{LEFT}" y1="{at}" x2="{WIDTH - RIGHT}" y2="{at}" stroke="#b3261e"/>')
        said = f"threshold {measured.threshold}"
        drawn.append(text(WIDTH - RIGHT, at - 4, said, anchor="end", halo=True))
    drawn += axis_marks(story, axis, TOP + HEIGHT)
    drawn.append(text(LEFT, TOP + HEIGHT + 58, _cut(measured.query)))
    title = f"Measured: {plain(measured.about) or _cut(measured.query)}"
    desc = f"{len(values)} points, lowest {min(values):g}, highest {max(values):g}; the table has all of them."
    return document(escape(title), escape(desc), TOP + HEIGHT + 70, drawn)


def _heading(story: Story, measured: Measurement) -> str:
    unit = f" ({plain(measured.unit)})" if measured.unit else ""
    zone = story.clock.zones([measured.times[0]])
    return f"{_cut(measured.about or measured.query)}{unit}, {story.clock.day(measured.times[0])}, {zone}"


def _marks(story: Story, axis: Axis) -> list[str]:
    drawn, last = [], -100.0
    for point in sorted(story.points.values(), key=lambda p: p.at):
        if not axis.holds(point.at):
            continue
        x = axis.x(point.at)
        drawn.append(line(x, TOP - 8, x, TOP + HEIGHT))
        if x - last > 24:
            drawn.append(text(x, TOP - 11, point.entry.id, anchor="middle", halo=True))
            last = x
    return drawn


def _cut(words: str) -> str:
    words = plain(words)
    return words if len(words) <= CAPTION else f"{words[: CAPTION - 1]}…"


def measurements(story: Story) -> str:
    """Each chart with its query, and the table of its numbers. Empty when nothing was measured."""
    parts = []
    for n, measured in enumerate([m for m in story.incident.measurements if m.times], 1):
        about = escaped(measured.about) or "One line"
        unit = f" in {escaped(measured.unit)}" if measured.unit else ""
        limit = f", threshold {escaped(measured.threshold)}" if measured.threshold else ""
        rows = [
            (story.clock.at(at, date=True), escaped(value))
            for at, value in zip(measured.times, measured.values, strict=True)
        ]
        parts += [
            f"![Chart {n} of {story.incident.id}: the table below has every number](metric-{n}.svg)",
            f"{about}{unit}{limit}: {code(measured.query)}",
            table(("Time", "Value"), rows),
        ]
    return "\n\n".join(parts)
