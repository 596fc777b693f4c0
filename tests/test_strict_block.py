"""Words are read by name and kind; whatever is left over is told, all at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.strict_block import (
    Block,
    Cursor,
    Read,
    absolute,
    duration,
    flag,
    many,
    named,
    one_of,
    one_or_many,
    read_document,
    relative,
    seconds,
    share,
    text,
    whole,
)
from bot.strict_yaml import Problems


def read(written: str, reader: Read[object]) -> object:
    def block(cursor: Cursor) -> object:
        with Block(cursor) as words:
            return words.take("word", reader, None)

    return read_document(f"word: {written}\n", "f.yaml", block)


@pytest.mark.parametrize(
    ("reader", "written", "meant"),
    [
        (text, "a b", "a b"),
        (text, "80", "80"),
        (flag, "false", False),
        (whole(), "0", 0),
        (seconds, "500ms", 0.5),
        (seconds, "1.5s", 1.5),
        (seconds, "0", 0.0),
        (duration, "7d", timedelta(days=7)),
        (share, "92.5%", 92.5),
        (many(whole()), "[1, 2]", (1, 2)),
        (one_or_many(whole()), "1", (1,)),
        (named(text), "{a: b}", {"a": "b"}),
        (one_of("x", "y"), "y", "y"),
        (absolute, "/etc", "/etc"),
        (relative, "nginx/conf.d", "nginx/conf.d"),
    ],
)
def test_a_value_is_read_by_its_kind(reader: Read[object], written: str, meant: object) -> None:
    assert read(written, reader) == meant


@pytest.mark.parametrize(
    ("reader", "written", "said"),
    [
        (text, "true", "put quotes around it"),
        (text, "1.50", "put quotes around it"),
        (text, "[a]", "one text, not a list or a block"),
        (flag, "yes", "write true or false"),
        (flag, "1", "write true or false"),
        (whole(1, 9), "10", "a whole number from 1 to 9"),
        (whole(1), "true", "a whole number of 1 or more"),
        (seconds, "10", "a duration is a number and a unit"),
        (seconds, "10 s", "a duration is a number and a unit"),
        (seconds, "-10s", "a duration is a number and a unit"),
        (share, "0.9", "a share is written as a percentage"),
        (share, "101%", "a share is written as a percentage"),
        (many(text), "a", "here stands a list"),
        (named(text), "a", "here stands a block"),
        (one_of("x", "yes"), "ye", "did you mean 'yes'?"),
        (absolute, "etc", "a path from the root"),
        (absolute, "/etc/../root", "a path from the root"),
        (relative, "/nginx", "inside of the repository"),
        (relative, "-rf", "inside of the repository"),
    ],
)
def test_a_wrong_value_is_told_with_what_should_stand_there(reader: Read[object], written: str, said: str) -> None:
    with pytest.raises(Problems, match=r"f\.yaml:1:1: word: ") as caught:
        read(written, reader)
    assert said in str(caught.value)


def test_a_wrong_item_of_a_list_has_its_own_place() -> None:
    with pytest.raises(Problems) as caught:
        read("[1, x, 2, y]", many(whole()))
    assert [(p.line, p.column) for p in caught.value.problems] == [(1, 11), (1, 17)]


def test_a_missing_word_is_not_told_beside_the_slip_that_explains_it() -> None:
    def block(cursor: Cursor) -> str:
        with Block(cursor) as words:
            words.take("title", text, "", required=True)
            return words.take("owner", text, "", required=True)

    with pytest.raises(Problems) as caught:
        read_document("ownr: me\n", "f.yaml", block)
    assert [p.text for p in caught.value.problems] == [
        "ownr: 'ownr' is not a word of this block; did you mean 'owner'?",
        "the word 'title' is missing",
    ]


def test_nothing_after_a_word_keeps_the_default() -> None:
    assert read("", text) is None
    assert read("null", text) is None
