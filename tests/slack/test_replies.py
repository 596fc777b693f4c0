"""Long answers in parts."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.slack.blocks import length
from bot.slack.replies import pieces


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
