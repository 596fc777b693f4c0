from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event

import pytest_asyncio

from bot.group_commit import LARGEST, STORM, GroupCommit
from bot.intake import Receipt, Sent
from bot.ports import TryAgain
from bot.store import Delivery, Store, Transaction


@dataclass
class Desk:
    """Keeps what it is given, once it may; some bodies fail after they were kept."""

    store: Store
    may: Event = field(default_factory=Event)
    tries: list[bytes] = field(default_factory=list)

    def receive_all(self, sent: Sequence[Sent]) -> list[Receipt]:
        assert self.may.wait(20)
        with self.store.transaction(intake=True) as transaction:
            return [self._receive(transaction, source, body) for source, body in sent]

    def _receive(self, transaction: Transaction, source: str, body: bytes) -> Receipt:
        self.tries.append(body)
        now = datetime.now(UTC)
        kept = Delivery(id=body.decode(), source=source, dedupe=body.decode(), received_at=now, body=body)
        transaction.deliver(kept)
        if body.startswith(b"bad"):
            raise ZeroDivisionError
        if body.startswith(b"busy"):
            raise TryAgain("The database is busy.", reason="database")
        return Receipt(delivery=kept.id, duplicate=False)


@pytest_asyncio.fixture
async def desk(store: Store) -> AsyncIterator[tuple[Desk, GroupCommit]]:
    made = Desk(store)
    group = GroupCommit(made.receive_all)
    yield made, group
    group.close()


async def _send(made: Desk, group: GroupCommit, *bodies: bytes) -> list[Receipt | BaseException]:
    """The first one is at work, alone, while the others come."""
    waiting = []
    for body in bodies:
        waiting.append(asyncio.ensure_future(group.receive("datadog", body)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    made.may.set()
    return await asyncio.gather(*waiting, return_exceptions=True)


def _kept(store: Store, *names: str) -> list[bool]:
    return [store.delivery(name) is not None for name in names]


async def test_what_waits_together_is_kept_together_and_each_is_answered(desk: tuple[Desk, GroupCommit]) -> None:
    names = [f"d{n}" for n in range(2 * LARGEST)]
    answers = await _send(*desk, *(name.encode() for name in names))
    assert [answer.delivery for answer in answers if isinstance(answer, Receipt)] == names
    assert all(_kept(desk[0].store, *names))
    assert len(desk[0].tries) == len(names)


async def test_one_that_fails_fails_alone(desk: tuple[Desk, GroupCommit]) -> None:
    answers = await _send(*desk, b"first", b"one", b"bad", b"two")
    assert [type(answer) for answer in answers] == [Receipt, Receipt, ZeroDivisionError, Receipt]
    assert _kept(desk[0].store, "first", "one", "bad", "two") == [True, True, False, True]


async def test_a_database_that_is_away_is_not_asked_for_each(desk: tuple[Desk, GroupCommit]) -> None:
    answers = await _send(*desk, b"first", b"one", b"busy", b"two")
    assert [type(answer) for answer in answers] == [Receipt, TryAgain, TryAgain, TryAgain]
    assert desk[0].tries == [b"first", b"one", b"busy"]
    assert _kept(desk[0].store, "first", "one") == [True, False]


async def test_who_has_gone_does_not_hold_up_the_others(desk: tuple[Desk, GroupCommit]) -> None:
    made, group = desk
    gone = asyncio.ensure_future(group.receive("datadog", b"gone"))
    await asyncio.sleep(0.02)
    gone.cancel()
    (answer,) = await _send(made, group, b"stays")
    assert isinstance(answer, Receipt)
    assert _kept(made.store, "gone", "stays") == [True, True]


async def test_other_work_goes_on_during_a_storm(desk: tuple[Desk, GroupCommit]) -> None:
    made, group = desk
    await group.give_way()
    await _send(made, group, *(f"d{n}".encode() for n in range(STORM)))
    async with asyncio.timeout(20):
        await asyncio.gather(*(group.give_way() for _ in range(3)))


async def test_in_a_storm_those_who_were_just_answered_are_in_the_next_group() -> None:
    may, sizes = Event(), list[int]()

    def receive_all(sent: Sequence[Sent]) -> list[Receipt]:
        sizes.append(len(sent))
        assert may.wait(20)
        return [Receipt(delivery=body.decode(), duplicate=False) for _, body in sent]

    group = GroupCommit(receive_all)

    async def send(name: str, times: int) -> None:
        for _ in range(times):
            await group.receive("datadog", name.encode())

    senders = [asyncio.ensure_future(send("one", times=2))]
    while not sizes:  # noqa: ASYNC110 - a thread sets it
        await asyncio.sleep(0.01)
    senders += [asyncio.ensure_future(send(name, times=1)) for name in ("two", "three")]
    await asyncio.sleep(0.5)  # the longer a group takes, the longer the next one waits for company
    may.set()
    async with asyncio.timeout(20):
        await asyncio.gather(*senders)
    assert sizes == [1, 3]
    group.close()


async def test_other_work_waits_for_what_is_being_taken_in(desk: tuple[Desk, GroupCommit]) -> None:
    made, group = desk
    taken = asyncio.ensure_future(group.receive("datadog", b"first"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    other = asyncio.ensure_future(group.give_way())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not other.done()
    made.may.set()
    async with asyncio.timeout(20):
        await asyncio.gather(taken, other)
