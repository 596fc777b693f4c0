"""Strict YAML: what is written is what is read, and every mistake has its place."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.strict_yaml import Problem, Problems, did_you_mean, load, scan


def problems_of(text: str) -> list[str]:
    with pytest.raises(Problems) as caught:
        load(text, "f.yaml")
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("", None),
        ("7", 7),
        ("-7", -7),
        ("0", 0),
        ("1.5", 1.5),
        ("22:22", "22:22"),
        ("on", "on"),
        ("yes", "yes"),
        ("no", "no"),
        ("Null", "Null"),
        ("~", "~"),
        ("0755", "0755"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("1e3", "1e3"),
        ("-0", "-0"),
        (".5", ".5"),
        ("2026-11-22", "2026-11-22"),
        ("=", "="),
        ('"true"', "true"),
        ("'7'", "7"),
        ("9" * 5000, "9" * 5000),
        ("$host.port", "$host.port"),
    ],
)
def test_only_true_false_null_and_decimal_numbers_mean_something(written: str, meant: object) -> None:
    value = load(f"word: {written}\n", "f.yaml").data["word"]
    assert value == meant
    assert type(value) is type(meant)


def test_a_key_is_always_text() -> None:
    assert load("1: a\non: b\n<<: c\n", "f.yaml").data == {"1": "a", "on": "b", "<<": "c"}


def test_a_word_is_found_at_its_key() -> None:
    document = load("a: 1\nb:\n  - c: 2\n    d: 3\n", "f.yaml")
    assert document.place(("b", 0, "d")) == (4, 5)
    assert document.place(("b", 0)) == (3, 5)


def test_what_is_missing_is_placed_at_the_block_around_it() -> None:
    document = load("a: 1\nb: {c: 2}\n", "f.yaml")
    assert document.place(("b", "x", "y")) == (2, 1)
    assert str(document.problem(("b", "x"), "is missing")) == "f.yaml:2:1: b.x: is missing"


def test_a_key_given_twice_names_both_lines_and_keeps_the_first() -> None:
    assert problems_of("a: 1\nb: {c: 1, c: 2}\na: 2\n") == [
        "f.yaml:2:11: 'c' is given twice (first on line 2)",
        "f.yaml:3:1: 'a' is given twice (first on line 1)",
    ]
    assert scan("a: 1\na: 2\n", "f.yaml")[0].data == {"a": 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x 1\nb: *x\n", "f.yaml:1:4: anchors and aliases"),
        ("a: *x\n", "f.yaml:1:4: anchors and aliases"),
        ("a: !!python/object/apply:os.system [id]\n", "f.yaml:1:4: tags (tag:yaml.org,2002:python/object/apply:os"),
        ("a: !x 1\n", "f.yaml:1:4: tags (!x)"),
        ("[a, b]: 1\n", "f.yaml:1:1: a key must be a plain word"),
        ("- a\n", "f.yaml:1:1: the file is a block of 'word: value' lines"),
        ("just words\n", "f.yaml:1:1: the file is a block of 'word: value' lines"),
        ("a: 1\n\tb: 2\n", "f.yaml:2:1: this is not YAML: a tab"),
        ("a: b: c\n", "f.yaml:1:5: this is not YAML: a ':' where none can be"),
        ("a: 'b\n", "f.yaml:1:4: this is not YAML: a quote is opened and never closed"),
        ("a: [b, c\nd: 1\n", "f.yaml:1:4: this is not YAML: a bracket is not closed"),
        ("a: 1\n b: 2\n", "f.yaml:2:3: this is not YAML: a ':' where none can be"),
        ("a: {}\n  b: 2\n", "f.yaml:2:3: this is not YAML"),
        ("a: `b`\n", "f.yaml:1:4: this is not YAML: a text that starts with this character needs quotes"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: this is not YAML: one file holds one document"),
        ("a: 1\nb: \x07\n", "f.yaml:2:4: the character U+0007 cannot stand in YAML"),
        ("a: " + "[" * 5000 + "]" * 5000, "f.yaml:1:43: blocks are nested more than 40 deep"),
    ],
)
def test_each_mistake_has_its_place_and_a_sentence(text: str, said: str) -> None:
    assert any(problem.startswith(said) for problem in problems_of(text)), problems_of(text)


def test_an_empty_file_has_no_words() -> None:
    assert load("", "f.yaml").data == {}
    assert load("# nothing\n", "f.yaml").data == {}


def test_problems_are_told_in_the_order_of_the_file_and_once() -> None:
    late = Problem(file="f", line=2, column=1, text="late")
    early = Problem(file="f", line=1, column=9, text="early")
    assert Problems([late, early, late]).problems == (early, late)


def test_the_hint_is_the_nearest_word_or_all_of_them() -> None:
    assert did_you_mean("timout", ["at", "timeout"]) == "; did you mean 'timeout'?"
    assert did_you_mean("zzz", ["at", "timeout"]) == " (one of: at, timeout)"
    assert did_you_mean("zzz", []) == ""


@settings(deadline=None)
@given(st.text())
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    try:
        _, problems = scan(text, "f.yaml")
    except Problems as found:
        problems = list(found.problems) or [Problem(file="", line=0, column=0, text="refused without a reason")]
    assert all(problem.line >= 1 and problem.column >= 1 for problem in problems)


WORD = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
PLAIN = st.one_of(st.booleans(), st.none(), st.integers(-(10**17), 10**17), st.text("ab:{}#'\"\\\n 0123", max_size=12))


@settings(deadline=None)
@given(st.dictionaries(WORD, st.one_of(PLAIN, st.lists(PLAIN), st.dictionaries(WORD, PLAIN))))
def test_what_a_json_writer_writes_is_read_back(data: dict[str, object]) -> None:
    import json

    assert load(json.dumps(data), "f.yaml").data == data
