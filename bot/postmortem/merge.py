"""A draft that people have edited meets a newer one: what they changed stays, and where both changed, both are shown.

Three texts are compared, section by section and line by line: the draft as it was last made, the page as people
left it, and the draft as it would be made now.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.postmortem.markdown import fence

OPENS, CLOSES = "<!-- muster: the record says more -->", "<!-- muster: end -->"
NOTE = "> **Kept as edited.** Since then the record has changed; the draft would now say here:"
_SHOWN = re.compile(rf"\n*{re.escape(OPENS)}\n.*?\n{re.escape(CLOSES)}\n?", re.DOTALL)
_HEADING = re.compile(r"#{1,3} ")

PAGE = "postmortem.md"
BASE = ".postmortem.drafted.md"
"""The draft as we last made it, kept beside the page: what people changed is the difference to it."""
STAMPED = re.compile(r"<!-- muster: draft (INC-\d+), sha256 [0-9a-f]{64} ")

Lines = list[str]


@dataclass(frozen=True, kw_only=True)
class Merged:
    """The page after the merge, and the headings under which both sides had changed the same lines."""

    page: str
    disputed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Hunk:
    """Lines of the base, from `start` up to `stop`, that became others."""

    start: int
    stop: int
    lines: Lines

    def touches(self, other: _Hunk) -> bool:
        """Whether both change the same lines, or put something at the same place."""
        return (self.start < other.stop and other.start < self.stop) or self.start == other.start


def merge_pages(base: str, theirs: str, new: str) -> Merged:
    """The same for whole pages: the last line, which is ours, is that of the newer draft."""
    merged = merge(_body(base), _body(theirs), _body(new))
    last = new.rstrip("\n").rpartition("\n")[2]
    page = f"{merged.page.rstrip()}\n\n{last}\n" if STAMPED.match(last) else merged.page
    return Merged(page=page, disputed=merged.disputed)


def _body(page: str) -> str:
    """A page without the line at its end that is ours."""
    body, _, last = page.rstrip("\n").rpartition("\n")
    return body if STAMPED.match(last) else page


def merge(base: str, theirs: str, new: str) -> Merged:
    """The page as people left it, with what the newer draft changed elsewhere. What they deleted stays deleted."""
    before, page, after = (_sections(text) for text in (base, theirs, new))
    made: Lines = []
    disputed: list[str] = []
    for heading in _ordered(before, page, after):
        sides = [part.get(heading, []) for part in (before, page, after)]
        lines, lost = (sides[1], []) if sides[0] == sides[2] else _lines(sides[0], _without_note(sides[1]), sides[2])
        if lost:
            disputed.append(heading[0])
        made += _with_note(lines, lost) if lost else lines
    return Merged(page="\n".join(made) + "\n", disputed=tuple(disputed))


Heading = tuple[str, int]
"""A heading and how many of the same words stand above it."""


def _sections(text: str) -> dict[Heading, Lines]:
    found: dict[Heading, Lines] = {("", 0): []}
    here, fenced = ("", 0), ""
    for line in text.rstrip("\n").split("\n"):
        mark = re.match(r"`{3,}|~{3,}", line)
        if mark and not fenced:
            fenced = mark[0]
        elif fenced and line.rstrip() == fenced:
            fenced = ""
        elif not fenced and _HEADING.match(line):
            here = (line.strip(), sum(known == line.strip() for known, _ in found))
            found[here] = []
        found.setdefault(here, []).append(line)
    return found


def _ordered(before: dict[Heading, Lines], page: dict[Heading, Lines], after: dict[Heading, Lines]) -> list[Heading]:
    """The sections in the order of the page; a new one stands behind the one that it follows in the newer draft."""
    order = list(page)
    place = 0
    for heading in after:
        if heading in page:
            place = order.index(heading) + 1
        elif heading not in before:
            order.insert(place, heading)
            place += 1
    return order


def _lines(base: Lines, theirs: Lines, new: Lines) -> tuple[Lines, list[tuple[Lines, Lines]]]:
    """The merged lines of one section, and what of the newer draft did not find a place: (before, now)."""
    if base == theirs or theirs == new:
        return new, []
    own, ours = _hunks(base, theirs), _hunks(base, new)
    lost = [h for h in ours if any(h.touches(o) and h != o for o in own)]
    taken = sorted([*own, *(h for h in ours if h not in lost and h not in own)], key=lambda h: (h.start, h.stop))
    merged: Lines = []
    at = 0
    for hunk in taken:
        merged += [*base[at : hunk.start], *hunk.lines]
        at = hunk.stop
    unseen = [(base[h.start : h.stop], h.lines) for h in lost if not _inside(h.lines, theirs)]
    return merged + base[at:], [pair for pair in unseen if any(line.strip() for line in (*pair[0], *pair[1]))]


def _inside(lines: Lines, page: Lines) -> bool:
    """Whether people have taken these lines over by hand."""
    return bool(lines) and all(line in page for line in lines)


def _hunks(base: Sequence[str], changed: Sequence[str]) -> list[_Hunk]:
    compared = difflib.SequenceMatcher(a=base, b=changed, autojunk=False)
    return [
        _Hunk(start=start, stop=stop, lines=list(changed[first:last]))
        for tag, start, stop, first, last in compared.get_opcodes()
        if tag != "equal"
    ]


def _with_note(lines: Lines, lost: list[tuple[Lines, Lines]]) -> Lines:
    signed = ((sign, line) for pair in lost for sign, side in zip("-+", pair, strict=True) for line in side)
    diff = fence("\n".join(sign + line for sign, line in signed if line), "diff").split("\n")
    text = "\n".join(lines).rstrip("\n")
    return [*text.split("\n"), "", OPENS, "", NOTE, "", *diff, "", CLOSES, ""]


def _without_note(lines: Lines) -> Lines:
    return _SHOWN.sub("\n", "\n".join(lines)).split("\n") if OPENS in lines else lines
