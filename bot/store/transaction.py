"""What can be done in one transaction: either all of it is on disk afterwards, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from bot.facts import Fact, fold
from bot.incident import Incident, Status
from bot.journal import from_json, to_json
from bot.judge import Problem
from bot.ports import NotAllowed
from bot.said import Reply, Said
from bot.store import schema
from bot.store.derive import derive
from bot.store.rows import Delivery, fact_row, insert_new, read_facts

NO_INCIDENT = 0
"""Where flows are filed that concern no incident: a number that is taken and never gets a fact."""


def no_incident(number: int) -> NotAllowed:
    """The refusal for an incident that is not there, or not for whoever asks."""
    return NotAllowed(f"Nothing was done: there is no INC-{number}; “list” names the incidents.")


class Transaction:
    """Reads what it wrote itself. Lives as long as `Store.transaction` and must not be kept."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock(self, number: int) -> Row[Any]:
        """Make everybody else wait who changes this incident. Raises NotAllowed when there is none."""
        incident = schema.incident
        query = select(incident).where(incident.c.number == number).with_for_update()
        if (row := self._connection.execute(query).first()) is None:
            raise no_incident(number)
        return row

    def heard(self, said: Said) -> bool:
        """Keep what somebody said. False when it was heard before: then nothing changes."""
        values = {"key": said.key, "received_at": datetime.now(UTC), "said": to_json(said)}
        return insert_new(self._connection, schema.heard, values) is not None

    def reply_to(self, key: str) -> Reply | None:
        """The answer that was given to it."""
        heard = schema.heard.c
        data = self._connection.scalar(select(heard.reply).where(heard.key == key))
        return None if data is None else from_json(Reply, data)

    def answer(self, key: str, reply: Reply) -> None:
        """Keep the answer; nothing remains to be done about what was said."""
        heard = schema.heard
        values = {"reply": to_json(reply), "done_at": datetime.now(UTC)}
        self._connection.execute(update(heard).where(heard.c.key == key).values(values))

    def new_incident(self) -> int:
        """The next number, without gaps; needs `intake=True`. Its first fact must follow in this transaction."""
        number = (self._connection.scalar(select(func.max(schema.incident.c.number))) or 0) + 1
        self._connection.execute(insert(schema.incident).values(number=number))
        return number

    def take_number(self, number: int) -> bool:
        """Take this very number for an imported incident. False when it is taken."""
        return insert_new(self._connection, schema.incident, {"number": number}) is not None

    def append(self, number: int, facts: Iterable[Fact]) -> int:
        """Record facts in this order; those whose key is known are passed over. How many were new.

        Raises TryAgain (conflict) when an alert brings a problem that another open incident has: judge it again.
        """
        row = self.lock(number)
        head = row.head
        new: list[Fact] = []
        for fact in facts:
            if added := insert_new(self._connection, schema.fact, fact_row(number, fact)):
                head = added.seq
                new.append(fact)
        if new:
            derive(self._connection, row, new, head=head)
        return len(new)

    def incident(self, number: int) -> Incident | None:
        """The incident with all that this transaction has appended; None when there is none."""
        facts = list(read_facts(self._connection, number))
        return fold(number, facts) if facts else None

    def incident_in(self, channel_id: str) -> int | None:
        """The incident of this channel."""
        incident = schema.incident.c
        query = select(func.max(incident.number)).where(incident.channel_id == channel_id)
        return self._connection.scalar(query) if channel_id else None

    def problems(self, since: datetime) -> list[Problem]:
        """The problems of all unclosed incidents and of those closed since; the surest home comes first."""
        incident, problem = schema.incident.c, schema.problem.c
        query = (
            select(schema.problem, incident.status)
            .join(schema.incident, incident.number == problem.incident)
            .where(or_(incident.status != Status.CLOSED.value, incident.closed_at >= since))
            .order_by(problem.open.desc(), problem.last_at.desc(), problem.incident.desc())
        )
        return [_problem(row) for row in self._connection.execute(query)]

    def deliver(self, delivery: Delivery) -> Delivery:
        """Keep a delivery; the first one, marked as duplicate, when this one repeats it."""
        values = {
            name: getattr(delivery, name)
            for name in schema.delivery.c.keys()  # noqa: SIM118 - not a mapping
        }
        if insert_new(self._connection, schema.delivery, values):
            return delivery
        query = select(schema.delivery).where(schema.delivery.c.dedupe == delivery.dedupe)
        first = self._connection.execute(query).one()
        return replace(read_delivery(first), duplicate=True)

    def ruled(self, delivery_id: str, *, incident: int | None, ruling: str, reason: str) -> None:
        """Keep what was decided about a delivery, and why."""
        query = update(schema.delivery).where(schema.delivery.c.id == delivery_id)
        self._connection.execute(query.values(incident=incident, ruling=ruling, reason=reason))

    def due(self, key: str, flow: str, incident: int, args: Mapping[str, Any] | None = None) -> bool:
        """Make a flow due, once for each key. False when it was made due before.

        What concerns no incident is filed under NO_INCIDENT, which is a number but never an incident.
        """
        if incident == NO_INCIDENT:
            self.take_number(NO_INCIDENT)
        values = {"key": key, "flow": flow, "incident": incident, "args": to_json(args or {})}
        return insert_new(self._connection, schema.due, values | {"created_at": datetime.now(UTC)}) is not None


def _problem(row: Row[Any]) -> Problem:
    return Problem(
        incident=row.incident,
        fingerprint=row.fingerprint,
        cycle=row.cycle,
        place=row.place,
        firing=row.firing,
        open=row.status != Status.CLOSED.value,
        last_at=row.last_at,
    )


def read_delivery(row: Row[Any]) -> Delivery:
    """The delivery of a row."""
    return Delivery(**row._asdict())
