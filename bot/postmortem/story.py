"""An incident made ready for telling: entries in order, who is which role, how each text may be shown and cited."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from bot.incident import CauseSeen, CheckSeen, Entry, Incident, Kind, Person, Verdict
from bot.postmortem.clock import Clock
from bot.postmortem.intervals import Interval, Point, intervals, points
from bot.postmortem.markdown import LINES, escaped, plain
from bot.postmortem.wording import MARK, Reading, Wording

RESPONDER = "responder"
"""What everybody is called who has no role."""
REVIEWING = frozenset({"owner", "reviewer"})
"""Roles that are about the postmortem and not about the incident."""
SENTENCE = re.compile(r"(?<=[.!?])(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bca\.)(?<!\bvs\.)(?<!\bapprox\.)\s+")


class Story:
    """What the sections of a draft are made of. Texts come out escaped, names as roles, blame as its proposal."""

    def __init__(self, incident: Incident, *, zone: str, command: str = "/incident") -> None:
        self.incident = incident
        self._command = command
        timeline = incident.timeline
        self.shown: list[Entry] = [e for e in timeline if not e.dropped]
        self.dropped = len(timeline) - len(self.shown)
        self.by_id = {e.id: e for e in self.shown}
        self.place = {e.id: n for n, e in enumerate(self.shown)}
        self.of_kind: dict[Kind, list[Entry]] = {}
        for entry in self.shown:
            self.of_kind.setdefault(entry.kind, []).append(entry)
        self.points: dict[str, Point] = points(incident, self.shown)
        self.intervals: list[Interval] = intervals(self.points, self.shown)
        self.clock = Clock(zone, began=self.window[0].at if self.window else None)
        self.wording = Wording(_known_as(incident), groups=_groups(incident))
        self.flagged: dict[str, tuple[str, Reading]] = {}
        self.run_entry = {check.run: check.entry for check in incident.checks}
        self._said = {e.id: self._shown(e) for e in self.shown}

    @property
    def window(self) -> tuple[Point, Point] | None:
        """The first and the last event."""
        last = self.intervals[-1] if self.intervals else None
        return (last.start, last.end) if last and last.start and last.end and last.start.name == "first event" else None

    def _shown(self, entry: Entry) -> str:
        if entry.kind is Kind.ROLE:
            how = "taken" if taken_oneself(entry) else "given"
            return f"The role of {escaped(entry.text.split(':')[0])} was {how}"
        return self.words(entry.text, entry.id, lessons=entry.kind is Kind.ACTION_ITEM) or "(no text)"

    def entries(self, *kinds: Kind) -> list[Entry]:
        """The entries of these kinds, in order of happening."""
        if len(kinds) == 1:
            return self.of_kind.get(kinds[0], [])
        return [e for e in self.shown if e.kind in kinds]

    def said(self, entry: Entry) -> str:
        """What an entry says, as one escaped line."""
        return self._said[entry.id]

    def quoted(self, entry: Entry, *, before: str) -> str:
        """What somebody said with a key time; nothing where it is only the name of that."""
        return "" if entry.text.lower() == entry.kind else f"{before}“{self.said(entry)}”"

    def words(self, text: str, at: str, *, lessons: bool = False) -> str:
        """Any recorded text as one escaped line; what is flagged in it is listed under the entry `at`."""
        reading = self.wording.read(text, lessons=lessons)
        if reading.flags:
            self.flagged.setdefault(reading.recorded, (at, reading))
        return escaped(reading.text) + (f" {MARK}" if reading.flags else "")

    def typed(self, words: str) -> str:
        """These words as they are said in the chat."""
        return f"`{self._command} {words}`"

    def cite(self, *ids: str) -> str:
        """The ids of these entries in order, in brackets, without those that are not shown: [E1, E4]."""
        known = sorted({id for id in ids if id in self.by_id}, key=self.place.__getitem__)
        return f"[{', '.join(known)}]" if known else ""

    def sentences(self, text: str, at: str, *ids: str) -> list[str]:
        """A recorded text, sentence by sentence, each with its citation."""
        parts = [p for line in LINES.split(text) for p in SENTENCE.split(plain(line)) if p]
        return [f"{self.words(p.rstrip('.'), at)} {self.cite(*ids)}".rstrip() + "." for p in parts]

    def sentence(self, text: str, at: str, *ids: str, count: int = 1) -> str:
        """The first sentences of a recorded text, each with its citation."""
        return " ".join(self.sentences(text, at, *ids)[:count])

    def gist(self, text: str, at: str) -> str:
        """The first sentence of a recorded text, without its full stop."""
        parts = [p for p in SENTENCE.split(plain(text)) if p]
        return self.words(parts[0].rstrip("."), at) if parts else ""

    def of_cause(self, cause: CauseSeen) -> tuple[str, ...]:
        """The entries that a cause rests on: the one that told of it and the run of checks behind it."""
        ids = dict.fromkeys((cause.entry, self.run_entry.get(cause.run, "")))
        return tuple(id for id in ids if id in self.by_id)

    def causes(self, verdict: Verdict) -> list[CauseSeen]:
        """The causes with this verdict that still have an entry to rest on."""
        return [c for c in self.incident.latest_causes if c.verdict is verdict and self.of_cause(c)]

    def run(self, name: str) -> list[CheckSeen]:
        """The answers of one run of checks."""
        return [c for c in self.incident.checks if c.run == name]

    def who(self, person: Person) -> str:
        """The role of a person, for a sentence: the commander, a responder."""
        return escaped(role_of(self.incident, person))

    def owner(self, name: str, item: str) -> str:
        """Who owns an action: a role, a team, or a pointer to the roster. Empty when nobody does."""
        bare = plain(name).lstrip("@")
        if not bare:
            return ""
        known = self.wording.handles.get(bare.lower())
        if known:
            return escaped(known)
        person = plain(name).startswith("@") and bare.lower() not in self.wording.groups
        return f"owner of {item}, see roster" if person else self.words(bare, item)

    def citing(self, ids: Iterable[str]) -> Iterator[Entry]:
        """The shown entries with these ids."""
        return (self.by_id[id] for id in ids if id in self.by_id)


def role_of(incident: Incident, person: Person) -> str:
    """The role that stands for a person in a sentence. People are the same when their ids are."""
    held = [r for r, p in incident.roles.items() if p == person or (p.id and p.id == person.id)]
    during = [role for role in held if role not in REVIEWING]
    if during:
        return f"the {during[0]}"
    return f"the {held[0]} of the postmortem" if held else f"a {RESPONDER}"


def taken_oneself(entry: Entry) -> bool:
    """Whether who said that a role is somebody's meant themselves."""
    return entry.text.partition(": ")[2] in {entry.author.name, entry.author.id}


def people(incident: Incident) -> list[tuple[str, Person]]:
    """Everybody in the record once, role holders first, with their role."""
    listed: dict[str, tuple[str, Person]] = {}
    for role, person in incident.roles.items():
        listed.setdefault(person.id or person.name, (role, person))
    approvers = (p for repair in incident.repairs for p in repair.approved_by)
    authors = (e.author for e in incident.entries if e.source.human or e.source.type == "action")
    for person in (*authors, *approvers):
        listed.setdefault(person.id or person.name, (RESPONDER, person))
    return [(role, person) for key, (role, person) in listed.items() if key]


def _known_as(incident: Incident) -> dict[str, str]:
    known: dict[str, str] = {}
    for _, person in people(incident):
        role = role_of(incident, person)
        name = plain(person.name)
        first = name.split(" ")[0] if " " in name else ""
        for word in (name, plain(person.id), first if first.istitle() else ""):
            if word:
                known.setdefault(word, role)
    return known


def _groups(incident: Incident) -> set[str]:
    named = {who for repair in incident.repairs for who in repair.approvers}
    return {who for who in named if plain(who).startswith("@")} | {plain(w) for w in named}
