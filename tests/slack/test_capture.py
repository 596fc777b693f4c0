"""Marked messages: what Slack sends about them, and what is asked about them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.ports import GaveUp
from bot.said import Quote
from bot.slack.capture import FILES, from_message, from_reaction, from_shortcut
from tests.slack.worlds import SlackWorld

TS = "1763807400.000100"
WHEN = datetime.fromtimestamp(float(TS), UTC)


def event(**more: Any) -> dict[str, Any]:
    return {"event_id": "Ev1", "event_time": 1763807401, "event": {"event_ts": "1763807402.5", **more}}


def reaction(**more: Any) -> dict[str, Any]:
    item = {"type": "message", "channel": "C1", "ts": TS}
    return event(**{"type": "reaction_added", "user": "U1", "reaction": "pushpin", "item": item, **more})


def changed(now: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    words = {"message": {"ts": TS, **now}, "previous_message": {"ts": TS, **before}}
    return event(type="message", subtype="message_changed", channel="C1", **words)


def test_our_emoji_marks_and_unmarks() -> None:
    said = from_reaction(reaction())
    assert said is not None
    assert (said.button, said.value, said.channel, said.author.id) == ("pin_added", f"C1/{TS}", "C1", "U1")
    assert (said.key, said.source.type, said.reply_to) == ("event:Ev1", "reaction", {})
    removed = from_reaction(reaction(type="reaction_removed"))
    assert removed is not None
    assert removed.button == "pin_removed"


@pytest.mark.parametrize(
    "other", [{"reaction": "eyes"}, {"item": {"type": "file", "file": "F1"}}, {"item": None}, {"user": ""}]
)
def test_other_reactions_mark_nothing(other: dict[str, Any]) -> None:
    assert from_reaction(reaction(**other)) is None


def test_an_edit_is_heard_with_the_new_words_and_who_edited() -> None:
    said = from_message(changed({"text": "a &amp; b", "edited": {"user": "U2"}}, {"text": "a"}))
    assert said is not None
    assert (said.button, said.value, said.text, said.author.id) == ("message_changed", f"C1/{TS}", "a & b", "U2")


def test_a_deletion_is_heard() -> None:
    said = from_message(event(type="message", subtype="message_deleted", channel="C1", deleted_ts=TS))
    assert said is not None
    assert (said.button, said.value, said.author.id) == ("message_deleted", f"C1/{TS}", "")


@pytest.mark.parametrize(
    "body",
    [
        event(type="message", channel="C1", text="hello", user="U1", ts=TS),
        event(type="message", subtype="channel_join", channel="C1", user="U1", ts=TS),
        changed({"text": "a", "attachments": [{"title": "unfurled"}]}, {"text": "a"}),
        changed({"text": "a", "reply_count": 3}, {"text": "a"}),
    ],
)
def test_what_changes_nothing_for_a_timeline_is_not_heard(body: dict[str, Any]) -> None:
    assert from_message(body) is None


def test_a_shortcut_brings_the_message_with_it() -> None:
    said = from_shortcut(
        {
            "type": "message_action",
            "callback_id": "add_to_timeline",
            "trigger_id": "T1",
            "action_ts": "1763807402.5",
            "user": {"id": "U1", "username": "ana"},
            "channel": {"id": "C1", "name": "ops"},
            "message_ts": TS,
            "message": {
                "ts": TS,
                "user": "U2",
                "text": "see <https://x.example|x.example>",
                "files": [{"name": "a.txt"}],
            },
            "response_url": "https://hooks.example/1",
        }
    )
    assert said.quote is not None
    assert said.quote == Quote(
        channel="C1", id=TS, text="see https://x.example", at=WHEN, author=said.quote.author, files=("file a.txt",)
    )
    assert (said.quote.author.id, said.button, said.trigger) == ("U2", "add_to_timeline", "T1")
    assert said.reply_to == {"response_url": "https://hooks.example/1", "channel": "C1", "user": "U1"}


async def test_a_message_is_looked_at_with_its_author_files_and_marks(slack: SlackWorld) -> None:
    ana = slack.add_person("ana")
    ts = await slack.workspace.share(ana, "incidents", "look, @ana", name="a.png")
    message = slack.workspace.find("incidents").message(ts)
    assert message is not None
    message["files"] *= FILES + 1
    await slack.workspace.react(ana, "incidents", ts, "pushpin")
    quote = await slack.chat.look(slack.workspace.find("incidents").id, ts)
    assert quote.text == f"look, <@{ana}|ana>"
    assert (quote.author.name, quote.pinned_by, len(quote.files)) == ("ana", (ana,), FILES)
    assert quote.url.startswith(slack.workspace.url)
    assert quote.words.startswith(f"look, <@{ana}|ana> (image a.png http")
    with pytest.raises(GaveUp, match="message_not_found"):
        await slack.chat.look(quote.channel, "1.2")


async def test_marking_twice_and_unmarking_what_is_unmarked_is_fine(slack: SlackWorld) -> None:
    ts = await slack.workspace.say(slack.add_person("ana"), "incidents", "x")
    quote = await slack.chat.look(slack.workspace.find("incidents").id, ts)
    for on in (True, True, False, False):
        await slack.chat.mark(quote, on=on)
    assert not slack.workspace.find("incidents").message(ts).get("reactions")  # type: ignore[union-attr]


async def test_a_quote_is_complete_also_when_slack_says_nothing_more(slack: SlackWorld) -> None:
    for method in ("users.info", "chat.getPermalink"):
        slack.workspace.fault(method, "error", code="missing_scope", times=None)
    quote = Quote(channel="C1", id=TS, text="ask <@U1>", at=WHEN)
    assert (await slack.chat.completed(quote)).text == "ask <@U1|U1>"
