"""Building blocks of messages, each within Slack's limits, and what makes foreign text inert. Pure.

Text from people, alerts and servers comes through `inert` or `one_line` before it stands in mrkdwn, and through
`clean` before it stands where Slack reads it literally. Lengths are counted as Slack's own clients do, in UTF-16
units, so that an emoji counts twice. https://docs.slack.dev/reference/block-kit/blocks
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

Block = dict[str, Any]

HEADER = 150
SECTION = 3_000
BUTTON = 75
CONFIRM = 300
VALUE = 2_000
TEXT = 4_000
TOPIC = 250

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_JOINERS = {"\u200c", "\u200d"}
_MARKUP = re.compile(r"<([@#!])([^<>|]*)(?:\|([^<>]*))?>")
_USER = re.compile(r"[UW][A-Z0-9]{1,30}")
_CHANNEL = re.compile(r"[CG][A-Z0-9]{1,30}")
_DATADOG = (".datadoghq.com", ".datadoghq.eu", ".ddog-gov.com")
_HERE = re.compile(r"localhost|127(\.\d{1,3}){3}")


def clean(text: str, most: int) -> str:
    """Text without control characters, direction marks and half characters, cut to `most`."""
    kept = "".join(_seen(character) for character in text[: 2 * most].replace("\r\n", "\n"))
    return cut(kept, most)


def _seen(character: str) -> str:
    if character in "\n\u2028\u2029\r":
        return "\n"
    if character == "\t":
        return "    "
    hidden = unicodedata.category(character) in {"Cc", "Cf", "Cs"} and character not in _JOINERS
    return "" if hidden else character


def length(text: str) -> int:
    """How long Slack finds it."""
    return len(text) + sum(character > "\uffff" for character in text)


def cut(text: str, most: int) -> str:
    """At most `most` of it; an ellipsis says that there was more."""
    return text if length(text) <= most else _start(text, most - 1) + "…"


def _start(text: str, most: int) -> str:
    size = 0
    for at, character in enumerate(text):
        size += 2 if character > "\uffff" else 1
        if size > most:
            return text[:at]
    return text


def inert(text: str, most: int) -> str:
    """Foreign text for mrkdwn: nothing in it mentions, links or pages. At most `most` long when escaped."""
    named = _MARKUP.sub(_name, clean(text, most))
    size = 0
    kept: list[str] = []
    for character in named:
        piece = _ENTITIES.get(character, character)
        size += length(piece)
        if size > most - 1 and size + _escaped_length(named[len(kept) + 1 :]) > most:
            return "".join(kept) + "…"
        kept.append(piece)
    return "".join(kept)


def _escaped_length(text: str) -> int:
    return sum(length(_ENTITIES.get(character, character)) for character in text)


def _name(markup: re.Match[str]) -> str:
    """How a mention reads when it is only text: <@U1|ana> is @ana."""
    sign, id, label = markup.groups()
    if sign == "!":
        return label or "@" + id.partition("^")[0]
    return sign + (label or id)


def one_line(text: str, most: int) -> str:
    """Foreign text for mrkdwn, on one line."""
    return inert(" ".join(text[: 2 * most].split()), most)


def plain_line(text: str, most: int) -> str:
    """Foreign text for plain_text, on one line; never empty, because Slack refuses empty text."""
    return cut(" ".join(clean(text, 2 * most).split()), most) or "–"


def when(at: datetime) -> str:
    """A time that each reader sees in their own zone, with UTC for those who cannot."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{in_utc(at)}>"


def in_utc(at: datetime) -> str:
    """2026-11-22 10:30 UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def lasting(seconds: float) -> str:
    """How long, as people say it: 0.2 s, 43 min, 2 h 5 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def person(id: str, name: str) -> str:
    """A member of the workspace as a mention, anybody else by name."""
    return f"<@{id}>" if _USER.fullmatch(id) else one_line(name or "somebody", 80)


def channel(id: str, name: str) -> str:
    """A channel as a link to it."""
    return f"<#{id}>" if _CHANNEL.fullmatch(id) else "#" + one_line(name, 80)


def link(url: str, label: str) -> str:
    """A link with our own label, for Datadog's addresses and this machine only; empty for all others."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return ""
    known = parts.scheme == "https" and ("." + host).endswith(_DATADOG)
    here = parts.scheme in {"http", "https"} and _HERE.fullmatch(host) is not None
    safe = re.fullmatch(r"[!#$%&'()*+,\-./:;=?@\[\]_~A-Za-z0-9]{1,300}", url) is not None
    return f"<{url.replace('&', '&amp;')}|{label}>" if (known or here) and safe and "@" not in parts.netloc else ""


def header(text: str) -> Block:
    """The title of a message."""
    return {"type": "header", "text": {"type": "plain_text", "text": plain_line(text, HEADER), "emoji": False}}


def section(*lines: str) -> Block:
    """Lines of ready mrkdwn, at most SECTION long; what does not fit is left out line by line."""
    kept, size = [], 0
    for line in lines:
        size += length(line) + 1
        if size > SECTION:
            break
        kept.append(line)
    return {"type": "section", "text": mrkdwn("\n".join(kept) or "–")}


def mrkdwn(text: str) -> Block:
    """Ready mrkdwn; verbatim, so that Slack makes no links of its own."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def context(text: str) -> Block:
    """A line in small print, of ready mrkdwn."""
    return {"type": "context", "elements": [mrkdwn(text)]}


def code(text: str, most: int) -> Block:
    """Foreign text, literally, in a code block. Rich text has no escapes that could be broken out of."""
    written = {"type": "text", "text": clean(text, most) or " "}
    return {"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "elements": [written]}]}


def button(label: str, *, action: str, value: str, style: str = "", confirm: Block | None = None) -> Block:
    """A button; `value` is an id and never more."""
    made: Block = {
        "type": "button",
        "text": {"type": "plain_text", "text": plain_line(label, BUTTON), "emoji": False},
        "action_id": action,
        "value": value[:VALUE],
    }
    return made | ({"style": style} if style else {}) | ({"confirm": confirm} if confirm else {})


def sure(*, title: str, text: str, yes: str) -> Block:
    """The question before a button does something that matters."""
    return {
        "title": {"type": "plain_text", "text": plain_line(title, 100)},
        "text": {"type": "plain_text", "text": plain_line(text, CONFIRM)},
        "confirm": {"type": "plain_text", "text": plain_line(yes, 30)},
        "deny": {"type": "plain_text", "text": "Cancel"},
        "style": "danger",
    }


def actions(*buttons: Block) -> Block:
    """A row of buttons."""
    return {"type": "actions", "elements": list(buttons)}
