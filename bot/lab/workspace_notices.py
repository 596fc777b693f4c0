"""Whose device rings because of the app: invitations, mentions in new messages, and messages to one person alone."""

from __future__ import annotations

import json
import re
from typing import Any

from bot.lab.workspace_state import Channel, State

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


def notice(state: State, user: str, kind: str, channel: Channel) -> None:
    """Count that this person's device rang: `invite`, `mention` or `ephemeral`."""
    state.notices.append({"user": user, "kind": kind, "channel": channel.id})
