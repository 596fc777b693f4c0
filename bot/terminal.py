"""What the terminal can do: the same words as in Slack, lists, records, checks by hand. Works while Slack is down."""

from __future__ import annotations

import getpass
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from bot import commands
from bot.backfill import Brought, bring
from bot.facts import Fact, Imported
from bot.hear import NAMED, Hearing, number_of, zone_named
from bot.incident import Incident, Person, Precision, Source
from bot.journal import stamp
from bot.policy import Policy
from bot.ports import GaveUp, NotAllowed
from bot.postmortem.drafts import Drafts
from bot.record import from_record, to_record
from bot.rehearsal import stale_checks
from bot.runbook.inventory import Host
from bot.runbook.result import Known
from bot.runbook.runbook import Runbook
from bot.said import Reply, Said
from bot.settings import Home, Settings, read_home, read_policy
from bot.spoken_time import Ask, Context, Refused, Understood, understand
from bot.store import Delivery, Ruled, Store, Summary
from bot.timeline_file import read
from bot.triage.reasons import Why

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


def _day(words: str, context: Context) -> date:
    """The day that --date names. Raises NotAllowed for what is none, or not exactly one."""
    heard = understand(words, context)
    if isinstance(heard, Understood) and heard.on and not heard.rest and heard.precision is Precision.DATE:
        return heard.on
    why = f"{heard.question} {' or '.join(heard.choices)}".strip() if isinstance(heard, Ask) else "it is no date"
    raise NotAllowed(f"Nothing was imported, --date {words!r}: {why}; give one such as 2026-11-22.")


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
        said = self._said(words, voice)
        return self._drafted(said, self._hearing().answer(said))

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
            yield self._drafted(said, reply)

    def _drafted(self, said: Said, reply: Reply) -> Reply:
        """Write at once what was closed, or corrected since: a bot that runs writes the same, but none may run."""
        wanted = {f"{said.key}/close", f"{said.key}/draft"}
        if reply.incident is None or wanted.isdisjoint(due.key for due in self._store.dues()):
            return reply
        try:
            self._drafts().write(self.incident(f"INC-{reply.incident}"))
        except GaveUp as problem:
            return replace(reply, text=f"{reply.text}\n{problem} {problem.fix}".rstrip(), ok=False)
        return reply

    def _drafts(self) -> Drafts:
        found = self.settings
        return Drafts(found.postmortems, home=found.home, zone=found.zone, policy=self._policy())

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

    def rebuild(self) -> int:
        """Make all that is derived again from the facts, and answer for how many incidents. A bot may be running."""
        return self._store.rebuild()

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

    def bring_in_timeline(self, text: str, *, file: str, into: str, date: str, zone: str, now: str) -> Brought:
        """Add a timeline as people write it to this incident, or to a new one. Raises NotAllowed for its options."""
        voice = Voice.of("", zone, now, default_zone=self.settings.zone, clock=self._now())
        at = voice.at or self._now()
        incident = self.incident(into) if into else None
        timeline = read(
            text,
            zone=zone_named(voice.zone),
            date=_day(date, Context(now=at, zone=zone_named(voice.zone))) if date else None,
            now=at,
            started=incident.opened_at if incident else None,
        )
        if not timeline.rows:
            raise NotAllowed(f"Nothing was imported: there is no row in {file}; a row is a time and a text.")
        number = incident.number if incident else None
        severity = self._policy().default_severity
        return bring(self._store, timeline, file=file, into=number, severity=severity, now=at)

    def draft(self, id: str, *, brief: bool) -> str:
        """The postmortem draft as the record stands now."""
        return self._drafts().make(self.incident(id), brief=brief or None).markdown

    def stale_checks(self, after: timedelta) -> list[str]:
        """The checks that were not green for so long when they were rehearsed."""
        return stale_checks(self._store.rehearsed(), now=self._now(), after=after)

    def keep_known_good(self, host: Host, known: Known) -> None:
        """This configuration has passed the gate: it is what a repair goes back to."""
        self._store.keep_known_good(host.name, commit=known.commit, tree=known.tree, at=self._now())

    def runbook(self, name: str, host: str) -> tuple[Desk, Runbook, Host]:
        """A runbook and a host of the inventory by their names. Raises NotAllowed with the names that there are."""
        from bot.datadog import Datadog  # like SSH, which the desk loads: not for what is said
        from bot.runbook.desk import Desk

        home = self.home()
        found = next((r for r in home.runbooks if r.name == name), None)
        if found is None:
            known = ", ".join(r.name for r in home.runbooks) or "none"
            raise NotAllowed(f"No checks were run: there is no runbook {name}; there is {known}.")
        where = home.inventory.find(host)
        if where is None:
            raise NotAllowed(f"No checks were run: the inventory does not know {host}.")
        return Desk(home, self._store, now=self._now, metrics=Datadog.of(self.settings)), found, where

    def explain(self, word: str) -> list[dict[str, Any]]:
        """Which rule decided about a delivery, or about all deliveries of an incident."""
        one = self._store.delivery(word)
        if one is None and not NAMED.fullmatch(word):
            raise NotAllowed(f"Nothing can be explained: there is no delivery {word}, and it is no incident (INC-n).")
        if one:
            return self._explained([one], self._store.ruled(delivery=one.id))
        number = self.incident(word).number
        return self._explained(self._store.explained(number), self._store.ruled(incident=number))

    def _explained(self, deliveries: list[Delivery], rulings: list[Ruled]) -> list[dict[str, Any]]:
        """A row for each alert; for a delivery without any the one on itself."""
        known = {r.delivery: self._store.delivery(r.delivery) for r in rulings} | {d.id: d for d in deliveries}
        rows = [_told(known[r.delivery], r) for r in rulings]
        rows += [_told(d, d) for d in deliveries if d.id not in {r.delivery for r in rulings}]
        return sorted(rows, key=lambda row: (row["received_at"], row["delivery"]))


def _told(delivery: Delivery | None, ruled: Ruled | Delivery) -> dict[str, Any]:
    one = ruled if isinstance(ruled, Ruled) else None
    return {
        "delivery": delivery.id if delivery else "",
        "alert": one.n if one else 0,
        "source": delivery.source if delivery else "",
        "received_at": stamp(ruled.received_at),
        "at": stamp(one.at) if one else None,
        "incident": f"INC-{ruled.incident}" if ruled.incident else None,
        "proposal": one.proposal if one else "",
        "ruling": ruled.ruling,
        "why": one.why if one else (Why.NOT_UNDERSTOOD if ruled.ruling == Why.NOT_UNDERSTOOD else ""),
        "reason": ruled.reason,
        "repeats": delivery.repeats if delivery else 0,
    }


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
