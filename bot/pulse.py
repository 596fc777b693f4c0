"""Until when we could hear, kept on disk; and after a gap, one word about it to every open incident."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from bot.store import Store

RETRIED = timedelta(minutes=6, seconds=30)
"""Over HTTP nothing that matters is lost within this time: Slack sends an event again for over five minutes."""
SWALLOWED = timedelta(seconds=20)
"""A socket that was silent for so long may have swallowed what was sent through it, however soon it is replaced."""


class Pulse:
    """Shared by all replicas on one database: only when none of them could hear is there a gap.

    `heard_until` is the last moment at which Slack could have told us something, None before the first;
    `longest` is the gap in which nothing is lost.
    """

    def __init__(
        self, store: Store, *, heard_until: Callable[[], datetime | None], longest: timedelta, name: str = "slack"
    ) -> None:
        self._store = store
        self._heard_until = heard_until
        self._longest = longest
        self._name = name

    def beat(self) -> bool:
        """Write down that we hear; True when a gap ended with it, which is then reported once. Blocks on the disk."""
        if (until := self._heard_until()) is None:
            return False
        concerned = [s.number for s in self._store.summaries(open_only=True)]
        with self._store.transaction() as tx:
            since = tx.beat(self._name, until)
            if since is None or until - since < self._longest:
                return False
            for number in concerned:
                key = f"deaf/{since.isoformat()}/INC-{number}"
                tx.due(key, "report", number, {"text": gap(since, until), "key": key})
        return True


def gap(since: datetime, until: datetime) -> str:
    """What people are told about a gap."""
    end = f"{until:%H:%M:%S}" if since.date() == until.date() else f"{until:%Y-%m-%d %H:%M:%S}"
    return (
        f"I was deaf from {since:%Y-%m-%d %H:%M:%S} to {end} UTC: what was said to me in that time may be lost. "
        "Please repeat it."
    )
