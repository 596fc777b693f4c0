"""Where proposals are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from bot.journal import from_json, to_json
from bot.store import schema
from bot.store.statements import Fixed
from bot.triage.proposal import Proposal, ProposalState

MOST = 200  # proposals that are looked at for one alert

ALIVE = Fixed(
    lambda _: (
        select(schema.proposal.c.data)
        .where(
            or_(
                schema.proposal.c.state == ProposalState.WAITING.value,
                schema.proposal.c.changed_at >= bindparam("since"),
            )
        )
        .order_by(schema.proposal.c.changed_at.desc())
        .limit(MOST)
    )
)
MADE = Fixed(
    lambda _: (
        select(func.count().label("count"))
        .select_from(schema.proposal)
        .where(schema.proposal.c.at > bindparam("since"))
    )
)


def read(rows: Sequence[Any]) -> list[Proposal]:
    """The proposals of these rows: as ALIVE gives them, those that wait or changed lately, the last changed first."""
    return [from_json(Proposal, row.data) for row in rows]


def find(connection: Connection, id: str) -> Proposal | None:
    """The proposal with this id."""
    data = connection.scalar(select(schema.proposal.c.data).where(schema.proposal.c.id == id))
    return None if data is None else from_json(Proposal, data)


def save(connection: Connection, proposal: Proposal) -> None:
    """Keep it as it is now."""
    table = schema.proposal
    values: dict[str, Any] = {
        "state": proposal.state.value,
        "at": proposal.at,
        "changed_at": proposal.changed_at,
        "revision": proposal.revision,
        "data": to_json(proposal),
    }
    changed = connection.execute(update(table).where(table.c.id == proposal.id).values(values))
    if not changed.rowcount:
        connection.execute(insert(table).values(id=proposal.id, **values))
