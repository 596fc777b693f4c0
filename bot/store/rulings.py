"""What was decided about each alert, and all that is needed to decide about the next one.

Every query here is run for every alert, so each one looks at few rows, however many incidents there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Integer, Select, and_, bindparam, func, insert, or_, select, update

from bot.alert import Alert, Condition
from bot.incident import Status
from bot.store import proposals, schema
from bot.store.gathered import Gathered
from bot.store.statements import Asked, Fixed, run
from bot.triage.judge import Decision, Ruling
from bot.triage.known import Known, Limits, Past, Problem, Wanted
from bot.triage.proposal import Proposal, ProposalState
from bot.triage.reasons import Why

CONDITIONS = {condition.value: condition for condition in Condition}
HOUR = timedelta(hours=1)
FEW = 20  # incidents that are looked at for one problem
MANY = 200  # open problems that are looked at for one place
AT_ONCE = 500  # names in one question
FOR_A_CYCLE = 8  # words on one problem for each cycle that makes it flap: more than it takes to see that it does


@dataclass(frozen=True, kw_only=True)
class Ruled:
    """What was decided about one alert: the `n`th of its delivery."""

    delivery: str
    n: int
    fingerprint: str
    at: datetime
    condition: str
    received_at: datetime
    incident: int | None
    proposal: str
    ruling: str
    why: str
    reason: str


def _homes(found: Any) -> Select[Any]:
    """These problems with their incidents, if those are open or were closed lately."""
    incident = schema.incident.c
    return (
        select(found, incident.status)
        .join(schema.incident, incident.number == found.c.incident)
        .where(or_(incident.status != Status.CLOSED.value, incident.closed_at >= bindparam("since")))
    )


def _of_one(column: Any) -> Select[Any]:
    table = schema.problem
    newest = select(table).where(column == bindparam("name")).order_by(table.c.last_at.desc()).limit(FEW)
    return _homes(newest.subquery())


def _in_place(where: Any) -> Fixed:
    table = schema.problem
    return Fixed(lambda _: _homes(select(table).where(and_(table.c.open, where)).limit(MANY).subquery()))


BY_FINGERPRINT = Fixed(lambda _: _of_one(schema.problem.c.fingerprint))
BY_CYCLE = Fixed(lambda _: _of_one(schema.problem.c.cycle))
BY_PLACE = _in_place(
    schema.problem.c.place.in_([bindparam("name", type_=schema.Words), bindparam("wider", type_=schema.Words)])
)
WITHIN = _in_place(
    or_(
        schema.problem.c.place == bindparam("name"),
        func.substr(schema.problem.c.place, 1, bindparam("length", type_=Integer))
        == bindparam("inside", type_=schema.Words),
    )
)
KEEP = Fixed(
    lambda _: insert(schema.ruling),
    keys=(
        *("delivery", "n", "fingerprint", "cycle", "at", "condition", "received_at"),
        *("incident", "proposal", "ruling", "why", "reason"),
    ),
)
THE_PAST = Fixed(
    lambda _: (
        select(schema.ruling.c.at, schema.ruling.c.condition, schema.ruling.c.cycle)
        .where(schema.ruling.c.fingerprint == bindparam("name"))
        .order_by(schema.ruling.c.at.desc())
        .limit(bindparam("words", type_=Integer))
    )
)
OPENED = Fixed(
    lambda _: (
        select(func.count().label("count"))
        .select_from(schema.ruling)
        .where(schema.ruling.c.ruling == Ruling.OPEN.value, schema.ruling.c.received_at > bindparam("since"))
    )
)
STORM = Fixed(
    lambda _: (
        select(schema.ruling.c.incident)
        .join(schema.incident, schema.incident.c.number == schema.ruling.c.incident)
        .where(
            schema.ruling.c.ruling == Ruling.OPEN.value,
            schema.ruling.c.why == Why.STORM.value,
            schema.incident.c.status != Status.CLOSED.value,
        )
        .order_by(schema.ruling.c.received_at.desc())
        .limit(1)
    )
)


class Rulings:
    """The part of a transaction that concerns alerts."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered

    @property
    def _connection(self) -> Connection:
        return self._gathered.connection

    def look_ahead(self, alerts: Iterable[Alert], *, now: datetime, limits: Limits) -> None:
        """Ask now, and for all of them at once, what `known` asks for each."""
        names = list(dict.fromkeys(alert.fingerprint for alert in alerts))
        self._gathered.ahead = dict(zip(names, self._here(names, now, limits), strict=True))

    def known(self, alert: Alert, *, place: str, env: str, now: datetime, limits: Limits, wanted: Wanted) -> Known:
        """All that matters for this alert: no more than its own problem where an open incident has that already."""
        ahead = self._gathered.ahead.pop(alert.fingerprint, None)
        rows, past = ahead or self._here([alert.fingerprint], now, limits)[0]
        told = Known(problems=_problems(rows), past=past, all_past=len(past) < _words(limits))
        if any(problem.open for problem in told.problems):
            return told
        since = now - limits.cool_off
        connection, hour = self._gathered.reading, {"since": now - HOUR}
        asked: list[Asked] = [(proposals.ALIVE, [{"since": since}]), (OPENED, [hour]), (proposals.MADE, [hour])]
        waiting, opened, made, *around = run(connection, *asked, *_around(alert, place, env, since))
        per_hour = opened[0][0].count
        return replace(
            told,
            problems=[*_problems([*rows, *chain(*chain(*around))]), *_proposed(proposals.read(waiting[0]))],
            opened=per_hour,
            proposed=made[0][0].count if wanted.do == "propose" else 0,
            storm=_storm(connection) if per_hour >= limits.per_hour else None,
        )

    def _here(self, names: Sequence[str], now: datetime, limits: Limits) -> list[tuple[list[Any], list[Past]]]:
        """The problems with these fingerprints, and the last words on each, whatever became of them."""
        connection, since = self._gathered.reading, now - limits.cool_off
        homes = [{"name": name, "since": since} for name in names]
        said = [{"name": name, "words": _words(limits)} for name in names]
        problems, words = run(connection, (BY_FINGERPRINT, homes), (THE_PAST, said))
        pasts = [[Past(row.at, CONDITIONS[row.condition], row.cycle) for row in rows] for rows in words]
        return list(zip(problems, pasts, strict=True))

    def last_words(self, fingerprints: Iterable[str]) -> dict[str, datetime]:
        """When it was last said of each of these problems that it is there, as far as it ever was."""
        columns = schema.ruling.c
        found: dict[str, datetime] = {}
        names = list(dict.fromkeys(fingerprints))
        for begin in range(0, len(names), AT_ONCE):
            asked = columns.fingerprint.in_(names[begin : begin + AT_ONCE])
            bad = columns.condition != Condition.RECOVERED.value
            query = select(columns.fingerprint, func.max(columns.at).label("at")).where(asked, bad)
            rows = self._connection.execute(query.group_by(columns.fingerprint))
            found |= {row.fingerprint: row.at for row in rows}
        return found

    def keep(
        self, alert: Alert, n: int, decision: Decision, *, incident: int | None, proposal: str, now: datetime
    ) -> None:
        """Keep what was decided about one alert of a delivery, and why."""
        values = {
            "delivery": alert.delivery,
            "n": n,
            "fingerprint": "" if alert.test or alert.condition is Condition.OTHER else alert.fingerprint,
            "cycle": alert.cycle,
            "at": alert.at,
            "condition": alert.condition.value,
            "received_at": now,
            "incident": incident,
            "proposal": proposal,
            "ruling": decision.ruling.value,
            "why": decision.why.value,
            "reason": decision.reason,
        }
        self._gathered.row(KEEP, values)

    def moved(self, fingerprints: Iterable[str], *, old: int, new: int, why: Why, reason: str) -> None:
        """A person regrouped these problems of an incident."""
        table = schema.ruling
        query = update(table).where(table.c.incident == old, table.c.fingerprint.in_(list(fingerprints)))
        self._connection.execute(query.values(incident=new, why=why.value, reason=reason))

    def taken(self, proposal: str, *, new: int, why: Why, reason: str) -> None:
        """A proposal became this incident."""
        table = schema.ruling
        values = {"incident": new, "why": why.value, "reason": reason}
        self._connection.execute(update(table).where(table.c.proposal == proposal).values(values))

    def of_delivery(self, id: str) -> list[Ruled]:
        """What was decided about each alert of a delivery."""
        table = schema.ruling
        rows = self._connection.execute(select(table).where(table.c.delivery == id).order_by(table.c.n))
        return [_ruled(row) for row in rows]

    def of_incident(self, number: int) -> list[Ruled]:
        """What was decided about each alert that belongs to this incident, oldest first."""
        table = schema.ruling
        query = select(table).where(table.c.incident == number)
        rows = self._connection.execute(query.order_by(table.c.received_at, table.c.delivery, table.c.n))
        return [_ruled(row) for row in rows]


def _ruled(row: Any) -> Ruled:
    return Ruled(**{name: getattr(row, name) for name in Ruled.__dataclass_fields__})


def _words(limits: Limits) -> int:
    return FOR_A_CYCLE * limits.cycles


def _around(alert: Alert, place: str, env: str, since: datetime) -> list[Asked]:
    """The questions about what is not the same problem, but of the same cycle, or in the same place."""
    asked: list[Asked] = []
    if alert.cycle:
        asked.append((BY_CYCLE, [{"name": alert.cycle, "since": since}]))
    if place and env:
        asked.append((BY_PLACE, [{"name": place, "wider": place.removesuffix(f" {env}"), "since": since}]))
    elif place:
        asked.append((WITHIN, [{"name": place, "inside": f"{place} ", "length": len(place) + 1, "since": since}]))
    return asked


def _storm(connection: Connection) -> int | None:
    row = STORM.first(connection, {})
    return None if row is None else row.incident


def _problems(rows: Sequence[Any]) -> list[Problem]:
    """The surest home first."""
    found = {(row.incident, row.fingerprint): row for row in rows}.values()
    ordered = sorted(found, key=lambda row: (row.open, row.last_at, row.incident), reverse=True)
    return [read_problem(row) for row in ordered]


def read_problem(row: Any) -> Problem:
    """The problem of a row that also has its incident's status."""
    return Problem(
        incident=row.incident,
        fingerprint=row.fingerprint,
        cycle=row.cycle,
        place=row.place,
        firing=row.firing,
        open=row.status != Status.CLOSED.value,
        last_at=row.last_at,
    )


def _proposed(found: Sequence[Proposal]) -> list[Problem]:
    """The problems of proposals, as homes for alerts."""
    return [
        Problem(
            incident=0,
            fingerprint=last.fingerprint,
            cycle=last.cycle,
            place=last.place,
            firing=last.bad,
            open=proposal.state is ProposalState.WAITING,
            last_at=last.at,
            proposal=proposal.id,
            dismissed=proposal.state is ProposalState.IGNORED,
        )
        for proposal in found
        if proposal.state is not ProposalState.OPENED
        for last in proposal.last_words
    ]
