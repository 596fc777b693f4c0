"""Text into Markdown that stays text: what people, alerts and servers wrote never becomes markup, a mention or HTML.

The escapes hold in a paragraph, a list item and a table cell alike.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from urllib.parse import quote

BREAK = "\u200b"
"""Stands between a sign and the word that it would make live: a backslash does not stop mentions on code hosts."""

SLACK_PERSON = re.compile(r"<@([A-Z0-9]+)(?:\|[^<>]*)?>")
SLACK_CHANNEL = re.compile(r"<#[A-Z0-9]+\|([^<>|]*)>|<#([A-Z0-9]+)>")
SLACK_GROUP = re.compile(r"<!(?:subteam\^)?([A-Za-z0-9^]+)(?:\|@?([^<>|]*))?>")
SLACK_LINK = re.compile(r"<((?:https?|mailto|tel):[^<>|\s]*)(?:\|([^<>]*))?>")
LINES = re.compile(r"\s*[\r\n\v\f\u0085\u2028\u2029]+\s*")
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})

ADDRESS = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]*://[^\s`]+")
SIGNS = re.compile(r"[\\`*~|\[\]$]|(?<![^\W_])_|_(?![^\W_])|[<>&]")
ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
LIVE = re.compile(r"([@#])(?=\w)|\b(GH)-(?=\d)|\b(www)(?=\.)", re.IGNORECASE)
LEADING = re.compile(r"^(?=#|[+=-]+(?:\s|$))|^(\d+)(?=[.)](?:\s|$))")
QUIET = re.compile(r"(?!.*(?:://|www|gh-|  ))[a-z](?:[a-z0-9 ,.:;()'!?%=+/-]*[a-z0-9,.:;()'!?%=+/-])?", re.IGNORECASE)
"""Words in which nothing has to be escaped: most of what people write."""
HTML = re.compile(r"<(?=[A-Za-z/!?])")
AFTER = ".,;:!?)]}'\"…"
"""Signs at the end of an address that belong to the sentence around it."""


def plain(text: str) -> str:
    """The words of a message on one line: chat markup resolved, unseen characters gone."""
    if "<" in text or "&" in text:
        text = _from_chat(text)
    return " ".join(_seen(LINES.sub(" ", text)).split())


def _from_chat(text: str) -> str:
    text = SLACK_PERSON.sub(r"@\1", text)
    text = SLACK_CHANNEL.sub(lambda m: f"#{m[1] or m[2] or ''}", text)
    text = SLACK_GROUP.sub(lambda m: f"@{m[2] or m[1]}", text)
    text = SLACK_LINK.sub(lambda m: f"{m[2]} ({m[1]})" if m[2] else m[1], text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _seen(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(_one(c) for c in text)


def _one(sign: str) -> str:
    if sign.isspace():
        return " "
    kind = unicodedata.category(sign)
    return "\ufffd" if kind == "Cs" else "" if kind in UNSEEN else sign


@lru_cache(maxsize=8192)
def escaped(text: str) -> str:
    """The text as Markdown that shows exactly these words, on one line, with nothing live in them."""
    if QUIET.fullmatch(text):
        return text
    parts, at = [], 0
    text = plain(text)
    for address in ADDRESS.finditer(text):
        bare = address[0].rstrip(AFTER)
        parts += [_escape(text[at : address.start()]), code(bare)]
        at = address.start() + len(bare)
    parts.append(_escape(text[at:]))
    return LEADING.sub(lambda m: f"{m[1]}\\" if m[1] else "\\", "".join(parts))


def _escape(text: str) -> str:
    return _inert(SIGNS.sub(lambda m: ENTITIES.get(m[0]) or "\\" + m[0], text))


def _inert(text: str) -> str:
    return LIVE.sub(lambda m: m[0] + BREAK if m[1] or m[3] else f"{m[2]}{BREAK}-", text)


def code(text: str) -> str:
    """The text as a code span; backticks in it become apostrophes. Nothing for nothing."""
    words = HTML.sub("<" + BREAK, _inert(plain(text).replace("`", "'").replace("|", "\\|")))
    return f"`{words}`" if words else ""


def link(label: str, url: str) -> str:
    """A link, when the address is one of the web; otherwise only the label."""
    address = plain(url)
    if not re.match(r"https?://[^\s/]", address):
        return escaped(label)
    safe = quote(address, safe=":/?#@!$&'*+,;=%~-._")
    return f"[{escaped(label)}]({safe})"


def fence(text: str, language: str = "text") -> str:
    """A fenced block that its contents cannot leave. Spaces at the end of changed lines are made visible."""
    lines = [_fenced_line(line) for line in text.splitlines()]
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    return "\n".join([ticks + language, *lines, ticks])


def _fenced_line(line: str) -> str:
    line = "".join(c if c == "\t" else _one(c) for c in line).expandtabs(4)
    body = line.rstrip()
    return body + "␠" * (len(line) - len(body)) if line[:1] in {"+", "-"} else body


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; every cell must have been escaped before."""
    return "\n".join([_row(heads), "|" + "---|" * len(heads), *(_row(r) for r in rows)])


def _row(cells: Sequence[str]) -> str:
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"


def counted(number: int, one: str, many: str) -> str:
    """A number with the word that goes with it: 1 entry, 2 entries."""
    return f"{number} {one if number == 1 else many}"


def tidy(page: str) -> str:
    """The page with no space at the end of a line and never two blank lines outside of fenced blocks."""
    lines: list[str] = []
    ticks = ""
    for line in page.splitlines():
        mark = re.match(r"`{3,}", line)
        if mark and not ticks:
            ticks = mark[0]
        elif ticks and line == ticks:
            ticks = ""
        line = line if ticks else line.rstrip()
        if line or ticks or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip("\n") + "\n"
