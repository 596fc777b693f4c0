"""Whose device rings because of the app: invitations, mentions in new messages, new messages in threads that one takes
part in, and messages to one person alone.
"""

from __future__ import annotations

import json
import re
from typing import Any

from bot.lab.workspace_state import JSON, Channel, State

_USER = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^<>]*)?>")
_GROUP = re.compile(r"<!subteam\^(S[A-Z0-9]+)(?:\|[^<>]*)?>")
_ALL = re.compile(r"<!(?:channel|here|everyone)(?:\|[^<>]*)?>")


def mentioned(state: State, channel: Channel, text: str, blocks: Any = None) -> set[str]:
    """Whom a new message calls. An edit calls nobody. Where there are blocks, the text is not shown."""
    shown = json.dumps(blocks, ensure_ascii=False) if blocks else text
    called = set(_USER.findall(shown))
    for group in _GROUP.findall(shown):
        called |= set(state.groups[group].users) if group in state.groups else set()
    if _ALL.search(shown):
        called |= set(channel.members)
    return {user for user in called if user in state.users and user != state.bot.id}


def posted(state: State, channel: Channel, message: JSON) -> None:
    """Count whose device a new message of the app makes ring: who is called in it, who takes part in its thread."""
    called = mentioned(state, channel, message["text"], message.get("blocks"))
    parent = channel.message(str(message.get("thread_ts") or "")) or {}
    taking_part = {parent.get("user"), *parent.get("reply_users", ())} - {None, state.bot.id}
    for user in called:
        notice(state, user, "mention", channel)
    for user in taking_part - called:
        notice(state, user, "thread", channel)
    for user in set(channel.members if channel.direct else ()) - called - {state.bot.id}:
        notice(state, user, "direct", channel)


def notice(state: State, user: str, kind: str, channel: Channel) -> None:
    """Count that this person's device rang: `invite`, `mention`, `thread`, `direct` or `ephemeral`."""
    state.notices.append({"user": user, "kind": kind, "channel": channel.id})
