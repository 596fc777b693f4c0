"""The schema of runbooks, version 1: strict YAML becomes a Runbook, or every mistake with its place and a hint.

What one file can get wrong by itself is found here; what needs the inventory or other runbooks is found by lint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping

from bot.checks import Noun
from bot.runbook.action import filled_by, names_in, read_action, reference
from bot.runbook.placeholders import FACT_WORDS, HOST_WORDS, RESULT_WORDS
from bot.runbook.runbook import ANSWERS, At, Cause, Check, Runbook, Severity, Status, When
from bot.runbook.words import read_words
from bot.strict_block import (
    Block,
    Cursor,
    Wrong,
    choice,
    flag,
    label,
    line,
    many,
    name,
    named,
    one_or_many,
    read_document,
    seconds,
    text,
    version,
)
from bot.strict_yaml import did_you_mean


def load(content: str, file: str, nouns: Mapping[str, Noun]) -> Runbook:
    """Read the runbook in a file called `file`. Raises Problems with every mistake in it."""
    digest = hashlib.sha256(content.encode(errors="surrogatepass")).hexdigest()
    return read_document(content, file, lambda cursor: _runbook(cursor, nouns, digest))


def _runbook(cursor: Cursor, nouns: Mapping[str, Noun], digest: str) -> Runbook:
    with Block(cursor) as top:
        top.take("runbook", version, None, required=True)
        called = top.take("name", name, "", required=True)
        return Runbook(
            name=called,
            title=top.take("title", line, called, required=True),
            owner=top.take("owner", line, "", required=True),
            docs=top.take("docs", text, ""),
            when=top.take("when", one_or_many(_when), ()),
            checks=top.take("checks", named(lambda c: _check(c, nouns)), {}, required=True),
            causes=top.take("causes", many(lambda c: _cause(c, called)), ()),
            actions=top.take("actions", named(read_action), {}),
            digest=digest,
            source=cursor.document,
        )


def _when(cursor: Cursor) -> When:
    with Block(cursor) as words:
        found = When(
            service=words.take("service", text, ""),
            tags=words.take("tags", named(text), {}),
            monitor=words.take("monitor", text, ""),
            status=words.take("status", one_or_many(choice(Status)), (Status.ALERT,)),
        )
        if not any(map(words.has, ("service", "tags", "monitor"))):
            words.wrong("this covers every alert; say service, tags or monitor ('monitor: \"*\"' if all are meant)")
        return found


def _check(cursor: Cursor, nouns: Mapping[str, Noun]) -> Check:
    called = label(cursor)
    if called in HOST_WORDS:
        raise Wrong(f"a check cannot be called '{called}': ${called} stands for something else")
    with Block(cursor) as words:
        at = words.take("at", choice(At), At.AFFECTED)
        timeout = words.take("timeout", seconds, 5.0)
        severity = words.take("severity", choice(Severity), Severity.CRITICAL)
        preflight = words.take("preflight", flag, False)
        explains = words.take("explains", text, "")
        noun, given = _question(words, nouns)
        if noun:
            own = [word.replace("_", "-") for word in noun.words]
            filled_by(words, "explains", explains, [*HOST_WORDS, *RESULT_WORDS, *FACT_WORDS, *own])
        return Check(
            name=called,
            noun=noun.name if noun else "",
            words=given,
            at=at,
            timeout=timeout,
            severity=severity,
            preflight=preflight,
            explains=explains,
        )


def _question(words: Block, nouns: Mapping[str, Noun]) -> tuple[Noun | None, dict[str, object]]:
    """The one noun of a check and its words."""
    rest = words.rest()
    asked = [word for word in rest if word in nouns]
    options = f"(one of: {', '.join(sorted(nouns))})"
    if len(asked) == 1:
        noun = nouns[asked[0]]
        return noun, _words(words.open(asked[0]), noun)
    if asked:
        words.known.extend(asked)
        words.wrong(f"a check asks exactly one question; this one has {' and '.join(asked)} {options}")
    elif rest:
        odd = next((word for word in rest if isinstance(words.values[word], dict)), rest[0])
        words.known.append(odd)
        words.wrong(f"'{odd}' is not a kind of check{did_you_mean(odd, sorted(nouns))}", at=odd)
    elif isinstance(words.cursor.value, dict):
        words.wrong(f"a check asks exactly one question; this one has none {options}")
    return None, {}


def _words(cursor: Cursor, noun: Noun) -> dict[str, object]:
    with Block(cursor) as words:
        return read_words(words, noun)


def _cause(cursor: Cursor, runbook: str) -> Cause:
    checks = names_in(cursor, "checks")
    with Block(cursor) as words:
        nothing: dict[str, frozenset[str]] = {}
        none: tuple[str, ...] = ()
        when = words.take("when", named(lambda c: _answers(c, checks)), nothing, required=True)
        if words.has("when") and words.values["when"] == {}:
            words.wrong("a cause rests on at least one answer", at="when")
        explains = words.take("explains", line, "", required=True)
        filled_by(words, "explains", explains, [*HOST_WORDS, *checks, *(f"{check}.*" for check in checks)])
        offer = words.take("offer", one_or_many(lambda c: reference(c, "action", names_in(c, "actions"))), none)
        return Cause(id=f"{runbook}/{int(cursor.path[-1]) + 1}", when=when, explains=explains, offer=offer)


def _answers(cursor: Cursor, checks: Collection[str]) -> frozenset[str]:
    check = str(cursor.path[-1])
    if check not in checks:
        raise Wrong(f"no check is called '{check}'{did_you_mean(check, checks)}")
    found = frozenset(one_or_many(_answer)(cursor))
    if not found and cursor.value == []:
        raise Wrong(f"this can never be proved: no answer is listed (one of: {', '.join(ANSWERS)})")
    return found


def _answer(cursor: Cursor) -> str:
    said = text(cursor)
    if said in ("unknown", "skipped", "no-access"):
        raise Wrong(f"this can never be proved: '{said}' means that nobody could look, which proves nothing")
    if said not in ANSWERS:
        raise Wrong(f"'{said}' is not an answer{did_you_mean(said, ANSWERS)}")
    return said
