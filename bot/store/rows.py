"""What the store hands out besides incidents, and how a fact becomes a row and a fact again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnDefault, Connection, Table, bindparam, select

from bot.facts import KINDS, Fact, What
from bot.incident import Incident, Person, Source, Trouble
from bot.journal import from_json, to_json
from bot.store import schema
from bot.store.statements import Fixed


@dataclass(frozen=True, kw_only=True)
class Summary:
    """An incident in a list of incidents. `channel` is its name, empty when it has none yet."""

    number: int
    title: str
    severity: str
    status: str
    service: str
    private: bool
    drill: bool
    opened_at: datetime
    closed_at: datetime | None
    channel: str

    @property
    def id(self) -> str:
        """How people name it: INC-7."""
        return f"INC-{self.number}"


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One request of an alert source as it came in. The same `dedupe` is the same request sent again.

    `duplicate` marks the first one, handed back for its repetition, which `repeats` counts. The ruling is that on its
    last alert. `merged`: it stands for several groups of one monitor, and perhaps for more than it names.
    """

    id: str
    source: str
    dedupe: str
    received_at: datetime
    body: bytes
    cut: bool = False
    duplicate: bool = False
    incident: int | None = None
    ruling: str = ""
    reason: str = ""
    merged: bool = False
    repeats: int = 0


@dataclass(frozen=True, kw_only=True)
class Due:
    """A flow that must run; written together with the facts that call for it."""

    key: str
    flow: str
    incident: int
    args: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class KnownGood:
    """The configuration with which a host last served: a commit, and the hash of its folder's contents."""

    host: str
    commit: str
    tree: str
    recorded_at: datetime


@dataclass(frozen=True, kw_only=True)
class NotUnderstood(What):
    """A fact that another version wrote and this one cannot read: said aloud, changes nothing else."""

    kind: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        """Name it among the incident's troubles."""
        step = f"read {fact.key}"
        text = f"A fact of the kind {self.kind} was written by another version of Muster and is not shown."
        incident.troubles[step] = Trouble(step=step, text=text, fix="Upgrade Muster.", at=fact.when)


def fact_row(number: int, fact: Fact) -> dict[str, Any]:
    """The columns of a fact."""
    return {
        "incident": number,
        "key": fact.key,
        "kind": type(fact.what).__name__,
        "occurred_at": fact.occurred_at,
        "recorded_at": fact.recorded_at,
        "author_id": fact.author.id,
        "author_name": fact.author.name,
        "source_type": fact.source.type,
        "source_url": fact.source.url,
        "data": to_json(fact.what),
    }


def read_fact(row: Any) -> Fact:
    """The fact of a row."""
    return Fact(
        key=row.key,
        what=_what(row.kind, row.data),
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        author=Person(id=row.author_id, name=row.author_name),
        source=Source(type=row.source_type, url=row.source_url),
    )


def _what(kind: str, data: Any) -> What:
    try:
        return from_json(KINDS[kind], data)
    except (KeyError, ValueError, TypeError):  # an unknown kind, a word or a shape that this version does not know
        return NotUnderstood(kind=kind)


FACTS = Fixed(
    lambda _: (
        select(schema.fact)
        .where(
            schema.fact.c.incident == bindparam("number"),
            schema.fact.c.seq > bindparam("after"),
            schema.fact.c.seq <= bindparam("until"),
        )
        .order_by(schema.fact.c.seq)
    )
)


def read_facts(connection: Connection, number: int, *, after: int = 0, until: int) -> Iterator[Fact]:
    """An incident's facts in the order of recording: what comes after the one sequence number, up to the other."""
    rows = FACTS.all(connection, {"number": number, "after": after, "until": until})
    return (read_fact(row) for row in rows)


def insert_new(connection: Connection, table: Table, values: Mapping[str, Any]) -> Any:
    """Insert a row; its primary key, or None when a row with one of its unique values is already there."""
    return insert_each(connection, table, [values])[0]


def insert_each(connection: Connection, table: Table, many: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Insert rows of the same columns one after another; for each what `insert_new` gives."""
    if not many:
        return []
    unset, name = defaults(table), _name(table)
    rows = [{**unset, **values} for values in many]
    made = {getattr(row, name): row for row in _insert(table, tuple(rows[0])).made(connection, rows)}
    return [made.pop(_kept(row[name]), None) for row in rows]  # the first of several with one name is the new one


@cache
def defaults(table: Table) -> Mapping[str, Any]:
    """What stands in the columns that are not given."""
    return {column.name: column.default.arg for column in table.columns if isinstance(column.default, ColumnDefault)}


@cache
def _name(table: Table) -> str:
    """The column by which a row is known again: a unique one, or the primary key."""
    return next((column.name for column in table.columns if column.unique), next(iter(table.primary_key)).name)


def _kept(name: Any) -> Any:
    return schema.inert(name) if isinstance(name, str) else name


@cache
def _insert(table: Table, columns: tuple[str, ...]) -> Fixed:
    returned = dict.fromkeys([*table.primary_key, table.columns[_name(table)]])
    return Fixed(lambda insert: insert(table).on_conflict_do_nothing().returning(*returned), keys=columns)


_insert(schema.fact, tuple(column.name for column in schema.fact.c if column.name != "seq"))  # so that it is prepared
