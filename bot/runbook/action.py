"""The actions of a runbook as written: what a person may approve, never anything that runs by itself."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from bot.runbook.placeholders import HOST_WORDS, nothing_fills, unknown_in, words_in
from bot.runbook.runbook import Action, Approve, At, Limits, Restore, Undo, Verify
from bot.runbook.words import argv
from bot.strict_block import (
    Block,
    Cursor,
    Read,
    Wrong,
    absolute,
    choice,
    flag,
    label,
    line,
    many,
    one_of,
    one_or_many,
    relative,
    seconds,
    text,
    whole,
)
from bot.strict_yaml import did_you_mean


def read_action(cursor: Cursor) -> Action:
    """One action and what its words demand of each other."""
    called = label(cursor)
    with Block(cursor) as words:
        action = Action(
            name=called,
            title=words.take("title", line, called),
            at=words.take("at", choice(At), At.AFFECTED),
            restore=words.take("restore", _restore, None),
            run=words.take("run", many(argv), ()),
            preview=words.take("preview", argv, ()),
            test=words.take("test", argv, ()),
            then=words.take("then", many(argv), ()),
            sudo=words.take("sudo", flag, False),
            verify=words.take("verify", _verify, Verify(checks=()), required=True),
            undo=words.take("undo", _undo, "none", required=True),
            approve=words.take("approve", _approve, Approve()),
            limits=words.take("limits", _limits, Limits()),
            timeout=words.take("timeout", seconds, 60.0),
        )
        filled_by(words, "title", action.title, HOST_WORDS)
        _whole_action(words, action)
        return action


def _whole_action(words: Block, action: Action) -> None:
    """What the words of an action demand of each other."""
    if words.has("restore") == words.has("run"):
        words.wrong("an action has either 'restore' or 'run'")
    if words.has("run") and not words.has("preview"):
        words.wrong("an action that runs commands needs a read-only 'preview' to show before the button")
    if words.has("restore") and words.has("preview"):
        words.wrong("'restore' shows its diff; remove the preview", at="preview")
    if action.undo == "put-back" and not words.has("restore"):
        words.wrong("only 'restore' can be put back; write commands or the honest 'none'", at="undo")
    if action.at in (At.PEERS, At.GROUP, At.BOT):
        words.wrong("an action runs at affected, balancer or primary", at="at")


def _restore(cursor: Cursor) -> Restore:
    with Block(cursor) as words:
        return Restore(
            repo=words.take("repo", absolute, "", required=True),
            paths=words.take("paths", one_or_many(_kept_path), (), required=True),
            to=words.take("to", one_of("known-good", "HEAD"), "known-good"),
        )


def _kept_path(cursor: Cursor) -> str:
    path = relative(cursor)
    if words_in(path):
        raise Wrong("a path to restore is written out; nothing is filled in here")
    return path


def _verify(cursor: Cursor) -> Verify:
    with Block(cursor) as words:
        none: tuple[str, ...] = ()
        checks = words.take("checks", one_or_many(lambda c: reference(c, "check", names_in(c, "checks"))), none)
        if not words.values.get("checks"):
            words.wrong("this names no check, so nothing would show that the action helped")
        return Verify(checks=checks, within=words.take("within", seconds, 60.0), hold=words.take("hold", seconds, 0.0))


def _undo(cursor: Cursor) -> Undo:
    if isinstance(cursor.value, list) and cursor.value:
        return many(argv)(cursor)
    words: Read[Literal["put-back", "none"]] = one_of("put-back", "none")
    return words(cursor)


def _approve(cursor: Cursor) -> Approve:
    with Block(cursor) as words:
        return Approve(
            by=words.take("by", one_or_many(line), ()),
            count=words.take("count", whole(1, 9), 1),
            requester=words.take("requester", one_of("may-approve", "may-not-approve"), "may-approve"),
            expires=words.take("expires", seconds, 900.0),
        )


def _limits(cursor: Cursor) -> Limits:
    with Block(cursor) as words:
        return Limits(
            hosts=words.take("hosts", whole(1), 1),
            healthy_peers=words.take("healthy-peers", whole(), 1),
            once_every=words.take("once-every", seconds, 600.0),
        )


def names_in(cursor: Cursor, section: str) -> list[str]:
    """What a section of the file lists, also when an entry has mistakes of its own."""
    listed = cursor.document.data.get(section)
    return list(listed) if isinstance(listed, dict) else []


def reference(cursor: Cursor, kind: str, known: Collection[str]) -> str:
    """The name of a check or an action that this file has."""
    called = text(cursor)
    if called not in known:
        raise Wrong(f"no {kind} is called '{called}'{did_you_mean(called, known)}")
    return called


def filled_by(words: Block, word: str, said: str, known: Collection[str]) -> None:
    """Note every placeholder of a text that nothing fills."""
    for unknown in unknown_in(said, known):
        words.wrong(nothing_fills(unknown, [option for option in known if not option.endswith("*")]), at=word)
