"""docs/words.md and docs/checks.md, made from the registries: `python -m tests.reference` writes them anew."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, Union, get_args, get_origin

from bot import checks, commands
from bot.checks import Noun, Port, Seconds, Share
from bot.commands import Command
from bot.runbook.runbook import At

DOCS = Path(__file__).parents[1] / "docs"
KINDS: Mapping[object, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "`true` or `false`",
    Port: "port",
    Seconds: "duration (`500ms`, `10s`, `5m`)",
    Share: "share (`90%`)",
}

UNITS: Mapping[object, str] = {Seconds: "s", Share: "%"}


def words() -> str:
    """Everything that can be said, as the registry of commands has it."""
    known = sorted(commands.load().values(), key=lambda c: (c.order, c.name))
    return "\n\n".join(
        [
            "# Words",
            "Say them in Slack after `/incident` (your policy may name another command) or after mentioning the bot, "
            'at the terminal after `muster say`. A word with options in brackets works without them. "help WORD" says '
            "what one word does.",
            "## Anywhere",
            "Anything that starts with none of these words, outside of an incident's channel, is the title of a new "
            "incident.",
            _word_table(c for c in known if not c.needs_incident),
            "## In an incident",
            "In the incident's channel; elsewhere with its id before the word: `INC-7 note rolled back`.",
            _word_table(c for c in known if c.needs_incident),
            "A repair is approved by the button on the card only.",
        ]
    )


def nouns() -> str:
    """Every kind of check with its words, as the registry of checks has it."""
    known = sorted((n for n in checks.load().values() if n.ask.__module__.startswith("bot.checks.")), key=_name)
    places = ", ".join(f"`{at}`" for at in At)
    return "\n\n".join(
        [
            "# Checks",
            "A check of a runbook asks one question. It ends *ok*, *warn* or *fail*; *unknown* when it could not ask, "
            "*skipped* when there is nobody to ask. It looks and never touches, unless it is said below.",
            f"Besides its question, a check may say `at` whom it asks ({places}) and the `timeout` of its answer.",
            *map(_section, known),
        ]
    )


def _name(noun: Noun) -> str:
    return noun.name


def _word_table(known: Iterable[Command]) -> str:
    rows = [f"| `{c.usage}` | {' '.join(c.help.split())} |" for c in known]
    return "\n".join(["| say | what it does |", "|---|---|", *rows])


def _section(noun: Noun) -> str:
    rows = [f"| `{_spelled(word)}` | {_kind(p.annotation)} | {_default(p)} |" for word, p in noun.words.items()]
    table = "\n".join(["| word | written as | default |", "|---|---|---|", *rows])
    return "\n\n".join(filter(None, [f"## {noun.name}", noun.help, _touching(noun), table]))


def _touching(noun: Noun) -> str:
    if isinstance(noun.touches, str):
        return f"With `{noun.touches}` it touches the server, and runs last and alone."
    return "It touches the server, and runs last and alone." if noun.touches else ""


def _spelled(word: str) -> str:
    return word.rstrip("_").replace("_", "-")


def _kind(annotation: object) -> str:
    if annotation in KINDS:
        return KINDS[annotation]
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{option}`" for option in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(_kind(kind) for kind in inner if kind is not type(None))
    if origin is tuple:
        return f"one or a list of: {_kind(inner[0])}"
    raise TypeError(f"no words for the kind {annotation!r}; add it to tests/reference.py")


def _default(word: inspect.Parameter) -> str:
    if word.default is inspect.Parameter.empty:
        return "**needed**"
    if word.default is None or word.default == ():
        return ""
    if word.annotation in UNITS:
        return f"`{word.default:g}{UNITS[word.annotation]}`"
    shown = ", ".join(map(str, word.default)) if isinstance(word.default, tuple) else str(word.default)
    return f"`{shown.lower() if isinstance(word.default, bool) else shown}`"


PAGES = {"words.md": words, "checks.md": nouns}


if __name__ == "__main__":
    for name, made in PAGES.items():
        (DOCS / name).write_text(made() + "\n", "utf-8")
