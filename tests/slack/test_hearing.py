"""What people typed, out of what Slack sends."""

from __future__ import annotations

import pytest

from bot.slack.hearing import as_typed, from_click, from_command, from_mention
from tests.slack.samples import AT


@pytest.mark.parametrize(
    ("sent", "typed"),
    [
        ("note a &lt; b &amp;&amp; c", "note a < b && c"),
        ("lead <@U123|ana>", "lead <@U123|ana>"),
        ("see <https://example.com/a|example.com/a>", "see https://example.com/a"),
        ("see <https://example.com/>", "see https://example.com/"),
        ("see <https://example.com|the page>", "see the page (https://example.com)"),
        ("invite <mailto:ana@example.com|ana@example.com>", "invite ana@example.com"),
        ("  note\u00a0x ", "note x"),
        ("&lt;!channel&gt;", "<!channel>"),
    ],
)
def test_slacks_escapes_are_undone_and_mentions_kept(sent: str, typed: str) -> None:
    assert as_typed(sent) == typed


def test_a_command_without_words_is_heard() -> None:
    said = from_command({"trigger_id": "1", "user_id": "U1", "command": "/incident"}, now=AT)
    assert (said.text, said.at, said.reply_to) == ("", AT, {"user": "U1"})


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("<@U0MUSTER> note x", "note x"),
        ("<@U0MUSTER|muster>: note x", "note x"),
        ("<@U0MUSTER> lead <@U123>", "lead <@U123>"),
        ("<@U0MUSTER>", ""),
        ("hey <@U0MUSTER> what is up", "hey what is up"),
    ],
)
def test_only_the_leading_mention_is_taken_away(text: str, heard: str) -> None:
    said = from_mention(mention(text=text))
    assert said is not None
    assert said.text == heard
    assert said.key == "event:Ev1"


def test_a_mention_is_talk_and_a_command_is_not() -> None:
    said = from_mention(mention(text="<@U0MUSTER> what is this?"))
    assert said is not None
    assert said.talk
    assert not from_command({"trigger_id": "1", "user_id": "U1", "command": "/incident"}, now=AT).talk


def test_bots_and_system_lines_are_not_people() -> None:
    assert from_mention(mention(bot_id="B1")) is None
    assert from_mention(mention(subtype="channel_join")) is None
    assert from_mention(mention(user=None)) is None


def test_two_clicks_at_different_times_are_two_things() -> None:
    keys = {from_click(click(at)).key for at in ("1795343459.1", "1795343499.2")}
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("user", "team", "kind"),
    [
        ("T1", "T1", "member"),
        ("E1", "T1", "member"),  # ours is a workspace of an organisation
        ("", "", "member"),
        ("T2", "T1", "stranger"),
        ("T1", "T2", "stranger"),
        ("E1", "T2", "stranger"),
    ],
)
def test_whoever_clicks_in_another_workspace_is_a_stranger(user: str, team: str, kind: str) -> None:
    sent = click("1795343459.1")
    sent |= {"user": {"id": "U1", "team_id": user}, "team": {"id": team}}
    assert from_click(sent, team="T1").kind == kind
    assert from_click(sent).kind == "member", "our own workspace is not known yet: only the look-up tells"


def mention(**event: object) -> dict[str, object]:
    """An app_mention."""
    said = {"type": "app_mention", "user": "U1", "channel": "C1", "ts": "1795343459.000100", "text": "<@U0> x"}
    return {"event_id": "Ev1", "event": {**said, **event}}


def click(at: str) -> dict[str, object]:
    """A click on a message's button."""
    action = {"action_id": "run_checks", "action_ts": at, "value": "INC-7"}
    held = {"message_ts": "1.2", "channel_id": "C1"}
    return {"type": "block_actions", "user": {"id": "U1", "username": "ana"}, "container": held, "actions": [action]}
