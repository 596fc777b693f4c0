"""Taking in a storm: many deliveries of many problems, over eight connections, until all are on disk.

Ours is the bot as it runs in production, with a workspace beside it and the work that follows from alerts. The floor
is a bare handler that commits the same rows for the same requests: the price of HTTP and the disk.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, insert, select

from bot.lab.workspace import Workspace
from bot.store import schema
from bot.store.connect import connect
from tests.bench.figures import Bench, Figure, Wanted, percentile
from tests.bench.intake_server import CONNECTIONS, Statement, serving
from tests.bot_process import SECRET, BotProcess

TITLE = "Taking in a storm over 8 connections"
PROBLEMS = 50
DUPLICATES = 0.2
TRANSITIONS = ("Triggered", "Renotify", "Recovered")
TRIES = 40
"""Of one delivery whose connection was lost or that was not stored; then it counts as lost."""
PAUSE = 0.25
DELIVERY = tuple(column.name for column in schema.delivery.c)
RULING = tuple(column.name for column in schema.ruling.c)
FACT = tuple(column.name for column in schema.fact.c if column.name != "seq")
DUE = ("key", "flow", "incident", "args", "created_at")


@dataclass(frozen=True, kw_only=True)
class Load:
    """What sending everything came to: the answers by number, seconds for each, and for all of it."""

    answers: Sequence[Mapping[str, Any]]
    took: Sequence[float]
    seconds: float

    @property
    def rate(self) -> float:
        """Deliveries a second."""
        return len(self.took) / self.seconds

    @property
    def p99(self) -> float:
        """In milliseconds."""
        return percentile(self.took, 0.99) * 1000


async def measure(bench: Bench) -> Sequence[Figure]:
    """Rate and p99, ours beside the bare handler's, on each database; and whether all is kept."""
    bodies = deliveries(bench.times(1_500, quick=120, full=10_000))
    figures: list[Figure] = []
    for kind in bench.databases():
        figures += await _at_full_speed(bench, kind, bodies)
    return figures


async def _at_full_speed(bench: Bench, kind: str, bodies: Sequence[bytes]) -> Sequence[Figure]:
    url, floor_url = bench.database(kind), bench.database(kind)
    async with running(bench, url) as bot:
        ours = await send(bot.port, bodies)
    rows = bench.place("rows") / "rows.json"
    await asyncio.to_thread(_prepare_floor, url, floor_url, ours.answers, rows)
    async with serving(floor_url, rows) as port:
        floor = await send(port, bodies)
    rival, note = "bare handler, same rows", f"{len(bodies):,} deliveries"
    rate, slow = Wanted(issue=3, at_least=0.5), Wanted(issue=3, at_most=3.0)
    return (
        Figure(
            name=f"{kind}: rate",
            value=ours.rate,
            unit="/s",
            rival=rival,
            rival_value=floor.rate,
            wanted=rate,
            note=note,
        ),
        Figure(name=f"{kind}: p99", value=ours.p99, unit="ms", rival=rival, rival_value=floor.p99, wanted=slow),
        *await asyncio.to_thread(kept, kind, url, bodies, ours),
    )


@asynccontextmanager
async def running(bench: Bench, url: str) -> AsyncIterator[BotProcess]:
    """A bot and its workspace, whose limits are off: how fast Slack lets us speak is measured elsewhere."""
    home = bench.place("home")
    await asyncio.to_thread((home / "policy.yaml").write_text, "policy: 1\nannounce: incidents\n")
    async with await Workspace.start(cast=True, limits=False) as workspace:
        bot = BotProcess(bench.place("bot"), workspace=workspace, database_url=url, home=home)
        await bot.start()
        try:
            yield bot
        finally:
            await bot.stop()


def count(engine: Any, sql: str) -> int:
    with engine.connect() as connection:
        return int(connection.exec_driver_sql(sql).scalar_one())


def kept(what: str, url: str, bodies: Sequence[bytes], load: Load) -> Sequence[Figure]:
    """Whether all is there: every delivery once, under the name that was answered, and every problem."""
    engine = connect(url)
    try:
        with engine.connect() as connection:
            ids = set(connection.exec_driver_sql("SELECT id FROM delivery").scalars())
        problems = count(engine, "SELECT count(DISTINCT fingerprint) FROM problem WHERE open")
    finally:
        engine.dispose()
    told = {str(answer["delivery"]) for answer in load.answers}
    sent, all_there = len(set(bodies)), Wanted(issue=3, at_least=1.0)
    return (
        Figure(
            name=f"{what}: kept",
            value=len(ids & told),
            unit="",
            rival="deliveries that were sent",
            rival_value=sent,
            wanted=all_there,
            note=f"{len(ids - told)} more under a name that nobody was told",
        ),
        Figure(
            name=f"{what}: problems found",
            value=problems,
            unit="",
            rival="problems that there were",
            rival_value=len({json.loads(body)["alert_id"] for body in set(bodies)}),
            wanted=all_there,
        ),
    )


# ------------------------------------------------------------------ what is sent


def deliveries(number: int) -> Sequence[bytes]:
    """Bodies in a fixed random order; a fifth of them repeats an earlier one word for word."""
    chance = random.Random(7)  # noqa: S311 - a load that can be repeated, no secret
    bodies: list[bytes] = []
    for n in range(number):
        again = bodies and chance.random() < DUPLICATES
        bodies.append(chance.choice(bodies[-200:]) if again else payload(n, n % PROBLEMS))
    return bodies


def payload(n: int, problem: int) -> bytes:
    """The n-th event, about this problem: it triggers, is renotified, recovers, and again."""
    transition = TRANSITIONS[n // PROBLEMS % len(TRANSITIONS)]
    scope = f"host:web-{problem:02},service:shop-{problem:02}"
    fields = {
        "schema": "muster/datadog/1",
        "event_id": str(8_306_082_202_796_000_000 + n),
        "event_type": "metric_alert_monitor",
        "event_title": f"[{transition} on {{{scope}}}] Errors of shop-{problem:02} are high",
        "event_msg": "%%%\nErrors are high: see the runbook.\n%%%" + " More words, as people write them." * 8,
        "date_ms": str(int(time.time() * 1000) - 600_000 + n),
        "link": f"https://app.datadoghq.example/monitors/{4711000 + problem}?group={scope}",
        "alert_id": str(4711000 + problem),
        "alert_cycle_key": f"{problem}-{n // (PROBLEMS * len(TRANSITIONS))}",
        "alert_transition": transition,
        "alert_type": "success" if transition == "Recovered" else "error",
        "alert_title": f"[{transition} on {{{scope}}}] Errors of shop-{problem:02} are high",
        "alert_priority": "P2",
        "alert_query": "sum(last_5m):sum:shop.errors{env:prod} by {host,service} > 10",
        "alert_scope": scope,
        "hostname": f"web-{problem:02}",
        "tags": f"env:prod,monitor,{scope}",
        "tag_service": f"shop-{problem:02}",
        "tag_env": "prod",
    }
    return json.dumps(fields).encode()


async def send(port: int, bodies: Sequence[bytes]) -> Load:
    """Send them all over a few connections, each of which sends its next one when it is answered."""
    waiting = iter(enumerate(bodies))
    answers: list[Mapping[str, Any]] = [{} for _ in bodies]
    took = [0.0] * len(bodies)
    started = time.perf_counter()
    await asyncio.gather(*(_send_some(port, waiting, answers, took) for _ in range(CONNECTIONS)))
    return Load(answers=answers, took=took, seconds=time.perf_counter() - started)


async def _send_some(
    port: int, waiting: Iterator[tuple[int, bytes]], answers: list[Mapping[str, Any]], took: list[float]
) -> None:
    connection = None
    for number, body in waiting:
        started = time.perf_counter()
        for _ in range(TRIES):
            try:
                connection = connection or await asyncio.open_connection("127.0.0.1", port)
                answers[number] = await _sent(*connection, number, body)
                break
            except (OSError, EOFError, NotStoredError):
                if connection:
                    connection[1].close()
                connection = None
                await asyncio.sleep(PAUSE)
        took[number] = time.perf_counter() - started
    if connection:
        connection[1].close()


class NotStoredError(Exception):
    """The answer was not 202."""


async def _sent(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, body: bytes
) -> Mapping[str, Any]:
    """The answer. By hand: a client library would cost more than the servers that are compared."""
    head = (
        f"POST /datadog/webhook HTTP/1.1\r\nHost: bench\r\nX-Muster-Token: {SECRET}\r\nX-Number: {number}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(answer.partition("content-length:")[2].partition("\r\n")[0])
    told: Mapping[str, Any] = json.loads(await reader.readexactly(length))
    if not answer.startswith("http/1.1 202"):
        raise NotStoredError(answer.splitlines()[0])
    return told


# ------------------------------------------------------------------ what the floor commits


def _prepare_floor(url: str, floor_url: str, answers: Sequence[Mapping[str, Any]], file: Path) -> None:
    """A database with the incidents and problems, and a file with the rows of each request."""
    from bot.store import Store

    Store.open(floor_url).close()
    ours, floor = connect(url), connect(floor_url)
    try:
        with ours.connect() as source, floor.begin() as target:
            for table in (schema.incident, schema.problem):
                if found := [dict(row._mapping) for row in source.execute(select(table))]:
                    target.execute(insert(table), found)
            file.write_text(json.dumps(_statements(source, answers)))
    finally:
        ours.dispose()
        floor.dispose()


def _statements(source: Connection, answers: Sequence[Mapping[str, Any]]) -> list[list[Statement]]:
    rows = {row["id"]: row for row in _raw(source, schema.delivery, DELIVERY)}
    heads = {key: seq for seq, key in source.exec_driver_sql("SELECT seq, key FROM fact")}
    after: dict[str, list[Statement]] = {id: [] for id in rows}
    for row in _raw(source, schema.ruling, RULING):
        after[row["delivery"]].append(_insert(schema.ruling, RULING, row))
    for table, columns in ((schema.fact, FACT), (schema.due, DUE)):
        for row in _raw(source, table, columns):
            delivery, slash, rest = row["key"].partition("/")
            if slash and delivery in after and rest.count("/") < 2 and row.get("source_type", "alert") == "alert":
                after[delivery].append(_insert(table, columns, row))  # what flows did later is not the request's
    made = []
    for answer in answers:
        row, told = rows[answer["delivery"]], list[Statement]()
        if not answer["duplicate"]:
            told = [*after[row["id"]], *_updates(row, heads.get(f"{row['id']}/0", 0))]
        made.append([_insert(schema.delivery, DELIVERY, row), *told])
    return made


def _raw(source: Connection, table: Table, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Every row as text, as both databases take it back."""
    text = "{}::text" if source.dialect.name == "postgresql" else "{}"
    chosen = ", ".join(text.format(column) for column in columns)
    for row in source.exec_driver_sql(f"SELECT {chosen} FROM {table.name}"):  # noqa: S608 - our own names
        values = [value.decode() if isinstance(value, bytes) else value for value in row]
        yield dict(zip(columns, values, strict=True))


def _insert(table: Table, columns: Sequence[str], row: Mapping[str, Any]) -> Statement:
    places = ", ".join("?" for _ in columns)
    sql = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({places}) ON CONFLICT DO NOTHING"  # noqa: S608
    return sql, [row[column] for column in columns]


def _updates(row: Mapping[str, Any], head: int) -> Sequence[Statement]:
    """The two derived rows that change with an alert."""
    return (
        ("UPDATE incident SET head = ? WHERE number = ?", (head, row["incident"])),
        ("UPDATE problem SET last_at = ? WHERE incident = ?", (row["received_at"], row["incident"])),
    )
