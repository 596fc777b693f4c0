"""The registry of Web API methods: what each is called, which scope and tier it has, how it reads its words.

A method is one function `(state, call) -> answer` that changes the state at once or not at all; the
transport, the limits and the record of calls are elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.lab.block_kit import MESSAGE_CHARACTERS, check_blocks, visible_characters
from bot.lab.workspace_state import JSON, Channel, SlackError, State

Answer = Callable[[State, "Asked"], JSON]
SPECIAL_TIER = 0


@dataclass(frozen=True, kw_only=True)
class Method:
    """A Web API method: any one of `scopes` is enough; none means that every token may call it."""

    name: str
    scopes: tuple[str, ...]
    tier: int
    answer: Answer


METHODS: dict[str, Method] = {}


def method(name: str, *, scope: str = "", tier: int) -> Callable[[Answer], Answer]:
    """Register a function as a Web API method; `scope` may name alternatives, parted by spaces."""

    def register(answer: Answer) -> Answer:
        METHODS[name] = Method(name=name, scopes=tuple(scope.split()), tier=tier, answer=answer)
        return answer

    return register


class Asked:
    """What a call asks for: its parameters, whichever way they were sent."""

    def __init__(self, params: JSON) -> None:
        self.params = params

    def text(self, name: str) -> str:
        """A required word. Raises SlackError `invalid_arguments` naming the field."""
        value = self.params.get(name)
        if value is None or value == "":
            raise missing(name)
        return str(value)

    def maybe(self, name: str) -> str | None:
        """A word that may be absent."""
        value = self.params.get(name)
        return None if value is None or value == "" else str(value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A yes or no, as JSON or as a word."""
        value = self.params.get(name, default)
        return value if isinstance(value, bool) else str(value).lower() in ("1", "true")

    def number(self, name: str, *, default: int) -> int:
        """A whole number."""
        try:
            return int(self.params.get(name, default))
        except (TypeError, ValueError):
            raise SlackError("invalid_arguments", response_metadata=_messages(f"{name} is not a number")) from None

    def nested(self, name: str) -> Any:
        """A JSON value, which forms carry as a string."""
        value = self.params.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except json.JSONDecodeError:
            raise SlackError(f"invalid_{name}_format" if name == "blocks" else "invalid_arguments") from None

    def several(self, name: str) -> list[str]:
        """Identifiers parted by commas, or as a JSON list."""
        value = self.params.get(name)
        items = value if isinstance(value, list) else str(value or "").split(",")
        return [str(item).strip() for item in items if str(item).strip()]


def missing(name: str) -> SlackError:
    """The error for a required field that is not there."""
    return SlackError("invalid_arguments", response_metadata=_messages(f"missing required field: {name}"))


def _messages(*texts: str) -> JSON:
    return {"messages": [f"[ERROR] {text}" for text in texts]}


def blocks_in(asked: Asked) -> list[Any] | None:
    """The message's blocks, when there are any. Raises SlackError when Slack would not take them."""
    blocks = asked.nested("blocks")
    if blocks is None:
        return None
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    if errors := check_blocks(blocks):
        raise SlackError("invalid_blocks", response_metadata={"messages": errors})
    if visible_characters(blocks) > MESSAGE_CHARACTERS:
        raise SlackError("msg_blocks_too_long")
    return [{"block_id": f"b{at}", **block} for at, block in enumerate(blocks)]


def open_channel(state: State, asked: Asked, *, member: bool = True) -> Channel:
    """The channel that a call names, if the bot may act in it. Raises the SlackError that fits."""
    channel = state.channel(asked.text("channel"), viewer=state.bot.id)
    if channel.archived:
        raise SlackError("is_archived")
    if member and state.bot.id not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def page_of(items: list[Any], asked: Asked, *, default: int = 100) -> tuple[list[Any], str]:
    """One page of a list and the cursor of the next one, empty at the end."""
    limit = asked.number("limit", default=default)
    if not 0 < limit <= 1000:
        raise SlackError("invalid_limit")
    cursor = asked.maybe("cursor") or "at:0"
    if not cursor.startswith("at:") or not cursor[3:].isdigit():
        raise SlackError("invalid_cursor")
    start = int(cursor[3:])
    more = start + limit < len(items)
    return items[start : start + limit], f"at:{start + limit}" if more else ""
