"""How steps read and write the record. A fact is named after the step that records it: done twice, it is kept once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from bot.facts import Fact, What
from bot.incident import Incident, Source
from bot.ports import TryAgain
from bot.store import Store


class Recorder:
    """The record as the running step sees it. `key` names that step; `wake` is called after every change."""

    def __init__(
        self, store: Store, *, now: Callable[[], datetime], key: Callable[[], str], wake: Callable[[], None]
    ) -> None:
        self.store = store
        self.now = now
        self.key = key
        self.wake = wake

    async def incident(self, number: int) -> Incident:
        """The incident as it stands."""
        return there(await asyncio.to_thread(self.store.incident, number), number)

    async def with_channel(self, number: int) -> Incident:
        """The incident, once it has a channel; TryAgain without one."""
        incident = await self.incident(number)
        if not incident.view.channel:
            raise TryAgain("The incident has no channel yet.", reason="no_channel")
        return incident

    async def record(self, number: int, what: What, *, part: str = "", source: Source | None = None) -> None:
        """Record what the step did; `part` tells apart what one step records."""
        fact = self.fact(what, f"{self.key()}/{part}" if part else self.key())
        await asyncio.to_thread(self.append, number, [replace(fact, source=source) if source else fact])
        self.wake()

    async def note(self, number: int, what: What) -> None:
        """Record something outside of a flow, where there is no step to name it after."""
        await asyncio.to_thread(self.append, number, [self.fact(what, f"view/{uuid4().hex}")])

    async def make_due(self, incident: Incident, key: str, flow: str, args: Mapping[str, Any]) -> None:
        """A flow about this incident, once per key."""

        def write() -> None:
            with self.store.transaction(incident=incident.number) as tx:
                tx.due(f"{incident.id}/{key}", flow, incident.number, args)

        await asyncio.to_thread(write)

    def append(self, number: int, facts: Iterable[Fact]) -> None:
        """Write facts, in one transaction. Blocks."""
        with self.store.transaction(incident=number) as tx:
            tx.append(number, facts)

    def fact(self, what: What, key: str) -> Fact:
        """Something that happens now."""
        now = self.now()
        return Fact(key=key, what=what, occurred_at=now, recorded_at=now)

    def after(self, seconds: float) -> str:
        """The time so many seconds from now, as a flow that is due keeps it."""
        return (self.now() + timedelta(seconds=seconds)).isoformat()


def there(incident: Incident | None, number: int) -> Incident:
    """The incident that a flow is about: there is none without."""
    if incident is None:
        raise LookupError(f"INC-{number} is not in the record")
    return incident
