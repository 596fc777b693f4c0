"""What one transaction is about to write: kept back until the database is asked something, then written all at once.

And what it asked beforehand, for all deliveries of a group at once. Both save turns: the database is asked a few
times for a group, not a dozen times for each delivery.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select

from bot.facts import Fact
from bot.ports import NotAllowed
from bot.store import schema
from bot.store.derive import Change, derive_alerts
from bot.store.rows import fact_row, insert_each
from bot.store.statements import Fixed

LOCK = Fixed(lambda _: select(schema.incident).where(schema.incident.c.number == bindparam("number")).with_for_update())


def no_incident(number: int) -> NotAllowed:
    """The refusal for an incident that is not there, or not for whoever asks."""
    return NotAllowed(f"Nothing was done: there is no INC-{number}; “list” names the incidents.")


class Gathered:
    """A transaction's connection, and what is still to be written to it.

    `ahead`: what was asked beforehand about each problem, by its fingerprint. It holds as long as nothing is written
    but the alerts of other problems; whoever takes an answer takes it out.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._alerts: list[tuple[int, Fact]] = []
        self._rows: dict[Fixed, list[Mapping[str, Any]]] = defaultdict(list)
        self.ahead: dict[str, Any] = {}

    @property
    def connection(self) -> Connection:
        """To do anything with; all that was gathered is written."""
        self.ahead.clear()
        return self.reading

    @property
    def reading(self) -> Connection:
        """To ask something; all that was gathered is written."""
        self.write()
        return self._connection

    def alert(self, number: int, fact: Fact) -> None:
        """An alert that is to be attached to this incident."""
        self._alerts.append((number, fact))

    def row(self, statement: Fixed, values: Mapping[str, Any]) -> None:
        """A statement that is to be run, after all alerts, and after those of its kind that came before."""
        self._rows[statement].append(values)

    def write(self) -> None:
        """Write what was gathered. Raises TryAgain (conflict) like `Transaction.append`."""
        if self._alerts:
            alerts, self._alerts = self._alerts, []
            _attach(self._connection, alerts)
        if self._rows:
            rows, self._rows = self._rows, defaultdict(list)
            for statement, values in rows.items():
                statement.many(self._connection, values)


def lock_each(connection: Connection, numbers: Sequence[int]) -> list[Any]:
    """Make everybody else wait who changes these incidents; their rows. Raises NotAllowed when one is missing."""
    found = LOCK.each(connection, [{"number": number} for number in numbers])
    for number, rows in zip(numbers, found, strict=True):
        if not rows:
            raise no_incident(number)
    return [row for (row,) in found]


def _attach(connection: Connection, alerts: Sequence[tuple[int, Fact]]) -> None:
    numbers = sorted({number for number, _ in alerts})
    changes = {row.number: Change(row=row) for row in lock_each(connection, numbers)}
    made = insert_each(connection, schema.fact, [fact_row(number, fact) for number, fact in alerts])
    for (number, fact), added in zip(alerts, made, strict=True):
        if added:
            changes[number].add(fact, added.seq)
    derive_alerts(connection, [change for change in changes.values() if change.facts])
