"""A call that Slack carries out long after nobody waited for it any more: what it made is taken away again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from bot.ports import TryAgain
from bot.slack.doublets import LOOKS
from tests.slack.chat_contract import opened
from tests.slack.samples import AT
from tests.slack.worlds import SlackWorld

WITHIN = 0.1
LATE = 8 * WITHIN


class Hours:
    """A clock that is put forward."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hours(slack: SlackWorld) -> Hours:
    clock = Hours()
    slack.again(within=WITHIN, clock=clock)
    return clock


async def came_late(slack: SlackWorld, channel: str) -> None:
    """Until what was answered too late is there, too."""
    await slack.workspace.wait_for(lambda: len(slack.texts(channel)) == 2)


@pytest.mark.parametrize("what", ["card", "announcement"])
async def test_of_two_only_the_one_that_we_go_on_with_is_left(slack: SlackWorld, hours: Hours, what: str) -> None:
    incident, channel = await opened(slack)
    posts: dict[str, Callable[..., Awaitable[Any]]] = {
        "card": slack.chat.show_card,
        "announcement": partial(slack.chat.announce, where="incidents"),
    }
    where = channel.id if what == "card" else "incidents"
    slack.workspace.fault("chat.postMessage", "delay", seconds=LATE)
    with pytest.raises(TryAgain):
        await posts[what](incident, now=AT)
    hours.now += 2.0
    kept = await posts[what](incident, now=AT)
    await came_late(slack, where)
    await slack.chat.tidy()
    assert len(slack.texts(where)) == 2, "it is not time yet"
    hours.now += LOOKS[0]
    await slack.chat.tidy()
    (left,) = slack.workspace.messages(where)
    assert left["ts"] == (kept if what == "card" else kept[1])


async def test_it_is_looked_for_a_few_times_and_then_no_more(slack: SlackWorld, hours: Hours) -> None:
    incident, channel = await opened(slack)
    slack.workspace.fault("chat.postMessage", "drop-before")
    with pytest.raises(TryAgain):
        await slack.chat.show_card(incident, now=AT)
    hours.now += 2.0
    await slack.chat.show_card(incident, now=AT)
    looks = slack.methods().count("conversations.history")
    for _ in range(2 * len(LOOKS)):
        hours.now += LOOKS[-1]
        await slack.chat.tidy()
    assert slack.methods().count("conversations.history") == looks + len(LOOKS)
    assert len(slack.texts(channel.id)) == 1


async def test_where_ours_was_deleted_the_other_one_stays(slack: SlackWorld, hours: Hours) -> None:
    incident, channel = await opened(slack)
    slack.workspace.fault("chat.postMessage", "delay", seconds=LATE)
    with pytest.raises(TryAgain):
        await slack.chat.show_card(incident, now=AT)
    hours.now += 2.0
    first = await slack.chat.show_card(incident, now=AT)
    await came_late(slack, channel.id)
    slack.delete(channel.id, first)
    second = await slack.chat.show_card(incident, now=AT)
    assert second != first
    for _ in LOOKS:
        hours.now += LOOKS[-1]
        await slack.chat.tidy()
    assert [message["ts"] for message in slack.workspace.messages(channel.id)] == [second]


@pytest.mark.parametrize("code", ["missing_scope", "cant_delete_message"])
async def test_what_may_not_be_deleted_stays(slack: SlackWorld, hours: Hours, code: str) -> None:
    incident, channel = await opened(slack)
    slack.workspace.fault("chat.postMessage", "delay", seconds=LATE)
    with pytest.raises(TryAgain):
        await slack.chat.show_card(incident, now=AT)
    hours.now += 2.0
    await slack.chat.show_card(incident, now=AT)
    await came_late(slack, channel.id)
    slack.workspace.fault("chat.delete", "error", code=code, times=None)
    for _ in LOOKS:
        hours.now += LOOKS[-1]
        await slack.chat.tidy()
    assert len(slack.texts(channel.id)) == 2


async def test_while_slack_is_away_nothing_is_forgotten(slack: SlackWorld, hours: Hours) -> None:
    incident, channel = await opened(slack)
    slack.workspace.fault("chat.postMessage", "delay", seconds=LATE)
    with pytest.raises(TryAgain):
        await slack.chat.show_card(incident, now=AT)
    hours.now += 2.0
    await slack.chat.show_card(incident, now=AT)
    await came_late(slack, channel.id)
    slack.workspace.fault("conversations.history", "broken", times=9)
    for _ in range(9):
        hours.now += LOOKS[-1]
        with pytest.raises(TryAgain):
            await slack.chat.tidy()
    await asyncio.gather(slack.chat.tidy(), slack.chat.tidy())
    assert len(slack.texts(channel.id)) == 1
