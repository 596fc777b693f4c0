"""What an app sends to a response URL, or as the body of its ack: shown, replacing or deleting a message."""

from __future__ import annotations

from typing import Any

from bot.lab.workspace_chat import edit
from bot.lab.workspace_methods import Asked, blocks_in
from bot.lab.workspace_notices import posted
from bot.lab.workspace_outgoing import RESPONSE_URL_USES, ResponseUrl
from bot.lab.workspace_state import JSON, Channel, SlackError, State


def use_response_url(state: State, url: ResponseUrl | None, said: JSON) -> None:
    """Do what an app asks through a response URL. Raises SlackError `expired_url`, or for bad blocks."""
    if url is None or url.used >= RESPONSE_URL_USES or state.clock.now() > url.until:
        raise SlackError("expired_url")
    url.used += 1
    respond(state, url, said)


def respond(state: State, url: ResponseUrl, said: JSON) -> None:
    """Show, replace or delete. Raises SlackError when Slack would not take the content."""
    channel = state.channels[url.channel]
    if said.get("delete_original") in (True, "true"):
        _delete(state, channel, url)
        return
    text, blocks = str(said.get("text") or ""), blocks_in(Asked(said))
    if not text and not blocks:
        raise SlackError("no_text")
    if said.get("replace_original") in (True, "true") and url.message is not None:
        _replace(state, channel, url.message, text=text, blocks=blocks)
    elif said.get("response_type") == "in_channel":
        thread = said.get("thread_ts")
        more = {"bot_id": state.bot_id, "blocks": blocks, "thread_ts": thread}
        posted(state, channel, state.post(channel, user=state.bot.id, text=text, **more))
    else:
        state.whisper(channel, to=url.user, text=text, blocks=blocks, thread_ts=said.get("thread_ts"))


def _replace(state: State, channel: Channel, message: JSON, *, text: str, blocks: list[Any] | None) -> None:
    if not message.get("is_ephemeral"):
        edit(state, channel, message, text=text, blocks=blocks)
        return
    message["text"] = text
    message.pop("blocks", None)
    if blocks:
        message["blocks"] = blocks
    state.changed({"type": "ephemeral", "channel": channel.id, "message": message, "only": message["to"]})


def _delete(state: State, channel: Channel, url: ResponseUrl) -> None:
    if url.message is None:
        return
    if url.message.get("is_ephemeral"):
        state.whispers = [whisper for whisper in state.whispers if whisper is not url.message]
    state.delete(channel, url.message["ts"])
