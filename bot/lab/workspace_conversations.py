"""The conversations.* methods: opening channels, their members, their words and their history."""

from __future__ import annotations

from bot.lab.workspace_chat import without_metadata
from bot.lab.workspace_methods import Asked, method, missing, open_channel, page_of
from bot.lab.workspace_notices import notice
from bot.lab.workspace_state import JSON, TEAM_ID, Channel, SlackError, State, valid_name

LONGEST_TOPIC = 250
INVITED_AT_ONCE = 100
WRITES = "channels:manage groups:write"
READS = "channels:read groups:read"
HISTORY = "channels:history groups:history"


@method("conversations.create", scope=WRITES, tier=2)
def create(state: State, asked: Asked) -> JSON:
    """Open a channel; the bot is its first member."""
    name = asked.maybe("name")
    if name is None:
        raise SlackError("invalid_name_required")
    channel = state.add_channel(name, creator=state.bot.id, private=asked.flag("is_private"))
    return {"channel": channel.to_json(state.bot.id)}


@method("conversations.open", scope="im:write", tier=3)
def open_direct(state: State, asked: Asked) -> JSON:
    """Open the direct conversation with a person."""
    users = asked.several("users")
    if not users:
        raise missing("users")
    return {"channel": {"id": state.direct_with(users[0]).id}}


@method("conversations.invite", scope=WRITES + " channels:write.invites", tier=3)
def invite(state: State, asked: Asked) -> JSON:
    """Invite people; with `force` the valid ones come although others do not."""
    channel = open_channel(state, asked)
    users = asked.several("users")
    if not users:
        raise SlackError("no_user")
    if len(users) > INVITED_AT_ONCE:
        raise SlackError("too_many_users")
    refusals = [(user, refusal) for user in users if (refusal := _why_not(state, channel, user))]
    errors: list[JSON] = [{"user": user, "ok": False, "error": refusal} for user, refusal in refusals]
    if errors and (not asked.flag("force") or len(errors) == len(users)):
        raise SlackError(errors[0]["error"], errors=errors)
    refused = {user for user, _ in refusals}
    for user in users:
        if user not in refused:
            state.join(channel, user, inviter=state.bot.id)
            notice(state, user, "invite", channel)
    return {"channel": channel.to_json(state.bot.id), **({"errors": errors} if errors else {})}


def _why_not(state: State, channel: Channel, user_id: str) -> str:
    user = state.users.get(user_id)
    if user is None:
        return "user_not_found"
    if user_id == state.bot.id:
        return "cant_invite_self"
    if user.deactivated:
        return "cant_invite"
    if user.guest:
        return "user_is_restricted"
    return "already_in_channel" if user_id in channel.members else ""


@method("conversations.setTopic", scope=WRITES + " channels:write.topic", tier=2)
def set_topic(state: State, asked: Asked) -> JSON:
    """Set the topic; Slack writes a line about it."""
    channel, topic = open_channel(state, asked), str(asked.params.get("topic", ""))
    if len(topic) > LONGEST_TOPIC:
        raise SlackError("too_long")
    if topic != channel.topic:
        channel.topic = topic
        state.post(
            channel,
            user=state.bot.id,
            text=f"set the channel topic: {topic}",
            subtype="channel_topic",
            topic=topic,
        )
        state.channel_changed(channel)
    return {"channel": channel.to_json(state.bot.id), "topic": topic}


@method("conversations.setPurpose", scope=WRITES + " channels:write.topic", tier=2)
def set_purpose(state: State, asked: Asked) -> JSON:
    """Set the purpose (Slack's page calls it the description)."""
    channel, purpose = open_channel(state, asked), str(asked.params.get("purpose", ""))
    if len(purpose) > LONGEST_TOPIC:
        raise SlackError("too_long")
    channel.purpose = purpose
    text = f"set the channel description: {purpose}"
    state.post(channel, user=state.bot.id, text=text, subtype="channel_purpose", purpose=purpose)
    state.channel_changed(channel)
    return {"channel": channel.to_json(state.bot.id), "purpose": purpose}


@method("conversations.info", scope=READS, tier=3)
def info(state: State, asked: Asked) -> JSON:
    """A channel as it is now."""
    return {"channel": state.channel(asked.text("channel"), viewer=state.bot.id).to_json(state.bot.id)}


@method("conversations.members", scope=READS, tier=4)
def members(state: State, asked: Asked) -> JSON:
    """Who is in a channel."""
    channel = state.channel(asked.text("channel"), viewer=state.bot.id)
    page, cursor = page_of(channel.members, asked)
    return {"members": page, "response_metadata": {"next_cursor": cursor}}


@method("conversations.list", scope=READS, tier=2)
def list_channels(state: State, asked: Asked) -> JSON:
    """The channels that the bot may see."""
    return _listing(state, asked, list(state.seen_by(state.bot.id)))


@method("users.conversations", scope=READS, tier=2)
def of_user(state: State, asked: Asked) -> JSON:
    """The channels that a person (the bot, when nobody is named) is in."""
    user = asked.maybe("user") or state.bot.id
    return _listing(state, asked, [c for c in state.seen_by(state.bot.id) if user in c.members])


def _listing(state: State, asked: Asked, channels: list[Channel]) -> JSON:
    kinds = asked.several("types") or ["public_channel"]
    wanted = [channel for channel in channels if _kind(channel) in kinds]
    if asked.flag("exclude_archived"):
        wanted = [channel for channel in wanted if not channel.archived]
    page, cursor = page_of(wanted, asked)
    shown = [channel.to_json(state.bot.id) for channel in page]
    return {"channels": shown, "response_metadata": {"next_cursor": cursor}}


def _kind(channel: Channel) -> str:
    if channel.direct:
        return "im"
    return "private_channel" if channel.private else "public_channel"


@method("conversations.rename", scope=WRITES, tier=2)
def rename(state: State, asked: Asked) -> JSON:
    """Give a channel another name."""
    channel, name = open_channel(state, asked), str(asked.params.get("name", ""))
    rename_channel(state, channel, name, by=state.bot.id)
    return {"channel": channel.to_json(state.bot.id)}


def rename_channel(state: State, channel: Channel, name: str, *, by: str) -> None:
    """Rename, whoever does it. Raises SlackError for a bad or taken name."""
    valid_name(name)
    if state.named(name) not in (None, channel):
        raise SlackError("name_taken")
    channel.previous_names.append(channel.name)
    old, channel.name = channel.name, name
    state.post(channel, user=by, text=f"renamed the channel from {old} to {name}", subtype="channel_name", name=name)
    state.channel_changed(channel)
    about = {"id": channel.id, "name": name, "created": channel.created}
    state.happened({"type": f"{_family(channel)}_rename", "channel": about})


def _family(channel: Channel) -> str:
    """How the events of a channel begin."""
    return "group" if channel.private else "channel"


def delete_channel(state: State, channel: Channel) -> None:
    """Take a channel away for good, as an owner of the workspace may."""
    state.happened({"type": f"{_family(channel)}_deleted", "channel": channel.id})  # to those who are still in it
    del state.channels[channel.id]
    state.changed({"type": "channel_deleted", "channel": channel.id})


def remove_the_app(state: State, channel: Channel) -> None:
    """Take the app's user out of a channel, as everybody may."""
    state.happened({"type": f"{_family(channel)}_left", "channel": channel.id})  # as long as it hears of it
    channel.members.remove(state.bot.id)
    state.channel_changed(channel)


@method("conversations.archive", scope=WRITES, tier=2)
def archive(state: State, asked: Asked) -> JSON:
    """Close a channel for writing; its history stays."""
    channel = state.channel(asked.text("channel"), viewer=state.bot.id)
    if channel.archived:
        raise SlackError("already_archived")
    if state.bot.id not in channel.members:
        raise SlackError("not_in_channel")
    archive_channel(state, channel, by=state.bot.id, archived=True)
    return {}


@method("conversations.unarchive", scope=WRITES, tier=2)
def unarchive(state: State, asked: Asked) -> JSON:
    """Open an archived channel again."""
    channel = state.channel(asked.text("channel"), viewer=state.bot.id)
    if not channel.archived:
        raise SlackError("not_archived")
    archive_channel(state, channel, by=state.bot.id, archived=False)
    return {}


def archive_channel(state: State, channel: Channel, *, by: str, archived: bool) -> None:
    """Archive or bring back, whoever does it."""
    word = "archive" if archived else "unarchive"
    state.post(channel, user=by, text=f"{word}d the channel", subtype=f"channel_{word}")
    channel.archived = archived
    state.channel_changed(channel)
    told = {"type": f"{_family(channel)}_{word}", "channel": channel.id, "user": by}
    state.happened({**told, "event_ts": f"{state.clock.now():.6f}"})


@method("conversations.join", scope="channels:join", tier=3)
def join(state: State, asked: Asked) -> JSON:
    """Join a public channel."""
    channel = open_channel(state, asked, member=False)
    if channel.private:
        raise SlackError("method_not_supported_for_channel_type")
    if state.bot.id in channel.members:
        return {"channel": channel.to_json(state.bot.id), "warning": "already_in_channel"}
    state.join(channel, state.bot.id)
    return {"channel": channel.to_json(state.bot.id)}


@method("conversations.history", scope=HISTORY, tier=3)
def history(state: State, asked: Asked) -> JSON:
    """A channel's messages, newest first, without thread replies."""
    channel = _readable(state, asked)
    top = [m for m in channel.messages if m.get("thread_ts") in (None, m["ts"]) or m.get("subtype")]
    page, cursor = page_of(_between(top[::-1], asked), asked)
    return {
        "messages": [_as_asked(message, asked) for message in page],
        "has_more": bool(cursor),
        "pin_count": len(channel.pins),
        "response_metadata": {"next_cursor": cursor},
    }


@method("conversations.replies", scope=HISTORY, tier=3)
def replies(state: State, asked: Asked) -> JSON:
    """A thread: its first message and the replies, oldest first."""
    channel, ts = _readable(state, asked), asked.text("ts")
    thread = [message for message in channel.messages if ts in (message["ts"], message.get("thread_ts"))]
    if not thread:
        raise SlackError("thread_not_found")
    page, cursor = page_of(_between(thread, asked), asked)
    shown = [_as_asked(message, asked) for message in page]
    return {"messages": shown, "has_more": bool(cursor), "response_metadata": {"next_cursor": cursor}}


def _readable(state: State, asked: Asked) -> Channel:
    channel = state.channel(asked.text("channel"), viewer=state.bot.id)
    if state.bot.id not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _between(messages: list[JSON], asked: Asked) -> list[JSON]:
    oldest, latest = _instant(asked, "oldest", 0.0), _instant(asked, "latest", float("inf"))
    if asked.flag("inclusive"):
        return [message for message in messages if oldest <= float(message["ts"]) <= latest]
    return [message for message in messages if oldest < float(message["ts"]) < latest]


def _instant(asked: Asked, name: str, default: float) -> float:
    try:
        return float(asked.maybe(name) or default)
    except ValueError:
        raise SlackError(f"invalid_ts_{name}") from None


def _as_asked(message: JSON, asked: Asked) -> JSON:
    return message if asked.flag("include_all_metadata") else without_metadata(message)


@method("team.info", scope="team:read", tier=3)
def team_info(state: State, _asked: Asked) -> JSON:
    """The workspace itself."""
    return {"team": {"id": TEAM_ID, "name": state.name, "domain": "lab", "url": f"{state.base_url}/"}}
