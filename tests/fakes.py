"""Small real things that stand in for the neighbours; the contract suites hold them honest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.incident import Channel, Incident, Person, Reminded, Room
from bot.overview import Overview
from bot.ports import ChannelNow, ChatPerson, GaveUp, TryAgain
from bot.said import Form, Quote
from bot.triage.proposal import Proposal


class FakeIntents:
    """Intents that live as long as the test."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    async def first(self, key: str) -> bool:
        new = key not in self.seen
        self.seen.add(key)
        return new


@dataclass
class FakeChannel:
    """A channel: its messages by id, in order, each with the key under which it is found again."""

    id: str
    name: str
    creator: str = "somebody"
    topic: str = ""
    room: Room = Room.OPEN
    private: bool = False
    pinned: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    members: set[str] = field(default_factory=set)
    messages: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)


class FakeChat:
    """A workspace in memory. `fail[method]` is raised by the next calls of that method, one after the other."""

    def __init__(self, *, announce: str = "incidents") -> None:
        self.intents = FakeIntents()
        self.channels: dict[str, FakeChannel] = {}
        self.people: dict[str, ChatPerson] = {}
        self.mails: dict[str, str] = {}
        self.groups: dict[str, frozenset[str]] = {}
        self.whispers: list[tuple[str, str]] = []
        self.files: dict[str, Mapping[str, bytes]] = {}
        self.quotes: dict[str, Quote] = {}
        self.marked: set[str] = set()
        self.forms: dict[str, Form] = {}
        self.pages: dict[str, Overview] = {}
        self.calls: list[str] = []
        self.fail: dict[str, list[TryAgain | GaveUp]] = {}
        self._numbers = 0
        self.add_channel(announce)

    def add_channel(self, name: str, *, creator: str = "somebody") -> FakeChannel:
        """A channel that is there already."""
        channel = FakeChannel(id=self._next("C"), name=name, creator=creator)
        self.channels[channel.id] = channel
        return channel

    def add_person(self, name: str, *, zone: str = "UTC") -> str:
        """A person's id; the address is NAME@lab.example."""
        id = self._next("U")
        self.people[id] = ChatPerson(id=id, name=name, zone=zone)
        self.mails[f"{name}@lab.example"] = id
        return id

    async def open_channel(self, incident: Incident) -> Channel:
        self._called("open_channel")
        first = await self.intents.first(f"channel:{incident.id}")
        ours = [c for c in self.channels.values() if c.creator == incident.id]
        if ours and not first:
            return Channel(id=ours[0].id, name=ours[0].name)
        taken = {c.name for c in self.channels.values()}
        names = (f"inc-{incident.number}" + (f"-{n}" if n > 1 else "") for n in range(1, 10))
        made = self.add_channel(next(name for name in names if name not in taken), creator=incident.id)
        return Channel(id=made.id, name=made.name)

    async def show_card(self, incident: Incident, *, now: datetime, fresh: bool = False) -> str:  # noqa: ARG002 - of Chat
        self._called("show_card")
        return self._post_once(self._open(incident), f"card:{incident.id}", _text(incident))

    async def edit_card(self, incident: Incident, *, now: datetime) -> None:  # noqa: ARG002 - of Chat
        self._called("edit_card")
        self._edit(self._open(incident), incident.view.card, _text(incident))

    async def announce(self, incident: Incident, where: str, *, now: datetime) -> tuple[str, str]:  # noqa: ARG002 - of Chat
        self._called("announce")
        channel = self._named(where)
        return channel.id, self._post_once(channel, f"announcement:{incident.id}", _text(incident))

    async def edit_announcement(self, incident: Incident, at: tuple[str, str], *, now: datetime) -> None:  # noqa: ARG002 - of Chat
        self._called("edit_announcement")
        self._edit(self.channels[at[0]], at[1], _text(incident))

    async def channel_now(self, incident: Incident) -> ChannelNow:
        self._called("channel_now")
        channel = incident.view.channel
        seen = self.channels.get(channel.id) if channel else None
        return ChannelNow(name=seen.name, room=seen.room) if seen else ChannelNow(name="", room=Room.GONE)

    async def archive(self, incident: Incident) -> None:
        self._called("archive")
        self._of(incident).room = Room.ARCHIVED

    async def unarchive(self, incident: Incident) -> None:
        self._called("unarchive")
        self._of(incident).room = Room.OPEN

    async def join(self, incident: Incident) -> None:
        self._called("join")
        if self._of(incident).private:
            raise GaveUp("we are not in it", reason="channel_not_found", fix="Invite the bot.")
        self._of(incident).room = Room.OPEN

    async def pin_card(self, incident: Incident) -> None:
        self._called("pin_card")
        self._of(incident).pinned.append(incident.view.card)

    async def bookmark(self, incident: Incident, *, title: str, link: str) -> None:
        self._called("bookmark")
        self._of(incident).links.append(f"{title}: {link}")

    async def remind(self, incident: Incident, about: str) -> str:
        self._called("remind")
        known = incident.view.reminders.get(about, Reminded())
        channel = self._open(incident)
        text = f"{about}: done" if known.settled else f"{about}: {known.times + 1}"
        if known.message in channel.messages:
            channel.messages[known.message] = text
        if known.message in channel.messages or known.settled:
            return known.message
        return self._post_once(channel, f"remind:{about}:{known.times}", text)

    async def hand_over(self, incident: Incident, *, role: str, giver: Person, taker: Person, key: str) -> None:
        self._called("hand_over")
        self._post_once(self._open(incident), key, f"{role}: {giver.name} → {taker.name}")

    async def invite(self, incident: Incident, people: Sequence[str]) -> Mapping[str, str]:
        self._called("invite")
        outcome: dict[str, str] = {}
        for word in people:
            try:
                ids = self._ids(word)
            except GaveUp as unknown:
                outcome[word] = str(unknown)
                continue
            known = {id for id in ids if id in self.people}
            outcome |= {id: "invited" if id in known else "is not known" for id in ids}
            self._open(incident).members |= known
        return {who: how for who, how in outcome.items() if incident.view.invited.get(who) != "invited"}

    async def set_topic(self, incident: Incident) -> str:
        self._called("set_topic")
        self._open(incident).topic = f"{incident.severity} · {incident.status} · {incident.title}"
        return self._of(incident).topic

    async def post_draft(self, incident: Incident, files: Mapping[str, bytes]) -> str:
        self._called("post_draft")
        key = f"draft:{incident.id}:{incident.closings}"
        self.files[key] = files
        return self._post_once(self._open(incident), key, f"Postmortem draft of {incident.id}")

    async def reply(self, reply_to: Mapping[str, str], text: str) -> None:
        self._called("reply")
        self.whispers.append((reply_to.get("user", ""), text))

    async def report(self, channel: str, text: str, key: str) -> None:
        self._called("report")
        self._post_once(self._named(channel), f"report:{key}", text)

    async def propose(self, proposal: Proposal, where: str) -> tuple[str, str]:
        self._called("propose")
        channel = self._named(where)
        return channel.id, self._post_once(channel, f"proposal:{proposal.id}", _asked(proposal))

    async def edit_proposal(self, proposal: Proposal) -> None:
        self._called("edit_proposal")
        self._edit(self.channels[proposal.channel], proposal.message, _asked(proposal))

    async def look(self, channel: str, message: str) -> Quote:
        self._called("look")
        if f"{channel}/{message}" not in self.quotes:
            raise GaveUp("the message is gone", reason="message_not_found")
        return self.quotes[f"{channel}/{message}"]

    async def completed(self, quote: Quote) -> Quote:
        self._called("completed")
        return self.quotes.get(quote.name, quote)

    async def mark(self, quote: Quote, *, on: bool) -> None:
        self._called("mark")
        (self.marked.add if on else self.marked.discard)(quote.name)

    async def open_form(self, trigger: str, form: Form) -> None:
        self._called("open_form")
        self.forms[trigger] = form

    async def show_overview(self, user: str, overview: Overview) -> None:
        self._called("show_overview")
        self.pages[user] = overview

    async def in_channel(self, channel: str) -> frozenset[str]:
        self._called("in_channel")
        return frozenset(self.channels[channel].members)

    async def withdraw(self, incident: Incident, channel: Channel, card: str) -> None:
        self._called("withdraw")
        old = self.channels[channel.id]
        old.topic, old.name = "", f"moved-{incident.number}"
        old.messages[card] = f"{incident.id} goes on elsewhere"

    async def person(self, id: str) -> ChatPerson:
        self._called("person")
        if id not in self.people:
            raise GaveUp(f"nobody is called {id}", reason="user_not_found", fix="Check the id.")
        return self.people[id]

    async def members(self, word: str) -> frozenset[str]:
        self._called("members")
        return self._ids(word)

    async def health(self) -> str:
        return ""

    def _ids(self, word: str) -> frozenset[str]:
        if word.removeprefix("@") in self.groups:
            return self.groups[word.removeprefix("@")]
        if word in self.mails:
            return frozenset({self.mails[word]})
        if word.startswith("U"):
            return frozenset({word})
        raise GaveUp(f"there is no group {word}", reason="no_such_subteam", fix="Check the handle.")

    def _called(self, method: str) -> None:
        self.calls.append(method)
        if waiting := self.fail.get(method):
            raise waiting.pop(0)

    def _of(self, incident: Incident) -> FakeChannel:
        if incident.view.channel is None or incident.view.channel.id not in self.channels:
            raise GaveUp(f"{incident.id} has no channel", reason="channel_not_found")
        return self.channels[incident.view.channel.id]

    def _open(self, incident: Incident) -> FakeChannel:
        """The channel, if it can be written in."""
        reasons = {Room.ARCHIVED: "is_archived", Room.LEFT: "not_in_channel"}
        channel = self._of(incident)
        if reason := reasons.get(channel.room):
            raise GaveUp(f"it is {channel.room}", reason=reason, fix="Bring it back.")
        return channel

    def _named(self, where: str) -> FakeChannel:
        named = [c for c in self.channels.values() if where in {c.id, c.name}]
        if not named:
            raise GaveUp(f"there is no channel {where}", reason="channel_not_found", fix="Name another one.")
        return named[0]

    def _post_once(self, channel: FakeChannel, key: str, text: str) -> str:
        if channel.keys.get(key) in channel.messages:
            return channel.keys[key]
        message = self._next("M")
        channel.messages[message] = text
        channel.keys[key] = message
        return message

    def _edit(self, channel: FakeChannel, message: str, text: str) -> None:
        if message not in channel.messages:
            raise GaveUp("the message is gone", reason="message_not_found", fix="It is posted once more.")
        channel.messages[message] = text

    def _next(self, letter: str) -> str:
        self._numbers += 1
        return f"{letter}{self._numbers:08d}"


def _asked(proposal: Proposal) -> str:
    return f"{proposal.title} · {proposal.state}"


def _text(incident: Incident) -> str:
    return f"{incident.id} · {incident.title} · {incident.severity} · {incident.status}"
