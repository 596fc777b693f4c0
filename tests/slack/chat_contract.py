"""What every `Chat` must do, whatever it is made of. Subclasses give a `world` fixture."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Protocol

import pytest

from bot.incident import AlertSeen, Channel, Incident, Person, Reminded, Room, Status
from bot.ports import ChannelNow, Chat, GaveUp
from bot.triage.proposal import Proposal, ProposalState
from tests.slack.samples import AT, small


class World(Protocol):
    """A chat, and eyes and hands in its workspace."""

    @property
    def chat(self) -> Chat:
        """The chat as it is now."""

    def add_person(self, name: str) -> str:
        """A new person's id."""

    def add_group(self, handle: str, people: list[str]) -> None:
        """A group."""

    def take_name(self, name: str) -> None:
        """Somebody else makes a channel of this name."""

    def channels(self) -> list[str]:
        """The names of all channels."""

    def texts(self, channel: str) -> list[str]:
        """What a channel's messages say, oldest first."""

    def members_of(self, channel: str) -> set[str]:
        """Who is in a channel, without the bot."""

    def topic_of(self, channel: str) -> str:
        """A channel's topic."""

    def delete(self, channel: str, message: str) -> None:
        """Somebody deletes a message."""

    def seen_by(self, user: str) -> list[str]:
        """What was shown to this person only."""

    def rename(self, channel: str, name: str) -> None:
        """Somebody gives a channel another name."""

    def archive(self, channel: str) -> None:
        """Somebody archives a channel."""

    def kick(self, channel: str) -> None:
        """Somebody takes the bot out of a channel."""

    def remove(self, channel: str) -> None:
        """Somebody deletes a channel."""


async def opened(world: World, number: int = 7) -> tuple[Incident, Channel]:
    """An incident with its channel."""
    incident = small(number)
    channel = incident.view.channel = await world.chat.open_channel(incident)
    return incident, channel


class ChatContract:
    """The cases."""

    async def test_a_channel_is_made_once(self, world: World) -> None:
        first = await world.chat.open_channel(small())
        again = await world.chat.open_channel(small())
        assert first == again
        assert [name for name in world.channels() if name.startswith("inc-7")] == [first.name]

    async def test_a_channel_of_somebody_else_is_left_alone(self, world: World) -> None:
        theirs = (await world.chat.open_channel(small(8))).name.replace("8", "9", 1)
        world.take_name(theirs)
        ours = await world.chat.open_channel(small(9))
        assert ours.name == f"{theirs}-2"

    async def test_the_card_is_posted_once_and_then_edited(self, world: World) -> None:
        incident, channel = await opened(world)
        incident.view.card = await world.chat.show_card(incident, now=AT)
        assert await world.chat.show_card(incident, now=AT) == incident.view.card
        incident.status = Status.MONITORING
        await world.chat.edit_card(incident, now=AT + timedelta(seconds=5))
        (text,) = world.texts(channel.id)
        assert "monitoring" in text
        assert "web-02 is out of rotation" in text

    async def test_a_deleted_card_is_told_and_posted_once_more(self, world: World) -> None:
        incident, channel = await opened(world)
        incident.view.card = await world.chat.show_card(incident, now=AT)
        world.delete(channel.id, incident.view.card)
        with pytest.raises(GaveUp) as gone:
            await world.chat.edit_card(incident, now=AT)
        assert gone.value.reason == "message_not_found"
        incident.view.card = await world.chat.show_card(incident, now=AT)
        await world.chat.edit_card(incident, now=AT)
        assert len(world.texts(channel.id)) == 1

    async def test_an_announcement_is_made_once_and_then_edited(self, world: World) -> None:
        incident, _ = await opened(world)
        at = await world.chat.announce(incident, "incidents", now=AT)
        assert await world.chat.announce(incident, "incidents", now=AT) == at
        incident.status = Status.RESOLVED
        await world.chat.edit_announcement(incident, at, now=AT)
        (text,) = world.texts(at[0])
        assert "resolved" in text

    async def test_groups_addresses_and_ids_are_invited_and_the_unknown_named(self, world: World) -> None:
        incident, channel = await opened(world)
        ana, ben, chen = (world.add_person(name) for name in ("ana", "ben", "chen"))
        world.add_group("oncall-web", [ana, ben])
        outcome = await world.chat.invite(incident, ["@oncall-web", "chen@lab.example", "@nobody", ana])
        assert {outcome[who] for who in (ana, ben, chen)} == {"invited"}
        assert outcome["@nobody"] not in {"", "invited"}
        assert world.members_of(channel.id) == {ana, ben, chen}

    async def test_inviting_again_is_harmless(self, world: World) -> None:
        incident, channel = await opened(world)
        ana = world.add_person("ana")
        await world.chat.invite(incident, [ana])
        assert await world.chat.invite(incident, [ana]) == {ana: "invited"}
        assert world.members_of(channel.id) == {ana}

    async def test_the_topic_says_how_it_stands(self, world: World) -> None:
        incident, channel = await opened(world)
        incident.view.topic = await world.chat.set_topic(incident)
        assert world.topic_of(channel.id) == incident.view.topic
        assert "SEV2" in incident.view.topic
        assert incident.title in incident.view.topic

    async def test_a_draft_is_handed_out_once_per_closing(self, world: World) -> None:
        incident, channel = await opened(world)
        for closing in (1, 2):
            incident.closings = closing
            first = await world.chat.post_draft(incident, {"postmortem.md": b"# INC-7\n"})
            assert await world.chat.post_draft(incident, {"postmortem.md": b"# INC-7\n"}) == first
            assert len(world.texts(channel.id)) == closing

    async def test_what_people_do_to_a_channel_is_seen(self, world: World) -> None:
        incident, channel = await opened(world)
        world.rename(channel.id, "shop-is-down")
        assert await world.chat.channel_now(incident) == ChannelNow(name="shop-is-down", room=Room.OPEN)
        world.archive(channel.id)
        assert (await world.chat.channel_now(incident)).room is Room.ARCHIVED
        await world.chat.unarchive(incident)
        world.kick(channel.id)
        assert (await world.chat.channel_now(incident)).room is Room.LEFT
        await world.chat.join(incident)
        assert (await world.chat.channel_now(incident)).room is Room.OPEN
        world.remove(channel.id)
        assert (await world.chat.channel_now(incident)).room is Room.GONE

    async def test_a_channel_is_put_away_and_brought_back_any_number_of_times(self, world: World) -> None:
        incident, _ = await opened(world)
        for _ in range(2):
            await world.chat.archive(incident)
        assert (await world.chat.channel_now(incident)).room is Room.ARCHIVED
        for _ in range(2):
            await world.chat.unarchive(incident)
        assert (await world.chat.channel_now(incident)).room is Room.OPEN

    async def test_people_are_reminded_in_one_message(self, world: World) -> None:
        incident, channel = await opened(world)
        first = await world.chat.remind(incident, "no commander")
        assert await world.chat.remind(incident, "no commander") == first
        incident.view.reminders["no commander"] = Reminded(times=1, at=AT, message=first)
        assert await world.chat.remind(incident, "no commander") == first
        assert len(world.texts(channel.id)) == 1

    async def test_a_deleted_reminder_is_given_once_more_unless_it_is_done(self, world: World) -> None:
        incident, channel = await opened(world)
        first = await world.chat.remind(incident, "no update")
        world.delete(channel.id, first)
        incident.view.reminders["no update"] = Reminded(times=1, at=AT, message=first)
        again = await world.chat.remind(incident, "no update")
        assert again != first
        assert len(world.texts(channel.id)) == 1
        world.delete(channel.id, again)
        incident.view.reminders["no update"] = Reminded(times=2, at=AT, message=again, settled=True)
        await world.chat.remind(incident, "no update")
        assert world.texts(channel.id) == []

    async def test_a_hand_over_is_said_once(self, world: World) -> None:
        incident, channel = await opened(world)
        ana, ben = (Person(id=world.add_person(name), name=name) for name in ("ana", "ben"))
        for _ in range(2):
            await world.chat.hand_over(incident, role="commander", giver=ana, taker=ben, key="R1")
        (text,) = world.texts(channel.id)
        assert "ommander" in text

    async def test_pins_and_bookmarks_may_be_asked_for_again(self, world: World) -> None:
        incident, _ = await opened(world)
        incident.view.card = await world.chat.show_card(incident, now=AT)
        for _ in range(2):
            await world.chat.pin_card(incident)
            await world.chat.bookmark(incident, title="Monitor", link="https://app.datadoghq.com/monitors/1")

    async def test_a_person_is_answered_privately(self, world: World) -> None:
        incident, channel = await opened(world)
        ana = world.add_person("ana")
        await world.chat.invite(incident, [ana])
        await world.chat.reply({"channel": channel.id, "user": ana}, "E4 at 11:13 EAT (08:13 UTC)")
        assert world.seen_by(ana) == ["E4 at 11:13 EAT (08:13 UTC)"]
        assert world.texts(channel.id) == []

    async def test_a_report_is_posted_once_for_each_key(self, world: World) -> None:
        _, channel = await opened(world)
        for key in ("D1", "D1", "D2"):
            await world.chat.report(channel.id, f"{key} was not understood", key)
        assert world.texts(channel.id) == ["D1 was not understood", "D2 was not understood"]

    async def test_a_group_stands_for_its_members_of_this_moment(self, world: World) -> None:
        ana, ben = world.add_person("ana"), world.add_person("ben")
        world.add_group("oncall-web", [ana])
        assert await world.chat.members("@oncall-web") == {ana}
        world.add_group("oncall-web", [ben])
        assert await world.chat.members("@oncall-web") == {ben}
        with pytest.raises(GaveUp) as unknown:
            await world.chat.members("@nobody")
        assert unknown.value.fix

    async def test_a_person_has_a_name_and_a_zone(self, world: World) -> None:
        ana = world.add_person("ana")
        person = await world.chat.person(ana)
        assert (person.name, person.zone, person.active) == ("ana", "UTC", True)

    async def test_a_proposal_is_asked_once_and_then_edited(self, world: World) -> None:
        proposal = Proposal(
            id="P1",
            title="Disk is full",
            state=ProposalState.WAITING,
            at=AT,
            changed_at=AT,
            alerts=(AlertSeen(delivery="D1", source="datadog", transition="Triggered", at=AT, fingerprint="f"),),
        )
        channel, message = await world.chat.propose(proposal, "incidents")
        assert await world.chat.propose(proposal, "incidents") == (channel, message)
        ended = replace(proposal, state=ProposalState.EXPIRED, channel=channel, message=message)
        await world.chat.edit_proposal(ended)
        (text,) = world.texts(channel)
        assert "Disk is full" in text
        assert "no recovery came" in text or "expired" in text
