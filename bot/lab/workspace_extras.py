"""What hangs on channels and messages: pins, bookmarks, reactions, files, the channel's canvas."""

from __future__ import annotations

import mimetypes
import re

from bot.lab.workspace_chat import permalink
from bot.lab.workspace_methods import Asked, method, missing, open_channel
from bot.lab.workspace_notices import mentioned, notice
from bot.lab.workspace_state import JSON, Channel, SlackError, State

MOST_PINS = 100
MOST_BOOKMARKS = 100
MOST_REACTIONS = 23


@method("pins.add", scope="pins:write", tier=2)
def pin(state: State, asked: Asked) -> JSON:
    """Pin a message to its channel."""
    channel = open_channel(state, asked)
    message = _message(channel, asked.text("timestamp"))
    if message["ts"] in channel.pins:
        raise SlackError("already_pinned")
    if len(channel.pins) >= MOST_PINS:
        raise SlackError("too_many_pins")
    channel.pins.append(message["ts"])
    state.channel_changed(channel)
    return {}


@method("pins.remove", scope="pins:write", tier=2)
def unpin(state: State, asked: Asked) -> JSON:
    """Take a pin away."""
    channel, ts = open_channel(state, asked), asked.text("timestamp")
    if ts not in channel.pins:
        raise SlackError("no_pin")
    channel.pins.remove(ts)
    state.channel_changed(channel)
    return {}


def _message(channel: Channel, ts: str) -> JSON:
    message = channel.message(ts)
    if message is None:
        raise SlackError("message_not_found")
    return message


@method("bookmarks.add", scope="bookmarks:write", tier=2)
def bookmark(state: State, asked: Asked) -> JSON:
    """Add a link to the channel's bar."""
    channel = state.channel(_bookmarked(asked), viewer=state.bot.id)
    if asked.text("type") != "link":
        raise SlackError("invalid_bookmark_type")
    link = asked.text("link")
    if not re.match(r"https?://", link):
        raise SlackError("invalid_link")
    if len(channel.bookmarks) >= MOST_BOOKMARKS:
        raise SlackError("too_many_bookmarks")
    made: JSON = {"id": state.next_id("Bk"), "channel_id": channel.id, "title": asked.text("title"), "link": link}
    made |= {"type": "link", "emoji": asked.maybe("emoji")}
    channel.bookmarks.append(made)
    state.channel_changed(channel)
    return {"bookmark": made}


@method("bookmarks.list", scope="bookmarks:read bookmarks:write", tier=3)
def list_bookmarks(state: State, asked: Asked) -> JSON:
    """The links on the channel's bar."""
    return {"bookmarks": list(state.channel(_bookmarked(asked), viewer=state.bot.id).bookmarks)}


def _bookmarked(asked: Asked) -> str:
    return asked.text("channel_id")


@method("reactions.add", scope="reactions:write", tier=3)
def add_reaction(state: State, asked: Asked) -> JSON:
    """React as the bot."""
    channel = open_channel(state, asked)
    react(state, channel, asked.text("timestamp"), _emoji(asked), user=state.bot.id)
    return {}


@method("reactions.remove", scope="reactions:write", tier=2)
def remove_reaction(state: State, asked: Asked) -> JSON:
    """Take a reaction of the bot away."""
    channel = open_channel(state, asked)
    unreact(state, channel, asked.text("timestamp"), _emoji(asked), user=state.bot.id)
    return {}


def _emoji(asked: Asked) -> str:
    name = asked.text("name").strip(":")
    if not re.fullmatch(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?", name):
        raise SlackError("invalid_name")
    return name


def react(state: State, channel: Channel, ts: str, name: str, *, user: str) -> None:
    """React, whoever does it. Raises SlackError when there is no such message or it is done already."""
    message = _message(channel, ts)
    reactions: list[JSON] = message.setdefault("reactions", [])
    found = next((reaction for reaction in reactions if reaction["name"] == name), None)
    if found is None:
        if len(reactions) >= MOST_REACTIONS:
            raise SlackError("too_many_emoji")
        found = {"name": name, "users": [], "count": 0}
        reactions.append(found)
    if user in found["users"]:
        raise SlackError("already_reacted")
    found["users"].append(user)
    found["count"] += 1
    _tell(state, channel, message, name, user=user, event="reaction_added")


def unreact(state: State, channel: Channel, ts: str, name: str, *, user: str) -> None:
    """Take a reaction away. Raises SlackError `no_reaction`."""
    message = _message(channel, ts)
    found = next((r for r in message.get("reactions", []) if r["name"] == name and user in r["users"]), None)
    if found is None:
        raise SlackError("no_reaction")
    found["users"].remove(user)
    found["count"] -= 1
    message["reactions"] = [reaction for reaction in message["reactions"] if reaction["users"]]
    _tell(state, channel, message, name, user=user, event="reaction_removed")


def _tell(state: State, channel: Channel, message: JSON, name: str, *, user: str, event: str) -> None:
    state.message_changed(channel, message)
    item = {"type": "message", "channel": channel.id, "ts": message["ts"]}
    about = {"type": event, "user": user, "reaction": name, "item": item, "item_user": message["user"]}
    state.happened({**about, "event_ts": f"{state.clock.now():.6f}"})


@method("reactions.get", scope="reactions:read", tier=3)
def get_reactions(state: State, asked: Asked) -> JSON:
    """A message with its reactions; needs no history scope."""
    channel = state.channel(asked.text("channel"), viewer=state.bot.id)
    message = _message(channel, asked.text("timestamp"))
    shown = {name: value for name, value in message.items() if name != "metadata"}
    shown["permalink"] = permalink(state, channel, message["ts"])
    return {"type": "message", "channel": channel.id, "message": shown}


@method("files.getUploadURLExternal", scope="files:write", tier=4)
def get_upload_url(state: State, asked: Asked) -> JSON:
    """An address to send a file's bytes to."""
    length = asked.number("length", default=0)
    if length <= 0:
        raise missing("length")
    file_id = state.next_id("F")
    state.files[file_id] = {"id": file_id, "name": asked.text("filename"), "size": length, "bytes": None}
    return {"upload_url": f"{state.base_url}/upload/{file_id}", "file_id": file_id}


@method("files.completeUploadExternal", scope="files:write", tier=4)
def complete_upload(state: State, asked: Asked) -> JSON:
    """Share uploaded files in a channel, as one message."""
    wanted = asked.nested("files") or []
    files = [_uploaded(state, item) for item in wanted]
    if not files:
        raise missing("files")
    named = asked.maybe("channel_id") or next(iter(asked.several("channels")), None)
    if named:
        channel = state.channel(named, viewer=state.bot.id)
        if state.bot.id not in channel.members:
            raise SlackError("not_in_channel")
        comment, thread = asked.maybe("initial_comment") or "", asked.maybe("thread_ts")
        shared = [described(file) for file in files]
        more = {"subtype": "file_share", "files": shared, "bot_id": state.bot_id, "thread_ts": thread}
        state.post(channel, user=state.bot.id, text=comment, **more)
        for called in mentioned(state, channel, comment):
            notice(state, called, "mention", channel)
    return {"files": [described(file) for file in files]}


def _uploaded(state: State, item: JSON) -> JSON:
    file = state.files.get(str(item.get("id")))
    if file is None or file["bytes"] is None:
        raise SlackError("file_not_found")
    file["title"] = item.get("title") or file["name"]
    file["url_private"] = file["permalink"] = f"{state.base_url}/files/{file['id']}/{file['name']}"
    return file


def share_file(state: State, name: str, content: bytes) -> JSON:
    """A file that a person brings along, as messages show it."""
    file: JSON = {"id": state.next_id("F"), "name": name, "title": name, "size": len(content), "bytes": content}
    file["mimetype"] = mimetypes.guess_type(name)[0] or "application/octet-stream"
    file["url_private"] = file["permalink"] = f"{state.base_url}/files/{file['id']}/{name}"
    state.files[file["id"]] = file
    return described(file)


def described(file: JSON) -> JSON:
    """A file without its bytes."""
    return {name: value for name, value in file.items() if name != "bytes"}


@method("conversations.canvases.create", scope="canvases:write", tier=2)
def create_canvas(state: State, asked: Asked) -> JSON:
    """Give a channel its one canvas."""
    channel = open_channel(state, asked, member=True) if asked.maybe("channel") else None
    channel = channel or state.channel(asked.text("channel_id"), viewer=state.bot.id)
    if channel.canvas is not None:
        raise SlackError("channel_canvas_already_exists")
    content = asked.nested("document_content") or {}
    markdown = content.get("markdown", "") if isinstance(content, dict) else ""
    channel.canvas = {"id": state.next_id("F"), "markdown": markdown, "title": asked.maybe("title") or ""}
    state.channel_changed(channel)
    return {"canvas_id": channel.canvas["id"]}
