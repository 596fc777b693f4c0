"""The chat.* methods: posting, editing and deleting messages, and their links."""

from __future__ import annotations

import json
from typing import Any

from bot.lab.workspace_methods import SPECIAL_TIER, Asked, blocks_in, method, open_channel
from bot.lab.workspace_notices import notice, posted
from bot.lab.workspace_state import JSON, Channel, SlackError, State

LONGEST_TEXT = 40_000
LONGEST_EDIT = 4_000
LONGEST_METADATA = 8_000
"""Slack publishes no figure for metadata; ids need far less."""


@method("chat.postMessage", scope="chat:write", tier=SPECIAL_TIER)
def post_message(state: State, asked: Asked) -> JSON:
    """Post as the bot, into a channel by id or name, into a thread, or to a person by id."""
    channel = _addressed(state, asked.text("channel"))
    text, blocks = _content(asked)
    thread = asked.maybe("thread_ts")
    if thread and channel.message(thread) is None:
        raise SlackError("thread_not_found")
    broadcast = thread is not None and asked.flag("reply_broadcast")
    message = state.post(
        channel,
        user=state.bot.id,
        text=text[:LONGEST_TEXT],
        bot_id=state.bot_id,
        app_id="A0LAB",
        blocks=blocks,
        thread_ts=thread,
        subtype="thread_broadcast" if broadcast else None,
        attachments=asked.nested("attachments"),
        metadata=_metadata(asked),
    )
    posted(state, channel, message)
    return {"channel": channel.id, "ts": message["ts"], "message": without_metadata(message)}


def _addressed(state: State, name: str) -> Channel:
    if name in state.users:
        return state.direct_with(name)
    known = state.channels.get(name) or state.named(name)
    if known is None:
        raise SlackError("channel_not_found")
    channel = state.channel(known.id, viewer=state.bot.id)
    if channel.archived:
        raise SlackError("is_archived")
    if state.bot.id not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _content(asked: Asked) -> tuple[str, list[Any] | None]:
    markdown = asked.maybe("markdown_text")
    if markdown and (asked.maybe("text") or asked.params.get("blocks")):
        raise SlackError("markdown_text_conflict")
    blocks = blocks_in(asked)
    text = asked.maybe("text") or markdown or ""
    if not text and not blocks and not asked.params.get("attachments"):
        raise SlackError("no_text")
    return text, blocks


def _metadata(asked: Asked) -> JSON | None:
    metadata = asked.nested("metadata")
    if metadata is None:
        return None
    if not isinstance(metadata, dict) or not {"event_type", "event_payload"} <= set(metadata):
        raise SlackError("invalid_metadata_format")
    if len(json.dumps(metadata)) > LONGEST_METADATA:
        raise SlackError("metadata_too_large")
    return metadata


def without_metadata(message: JSON) -> JSON:
    """A message as it is shown to a caller who did not ask for metadata."""
    return {name: value for name, value in message.items() if name != "metadata"}


@method("chat.update", scope="chat:write", tier=3)
def update(state: State, asked: Asked) -> JSON:
    """Edit a message of the bot; text without blocks takes the blocks away."""
    channel = open_channel(state, asked)
    message = _own_message(state, channel, asked.text("ts"), refusal="cant_update_message")
    text, blocks = _content(asked)
    if len(text) > LONGEST_EDIT:
        raise SlackError("msg_too_long")
    edit(state, channel, message, text=text, blocks=blocks, metadata=_metadata(asked))
    return {"channel": channel.id, "ts": message["ts"], "text": text, "message": without_metadata(message)}


def edit(
    state: State,
    channel: Channel,
    message: JSON,
    *,
    text: str,
    blocks: list[Any] | None,
    metadata: JSON | None = None,
) -> None:
    """Give a message new words; only edits without blocks are marked as edited."""
    before = dict(message)
    message["text"] = text
    message.pop("blocks", None)
    if blocks:
        message["blocks"] = blocks
    else:
        message["edited"] = {"user": state.bot.id, "ts": f"{state.clock.now():.6f}"}
    if metadata is not None:
        message["metadata"] = metadata
    state.edited(channel, message, before)


def _own_message(state: State, channel: Channel, ts: str, *, refusal: str) -> JSON:
    message = channel.message(ts)
    if message is None:
        raise SlackError("message_not_found")
    if message["user"] != state.bot.id or message.get("subtype") not in (None, "thread_broadcast"):
        raise SlackError(refusal)
    return message


@method("chat.delete", scope="chat:write", tier=3)
def delete(state: State, asked: Asked) -> JSON:
    """Delete a message of the bot."""
    channel = open_channel(state, asked, member=False)
    message = _own_message(state, channel, asked.text("ts"), refusal="cant_delete_message")
    state.delete(channel, message["ts"])
    return {"channel": channel.id, "ts": message["ts"]}


@method("chat.postEphemeral", scope="chat:write", tier=4)
def post_ephemeral(state: State, asked: Asked) -> JSON:
    """Show a message to one member of a channel."""
    channel = open_channel(state, asked)
    user = asked.text("user")
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    text, blocks = _content(asked)
    if len(text) > LONGEST_TEXT:
        raise SlackError("msg_too_long")
    shown = state.whisper(channel, to=user, text=text, blocks=blocks, thread_ts=asked.maybe("thread_ts"))
    notice(state, user, "ephemeral", channel)
    return {"message_ts": shown["ts"]}


@method("chat.getPermalink", tier=SPECIAL_TIER)
def get_permalink(state: State, asked: Asked) -> JSON:
    """The address of a message."""
    channel = state.channel(asked.text("channel"), viewer=state.bot.id)
    message = channel.message(asked.text("message_ts"))
    if message is None:
        raise SlackError("message_not_found")
    return {"channel": channel.id, "permalink": permalink(state, channel, message["ts"])}


def permalink(state: State, channel: Channel, ts: str) -> str:
    """The address of a message in this workspace."""
    return f"{state.base_url}/archives/{channel.id}/p{ts.replace('.', '')}"
