"""The words of a noun are read by its annotations and filled for each host."""

from __future__ import annotations

from typing import Literal

import pytest

from bot.checks import Port, Seconds, load
from bot.ports import GaveUp
from bot.runbook.words import bind, convert, read_words
from bot.strict_block import Block, Cursor, Wrong
from bot.strict_yaml import Document
from tests.runbook.fake_nouns import NOUNS, fake

VALUES = {"host": "web-02", "host.address": "10.0.0.12", "host.port": "8080"}


def value(written: object) -> Cursor:
    return Cursor(document=Document(), problems=[], value=written)


def test_a_filled_port_is_a_port() -> None:
    assert bind({"port": "$host.port"}, NOUNS["tcp"], VALUES) == {"port": 8080}


def test_a_filled_url_is_text() -> None:
    url = "http://$host.address:${host.port}/healthz"
    assert bind({"url": url, "times": 3}, NOUNS["http"], VALUES) == {
        "url": "http://10.0.0.12:8080/healthz",
        "times": 3,
    }


def test_a_filled_command_is_argv() -> None:
    noun = NOUNS["command"]
    assert bind({"argv": ("ping", "$host", "$$HOME")}, noun, VALUES) == {"argv": ("ping", "web-02", "$HOME")}


def test_a_value_that_the_inventory_lacks_is_said() -> None:
    with pytest.raises(GaveUp, match=r"nothing fills \$host\.role"):
        bind({"url": "$host.role"}, NOUNS["http"], VALUES)


def test_a_value_of_the_wrong_kind_is_said() -> None:
    with pytest.raises(GaveUp, match="a port is a number"):
        bind({"port": "$host"}, NOUNS["tcp"], VALUES)


def test_an_ipv6_address_is_bracketed_in_a_url() -> None:
    bound = bind({"url": "http://$host.address:80/"}, NOUNS["http"], {"host.address": "fd00::12"})
    assert bound == {"url": "http://[fd00::12]:80/"}


@pytest.mark.parametrize(
    ("annotation", "written", "meant"),
    [
        (int | list[int], 200, 200),
        (int | list[int], [200, 204], [200, 204]),
        (tuple[int, ...], 200, (200,)),
        (Seconds | None, "500ms", 0.5),
        (Literal["a", "b"], "b", "b"),
        (list[Literal["a", "b"]], ["a"], ["a"]),
        (float | None, 2, 2.0),
        (Port, 80, 80),
    ],
)
def test_an_annotation_says_what_may_stand(annotation: object, written: object, meant: object) -> None:
    assert convert(annotation, value(written)) == meant


@pytest.mark.parametrize(
    ("annotation", "written", "said"),
    [
        (int | list[int], "200", "here stands a whole number"),
        (int | list[int], [200, "x"], "here stands a whole number"),
        (Seconds | None, 5, "a duration is a number and a unit"),
        (Literal["a", "b"], True, "'True' cannot stand here"),
        (float, "2", "here stands a number"),
        (list[str], {"a": "b"}, "here stands a list"),
    ],
)
def test_what_does_not_fit_is_told(annotation: object, written: object, said: str) -> None:
    with pytest.raises(Wrong, match=said):
        convert(annotation, value(written))


def test_the_items_of_a_list_are_filled_too() -> None:
    assert bind({"paths": ("nginx", "hosts/$host")}, NOUNS["drift"], VALUES) == {"paths": ("nginx", "hosts/web-02")}


def test_what_holds_no_placeholder_is_left_as_it_is() -> None:
    words = {"status": [200, 204], "times": 3, "contains": "^$"}
    assert bind(words, NOUNS["http"], {}) == words


def test_a_kind_the_loader_does_not_know_is_our_own_mistake() -> None:
    with pytest.raises(TypeError, match="cannot read the kind"):
        convert(bytes, value("x"))


def test_every_word_of_every_real_noun_can_be_read() -> None:
    for noun in load().values():
        for parameter in noun.words.values():
            try:
                convert(parameter.annotation, value("$nothing that fits"))
            except Wrong:
                continue


def test_a_word_is_written_with_dashes() -> None:
    noun = fake("disk", days_left=(int, 14), from_=(str, ""))
    cursor = value({"days-left": 7, "from": "a"})
    with Block(cursor) as block:
        assert read_words(block, noun) == {"days_left": 7, "from_": "a"}
    assert cursor.problems == []
