"""Words as the time grammar sees them: numbers, words and signs, with the place where each was typed.

It knows no time at all; the readers of clocks, dates and zones are built on it. A reader takes the
words and a position and answers what it read and the position after it, or None if it is not its turn.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

DASHES = ("-", "–", "—", "−")
_TOKEN = re.compile(r"(?P<number>[0-9]+)|(?P<word>[^\W\d_]+(?:_[^\W\d_]+)*)|(?P<sign>\S)")
_WIDE = str.maketrans("：．～〜（），＋－﹣‐‑‒―", ":.~~(),+------")
# Marks without width that chats put around a time, such as the direction of writing.
_UNSEEN = dict.fromkeys([*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF], " ")
_SEPARATOR = re.compile(r"[)\]>]?\s*(?:->|=>|→|[–—]+|-+(?=[\s\D]|$)|[|:;,]|\.(?=\s|$))?\s*")


class Unclear(Exception):
    """What was typed has several readings; `choices` are words that each have only one."""

    def __init__(self, question: str, choices: tuple[str, ...] = (), *, stop: int | None = None) -> None:
        super().__init__(question)
        self.question = question
        self.choices = choices
        self.stop = stop


class Nonsense(Exception):
    """What was typed looks like a time and cannot be one; `suggestion` says what to type instead."""

    def __init__(self, text: str, suggestion: str, *, stop: int | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.suggestion = suggestion
        self.stop = stop


@dataclass(frozen=True, kw_only=True)
class Token:
    """One number, word or sign; `gap` says whether a space (or the beginning) stands before it."""

    kind: str
    text: str
    start: int
    end: int
    gap: bool


class Words:
    """The tokens of one text; positions past the end are safe to ask about."""

    def __init__(self, text: str) -> None:
        self.source = text
        self._tokens = _tokens(text)
        self._last = Token(kind="end", text="", start=len(text), end=len(text), gap=True)

    def __getitem__(self, i: int) -> Token:
        return self._tokens[i] if 0 <= i < len(self._tokens) else self._last

    def low(self, i: int) -> str:
        """The token in lower case."""
        return self[i].text.lower()

    def is_word(self, i: int, *words: str) -> bool:
        """Whether the token is a word; with `words`, whether it is one of them."""
        return self[i].kind == "word" and (not words or self.low(i) in words)

    def is_sign(self, i: int, *signs: str, tight: bool = False) -> bool:
        """Whether the token is one of the signs; `tight`: with no space before it."""
        return self[i].kind == "sign" and self[i].text in signs and not (tight and self[i].gap)

    def digits(self, i: int, *, tight: bool = False) -> int:
        """How many digits the number at this place has; 0 if it is no number."""
        token = self[i]
        return len(token.text) if token.kind == "number" and not (tight and token.gap) else 0

    def number(self, i: int) -> int:
        """The value of a number of which `digits` has said that it is one."""
        return int(self[i].text[:18])

    def phrase(self, i: int, *words: str) -> int | None:
        """The position after these words, if they stand here one after the other."""
        if all(self.low(i + n) == word for n, word in enumerate(words)):
            return i + len(words)
        return None

    def is_end(self, i: int) -> bool:
        """Whether nothing follows, or what follows is plainly parted from it."""
        token = self[i]
        if token.kind == "end" or token.text in ("|", ",", ";", ":", ")", "]", "–", "—", "→", "."):
            return True
        return token.text == "-" and (token.gap or self[i + 1].kind != "number")

    def runs_on(self, i: int) -> bool:
        """Whether the token is stuck to the one before it, as in `10:30x`, `2024-01-15.log` or `12:30%`."""
        token = self[i]
        if token.gap or token.kind == "end":
            return False
        if token.kind in ("word", "number") or token.text in "%_°$€£@#&=\\^":
            return True
        return token.text in "./'’" and not self[i + 1].gap and self[i + 1].kind in ("word", "number")

    def typed(self, start: int, stop: int) -> str:
        """The text between two positions as it was typed."""
        return self.source[self[start].start : self[stop - 1].end] if stop > start else ""

    def rest(self, i: int) -> str:
        """The text from a position on, without the sign that parts it from what was read."""
        tail = self.source[self[i - 1].end :] if i > 0 else self.source
        if not tail.strip():
            return ""
        return tail[parted(tail) :].strip()


def parted(tail: str) -> int:
    """How many characters of a text are only the sign that parts it from a time before it."""
    if re.match(r"\s+-\d", tail):
        return len(tail) - len(tail.lstrip())
    found = _SEPARATOR.match(tail)
    return found.end() if found else 0


def _plain(text: str) -> str:
    """The text with the digits and signs of every script as ASCII has them, each in its place."""
    if text.isascii():
        return text
    return "".join(map(_digit, text.translate(_WIDE).translate(_UNSEEN)))


def _digit(sign: str) -> str:
    return str(unicodedata.decimal(sign)) if sign.isdecimal() else sign


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    end = -1
    for found in _TOKEN.finditer(_plain(text)):
        gap = found.start() != end
        end = found.end()
        kind = found.lastgroup or "sign"
        tokens.append(Token(kind=kind, text=found.group(), start=found.start(), end=end, gap=gap))
    return tokens
