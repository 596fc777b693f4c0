"""Facts for the store's tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.facts import AlertAttached, ChannelOpened, Closed, Fact, Opened, Told, What
from bot.incident import AlertSeen, Channel, Kind
from bot.store import Store

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


def fact(key: str, what: What, *, minute: float = 0) -> Fact:
    """A fact that happened and was recorded some minutes after NOW."""
    at = NOW + timedelta(minutes=minute)
    return Fact(key=key, what=what, occurred_at=at, recorded_at=at)


def opened(key: str, title: str = "Web is out") -> Fact:
    """The first fact."""
    return fact(key, Opened(title=title, severity="SEV2", service="shop"))


def note(key: str, text: str = "rolled back", *, minute: float = 1) -> Fact:
    """Somebody said something."""
    return fact(key, Told(kind=Kind.NOTE, text=text), minute=minute)


def alert(
    key: str,
    *,
    fingerprint: str = "datadog|1|",
    bad: bool = True,
    minute: float = 0,
    cycle_key: str = "",
    place: str = "",
    title: str = "",
) -> Fact:
    """An alert that belongs to the incident."""
    seen = AlertSeen(
        delivery=f"d-{key}",
        source="datadog",
        transition="Triggered" if bad else "Recovered",
        at=NOW + timedelta(minutes=minute),
        fingerprint=fingerprint,
        bad=bad,
        cycle_key=cycle_key,
        place=place,
        title=title,
    )
    return fact(key, AlertAttached(alert=seen), minute=minute)


def closed(key: str, *, minute: float = 5) -> Fact:
    """The incident is closed."""
    return fact(key, Closed(), minute=minute)


def channel(key: str, id: str = "C1") -> Fact:
    """The incident has a channel."""
    return fact(key, ChannelOpened(channel=Channel(id=id, name="inc-1-web-is-out")))


def open_incident(store: Store, *more: Fact, key: str = "open") -> int:
    """A new incident with these facts."""
    with store.transaction(intake=True) as transaction:
        number = transaction.new_incident()
        transaction.append(number, [opened(f"{key}/{number}"), *more])
    return number
