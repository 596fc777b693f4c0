"""Block Kit's rules: what Slack takes, what it refuses, and that nothing makes the checker stumble."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.lab.block_kit import check_blocks, check_view, elements_of, visible_characters

JSON = dict[str, Any]


def plain(text: str) -> JSON:
    return {"type": "plain_text", "text": text}


def section(text: str = "x", **more: Any) -> JSON:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def button(label: str = "Go", **more: Any) -> JSON:
    return {"type": "button", "text": plain(label), "action_id": "go", **more}


def actions(*elements: JSON) -> JSON:
    return {"type": "actions", "elements": list(elements)}


def select(count: int, **more: Any) -> JSON:
    options = [{"text": plain(str(n)), "value": str(n)} for n in range(count)]
    return {"type": "static_select", "action_id": "pick", "options": options, **more}


CONFIRM = {"title": plain("Sure?"), "text": plain("Yes?"), "confirm": plain("Yes"), "deny": plain("No")}
GOOD: list[list[JSON]] = [
    [{"type": "header", "text": plain("x" * 150)}, {"type": "divider"}, section("x" * 3000)],
    [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2000}] * 10}],
    [actions(button("x" * 75, value="x" * 2000, style="danger", confirm=CONFIRM), select(100))],
    [section(accessory=button(url="https://example.com"))],
    [section(accessory={"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a"})],
    [{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 10}],
    [{"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a", "title": plain("t")}],
    [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}]}],
    [{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 20] * 100}],
    [{"type": "markdown", "text": "# x"}],
    [section()] * 50,
]
BAD: list[tuple[list[Any], str]] = [
    ([{"type": "nope"}], "unsupported type: nope"),
    (["text"], "unsupported type: None"),
    ([], "at least 1 items"),
    ([section()] * 51, "no more than 50 items"),
    ([section("x" * 3001)], "less than 3001 characters"),
    ([section("")], "more than 0 characters"),
    ([{"type": "section"}], "missing one of: text, fields"),
    ([{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2001}]}], "/blocks/0/fields/0/text"),
    ([{"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}], "no more than 10 items"),
    ([{"type": "header", "text": plain("x" * 151)}], "less than 151 characters"),
    ([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "unsupported type: mrkdwn"),
    ([actions(button("x" * 76))], "/blocks/0/elements/0/text/text"),
    ([actions(button(value="x" * 2001))], "less than 2001 characters"),
    ([actions(button(style="blue"))], "must be one of: primary, danger"),
    ([actions(button(confirm={**CONFIRM, "deny": plain("x" * 31)}))], "less than 31 characters"),
    ([actions(*[button()] * 26)], "no more than 25 items"),
    ([actions(button(), button())], "action_id 'go' already exists"),
    ([actions(select(101))], "no more than 100 items"),
    ([actions(select(2, initial_option={"text": plain("9"), "value": "9"}))], "initial_option must be one"),
    ([{"type": "actions", "elements": [{"type": "plain_text_input"}]}], "unsupported type: plain_text_input"),
    ([section(block_id="a"), section(block_id="a")], "block_id 'a' already exists"),
    ([section(colour="red")], "invalid additional property: colour"),
    ([{"type": "image", "image_url": "https://example.com/a.png"}], "missing required field: alt_text"),
    ([{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]] * 101}], "no more than 100 items"),
    ([{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}] * 2, "only one table"),
    ([{"type": "markdown", "text": "x" * 7000}] * 2, "characters of markdown"),
    ([{"type": "alert", "text": plain("x")}], "unsupported type: alert"),
]


@pytest.mark.parametrize("blocks", GOOD, ids=lambda blocks: str(blocks[0]["type"]))
def test_blocks_at_the_limit_are_taken(blocks: list[JSON]) -> None:
    assert check_blocks(blocks) == []


@pytest.mark.parametrize(("blocks", "complaint"), BAD, ids=[complaint for _, complaint in BAD])
def test_blocks_beyond_a_limit_are_refused_by_name(blocks: list[Any], complaint: str) -> None:
    assert any(complaint in error for error in check_blocks(blocks))


def test_a_modal_needs_a_short_title_and_a_submit_button_for_its_inputs() -> None:
    field = {"type": "input", "label": plain("What?"), "element": {"type": "plain_text_input", "action_id": "a"}}
    good = {"type": "modal", "title": plain("x" * 24), "submit": plain("Go"), "blocks": [field]}
    assert check_view(good) == []
    assert "less than 25" in check_view({**good, "title": plain("x" * 25)})[0]
    assert "submit" in check_view({"type": "modal", "title": plain("x"), "blocks": [field]})[0]
    assert check_view({"type": "home", "blocks": [section()] * 100}) == []
    assert check_view({"type": "page"}) == ["[ERROR] must be one of: modal, home [json-pointer:/type]"]


def test_only_text_that_is_seen_counts() -> None:
    assert visible_characters([section("four"), actions(button("two", value="x" * 100))]) == 7


def test_interactive_elements_are_found_wherever_they_are() -> None:
    blocks = [section(accessory=button()), actions(select(1)), section()]
    assert [element["type"] for _, element in elements_of(blocks)] == ["button", "static_select"]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "text", "elements", "fields", "block_id", "options", "accessory", "value"]),
            inner | st.sampled_from(["section", "actions", "button", "static_select", "mrkdwn", "rich_text", "table"]),
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(JSON_VALUES)
def test_any_value_gets_an_answer(value: Any) -> None:
    assert all(error.startswith("[ERROR]") for error in check_blocks(value))
    assert check_blocks(value) or isinstance(value, list)
    check_view(value)
