"""Whether a full store is as quick as an empty one: notes, deliveries and the bot's own looks, in both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert

from bot import alerts, commands
from bot.facts import Closed, Fact, Opened, Told, What
from bot.hear import Hearing
from bot.incident import Kind, Person, Source
from bot.intake import Intake
from bot.journal import to_json
from bot.policy import Policy
from bot.runbook.inventory import Inventory
from bot.said import Said
from bot.store import Store, schema
from bot.store.connect import connect
from bot.store.rows import fact_row
from tests.bench.figures import Bench, Figure, Wanted, middle, percentile
from tests.bench.intake import payload

TITLE = "Growth: an empty store and a full one"
FLAT = 1.2
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
ANA = Person(id="U1", name="Ana Duarte")


async def measure(bench: Bench) -> Sequence[Figure]:
    """p95 of each with closed incidents in the store, beside those of an empty one."""
    incidents = bench.times(1_000, quick=20, full=10_000)
    entries = incidents * bench.times(50, quick=10, full=100)
    times = bench.times(150, quick=10, full=600)
    figures = []
    for kind in bench.databases():
        empty, full = bench.database(kind), bench.database(kind)
        await asyncio.to_thread(fill, full, incidents, entries // incidents)
        found = await asyncio.to_thread(_both, empty, full, times)
        name = f"{incidents:,} closed incidents, {entries:,} entries"
        figures += [_figure(kind, what, name, *pair) for what, pair in found.items()]
        figures.append(await asyncio.to_thread(_long, kind, bench.database(kind), bench.times(500, quick=20)))
    return figures


def _figure(kind: str, what: str, name: str, empty: Sequence[float], full: Sequence[float]) -> Figure:
    return Figure(
        name=f"{kind}: {what}, p95",
        value=percentile(full, 0.95) * 1000,
        unit="ms",
        rival="empty store",
        rival_value=percentile(empty, 0.95) * 1000,
        wanted=Wanted(issue=3, at_most=FLAT) if what in {"note", "delivery"} else None,
        note=name,
    )


# ------------------------------------------------------------------ what is timed


def _both(empty: str, full: str, times: int) -> Mapping[str, tuple[Sequence[float], Sequence[float]]]:
    """By turns in one store and the other, so that whatever else the machine does slows both alike."""
    alerts.load()
    commands.load()
    stores = Store.open(empty), Store.open(full)
    try:
        works = [_work(store) for store in stores]
        return {what: _by_turns(works[0][what], works[1][what], times) for what in works[0]}
    finally:
        for store in stores:
            store.close()


def _by_turns(one: Callable[[int], Any], other: Callable[[int], Any], times: int) -> tuple[list[float], list[float]]:
    took: tuple[list[float], list[float]] = ([], [])
    for n in range(times + 3):
        for work, into in zip((one, other), took, strict=True):
            started = time.perf_counter()
            work(n)
            into.append(time.perf_counter() - started)
    return took[0][3:], took[1][3:]  # the first ones prepare statements


def _long(kind: str, url: str, entries: int) -> Figure:
    """A note in an incident that has many of them already, beside one in a short incident."""
    fill(url, 1, entries)
    store = Store.open(url)
    try:
        hearing = Hearing(store, policy=Policy(), zone="UTC")
        short = hearing.answer(_said("declare pages are slow", None, 0)).incident
        took = _by_turns(
            lambda n: hearing.answer(_said("note looked at it again", short, 2 * n + 1)),
            lambda n: hearing.answer(_said("note looked at it again", 1, 2 * n + 2)),
            10,
        )
    finally:
        store.close()
    return Figure(
        name=f"{kind}: note, incident of {entries} entries, median",
        value=middle(took[1]) * 1000,
        unit="ms",
        rival="incident of 10",
        rival_value=middle(took[0]) * 1000,
    )


def _work(store: Store) -> Mapping[str, Callable[[int], Any]]:
    hearing = Hearing(store, policy=Policy(), zone="UTC")
    intake = Intake(store, policy=Policy(), inventory=Inventory(), now=lambda: datetime.now(UTC))
    opened = hearing.answer(_said("declare pages are slow", None, 0)).incident
    return {
        "note": lambda n: hearing.answer(_said("note looked at it again", opened, n + 1)),
        "delivery": lambda n: intake.receive("datadog", payload(n, 7)),
        "the sweep's looks": lambda _: (store.dues(), store.unanswered(), store.stale()),
        "list of open ones": lambda _: store.summaries(open_only=True),
    }


def _said(text: str, incident: int | None, n: int) -> Said:
    now = datetime.now(UTC)
    key = f"bench/{n}"
    return Said(key=key, text=text, author=ANA, at=now, source=Source(type="cli"), zone="UTC", incident=incident)


# ------------------------------------------------------------------ what is in the full store


def fill(url: str, incidents: int, each: int) -> None:
    """Put so many closed incidents into a store, with `each` entries, an alert and its delivery."""
    Store.open(url).close()
    engine = connect(url)
    try:
        for first in range(1, incidents + 1, 100):
            numbers = range(first, min(first + 100, incidents + 1))
            with engine.execution_options(write=True).begin() as connection:
                _add(connection, numbers, each)
    finally:
        engine.dispose()


def _add(connection: Connection, numbers: Sequence[int], each: int) -> None:
    connection.execute(insert(schema.incident), [_incident(n, each) for n in numbers])
    connection.execute(insert(schema.fact), [row for n in numbers for row in _facts(n, each)])
    connection.execute(insert(schema.problem), [_problem(n) for n in numbers])
    connection.execute(insert(schema.delivery), [_delivery(n) for n in numbers])
    connection.execute(insert(schema.heard), [_heard(n, m) for n in numbers for m in range(each - 2)])
    connection.execute(insert(schema.due), [_due(n, flow) for n in numbers for flow in ("open", "check", "close")])


def _at(number: int, entry: int = 0) -> datetime:
    return LONG_AGO + timedelta(minutes=20 * number, seconds=entry)


def _incident(number: int, each: int) -> Mapping[str, Any]:
    return {
        "number": number,
        "title": f"Errors of shop-{number % 50:02} are high",
        "severity": "SEV2",
        "status": "closed",
        "service": f"shop-{number % 50:02}",
        "opened_at": _at(number),
        "closed_at": _at(number, each),
        "channel_id": f"C{number:08}",
        "channel_name": f"inc-{number}-errors-are-high",
        "head": number * each,
        "shown": number * each,
    }


def _facts(number: int, each: int) -> Iterator[Mapping[str, Any]]:
    whats: list[What] = [Opened(title="Errors are high", severity="SEV2", service="shop")]
    whats += [Told(kind=Kind.NOTE, text=f"looked at shard {n}, {n % 9} of 9 answer") for n in range(each - 2)]
    for n, what in enumerate([*whats, Closed()]):
        at, source = _at(number, n), Source(type="command", url=f"https://chat.example/archives/C1/p{number}{n}")
        yield fact_row(
            number,
            Fact(key=f"old/{number}/{n}", what=what, occurred_at=at, recorded_at=at, author=ANA, source=source),
        )


def _problem(number: int) -> Mapping[str, Any]:
    return {
        "incident": number,
        "fingerprint": f"old {number}",
        "cycle": f"cycle {number}",
        "place": f"service shop-{number % 50:02} prod",
        "firing": False,
        "last_at": _at(number),
        "open": False,
    }


def _delivery(number: int) -> Mapping[str, Any]:
    return {
        "id": f"D{number:012}",
        "source": "datadog",
        "dedupe": f"datadog old {number}",
        "received_at": _at(number),
        "body": payload(-number, number % 50),
        "cut": False,
        "incident": number,
        "ruling": "open",
        "reason": "no open incident has this problem",
    }


def _heard(number: int, entry: int) -> Mapping[str, Any]:
    said = to_json(_said(f"note looked at shard {entry}", number, entry))
    key, at = f"old/{number}/{entry}", _at(number, entry)
    return {"key": key, "received_at": at, "said": said, "reply": {"text": "E4"}, "done_at": at}


def _due(number: int, flow: str) -> Mapping[str, Any]:
    at = _at(number)
    return {
        "key": f"old/{number}/{flow}",
        "flow": flow,
        "incident": number,
        "args": {},
        "created_at": at,
        "done_at": at,
    }
