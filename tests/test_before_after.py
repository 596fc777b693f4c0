"""What failed, and what the same checks answer since."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.before_after import BAD, before_and_after
from bot.incident import AlertSeen, CheckSeen, Incident
from tests.slack.samples import AT

STATES = ("ok", "warn", "fail", "unknown", "skipped")


def asked(*runs: str, firing: bool = False) -> Incident:
    """An incident whose one check was asked so many times, with these answers."""
    incident = Incident(number=1, opened_at=AT)
    alert = AlertSeen(delivery="D1", source="datadog", transition="", at=AT, bad=firing)
    incident.alerts.append(alert)
    for n, state in enumerate(runs):
        incident.checks.append(CheckSeen(check="port", host="web-02", state=state, at=AT, runbook="web", run=f"r{n}"))
    return incident


@pytest.mark.parametrize(
    ("runs", "firing", "told"),
    [
        (("fail",), False, []),
        (("ok", "fail"), False, []),
        (("ok", "ok"), False, []),
        (("fail", "ok"), False, [("fail", "ok")]),
        (("fail", "ok"), True, [("fail", "ok")]),
        (("fail", "fail"), True, []),
        (("fail", "fail"), False, [("fail", "fail")]),
        (("fail", "unknown"), False, [("fail", "unknown")]),
        (("warn", "ok"), False, [("warn", "ok")]),
        (("fail", "ok", "ok"), False, [("fail", "ok")]),
        (("fail", "warn", "ok"), False, [("warn", "ok")]),
        (("ok", "fail", "ok"), False, [("fail", "ok")]),
    ],
)
def test_what_failed_stands_beside_what_it_answers_now(
    runs: tuple[str, ...], firing: bool, told: list[tuple[str, str]]
) -> None:
    found = before_and_after(asked(*runs, firing=firing))
    assert [(pair.before.state, pair.after.state) for pair in found] == told


def test_what_is_not_well_comes_first_and_each_host_is_looked_at_alone() -> None:
    incident = asked("fail", "ok")
    incident.checks += [replace(c, host="web-03", state="fail") for c in incident.checks]
    incident.checks.append(replace(incident.checks[0], host="web-04"))
    assert [(pair.after.host, pair.well) for pair in before_and_after(incident)] == [
        ("web-03", False),
        ("web-02", True),
    ]


@given(st.lists(st.sampled_from(STATES), max_size=6), st.booleans())
def test_nothing_is_told_that_was_not_bad_before_and_asked_again(runs: list[str], firing: bool) -> None:
    for pair in before_and_after(asked(*runs, firing=firing)):
        assert pair.before.state in BAD
        assert pair.after.state == runs[-1]
        assert pair.before.run != pair.after.run
        assert pair.well or not firing
