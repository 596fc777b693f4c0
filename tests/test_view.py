"""What people see follows the record, and stays right whatever they do to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.facts import Closed, DraftPosted, Held, RemindersStopped, Reopened, RoleGiven, Told
from bot.incident import Kind, Person, Room
from bot.lifecycle import NOT_HANDED_OUT
from bot.ports import GaveUp, TryAgain
from bot.store import Store
from tests.fakes import FakeChannel
from tests.story import Story, busy, refused, story


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    """One kind of database is enough here."""
    store = Store.open(sqlite_url)
    yield store
    store.close()


@pytest_asyncio.fixture
async def told(store: Store, tmp_path: Path) -> AsyncIterator[Story]:
    async with story(store, tmp_path / "postmortems") as ready:
        yield ready


async def opened(told: Story) -> FakeChannel:
    """The alert's incident is open and shown."""
    told.alert("open")
    await told.settle()
    await shown(told)
    return place(told)


async def shown(told: Story) -> None:
    """All that is stale is brought up to date, and what that makes due is done."""
    for _ in range(5):
        for number in told.store.stale():
            await told.life.view.sync(number)
        await told.settle()


def place(told: Story) -> FakeChannel:
    """The incident's channel."""
    channel = told.incident.view.channel
    assert channel
    return told.chat.channels[channel.id]


def say(told: Story, key: str, text: str = "Restarted it") -> None:
    """Somebody writes into the timeline."""
    told.tell(key, Told(kind=Kind.NOTE, text=text))


async def test_the_card_is_edited_and_never_repeated(told: Story) -> None:
    told.alert()
    await told.settle()
    for _ in range(3):
        await told.life.view.sync(1)
    channel = told.incident.view.channel
    assert channel
    assert len(told.chat.channels[channel.id].messages) == 1
    assert told.chat.calls.count("show_card") == 1
    assert told.store.stale() == []


async def test_a_deleted_card_is_posted_once_more_by_one_flow(told: Story) -> None:
    told.alert("open")
    await told.settle()
    view = told.incident.view
    assert view.channel
    messages = told.chat.channels[view.channel.id].messages
    del messages[view.card]
    await told.life.view.sync(1)
    await told.life.view.sync(1)
    await told.settle()
    assert list(messages) == [told.incident.view.card] != [view.card]
    await told.life.view.sync(1)
    assert told.incident.troubles == {}


async def test_an_edit_that_must_wait_does_not_hold_up_the_others(told: Story) -> None:
    told.alert("open")
    await told.settle()
    told.chat.fail["edit_card"] = [busy()]
    with pytest.raises(TryAgain):
        await told.life.view.sync(1)
    assert told.chat.calls.count("edit_announcement") == 1
    assert told.store.stale() == [1]
    await told.life.view.sync(1)
    assert told.store.stale() == []


async def test_an_edit_that_is_refused_is_named_once_until_it_works_again(told: Story) -> None:
    told.alert("open")
    await told.settle()
    told.chat.fail["edit_card"] = [refused(), refused(), refused()]
    for _ in range(3):
        await told.life.view.sync(1)
    assert told.incident.troubles["card"].fix == "Add the scope."
    assert told.facts("StepFailed") == 1
    await told.life.view.sync(1)
    assert told.incident.troubles == {}


async def test_the_topic_follows_the_record(told: Story) -> None:
    told.alert()
    await told.settle()
    await told.life.view.sync(1)
    channel = told.incident.view.channel
    assert channel
    assert "identified" in told.chat.channels[channel.id].topic
    assert told.incident.view.topic == told.chat.channels[channel.id].topic


# ------------------------------------------------------------------ what people do to the channel


async def test_a_new_name_is_followed(told: Story) -> None:
    channel = await opened(told)
    channel.name = "shop-is-down"
    told.due("event/look", "look")
    await shown(told)
    assert told.incident.view.channel
    assert told.incident.view.channel.name == "shop-is-down"
    assert told.incident.view.room is Room.OPEN


async def test_an_archived_channel_is_left_in_peace_until_there_is_something_to_say(told: Story) -> None:
    channel = await opened(told)
    channel.room = Room.ARCHIVED
    told.due("event/look", "look")
    await shown(told)
    assert (channel.room, told.incident.view.room) == (Room.ARCHIVED, Room.ARCHIVED)
    assert told.incident.troubles == {}
    say(told, "N1")
    await shown(told)
    assert (channel.room, told.incident.view.room) == (Room.OPEN, Room.OPEN)
    assert told.incident.troubles == {}


async def test_what_is_said_before_the_archiving_is_noticed_brings_the_channel_back(told: Story) -> None:
    channel = await opened(told)
    channel.room = Room.ARCHIVED
    told.due("event/look", "look", entries=len(told.incident.entries))
    say(told, "N1")
    await shown(told)
    assert (channel.room, told.incident.view.room) == (Room.OPEN, Room.OPEN)


async def test_what_was_being_shown_while_people_archived_the_channel_does_not_bring_it_back(told: Story) -> None:
    channel = await opened(told)
    say(told, "N1")
    channel.room = Room.ARCHIVED
    await told.life.view.sync(1)
    told.due("event/look", "look", entries=len(told.incident.entries))
    await shown(told)
    await told.later(seconds=5)
    await shown(told)
    assert (channel.room, told.incident.view.room) == (Room.ARCHIVED, Room.ARCHIVED)
    assert told.facts("StepFailed") == 0


async def test_a_refusal_from_before_the_channel_was_brought_back_is_not_named(told: Story) -> None:
    channel = await opened(told)
    say(told, "N1")
    channel.room = Room.ARCHIVED
    await told.life.view.sync(1)
    told.due("event/look", "look", entries=len(told.incident.entries))
    say(told, "N2")
    await shown(told)
    await told.later(seconds=5)
    await shown(told)
    assert (channel.room, told.incident.view.room) == (Room.OPEN, Room.OPEN)
    assert told.facts("StepFailed") == 0


async def test_where_nobody_tells_of_the_archiving_what_cannot_be_shown_brings_it_back(told: Story) -> None:
    channel = await opened(told)
    channel.room = Room.ARCHIVED
    say(told, "N1")
    await shown(told)
    assert channel.room is Room.ARCHIVED
    await told.later(seconds=5)
    await shown(told)
    assert (channel.room, told.incident.view.room, told.incident.troubles) == (Room.OPEN, Room.OPEN, {})


async def test_archived_by_hand_just_before_it_is_closed_the_draft_reaches_people(told: Story) -> None:
    channel = await opened(told)
    channel.room = Room.ARCHIVED
    told.tell("closed", Closed())
    told.due("close", "close", reply_to={"user": told.ana})
    await shown(told)
    assert any("Postmortem draft" in text for text in channel.messages.values())
    assert (channel.room, told.incident.view.room, told.incident.troubles) == (Room.OPEN, Room.OPEN, {})
    assert told.chat.whispers == []


async def test_where_it_may_not_be_brought_back_whoever_closed_it_is_told(told: Story) -> None:
    channel = await opened(told)
    channel.room = Room.ARCHIVED
    told.chat.fail["unarchive"] = [refused("Unarchive the channel.")]
    told.tell("closed", Closed())
    told.due("close", "close", reply_to={"user": told.ana})
    await shown(told)
    assert [text for _, text in told.chat.whispers] == [NOT_HANDED_OUT]
    assert told.incident.troubles["handing out the draft"].fix.startswith("Unarchive the channel.")
    await told.later(seconds=5)
    await shown(told)
    assert any("Postmortem draft" in text for text in channel.messages.values())
    assert told.incident.troubles == {}


async def test_where_unarchiving_is_refused_it_is_named_with_its_fix_and_done_later(told: Story) -> None:
    channel = await opened(told)
    channel.room = Room.ARCHIVED
    told.chat.fail["unarchive"] = [refused("Unarchive the channel.")]
    say(told, "N1")
    await shown(told)
    await told.later(seconds=5)
    assert told.incident.troubles["unarchiving the channel"].fix.startswith("Unarchive the channel.")
    assert told.chat.calls.count("announce") == 1
    await told.later(seconds=5)
    await shown(told)
    assert (channel.room, told.incident.troubles) == (Room.OPEN, {})


async def test_taken_out_of_a_public_channel_we_come_back(told: Story) -> None:
    channel = await opened(told)
    channel.room = Room.LEFT
    told.due("event/look", "look")
    await shown(told)
    assert (channel.room, told.incident.view.room) == (Room.OPEN, Room.OPEN)


async def test_taken_out_of_a_private_channel_people_are_asked_to_invite_us(told: Story) -> None:
    channel = await opened(told)
    channel.room, channel.private = Room.LEFT, True
    told.due("event/look", "look")
    await shown(told)
    assert told.incident.view.room is Room.LEFT
    assert told.incident.troubles["keeping the channel"].fix.startswith("Invite the bot.")


@pytest.mark.parametrize("noticed", ["event", "edit", "heal"])
async def test_a_deleted_channel_is_replaced_and_people_are_invited_again(told: Story, noticed: str) -> None:
    before = await opened(told)
    del told.chat.channels[before.id]
    match noticed:
        case "event":
            told.due("event/look", "look", deleted=True)
        case "edit":
            say(told, "N1")
        case _:
            assert await told.life.view.to_heal() == []
            told.now += timedelta(minutes=6)
            assert await told.life.view.to_heal() == [1]
    await shown(told)
    after = place(told)
    assert after.id != before.id
    assert list(after.messages) == [told.incident.view.card]
    assert after.members == {told.ana, told.ben}
    assert after.topic
    assert len(told.chat.channels) == 2


async def test_a_deleted_channel_of_a_closed_incident_stays_deleted_until_it_is_open_again(told: Story) -> None:
    before = await opened(told)
    told.tell("closed", Closed())
    await shown(told)
    del told.chat.channels[before.id]
    told.due("event/look", "look", deleted=True)
    say(told, "N1")
    await shown(told)
    assert (len(told.chat.channels), told.incident.troubles) == (1, {})
    told.tell("reopened", Reopened())
    await shown(told)
    assert list(place(told).messages) == [told.incident.view.card]


async def test_an_edit_that_is_refused_though_the_channel_is_there_is_named(told: Story) -> None:
    await opened(told)
    gone = GaveUp("Slack refused chat.update.", reason="not_in_channel", fix="/invite the bot.")
    told.chat.fail["edit_card"] = [gone, gone]
    say(told, "N1")
    await shown(told)
    assert told.incident.troubles["card"].fix == "/invite the bot."
    say(told, "N2")
    await shown(told)
    assert told.incident.troubles == {}


# ------------------------------------------------------------------ announcements


async def test_a_deleted_announcement_is_made_once_more_while_it_is_open(told: Story) -> None:
    await opened(told)
    incidents = next(c for c in told.chat.channels.values() if c.name == "incidents")
    incidents.messages.clear()
    say(told, "N1")
    await shown(told)
    assert told.incident.view.announcement
    assert list(incidents.messages) == [told.incident.view.announcement[1]]
    told.tell("closed", Closed())
    incidents.messages.clear()
    await shown(told)
    assert incidents.messages == {}


async def test_every_channel_of_the_policy_is_told_though_one_cannot_be(store: Store, tmp_path: Path) -> None:
    async with story(store, tmp_path, announce=("lost", "support")) as told:
        support = told.chat.add_channel("support")
        await opened(told)
        assert len(support.messages) == 1
        assert told.incident.troubles["announcement"].fix == "Name another one. It is tried again by itself."
        lost = told.chat.add_channel("lost")
        await told.later(seconds=5)
        await shown(told)
        assert (len(lost.messages), len(support.messages), told.incident.troubles) == (1, 1, {})


# ------------------------------------------------------------------ people


async def test_whoever_gets_a_role_is_invited_and_a_hand_over_is_said_once(told: Story) -> None:
    channel = await opened(told)
    chen, dora = told.chat.add_person("chen"), told.chat.add_person("dora")
    told.tell("R1", RoleGiven(role="commander", person=Person(id=chen, name="chen")))
    told.due("R1/role", "role", role="commander", taker={"id": chen, "name": "chen"}, giver=None)
    await shown(told)
    assert chen in channel.members
    assert len(channel.messages) == 1
    told.tell("R2", RoleGiven(role="commander", person=Person(id=dora, name="dora")))
    people = {"giver": {"id": chen, "name": "chen"}, "taker": {"id": dora, "name": "dora"}}
    told.due("R2/role", "role", role="commander", **people)
    await shown(told)
    assert dora in channel.members
    assert [*channel.messages.values()][1:] == ["commander: chen → dora"]


# ------------------------------------------------------------------ what is due later


async def test_pin_and_bookmark_come_after_all_that_is_urgent(told: Story) -> None:
    channel = await opened(told)
    assert channel.pinned == []
    await told.later(seconds=20)
    assert channel.pinned == [told.incident.view.card]
    assert channel.links == ["Monitor in Datadog: https://monitors.example/7"]
    await shown(told)
    await told.later(hours=1)
    assert len(channel.pinned) == len(channel.links) == 1


async def test_people_are_reminded_in_one_message_and_it_is_settled_when_it_is_done(told: Story) -> None:
    channel = await opened(told)
    await told.later(minutes=11)
    await shown(told)
    assert [*channel.messages.values()][1:] == ["no commander: 1"]
    await told.later(minutes=10)
    await shown(told)
    assert [*channel.messages.values()][1:] == ["no commander: 2"]
    told.tell("R1", RoleGiven(role="commander", person=Person(id=told.ana, name="ana")))
    await shown(told)
    assert [*channel.messages.values()][1:] == ["no commander: done"]
    for _ in range(8):
        await told.later(minutes=31)
        await shown(told)
    assert [*channel.messages.values()][1:] == ["no commander: done", "no update: 2"]
    assert told.chat.calls.count("remind") == 5


@pytest.mark.parametrize("quiet", [Held(on=True), RemindersStopped(), Closed()])
async def test_nobody_is_reminded_when_it_is_held_stopped_or_closed(told: Story, quiet: Held) -> None:
    channel = await opened(told)
    told.tell("quiet", quiet)
    await shown(told)
    await told.later(hours=20)
    assert len(channel.messages) == 1


async def test_the_channel_is_put_away_after_the_postmortem_and_comes_back_when_it_is_open_again(told: Story) -> None:
    channel = await opened(told)
    told.tell("closed", Closed())
    told.tell("draft", DraftPosted(message="M9"))
    await shown(told)
    await told.later(days=6)
    assert channel.room is Room.OPEN
    say(told, "N1", "One more thing")
    await shown(told)
    await told.later(days=2)
    assert channel.room is Room.OPEN, "somebody was still at work there"
    await told.later(days=6)
    await shown(told)
    assert (channel.room, told.incident.view.room, told.incident.troubles) == (Room.ARCHIVED, Room.ARCHIVED, {})
    told.tell("reopened", Reopened())
    await shown(told)
    assert (channel.room, told.incident.troubles) == (Room.OPEN, {})
    assert "investigating" in channel.messages[told.incident.view.card]


async def test_opened_again_before_its_time_the_channel_stays(told: Story) -> None:
    channel = await opened(told)
    told.tell("closed", Closed())
    told.tell("draft", DraftPosted(message="M9"))
    await shown(told)
    told.tell("reopened", Reopened())
    told.tell("hold", Held(on=True))
    await shown(told)
    await told.later(days=30)
    assert channel.room is Room.OPEN
