"""Text from outside as Markdown."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.postmortem.markdown import BREAK, code, escaped, fence, link, plain, table, tidy
from tests.postmortem.incidents import HOSTILE

NASTY = st.one_of(
    st.text(),
    st.text(alphabet="|`<>@#*_~[]()!$\\&\n\r \t-+=:/.1aEw"),
    st.lists(st.sampled_from([*HOSTILE.split(), "```", "\\", "|", "\n", "- ", "# ", "1. "])).map(" ".join),
)


def inert(markdown: str) -> bool:
    """Whether a renderer sees nothing but text and code in it."""
    tokens = MarkdownIt("commonmark").enable("table").enable("strikethrough").parse(markdown)
    inside = [child.type for token in tokens for child in token.children or []]
    blocks = {t.type for t in tokens} - {"paragraph_open", "paragraph_close", "inline"}
    blocks = {b for b in blocks if not re.match(r"(table|thead|tbody|tr|th|td)_", b)}
    return not blocks and set(inside) <= {"text", "code_inline", "text_special"}


@given(NASTY)
def test_any_text_is_inert_in_a_paragraph(text: str) -> None:
    assert inert(escaped(text))


@given(NASTY)
def test_any_text_fills_exactly_one_cell(text: str) -> None:
    page = table(("a", "b"), [(escaped(text), code(text))])
    tokens = MarkdownIt("commonmark").enable("table").parse(page)
    assert sum(t.type == "td_open" for t in tokens) == 2
    assert inert(page)


@given(NASTY)
def test_no_text_mentions_links_or_closes_anything(text: str) -> None:
    for shown in (escaped(text), code(text)):
        assert not re.search(r"(?<!\w)[@#]\w", shown)
        assert not re.search(r"\bGH-\d", shown, re.IGNORECASE)


@given(NASTY)
def test_no_text_leaves_its_fence(text: str) -> None:
    tokens = MarkdownIt("commonmark").parse(fence(text, "diff") + "\n\nafter\n")
    assert [t.type for t in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]


@given(NASTY)
def test_escaped_text_can_be_written_as_utf_8(text: str) -> None:
    assert isinstance(escaped(text).encode(), bytes)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("a|b", "a\\|b"),
        ("two\nlines", "two lines"),
        ("`x`", "\\`x\\`"),
        ("<b>", "&lt;b&gt;"),
        ("# not a heading", "\\# not a heading"),
        ("- not a list", "\\- not a list"),
        ("1. not a list", "1\\. not a list"),
        ("4.2 s", "4.2 s"),
        ("-5 degrees", "-5 degrees"),
        ("~13:30", "\\~13:30"),
        ("snake_case stays", "snake_case stays"),
        ("@ada", f"@{BREAK}ada"),
        ("fixes #12", f"fixes #{BREAK}12"),
        ("see https://x.example/a?b=1.", "see `https://x.example/a?b=1`."),
        ("a &amp; b", "a &amp; b"),
        ("\u202eevil", "evil"),
    ],
)
def test_signs_that_mean_something_are_escaped(typed: str, shown: str) -> None:
    assert escaped(typed) == shown


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("<@U0ADA> and <@U0ADA|ada>", "@U0ADA and @U0ADA"),
        ("<#C1|ops> <#C2>", "#ops #C2"),
        ("<!channel> <!subteam^S1|@web>", "@channel @web"),
        ("<https://x.example|the page>", "the page (https://x.example)"),
        ("<https://x.example>", "https://x.example"),
        ("1 &lt; 2 &amp;&amp; 3 &gt; 2", "1 < 2 && 3 > 2"),
    ],
)
def test_chat_markup_becomes_words(typed: str, shown: str) -> None:
    assert plain(typed) == shown


def test_only_addresses_of_the_web_become_links() -> None:
    assert link("monitor", "https://x.example/m?a=1&b=(2)|3") == "[monitor](https://x.example/m?a=1&b=%282%29%7C3)"
    assert link("monitor", "javascript:alert(1)") == "monitor"


def test_spaces_at_the_end_of_changed_lines_are_seen() -> None:
    assert fence("-a \n+a\n b ", "diff") == "```diff\n-a␠\n+a\n b\n```"


def test_tidying_leaves_fenced_blocks_alone() -> None:
    assert tidy("a  \n\n\n\nb\n```text\nx\n\n\ny\n```\n\n\n") == "a\n\nb\n```text\nx\n\n\ny\n```\n"
