"""What happens when somebody says something: find the incident, let the word decide, write it all down at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta, tzinfo
from typing import NoReturn

from bot import meant, permission
from bot.clicks import CLICKS
from bot.commands import COMMANDS, Asked, Command, Listed, NoChecks, Outcome, Regroup, unknown_here
from bot.facts import Fact
from bot.follow import FOLLOWED
from bot.incident import Incident
from bot.journal import to_json
from bot.permission import act_of, allow, may
from bot.policy import Policy
from bot.ports import NotAllowed
from bot.said import Form, Reply, Said
from bot.spoken.zone import iana_zone, zone_of
from bot.store import Store, Summary, Transaction, no_incident
from bot.triage.regroup import Act, answer_proposal, merge, split
from bot.twice import AGAIN, asked_back, declared_before, opened_already, said_before

HYPHENS = "\u2010\u2011\u2012\u2013\u2014\u2212"
"""What phones and pages write for a hyphen."""
NAMED = re.compile(rf"INC[-{HYPHENS}](?P<number>[0-9]+)\b[:,]?\s*", re.IGNORECASE)
SEVERITY = re.compile(r"sev-?[0-9]", re.IGNORECASE)
LARGEST = 2**31 - 1
"""The largest number that an incident can have."""
DRILL = "DRILL · "
LISTED = 3
"""So many open incidents are named to somebody who did not say which."""
TURNS = frozenset({"declare", "declare_form", "merge", "split", "open_listed"})
"""Words and buttons that may open an incident or move alerts between several, so that no alert may come meanwhile."""


class Hearing:
    """Answers what people say. The same for Slack and the terminal. `health` tells how the bot itself is.

    `no_checks` says why checks cannot be run, where that is known here; else it turns out when they are.
    """

    def __init__(
        self,
        store: Store,
        *,
        policy: Policy,
        zone: str,
        health: Callable[[], Sequence[str]] = tuple,
        no_checks: NoChecks = unknown_here,
    ) -> None:
        self._store = store
        self._policy = policy
        self._zone = zone
        self._health = health
        self._no_checks = no_checks

    def answer(self, said: Said) -> Reply:
        """Do what was said, once: a second time the same reply is given and nothing happens.

        Raises TryAgain when the database is away; then nothing was done.
        """
        said = _with_named_incident(said)
        number = self._number(said)
        turns = number is None or bool(TURNS & {_word(said.text), said.button})
        with self._store.transaction(intake=turns) as tx:
            tx.heard(said)
            if known := tx.reply_to(said.key):
                return known
            reply = self._decide(tx, said, number)
            tx.answer(said.key, reply)
        return reply

    def _decide(self, tx: Transaction, said: Said, number: int | None) -> Reply:
        try:
            if said.button in FOLLOWED:
                return self._follow(tx, said)
            return self._do(tx, said, number)
        except NotAllowed as refusal:
            return Reply(text=str(refusal), ok=False, incident=number)

    def _do(self, tx: Transaction, said: Said, number: int | None) -> Reply:
        incident = None if number is None else _locked(tx, said, number)
        command, words = self._command(said, incident)
        allow(said.kind, act_of(command.name), incident, lead=self._policy.roles[0])
        listed = () if command.needs_incident else self._open()
        asked = self._asked(_with_quote(tx, said), words, listed, here=incident)
        needed = (incident or self._none(said),) if command.needs_incident else ()
        outcome = command.run(asked, *needed)
        if outcome.regroup:
            return self._regroup(tx, said, incident, outcome, outcome.regroup)
        return self._write(tx, said, incident, outcome)

    def _regroup(
        self, tx: Transaction, said: Said, incident: Incident | None, outcome: Outcome, wish: Regroup
    ) -> Reply:
        """Correct the grouping. A new incident is opened like any other, and answered by the flow that opens it."""
        act = Act(key=said.key, now=said.at, by=said.author, source=said.source)
        number: int | None = None
        if incident and wish.merge:
            merge(tx, act, incident, incident if wish.merge == incident.number else _locked(tx, said, wish.merge))
        elif incident and (wish.split or wish.problem):
            number = split(tx, act, incident, wish.split, [wish.problem] if wish.problem else [])
        else:
            number = answer_proposal(tx, act, accepted=wish.accept, dismissed=wish.dismiss)
        if number is None:
            return Reply(text=outcome.text, incident=incident.number if incident else None)
        told = {"reply_to": dict(said.reply_to), "by": to_json(said.author)}
        tx.due(f"{said.key}/open", "open", number, told)
        tx.due(f"{said.key}/check", "check", number)
        return Reply(text=outcome.text.replace("{id}", f"INC-{number}", 1), incident=number, opened=True)

    def _follow(self, tx: Transaction, said: Said) -> Reply:
        """Something happened to a message: every timeline that it belongs to follows."""
        allow(said.kind, act_of(said.button))
        here = tx.incident_in(said.channel) if said.button == "pin_added" else None
        for number in sorted({*tx.captured(said.value), *([here] if here else [])}):
            tx.lock(number)
            if incident := tx.incident(number):
                outcome = FOLLOWED[said.button](self._asked(said, said.value, ()), incident)
                if outcome.flows:
                    _look_soon(tx, said, number, outcome)
                else:
                    self._write(tx, replace(said, key=f"{said.key}/INC-{number}"), incident, outcome)
        return Reply(text="")

    def _asked(self, said: Said, words: str, listed: Sequence[Listed], *, here: Incident | None = None) -> Asked:
        return Asked(
            said=said,
            words=words,
            zone=self._zone_of(said),
            policy=self._policy,
            open_incidents=listed,
            here=here,
            health=self._health,
            no_checks=self._no_checks,
        )

    def _command(self, said: Said, incident: Incident | None) -> tuple[Command, str]:
        if said.button:
            if said.button in CLICKS:
                return CLICKS[said.button], said.value
            raise NotAllowed("Nothing was done: that button is of an older version; the card has the current ones.")
        word = _word(said.text)
        if word in COMMANDS:
            return COMMANDS[word], said.text.strip()[len(word) :].strip()
        return self._unknown(said, word, incident)

    def _unknown(self, said: Said, word: str, incident: Incident | None) -> tuple[Command, str]:
        """A bare title opens an incident, but not inside one, and not when a known word was probably meant."""
        text = said.text.strip()
        if not word:
            return COMMANDS["help" if said.incident is None else "status"], ""
        if incident and SEVERITY.fullmatch(word):
            return COMMANDS["sev"], text
        if incident:
            raise NotAllowed(meant.inside(text, word, {c.name: c.usage for c in COMMANDS.values()}))
        if refusal := meant.outside(text, word, COMMANDS, talk=said.talk):
            raise NotAllowed(refusal)
        return COMMANDS["declare"], text

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

    def _none(self, said: Said) -> NoReturn:
        """There is no incident for a word that needs one: say which there are. Raises NotAllowed."""
        if said.button:
            raise NotAllowed("Nothing was done: this button belongs to no incident; use the card in its channel.")
        text = meant.cut(said.text.strip())
        declare = f"; to open one: declare {text}" if len(text.split()) > 1 else ""
        open_ones = self._store.summaries(open_only=True)
        if said.channel:
            raise NotAllowed(
                f"Nothing was recorded: say that in an incident's channel, or name it: "
                f"INC-n {text}{_open_to(said, open_ones)}{declare}"
            )
        if not open_ones:
            raise NotAllowed(f"Nothing was recorded: no incident is open{declare}")
        listed = ", ".join(f"{s.id} ({'private' if s.private else s.title})" for s in open_ones)
        raise NotAllowed(f"Nothing was recorded: which incident? Open are {listed}. Say INC-n {text}")

    def _write(self, tx: Transaction, said: Said, incident: Incident | None, outcome: Outcome) -> Reply:
        if outcome.opens and (first := self._declared_before(tx, said, outcome)):
            sorry = opened_already(first, said)
            tx.due(f"{said.key}/where", "where", first.number, {"reply_to": dict(said.reply_to), "text": sorry})
            return Reply(text=sorry, ok=False, incident=first.number, private=True)
        number = tx.new_incident() if outcome.opens else (incident.number if incident else None)
        if number is None:
            return Reply(text=outcome.text, private=outcome.private, form=_placed(outcome.form, said))
        if incident and (before := said_before(said, outcome.tell, incident)):
            return Reply(text=asked_back(before, said), ok=False, incident=number, private=True)
        tx.append(number, self._facts(said, outcome))
        if outcome.hastens:
            tx.hasten(number, outcome.hastens)
        if incident and not incident.open and outcome.tell and not outcome.flows and _still_closed(tx, number):
            tx.due(f"{said.key}/draft", "draft", number)  # what is corrected afterwards is drafted again
        where = {word: value for word, value in said.reply_to.items() if not (outcome.private and word == "thread")}
        for flow in outcome.flows:
            told = {"reply_to": where, "by": to_json(said.author), **(outcome.args or {})}
            tx.due(f"{said.key}/{flow}", flow, number, told)
        form = _placed(outcome.form, said)
        text = outcome.text.replace("{id}", f"INC-{number}", 1) if outcome.opens else outcome.text
        return Reply(text=text, incident=number, opened=outcome.opens, private=outcome.private, form=form)

    def _declared_before(self, tx: Transaction, said: Said, outcome: Outcome) -> Incident | None:
        """What the same person opened a moment before with the same words."""
        lately = [s for s in self._store.summaries(open_only=True) if abs(said.at - s.opened_at) <= AGAIN]
        found = (tx.incident(s.number) for s in lately)
        return next((i for i in found if i and declared_before(said, outcome.tell, i)), None)

    def _facts(self, said: Said, outcome: Outcome) -> Iterable[Fact]:
        for n, tell in enumerate(outcome.tell):
            yield Fact(
                key=f"{said.key}/{n}",
                what=tell.what,
                occurred_at=tell.at,
                recorded_at=said.at,
                author=tell.by or said.author,
                source=tell.source or said.source,
            )

    def _zone_of(self, said: Said) -> tzinfo:
        try:
            return zone_named(said.zone or self._zone)
        except NotAllowed:
            return zone_named(self._zone)

    def _open(self) -> list[Listed]:
        return [_listed(s) for s in self._store.summaries(open_only=True) if not s.private]


def _open_to(said: Said, open_ones: Iterable[Summary]) -> str:
    """The few that are meant most likely; a private one is not there for those outside its channel."""
    seen = [s for s in open_ones if not s.private] if may(said.kind, permission.Act.LOOK_AROUND) else []
    listed = ", ".join(f"{s.id} {meant.cut(s.title)}" for s in seen)
    return f" (open: {listed})" if 0 < len(seen) <= LISTED else ""


def _listed(summary: Summary) -> Listed:
    return Listed(
        id=summary.id,
        title=f"{DRILL}{summary.title}" if summary.drill else summary.title,
        severity=summary.severity,
        status=summary.status,
        channel=summary.channel,
    )


def _word(text: str) -> str:
    first = text.strip().split(maxsplit=1)[0].lower() if text.strip() else ""
    return first.translate(dict.fromkeys(map(ord, HYPHENS), "-"))


def _with_named_incident(said: Said) -> Said:
    """`INC-7 note …` names the incident outright."""
    text = said.text.strip()
    if found := NAMED.match(text):
        return replace(said, incident=number_of(found), text=text[found.end() :])
    return said


def number_of(named: re.Match[str]) -> int:
    """The number in a match of NAMED; one that is too large for any incident becomes the largest."""
    return min(int(named["number"][:12]), LARGEST)


def zone_named(name: str) -> tzinfo:
    """The zone of this IANA name or abbreviation. Raises NotAllowed for one that is unknown or ambiguous."""
    return iana_zone(name) or zone_of(name)


def _locked(tx: Transaction, said: Said, number: int) -> Incident:
    """The incident, which nobody else changes meanwhile. A private one is not there for those outside its channel."""
    tx.lock(number)
    incident = tx.incident(number)
    channel = incident.view.channel if incident else None
    outside = said.channel and said.channel != (channel.id if channel else "")
    if incident is None or (incident.private and outside):
        raise no_incident(number)
    return incident


def _look_soon(tx: Transaction, said: Said, number: int, outcome: Outcome) -> None:
    """However many mark a message within a second: it is looked at once, when the second is over."""
    args = outcome.args or {}
    until = said.at.replace(microsecond=0) + timedelta(seconds=1)
    key = f"follow/{said.value}/INC-{number}/{'added' if args.get('added') else 'removed'}/{until:%Y%m%dT%H%M%SZ}"
    for flow in outcome.flows:
        told = {"by": to_json(said.author), **args, "not_before": until.isoformat()}
        tx.due(key, flow, number, told)


def _placed(form: Form | None, said: Said) -> Form | None:
    """The form with the place to which its answers belong."""
    return replace(form, carries={**form.carries, "channel": said.channel}) if form and said.channel else form


def _with_quote(tx: Transaction, said: Said) -> Said:
    """What a form carries is the name of what was heard when it was opened, the message with it."""
    if said.quote is None and (key := said.answers.get("quote")) and (before := tx.said(key)):
        return replace(said, quote=before.quote)
    return said


def _still_closed(tx: Transaction, number: int) -> bool:
    now = tx.incident(number)
    return now is not None and not now.open
