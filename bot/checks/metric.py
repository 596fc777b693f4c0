"""What a metric query measures: now, or compared with the same window earlier. Asked of Datadog by the bot."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import fmean

from bot.checks import Answer, Seconds, Target, noun
from bot.ports import GaveUp, Series
from bot.runbook.result import State

TEN_MINUTES = Seconds(600)
SHOWN = 5
"""Lines in the evidence."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Where a value should be."""

    above: float | None
    below: float | None

    def missed(self, value: float) -> float:
        """By how much the value is outside; nothing or less where it is inside."""
        return max(
            self.above - value if self.above is not None else float("-inf"),
            value - self.below if self.below is not None else float("-inf"),
        )

    def holds(self, value: float) -> bool:
        """Whether the value is inside; on the edge it is not."""
        return self.missed(value) < 0

    def __str__(self) -> str:
        parts = {"above": self.above, "below": self.below}
        return " and ".join(f"{word} {limit:g}" for word, limit in parts.items() if limit is not None)


@noun("metric")
async def metric(
    on: Target,
    *,
    query: str,
    over: Seconds = TEN_MINUTES,
    above: float | None = None,
    below: float | None = None,
    versus: Seconds | None = None,
) -> Answer:
    """Whether a metric is where it should be: its mean over the last minutes, of several lines the worst.

    query: a metric query, `avg:system.load.1{host:$host}`. over: the window (10m). above, below: where it should be.
    versus: compare with the same window so much earlier; above and below are then about the ratio of the two.
    """
    wanted = Wanted(above=above, below=below)
    if above is None and below is None:
        raise GaveUp("A metric needs above or below.", reason="error", fix="Correct the runbook.")
    now, *before = await asyncio.gather(*(_asked(on, query, over, back) for back in (0.0, versus) if back is not None))
    values = _means(now)
    judged = _ratios(values, _means(before[0])) if before else values
    if not judged:
        what = f"to compare with {_span(versus or 0)} earlier" if values else f"of the last {_span(over)}"
        return Answer(state=State.UNKNOWN, reason="stale", summary=f"{query}: Datadog has no data {what}")
    worst = max(judged, key=lambda about: wanted.missed(judged[about]))
    holds = wanted.holds(judged[worst])
    unit = next((line.unit for line in now if line.unit), "")
    compared = f", {judged[worst]:.3g} times what it was {_span(versus)} earlier" if versus else ""
    said = f"{values[worst]:.4g}{f' {unit}' if unit else ''}{compared}"
    return Answer(
        state=State.OK if holds else State.FAIL,
        reason="" if holds else "error",
        summary=f"{query}: {said}" + ("" if holds else f", expected {wanted}"),
        facts={
            "value": round(values[worst], 4),
            "ratio": round(judged[worst], 4) if versus else None,
            "samples": sum(len(line.points) for line in now),
            "found": said,
            "expected": str(wanted),
        },
        evidence="\n".join(f"{line.about}: {_shown(line)}" for line in now[:SHOWN]),
    )


async def _asked(on: Target, query: str, over: float, back: float) -> Sequence[Series]:
    """The lines of the window that ended `back` seconds ago."""
    end = on.now() - timedelta(seconds=back)
    return await on.metrics.series(query, start=end - timedelta(seconds=over), end=end)


def _means(lines: Sequence[Series]) -> Mapping[str, float]:
    """The mean of each line that has points."""
    return {line.about: fmean(value for _, value in line.points) for line in lines if line.points}


def _ratios(now: Mapping[str, float], before: Mapping[str, float]) -> Mapping[str, float]:
    """Each line by what it was; what was nothing has no ratio."""
    return {about: value / before[about] for about, value in now.items() if before.get(about)}


def _shown(line: Series) -> str:
    return " ".join(f"{value:.4g}" for _, value in line.points[-20:]) or "no data"


def _span(seconds: float) -> str:
    for name, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g} {name}"
    return f"{seconds:g} s"
