"""The building blocks: what is cut, what is escaped, what is kept."""

from __future__ import annotations

import html
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.blocks import clean, cut, inert, lasting, length, one_line, person, plain_line, section, when


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("<!channel>", "@channel"),
        ("<!here|here>", "here"),
        ("<@U123|ana> and <@U456>", "@ana and @U456"),
        ("<#C1|ops>", "#ops"),
        ("<!subteam^S1|@oncall>", "@oncall"),
        ("<!subteam^S1>", "@subteam"),
        ("<https://evil|Approve>", "&lt;https://evil|Approve&gt;"),
        ("<<!channel>>", "&lt;@channel&gt;"),
        ("&lt;!channel&gt;", "&amp;lt;!channel&amp;gt;"),
        ("a\u202eb\x00c\u200b", "abc"),
        ("one\r\ntwo\u2028three", "one\ntwo\nthree"),
        ("👩\u200d🚒", "👩\u200d🚒"),
    ],
)
def test_foreign_text_is_only_text(text: str, shown: str) -> None:
    assert inert(text, 100) == shown


@given(st.text(alphabet="<>&a👩\n", max_size=60), st.integers(min_value=2, max_value=70))
def test_inert_text_fits_and_is_never_cut_within_an_escape(text: str, most: int) -> None:
    shown = inert(text, most)
    assert length(shown) <= most
    assert inert(html.unescape(shown), 1_000) == shown


@given(st.text(max_size=50), st.integers(min_value=1, max_value=60))
def test_cut_text_fits(text: str, most: int) -> None:
    assert length(cut(text, most)) <= most
    assert length(clean(text, most)) <= most
    assert 1 <= length(plain_line(text, most)) <= most


def test_one_line_is_one_line() -> None:
    assert one_line(" a\n\tb  c ", 50) == "a b c"


def test_an_emoji_counts_twice_as_slacks_clients_count() -> None:
    assert length("👩x") == 3


def test_a_time_carries_utc_for_those_who_cannot_show_it() -> None:
    at = datetime(2026, 11, 22, 10, 30, 59, tzinfo=UTC)
    assert when(at) == "<!date^1795343459^{date_short_pretty} {time}|2026-11-22 10:30 UTC>"


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.21, "0.2 s"), (59, "59 s"), (2580, "43 min"), (7500, "2 h 5 min"), (86400, "24 h 0 min")]
)
def test_durations_are_said_as_people_say_them(seconds: float, said: str) -> None:
    assert lasting(seconds) == said


def test_only_members_of_the_workspace_are_mentioned() -> None:
    assert person("U123", "ana") == "<@U123>"
    assert person("U1><!channel", "<!here>") == "@here"
    assert person("", "") == "somebody"


def test_a_section_leaves_out_what_does_not_fit_line_by_line() -> None:
    assert section("a" * 2_000, "b" * 2_000)["text"]["text"] == "a" * 2_000
