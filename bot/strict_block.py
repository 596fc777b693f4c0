"""Reading strict YAML word by word: every word is asked for by name and kind, what is left over is a mistake.

A reader is a function from a Cursor to a value; it raises Wrong with a sentence. A Block notes the sentence with
its place and goes on with the default, so that one pass finds every mistake of a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Self, TypeVar

from bot.strict_yaml import Document, Path, Problem, Problems, did_you_mean, nearest, scan

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
L = TypeVar("L", bound=str)

DURATION = "a duration is a number and a unit: 500ms, 10s, 5m, 1h"
NAME = re.compile(r"[a-z][a-z0-9-]{0,48}")


class Wrong(Exception):
    """A value is not what its word asks for; the text says what would be."""


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """A value of a document, its path, and the list that collects the problems of the file."""

    document: Document
    problems: list[Problem]
    value: object
    path: Path = ()

    def wrong(self, text: str) -> None:
        """Note a problem at this place and go on."""
        self.problems.append(self.document.problem(self.path, text))

    def child(self, key: str | int, value: object) -> Cursor:
        """The value under a key or index of this one."""
        return Cursor(document=self.document, problems=self.problems, value=value, path=(*self.path, key))


Read = Callable[[Cursor], T]


def read_document(text: str, name: str, read: Read[T]) -> T:
    """Read a whole file with one reader. Raises Problems with all mistakes, of YAML and of the words."""
    document, problems = scan(text, name)
    cursor = Cursor(document=document, problems=problems, value=document.data)
    found = read(cursor)
    if problems:
        raise Problems(problems)
    return found


class Block:
    """A block of `word: value` lines that is being read; on leaving it, words nobody asked for are problems."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.values: Mapping[str, object] = {}
        self.known: list[str] = []
        self.missing: list[str] = []
        if isinstance(cursor.value, dict):
            self.values = cursor.value
        else:
            cursor.wrong("here stands a block of 'word: value' lines")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None or not isinstance(self.cursor.value, dict):
            return
        unknown = self.rest()
        meant = {nearest(word, self.known) for word in unknown}
        for word in self.missing:
            if word not in meant:
                self.wrong(f"the word '{word}' is missing")
        for word in unknown:
            self.wrong(f"'{word}' is not a word of this block{did_you_mean(word, self.known)}", at=word)

    def take(self, word: str, read: Read[T], default: T, *, required: bool = False) -> T:
        """The value of a word, or the default when it is absent, empty or wrong."""
        self.known.append(word)
        value = self.values.get(word)
        if value is None:
            if required:
                self.missing.append(word)
            return default
        cursor = self.cursor.child(word, value)
        try:
            return read(cursor)
        except Wrong as wrong:
            cursor.wrong(str(wrong))
            return default

    def open(self, word: str) -> Cursor:
        """The block under a word; nothing counts as an empty block."""
        self.known.append(word)
        value = self.values.get(word)
        return self.cursor.child(word, {} if value is None else value)

    def has(self, word: str) -> bool:
        """Whether the word is given and not empty."""
        return self.values.get(word) is not None

    def rest(self) -> list[str]:
        """The words that nobody has asked for yet."""
        return [word for word in self.values if word not in self.known]

    def wrong(self, text: str, *, at: str | None = None) -> None:
        """Note a problem with this block or with one of its words."""
        (self.cursor if at is None else self.cursor.child(at, None)).wrong(text)


def text(cursor: Cursor) -> str:
    """Any text; a whole number counts as its digits."""
    value = cursor.value
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, bool | float):
        raise Wrong("here stands a text; put quotes around it")
    raise Wrong("here stands one text, not a list or a block")


def flag(cursor: Cursor) -> bool:
    """`true` or `false`; nothing else."""
    if isinstance(cursor.value, bool):
        return cursor.value
    raise Wrong("write true or false")


def whole(lowest: int = 0, highest: int = 2**31 - 1) -> Read[int]:
    """A whole number within bounds."""

    def read(cursor: Cursor) -> int:
        value = cursor.value
        if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest:
            return value
        bounds = f"of {lowest} or more" if highest == 2**31 - 1 else f"from {lowest} to {highest}"
        raise Wrong(f"here stands a whole number {bounds}")

    return read


_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(cursor: Cursor) -> float:
    """A duration such as 500ms, 10s, 5m, 1h or 1d, in seconds; 0 needs no unit."""
    value = cursor.value
    if value == 0 and not isinstance(value, bool):
        return 0.0
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)", value) if isinstance(value, str) else None
    if not found:
        raise Wrong(DURATION)
    return float(found[1]) * _UNITS[found[2]]


def duration(cursor: Cursor) -> timedelta:
    """A duration such as 500ms, 10s, 5m, 1h or 1d."""
    return timedelta(seconds=seconds(cursor))


def share(cursor: Cursor) -> float:
    """A percentage such as 90%, from 0 to 100."""
    value = cursor.value
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)%", value) if isinstance(value, str) else None
    if not found or float(found[1]) > 100:
        raise Wrong("a share is written as a percentage: 90%")
    return float(found[1])


def choice(kind: type[E]) -> Read[E]:
    """One of the words of an enumeration."""

    def read(cursor: Cursor) -> E:
        word = text(cursor)
        if word not in list(kind):
            raise Wrong(f"'{word}' cannot stand here{did_you_mean(word, list(kind))}")
        return kind(word)

    return read


def one_of(*options: L) -> Read[L]:
    """One of a few fixed words."""

    def read(cursor: Cursor) -> L:
        word = text(cursor)
        for option in options:
            if word == option:
                return option
        raise Wrong(f"'{word}' cannot stand here{did_you_mean(word, options)}")

    return read


def name(cursor: Cursor) -> str:
    """A name: small letters, digits and dashes, starting with a letter."""
    word = text(cursor)
    if not NAME.fullmatch(word):
        raise Wrong(f"'{word}' is not a name: small letters, digits and '-', at most 49, a letter first")
    return word


def version(cursor: Cursor) -> None:
    """The number 1; anything else is another schema."""
    if cursor.value != 1 or isinstance(cursor.value, bool):
        raise Wrong(f"only version 1 is known; write '{cursor.path[-1]}: 1'")


def line(cursor: Cursor) -> str:
    """A text that is not empty."""
    said = text(cursor).strip()
    if not said:
        raise Wrong("here stands a text; it is empty")
    return said


def absolute(cursor: Cursor) -> str:
    """The path of a folder from the root, without '..'."""
    path = text(cursor)
    if not path.startswith("/") or ".." in path.split("/"):
        raise Wrong("here stands a path from the root, such as /etc")
    return path


def relative(cursor: Cursor) -> str:
    """A path inside of a repository."""
    path = text(cursor)
    if not path or path.startswith(("/", "-")) or ".." in path.split("/"):
        raise Wrong("here stands a path inside of the repository, such as nginx")
    return path


def label(cursor: Cursor) -> str:
    """The name under which an entry is listed: its own key."""
    called = str(cursor.path[-1])
    if not NAME.fullmatch(called):
        raise Wrong(f"'{called}' is not a name: small letters, digits and '-', at most 49, a letter first")
    return called


def many(read: Read[T]) -> Read[tuple[T, ...]]:
    """A list; a wrong item is noted and left out."""

    def read_all(cursor: Cursor) -> tuple[T, ...]:
        if not isinstance(cursor.value, list):
            raise Wrong("here stands a list: [a, b]")
        return tuple(_each(cursor, read))

    return read_all


def one_or_many(read: Read[T]) -> Read[tuple[T, ...]]:
    """A list, or its only item."""

    def read_all(cursor: Cursor) -> tuple[T, ...]:
        return tuple(_each(cursor, read)) if isinstance(cursor.value, list) else (read(cursor),)

    return read_all


def _each(cursor: Cursor, read: Read[T]) -> Iterator[T]:
    for index, value in enumerate(cursor.value if isinstance(cursor.value, list) else []):
        item = cursor.child(index, value)
        try:
            yield read(item)
        except Wrong as wrong:
            item.wrong(str(wrong))


def named(read: Read[T]) -> Read[dict[str, T]]:
    """A block whose keys are names that the author chose; what is wrong is noted and left out."""

    def read_all(cursor: Cursor) -> dict[str, T]:
        if not isinstance(cursor.value, dict):
            raise Wrong("here stands a block of 'name: value' lines")
        found: dict[str, T] = {}
        for key, value in cursor.value.items():
            item = cursor.child(key, value)
            try:
                found[key] = read(item)
            except Wrong as wrong:
                item.wrong(str(wrong))
        return found

    return read_all
