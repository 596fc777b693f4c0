"""What can be done in one transaction: either all of it is on disk afterwards, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, exists, func, insert, literal, or_, select, update

from bot.facts import Fact
from bot.incident import Incident, Status
from bot.journal import from_json, to_json
from bot.runbook.limits import Begun
from bot.said import Reply, Said
from bot.store import proposals, rehearsals, schema, underway
from bot.store.derive import derive
from bot.store.folds import Folds
from bot.store.gathered import DELIVERY, Gathered, lock_each
from bot.store.rows import Delivery, defaults, fact_row, insert_each, insert_new
from bot.store.rulings import Rulings, read_problem
from bot.store.statements import Fixed
from bot.triage.known import Problem
from bot.triage.proposal import Proposal

NO_INCIDENT = 0
"""Where flows are filed that concern no incident: a number that is taken and never gets a fact."""


REPLY = Fixed(lambda _: select(schema.heard.c.reply).where(schema.heard.c.key == bindparam("key")))
ANSWER = Fixed(
    lambda _: update(schema.heard).where(schema.heard.c.key == bindparam("said_as")), keys=("reply", "done_at")
)
AGAIN = Fixed(
    lambda _: (
        update(schema.delivery)
        .where(schema.delivery.c.dedupe == bindparam("name"))
        .values(repeats=schema.delivery.c.repeats + 1)
        .returning(*schema.delivery.c)
    )
)
NEXT = Fixed(lambda _: _next_incident())
DUE = Fixed(
    lambda insert: insert(schema.due).on_conflict_do_nothing(), keys=("key", "flow", "incident", "args", "created_at")
)
BEGUN = tuple(column.name for column in schema.begun.c)
CAPTURED_IN = 5
"""Into so many incidents one message may be captured."""


def capture_keys(message: str) -> list[str]:
    """The keys of the facts that capture this message, one for each incident that does."""
    return [f"captured/{message}/{at}" for at in range(1, CAPTURED_IN + 1)]


def _next_incident() -> Any:
    """An empty row with the next number."""
    columns = schema.incident.c
    unset = {name: literal(value, columns[name].type) for name, value in defaults(schema.incident).items()}
    empty = select(func.coalesce(func.max(columns.number), 0) + 1, *unset.values())
    return insert(schema.incident).from_select(["number", *unset], empty).returning(*columns)


class Transaction:
    """Reads what it wrote itself. Lives as long as `Store.transaction` and must not be kept."""

    def __init__(self, connection: Connection, folds: Folds) -> None:
        self._gathered = Gathered(connection)
        self._folds = folds
        self._fresh: dict[int, Any] = {}  # the rows of incidents that have no fact yet
        self._settled = True  # all that is seen is on disk

    @property
    def _connection(self) -> Connection:
        return self._gathered.connection

    def write(self) -> None:
        """Write what was kept back to be written together with more. Raises TryAgain like `append`."""
        self._gathered.write()

    def lock(self, number: int) -> Any:
        """Make everybody else wait who changes this incident. Raises NotAllowed when there is none."""
        return lock_each(self._connection, [number])[0]

    def heard(self, said: Said) -> bool:
        """Keep what somebody said. False when it was heard before: then nothing changes."""
        values = {"key": said.key, "received_at": datetime.now(UTC), "said": to_json(said)}
        return insert_new(self._connection, schema.heard, values) is not None

    def twin(self, said: Said) -> str:
        """The key under which the same was heard already, else its own; needs `intake=True`."""
        if not said.twins:
            return said.key
        heard = schema.heard.c
        query = select(heard.key).where(heard.key.between(said.twins[0], said.twins[-1])).order_by(heard.seq)
        return next(iter(self._connection.scalars(query)), said.key)

    def reply_to(self, key: str) -> Reply | None:
        """The answer that was given to it."""
        row = REPLY.first(self._connection, {"key": key})
        return None if row is None or row.reply is None else from_json(Reply, row.reply)

    def said(self, key: str) -> Said | None:
        """What was heard under this key."""
        heard = schema.heard.c
        data = self._connection.scalar(select(heard.said).where(heard.key == key))
        return None if data is None else from_json(Said, data)

    def answer(self, key: str, reply: Reply) -> None:
        """Keep the answer; nothing remains to be done about what was said."""
        ANSWER.all(self._connection, {"said_as": key, "reply": to_json(reply), "done_at": datetime.now(UTC)})

    def new_incident(self) -> int:
        """The next number, without gaps; needs `intake=True`. Its first fact must follow in this transaction."""
        row = NEXT.first(self._connection, {})
        self._fresh[row.number] = row
        return int(row.number)

    def take_number(self, number: int) -> bool:
        """Take this very number for an imported incident. False when it is taken."""
        return insert_new(self._connection, schema.incident, {"number": number}) is not None

    def append(self, number: int, facts: Iterable[Fact]) -> int:
        """Record facts in this order; those whose key is known are passed over. How many were new.

        Raises TryAgain (conflict) when an alert brings a problem that another open incident has: judge it again.
        """
        self._settled = False
        row = self._fresh.pop(number, None) or self.lock(number)
        given = list(facts)
        made = insert_each(self._connection, schema.fact, [fact_row(number, fact) for fact in given])
        new = [fact for fact, added in zip(given, made, strict=True) if added]
        if new:
            derive(self._connection, row, new, head=max(added.seq for added in made if added))
        return len(new)

    def attach(self, number: int, fact: Fact) -> None:
        """Record an alert that belongs to this incident, like `append`, but together with others that follow."""
        self._settled = False
        self._gathered.alert(number, fact)

    def recorded(self, keys: Iterable[str]) -> frozenset[str]:
        """Which of these keys facts have already."""
        wanted = list(keys)
        column = schema.fact.c.key
        parts = (wanted[at : at + 500] for at in range(0, len(wanted), 500))  # databases limit the length of a list
        queries = (select(column).where(column.in_(part)) for part in parts)
        return frozenset(key for query in queries for key in self._connection.scalars(query))

    def incident(self, number: int) -> Incident | None:
        """The incident with all that this transaction has appended; None when there is none."""
        return self._folds.read(self._connection, number, keep=self._settled)

    def once_every(self, name: str, every: timedelta, now: datetime) -> bool:
        """Whether so much time has passed since it was last true; counting begins with the first question."""
        pulse = schema.pulse
        if insert_new(self._connection, pulse, {"name": name, "at": now}):
            return False
        mine = pulse.c.name == name
        last: datetime = self._connection.execute(select(pulse.c.at).where(mine).with_for_update()).scalar_one()
        if now - last < every:
            return False
        self._connection.execute(update(pulse).where(mine).values(at=now))
        return True

    def begun(self, repair: Begun) -> None:
        """Keep that a repair begins; doing it again changes nothing."""
        insert_new(self._connection, schema.begun, {name: getattr(repair, name) for name in BEGUN})

    def begun_since(self, since: datetime) -> list[Begun]:
        """The repairs of all incidents that began since."""
        begun, kept = schema.begun.c, schema.underway.c.repair
        running = exists().where(kept == begun.plan).label("running")
        query = select(schema.begun, running).where(begun.at >= since).order_by(begun.at)
        return [Begun(**row._asdict()) for row in self._connection.execute(query)]

    def underway(self, repair: str, plan: str) -> None:
        """Keep the plan of a repair that begins, with the bytes that may have to be put back."""
        underway.keep(self._connection, repair, plan)

    def ended(self, repair: str) -> None:
        """Keep nothing more of how a repair is carried out."""
        underway.forget(self._connection, repair)

    def rehearsed(self, runbook: str, host: str, states: dict[str, str], at: datetime) -> None:
        """Keep how the checks of a runbook ended on a host while all was well."""
        rehearsals.keep(self._connection, runbook, host, states, at)

    def incident_in(self, channel_id: str) -> int | None:
        """The incident of this channel."""
        incident = schema.incident.c
        query = select(func.max(incident.number)).where(incident.channel_id == channel_id)
        return self._connection.scalar(query) if channel_id else None

    def captured(self, message: str) -> list[int]:
        """The incidents into whose timelines this message of the chat was captured."""
        fact = schema.fact.c
        query = select(fact.incident).where(fact.key.in_(capture_keys(message))).order_by(fact.incident)
        return list(self._connection.scalars(query))

    @property
    def rulings(self) -> Rulings:
        """What was decided about alerts, and what is needed to decide."""
        return Rulings(self._gathered)

    def proposal(self, id: str) -> Proposal | None:
        """The proposal with this id."""
        return proposals.find(self._connection, id)

    def save_proposal(self, proposal: Proposal) -> None:
        """Keep a proposal as it is now."""
        proposals.save(self._connection, proposal)

    def problems(self, since: datetime) -> list[Problem]:
        """The problems of all unclosed incidents and of those closed since; the surest home comes first."""
        incident, problem = schema.incident.c, schema.problem.c
        query = (
            select(schema.problem, incident.status)
            .join(schema.incident, incident.number == problem.incident)
            .where(or_(incident.status != Status.CLOSED.value, incident.closed_at >= since))
            .order_by(problem.open.desc(), problem.last_at.desc(), problem.incident.desc())
        )
        return [read_problem(row) for row in self._connection.execute(query)]

    def deliver(self, *deliveries: Delivery) -> list[Delivery]:
        """Keep deliveries; for each itself, or the first one, marked as duplicate, when it repeats that.

        Needs `intake=True`.
        """
        names = dict.fromkeys(schema.inert(delivery.dedupe) for delivery in deliveries)
        found = AGAIN.made(self._connection, [{"name": name} for name in names])
        known = {row.dedupe: read_delivery(row) for row in found}
        return [self._first(delivery, known, names) for delivery in deliveries]

    def _first(self, delivery: Delivery, known: Mapping[str, Delivery], names: dict[str, None]) -> Delivery:
        """`names` are those that were not met yet in this group."""
        name = schema.inert(delivery.dedupe)
        if name not in names:
            return replace(read_delivery(AGAIN.first(self._connection, {"name": name})), duplicate=True)
        del names[name]
        if first := known.get(name):
            return replace(first, duplicate=True)
        self._gathered.delivery({column: getattr(delivery, column) for column in DELIVERY})
        return delivery

    def ruled(self, delivery_id: str, *, incident: int | None, ruling: str, reason: str) -> None:
        """Keep what was decided about a delivery, and why."""
        self._gathered.ruled(delivery_id, {"incident": incident, "ruling": ruling, "reason": reason})

    def beat(self, name: str, at: datetime) -> datetime | None:
        """Keep the time of the last sign of life, which only moves on; the one before it, None at the first."""
        pulse = schema.pulse
        if insert_new(self._connection, pulse, {"name": name, "at": at}):
            return None
        query = select(pulse.c.at).where(pulse.c.name == name).with_for_update()
        before: datetime = self._connection.execute(query).scalar_one()
        if at > before:
            self._connection.execute(update(pulse).where(pulse.c.name == name).values(at=at))
        return before

    def intend(self, key: str) -> bool:
        """Remember, with what is recorded here, the intent to do what must not happen twice. True the first time."""
        return insert_new(self._connection, schema.intent, {"key": key, "at": datetime.now(UTC)}) is not None

    def due(self, key: str, flow: str, incident: int, args: Mapping[str, Any] | None = None) -> None:
        """Make a flow due, once for each key.

        What concerns no incident is filed under NO_INCIDENT, which is a number but never an incident.
        """
        if incident == NO_INCIDENT:
            self.take_number(NO_INCIDENT)
        values = {"key": key, "flow": flow, "incident": incident, "args": to_json(args or {})}
        self._gathered.row(DUE, values | {"created_at": datetime.now(UTC)})

    def hasten(self, number: int, flow: str) -> int:
        """Let the flows of this name that wait for their time run at once; how many waited."""
        due = schema.due.c
        waiting = (due.incident == number) & (due.flow == flow) & due.done_at.is_(None)
        rows = self._connection.execute(select(due.seq, due.args).where(waiting)).all()
        for row in rows:
            now = {name: value for name, value in row.args.items() if name != "not_before"}
            self._connection.execute(update(schema.due).where(due.seq == row.seq).values(args=now))
        return len(rows)


def read_delivery(row: Any) -> Delivery:
    """The delivery of a row."""
    return Delivery(**row._asdict())
