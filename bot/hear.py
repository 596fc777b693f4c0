"""What happens when somebody says something: find the incident, let the word decide, write it all down at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.clicks import CLICKS
from bot.commands import COMMANDS, Asked, Command, Listed, Outcome
from bot.facts import Fact
from bot.incident import Incident
from bot.policy import Policy
from bot.ports import NotAllowed
from bot.said import Reply, Said
from bot.store import Store, Summary, Transaction

NAMED = re.compile(r"^(INC-(?P<number>\d+))\b\s*", re.IGNORECASE)


class Hearing:
    """Answers what people say. The same for Slack and the terminal."""

    def __init__(self, store: Store, *, policy: Policy, zone: str) -> None:
        self._store = store
        self._policy = policy
        self._zone = zone

    def answer(self, said: Said) -> Reply:
        """Do what was said, once: a second time the same reply is given and nothing happens.

        Raises TryAgain when the database is away; then nothing was done.
        """
        said = _with_named_incident(said)
        number = self._number(said)
        word = "" if said.button else _word(said.text)
        opens = number is None or word == "declare"
        with self._store.transaction(incident=None if opens else number, intake=opens) as tx:
            tx.heard(said)
            if known := tx.reply_to(said.key):
                return known
            reply = self._decide(tx, said, number)
            tx.answer(said.key, reply)
        return reply

    def _decide(self, tx: Transaction, said: Said, number: int | None) -> Reply:
        try:
            return self._do(tx, said, number)
        except NotAllowed as refusal:
            return Reply(text=str(refusal), ok=False, incident=number)

    def _do(self, tx: Transaction, said: Said, number: int | None) -> Reply:
        incident = tx.incident(number) if number is not None else None
        if number is not None and incident is None:
            raise NotAllowed(f"Nothing was recorded: there is no INC-{number}. “list” shows the open incidents.")
        command, words = self._command(said, incident)
        asked = Asked(
            said=said, words=words, zone=self._zone_of(said), policy=self._policy, open_incidents=self._open()
        )
        needed = (incident or self._none(said),) if command.needs_incident else ()
        outcome = command.run(asked, *needed)
        return self._write(tx, said, incident, outcome)

    def _command(self, said: Said, incident: Incident | None) -> tuple[Command, str]:
        if said.button:
            if said.button in CLICKS:
                return CLICKS[said.button], said.value
            raise NotAllowed("That button is of an older version: nothing was done. The card has the current ones.")
        word = _word(said.text)
        if word in COMMANDS:
            return COMMANDS[word], said.text.strip()[len(word) :].strip()
        return self._unknown(said, word, incident)

    def _unknown(self, said: Said, word: str, incident: Incident | None) -> tuple[Command, str]:
        """A bare title opens an incident, but not inside one, and not when a known word was probably meant."""
        if not word:
            return COMMANDS["help"], ""
        near = next((known for known in COMMANDS if one_slip(word, known)), None)
        inside = incident is not None and (said.channel or said.incident is not None)
        if near:
            raise NotAllowed(
                f"Nothing was recorded: did you mean “{near}”? To open an incident: declare {said.text.strip()[:80]}"
            )
        if inside:
            raise NotAllowed(
                f"Nothing was recorded: “{word}” is no word here. To keep it say: note {said.text.strip()[:80]}"
            )
        return COMMANDS["declare"], said.text.strip()

    def _number(self, said: Said) -> int | None:
        """The incident this is about: named outright, the channel's, or at the terminal the only open one."""
        if said.incident is not None:
            return said.incident
        if said.channel:
            return self._store.incident_in(said.channel)
        command = COMMANDS.get(_word(said.text))
        if command is None or not command.needs_incident:
            return None
        open_ones = self._store.summaries(open_only=True)
        return open_ones[0].number if len(open_ones) == 1 else None

    def _none(self, said: Said) -> Incident:
        """There is no incident for a word that needs one: say which there are."""
        open_ones = self._store.summaries(open_only=True)
        if said.channel:
            raise NotAllowed(
                f"Nothing was recorded: say that in an incident's channel, or name it: INC-n {said.text.strip()[:60]}"
            )
        if not open_ones:
            raise NotAllowed("Nothing was recorded: no incident is open. “declare TITLE” opens one.")
        listed = ", ".join(f"{s.id} ({s.title})" for s in open_ones)
        raise NotAllowed(f"Nothing was recorded: name the incident first. Open are {listed}.")

    def _write(self, tx: Transaction, said: Said, incident: Incident | None, outcome: Outcome) -> Reply:
        number = tx.new_incident() if outcome.opens else (incident.number if incident else None)
        if number is None:
            return Reply(text=outcome.text)
        tx.append(number, self._facts(said, outcome))
        for flow in outcome.flows:
            tx.due(f"{said.key}/{flow}", flow, number, {"reply_to": dict(said.reply_to), **(outcome.args or {})})
        return Reply(
            text=outcome.text.replace("{id}", f"INC-{number}") if outcome.opens else outcome.text, incident=number
        )

    def _facts(self, said: Said, outcome: Outcome) -> Iterable[Fact]:
        for n, tell in enumerate(outcome.tell):
            yield Fact(
                key=f"{said.key}/{n}",
                what=tell.what,
                occurred_at=tell.at,
                recorded_at=said.at,
                author=said.author,
                source=said.source,
            )

    def _zone_of(self, said: Said) -> tzinfo:
        for name in (said.zone, self._zone):
            try:
                if name:
                    return ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError):
                continue
        return ZoneInfo("UTC")

    def _open(self) -> list[Listed]:
        return [_listed(s) for s in self._store.summaries(open_only=True) if not s.private]


def _listed(summary: Summary) -> Listed:
    return Listed(
        id=summary.id,
        title=summary.title,
        severity=summary.severity,
        status=summary.status,
        channel=summary.channel,
    )


def _word(text: str) -> str:
    return text.strip().split(maxsplit=1)[0].lower() if text.strip() else ""


def _with_named_incident(said: Said) -> Said:
    """`INC-7 note …` names the incident outright."""
    if found := NAMED.match(said.text.strip()):
        return replace(said, incident=int(found["number"]), text=said.text.strip()[found.end() :])
    return said


def one_slip(word: str, known: str) -> bool:
    """Whether one letter was added, left out, changed, or swapped with its neighbour. Very short words never fit."""
    if word == known or len(known) < 3 or abs(len(word) - len(known)) > 1:
        return False
    start = next((n for n, (a, b) in enumerate(zip(word, known, strict=False)) if a != b), min(len(word), len(known)))
    a, b = word[start:], known[start:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and len(a) > 1 and a[2:] == b[2:])
