"""Statements that are always the same, compiled once: for those, building costs several times what running does.

They go to the driver itself, which is several times cheaper again. What is run for every delivery, fact and word
goes through here; whatever is rare is written with SQLAlchemy where it is used.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from bot.store.schema import Instant, Words

Processor = Callable[[Any], Any] | None
Build = Callable[[Callable[[Table], Any]], Any]


@dataclass(frozen=True, kw_only=True)
class _Compiled:
    """SQL as the driver takes it, how each value goes in, and how each column comes out.

    `own` are values that stand in the statement itself.
    """

    sql: str
    positional: bool
    names: tuple[str, ...]
    given: tuple[tuple[str, Processor], ...]
    own: Mapping[str, Any]
    row: Callable[..., Any]
    columns: tuple[Processor, ...]


class Fixed:
    """A statement with named values. `build` gets the dialect's `insert`, which knows about conflicts.

    `keys` are the columns that an INSERT or UPDATE sets from the values of the same names.
    """

    def __init__(self, build: Build, *, keys: Sequence[str] = ()) -> None:
        self._build = build
        self._keys = list(keys)
        self._compiled: dict[str, _Compiled] = {}

    def all(self, connection: Connection, values: Mapping[str, Any]) -> list[Any]:
        """Run it; its rows, whose fields are named like the columns."""
        made = self._for(connection)
        with _our_errors(connection, made.sql):
            return _rows(made, _raw(connection).execute(made.sql, _given(made, values)))

    def first(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """Run it; its first row, or None."""
        return next(iter(self.all(connection, values)), None)

    def each(self, connection: Connection, many: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
        """Run it for each of these, one after another; the rows of each. Postgres is asked once for all."""
        if not many:
            return []
        made, raw = self._for(connection), _raw(connection)
        with _our_errors(connection, made.sql):
            with nullcontext() if made.positional else raw.pipeline():
                cursors = [raw.execute(made.sql, _given(made, values)) for values in many]
            return [_rows(made, cursor) for cursor in cursors]

    def many(self, connection: Connection, many: Sequence[Mapping[str, Any]]) -> None:
        """Run it for each of these, one after another, and ask for no rows."""
        if not many:
            return
        made = self._for(connection)
        with _our_errors(connection, made.sql):
            _raw(connection).cursor().executemany(made.sql, [_given(made, values) for values in many])

    def _for(self, connection: Connection) -> _Compiled:
        return self._compiled.get(connection.dialect.name) or self._compile(connection.dialect)

    def _compile(self, dialect: Dialect) -> _Compiled:
        maker: Any = sqlite if dialect.name == "sqlite" else postgresql
        statement = self._build(maker.insert)
        compiled = statement.compile(dialect=dialect, column_keys=self._keys or None)
        names = compiled.positiontup if compiled.positional else list(compiled.binds)
        columns = list(statement.exported_columns)
        self._compiled[dialect.name] = made = _Compiled(
            sql=str(compiled),
            positional=compiled.positional,
            names=tuple(names),
            given=tuple((name, _in(compiled.binds[name].type, dialect)) for name in names),
            own={name: bind.value for name, bind in compiled.binds.items() if bind.value is not None},
            row=namedtuple("Row", [column.key for column in columns]),
            columns=tuple(_out(column.type, dialect) for column in columns),
        )
        return made


def _given(made: _Compiled, values: Mapping[str, Any]) -> Any:
    values = {**made.own, **values} if made.own else values
    given = [process(values[name]) if process else values[name] for name, process in made.given]
    return given if made.positional else dict(zip(made.names, given, strict=True))


def _rows(made: _Compiled, cursor: Any) -> list[Any]:
    if cursor.description is None:
        return []
    return [
        made.row(*[process(value) if process else value for process, value in zip(made.columns, row, strict=True)])
        for row in cursor.fetchall()
    ]


def _raw(connection: Connection) -> Any:
    """The driver's own connection, within SQLAlchemy's transaction."""
    return connection.connection.driver_connection


@contextmanager
def _our_errors(connection: Connection, sql: str) -> Iterator[None]:
    """The driver's errors as SQLAlchemy's."""
    drivers: Any = connection.dialect.loaded_dbapi
    try:
        yield
    except drivers.Error as problem:
        raise DBAPIError.instance(sql, None, problem, drivers.Error, dialect=connection.dialect) from problem


def _in(kind: Any, dialect: Dialect) -> Processor:
    """As SQLAlchemy does, but without a call between for our own types, whose values the drivers take as they are."""
    if isinstance(kind, Instant | Words):
        own = kind.process_bind_param
        return lambda value: own(value, dialect)
    process: Processor = kind.dialect_impl(dialect).bind_processor(dialect)
    return process


def _out(kind: Any, dialect: Dialect) -> Processor:
    process: Processor = kind.dialect_impl(dialect).result_processor(dialect, None)
    return process
