"""The app manifest, made from the code: it asks for the scopes of the methods we call, and for nothing else."""

from __future__ import annotations

from typing import Any

from bot.slack.methods import METHODS

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
    """The manifest of an app that Slack reaches at `url`, the public address of this bot without a path."""
    events = f"{url.rstrip('/')}/slack/events"
    return {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {"name": name[:35], "description": "Declare, run and close incidents in Slack."},
        "features": {
            "bot_user": {"display_name": name.lower(), "always_online": True},
            "slash_commands": [_command(command, events)],
        },
        "oauth_config": {"scopes": {"bot": sorted(scopes()), "bot_optional": sorted(optional_scopes())}},
        "settings": {
            "event_subscriptions": {"request_url": events, "bot_events": ["app_mention"]},
            "interactivity": {"is_enabled": True, "request_url": events},
            "org_deploy_enabled": False,
            "socket_mode_enabled": False,
            "token_rotation_enabled": False,
        },
    }


def _command(command: str, events: str) -> dict[str, Any]:
    return {
        "command": command,
        "url": events,
        "description": "Declare and run incidents",
        "usage_hint": "declare TITLE | note TEXT | at TIME TEXT | status | resolve | help",
        "should_escape": True,
    }
