"""Where rehearsals are kept: one row a check and host."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from bot.rehearsal import Rehearsed
from bot.store import schema


def rehearsed(connection: Connection) -> list[Rehearsed]:
    """All, by runbook, host and check."""
    table = schema.rehearsal
    query = select(table).order_by(table.c.runbook, table.c.host, table.c.check)
    return [_read(row) for row in connection.execute(query)]


def keep(connection: Connection, runbook: str, host: str, states: dict[str, str], at: datetime) -> None:
    """How the checks of a runbook ended on a host; those that are no longer asked are forgotten."""
    table = schema.rehearsal
    here = (table.c.runbook == runbook) & (table.c.host == host)
    known = {row.check: _read(row) for row in connection.execute(select(table).where(here))}
    connection.execute(delete(table).where(here))
    for check, state in states.items():
        new = Rehearsed(runbook=runbook, check=check, host=host, state=state, at=at, since=at)
        seen = known.get(check, new).again(state, at)
        connection.execute(insert(table).values(**vars(seen)))


def _read(row: Row[Any]) -> Rehearsed:
    return Rehearsed(**row._asdict())
