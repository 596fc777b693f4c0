"""Long answers in parts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.slack.blocks import length
from bot.slack.replies import pieces
from tests.slack.chat_contract import opened
from tests.slack.worlds import SlackWorld


def test_a_short_answer_is_one_part() -> None:
    assert list(pieces("E4 at 11:13 EAT (08:13 UTC)")) == ["E4 at 11:13 EAT (08:13 UTC)"]


def test_a_long_timeline_is_parted_at_its_lines() -> None:
    lines = [f"E{n} 10:{n % 60:02d} something happened & was noted" for n in range(100)]
    parts = list(pieces("\n".join(lines)))
    assert len(parts) > 1
    assert "\n".join(parts) == "\n".join(lines).replace("&", "&amp;")


def test_a_link_to_a_channel_stays_one_and_a_call_to_everybody_does_not() -> None:
    assert list(pieces("INC-7 opened: <#C0LAB1|inc-7-x> <!channel> <@U1>")) == [
        "INC-7 opened: <#C0LAB1|inc-7-x> @channel @U1"
    ]


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet="ab &<>\n👩", max_size=30), st.integers(min_value=1, max_value=800))
def test_every_part_is_one_that_slack_takes(text: str, times: int) -> None:
    for part in pieces(text * times):
        assert part.strip()
        assert length(part) <= 3_000
        assert not part.endswith(("&", "&a", "&am", "&amp", "&l", "&lt", "&g", "&gt"))


async def test_a_used_up_answer_address_falls_back_to_a_whisper(slack: SlackWorld) -> None:
    incident, channel = await opened(slack)
    ana = slack.add_person("ana")
    await slack.chat.invite(incident, [ana])
    url = f"{slack.workspace.url}/response/gone"
    await slack.chat.reply({"response_url": url, "channel": channel.id, "user": ana}, "Noted.")
    assert slack.seen_by(ana) == ["Noted."]


@pytest.mark.parametrize("fault", ["broken", "html", "drop-before", "error"])
@pytest.mark.parametrize("talk", [False, True])
async def test_who_cannot_be_answered_where_they_spoke_is_answered_directly(
    slack: SlackWorld, fault: str, talk: bool
) -> None:
    _, channel = await opened(slack)
    ana = slack.add_person("ana")
    thread = {"thread": await slack.workspace.say(ana, channel.id, "look at this")} if talk else {}
    slack.workspace.fault("chat.postMessage" if talk else "chat.postEphemeral", fault, code="restricted_action")
    await slack.chat.reply({"channel": channel.id, "user": ana, **thread}, "Noted.")
    (told,) = slack.workspace.messages(slack.workspace.state.direct_with(ana).id)
    assert told["text"] == "Noted."


async def test_a_mention_in_a_thread_is_answered_in_that_thread(slack: SlackWorld) -> None:
    _, channel = await opened(slack)
    ana = slack.add_person("ana")
    thread = await slack.workspace.say(ana, channel.id, "look at this")
    await slack.chat.reply({"channel": channel.id, "user": ana, "thread": thread}, "Noted <!channel>.")
    answer = slack.workspace.messages(channel.id)[-1]
    assert (answer["thread_ts"], answer["text"]) == (thread, "Noted @channel.")
