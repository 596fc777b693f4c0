"""The card of a proposal in the chat: posted once, edited, and the announcement when it becomes an incident."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.incident import AlertSeen, Person
from bot.ports import GaveUp, TryAgain
from bot.store import Store
from bot.triage.proposal import Proposal, ProposalState
from bot.triage.regroup import Act, add, answer_proposal
from tests.story import NOW, Story, story


@pytest_asyncio.fixture
async def told(store: Store, tmp_path: Path) -> AsyncIterator[Story]:
    async with story(store, tmp_path / "postmortems") as ready:
        yield ready


def alert(told: Story, *, bad: bool = True) -> None:
    """One more alert of the proposal P1, which begins with it."""
    seen = AlertSeen(
        delivery="D1", source="datadog", transition="Triggered", at=told.now, title="Disk", fingerprint="f", bad=bad
    )
    new = Proposal(id="P1", title="Disk", state=ProposalState.WAITING, at=NOW, changed_at=NOW, alerts=())
    with told.store.transaction(intake=True) as tx:
        add(tx, tx.proposal("P1") or new, seen, told.now)


def answer(told: Story, *, accepted: str = "", dismissed: str = "") -> int | None:
    with told.store.transaction(intake=True) as tx:
        act = Act(key="K1", now=told.now, by=Person(id=told.ana, name="ana"))
        number = answer_proposal(tx, act, accepted=accepted, dismissed=dismissed)
        if number:
            tx.due("K1/open", "open", number)
        return number


def announced(told: Story) -> list[str]:
    return [text for c in told.chat.channels.values() if c.name == "incidents" for text in c.messages.values()]


async def test_one_card_tells_its_whole_life(told: Story) -> None:
    alert(told)
    await told.settle()
    assert announced(told) == ["Disk · waiting"]
    told.now += timedelta(minutes=1)
    alert(told, bad=False)
    await told.settle()
    assert announced(told) == ["Disk · expired"]
    told.now += timedelta(minutes=1)
    alert(told)
    await told.settle()
    assert announced(told) == ["Disk · waiting"]
    answer(told, dismissed="P1")
    await told.settle()
    assert announced(told) == ["Disk · ignored"]
    assert told.chat.calls.count("propose") == 1


async def test_what_has_recovered_before_it_was_posted_is_not_posted(told: Story) -> None:
    alert(told)
    told.now += timedelta(minutes=1)
    alert(told, bad=False)
    await told.settle()
    assert announced(told) == []


async def test_the_card_becomes_the_announcement(told: Story) -> None:
    alert(told)
    await told.settle()
    assert answer(told, accepted="P1") == 1
    await told.settle()
    await told.life.view.sync(1)
    assert announced(told) == ["INC-1 · Disk ·  · investigating"]
    assert told.incident.view.card


@pytest.mark.parametrize("problem", [TryAgain("It is busy.", after=40.0), GaveUp("No.", reason="channel_not_found")])
async def test_a_chat_that_cannot_is_asked_again_and_one_that_will_not_is_left(
    told: Story, problem: TryAgain | GaveUp
) -> None:
    told.chat.fail["propose"] = [problem]
    alert(told)
    await told.settle()
    assert announced(told) == []
    await told.later(seconds=41)
    assert announced(told) == (["Disk · waiting"] if isinstance(problem, TryAgain) else [])
    assert [due for due in told.store.dues() if "lapse" not in due.args] == []


async def test_a_question_that_nobody_answers_ends_after_a_day_without_news(told: Story) -> None:
    alert(told)
    await told.settle()
    await told.later(hours=20)
    alert(told)
    await told.later(hours=23)
    assert announced(told) == ["Disk · waiting"], "it was heard of meanwhile"
    await told.later(hours=2)
    assert announced(told) == ["Disk · expired"]
    alert(told)
    await told.settle()
    assert announced(told) == ["Disk · waiting"], "it is back"
    await told.later(hours=25)
    assert announced(told) == ["Disk · expired"]
    assert told.store.dues() == []
