"""Incidents that were folded a short while ago, so that a word in a long incident costs what it does in a short one.

The head decides: facts are only ever added, so an incident up to the same fact is the same in every process, and one
that has grown needs only what came after.
"""

from __future__ import annotations

from collections import OrderedDict
from copy import copy
from dataclasses import dataclass
from threading import Lock
from typing import TypeVar

from sqlalchemy import Connection, bindparam, select

from bot.facts import fold
from bot.incident import Entry, Incident
from bot.store import schema
from bot.store.rows import read_facts
from bot.store.statements import Fixed

MOST = 50
"""Incidents that are kept."""
HEAD = Fixed(lambda _: select(schema.incident.c.head).where(schema.incident.c.number == bindparam("number")))
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class _Folded:
    head: int
    incident: Incident


class Folds:
    """Reads incidents, and keeps the last ones. Used by several threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, _Folded] = OrderedDict()
        self._guard = Lock()

    def read(self, connection: Connection, number: int, *, keep: bool) -> Incident | None:
        """The incident as this connection sees it, to be changed at will; None when there is none.

        `keep` only what is on disk already: a fact that is taken back leaves its number to another one.
        """
        row = HEAD.first(connection, {"number": number})
        if row is None or not row.head:
            return None
        with self._guard:
            known = self._kept.get(number)
        if known is None or known.head > row.head:
            incident = fold(number, read_facts(connection, number, until=row.head))
        else:
            incident = _own(known.incident)
            for fact in read_facts(connection, number, after=known.head, until=row.head):
                fact.what.add_to(incident, fact)
        if keep and (known is None or known.head < row.head):
            self._keep(number, _Folded(head=row.head, incident=_own(incident)))
        return incident

    def _keep(self, number: int, folded: _Folded) -> None:
        with self._guard:
            self._kept[number] = folded
            self._kept.move_to_end(number)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)


def _own(incident: Incident) -> Incident:
    """A copy that shares only what is never changed in place."""
    made = _with_own_collections(incident)
    made.view = _with_own_collections(incident.view)
    made.entries = [_own_entry(entry) for entry in incident.entries]
    return made


def _with_own_collections(thing: T) -> T:
    made = copy(thing)
    made.__dict__.update((name, copy(value)) for name, value in vars(thing).items() if isinstance(value, list | dict))
    return made


def _own_entry(entry: Entry) -> Entry:
    made = copy(entry)
    made.history = list(entry.history)
    return made
