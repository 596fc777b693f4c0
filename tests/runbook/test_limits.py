"""How often repairs may begin."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.runbook.limits import Begun, too_many, too_soon

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


def begun(minutes: float, *, name: str = "restore", host: str = "web-02") -> Begun:
    return Begun(plan=f"{name}/{host}/{minutes}", name=name, host=host, at=NOW - timedelta(minutes=minutes))


def asked(*before: Begun, per_hour: int = 6) -> str:
    return too_soon("restore", "web-02", before, once_every=600, per_hour=per_hour, now=NOW)


@pytest.mark.parametrize(
    "before",
    [begun(10), begun(1, name="start"), begun(1, host="web-01")],
    ids=["ten minutes ago", "another action", "another host"],
)
def test_what_does_not_count_stops_nothing(before: Begun) -> None:
    assert asked(before) == ""


def test_an_action_begins_on_a_host_once_in_its_pause_whatever_incident_it_was() -> None:
    assert asked(begun(9.9)) == "restore has run on web-02, and may only once in 10 minutes."


def test_a_storm_of_repairs_stops_at_the_hours_limit() -> None:
    storm = [begun(11 + n, host=f"web-{n}") for n in range(6)]
    assert asked(*storm) == "6 repairs began within the last hour, and no more than 6 may."
    assert asked(*storm[:5]) == ""
    assert asked(*(begun(60 + n, host=f"web-{n}") for n in range(6))) == ""


def test_a_clock_that_was_set_back_does_not_let_an_action_run_again() -> None:
    assert asked(begun(-30)).startswith("restore has run on web-02")


def test_an_action_is_at_work_on_so_many_hosts_at_once_and_no_more() -> None:
    running = [replace(begun(1, host=host), running=True) for host in ("web-03", "web-01")]
    assert too_many("restore", "web-02", running, hosts=3) == ""
    assert too_many("restore", "web-02", running, hosts=2) == (
        "restore is at work on web-01, web-03, and may be on 2 at once."
    )


@pytest.mark.parametrize(
    "before",
    [begun(1, host="web-01"), replace(begun(1), running=True), replace(begun(1, name="start", host="x"), running=True)],
    ids=["one that ended", "the host itself", "another action"],
)
def test_what_is_not_at_work_elsewhere_stops_nothing(before: Begun) -> None:
    assert too_many("restore", "web-02", [before], hosts=1) == ""
