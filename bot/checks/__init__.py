"""The registry of check nouns. Checks look; they never touch.

A noun is one async function in one file. Its keyword-only arguments are the words that a runbook may use,
their annotations are the types that the loader enforces, its docstring is its help.

    @noun("disk", over_ssh=True)
    async def disk(on: Target, *, path: str = "/", below: Share = Share(90)) -> Answer: ...
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NewType, Protocol

from bot.ports import Metrics
from bot.runbook.inventory import Group, Host, Inventory
from bot.runbook.result import JSON, Known, State

Seconds = NewType("Seconds", float)
"""A duration, written `500ms`, `10s`, `5m`, `1h` or `1d` in YAML."""
Share = NewType("Share", float)
"""A share in percent, written `90%` in YAML."""
Port = NewType("Port", int)
"""A TCP port, written as a number or as `$host.port` in YAML."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """What a program on a server said: exit code (124: it ran out of time), cut at a cap, decoded with U+FFFD."""

    exit: int
    stdout: str
    stderr: str
    cut: bool = False
    raw: bytes = b""
    """The same standard output as it came, for content that must not change by decoding."""


@dataclass(frozen=True, kw_only=True)
class FileStat:
    """Owner, permission bits, size in bytes and modification time (seconds since 1970) of a remote file."""

    uid: int
    gid: int
    mode: int
    size: int
    mtime: float


class Session(Protocol):
    """An open connection to one server. When we cannot ask, it raises TryAgain or GaveUp, never answers."""

    async def run(self, argv: Sequence[str], *, within: float = 5.0) -> Output:
        """Run a program, never a shell line, and end it on the far side after `within` seconds."""

    async def read(self, path: str) -> bytes:
        """The whole file, at most 256 kB. Raises FileNotFoundError when the server says that there is none."""

    async def tail(self, path: str, *, limit: int = 65_536) -> bytes:
        """The last `limit` bytes of a file, from the start of a line. Raises FileNotFoundError."""

    async def stat(self, path: str) -> FileStat:
        """Raises FileNotFoundError when the server says that there is no such file."""

    async def names(self, folder: str) -> Sequence[str]:
        """The names in a folder, sorted. Raises FileNotFoundError."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a noun found; the runner adds check, host, time and duration and makes it a Result.

    A probe that is refused or times out has answered (fail). UNKNOWN is for what we could not ask.
    """

    state: State
    reason: str = ""
    summary: str = ""
    facts: Mapping[str, JSON] = field(default_factory=dict)
    evidence: str = ""


class Target(Protocol):
    """What a check is asked about, and the ways it may look."""

    @property
    def host(self) -> Host:
        """The host that the question is about."""

    @property
    def affected(self) -> Host:
        """The host that the alert names; the same as `host` unless the runbook asks at another place."""

    @property
    def group(self) -> Group:
        """The group of that host."""

    @property
    def inventory(self) -> Inventory:
        """All that we may look at."""

    @property
    def within(self) -> float:
        """The time limit of this check, in seconds; probes from the bot must keep it themselves."""

    @property
    def repaired_at(self) -> datetime | None:
        """When a repair was applied that this check verifies, in UTC: older traces of trouble do not count."""

    @property
    def metrics(self) -> Metrics:
        """Datadog; asking it raises TryAgain or GaveUp where it is away or not set up."""

    def now(self) -> datetime:
        """The time, in UTC."""

    async def session(self, host: Host | None = None) -> Session:
        """The shared connection to this host (or to another one of the inventory), opened on first use."""

    async def known_good(self, host: Host) -> Known | None:
        """The commit that is recorded as known good for the host's config, or None."""

    async def secret(self, reference: str) -> str:
        """The value behind `secret:NAME`; it may stand in no answer. Raises GaveUp when there is none."""


Ask = Callable[..., Awaitable[Answer]]


@dataclass(frozen=True, kw_only=True)
class Noun:
    """A kind of check. `touches` marks the few that are not read-only: they run last and alone.

    It is True, or the word that makes the check touch (`nginx` does so only with `test`). `over_ssh`: it asks a
    session first, so that a dry run can ask it without reaching anybody.
    """

    name: str
    ask: Ask
    touches: bool | str
    words: Mapping[str, inspect.Parameter]
    help: str
    over_ssh: bool = False

    def touching(self, words: Mapping[str, object]) -> bool:
        """Whether the check touches the server when it is asked with these words."""
        return bool(words.get(self.touches)) if isinstance(self.touches, str) else self.touches


NOUNS: dict[str, Noun] = {}


def noun(name: str, *, touches: bool | str = False, over_ssh: bool = False) -> Callable[[Ask], Ask]:
    """Register a check noun under the word that runbooks use; the marks are those of `Noun`."""

    def register(ask: Ask) -> Ask:
        if name in NOUNS:
            raise ValueError(f"two checks are called {name!r}")
        words = {
            word: parameter
            for word, parameter in inspect.signature(ask, eval_str=True).parameters.items()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        }
        about = inspect.getdoc(ask) or ""
        NOUNS[name] = Noun(name=name, ask=ask, touches=touches, words=words, help=about, over_ssh=over_ssh)
        return ask

    return register


def load() -> Mapping[str, Noun]:
    """Import every file of this folder once; afterwards NOUNS is complete."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return NOUNS
