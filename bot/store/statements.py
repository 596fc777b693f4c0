"""Statements that are always the same, compiled once: for those, building costs several times what running does.

They go to the driver itself, which is several times cheaper again. What is run for every delivery, fact and word
goes through here; whatever is rare is written with SQLAlchemy where it is used.

SQLite is asked again for each of several values, which costs it next to nothing. Postgres is in another process: it
gets the values of all as arrays, in one statement.
"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import chain
from typing import Any

from sqlalchemy import (
    ARRAY,
    BindParameter,
    Connection,
    Dialect,
    Insert,
    Table,
    Update,
    bindparam,
    column,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.visitors import replacement_traverse

from bot.store.schema import Instant, Words, inert

Processor = Callable[[Any], Any] | None
Build = Callable[[Callable[[Table], Any]], Any]
ARRAYS = re.compile(r"%\((\w+)\)s(?=::[A-Z ]+\[\])")
"""Lists among the values: in binary (b) they cost the driver a third of what they cost as text."""
Asked = tuple["Fixed", Sequence[Mapping[str, Any]]]
"""A statement, and all values that it is to be run for."""
TURN = "turn"
"""The column that tells which of many values a row is about, counted from 1."""


@dataclass(frozen=True, kw_only=True)
class _Compiled:
    """SQL as the driver takes it, how each value goes in, and how each column comes out.

    `own` are values that stand in the statement itself; `out` the columns that the driver gives in another form.
    """

    sql: str
    positional: bool
    names: tuple[str, ...]
    given: tuple[tuple[str, Processor], ...]
    own: Mapping[str, Any]
    row: Any
    out: tuple[tuple[int, Callable[[Any], Any]], ...]


ALL: list[Fixed] = []
"""Every one that there is."""


def prepare(dialect: Dialect) -> None:
    """Compile all of them now, so that the first storm does not have to wait for it."""
    for statement in ALL:
        statement.prepare(dialect)


class Fixed:
    """A statement with named values. `build` gets the dialect's `insert`, which knows about conflicts.

    `keys` are the columns that an INSERT or UPDATE sets from the values of the same names.
    """

    def __init__(self, build: Build, *, keys: Sequence[str] = ()) -> None:
        self._build = build
        self._keys = list(keys)
        self._compiled: dict[str, _Compiled] = {}
        self._at_once: _Compiled | None = None
        ALL.append(self)

    def all(self, connection: Connection, values: Mapping[str, Any]) -> list[Any]:
        """Run it; its rows, whose fields are named like the columns."""
        return self.each(connection, [values])[0]

    def first(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """Run it; its first row, or None."""
        return next(iter(self.all(connection, values)), None)

    def each(self, connection: Connection, many: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
        """Ask it for each of these; the rows of each."""
        return run(connection, (self, many))[0]

    def made(self, connection: Connection, many: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Run it for each of these, which concern different rows; what it returned for all of them."""
        return list(chain(*run(connection, (self, many))[0]))

    def jobs(self, dialect: Dialect, many: Sequence[Mapping[str, Any]]) -> list[tuple[_Compiled, Any]]:
        """What the driver is to do: SQL, and the values for it."""
        if len(many) < 2 or dialect.name == "sqlite":
            made = self._compiled.get(dialect.name) or self._compile(dialect)
            return [(made, _given(made, values)) for values in many]
        made = self._at_once = self._at_once or self._compile_at_once(dialect)
        given = {name: [process(v[name]) if process else v[name] for v in many] for name, process in made.given}
        return [(made, {**made.own, **given})]

    def prepare(self, dialect: Dialect) -> None:
        """Compile it now."""
        made = self._compile(dialect)
        if set(made.names) - made.own.keys() and dialect.name != "sqlite":
            self._at_once = self._compile_at_once(dialect)

    def _compile(self, dialect: Dialect) -> _Compiled:
        maker: Any = sqlite if dialect.name == "sqlite" else postgresql
        statement = self._build(maker.insert)
        compiled = statement.compile(dialect=dialect, column_keys=self._keys or None)
        names = compiled.positiontup if compiled.positional else list(compiled.binds)
        self._compiled[dialect.name] = made = _compiled(statement, compiled, names, dialect)
        return made

    def _compile_at_once(self, dialect: Dialect) -> _Compiled:
        """The same over a table of all values, made of an array for each name."""
        statement: Any = self._build(postgresql.insert)
        binds = statement.compile(dialect=dialect, column_keys=self._keys or None).binds
        types = {name: bind.type for name, bind in binds.items() if bind.required}
        values = func.unnest(*(bindparam(name, type_=ARRAY(type)) for name, type in types.items()))
        columns = [column(name, type) for name, type in types.items()]
        given = values.table_valued(*columns, with_ordinality=TURN).render_derived(name="given")
        chosen = {name: given.c[name] for name in self._keys}

        def from_given(element: Any, **_: Any) -> Any:
            if not (isinstance(element, BindParameter) and element.key in types):
                return None
            if isinstance(statement, Update):
                return given.c[element.key]
            return literal_column(f"given.{element.key}", types[element.key])  # nothing to select from once more

        changed: Any = replacement_traverse(statement, {}, from_given)
        if isinstance(changed, Insert):
            rows = select(*chosen.values()).order_by(given.c[TURN])
            changed = changed.from_select(self._keys, rows, include_defaults=False)
        elif isinstance(changed, Update):
            changed = changed.values(chosen) if chosen else changed
        else:
            found = changed.lateral("found")
            changed = select(*found.c, given.c[TURN]).select_from(given.join(found, true()))
        return _compiled(changed, changed.compile(dialect=dialect), list(types), dialect)


def run(connection: Connection, *asked: Asked) -> list[list[list[Any]]]:
    """Run statements one after another, each for all of its values; for each statement the rows of each.

    Postgres is sent all of them before it answers the first. What INSERT and UPDATE return stands in the first list.
    """
    jobs = [statement.jobs(connection.dialect, many) for statement, many in asked]
    all_jobs = list(chain(*jobs))
    raw = _raw(connection)
    pipelined = len(all_jobs) > 1 and connection.dialect.name == "postgresql"
    with _our_errors(connection, all_jobs):
        with raw.pipeline() if pipelined else nullcontext():
            cursors = iter([raw.execute(made.sql, given) for made, given in all_jobs])
        rows = [[_rows(made, next(cursors)) for made, _ in some] for some in jobs]
    return [
        _in_turn(found[0], len(many)) if some and TURN in some[0][0].row._fields else found
        for found, some, (_, many) in zip(rows, jobs, asked, strict=True)
    ]


def _in_turn(rows: Sequence[Any], many: int) -> list[list[Any]]:
    found: list[list[Any]] = [[] for _ in range(many)]
    for row in rows:
        found[getattr(row, TURN) - 1].append(row)
    return found


def _compiled(statement: Any, compiled: Any, names: Sequence[str], dialect: Dialect) -> _Compiled:
    """`names` in the order in which the driver takes them."""
    columns = list(statement.exported_columns)
    out = [_out(column.type, dialect) for column in columns]
    return _Compiled(
        sql=ARRAYS.sub(r"%(\1)b", str(compiled)),
        positional=compiled.positional,
        names=tuple(names),
        given=tuple((name, _in(_element(compiled.binds[name].type), dialect)) for name in names),
        own={name: bind.value for name, bind in compiled.binds.items() if bind.value is not None},
        row=namedtuple("Row", [column.key for column in columns]),
        out=tuple((at, process) for at, process in enumerate(out) if process),
    )


def _element(type: Any) -> Any:
    return type.item_type if isinstance(type, ARRAY) else type


def _given(made: _Compiled, values: Mapping[str, Any]) -> Any:
    values = {**made.own, **values} if made.own else values
    given = [process(values[name]) if process else values[name] for name, process in made.given]
    return given if made.positional else dict(zip(made.names, given, strict=True))


def _rows(made: _Compiled, cursor: Any) -> list[Any]:
    if not made.row._fields:  # nothing was asked for; Postgres may tell the key of a new row all the same
        return []
    rows = [list(row) for row in cursor.fetchall()]
    for row in rows:
        for at, process in made.out:
            row[at] = process(row[at])
    return [made.row._make(row) for row in rows]


def _raw(connection: Connection) -> Any:
    """The driver's own connection, within SQLAlchemy's transaction."""
    return connection.connection.driver_connection


@contextmanager
def _our_errors(connection: Connection, jobs: Iterable[tuple[_Compiled, Any]]) -> Iterator[None]:
    """The driver's errors as SQLAlchemy's."""
    drivers: Any = connection.dialect.loaded_dbapi
    try:
        yield
    except drivers.Error as problem:
        sql = "; ".join(made.sql for made, _ in jobs)
        raise DBAPIError.instance(sql, None, problem, drivers.Error, dialect=connection.dialect) from problem


def _in(kind: Any, dialect: Dialect) -> Processor:
    """As SQLAlchemy does, but without a call between for our own types, whose values the drivers take as they are."""
    if isinstance(kind, Words):
        return inert
    if isinstance(kind, Instant):
        own = kind.process_bind_param
        return lambda value: own(value, dialect)
    process: Processor = kind.dialect_impl(dialect).bind_processor(dialect)
    return process


def _out(kind: Any, dialect: Dialect) -> Processor:
    process: Processor = kind.dialect_impl(dialect).result_processor(dialect, None)
    return process
