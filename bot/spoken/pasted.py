"""Lines copied out of a chat: who and when stand above the words, not before them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.spoken.zone_names import AMBIGUOUS, FIXED

_CLOCK = r"(?:(?:today|yesterday)\s+at\s+)?(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?:\s?[ap]\.?m\.?)?"
_DAY = (
    r"(?:(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s\d{1,2}(?:st|nd|rd|th)?(?:,?\s\d{4})?|\d{4}-\d\d-\d\d"
    r"|\d{1,2}[/ -][A-Z][a-z]{2}[/ -]\d{2,4})"
)
_ZONES = "|".join(name for name in (*FIXED, *AMBIGUOUS) if len(name) > 2)
_WHEN = rf"(?:{_DAY},?\s+(?:-\s+|–\s+|at\s+)?)?{_CLOCK}(?:\s+\(?(?:{_ZONES}|UTC[+-]\d{{1,2}})\)?)?"
_COMMENT = re.compile(
    rf"^(?P<name>[^\W\d_][^:|\t]{{0,60}}?)\s+(?:added a comment|commented|wrote)\s+"
    rf"(?:[-–—]\s+|on\s+|at\s+)?(?P<time>{_WHEN})\s*:?\s*$",
    re.IGNORECASE,
)
_POSTED = re.compile(rf"^\s*(?:posted|updated)\b.{{0,40}}?\b(?P<time>{_DAY},?\s.*\d:\d\d.{{0,12}})$", re.IGNORECASE)
_HEAD = re.compile(
    rf"^(?P<name>[^\W\d_][^:|\t]{{0,60}}?)(?:\s*:[\w+-]+:)?(?:\s+APP)?(?:\s{{2,}}|\t|\s+[—–•·]\s+)(?P<time>{_CLOCK})\s*$",
    re.IGNORECASE,
)
_ALONE = re.compile(rf"^\s*\[?(?P<time>{_WHEN})\]?\s*$", re.IGNORECASE)
_NAME = re.compile(r"^(?P<name>[^\W\d_][^:|\t\d]{0,60}?)(?:\s*:[\w+-]+:)?(?:\s+APP)?\s*$")
_TIMED = re.compile(r"^\W*\d{1,2}[:.]\d\d")
_HEADING = re.compile(r"^\s*(?:#|\||```)")
_LONGEST_POST = 12


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
        if stop := _posted(lines, at):
            yield Typed(number=at + 1, line=_line(_POSTED.sub(r"\g<time>", lines[stop - 1]), lines[at : stop - 1]))
            at = stop
            continue
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
    if found := _HEAD.match(line) or _COMMENT.match(line):
        return _Head(time=found["time"], name=found["name"].strip())
    named, alone = _NAME.match(line), _ALONE.match(below)
    if named and alone and below[:1].isspace():
        return _Head(time=alone["time"], name=named["name"].strip(), lines=2)
    if found := _ALONE.match(line):
        return _Head(time=found["time"])
    return None


def _posted(lines: Sequence[str], at: int) -> int:
    """The line after a post whose time stands below its words, as on a status page; 0 for anything else."""
    stop = at
    while stop < min(len(lines), at + _LONGEST_POST) and lines[stop].strip() and not _HEADING.match(lines[stop]):
        stop += 1
        if _POSTED.match(lines[stop - 1]):
            return stop if stop > at + 1 else 0
    return 0


def _line(time: str, words: Sequence[str]) -> str:
    return f"{time} – {' – '.join(word.strip() for word in words)}"


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
