"""The manifest asks for what the code calls."""

from __future__ import annotations

from bot.lab.workspace_methods import METHODS as LAB_METHODS
from bot.slack.manifest import manifest, optional_scopes, scopes
from bot.slack.methods import METHODS


def test_the_manifest_asks_for_the_scope_of_every_method() -> None:
    made = manifest("https://muster.example.com/")
    asked = made["oauth_config"]["scopes"]
    for name, method in METHODS.items():
        assert not method.scope or method.scope in asked["bot"] + asked["bot_optional"], name
    assert not set(asked["bot"]) & set(asked["bot_optional"])


def test_the_manifest_asks_for_nothing_more() -> None:
    assert scopes() == {
        "app_mentions:read",
        "channels:history",
        "channels:manage",
        "channels:read",
        "chat:write",
        "commands",
        "usergroups:read",
        "users:read",
        "users:read.email",
    }
    assert optional_scopes() == {
        "chat:write.public",
        "files:write",
        "groups:history",
        "groups:read",
        "groups:write",
    }


def test_the_addresses_and_the_command_are_ours() -> None:
    made = manifest("https://muster.example.com/", command="/vorfall")
    url = "https://muster.example.com/slack/events"
    assert made["features"]["slash_commands"][0]["command"] == "/vorfall"
    assert made["features"]["slash_commands"][0]["url"] == url
    assert made["settings"]["event_subscriptions"]["request_url"] == url
    assert made["settings"]["interactivity"] == {"is_enabled": True, "request_url": url}


def test_scopes_and_limits_are_those_of_the_workspace_in_the_lab() -> None:
    import bot.lab.workspace_chat
    import bot.lab.workspace_conversations
    import bot.lab.workspace_extras
    import bot.lab.workspace_people  # noqa: F401  (they register the methods)

    tiers = {2: 20, 3: 50, 4: 100, 0: 200}
    for name, method in METHODS.items():
        known = LAB_METHODS[name]
        assert not method.scope or method.scope in known.scopes, name
        assert method.per_minute <= tiers[known.tier], name
