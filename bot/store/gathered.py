"""What one transaction is about to write: kept back until the database is asked something, then written all at once.

And what it asked beforehand, for all deliveries of a group at once. Both save turns: the database is asked a few
times for a group, not a dozen times for each delivery.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from bot.facts import Fact
from bot.ports import NotAllowed
from bot.store import schema
from bot.store.derive import KNOWN, Change, alerts_of, derive_alerts, one_home
from bot.store.rows import fact_row, insert_each
from bot.store.statements import Asked, Fixed, run

DELIVERY = tuple(column.name for column in schema.delivery.c)
DELIVER = Fixed(lambda _: insert(schema.delivery), keys=DELIVERY)
RULED = Fixed(
    lambda _: update(schema.delivery).where(schema.delivery.c.id == bindparam("delivery")),
    keys=("incident", "ruling", "reason"),
)
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
        self._deliveries: dict[str, dict[str, Any]] = {}
        self._ruled: dict[str, Mapping[str, Any]] = {}
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

    def delivery(self, values: Mapping[str, Any]) -> None:
        """A delivery that was not there when it was looked for; nobody else keeps one meanwhile."""
        self._deliveries[values["id"]] = {**values}

    def ruled(self, delivery: str, ruling: Mapping[str, Any]) -> None:
        """What was decided about a delivery; the last word counts."""
        if delivery in self._deliveries:
            self._deliveries[delivery].update(ruling)
        else:
            self._ruled[delivery] = {"delivery": delivery, **ruling}

    def alert(self, number: int, fact: Fact) -> None:
        """An alert that is to be attached to this incident."""
        self._alerts.append((number, fact))

    def row(self, statement: Fixed, values: Mapping[str, Any]) -> None:
        """A statement that is to be run, after all deliveries and alerts, and after those of its kind before it."""
        self._rows[statement].append(values)

    def write(self) -> None:
        """Write what was gathered. Raises TryAgain (conflict) like `Transaction.append`."""
        if not (self._deliveries or self._ruled or self._alerts or self._rows):
            return
        deliveries, self._deliveries = self._deliveries, {}
        ruled, self._ruled = self._ruled, {}
        alerts, self._alerts = self._alerts, []
        rows, self._rows = self._rows, defaultdict(list)
        moved = _attach(self._connection, alerts) if alerts else []
        kept: list[Asked] = [(DELIVER, list(deliveries.values())), (RULED, list(ruled.values()))]
        with one_home():
            run(self._connection, *kept, *moved, *rows.items())


def lock_each(connection: Connection, numbers: Sequence[int]) -> list[Any]:
    """Make everybody else wait who changes these incidents; their rows. Raises NotAllowed when one is missing."""
    return _locked(numbers, LOCK.each(connection, _named(numbers)))


def _named(numbers: Sequence[int]) -> list[Mapping[str, Any]]:
    return [{"number": number} for number in numbers]


def _locked(numbers: Sequence[int], found: Sequence[Sequence[Any]]) -> list[Any]:
    for number, rows in zip(numbers, found, strict=True):
        if not rows:
            raise no_incident(number)
    return [row for (row,) in found]


def _attach(connection: Connection, alerts: Sequence[tuple[int, Fact]]) -> Sequence[Asked]:
    """Record alerts; what is still to be run, in any order."""
    numbers = sorted({number for number, _ in alerts})
    problems = list(dict.fromkeys((number, alert.fingerprint) for number, fact in alerts for alert in alerts_of(fact)))
    asked = [{"number": number, "named": fingerprint} for number, fingerprint in problems]
    rows, known = run(connection, (LOCK, _named(numbers)), (KNOWN, asked))
    changes = {row.number: Change(row=row) for row in _locked(numbers, rows)}
    made = insert_each(connection, schema.fact, [fact_row(number, fact) for number, fact in alerts])
    for (number, fact), added in zip(alerts, made, strict=True):
        if added:
            changes[number].add(fact, added.seq)
    last = {problem: row.last_at for problem, found in zip(problems, known, strict=True) for row in found}
    return derive_alerts(connection, [change for change in changes.values() if change.facts], last)
