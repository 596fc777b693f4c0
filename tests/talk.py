"""A person who talks to the bot, without Slack: what is said goes the whole way to the record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from bot import commands
from bot.commands import NoChecks, unknown_here
from bot.facts import ChannelOpened, Fact, Opened, What
from bot.hear import Hearing
from bot.incident import Channel, Entry, Incident, Person, Source
from bot.policy import Policy
from bot.said import Reply, Said
from bot.store import Store

commands.load()
NOW = datetime(2026, 11, 22, 10, 45, tzinfo=UTC)
"""When people speak; the incident was opened a quarter of an hour before."""
ANA = Person(id="UANA", name="ana")
BEN = Person(id="UBEN", name="ben")
_KEYS = count(1)


@dataclass
class Talk:
    """Somebody at a channel (or with `channel=""` at the terminal) who says one thing after the other."""

    store: Store
    policy: Policy = field(default_factory=Policy)
    author: Person = ANA
    channel: str = "C1"
    zone: str = "UTC"
    now: datetime = NOW
    no_checks: NoChecks = unknown_here

    def reply(self, text: str = "", **more: Any) -> Reply:
        """Say it and get the whole reply. A `key` that was used before says the very same again."""
        who: dict[str, Any] = {"author": self.author, "channel": self.channel, "zone": self.zone, "at": self.now}
        source = Source(type="command" if self.channel else "cli")
        said = Said(**{"key": f"test/{next(_KEYS)}", "text": text, "source": source, **who, **more})
        return Hearing(self.store, policy=self.policy, zone="UTC", no_checks=self.no_checks).answer(said)

    def __call__(self, text: str) -> str:
        """Say it; the answer is a yes."""
        reply = self.reply(text)
        assert reply.ok, reply.text
        return reply.text

    def refused(self, text: str) -> str:
        """Say it; the answer is a no or a question, and nothing of it is in the record."""
        before = [self.store.head(s.number) for s in self.store.summaries()]
        reply = self.reply(text)
        assert not reply.ok, reply.text
        assert [self.store.head(s.number) for s in self.store.summaries()] == before
        return reply.text

    def incident(self, number: int = 1) -> Incident:
        """The incident as it stands."""
        found = self.store.incident(number)
        assert found is not None
        return found

    @property
    def last(self) -> Entry:
        """The entry that was recorded last in INC-1."""
        return self.incident().entries[-1]

    def later(self, minutes: float) -> None:
        """Time passes."""
        self.now += timedelta(minutes=minutes)

    def record(self, *whats: What, number: int = 1, author: Person | None = None) -> None:
        """Put facts into the record as the flows do."""
        with self.store.transaction() as tx:
            tx.append(number, [fact(what, at=self.now, author=author) for what in whats])

    def flows(self) -> list[tuple[str, int]]:
        """The flows that are due, and for which incident."""
        return [(due.flow, due.incident) for due in self.store.dues()]


@pytest.fixture
def say(sqlite_url: str) -> Iterator[Talk]:
    """Ana in the channel of INC-1."""
    store = Store.open(sqlite_url)
    open_incident(store)
    yield Talk(store)
    store.close()


def fact(what: What, *, at: datetime = NOW, author: Person | None = None) -> Fact:
    """Something that happened now."""
    return Fact(key=f"fact/{next(_KEYS)}", what=what, occurred_at=at, recorded_at=at, author=author or Person())


def open_incident(store: Store, *, title: str = "Web is out", channel: str = "C1", private: bool = False) -> int:
    """An incident as an alert opens it, with its channel; its number."""
    at = NOW - timedelta(minutes=15)
    with store.transaction(intake=True) as tx:
        number = tx.new_incident()
        facts = [fact(Opened(title=title, severity="SEV3", service="shop", private=private), at=at)]
        if channel:
            facts.append(fact(ChannelOpened(channel=Channel(id=channel, name=f"inc-{number}")), at=at))
        tx.append(number, facts)
    return number
