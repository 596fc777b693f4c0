"""The bot as a process that kills itself, really, at one exact instant of its record.

KILL="after RepairMoved/acting" python -m tests.kill_switch serve

*before*: just before such a fact is written down. *after*: when it is on disk and nobody has been told yet.
What usually waits until all that is urgent is done does not wait here.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import bot.view
from bot.__main__ import main
from bot.facts import Fact, RepairMoved
from bot.store import Store, Transaction

_append = Transaction.append
_transaction = Store.transaction
_doomed = threading.local()


def name(fact: Fact) -> str:
    """The fact's kind; for a repair with the stage that begins, or the state that it reached."""
    what = fact.what
    if isinstance(what, RepairMoved):
        return f"RepairMoved/{what.details.get('stage', what.state)}"
    return type(what).__name__


def install(when: str, which: str) -> None:
    """From now on the process dies there."""

    def append(self: Transaction, number: int, facts: Iterable[Fact]) -> int:
        told = list(facts)
        hit = any(name(fact) == which for fact in told)
        if hit and when == "before":
            _die()
        new = _append(self, number, told)
        _doomed.now = _doomed.now or (hit and bool(new))
        return new

    @contextmanager
    def transaction(self: Store, **how: Any) -> Iterator[Transaction]:
        _doomed.now = False
        with _transaction(self, **how) as opened:
            yield opened
        if _doomed.now:
            _die()

    Transaction.append = append  # type: ignore[method-assign] # this process is made to die
    Store.transaction = transaction  # type: ignore[method-assign]
    bot.view.LATER = timedelta(0)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    if point := os.environ.get("KILL", ""):
        install(*point.split(" "))
    main()
