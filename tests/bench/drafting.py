"""Drafting a postmortem: CPU time for short and long incidents, and whether it grows with the number of entries."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from bot.facts import Closed, Fact, Opened, Resolved, Told, What, fold
from bot.incident import Incident, Kind, Person, Source
from bot.postmortem.draft import draft
from bot.record import to_record
from tests.bench.figures import Bench, Figure, Wanted

TITLE = "Drafting the postmortem of long incidents"
START = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
KINDS = (Kind.NOTE, Kind.NOTE, Kind.NOTE, Kind.FINDING, Kind.NOTE, Kind.RULED_OUT, Kind.NOTE, Kind.IMPACT)
PEOPLE = tuple(Person(id=f"U{n}", name=f"Person {n}") for n in range(5))
LINEAR = 1.3
"""A cost for each entry that grows by less counts as linear."""


async def measure(bench: Bench) -> Sequence[Figure]:
    """CPU seconds of a draft beside those of writing the same record as JSON, and the growth from size to size."""
    sizes = (20, 100) if bench.quick else (200, 1_000, 10_000, *((100_000,) if bench.full else ()))
    found = {size: await asyncio.to_thread(_one, size) for size in sizes}
    figures = [_cost(size, ours, rival) for size, (ours, rival) in found.items()]
    for small, large in itertools.pairwise(sizes):
        figures.append(_growth(small, found[small][0] / small, large, found[large][0] / large))
    return figures


def long_incident(entries: int) -> Incident:
    """A resolved and closed incident with so many entries, most of them notes."""
    whats: list[What] = [Opened(title="Pages are slow", severity="SEV2", service="shop")]
    whats += [_entry(n) for n in range(entries - 3)]
    whats += [Resolved(text="Both servers answer"), Closed()]
    return fold(1, [_fact(n, what) for n, what in enumerate(whats)])


def _entry(n: int) -> What:
    kind = KINDS[n % len(KINDS)]
    return Told(kind=kind, text=f"web-{n % 7:02} answers request {n} again, others wait {n % 90} ms", typed="11.15am")


def _fact(n: int, what: What) -> Fact:
    at = START + timedelta(seconds=20 * n)
    return Fact(
        key=f"k{n}",
        what=what,
        occurred_at=at,
        recorded_at=at + timedelta(seconds=1),
        author=PEOPLE[n % len(PEOPLE)],
        source=Source(type="command", url=f"https://chat.example/archives/C1/p{n}"),
    )


def _one(size: int) -> tuple[float, float]:
    incident = long_incident(size)
    again = 5 if size <= 10_000 else 1
    ours = _cpu(partial(draft, incident, zone="Africa/Nairobi"), again)
    return ours, _cpu(lambda: json.dumps(to_record(incident)), again)


def _cpu(work: Callable[[], Any], again: int) -> float:
    """The fewest CPU seconds of several runs: what others on the machine do makes it only slower."""
    spent = []
    for _ in range(again):
        started = time.thread_time()
        work()
        spent.append(time.thread_time() - started)
    return min(spent)


def _cost(size: int, ours: float, rival: float) -> Figure:
    wanted = Wanted(issue=6, at_most=1.0, of="value") if size == 10_000 else None
    name = f"{size:,} entries, CPU"
    return Figure(name=name, value=ours, unit="s", rival="the record as JSON", rival_value=rival, wanted=wanted)


def _growth(small: int, by_small: float, large: int, by_large: float) -> Figure:
    return Figure(
        name=f"one of {large:,} entries, CPU",
        value=by_large * 1e6,
        unit="µs",
        rival=f"one of {small:,}",
        rival_value=by_small * 1e6,
        wanted=Wanted(issue=6, at_most=LINEAR) if small >= 1_000 else None,
        note="linear, if the ratio is 1" if small >= 1_000 else "small drafts carry the fixed cost",
    )
