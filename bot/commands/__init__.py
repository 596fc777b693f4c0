"""The registry of words that people may say. A command decides; it writes nothing and calls nobody.

One word is one function in one file of this folder. Its docstring is its help, its `usage` is shown with it:

    @command("note", usage="note TEXT")
    def note(asked: Asked, incident: Incident) -> Outcome:
        \"\"\"Write a line into the timeline.\"\"\"

Asking for `incident` means that the word needs one; the dispatcher answers kindly where there is none.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from bot.facts import What
from bot.incident import Incident, Person, Precision, Source
from bot.policy import Policy
from bot.ports import NotAllowed
from bot.said import Form, Said
from bot.spoken_time import Ask, Context, NoTime, Refused, Understood, echo, understand


@dataclass(frozen=True, kw_only=True)
class Listed:
    """An incident as lists show it."""

    id: str
    title: str
    severity: str
    status: str
    channel: str = ""


NoChecks = Callable[[Incident, str, str], str]
"""Why no checks can be run in an incident, on this host, by this runbook; empty where they can."""


def unknown_here(_incident: Incident, _host: str, _runbook: str) -> str:
    """No reason is known here: the one who runs them knows."""
    return ""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a command is given: what was said, the words after the command, and what it may need to know.

    `here` is the incident of the place where it was said, for words that need none; `health` tells how the bot is.
    """

    said: Said
    words: str
    zone: tzinfo
    policy: Policy
    open_incidents: Sequence[Listed] = ()
    here: Incident | None = None
    health: Callable[[], Sequence[str]] = tuple
    no_checks: NoChecks = unknown_here

    @property
    def now(self) -> datetime:
        """When it was said, in UTC."""
        return self.said.at

    def need(self, what: str) -> str:
        """The words, or a refusal that says what is missing."""
        if not self.words:
            raise NotAllowed(f"Nothing was recorded: {what} is missing; say it after the word.")
        return self.words

    def alone(self, word: str) -> None:
        """A refusal when more was said than this word: what people say is never dropped in silence."""
        if self.words:
            raise NotAllowed(f"Nothing was done: say “{word}” alone; to keep the rest say: note {self.words[:80]}")


@dataclass(frozen=True, kw_only=True)
class Tell:
    """A fact to be recorded, and when it happened (None: nobody knows).

    `by` is who said it, if somebody else did, and `source` where, if elsewhere.
    """

    what: What
    at: datetime | None
    by: Person | None = None
    source: Source | None = None


@dataclass(frozen=True, kw_only=True)
class Regroup:
    """A wish to correct the grouping: exactly one of these.

    The number of an incident to merge; a delivery, or one problem (by its fingerprint), to split off; a proposal to
    accept or to dismiss.
    """

    merge: int = 0
    split: str = ""
    problem: str = ""
    accept: str = ""
    dismiss: str = ""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The reply, the facts to record, and the flows to start, all in one transaction.

    `opens` makes the facts those of a new incident; `{id}` in the reply is then replaced by its id.
    `private`: the reply is only for the one who asked. `form` is opened instead of replying, if there is time.
    `regroup` concerns other incidents, too; the reply's `{id}` is the one that it opened. The flow `hastens` runs at
    once where it waits for its time.
    """

    text: str
    tell: tuple[Tell, ...] = ()
    flows: tuple[str, ...] = ()
    args: Mapping[str, Any] | None = None
    opens: bool = False
    private: bool = False
    form: Form | None = None
    regroup: Regroup | None = None
    hastens: str = ""


@dataclass(frozen=True, kw_only=True)
class Command:
    """One word: what it does, how it is used, and whether it needs an incident."""

    name: str
    usage: str
    help: str
    run: Callable[..., Outcome]
    needs_incident: bool
    order: int


COMMANDS: dict[str, Command] = {}


def command(name: str, *, usage: str, order: int = 50) -> Callable[[Callable[..., Outcome]], Callable[..., Outcome]]:
    """Register a word; `order` is its place in the help."""

    def register(run: Callable[..., Outcome]) -> Callable[..., Outcome]:
        add(name, run, usage=usage, help=inspect.getdoc(run) or "", order=order)
        return run

    return register


def add(name: str, run: Callable[..., Outcome], *, usage: str, help: str, order: int) -> None:
    """Register a word whose function serves several."""
    if name in COMMANDS:
        raise ValueError(f"two commands are called {name!r}")
    needs = "incident" in inspect.signature(run).parameters
    COMMANDS[name] = Command(name=name, usage=usage, help=help, run=run, needs_incident=needs, order=order)


def load() -> Mapping[str, Command]:
    """Import every file of this folder once; afterwards COMMANDS is complete."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return COMMANDS


@dataclass(frozen=True, kw_only=True)
class Time:
    """A time that somebody said, as understood; `echo` is how it is said back."""

    at: datetime | None
    ends_at: datetime | None
    precision: Precision
    typed: str
    rest: str
    echo: str


def leading_time(asked: Asked, words: str, incident: Incident | None, *, example: str) -> Time:
    """The time at the start of these words. Raises NotAllowed with a question or a suggestion."""
    time = optional_time(asked, words, incident)
    if time is None:
        raise NotAllowed(f"Nothing was recorded: there is no time at the start of “{words[:60]}”; try: {example}")
    return time


def optional_time(asked: Asked, words: str, incident: Incident | None) -> Time | None:
    """The time at the start of these words, or None where they start with something else."""
    context = Context(now=asked.now, zone=asked.zone, started=incident.opened_at if incident else None)
    match understand(words, context):
        case Understood() as heard:
            said_back = echo(heard, now=asked.now)
            notes = "".join(f" ({warning})" for warning in heard.warnings)
            return Time(
                at=heard.at,
                ends_at=heard.ends_at,
                precision=Precision(heard.precision),
                typed=heard.typed,
                rest=heard.rest,
                echo=said_back + notes,
            )
        case Ask(question=question, choices=choices):
            raise NotAllowed(f"Nothing was recorded: {question} {' or '.join(choices)}".strip())
        case Refused(text=text, suggestion=suggestion):
            raise NotAllowed(f"Nothing was recorded: {'; '.join(filter(None, (text, suggestion)))}")
        case NoTime():
            return None


def next_entry(incident: Incident) -> str:
    """The id that the next entry will get; certain, because the incident is locked while a command decides."""
    return f"E{len(incident.entries) + 1}"
