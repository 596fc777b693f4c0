"""Wording that blames: flagged, with a neutral proposal and its reason. The record keeps what people wrote.

Nothing is changed in silence: where the draft shows a proposal it carries a mark, and the words stand beside it
under "Wording". The rules (B1 to B8) are data, in blame_lexicon.json; English only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from bot.postmortem.markdown import plain

MARK = "✎"
ROUNDS = 4
"""How often the rules are applied to what they proposed: a proposal may bring the words of another rule together."""
AROUND = 40
"""How many signs of context the table of flagged words shows on either side."""
SKIPPED = re.compile(r"`[^`]*`|\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
HANDLE = re.compile(r"(?<![\w.@/])@([A-Za-z0-9][\w.-]*\w|\w)")
EVERYBODY = frozenset({"here", "channel", "everyone"})


@dataclass(frozen=True, kw_only=True)
class Flag:
    """Words that a rule flagged: the rule, the words with what is around them, why, and how severe it is."""

    rule: str
    kind: str
    words: str
    why: str
    severity: str


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A text as it may be shown, the words as recorded (names apart), and what was flagged in them."""

    text: str
    recorded: str
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule of the lexicon, compiled; without one of its `hints` it cannot fit.

    `narrative` rules do not hold in lessons and actions.
    """

    id: str
    kind: str
    why: str
    severity: str
    narrative: bool
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    proposals: tuple[tuple[re.Pattern[str], str], ...]


class Wording:
    """Reads texts under the rules. `people` maps names, handles and ids to the role that stands for them."""

    def __init__(self, people: Mapping[str, str] | None = None, *, groups: Iterable[str] = ()) -> None:
        self.handles = {name.lower(): role for name, role in (people or {}).items()}
        self.groups = {g.lstrip("@").lower() for g in groups} | EVERYBODY
        names = [n for n in people or {} if len(n) > 2 and not n.isdigit() and n.lower() not in also_words()]
        self.names = _any_of(names)

    def read(self, text: str, *, lessons: bool = False) -> Reading:
        """The text on one line, with names as roles and blame as its proposal. `lessons`: B4 and B5 are allowed."""
        recorded, named = self._without_names(plain(text))
        allowed = [rule for rule in rules() if not (lessons and rule.narrative)]
        lowered = recorded.lower()
        hinted = [rule for rule in allowed if any(hint in lowered for hint in rule.hints)] if told(lowered) else []
        flags = tuple(_flag(rule, recorded, hit) for rule in hinted for hit in _hits(rule, recorded))
        shown = recorded
        for _ in range(ROUNDS if flags else 0):
            left = [rule for rule in allowed if _hits(rule, shown)]
            for rule in left:
                shown = _apply(rule, shown)
            if not left:
                break
        return Reading(text=shown, recorded=recorded, flags=named + flags)

    def _without_names(self, text: str) -> tuple[str, tuple[Flag, ...]]:
        found: list[str] = []

        def role(match: re.Match[str], name: str) -> str:
            found.append(name)
            word = self.handles.get(name.lower(), "a responder")
            return word[:1].upper() + word[1:] if match.start() == 0 else word

        def handle(match: re.Match[str]) -> str:
            return match[1] if match[1].lower() in self.groups else role(match, match[1])

        if "@" in text:
            text = HANDLE.sub(handle, text)
        if self.names:
            text = self.names.sub(lambda m: role(m, m[0]), text)
        return text, (NAMED,) if found else ()


def _any_of(names: Iterable[str]) -> re.Pattern[str] | None:
    listed = sorted(set(names), key=lambda n: (-len(n), n))
    return re.compile(rf"(?<![\w/.-])(?:{'|'.join(map(re.escape, listed))})(?![\w/-])") if listed else None


NAMED = Flag(
    rule="B8",
    kind="a name in the narrative",
    words="a name",
    why="roles tell the story; names stand in the roster",
    severity="medium",
)


def _hits(rule: Rule, text: str) -> list[re.Match[str]]:
    return [m for m in rule.pattern.finditer(text) if not _spared(text, m)]


def _apply(rule: Rule, text: str) -> str:
    for hit in reversed(_hits(rule, text)):
        text = _proposed(rule, text, hit)
    return re.sub(r" {2,}", " ", text).strip()


def _proposed(rule: Rule, text: str, hit: re.Match[str]) -> str:
    for pattern, to in rule.proposals:
        for found in pattern.finditer(text, max(0, hit.start() - 4)):
            if found.start() > hit.end() or found.end() < hit.start():
                break
            new = found.expand(to)
            new = STEMS.sub(lambda m: STEM[m[1]], new)
            opens = found.start() == 0 or text[: found.start()].rstrip().endswith((".", "!", "?"))
            new = new[:1].upper() + new[1:] if opens else new
            return text[: found.start()] + new + text[found.end() :]
    return text[: hit.start()] + text[hit.end() :].lstrip()


STEM = {"notic": "notice", "verif": "verify", "validat": "validate"}
STEMS = re.compile(r"\b(notic|verif|validat)$")


def _flag(rule: Rule, text: str, hit: re.Match[str]) -> Flag:
    start, end = max(0, hit.start() - AROUND), min(len(text), hit.end() + AROUND)
    words = ("…" if start else "") + text[start:end].strip() + ("…" if end < len(text) else "")
    mild = rule.id == "B3" and hit[0].lower().startswith("we ")
    return Flag(rule=rule.id, kind=rule.kind, words=words, why=rule.why, severity="medium" if mild else rule.severity)


def _spared(text: str, hit: re.Match[str]) -> bool:
    spans = [m.span() for m in SKIPPED.finditer(text)] + [m.span() for m in never().finditer(text)]
    return any(start < hit.end() and hit.start() < end for start, end in spans)


@cache
def lexicon() -> dict[str, Any]:
    """The rules as data."""
    data: dict[str, Any] = json.loads(resources.files(__package__).joinpath("blame_lexicon.json").read_text("utf-8"))
    return data


@cache
def also_words() -> frozenset[str]:
    """Names that are also words or accounts: replaced only where they stand as @handles."""
    return frozenset(lexicon()["also_words"])


@cache
def never() -> re.Pattern[str]:
    """What is never flagged, whatever the rules say."""
    return re.compile(rf"\b(?:{'|'.join(lexicon()['never_flag'])})", re.IGNORECASE)


@cache
def rules() -> tuple[Rule, ...]:
    """The rules that have a pattern, in the order in which they are applied."""
    data = lexicon()
    adjectives = "|".join(map(re.escape, data["adjectives"]))
    which = r"(?:(?:an?|the|our|one of the|one of our|some|this|that) )?"
    person = rf"{which}(?:(?:{adjectives}) ){{0,3}}(?:{'|'.join(data['people'])})"
    return tuple(_rule(rule, person) for rule in data["rules"] if rule["pattern"])


def told(lowered: str) -> bool:
    """Whether any rule may fit at all."""
    return _hints().search(lowered) is not None


@cache
def _hints() -> re.Pattern[str]:
    return re.compile("|".join(sorted({re.escape(hint) for rule in rules() for hint in rule.hints})))


def _rule(rule: Mapping[str, Any], person: str) -> Rule:
    def compiled(pattern: str) -> re.Pattern[str]:
        return re.compile(pattern.replace("{person}", person), re.IGNORECASE)

    return Rule(
        id=rule["id"],
        kind=rule["kind"],
        why=rule["why"],
        severity=rule["severity"],
        narrative=rule["scope"] == "narrative",
        hints=tuple(rule["hints"]),
        pattern=compiled(rule["pattern"]),
        proposals=tuple((compiled(p["pattern"]), p["to"]) for p in rule["propose"]),
    )
