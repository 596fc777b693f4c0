"""The derived tables: what `incident` and `problem` must say after the facts that are being appended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, delete, exists, insert, or_, select, update
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
from bot.store.statements import Asked, Fixed

PAGE = 1000  # facts that are read at once
NEED_ALL = (ChecksAnswered, RepairMoved)
"""Facts whose meaning depends on more than the derived row holds. For the others the row and they are enough."""
SEVERAL = [kind.__name__ for kind in (AlertsLeft, Imported, Joined)]
"""Facts that bring or take alerts of any time."""


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
TOLD = ("cycle", "place", "firing", "last_at")
FIRST_HEARD = Fixed(lambda _: insert(schema.problem), keys=("incident", "fingerprint", *TOLD, "open"))
HEARD_OF = Fixed(lambda _: update(schema.problem).where(HERE), keys=TOLD)


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


def derive_alerts(
    connection: Connection, changes: Sequence[Change], known: Mapping[tuple[int, str], datetime]
) -> Sequence[Asked]:
    """Like `derive`, for incidents that got nothing but alerts: most of these say something newer of what is known.

    `known`: when something was last said of an incident's problem. Gives what is still to be run, in any order.
    """
    said = [(change, alert) for change in changes for fact in change.facts for alert in alerts_of(fact)]
    times = Counter((change.row.number, alert.fingerprint) for change, alert in said)
    first, newer, rare = [], [], {change.row.number for change in changes if not change.row.head}
    for change, alert in said:
        number, named = change.row.number, alert.fingerprint
        last = known.get((number, named))
        if times[number, named] > 1 or last == alert.at:  # the times alone do not tell the last word
            rare.add(number)
        elif last is None:
            is_open = change.row.status != Status.CLOSED.value
            first.append({"incident": number, "fingerprint": named, **_told(alert), "open": is_open})
        elif alert.at > last:
            newer.append({"number": number, "named": named, **_told(alert)})
    for change in changes:
        if change.row.number in rare:
            derive(connection, change.row, change.facts, head=change.head)
    moved = [{"which": c.row.number, "head": c.head} for c in changes if c.row.number not in rare]
    return (
        (FIRST_HEARD, [row for row in first if row["incident"] not in rare]),
        (HEARD_OF, [row for row in newer if row["number"] not in rare]),
        (MOVE_ON, moved),
    )


@contextmanager
def one_home() -> Iterator[None]:
    """A problem has one open incident: what gives it a second one raises TryAgain (conflict)."""
    try:
        yield
    except IntegrityError as taken:
        raise TryAgain("Another open incident already has this problem.", reason="conflict") from taken


def alerts_of(fact: Fact) -> list[AlertSeen]:
    """The alert of a problem that this fact attaches; none for what names no problem."""
    what = fact.what
    return [what.alert] if isinstance(what, AlertAttached) and what.alert.fingerprint else []


def rebuild(connection: Connection) -> int:
    """Make all derived rows again from the facts alone, and answer for how many incidents."""
    connection.execute(delete(schema.problem))
    states: dict[int, Incident] = {}
    heads: dict[int, int] = {}
    for row in _all_facts(connection):
        fact = read_fact(row)
        state = states.setdefault(row.incident, Incident(number=row.incident, opened_at=fact.when))
        heads[row.incident] = row.seq
        _follow(connection, state, fact)
    for number, state in states.items():
        _save(connection, state, head=heads[number])
    return len(states)


def _all_facts(connection: Connection) -> Iterator[Row[Any]]:
    """The rows of all facts, in order; never all of them at once in memory."""
    seq = schema.fact.c.seq
    query = select(schema.fact).order_by(seq).limit(PAGE)
    last = 0
    while rows := connection.execute(query.where(seq > last)).all():
        yield from rows
        last = rows[-1].seq


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
    channel = state.view.channel
    if channel is None or not channel.id:  # a name alone is no channel
        channel = Channel(id="", name="")
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
    with one_home():
        FIRST_HEARD.all(connection, values)


def _told(alert: AlertSeen) -> dict[str, Any]:
    """What a problem's row says after this alert."""
    return {"cycle": alert.cycle, "place": alert.place, "firing": alert.bad, "last_at": alert.at}


def _late(connection: Connection, state: Incident, known: Any, alert: AlertSeen) -> bool:
    """Whether a later word is known already. Of one instant all words count; seldom there are several."""
    if alert.at != known.last_at or alert.bad == known.firing:
        return bool(alert.at < known.last_at)
    here = [a for a in _told_at(connection, state, alert.at) if (a.fingerprint, a.at) == (alert.fingerprint, alert.at)]
    return in_turn([*here, alert])[-1].bad != alert.bad


def _told_at(connection: Connection, state: Incident, at: datetime) -> list[AlertSeen]:
    """The alerts of this instant: of the facts, only those that may tell of one are read."""
    fact = schema.fact.c
    may = or_(fact.kind.in_(SEVERAL), and_(fact.kind == AlertAttached.__name__, fact.occurred_at == at))
    query = select(schema.fact).where(fact.incident == state.number, may).order_by(fact.seq)
    told = Incident(number=state.number, opened_at=state.opened_at)
    for row in connection.execute(query):
        found = read_fact(row)
        found.what.add_to(told, found)
    return [*told.alerts, *state.alerts]


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
