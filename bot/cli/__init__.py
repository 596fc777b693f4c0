"""The command line: one file a command, or a family of commands. Each parses, hands over and prints.

Exit 0: done. 1: refused, or problems were found. 2: wrong usage. What is refused is raised as NotAllowed and
printed as one sentence in bot/__main__.py.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.ports import NotAllowed, TryAgain
from bot.settings import Home, Settings, environment, read_home

app = typer.Typer(
    name="muster",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if not asked:
        return
    try:
        print(f"muster {version('muster')}")
    except PackageNotFoundError:  # run from a folder of files
        print("muster, not installed")
    raise typer.Exit


@app.callback()
def muster(
    _: Annotated[bool, typer.Option("--version", is_eager=True, callback=_version, help="Print the version.")] = False,
) -> None:
    """Muster: an incident bot for Slack and Datadog."""


Incident = Annotated[str, typer.Argument(help="INC-n", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
IN_HELP = (
    "serve",
    "say",
    "record",
    "postmortem",
    "check",
    "doctor",
    "rebuild",
    "explain",
    "rules",
    "runbook",
    "preflight",
    "setup",
    "demo",
)
"""The files of this folder, in the order in which the help shows their commands."""


def load() -> typer.Typer:
    """The command line with all of its commands."""
    for name in IN_HELP:
        importlib.import_module(f"{__name__}.{name}")
    return app


def now() -> datetime:
    """The clock of the command line."""
    return datetime.now(UTC)


@contextmanager
def terminal() -> Iterator[Any]:
    """The store and what can be done with it."""
    from bot.terminal import Terminal  # loads the database: not for --help

    try:
        found = Terminal(Settings.read(environment()), now=now)
    except TryAgain as away:
        raise NotAllowed(f"Nothing was done. {away} Check DATABASE_URL, and that the database runs.") from None
    try:
        yield found
    finally:
        found.close()


def home(*, runbooks: Sequence[Path] | None = None) -> Home:
    """Policy, inventory and runbooks as they stand in the files; or these runbooks in place of the folder's."""
    settings = Settings.read(environment())
    return read_home(settings.home, settings.secrets, runbooks=runbooks)


def one_line(text: str) -> str:
    """What outsiders wrote, without what a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)


def readable(words: str) -> str:
    """Bytes of the command line that are no UTF-8 become a mark."""
    return words.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
