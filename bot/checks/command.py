"""A program of the server's own, from the list that the inventory allows: its exit code and what it prints.

A program does what its author wrote. One that changes something says `touches: true` and then runs last, alone.
A script lives on the server, where its owner and the inventory allow it: piped from here into a shell, it would need
a shell to be allowed, and so whatever somebody writes into a runbook.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.checks import Answer, Output, Target, noun
from bot.ports import GaveUp, TryAgain
from bot.runbook.result import State

SHOWN = 300
"""Characters of the output that stand in a message."""
SEARCHED = 65_536
"""Characters of the output in which `prints` is looked for."""


@noun("command", touches="touches", over_ssh=True)
async def command(
    on: Target,
    *,
    argv: tuple[str, ...],
    exit: tuple[int, ...] = (0,),
    prints: str | None = None,
    sudo: bool = False,
    touches: bool = False,  # noqa: ARG001 - the runner looks at it
) -> Answer:
    """What a program on the server says. The inventory's `allow` must list it.

    argv: program and arguments. exit: the codes that are fine (0). prints: a regular expression for its output.
    sudo: run it with `sudo -n`. touches: it is not read-only, so it runs last and alone.
    """
    pattern = _pattern(prints)
    said = await run_allowed(on, argv, sudo=sudo)
    text = said.stdout.strip()
    if said.exit not in exit and (refused := _refusal(on, argv, said)):
        return refused
    if said.cut:
        # What is missing might be what it says.
        raise GaveUp(f"{argv[0]} on {on.host.name} prints more than can be read.", reason="cut")
    fits = said.exit in exit and (pattern is None or pattern.search(text[:SEARCHED]) is not None)
    return Answer(
        state=State.OK if fits else State.FAIL,
        reason="" if fits else "error",
        summary=f"{argv[0]} on {on.host.name}: {_first(text) or _first(said.stderr) or f'exit {said.exit}'}",
        facts={
            "found": _short(text) or "nothing",
            "expected": prints or f"exit {', '.join(map(str, exit))}",
            "exit": said.exit,
            "text": text,
            "count": len(text.splitlines()),
        },
        evidence="\n".join(filter(None, [said.stdout, said.stderr])),
    )


async def run_allowed(on: Target, argv: Sequence[str], *, sudo: bool = False) -> Output:
    """Run a program that the inventory's `allow` lists. Raises GaveUp (no-access) for any other, and TryAgain."""
    if not on.inventory.allows(list(argv)):
        raise GaveUp(
            f"The inventory does not allow {argv[0]} with these arguments.",
            reason="no-access",
            fix="Add the command to 'allow' in inventory.yaml.",
        )
    said = await (await on.session()).run([*(["sudo", "-n"] if sudo else []), *argv], within=on.within)
    if said.exit == 124:
        raise TryAgain(f"{argv[0]} on {on.host.name} did not end in time.", reason="timeout")
    return said


def _pattern(prints: str | None) -> re.Pattern[str] | None:
    try:
        return re.compile(prints) if prints is not None else None
    except re.error as error:
        text = f"'prints' is not a regular expression: {error}"
        raise GaveUp(text, reason="error", fix="Correct the runbook.") from error


def _refusal(on: Target, argv: Sequence[str], said: Output) -> Answer | None:
    """A program that could not be started has said nothing about its question."""
    denied = "a password is required" in said.stderr or "not allowed to execute" in said.stderr
    if not denied and said.exit not in (126, 127):
        return None
    reason = "no-access" if denied or said.exit == 126 else "error"
    text = f"{argv[0]} on {on.host.name}: {_first(said.stderr) or f'exit {said.exit}'}"
    return Answer(state=State.UNKNOWN, reason=reason, summary=text, evidence=said.stderr)


def _first(text: str) -> str:
    return next((line.strip()[:SHOWN] for line in text.splitlines() if line.strip()), "")


def _short(text: str) -> str:
    """The output on one line."""
    line = "; ".join(part.strip() for part in text.splitlines() if part.strip())
    return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"
