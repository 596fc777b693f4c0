"""The workspace where people talk, as our port `Chat`: channels, the one card, announcements, answers.

Slack knows no idempotency key. Before a call that must not happen twice an intent is written down; where an
earlier attempt may have happened, what it would have made is looked up first: a channel by its name and maker,
a message by the key in its metadata, a file by its title.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.incident import Channel, Incident, Person, Room
from bot.overview import Overview
from bot.ports import ChannelNow, ChatPerson, GaveUp, Intents, TryAgain
from bot.ports.chat import card_key
from bot.said import Form, Quote
from bot.slack import home, render
from bot.slack.blocks import TEXT, inert
from bot.slack.capture import Quotes
from bot.slack.draft import Draft
from bot.slack.invite import invite
from bot.slack.messages import Messages, address
from bot.slack.modals import modal
from bot.slack.moved import withdraw
from bot.slack.naming import channel_name, could_be
from bot.slack.pace import Answer, First, Pace
from bot.slack.people import People
from bot.slack.proposal import proposal_card
from bot.slack.reminder import handed_over, reminder
from bot.slack.replies import Replies
from bot.slack.room import Rooms
from bot.triage.proposal import Proposal

HEALTH_FOR = 30.0
"""Seconds between two questions whether Slack hears us."""
REMEMBERED = 60.0
"""Seconds for which we trust our memory of what a message shows; a person or another replica may change it."""
TRIGGER = 3.0
"""Seconds after which nothing can be opened any more in return for what somebody did."""
NAMES = 9
"""So many names are tried for a channel."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who we are in the workspace, and what we may do there."""

    user: str
    bot: str
    team: str
    scopes: frozenset[str] = frozenset()


@dataclass
class _Shown:
    """What a message of ours is to show, and what it shows."""

    wanted: int = 0
    done: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    newest: render.Message | None = None
    sent: render.Message | None = None
    sent_at: float = 0.0


class SlackChat:
    """`bot.ports.Chat` on Slack's Web API. `session` is the application's one; `within` limits a call and `patience`
    the waiting for its turn, in seconds."""

    def __init__(
        self,
        client: AsyncWebClient,
        session: aiohttp.ClientSession,
        *,
        intents: Intents,
        channel: str = "inc-{n}-{slug}",
        command: str = "/incident",
        within: float = 10.0,
        patience: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pace = Pace(client, session, within=within, patience=patience, clock=clock)
        self.people = People(self.pace, team=self._our_team, clock=clock)
        self.identity: Identity | None = None
        self._intents = intents
        self._messages = Messages(self.pace, intents, clock=clock)
        self._draft = Draft(self.pace, intents, self._messages)
        self._replies = Replies(self.pace)
        self._quotes = Quotes(self.pace, self.people)
        self._rooms = Rooms(self.pace)
        self._channel = channel
        self._command = command
        self._clock = clock
        self._shown: OrderedDict[str, _Shown] = OrderedDict()
        self._asked_health = (float("-inf"), "")
        self._health_lock = asyncio.Lock()

    def team(self) -> str:
        """The id of our workspace, empty while unknown."""
        return self.identity.team if self.identity else ""

    async def open_channel(self, incident: Incident) -> Channel:
        """Create the incident's channel, or find the one that an interrupted attempt created."""
        kind = "private-channel" if incident.private else "channel"
        if not await self._intents.first(f"{kind}:{incident.id}") and (ours := await self._made_before(incident)):
            return ours
        for attempt in range(1, NAMES + 1):
            name = channel_name(self._channel, incident, attempt=attempt)
            if made := await self._create(name, private=incident.private):
                return made
        fix = "Rename or archive the other channels with this name."
        name = channel_name(self._channel, incident)
        raise GaveUp(f"{NAMES} channels are called like {name} already.", reason="name_taken", fix=fix)

    async def show_card(self, incident: Incident, *, now: datetime, fresh: bool = False) -> str:
        """Post the one card, or find it again; its message id."""
        message = render.card(incident, now=now, command=self._command)
        at, key = self._channel_of(incident), card_key(incident)
        return (await self._messages.post_once(key, at, message, first=First.CARD, fresh=fresh))[1]

    async def edit_card(self, incident: Incident, *, now: datetime) -> None:
        """Bring the card up to date. Edits that wait for each other become one, with the newest content."""
        at, ts = self._channel_of(incident), incident.view.card
        if not ts:
            raise GaveUp("The card is not posted yet.", reason="message_not_found", fix="It is posted once more.")
        await self._edit(at, ts, render.card(incident, now=now, command=self._command), first=First.RESULTS)

    async def announce(self, incident: Incident, where: str, *, now: datetime) -> tuple[str, str]:  # noqa: ARG002 - of Chat
        """Tell a channel (name or id), or find the announcement again; its channel and message ids."""
        key, message = f"announcement:{incident.id}:{where.removeprefix('#')}", render.announcement(incident)
        return await self._messages.post_once(key, address(where), message, first=First.RESULTS, certain=True)

    async def edit_announcement(self, incident: Incident, at: tuple[str, str], *, now: datetime) -> None:  # noqa: ARG002 - of Chat
        """Bring one announcement up to date."""
        await self._edit(*at, render.announcement(incident), first=First.DECORATION)

    async def invite(self, incident: Incident, people: Sequence[str]) -> Mapping[str, str]:
        """Invite people (@group, e-mail or id); per person "invited" or the reason why not.

        Groups are replaced by their members; who is invited already is left out.
        """
        done = {who for who, how in incident.view.invited.items() if how == "invited"}
        return await invite(self.pace, self.people, self._channel_of(incident), people, done=done)

    async def set_topic(self, incident: Incident) -> str:
        """Set the channel's topic to what the incident says now, unless it is that already; the topic."""
        topic = render.topic(incident)
        if topic != incident.view.topic:
            at = self._channel_of(incident)
            await self.pace.call("conversations.setTopic", first=First.DECORATION, channel=at, topic=topic)
        return topic

    async def channel_now(self, incident: Incident) -> ChannelNow:
        """What became of the incident's channel."""
        if incident.view.channel is None:
            return ChannelNow(name="", room=Room.GONE)
        return await self._rooms.now(incident.view.channel, private=incident.private)

    async def archive(self, incident: Incident) -> None:
        """Put the incident's channel away."""
        await self._rooms.archive(self._channel_of(incident))

    async def unarchive(self, incident: Incident) -> None:
        """Bring the incident's channel back."""
        await self._rooms.unarchive(self._channel_of(incident))

    async def join(self, incident: Incident) -> None:
        """Come back into the incident's channel, if it is public."""
        await self._rooms.join(self._channel_of(incident))

    async def pin_card(self, incident: Incident) -> None:
        """Pin the card."""
        await self._rooms.pin(self._channel_of(incident), incident.view.card)

    async def bookmark(self, incident: Incident, *, title: str, link: str) -> None:
        """Put a link on the channel's bar; once, as far as can be known."""
        at = self._channel_of(incident)
        if await self._intents.first(f"bookmark:{at}:{link}") or not await self._rooms.bookmarked(at, link):
            await self._rooms.bookmark(at, title=title, link=link)

    async def remind(self, incident: Incident, about: str) -> str:
        """Say what is missing: the second time, and when it is done, in the message of the first time."""
        at, message = self._channel_of(incident), reminder(incident, about, command=self._command)
        known = incident.view.reminders.get(about)
        if known and known.message:
            try:
                await self._edit(at, known.message, message, first=First.DECORATION)
                return known.message
            except GaveUp as refused:
                if refused.reason != "message_not_found":
                    raise
                if known.settled:
                    return known.message
        key = f"remind:{incident.id}:{about}:{known.times if known else 0}"
        return (await self._messages.post_once(key, at, message, first=First.DECORATION))[1]

    async def hand_over(self, incident: Incident, *, role: str, giver: Person, taker: Person, key: str) -> None:
        """Tell the channel, the giver and the taker of a role who has it now, once per key."""
        message = handed_over(role, giver, taker)
        await self._messages.post_once(key, self._channel_of(incident), message, first=First.RESULTS)

    async def post_draft(self, incident: Incident, files: Mapping[str, bytes]) -> str:
        """Hand out the postmortem draft in the channel, once per closing; its message id."""
        return await self._draft.post(incident, self._channel_of(incident), files)

    async def reply(self, reply_to: Mapping[str, str], text: str) -> None:
        """Answer one person privately where they spoke; in a thread, answer in that thread."""
        await self._replies.reply(reply_to, text)

    async def propose(self, proposal: Proposal, where: str) -> tuple[str, str]:
        """Ask whether this is an incident, or find the question again; its channel and message ids."""
        message = proposal_card(proposal)
        return await self._messages.post_once(f"proposal:{proposal.id}", address(where), message, first=First.RESULTS)

    async def edit_proposal(self, proposal: Proposal) -> None:
        """Bring the card of a proposal up to date."""
        await self._edit(proposal.channel, proposal.message, proposal_card(proposal), first=First.DECORATION)

    async def look(self, channel: str, message: str) -> Quote:
        """A message as it is now, with who has marked it for the timeline."""
        return await self._quotes.look(channel, message)

    async def completed(self, quote: Quote) -> Quote:
        """The quote with names and address, as far as they can be found."""
        return await self._quotes.completed(quote)

    async def mark(self, quote: Quote, *, on: bool) -> None:
        """Show at the message that it is in the timeline, or take that away."""
        await self._quotes.mark(quote, on=on)

    async def open_form(self, trigger: str, form: Form) -> None:
        """Open a form for whoever pulled the trigger."""
        try:
            async with asyncio.timeout(TRIGGER):
                await self.pace.call("views.open", first=First.OPEN, trigger_id=trigger, view=modal(form))
        except TimeoutError as late:
            raise TryAgain("The form was too late.", reason="expired_trigger_id") from late

    async def show_overview(self, user: str, overview: Overview) -> None:
        """Bring a person's Home tab up to date."""
        view = home.view(overview, command=self._command)
        await self.pace.call("views.publish", first=First.DECORATION, user_id=user, view=view)

    async def in_channel(self, channel: str) -> frozenset[str]:
        """The ids of those who are in the channel."""
        return await self.people.in_channel(channel)

    async def withdraw(self, incident: Incident, channel: Channel, card: str) -> None:
        """Take what shows of an incident out of a channel that it has left: card, topic, name."""
        await withdraw(self.pace, self._messages, incident, channel, card)

    async def report(self, channel: str, text: str, key: str) -> None:
        """Post one plain message into a channel (name or id), once per key. Nothing in the text is live."""
        message = render.Message(text=inert(text, TEXT) or "–")
        await self._messages.post_once(f"report:{key}", address(channel), message, first=First.DECORATION)

    async def tidy(self) -> None:
        """Take away what came out twice. Raises TryAgain."""
        await self._messages.doublets.tidy()

    async def person(self, id: str) -> ChatPerson:
        """Who this is; known for a quarter of an hour."""
        return await self.people.person(id)

    async def members(self, word: str) -> frozenset[str]:
        """The ids that `@group`, an e-mail address or an id stands for, now."""
        return await self.people.members(word)

    @property
    def last_health(self) -> str:
        """What was said last when somebody asked, or what the last call has shown; empty when Slack hears us."""
        return self._asked_health[1] or ("it does not answer just now" if self.pace.failing else "")

    async def health(self) -> str:
        """Empty when Slack hears us, else one sentence; asks at most every 30 s."""
        async with self._health_lock:
            at, said = self._asked_health
            if self._clock() - at < HEALTH_FOR:
                return said
            said = await self._ask_health()
            self._asked_health = (self._clock(), said)
            return said

    async def _ask_health(self) -> str:
        try:
            answer = await self.pace.call("auth.test", first=First.OPEN)
        except TryAgain as away:
            return str(away)
        except GaveUp as no:
            return f"{no} {no.fix}".strip()
        self.identity = identity_of(answer)
        return ""

    async def _our_team(self) -> str:
        return (await self._who_we_are()).team

    async def _who_we_are(self) -> Identity:
        if self.identity is None:
            self.identity = identity_of(await self.pace.call("auth.test", first=First.OPEN))
        return self.identity

    async def _made_before(self, incident: Incident) -> Channel | None:
        """The channel that we created for this incident, if there is one; the oldest, if there are several."""
        user = (await self._who_we_are()).user
        ours = [
            channel
            async for channel in self._messages.joined_channels(private=incident.private)
            if channel.get("creator") == user and could_be(self._channel, incident, str(channel.get("name")))
        ]
        oldest = min(ours, key=lambda channel: channel.get("created", 0), default=None)
        return Channel(id=str(oldest["id"]), name=str(oldest["name"])) if oldest else None

    async def _create(self, name: str, *, private: bool) -> Channel | None:
        """A new channel, or None when the name is taken."""
        try:
            answer = await self.pace.call("conversations.create", first=First.OPEN, name=name, is_private=private)
        except GaveUp as refused:
            if refused.reason == "name_taken":
                return None
            raise
        made = answer["channel"]
        return Channel(id=str(made["id"]), name=str(made["name"]))

    async def _edit(self, at: str, ts: str, wanted: render.Message, *, first: First) -> None:
        """Show this in that message, unless we showed just that a moment ago: an edit costs one of 50 a minute."""
        shown = self._shown.setdefault(f"{at}/{ts}", _Shown())
        self._shown.move_to_end(f"{at}/{ts}")
        shown.wanted += 1
        shown.newest = wanted
        mine = shown.wanted
        async with shown.lock:
            if shown.done < mine:
                number, content = shown.wanted, shown.newest
                if content != shown.sent or self._clock() - shown.sent_at > REMEMBERED:
                    await self._messages.edit(at, ts, content, first=first)
                    shown.sent, shown.sent_at = content, self._clock()
                shown.done = number
        self._forget_the_oldest()

    def _channel_of(self, incident: Incident) -> str:
        if incident.view.channel is None:
            fix = "It is opened once more."
            raise GaveUp(f"{incident.id} has no channel yet.", reason="channel_not_found", fix=fix)
        return incident.view.channel.id

    def _forget_the_oldest(self) -> None:
        while len(self._shown) > 1_000 and not next(iter(self._shown.values())).lock.locked():
            self._shown.popitem(last=False)


def identity_of(answer: Answer) -> Identity:
    """Who we are, from what auth.test answers."""
    headers: Mapping[str, Any] = {k.lower(): v for k, v in answer.get("headers", {}).items()}
    scopes = str(headers.get("x-oauth-scopes", "")).split(",")
    return Identity(
        user=str(answer.get("user_id", "")),
        bot=str(answer.get("bot_id", "")),
        team=str(answer.get("team_id", "")),
        scopes=frozenset(scope.strip() for scope in scopes if scope.strip()),
    )
