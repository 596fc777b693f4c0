"""What Slack sends becomes what somebody said. Pure: payloads in, `Said` out."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.incident import Person, Source
from bot.ports import PersonKind
from bot.said import Said

Payload = Mapping[str, Any]

DOUBLE_CLICK = 2.0
"""Seconds within which the same click of the same person is one."""

_OURS = re.compile(r"\s*<@[UW][A-Z0-9]+(?:\|[^>]*)?>[\s,:]*")
_MENTION = re.compile(r"<@([UW][A-Z0-9]+)>")
_LINK = re.compile(r"<((?:https?|mailto|tel):[^<>|\s]+)(?:\|([^<>]*))?>")


def from_command(body: Payload, *, now: datetime) -> Said:
    """A slash command. It carries no time of its own, so it was said `now`."""
    return Said(
        key=f"command:{body['trigger_id']}",
        text=as_typed(str(body.get("text") or "")),
        author=Person(id=str(body["user_id"]), name=str(body.get("user_name") or "")),
        at=now,
        source=Source(type="command"),
        channel=str(body.get("channel_id") or ""),
        trigger=str(body["trigger_id"]),
        reply_to=_address(body.get("response_url"), body.get("channel_id"), body.get("user_id")),
    )


def from_mention(body: Payload) -> Said | None:
    """A mention of the bot, without it; None when a bot wrote it or nobody can be asked about it."""
    event = body["event"]
    if event.get("bot_id") or event.get("subtype") or not event.get("user"):
        return None
    channel, user, thread = str(event.get("channel") or ""), str(event["user"]), str(event.get("thread_ts") or "")
    return Said(
        key=f"event:{body['event_id']}",
        text=as_typed(_OURS.sub(" ", str(event.get("text") or ""), count=1)),
        author=Person(id=user),
        at=instant(event.get("ts") or event.get("event_ts") or body.get("event_time")),
        source=Source(type="command"),
        channel=channel,
        talk=True,
        reply_to=_address(None, channel, user, thread),
    )


def from_click(body: Payload, *, team: str = "") -> Said:
    """A click on a button of a message. A second one within DOUBLE_CLICK is the same for people.

    `team` is our workspace, empty while unknown: whoever clicks in another one is a stranger, whatever else they are.
    """
    action, user = body["actions"][0], body["user"]
    held = body.get("container") or {}
    message = str(held.get("message_ts") or (body.get("message") or {}).get("ts") or "")
    channel = str((body.get("channel") or {}).get("id") or held.get("channel_id") or "")
    clicked, value, at = str(action["action_id"]), str(action.get("value") or ""), float(action["action_ts"])
    place = f"click:{user['id']}:{message}:{clicked}:{value}"
    return Said(
        key=f"{place}:{at:.6f}",
        twins=(f"{place}:{at - DOUBLE_CLICK:.6f}", f"{place}:{at + DOUBLE_CLICK:.6f}"),
        text="",
        author=Person(id=str(user["id"]), name=str(user.get("name") or user.get("username") or "")),
        at=instant(action["action_ts"]),
        source=Source(type="action"),
        channel=channel,
        button=clicked,
        value=value,
        message=message,
        trigger=str(body.get("trigger_id") or ""),
        kind=PersonKind.STRANGER if _elsewhere(body, team) else PersonKind.MEMBER,
        reply_to=_address(body.get("response_url"), channel, user["id"], str(held.get("thread_ts") or "")),
    )


def _elsewhere(body: Payload, team: str) -> bool:
    """Whether a click comes from another workspace, or from somebody of another one (in an organisation, E…)."""
    own = str(body["user"].get("team_id") or "")
    theirs = {str((body.get("team") or {}).get("id") or ""), own if own.startswith("T") else ""} - {""}
    return bool(team) and not theirs <= {team}


def as_typed(text: str) -> str:
    """Text as the person typed it: Slack's escapes and link marks undone, mentions kept as <@U123|name>."""
    return html.unescape(_LINK.sub(_plain_link, text)).replace("\u00a0", " ").strip()


def _plain_link(link: re.Match[str]) -> str:
    url, label = link[1], link[2] or ""
    if url.startswith(("mailto:", "tel:")):
        return label or url.partition(":")[2]
    bare = url.partition("://")[2].rstrip("/")
    return url if not label or label.rstrip("/") in {url.rstrip("/"), bare} else f"{label} ({url})"


def mentioned(text: str) -> list[str]:
    """The ids of those who are mentioned without a name, each once."""
    return list(dict.fromkeys(_MENTION.findall(text)))


def instant(stamp: Any) -> datetime:
    """A Slack timestamp (seconds since 1970, as text) as UTC. Raises ValueError for anything else."""
    return datetime.fromtimestamp(float(stamp), UTC)


def _address(url: Any, channel: Any, user: Any, thread: str = "") -> dict[str, str]:
    told = {"response_url": url, "channel": channel, "user": user, "thread": thread}
    return {word: str(value) for word, value in told.items() if value}
