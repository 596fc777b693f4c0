"""A timeline that people wrote becomes entries of an incident: every row once, all in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from bot.commands.at import told, understood
from bot.facts import Fact, Opened
from bot.incident import Incident, Person, Precision, Source
from bot.spoken_time import Understood
from bot.store import Store, no_incident
from bot.timeline_file import Row, Timeline

BY_IMPORT = Source(type="import")
LONGEST = 200
"""Signs of a title."""


@dataclass(frozen=True, kw_only=True)
class Brought:
    """What an import did: for each row how it was understood, and what has to be asked."""

    incident: str
    opened: bool
    title: str
    rows: tuple[str, ...]
    questions: tuple[str, ...]
    added: int


def bring(store: Store, timeline: Timeline, *, file: str, into: int | None, severity: str, now: datetime) -> Brought:
    """Record the rows in this incident, or in a new one. A row of this file that is there already stays as it is.

    Raises NotAllowed when there is no such incident.
    """
    title = (timeline.title or file)[:LONGEST]
    with store.transaction(intake=into is None) as tx:
        number = tx.new_incident() if into is None else into
        if into is not None:
            tx.lock(into)
        keys = list(_keys(f"timeline/INC-{number}/{file}", timeline.rows))
        known = tx.recorded(keys)
        facts = [_fact(row, key, now) for row, key in zip(timeline.rows, keys, strict=True) if key not in known]
        if into is None:
            facts.insert(0, _opening(timeline.rows, title, severity, number, now))
        before = tx.incident(number)
        tx.append(number, facts)
        incident = tx.incident(number)
        if incident is None:
            raise no_incident(number)
        if before and facts and not before.open:
            tx.due(f"{facts[0].key}/draft", "draft", number)
    return _report(timeline, keys, known, incident, opened=into is None)


def _keys(prefix: str, rows: Iterable[Row]) -> Iterator[str]:
    """What names a row for ever: its file, its words, and how many rows above it say the same."""
    seen: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        words = (row.typed, row.author, row.text)
        seen[words] += 1
        yield f"{prefix[:150]}/{sha256(repr((prefix, words, seen[words])).encode()).hexdigest()[:24]}"


def _fact(row: Row, key: str, now: datetime) -> Fact:
    entry = told(row)
    return Fact(
        key=key,
        what=entry.what,
        occurred_at=entry.at,
        recorded_at=now,
        author=entry.by or Person(),
        source=BY_IMPORT,
    )


def _opening(rows: Iterable[Row], title: str, severity: str, number: int, now: datetime) -> Fact:
    """The incident is as old as its first row."""
    placed = [(row.at, row.heard) for row in rows if row.at and isinstance(row.heard, Understood)]
    first, heard = min(placed, key=lambda pair: pair[0], default=(now, None))
    precision = Precision.APPROXIMATE if heard and heard.ends_at else heard.precision if heard else Precision.SECOND
    what = Opened(title=title, severity=severity, precision=precision)
    return Fact(key=f"timeline/INC-{number}/opened", what=what, occurred_at=first, recorded_at=now, source=BY_IMPORT)


def _report(timeline: Timeline, keys: list[str], known: frozenset[str], incident: Incident, *, opened: bool) -> Brought:
    new = [row for row, key in zip(timeline.rows, keys, strict=True) if key not in known]
    ids = iter([entry.id for entry in incident.entries[len(incident.entries) - len(new) :]])
    rows: list[str] = []
    questions = list(timeline.questions)
    for row, key in zip(timeline.rows, keys, strict=True):
        if key in known:
            rows.append(f"line {row.number} is there already: {row.typed} {row.text}".strip())
            continue
        id = next(ids)
        rows.append(f"{id} {understood(row)}: {row.text}")
        if row.question:
            typed = f"“{row.typed}” " if row.typed else ""
            fix = f"then say: {incident.id} fix {id} at TIME"
            questions.append(f"line {row.number}: {typed}{_cut(row.text)}: {row.question}; {fix}")
    return Brought(
        incident=incident.id,
        opened=opened,
        title=incident.title,
        rows=tuple(rows),
        questions=tuple(questions),
        added=len(new),
    )


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
