"""HAProxy's configuration and its own view of its servers, as values. Read from text; nothing here asks or runs."""

from __future__ import annotations

import contextlib
import csv
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.runbook.inventory import Host

CONFIG = "/etc/haproxy/haproxy.cfg"
SECTION = re.compile(r"(global|defaults|frontend|backend|listen|peers|resolvers|userlist|cache|program|ring)\b")
ADDRESS = re.compile(r"(?:ipv[46]@)?(\[[^\]]+\]|[^:@\[\]]+)(?::(\d{1,5}))?")
MOST = 2_000
"""Servers that are looked at."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """One `server` line: where a backend sends, and where that stands. Port 0: the port that the client asked for."""

    backend: str
    name: str
    address: str
    port: int
    file: str
    line: int


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What HAProxy says about a server: its state, its last check (L4CON, L7TOUT…) and what that found."""

    backend: str
    name: str
    status: str
    check: str = ""
    said: str = ""
    since: int = 0
    failures: int = 0

    @property
    def reason(self) -> str:
        """The last check in our words: refused, timeout or error."""
        if "TOUT" in self.check:
            return "timeout"
        return "refused" if "refused" in self.said.lower() else "error"


def parse_config(text: str, file: str = CONFIG) -> list[Server]:
    """The servers of every backend, in the order of the file; lines that are none are passed over."""
    found: list[Server] = []
    backend = ""
    for number, words in _lines(text):
        if SECTION.fullmatch(words[0]):
            backend = words[1] if words[0] in ("backend", "listen") and len(words) > 1 else ""
        elif words[0] == "server" and backend and len(words) > 2 and len(found) < MOST:
            found += _server(backend, words, file, number)
    return found


def leading_to(servers: Sequence[Server], host: Host, *, backend: str | None = None) -> list[Server]:
    """The servers that are this host."""
    names = {host.name.lower(), host.address.lower(), *(alias.lower() for alias in host.aliases)}
    return [s for s in servers if s.address.lower() in names and (backend is None or s.backend == backend)]


def parse_stat(text: str) -> list[Seen]:
    """The servers of `show stat` (or of the statistics page as CSV); frontends and totals are left out."""
    lines = text.replace("\0", "").lstrip("# \n\r").splitlines()
    rows: list[dict[str, str]] = []
    with contextlib.suppress(csv.Error):  # what comes before such a line counts
        rows.extend(csv.DictReader(lines))
    return [_seen(row) for row in rows if row.get("svname") not in (None, "FRONTEND", "BACKEND") and row.get("status")]


def _seen(row: dict[str, str]) -> Seen:
    return Seen(
        backend=row.get("pxname") or "",
        name=row.get("svname") or "",
        status=row.get("status") or "",
        check=(row.get("check_status") or "").lstrip("* "),
        said=(row.get("last_chk") or "")[:200],
        since=_number(row.get("lastchg")),
        failures=_number(row.get("chkfail")),
    )


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            words = shlex.split(line, comments=True)
        except ValueError:  # a quote that never ends
            words = line.split()
        if words:
            yield number, words


def _server(backend: str, words: Sequence[str], file: str, line: int) -> Iterator[Server]:
    found = ADDRESS.fullmatch(words[2])
    if found is None:  # a socket file, or a variable
        return
    yield Server(
        backend=backend,
        name=words[1],
        address=found[1].strip("[]"),
        port=int(found[2] or 0),
        file=file,
        line=line,
    )


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else 0
