"""The derived tables: what `incident` and `problem` must say after the facts that are being appended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from bot.alert import in_turn
from bot.facts import (
    AlertAttached,
    AlertsLeft,
    ChecksAnswered,
    Fact,
    Imported,
    Joined,
    MergedInto,
    RepairMoved,
    fold,
)
from bot.incident import AlertSeen, Channel, Incident, Status, View
from bot.ports import TryAgain
from bot.store import schema
from bot.store.rows import read_fact, read_facts
from bot.store.statements import Fixed

EVER = 2**62  # a sequence number that no fact reaches
NEED_ALL = (ChecksAnswered, RepairMoved)
"""Facts whose meaning depends on more than the derived row holds. For the others the row and they are enough."""


SAVE = Fixed(
    lambda _: update(schema.incident).where(schema.incident.c.number == bindparam("which")),
    keys=(
        *("title", "severity", "status", "service", "private", "drill"),
        *("opened_at", "closed_at", "channel_id", "channel_name", "head"),
    ),
)
MOVE_ON = Fixed(lambda _: update(schema.incident).where(schema.incident.c.number == bindparam("which")), keys=("head",))
HERE = and_(schema.problem.c.incident == bindparam("number"), schema.problem.c.fingerprint == bindparam("named"))
KNOWN = Fixed(lambda _: select(schema.problem).where(HERE))
HEARD_OF = Fixed(lambda _: update(schema.problem).where(HERE), keys=("cycle", "place", "firing", "last_at"))


def derive(connection: Connection, row: Any, new: Sequence[Fact], *, head: int) -> None:
    """Bring an incident's derived rows up to date with its new facts; `row` is its row before them, locked."""
    state = _before(connection, row, new)
    for fact in new:
        _follow(connection, state, fact)
    _save(connection, state, head=head, before=row)


@dataclass(kw_only=True)
class Change:
    """An incident's row, locked, and the facts that were added to it; its new head is the number of the last one."""

    row: Any
    facts: list[Fact] = field(default_factory=list)
    head: int = 0

    def add(self, fact: Fact, seq: int) -> None:
        """One more fact, recorded under this number."""
        self.facts.append(fact)
        self.head = seq


def derive_alerts(connection: Connection, changes: Sequence[Change]) -> None:
    """Like `derive`, for incidents that got nothing but alerts: most of these say something newer of what is known."""
    said = [({"number": change.row.number, "named": a.fingerprint}, a) for change in changes for a in _alerts(change)]
    found = KNOWN.each(connection, [here for here, _ in said])
    last = [row.last_at if row else None for row in (next(iter(rows), None) for rows in found)]
    times = Counter((here["number"], here["named"]) for here, _ in said)
    # A new problem, or several words at once, of which the times alone do not tell the last one.
    rare = {
        here["number"]
        for (here, alert), at in zip(said, last, strict=True)
        if at is None or at == alert.at or times[here["number"], here["named"]] > 1
    }
    newer = [(here, alert) for (here, alert), at in zip(said, last, strict=True) if at and alert.at > at]
    HEARD_OF.many(connection, [{**here, **_told(alert)} for here, alert in newer if here["number"] not in rare])
    MOVE_ON.many(connection, [{"which": c.row.number, "head": c.head} for c in changes if c.row.number not in rare])
    for change in changes:
        if change.row.number in rare:
            derive(connection, change.row, change.facts, head=change.head)


def _alerts(change: Change) -> list[AlertSeen]:
    whats = [fact.what for fact in change.facts]
    return [what.alert for what in whats if isinstance(what, AlertAttached) and what.alert.fingerprint]


def rebuild(connection: Connection) -> None:
    """Make all derived rows again from the facts alone."""
    connection.execute(delete(schema.problem))
    states: dict[int, Incident] = {}
    heads: dict[int, int] = {}
    for row in connection.execute(select(schema.fact).order_by(schema.fact.c.seq)).all():
        fact = read_fact(row)
        state = states.setdefault(row.incident, Incident(number=row.incident, opened_at=fact.when))
        heads[row.incident] = row.seq
        _follow(connection, state, fact)
    for number, state in states.items():
        _save(connection, state, head=heads[number])


def _before(connection: Connection, row: Any, new: Sequence[Fact]) -> Incident:
    if not row.head:
        return Incident(number=row.number, opened_at=new[0].when)
    if any(isinstance(fact.what, NEED_ALL) for fact in new):
        return fold(row.number, read_facts(connection, row.number, until=row.head))
    return Incident(
        number=row.number,
        title=row.title,
        severity=row.severity,
        status=Status(row.status),
        service=row.service,
        private=row.private,
        drill=row.drill,
        opened_at=row.opened_at,
        times={"closed": row.closed_at} if row.closed_at else {},
        view=View(channel=Channel(id=row.channel_id, name=row.channel_name) if row.channel_id else None),
    )


def _save(connection: Connection, state: Incident, *, head: int, before: Any = None) -> None:
    """Write the incident's row; only its head where nothing else differs from the row `before`."""
    channel = state.view.channel or Channel(id="", name="")
    values = {
        "title": state.title,
        "severity": state.severity,
        "status": state.status.value,
        "service": state.service,
        "private": state.private,
        "drill": state.drill,
        "opened_at": state.opened_at,
        "closed_at": state.closed_at,
        "channel_id": channel.id,
        "channel_name": channel.name,
    }
    changed = before is None or any(getattr(before, name) != value for name, value in values.items())
    if changed:
        SAVE.all(connection, {"which": state.number, "head": head, **values})
    else:
        MOVE_ON.all(connection, {"which": state.number, "head": head})


def _follow(connection: Connection, state: Incident, fact: Fact) -> None:
    was_open = state.open
    fact.what.add_to(state, fact)
    if isinstance(fact.what, AlertAttached):
        _attach(connection, state, fact.what.alert)
    elif isinstance(fact.what, Imported):
        for alert in state.alerts:
            _attach(connection, state, alert, give_way=True)
    elif isinstance(fact.what, Joined):
        for alert in fact.what.alerts:
            _attach(connection, state, alert)
    elif isinstance(fact.what, AlertsLeft):
        _forget(connection, state, fact.what.fingerprints)
    elif isinstance(fact.what, MergedInto):
        _forget(connection, state)
    if state.open != was_open:
        _flip(connection, state)


def _attach(connection: Connection, state: Incident, alert: AlertSeen, *, give_way: bool = False) -> None:
    """Remember the problem. One that another open incident has is refused, or with `give_way` left to that one."""
    if not alert.fingerprint:
        return
    here = {"number": state.number, "named": alert.fingerprint}
    values = _told(alert)
    known = KNOWN.first(connection, here)
    if known is not None:
        if not _late(connection, state, known, alert):  # something older says nothing about now
            HEARD_OF.all(connection, {**here, **values})
        return
    elsewhere = give_way and _elsewhere(connection, state, alert.fingerprint)
    values |= {
        "incident": state.number,
        "fingerprint": alert.fingerprint,
        "open": state.open and not elsewhere,
    }
    try:
        connection.execute(insert(schema.problem).values(values))
    except IntegrityError as taken:
        raise TryAgain(
            f"Another open incident already has this problem ({alert.fingerprint}).", reason="conflict"
        ) from taken


def _told(alert: AlertSeen) -> dict[str, Any]:
    """What a problem's row says after this alert."""
    return {"cycle": alert.cycle, "place": alert.place, "firing": alert.bad, "last_at": alert.at}


def _late(connection: Connection, state: Incident, known: Any, alert: AlertSeen) -> bool:
    """Whether a later word is known already. Of one instant all words count; seldom there are several."""
    if alert.at != known.last_at or alert.bad == known.firing:
        return bool(alert.at < known.last_at)
    told = [*fold(state.number, read_facts(connection, state.number, until=EVER)).alerts, *state.alerts]
    here = [a for a in told if (a.fingerprint, a.at) == (alert.fingerprint, alert.at)]
    return in_turn(here)[-1].bad != alert.bad


def _forget(connection: Connection, state: Incident, fingerprints: Sequence[str] | None = None) -> None:
    """These problems, or all, are another incident's from now on."""
    table = schema.problem
    query = delete(table).where(table.c.incident == state.number)
    connection.execute(query if fingerprints is None else query.where(table.c.fingerprint.in_(fingerprints)))


def _elsewhere(connection: Connection, state: Incident, fingerprint: str) -> bool:
    problem = schema.problem.c
    taken = exists().where(problem.fingerprint == fingerprint, problem.incident != state.number, problem.open.is_(True))
    return bool(connection.scalar(select(taken)))


def _flip(connection: Connection, state: Incident) -> None:
    """Open or close the incident's problems with it; what another incident has meanwhile stays with that one."""
    mine = schema.problem
    other = schema.problem.alias()
    taken = exists().where(
        other.c.fingerprint == mine.c.fingerprint, other.c.incident != state.number, other.c.open.is_(True)
    )
    opens = ~taken if state.open else False
    connection.execute(update(mine).where(mine.c.incident == state.number).values(open=opens))
