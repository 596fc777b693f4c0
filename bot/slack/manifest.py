"""The app manifest, made from the code: it asks for the scopes of the methods we call, and for nothing else.

The rules for its parts are Slack's schema: https://github.com/slackapi/manifest-schema
"""

from __future__ import annotations

from typing import Any

from bot.slack.gestures import MESSAGE_SHORTCUTS, SHORTCUTS
from bot.slack.methods import METHODS
from bot.slack.room import CHANNEL_EVENTS

EVENTS = {
    "app_home_opened": "",
    "app_mention": "app_mentions:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
} | {kind: "groups:read" if kind.startswith("group_") else "channels:read" for kind in CHANNEL_EVENTS}
"""The events that we hear, and the scope of each. Of messages only edits and deletions of captured ones are kept."""
_HEARING = {"app_mentions:read", "commands"}
"""What it takes to be mentioned and commanded."""
_OPTIONAL = {"chat:write.public"}
"""Announcing in public channels into which nobody invited us."""


def scopes() -> frozenset[str]:
    """The scopes without which it does not work."""
    called = {method.scope for method in METHODS.values() if method.scope and not method.optional}
    return frozenset(called | _HEARING)


def optional_scopes() -> frozenset[str]:
    """The scopes that whoever installs the app may decline: private channels, files, announcing anywhere."""
    private = {method.private for method in METHODS.values() if method.private}
    extra = {method.scope for method in METHODS.values() if method.optional}
    return frozenset(private | extra | _OPTIONAL) - scopes()


def manifest(url: str, *, command: str = "/incident", name: str = "Muster") -> dict[str, Any]:
    """The manifest of an app that Slack reaches at `url`, the public address of this bot without a path.

    Without an address it is that of an app in Socket Mode.
    """
    events = {"request_url": f"{url.rstrip('/')}/slack/events"} if url else {}
    return {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {"name": name[:35], "description": "Declare, run and close incidents in Slack."},
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": True,
            },
            "bot_user": {"display_name": name.lower(), "always_online": True},
            "shortcuts": _shortcuts(),
            "slash_commands": [_command(command) | ({"url": events["request_url"]} if events else {})],
        },
        "oauth_config": {"scopes": {"bot": sorted(scopes()), "bot_optional": sorted(optional_scopes())}},
        "settings": {
            "event_subscriptions": {**events, "bot_events": sorted(EVENTS)},
            "interactivity": {"is_enabled": True, **events},
            "org_deploy_enabled": False,
            "socket_mode_enabled": not events,
            "token_rotation_enabled": False,
        },
    }


def _command(command: str) -> dict[str, Any]:
    return {
        "command": command,
        "description": "Declare and run incidents",
        "usage_hint": "declare TITLE | note TEXT | at TIME TEXT | status | resolve | help",
        "should_escape": True,
    }


def _shortcuts() -> list[dict[str, str]]:
    anywhere = [("global", id, name) for id, name in SHORTCUTS.items()]
    on_messages = [("message", id, name) for id, name in MESSAGE_SHORTCUTS.items()]
    return [
        {"type": type, "callback_id": id, "name": name, "description": _SAYS[id]}
        for type, id, name in (*anywhere, *on_messages)
    ]


_SAYS = {
    "declare_incident": "Open the form that declares an incident",
    "add_to_timeline": "Put this message into an incident's timeline, at its own time",
    "declare_from_message": "Open an incident about this message",
}
