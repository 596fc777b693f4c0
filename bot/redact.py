"""Taking secrets out of foreign text before anybody keeps or shows it. Pure; what it hides cannot be got back.

It runs before a text is cut, because half a secret no longer looks like one.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TypeVar, cast

HIDDEN = "[redacted]"
SHORTEST = 6
"""Known secrets below this length are not looked for: they would hide ordinary words."""
SECRET_FILES = ("*key*", "*secret*", ".htpasswd", "*.pem", "*.p12", "*.pfx", "*password*", "*credential*")

_NAMED = r"[\w.-]{0,40}(?:passw(?:or)?d|passwd|pwd|secret|token|api[_-]?key|app[_-]?key|access[_-]?key|private[_-]?key)"
_VALUE = r"(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s;,&\"']+)"
_PATTERNS = (
    (r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)", HIDDEN),
    (r"\b([a-z][a-z0-9+.-]{1,20}://)[^\s/@\"']{1,300}@", rf"\1{HIDDEN}@"),
    (r"(hooks\.slack\.com/(?:services|workflows|triggers)/)[\w/-]+", rf"\1{HIDDEN}"),
    (r"\b((?:proxy-)?authorization\W{1,4})(?:(?:bearer|basic|token|digest)\s+)?[^\s;\"']+", rf"\1{HIDDEN}"),
    (r"\b((?:bearer|basic)\s+)[A-Za-z0-9._~+/-]{12,}=*", rf"\1{HIDDEN}"),
    (r"\b(?:xox[a-z]-|xapp-)[\w-]{8,}", HIDDEN),
    (r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", HIDDEN),
    (r"\b(?:gh[pousr]_|github_pat_|glpat-|sk-|dd[a-z]{0,3}_)[\w-]{16,}", HIDDEN),
    (r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]+)?", HIDDEN),
    # Datadog API keys. Forty hexadecimal digits would be its application keys, but also every git commit.
    (r"(?<![0-9a-z])[0-9a-f]{32}(?![0-9a-z])", HIDDEN),
    (rf"\b({_NAMED}[\w-]{{0,40}}[\"']?\s{{0,8}}[=:]\s{{0,8}}){_VALUE}", rf"\1{HIDDEN}"),
    # The same as a directive of nginx: `secure_link_secret words;`
    (rf"^([-+ \t]*{_NAMED}\w{{0,40}}[ \t]+){_VALUE}(?=[ \t]*;)", rf"\1{HIDDEN}"),
)
_COMPILED = tuple((re.compile(pattern, re.DOTALL | re.IGNORECASE | re.MULTILINE), put) for pattern, put in _PATTERNS)

V = TypeVar("V")


def redact(text: str, *, secrets: Collection[str] = ()) -> str:
    """The text without what looks like a secret, and without the secrets that are known."""
    for secret in sorted((each for each in secrets if len(each) >= SHORTEST), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    for pattern, put in _COMPILED:
        text = pattern.sub(put, text)
    return text


def redact_all(value: V, *, secrets: Collection[str] = ()) -> V:
    """The same for every text inside of lists and mappings; their shape and keys stay."""
    match value:
        case str():
            return cast(V, redact(value, secrets=secrets))
        case dict():
            return cast(V, {key: redact_all(inner, secrets=secrets) for key, inner in value.items()})
        case list():
            return cast(V, [redact_all(inner, secrets=secrets) for inner in value])
        case _:
            return value


def is_secret_file(path: str) -> bool:
    """Whether the name says that the content is secret: its differences are only called "changed"."""
    name = PurePosixPath(path).name.lower()
    return any(fnmatchcase(name, pattern) for pattern in SECRET_FILES)


def cut(text: str, *, limit: int = 3000) -> str:
    """At most `limit` characters, from the start, with a word about what is missing."""
    if len(text) <= limit:
        return text
    note = f"\n… {len(text)} characters in all"
    return text[: max(0, limit - len(note))] + note
