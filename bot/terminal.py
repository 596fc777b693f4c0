"""What the terminal can do: the same words as in Slack, lists, records, checks by hand. Works while Slack is down."""

from __future__ import annotations

import getpass
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from bot import commands
from bot.facts import Fact, Imported
from bot.hear import NAMED, Hearing, number_of, zone_named
from bot.incident import Incident, Person, Precision, Source
from bot.journal import stamp
from bot.policy import Policy
from bot.ports import NotAllowed
from bot.postmortem.drafts import Drafts
from bot.record import from_record, to_record
from bot.runbook.inventory import Host
from bot.runbook.runbook import Runbook
from bot.said import Reply, Said
from bot.settings import Home, Settings, read_home, read_policy
from bot.spoken_time import Ask, Context, Refused, Understood, understand
from bot.store import Store, Summary

if TYPE_CHECKING:
    from bot.runbook.desk import Desk

NEXT = re.compile(r"\S")
EXACT = frozenset({Precision.SECOND, Precision.MINUTE, Precision.APPROXIMATE})


@dataclass(frozen=True, kw_only=True)
class Voice:
    """Who speaks at the terminal, in which zone, and when it was said; None: now, each line at its own time."""

    name: str
    zone: str
    at: datetime | None

    @staticmethod
    def of(name: str, zone: str, now: str, *, default_zone: str, clock: datetime) -> Voice:
        """From the options. Raises NotAllowed for a zone or a time that cannot be understood."""
        zone = zone or default_zone
        try:
            tz = zone_named(zone)
        except NotAllowed as unknown:
            raise NotAllowed(f"Nothing was recorded, --zone: {unknown}") from None
        at = _instant(now, Context(now=clock, zone=tz)) if now else None
        return Voice(name=name or _user(), zone=zone, at=at)


def _instant(words: str, context: Context) -> datetime:
    """The instant that --now names. Raises NotAllowed for what is none, or not exactly one."""
    heard = understand(words, context)
    if isinstance(heard, Understood) and heard.at and not heard.rest and heard.precision in EXACT:
        return heard.at
    why = "it is no time"
    if isinstance(heard, Ask):
        why = f"{heard.question} {' or '.join(heard.choices)}".strip()
    elif isinstance(heard, Refused):
        why = f"{heard.text}; {heard.suggestion}"
    raise NotAllowed(f"Nothing was recorded, --now {words!r}: {why}; give one time such as 2026-11-22T10:45Z or 11:15.")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in a container the account may have no name
        return f"uid {os.getuid()}"


class Terminal:
    """The store and what can be done with it by hand."""

    def __init__(self, settings: Settings, *, now: Callable[[], datetime]) -> None:
        commands.load()
        self.settings = settings
        self._now = now
        self._store = Store.open(settings.database_url)

    def close(self) -> None:
        """Give the database back."""
        self._store.close()

    def home(self) -> Home:
        """Policy, inventory and runbooks. Raises Problems."""
        return read_home(self.settings.home, self.settings.secrets)

    def say(self, words: str, voice: Voice) -> Reply:
        """One thing said, through the same path as in Slack."""
        return self._hearing().answer(self._said(words, voice))

    def say_lines(self, lines: Iterator[str], voice: Voice, incident: int | None) -> Iterator[Reply]:
        """One command a line; `declare` sets the incident for the lines after it."""
        hearing = self._hearing()
        for line in lines:
            if not line.strip():
                continue
            said = self._said(line.strip(), voice)
            reply = hearing.answer(said if NAMED.match(said.text) else replace(said, incident=incident))
            if reply.opened:
                incident = reply.incident
            yield reply

    def _hearing(self) -> Hearing:
        return Hearing(self._store, policy=self._policy(), zone=self.settings.zone)

    def _policy(self) -> Policy:
        return read_policy(self.settings.home)

    def _said(self, text: str, voice: Voice) -> Said:
        return Said(
            key=f"cli/{uuid4().hex}",
            text=text,
            author=Person(name=voice.name),
            at=voice.at or self._now(),
            source=Source(type="cli"),
            zone=voice.zone,
        )

    def incidents(self, *, open_only: bool) -> list[Summary]:
        """All incidents, oldest first."""
        return self._store.summaries(open_only=open_only)

    def incident(self, id: str) -> Incident:
        """The incident with this id. Raises NotAllowed."""
        found = NAMED.fullmatch(id.strip())
        incident = self._store.incident(number_of(found)) if found else None
        if incident is None:
            raise NotAllowed(f"Nothing was done: there is no incident {id}; “muster list” shows all.")
        return incident

    def records(self, id: str) -> list[dict[str, Any]]:
        """The record of one incident, or of all, oldest first."""
        if id:
            return [to_record(self.incident(id))]
        found = (self._store.incident(s.number) for s in self._store.summaries())
        return [to_record(incident) for incident in found if incident]

    def bring_in(self, records: list[Mapping[str, Any]]) -> list[str]:
        """Add whole records under their own ids. Raises NotAllowed if one cannot be read or its id is taken."""
        incidents = [(from_record(record), record) for record in records]
        now = self._now()
        with self._store.transaction(intake=True) as tx:
            for incident, record in incidents:
                if not tx.take_number(incident.number):
                    raise NotAllowed(f"Nothing was imported: {incident.id} is here already; use an empty database.")
                key = f"import/{incident.id}"
                told = Fact(key=key, what=Imported(record=record), occurred_at=incident.opened_at, recorded_at=now)
                tx.append(incident.number, [replace(told, source=Source(type="import"))])
        return [incident.id for incident, _ in incidents]

    def draft(self, id: str, *, brief: bool) -> str:
        """The postmortem draft as the record stands now."""
        drafts = Drafts(self.settings.postmortems, zone=self.settings.zone, wanted=self._policy().postmortem)
        return drafts.make(self.incident(id), brief=brief or None).markdown

    def runbook(self, name: str, host: str) -> tuple[Desk, Runbook, Host]:
        """A runbook and a host of the inventory by their names. Raises NotAllowed with the names that there are."""
        from bot.runbook.desk import Desk  # loads SSH: not for what is said

        home = self.home()
        found = next((r for r in home.runbooks if r.name == name), None)
        if found is None:
            known = ", ".join(r.name for r in home.runbooks) or "none"
            raise NotAllowed(f"No checks were run: there is no runbook {name}; there is {known}.")
        where = home.inventory.find(host)
        if where is None:
            raise NotAllowed(f"No checks were run: the inventory does not know {host}.")
        return Desk(home, self._store, now=self._now), found, where

    def explain(self, word: str) -> list[dict[str, Any]]:
        """Which rule decided about a delivery, or about all deliveries of an incident."""
        one = self._store.delivery(word)
        if one is None and not NAMED.fullmatch(word):
            raise NotAllowed(f"Nothing can be explained: there is no delivery {word}, and it is no incident (INC-n).")
        found = [one] if one else self._store.explained(self.incident(word).number)
        return [
            {
                "delivery": d.id,
                "source": d.source,
                "received_at": stamp(d.received_at),
                "incident": f"INC-{d.incident}" if d.incident else None,
                "ruling": d.ruling,
                "reason": d.reason,
            }
            for d in found
        ]


def read_records(text: str) -> list[Mapping[str, Any]]:
    """One record after the other, or a list of them. Raises NotAllowed with the place that is not JSON."""
    decoder = json.JSONDecoder(parse_constant=_no_number)
    records: list[Any] = []
    text = text.strip()
    at = 0
    try:
        while at < len(text):
            value, at = decoder.raw_decode(text, at)
            records += value if isinstance(value, list) else [value]
            following = NEXT.search(text, at)
            at = following.start() if following else len(text)
    except (ValueError, RecursionError) as problem:
        raise NotAllowed(f"Nothing was imported, the file is not what “muster export” prints: {problem}.") from None
    if not records:
        raise NotAllowed("Nothing was imported: there is no record in the file.")
    return records


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number in JSON")


def lines_for(text: str) -> str | None:
    """Whether to read lines: for `-` the empty word, for `INC-n -` that id; None for anything else that is said."""
    named, _, rest = text.rpartition(" ")
    if rest != "-":
        return None
    return named if not named or NAMED.fullmatch(named) else None
