"""The manifest asks for what the code calls and hears; whatever it promises has a handler, and the other way round."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.clicks import CLICKS
from bot.forms import asks_for_form
from bot.incident import Incident, Person, RepairState, Source
from bot.lab.workspace_methods import METHODS as LAB_METHODS
from bot.overview import Overview
from bot.said import Said
from bot.slack import home, web_client
from bot.slack.gestures import MESSAGE_SHORTCUTS, SHORTCUTS, Gestures
from bot.slack.listeners import Listeners
from bot.slack.manifest import EVENTS, manifest, optional_scopes, scopes
from bot.slack.methods import METHODS
from bot.slack.modals import FORMS
from bot.slack.render import card
from tests.slack.samples import AT, full
from tests.slack.test_every_message import MESSAGES, Payload
from tests.slack.worlds import SlackWorld

HAPPENINGS = {"channel_changed"}
"""What people do to channels is heard as if it were pressed."""


def test_the_manifest_asks_for_the_scope_of_every_method_and_event() -> None:
    asked = manifest("https://muster.example.com/")["oauth_config"]["scopes"]
    for name, method in METHODS.items():
        assert not method.scope or method.scope in asked["bot"] + asked["bot_optional"], name
    for name, scope in EVENTS.items():
        assert not scope or scope in asked["bot"] + asked["bot_optional"], name
    assert not set(asked["bot"]) & set(asked["bot_optional"])


def test_the_manifest_asks_for_nothing_more() -> None:
    needed = {method.scope for method in METHODS.values()} | {method.private for method in METHODS.values()}
    assert scopes() | optional_scopes() == (needed | {"app_mentions:read", "commands", "chat:write.public"}) - {""}
    assert {"chat:write", "channels:manage", "reactions:read", "users:read"} <= scopes()
    assert {"groups:write", "files:write", "reactions:write"} <= optional_scopes()


def test_the_addresses_and_the_command_are_ours() -> None:
    made = manifest("https://muster.example.com/", command="/vorfall")
    url = "https://muster.example.com/slack/events"
    assert made["features"]["slash_commands"][0]["command"] == "/vorfall"
    assert made["features"]["slash_commands"][0]["url"] == url
    assert made["settings"]["event_subscriptions"]["request_url"] == url
    assert made["settings"]["interactivity"] == {"is_enabled": True, "request_url": url}
    assert not made["settings"]["socket_mode_enabled"]


def test_without_an_address_it_is_socket_mode() -> None:
    made = manifest("")
    assert made["settings"]["socket_mode_enabled"]
    assert "url" not in str(made)


def test_the_limits_of_a_manifest_hold() -> None:
    made = manifest("https://muster.example.com", command="/" + "x" * 31, name="y" * 50)
    features = made["features"]
    assert len(made["display_information"]["name"]) <= 35
    assert len(features["shortcuts"]) <= 10
    for shortcut in features["shortcuts"]:
        assert len(shortcut["name"]) <= 24
        assert 0 < len(shortcut["description"]) <= 150
    assert len(made["settings"]["event_subscriptions"]["bot_events"]) <= 100


@pytest.fixture
async def heard(slack: SlackWorld, monkeypatch: pytest.MonkeyPatch) -> frozenset[str]:
    """The kinds of payloads that the running bot reads."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-lab")

    class Nobody:
        async def hear(self, said: Said) -> None:
            """Nothing is said here."""

    async def concerns(said: Said) -> bool:  # noqa: ARG001 - the shape of it
        return False

    async def looks(user: str) -> None:
        """Nobody looks."""

    client = web_client("xoxb-lab", session=slack.session, base_url=slack.workspace.api_url)
    listeners = Listeners(client, signing_secret="s", ear=Nobody(), now=lambda: datetime.now(UTC))
    gestures = Gestures(concerns=concerns, looks=looks, whoami=lambda: ("", ""), now=lambda: datetime.now(UTC))
    gestures.listen(listeners)
    return listeners.kinds


async def test_whatever_the_manifest_promises_is_read_and_whatever_is_read_is_promised(heard: frozenset[str]) -> None:
    made = manifest("https://muster.example.com")
    kinds = {"global": "shortcut", "message": "message_action"}
    promised = {event.partition(".")[0] for event in made["settings"]["event_subscriptions"]["bot_events"]}
    promised |= {f"{kinds[s['type']]}:{s['callback_id']}" for s in made["features"]["shortcuts"]}
    promised |= {"command"} if made["features"]["slash_commands"] else set()
    promised |= {"block_actions"} | {f"view_submission:{form}" for form in FORMS}
    assert heard == promised


def test_every_button_and_form_and_shortcut_does_something_and_nothing_else_is_done() -> None:
    pressed = {action for message in everything() for action in actions(message)}
    assert pressed | FORMS | set(SHORTCUTS) | set(MESSAGE_SHORTCUTS) | HAPPENINGS == set(CLICKS)


def everything() -> list[Any]:
    """All that can be pressed, in every state in which a card or message can be."""
    blocks: list[Any] = [home.view(Overview())]
    blocks += [card(full(state), now=AT).blocks for state in RepairState]
    for render in MESSAGES.values():
        shown: list[Payload] = render("a", "b")
        blocks += [payload.blocks for payload in shown]
    return blocks


def actions(value: Any) -> list[str]:
    if isinstance(value, list):
        return [id for item in value for id in actions(item)]
    if isinstance(value, dict):
        own = [str(value["action_id"]).partition(":")[0]] if value.get("type") == "button" else []
        return own + [id for item in value.values() for id in actions(item)]
    return []


def test_what_opens_a_form_is_known_before_anybody_is_looked_up() -> None:
    """Three seconds are short; so every click whose outcome may be a form must be known to be one."""
    opening = {"declare_incident", "declare_from_message", "update_incident", "add_to_timeline"}
    for button in CLICKS:
        said = Said(key="k", text="", author=Person(), at=AT, source=Source(), button=button, trigger="t")
        assert asks_for_form(said) is (button in opening)
    assert isinstance(full(), Incident)


def test_scopes_and_limits_are_those_of_the_workspace_in_the_lab() -> None:
    import bot.lab.workspace_chat
    import bot.lab.workspace_conversations
    import bot.lab.workspace_extras
    import bot.lab.workspace_people
    import bot.lab.workspace_views  # noqa: F401  (they register the methods)

    tiers = {2: 20, 3: 50, 4: 100, 0: 200}
    for name, method in METHODS.items():
        known = LAB_METHODS[name]
        assert not method.scope or method.scope in known.scopes, name
        assert method.per_minute <= tiers[known.tier], name
