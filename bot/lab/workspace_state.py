"""What a workspace holds: people, channels, messages, views, files. No transport, no app, no page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.lab.workspace_clock import Clock

JSON = dict[str, Any]

TEAM_ID = "T0LAB"
OTHER_TEAM = "T0OTHER"
"""The workspace at the other end of shared channels."""
APP_ID = "A0LAB"


class SlackError(Exception):
    """A call that Slack answers with `ok: false`: its code, and what else the answer carries."""

    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.code = code
        self.more = more


@dataclass(kw_only=True)
class User:
    """A member of the workspace: a person, a guest, a leaver or a bot; or somebody of another one.

    `connected` are those with whom a channel is shared: they are no `stranger` for Slack.
    """

    id: str
    name: str
    real_name: str
    tz: str = "UTC"
    email: str = ""
    guest: bool = False
    single_channel: bool = False
    stranger: bool = False
    connected: bool = False
    deactivated: bool = False
    bot: bool = False
    title: str = ""

    @property
    def team(self) -> str:
        """The workspace where they are at home."""
        return OTHER_TEAM if self.stranger or self.connected else TEAM_ID

    def to_json(self) -> JSON:
        """The user as `users.info` shows it."""
        offset = datetime.now(ZoneInfo(self.tz)).utcoffset()
        profile = {"real_name": self.real_name, "display_name": self.name, "email": self.email}
        return {
            "id": self.id,
            "team_id": self.team,
            "name": self.name,
            "real_name": self.real_name,
            "deleted": self.deactivated,
            "is_bot": self.bot,
            "is_restricted": self.guest or self.single_channel,
            "is_ultra_restricted": self.single_channel,
            "is_stranger": self.stranger,
            "tz": self.tz,
            "tz_offset": int(offset.total_seconds()) if offset else 0,
            "profile": {**profile, "title": self.title},
        }


@dataclass(kw_only=True)
class Channel:
    """A conversation: public, private, or a direct message with the bot."""

    id: str
    name: str
    created: int
    creator: str
    private: bool = False
    direct: bool = False
    archived: bool = False
    topic: str = ""
    purpose: str = ""
    members: list[str] = field(default_factory=list)
    previous_names: list[str] = field(default_factory=list)
    messages: list[JSON] = field(default_factory=list)
    pins: list[str] = field(default_factory=list)
    bookmarks: list[JSON] = field(default_factory=list)
    canvas: JSON | None = None
    last_ts: tuple[int, int] = (0, 0)

    def to_json(self, viewer: str) -> JSON:
        """The channel as `conversations.info` shows it to `viewer`."""
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.private and not self.direct,
            "is_group": self.private and not self.direct,
            "is_im": self.direct,
            "is_private": self.private or self.direct,
            "is_archived": self.archived,
            "is_member": viewer in self.members,
            "is_general": False,
            "created": self.created,
            "creator": self.creator,
            "topic": {"value": self.topic, "creator": self.creator, "last_set": self.created},
            "purpose": {"value": self.purpose, "creator": self.creator, "last_set": self.created},
            "previous_names": list(self.previous_names),
            "num_members": len(self.members),
            "properties": {"canvas": {"file_id": self.canvas["id"]}} if self.canvas else {},
        }

    def message(self, ts: str) -> JSON | None:
        """The message with this timestamp, thread replies included."""
        return next((message for message in self.messages if message["ts"] == ts), None)

    def next_ts(self, now: float) -> str:
        """A timestamp that no message of this channel has had, later than all of them."""
        second = max(int(now), self.last_ts[0])
        number = self.last_ts[1] + 10 if second == self.last_ts[0] else 100
        self.last_ts = (second, number)
        return f"{second}.{number:06d}"


@dataclass(kw_only=True)
class Group:
    """A user group such as @oncall-web."""

    id: str
    handle: str
    name: str
    users: list[str]


class State:
    """Everything that is there. `changed` is told of each change, `happened` of each event an app may hear."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.base_url = ""
        self.name = "Lab"
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.groups: dict[str, Group] = {}
        self.files: dict[str, JSON] = {}
        self.views: dict[str, JSON] = {}
        self.homes: dict[str, JSON] = {}
        self.whispers: list[JSON] = []
        self.notices: list[JSON] = []
        self.tokens: dict[str, frozenset[str]] = {}
        self.revoked: set[str] = set()
        self.plan_has_groups = True
        self.changed: Callable[[JSON], None] = lambda _: None
        self.happened: Callable[[JSON], None] = lambda _: None
        self.use_trigger: Callable[[str], str] = lambda _: ""
        self.new_ticket: Callable[[], str] = lambda: ""
        self._numbers = 0
        self.bot = self.add_user(User(id="U0MUSTER", name="muster", real_name="Muster", bot=True))
        self.bot_id = "B0MUSTER"

    def next_id(self, letter: str) -> str:
        """A fresh identifier in Slack's manner."""
        self._numbers += 1
        return f"{letter}0LAB{self._numbers:04d}"

    def add_user(self, user: User) -> User:
        """Keep a person."""
        self.users[user.id] = user
        self.changed({"type": "users"})
        return user

    def user(self, user_id: str) -> User:
        """A person by id. Raises SlackError `user_not_found`."""
        if user_id not in self.users:
            raise SlackError("user_not_found")
        return self.users[user_id]

    def named(self, name: str) -> Channel | None:
        """The channel with this name, archived ones included; direct conversations have none."""
        wanted = name.lstrip("#")
        named = (channel for channel in self.channels.values() if channel.name == wanted and not channel.direct)
        return next(named, None)

    def channel(self, name_or_id: str, *, viewer: str | None = None) -> Channel:
        """A channel that `viewer` may know of. Raises SlackError `channel_not_found`."""
        channel = self.channels.get(name_or_id)
        if channel is None or (viewer and (channel.private or channel.direct) and viewer not in channel.members):
            raise SlackError("channel_not_found")
        return channel

    def direct_with(self, user_id: str) -> Channel:
        """The direct conversation between the bot and a person; opened when there is none."""
        for channel in self.channels.values():
            if channel.direct and user_id in channel.members:
                return channel
        return self._add(
            Channel(
                id=self.next_id("D"),
                name=self.user(user_id).name,
                created=int(self.clock.now()),
                creator=user_id,
                direct=True,
                members=[user_id, self.bot.id],
            )
        )

    def add_channel(self, name: str, *, creator: str, private: bool = False) -> Channel:
        """Open a channel. Raises SlackError for a bad or taken name."""
        valid_name(name)
        if self.named(name):
            raise SlackError("name_taken")
        made = Channel(id=self.next_id("C"), name=name, created=int(self.clock.now()), creator=creator, private=private)
        self._add(made)
        self.join(made, creator)
        return made

    def _add(self, channel: Channel) -> Channel:
        self.channels[channel.id] = channel
        self.channel_changed(channel)
        return channel

    def channel_changed(self, channel: Channel) -> None:
        """Tell the page what a channel looks like now."""
        self.changed({"type": "channel", "channel": shown(channel)})

    def join(self, channel: Channel, user_id: str, *, inviter: str | None = None) -> None:
        """Add a member, with the line that Slack writes about it."""
        channel.members.append(user_id)
        more = {"inviter": inviter} if inviter else {}
        self.post(channel, user=user_id, text=f"<@{user_id}> has joined the channel", subtype="channel_join", **more)
        self.channel_changed(channel)
        self.happened(
            {
                "type": "member_joined_channel",
                "user": user_id,
                "channel": channel.id,
                "channel_type": "G" if channel.private else "C",
                "team": TEAM_ID,
                **more,
            }
        )

    def post(self, channel: Channel, *, user: str, text: str, **more: Any) -> JSON:
        """Add a message; replies are counted on their parent."""
        ts = channel.next_ts(self.clock.now())
        message: JSON = {"type": "message", "user": user, "text": text, "ts": ts, "team": TEAM_ID}
        message |= {name: value for name, value in more.items() if value is not None}
        channel.messages.append(message)
        parent = channel.message(message["thread_ts"]) if message.get("thread_ts") else None
        if parent is not None and parent is not message:
            self._count_reply(channel, parent, message)
        self.changed({"type": "message", "channel": channel.id, "message": message})
        return message

    def _count_reply(self, channel: Channel, parent: JSON, reply: JSON) -> None:
        parent["thread_ts"] = parent["ts"]
        parent["reply_count"] = parent.get("reply_count", 0) + 1
        parent["latest_reply"] = reply["ts"]
        parent["reply_users"] = sorted({*parent.get("reply_users", []), reply["user"]})
        self.message_changed(channel, parent)

    def message_changed(self, channel: Channel, message: JSON) -> None:
        """Tell the page what a message looks like now."""
        self.changed({"type": "message_changed", "channel": channel.id, "message": message})

    def edited(self, channel: Channel, message: JSON, before: JSON) -> None:
        """Tell everybody, the app included, that a message says something else than before."""
        self.message_changed(channel, message)
        self._tell_app(channel, "message_changed", message=dict(message), previous_message=before)

    def _tell_app(self, channel: Channel, subtype: str, **more: Any) -> None:
        kind = "group" if channel.private else "channel"
        about = {"type": "message", "subtype": subtype, "hidden": True, "channel": channel.id, "channel_type": kind}
        self.happened({**about, "ts": channel.next_ts(self.clock.now()), "event_ts": f"{self.clock.now():.6f}", **more})

    def delete(self, channel: Channel, ts: str) -> None:
        """Take a message away."""
        gone = channel.message(ts)
        channel.messages = [message for message in channel.messages if message["ts"] != ts]
        if gone:
            self._tell_app(channel, "message_deleted", deleted_ts=ts, previous_message=gone)
        self.changed({"type": "message_deleted", "channel": channel.id, "ts": ts})

    def whisper(self, channel: Channel, *, to: str, text: str, **more: Any) -> JSON:
        """Show a message to one person only; it is in no history."""
        message: JSON = {"type": "message", "user": self.bot.id, "bot_id": self.bot_id, "text": text}
        message |= {"ts": channel.next_ts(self.clock.now()), "is_ephemeral": True, "channel": channel.id, "to": to}
        message |= {name: value for name, value in more.items() if value is not None}
        self.whispers.append(message)
        self.changed({"type": "ephemeral", "channel": channel.id, "message": message, "only": to})
        return message

    def seen_by(self, user_id: str) -> Iterator[Channel]:
        """The channels that a person may look into."""
        for channel in self.channels.values():
            if user_id in channel.members or not (channel.private or channel.direct):
                yield channel


def shown(channel: Channel) -> JSON:
    """A channel as the page needs it, without its messages."""
    return {
        "id": channel.id,
        "name": channel.name,
        "private": channel.private,
        "direct": channel.direct,
        "archived": channel.archived,
        "topic": channel.topic,
        "purpose": channel.purpose,
        "members": list(channel.members),
        "pins": list(channel.pins),
        "bookmarks": list(channel.bookmarks),
        "canvas": channel.canvas,
    }


def valid_name(name: str) -> None:
    """Raise the SlackError with which Slack refuses a channel's name."""
    if not name:
        raise SlackError("invalid_name_required")
    if len(name) > 80:
        raise SlackError("invalid_name_maxlength")
    if not re.search(r"[a-z0-9]", name):
        raise SlackError("invalid_name_punctuation")
    if not re.fullmatch(r"[a-z0-9_-]+", name):
        raise SlackError("invalid_name_specials")
