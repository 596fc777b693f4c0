"""Rehearsals: what counts as stale, and how a rehearsal is kept and repeated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.rehearsal import Rehearsed, stale_checks
from bot.store import Store

START = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
WEEK = timedelta(days=7)


def test_a_check_is_stale_when_it_was_not_green_for_so_long() -> None:
    green = Rehearsed(runbook="web", check="port", host="web-1", state="ok", at=START, since=START, green_at=START)
    assert not green.stale(now=START + WEEK - timedelta(seconds=1), after=WEEK)
    assert green.stale(now=START + WEEK, after=WEEK)


def test_a_check_that_was_never_green_counts_from_its_first_rehearsal() -> None:
    never = Rehearsed(runbook="web", check="port", host="web-1", state="unknown", at=START + WEEK, since=START)
    (line,) = stale_checks([never], now=START + WEEK, after=WEEK)
    assert line == "web: port on web-1 has not been green for 7 days (never yet; now unknown)"


def test_a_rehearsal_keeps_when_a_check_was_last_green_and_forgets_what_is_no_longer_asked(store: Store) -> None:
    days = [START + timedelta(days=n) for n in range(3)]
    states = [{"port": "ok", "disk": "ok"}, {"port": "fail", "disk": "ok"}, {"port": "unknown"}]
    for day, ended in zip(days, states, strict=True):
        with store.transaction() as tx:
            tx.rehearsed("web", "web-1", ended, day)
    (port,) = store.rehearsed()
    assert (port.check, port.state, port.green_at, port.since, port.at) == (
        "port",
        "unknown",
        days[0],
        days[0],
        days[2],
    )


def test_the_first_rehearsal_waits_its_time_and_each_is_due_once(store: Store) -> None:
    def asked(hours: float) -> bool:
        with store.transaction() as tx:
            return tx.once_every("rehearsal", timedelta(days=1), START + timedelta(hours=hours))

    assert [asked(hours) for hours in (0, 1, 23.9, 24, 24.1, 47.9, 48, 200)] == [
        *(False, False, False, True, False, False, True, True)
    ]
