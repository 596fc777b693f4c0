"""Placeholders come from a closed list, are filled once, and never become an option or shell text."""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bot.checks
from bot.ports import GaveUp
from bot.runbook.inventory import Group, Host
from bot.runbook.placeholders import (
    FACT_WORDS,
    SAFE,
    facts_of,
    fill_argv,
    fill_text,
    plain,
    unknown_in,
    values_of,
    words_in,
)
from bot.runbook.result import JSON, Result, State

HOST = Host(name="web-02", address="10.0.0.12", group="shop-web")
GROUP = Group(name="shop-web", service="shop", role="web", port=8080, hosts={"web-02": HOST})
VALUES = values_of(HOST, GROUP)

HOSTILE = (
    "; id",
    "$(id)",
    "`id`",
    "a\nb",
    "-rf",
    "--option=x",
    "a b",
    "' or 1=1",
    "{0.__class__}",
    "\u202egnp.exe",
    "a|b",
    "a&b",
    "a>b",
    "",
    "é",
    "x" * 300,
    "$host",
    "*",
    "~root",
    "a\x00b",
)


def result(**facts: JSON) -> Result:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    return Result(
        check="port", host="web-02", state=State.FAIL, reason="refused", summary="said no", facts=facts, at=now
    )


def test_the_inventory_fills_the_words_of_the_host() -> None:
    assert VALUES == {
        "host": "web-02",
        "host.name": "web-02",
        "host.address": "10.0.0.12",
        "host.port": "8080",
        "host.group": "shop-web",
        "host.service": "shop",
        "host.role": "web",
    }
    assert "host.port" not in values_of(HOST, Group(name="x"))


def test_a_command_is_filled_argument_by_argument() -> None:
    argv = ["curl", "http://$host.address:$host.port/", "${host}x", "^0$", "$$HOME", "$HOME", "$1"]
    assert fill_argv(argv, VALUES) == ["curl", "http://10.0.0.12:8080/", "web-02x", "^0$", "$HOME", "$HOME", "$1"]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_never_gets_into_a_command(value: str) -> None:
    with pytest.raises(GaveUp, match="may not go into a command"):
        fill_argv(["ping", "$host"], {"host": value})


def test_a_missing_value_is_told_with_its_remedy() -> None:
    with pytest.raises(GaveUp) as caught:
        fill_argv(["ping", "$host.port"], {})
    assert caught.value.reason == "no-value"
    assert "host.port" in caught.value.fix


def test_a_word_ends_before_punctuation() -> None:
    assert words_in("$host.port. $host-$host, ${host}ed ($big-logs) $config: $1 $$host $Host") == [
        "host.port",
        "host",
        "host",
        "host",
        "big-logs",
        "config",
    ]


def test_words_outside_the_list_are_unknown() -> None:
    assert unknown_in("$host $hots $config $config.found", ["host", "config", "config.*"]) == ["hots"]


def test_a_sentence_stays_on_one_line_and_stops_once() -> None:
    text = "nginx on $host is off:\n  $port. And\n$error"
    assert fill_text(text, {**VALUES, "port": "It says no."}) == "nginx on web-02 is off: It says no. And (no error)"


def test_nothing_is_filled_twice() -> None:
    assert fill_text("$a $b", {"a": "$b", "b": "$$a ${a}"}) == "$b $$a ${a}"


def test_foreign_text_is_plain() -> None:
    assert plain("a\n\tb\u202ec\x00\u200bd  e") == "a bcd e"
    assert len(plain("x" * 5000)) == 300


def test_facts_are_said_plainly() -> None:
    facts = facts_of(result(found=[8081, 8082], served_by={"web-01": 3}, ms=1.5, open=False, error=None, expected=""))
    assert facts["found"] == "8081, 8082"
    assert facts["served-by"] == "web-01 3"
    assert facts["served-by.web-01"] == "3"
    assert facts["ms"] == "1.5"
    assert facts["open"] == "no"
    assert "error" not in facts
    assert "expected" not in facts
    assert (facts["reason"], facts["state"], facts["summary"]) == ("refused", "fail", "said no")


def test_every_fact_of_the_nouns_may_be_named_in_a_sentence() -> None:
    """Facts that are written as a literal; a new one belongs on the list of the placeholders."""
    for file in Path(next(iter(bot.checks.__path__))).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "facts" and isinstance(node.value, ast.Dict):
                names = {key.value for key in node.value.keys if isinstance(key, ast.Constant)}
                assert names <= set(FACT_WORDS), file.name


@settings(deadline=None)
@given(st.text(), st.dictionaries(st.sampled_from(["host", "a", "b"]), st.text(), max_size=3))
def test_what_gets_into_a_command_is_safe_or_was_written_by_the_author(text: str, values: dict[str, str]) -> None:
    try:
        filled = fill_argv([f"$host{text}"], {"host": "", **values})[0]
    except GaveUp:
        return
    assert SAFE.match(filled)


@settings(deadline=None)
@given(st.text(), st.text())
def test_a_value_is_inserted_as_it_is_and_on_one_line(before: str, value: str) -> None:
    before = before.replace("$", "")
    filled = fill_text(f"{before} $a", {"a": value})
    assert filled.endswith(plain(value, longest=2000))
    assert "\n" not in filled


@settings(deadline=None)
@given(st.text())
def test_any_text_can_be_filled(text: str) -> None:
    assert "\n" not in fill_text(text, {})
    assert unknown_in(text, words_in(text)) == []
