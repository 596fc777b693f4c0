"""Placeholders: `$word` in runbooks, from a closed list, filled once and never as anything but plain text.

There is no expression, no attribute access and no second pass. What goes into a command must besides look like
a name, an address or a number, so that no value can become an option or shell text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence

from bot.ports import GaveUp
from bot.runbook.inventory import Group, Host
from bot.runbook.result import JSON, Result
from bot.strict_yaml import did_you_mean

HOST_WORDS = ("host", "host.name", "host.address", "host.port", "host.group", "host.service", "host.role")
"""What every text and every command of a runbook may say about the host that is asked."""

RESULT_WORDS = ("summary", "reason", "state")
"""What every result has besides its facts."""

SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._:/@%+-]{0,252}")
"""What a value must look like to go into a command."""

FACT_WORDS = (
    *("found", "expected", "error", "file", "line", "change", "author", "age", "commit", "diff", "files", "hosts"),
    *("path", "port", "ports", "address", "name", "names", "state", "since", "restarts", "pid", "owner", "mode"),
    *("used", "free", "inodes", "size", "lag", "bytes", "ms", "status", "served-by", "count", "last-error"),
    *("written", "baseline", "failed", "asked", "kind", "sub", "unread", "upstream", "server", "servers"),
    *("value", "ratio", "samples", "decided-by", "exit", "text", "days-left", "issuer", "not-after", "addresses"),
    *("swap", "cores", "hash", "paused", "figures"),
)
"""What the `explains` of a check may say about its own result. A noun with new facts adds their names here."""

LONGEST = 300  # characters of one value in a text; the evidence has the rest

_NAME = r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)*"
_WORD = re.compile(rf"\$(?:(?P<escaped>\$)|\{{(?P<braced>{_NAME})\}}|(?P<named>{_NAME}))")


def words_in(text: str) -> list[str]:
    """The placeholders of a text, in order."""
    found = (match["named"] or match["braced"] for match in _WORD.finditer(text))
    return [word for word in found if word]


def holds_any(text: str) -> bool:
    """Whether filling the text would change it."""
    return _WORD.search(text) is not None


def unknown_in(text: str, known: Collection[str]) -> list[str]:
    """The placeholders of a text that nothing on the list fills. A listed `check.*` allows everything below it."""
    return [w for w in words_in(text) if w not in known and f"{w.partition('.')[0]}.*" not in known]


def nothing_fills(word: str, known: Collection[str]) -> str:
    """The sentence about a placeholder that is not on the list."""
    return f"nothing fills ${word}{did_you_mean(word, known)}; '$$' is a plain dollar sign"


def values_of(host: Host, group: Group) -> dict[str, str]:
    """What the inventory knows about a host, by placeholder; a word without a value is left out."""
    known = {
        "host": host.name,
        "host.name": host.name,
        "host.address": host.address,
        "host.port": "" if group.port is None else str(group.port),
        "host.group": group.name,
        "host.service": group.service,
        "host.role": group.role,
    }
    return {word: value for word, value in known.items() if value}


def facts_of(result: Result) -> dict[str, str]:
    """What a result found, by placeholder: its facts, those inside of them with a dot, and its own words."""
    found = {
        "summary": result.summary,
        "reason": result.reason,
        "state": result.state.value,
        "check": result.check,
    }
    for name, value in result.facts.items():
        _flatten(name.replace("_", "-"), value, found)
    return {word: line for word, value in found.items() if (line := plain(value))}


def fill_argv(argv: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """A command with its placeholders replaced. Raises GaveUp for a missing value or one that is not SAFE."""
    return [fill_argument(argument, values) for argument in argv]


def fill_argument(text: str, values: Mapping[str, str]) -> str:
    """One argument, address or query of a check with its placeholders replaced; raises GaveUp like fill_argv."""

    def value(word: str) -> str:
        if word not in values:
            raise GaveUp(f"nothing fills ${word} here", reason="no-value", fix=f"give the inventory what ${word} needs")
        if not SAFE.fullmatch(values[word]):
            raise GaveUp(f"{word}={values[word]!r} may not go into a command", reason="unsafe-value")
        return values[word]

    return _fill(text, value, url="://" in text)


def fill_text(text: str, values: Mapping[str, str]) -> str:
    """A sentence on one line with its placeholders replaced by plain text; a word without a value says so."""

    def value(word: str) -> str:
        return plain(values[word], longest=2000) if word in values else f"(no {word})"

    return _fill(" ".join(text.split()), value, sentence=True)


def fills(text: str, values: Mapping[str, str]) -> bool:
    """Whether every placeholder of the text has a value."""
    return all(word in values for word in words_in(text))


def plain(value: str, *, longest: int = LONGEST) -> str:
    """Foreign text on one line, without control, format and bidi characters, cut to so many characters."""
    if not value.isprintable() or not value.isascii():
        value = "".join(" " if c.isspace() else c for c in value if c.isspace() or unicodedata.category(c)[0] != "C")
    line = " ".join(value.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _fill(text: str, value: Callable[[str], str], *, sentence: bool = False, url: bool = False) -> str:
    """One pass, so that a value that looks like a placeholder stays as it is."""

    def one(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        filled = value(match["named"] or match["braced"])
        if url and ":" in filled and match.string.endswith("//", 0, match.start()):
            return f"[{filled}]"  # an IPv6 address as the host of a URL
        stops_twice = sentence and filled.endswith(".") and match.string.startswith(".", match.end())
        return filled[:-1] if stops_twice else filled

    return _WORD.sub(one, text)


def _flatten(name: str, value: JSON, found: dict[str, str]) -> None:
    found[name] = _said(value)
    if isinstance(value, dict):
        for key, inner in value.items():
            _flatten(f"{name}.{key.replace('_', '-')}", inner, found)


def _said(value: JSON) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(_said(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_said(inner)}" for key, inner in value.items())
    return f"{round(value, 3):.12g}" if isinstance(value, float) else str(value)
