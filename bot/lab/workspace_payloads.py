"""What Slack sends to an app: slash commands, clicks, submitted views, shortcuts and events, as plain values."""

from __future__ import annotations

import html
import re
from typing import Any

from bot.lab.block_kit import elements_of
from bot.lab.workspace_state import APP_ID, JSON, TEAM_ID, Channel, SlackError, State

_TYPED_MENTION = re.compile(r"<(?:@[UW]\w+|#C\w+|!subteam\^S\w+)(?:\|[^<>]*)?>")
_WORD = re.compile(r"(?<![\w/.])(?:@[a-z0-9][\w.-]*|#[a-z0-9][\w-]*)|https?://[^\s<>|]+")
_PARTS = re.compile(f"({_TYPED_MENTION.pattern})")


def as_sent(state: State, typed: str, *, with_names: bool = False) -> str:
    """What Slack makes of typed words: `& < >` escaped, @names, #channels and addresses in angle brackets.

    `with_names` is the form of slash commands (`<@U1|ana>`); messages carry ids alone.
    """

    def marked(found: re.Match[str]) -> str:
        return _marked(state, found.group(), with_names=with_names)

    parts = _PARTS.split(typed)
    return "".join(
        part if at % 2 else _WORD.sub(marked, html.escape(part, quote=False)) for at, part in enumerate(parts)
    )


def _marked(state: State, word: str, *, with_names: bool) -> str:
    if word.startswith("http"):
        return f"<{word}>"
    sign, name = word[0], word[1:].rstrip(".-")
    rest = word[1 + len(name) :]
    if sign == "#":
        channel = state.named(name)
        return f"<#{channel.id}|{name}>{rest}" if channel else word
    if name in ("here", "channel", "everyone"):
        return f"<!{name}>{rest}"
    for user in state.users.values():
        if user.name == name:
            return f"<@{user.id}|{name}>{rest}" if with_names else f"<@{user.id}>{rest}"
    for group in state.groups.values():
        if group.handle == name:
            return f"<!subteam^{group.id}|@{name}>{rest}" if with_names else f"<!subteam^{group.id}>{rest}"
    return word


def command_form(state: State, *, user: str, channel: Channel, text: str, trigger: str, response_url: str) -> JSON:
    """The form of a slash command; `text` begins with the command's name."""
    name, _, words = text.strip().partition(" ")
    return {
        "token": "lab",
        "team_id": TEAM_ID,
        "team_domain": "lab",
        "channel_id": channel.id,
        "channel_name": _name_for_command(channel),
        "user_id": user,
        "user_name": state.user(user).name,
        "command": name,
        "text": as_sent(state, words.strip(), with_names=True),
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger,
    }


def _name_for_command(channel: Channel) -> str:
    if channel.direct:
        return "directmessage"
    return "privategroup" if channel.private else channel.name


def interaction(state: State, kind: str, /, *, user: str, trigger: str | None, **more: Any) -> JSON:
    """What all interactive payloads have in common, and `more`."""
    name, team = state.user(user).name, state.user(user).team
    who = {"id": user, "username": name, "name": name, "team_id": team}
    common: JSON = {"type": kind, "token": "lab", "api_app_id": APP_ID, "user": who}
    common |= {
        "team": {"id": team, "domain": "lab" if team == TEAM_ID else "other"},
        "enterprise": None,
        "is_enterprise_install": False,
    }
    if trigger is not None:
        common["trigger_id"] = trigger
    return common | more


def container(channel: Channel, message: JSON) -> JSON:
    """Where a click happened."""
    ephemeral = bool(message.get("is_ephemeral"))
    held: JSON = {"type": "message", "message_ts": message["ts"], "channel_id": channel.id}
    held["is_ephemeral"] = ephemeral
    if message.get("thread_ts"):
        held["thread_ts"] = message["thread_ts"]
    return held


def action(blocks: list[JSON], action_id: str, *, value: Any, now: float, block_id: str | None = None) -> JSON:
    """The action of a click on the element with this id. Raises SlackError when there is no such element."""
    for block, element in elements_of(blocks):
        if element["action_id"] == action_id and block_id in (None, block.get("block_id")):
            done: JSON = {"type": element["type"], "action_id": action_id, "block_id": block.get("block_id", "")}
            done["action_ts"] = f"{now:.6f}"
            return done | _choice(element, value)
    raise SlackError("no_such_action", action_id=action_id)


def _choice(element: JSON, value: Any) -> JSON:
    if element["type"] == "button":
        said = element.get("value") if value is None else value
        return {"text": element["text"], **({"value": said} if said is not None else {})}
    return input_state(element, value)


_CHOSEN = {
    "users_select": "selected_user",
    "channels_select": "selected_channel",
    "conversations_select": "selected_conversation",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "multi_users_select": "selected_users",
}


def input_state(element: JSON, value: Any) -> JSON:
    """The state of an input that holds `value`, in the form of its kind."""
    kind = element["type"]
    if kind in ("static_select", "radio_buttons", "overflow", "external_select"):
        return {"type": kind, "selected_option": _option(element, value)}
    if kind in ("checkboxes", "multi_static_select"):
        chosen = [_option(element, one) for one in value or []]
        return {"type": kind, "selected_options": [option for option in chosen if option]}
    if kind == "datetimepicker":
        return {"type": kind, "selected_date_time": int(value) if value else None}
    return {"type": kind, _CHOSEN.get(kind, "value"): value or None}


def _option(element: JSON, value: Any) -> JSON | None:
    groups = element.get("option_groups") or [{"options": element.get("options", [])}]
    options: list[JSON] = [option for group in groups for option in group["options"]]
    return next((option for option in options if option["value"] == value), None)


def view_state(view: JSON, values: JSON) -> tuple[JSON, JSON]:
    """The `state.values` of a view whose inputs hold `values` (by block_id), and what is missing, by block_id."""
    state: JSON = {}
    absent: JSON = {}
    for block in view["blocks"]:
        if block["type"] != "input":
            continue
        block_id, element = block["block_id"], block["element"]
        value = values.get(block_id, _first_value(element))
        if not value and not block.get("optional"):
            absent[block_id] = "Please complete this required field."
        state[block_id] = {element.get("action_id", "input"): input_state(element, value)}
    return state, absent


def _first_value(element: JSON) -> Any:
    for name in ("initial_value", "initial_date", "initial_time", "initial_user", "initial_date_time"):
        if name in element:
            return element[name]
    option = element.get("initial_option")
    return option["value"] if option else None


def event_callback(event: JSON, *, event_id: str, now: float, bot: str) -> JSON:
    """The envelope of an event."""
    return {
        "token": "lab",
        "team_id": TEAM_ID,
        "api_app_id": APP_ID,
        "type": "event_callback",
        "event": event,
        "event_id": event_id,
        "event_time": int(now),
        "authorizations": [{"team_id": TEAM_ID, "user_id": bot, "is_bot": True, "is_enterprise_install": False}],
        "is_ext_shared_channel": False,
        "event_context": f"4-{event_id}",
    }
