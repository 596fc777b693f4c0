"""Lines copied out of a chat: who and when stand above the words, not before them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_CLOCK = r"(?:(?:today|yesterday)\s+at\s+)?(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?:\s?[ap]\.?m\.?)?"
_HEAD = re.compile(
    rf"^(?P<name>[^\W\d_][^:|\t]{{0,60}}?)(?:\s*:[\w+-]+:)?(?:\s+APP)?(?:\s{{2,}}|\t|\s+[—–•·]\s+)(?P<time>{_CLOCK})\s*$",
    re.IGNORECASE,
)
_ALONE = re.compile(rf"^\s*\[?(?P<time>{_CLOCK})\]?\s*$", re.IGNORECASE)
_NAME = re.compile(r"^(?P<name>[^\W\d_][^:|\t\d]{0,60}?)(?:\s*:[\w+-]+:)?(?:\s+APP)?\s*$")
_TIMED = re.compile(r"^\W*\d{1,2}[:.]\d\d")
_HEADING = re.compile(r"^\s*(?:#|\||```)")


@dataclass(frozen=True, kw_only=True)
class Typed:
    """A line with its number in the text; `author` is who said it, where the paste tells."""

    number: int
    line: str
    author: str = ""


def unfolded(text: str) -> Iterator[Typed]:
    """The lines of a text; where time and words stand on lines of their own, they become one line."""
    lines = [line.strip("\ufeff\r") for line in text.splitlines()]
    at = 0
    while at < len(lines):
        head = _head(lines, at)
        words, stop = _words(lines, at + head.lines, over_blanks=bool(head.name)) if head else ([], at)
        if head and words:
            yield Typed(number=at + 1, line=f"{head.time} – {' '.join(words)}", author=head.name)
            at = stop
        else:
            yield Typed(number=at + 1, line=lines[at])
            at += 1


@dataclass(frozen=True, kw_only=True)
class _Head:
    """Who and when above a message, and how many lines that takes."""

    time: str
    name: str = ""
    lines: int = 1


def _head(lines: Sequence[str], at: int) -> _Head | None:
    line, below = lines[at], lines[at + 1] if at + 1 < len(lines) else ""
    if found := _HEAD.match(line):
        return _Head(time=found["time"], name=found["name"].strip())
    named, alone = _NAME.match(line), _ALONE.match(below)
    if named and alone and below[:1].isspace():
        return _Head(time=alone["time"], name=named["name"].strip(), lines=2)
    if found := _ALONE.match(line):
        return _Head(time=found["time"])
    return None


def _words(lines: Sequence[str], at: int, *, over_blanks: bool) -> tuple[list[str], int]:
    """The words below a head, up to the next one. A message of a chat may have empty lines, another row may not."""
    words: list[str] = []
    while at < len(lines) and not _head(lines, at) and not _HEADING.match(lines[at]) and not _TIMED.match(lines[at]):
        if lines[at].strip():
            words.append(lines[at].strip())
        elif not over_blanks and words:
            break
        at += 1
    return words, at
