from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.said import Reply
from bot.store import Store
from tests.store.facts import NOW, open_incident
from tests.store.test_store import SAID

DAY = timedelta(days=1)


def test_only_what_is_done_and_old_is_forgotten(store: Store) -> None:
    number = open_incident(store)
    with store.transaction(incident=number) as transaction:
        for key in ("done", "waits"):
            transaction.due(key, "open", number)
        transaction.heard(SAID)
        transaction.answer(SAID.key, Reply(text="yes"))
    store.done("done")
    assert store.first("post/1")
    now = datetime.now(UTC)
    assert store.outdated(now - DAY) == []
    store.forget(["done", "waits"], before=now - DAY)
    assert not store.first("post/1")
    assert store.outdated(now + DAY) == ["done"]
    store.forget(["done", "waits"], before=now + DAY)
    assert [d.key for d in store.dues()] == ["waits"]
    assert store.first("post/1")
    with store.transaction() as transaction:
        assert transaction.heard(SAID)


def test_what_is_not_answered_is_never_forgotten(store: Store) -> None:
    with store.transaction() as transaction:
        transaction.heard(SAID)
    store.forget([], before=NOW + 1000 * DAY)
    assert store.unanswered() == [SAID]


def test_a_little_is_forgotten_at_a_time(store: Store) -> None:
    for n in range(205):
        store.first(f"post/{n}")
    later = datetime.now(UTC) + DAY
    store.forget([], before=later)
    assert [store.first(f"post/{n}") for n in range(205)].count(False) == 5
