"""The words of a noun: its keyword-only arguments, read from YAML by their annotations and filled per host."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin

from bot.checks import Noun, Port, Seconds, Share
from bot.ports import GaveUp
from bot.runbook.placeholders import HOST_WORDS, fill_argument, holds_any, nothing_fills, unknown_in, words_in
from bot.runbook.runbook import Argv
from bot.strict_block import Block, Cursor, Wrong, flag, many, seconds, share, text, whole
from bot.strict_yaml import Document, did_you_mean

Words = Mapping[str, object]
"""By the name of the argument (`days-left` is `days_left`); texts hold placeholders until `bind` fills them."""


def read_words(block: Block, noun: Noun) -> dict[str, object]:
    """The words that a check gives to its noun; those left out keep the noun's defaults."""
    found: dict[str, object] = {}
    for argument, parameter in noun.words.items():
        word = argument.rstrip("_").replace("_", "-")
        read = argv if word == "argv" else _read(parameter.annotation)
        value: object = block.take(word, read, None, required=parameter.default is inspect.Parameter.empty)
        if value is not None:
            found[argument] = value
    return found


def bind(words: Words, noun: Noun, values: Mapping[str, str]) -> dict[str, Any]:
    """The arguments for one host: placeholders filled, then read again by kind. Raises GaveUp when that fails."""
    return {argument: _bind(value, noun.words[argument].annotation, values) for argument, value in words.items()}


def _bind(value: object, annotation: object, values: Mapping[str, str]) -> object:
    if not any(holds_any(part) for part in _texts(value)):
        return value
    filled = _filled(value, values)
    try:
        return convert(annotation, _loose(filled))
    except Wrong as wrong:
        raise GaveUp(f"{filled!r}: {wrong}", reason="no-value") from wrong


def _filled(value: object, values: Mapping[str, str]) -> object:
    if isinstance(value, str):
        return fill_argument(value, values)
    if isinstance(value, list | tuple):
        return [_filled(item, values) for item in value]
    return value


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [part for item in value for part in _texts(item)] if isinstance(value, list | tuple) else []


def _loose(value: object) -> Cursor:
    return Cursor(document=Document(), problems=[], value=value)


def _read(annotation: object) -> Callable[[Cursor], object]:
    return lambda cursor: _placeholder(cursor) or convert(annotation, cursor)


def _placeholder(cursor: Cursor) -> str | None:
    """A text with placeholders stays text until the host is known; words that nothing fills are wrong now."""
    if not isinstance(cursor.value, str) or not words_in(cursor.value):
        return None
    if unknown := unknown_in(cursor.value, HOST_WORDS):
        raise Wrong(nothing_fills(unknown[0], HOST_WORDS))
    return cursor.value


def argv(cursor: Cursor) -> Argv:
    """A program and its arguments, as a list; the program itself is never a placeholder."""
    if not isinstance(cursor.value, list):
        raise Wrong("a command is a list, never a shell line: [systemctl, reload, nginx]")
    found = many(text)(cursor)
    if not found or not found[0]:
        raise Wrong("a command starts with a program")
    if words_in(found[0]):
        raise Wrong("the program of a command cannot be a placeholder")
    for index, argument in enumerate(found):
        if unknown := unknown_in(argument, HOST_WORDS):
            cursor.child(index, argument).wrong(nothing_fills(unknown[0], HOST_WORDS))
    return found


def convert(annotation: object, cursor: Cursor) -> object:
    """A value of the kind that the annotation names. Raises Wrong with what should stand there."""
    if annotation in _KINDS:
        return _KINDS[annotation](cursor)
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return _literal(inner, cursor)
    if origin in (Union, types.UnionType):
        return _union([kind for kind in inner if kind is not type(None)], cursor)
    if origin in (list, tuple, Sequence):
        return _items(annotation, cursor)
    raise TypeError(f"the loader cannot read the kind {annotation!r}; add it to bot/runbook/words.py")


def _literal(options: tuple[object, ...], cursor: Cursor) -> object:
    for option in options:
        if type(option) is type(cursor.value) and option == cursor.value:
            return option
    said = [str(option) for option in options]
    raise Wrong(f"'{cursor.value}' cannot stand here{did_you_mean(str(cursor.value), said)}")


def _union(kinds: list[object], cursor: Cursor) -> object:
    """The kind that fits; a list is tried only for a list, so that the sentence speaks of what was written."""
    listed = [kind for kind in kinds if get_origin(kind) in (list, tuple, Sequence)]
    single = [kind for kind in kinds if kind not in listed]
    fitting = listed or single if isinstance(cursor.value, list) else single or listed
    first: Wrong | None = None
    for kind in fitting:
        try:
            return convert(kind, cursor)
        except Wrong as wrong:
            first = first or wrong
    raise first or Wrong("this cannot stand here")


def _items(annotation: object, cursor: Cursor) -> object:
    """A list, or its only item."""
    kind = next(iter(get_args(annotation)), str)
    written = cursor.value if isinstance(cursor.value, list) else [cursor.value]
    if isinstance(cursor.value, dict):
        raise Wrong("here stands a list: [a, b]")
    items = [_read(kind)(cursor.child(index, item)) for index, item in enumerate(written)]
    return items if get_origin(annotation) is list else tuple(items)


def _port(cursor: Cursor) -> Port:
    value = cursor.value
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:6])  # a filled placeholder
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535:
        return Port(value)
    raise Wrong("a port is a number from 1 to 65535, or $host.port")


def _number(cursor: Cursor) -> float:
    if isinstance(cursor.value, int | float) and not isinstance(cursor.value, bool):
        return float(cursor.value)
    raise Wrong("here stands a number")


_KINDS: dict[object, Callable[[Cursor], object]] = {
    str: text,
    int: whole(),
    float: _number,
    bool: flag,
    Seconds: seconds,
    Share: share,
    Port: _port,
}
