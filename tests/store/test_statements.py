from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Integer, bindparam, insert, select, update

from bot.store import Store, schema
from bot.store.connect import connect
from bot.store.rows import insert_each, insert_new
from bot.store.statements import Fixed

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
INTENT = schema.intent
PUT = Fixed(lambda _: insert(INTENT), keys=("key", "at"))
OF_KEY = Fixed(
    lambda _: (
        select(INTENT.c.at, INTENT.c.key)
        .where(INTENT.c.key >= bindparam("name"), INTENT.c.key != "k3")
        .order_by(INTENT.c.key)
        .limit(bindparam("most", type_=Integer))
    )
)
MOVE = Fixed(lambda _: update(INTENT).where(INTENT.c.key == bindparam("name")), keys=("at",))
KEYS = st.sampled_from(
    [f"k{n}" for n in range(10)] + ["ö", "\x00", "\ud800", "\ufffd", "'", "{", ",", "\\", "NULL", ""]
)
MINUTES = st.integers(0, 50)


def _at(minute: int) -> datetime:
    return NOON + timedelta(minutes=minute)


@pytest.fixture
def connection(store: Store) -> Any:
    engine = connect(store.url)
    try:
        with engine.connect() as opened:
            yield opened
    finally:
        engine.dispose()


def _kept(connection: Any) -> dict[str, datetime]:
    return {row.key: row.at for row in connection.execute(select(INTENT).order_by(INTENT.c.key))}


SETTINGS = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
ROWS: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.tuples(KEYS, MINUTES).map(lambda row: {"key": row[0], "at": _at(row[1])}), max_size=8
)
ONCE = ROWS.map(lambda rows: list({schema.inert(row["key"]): row for row in rows}.values()))


@SETTINGS
@given(rows=ROWS)
def test_rows_inserted_together_are_as_if_one_after_another(connection: Any, rows: Sequence[dict[str, Any]]) -> None:
    with connection.begin() as begun:
        together, kept = [bool(made) for made in insert_each(connection, INTENT, rows)], _kept(connection)
        begun.rollback()
    with connection.begin() as begun:
        assert [bool(insert_new(connection, INTENT, row)) for row in rows] == together
        assert _kept(connection) == kept
        begun.rollback()


@SETTINGS
@given(rows=ONCE, asked=st.lists(st.tuples(KEYS, st.integers(1, 4)), max_size=8))
def test_questions_asked_together_are_answered_as_if_one_after_another(
    connection: Any, rows: Sequence[dict[str, Any]], asked: Sequence[tuple[str, int]]
) -> None:
    questions = [{"name": name, "most": most} for name, most in asked]
    with connection.begin() as begun:
        PUT.made(connection, rows)
        together = OF_KEY.each(connection, questions)
        apart = [OF_KEY.all(connection, values) for values in questions]
        begun.rollback()
    assert [[(row.key, row.at) for row in found] for found in together] == [
        [(row.key, row.at) for row in found] for found in apart
    ]


@SETTINGS
@given(rows=ONCE)
def test_changes_made_together_are_as_if_one_after_another(connection: Any, rows: Sequence[dict[str, Any]]) -> None:
    changes = [{"name": row["key"], "at": _at(99)} for row in rows[::2]]
    with connection.begin() as begun:
        PUT.made(connection, rows)
        MOVE.made(connection, changes)
        assert _kept(connection) == {
            schema.inert(row["key"]): _at(99) if n % 2 == 0 else row["at"] for n, row in enumerate(rows)
        }
        begun.rollback()


def test_whatever_is_run_can_be_made_ready_before_the_first_storm(store: Store) -> None:
    store.prepare()
