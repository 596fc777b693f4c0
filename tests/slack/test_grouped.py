"""The card's lines on its alerts together."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.incident import AlertSeen, Incident, Status, problem_id
from bot.slack.grouped import LISTED, OPEN_LISTED, counted, flapping, grouped, grouped_in_words, storm_list
from bot.slack.render import card
from bot.triage.reasons import Why
from tests.slack.samples import AT, shown, small

ALERT = AlertSeen(
    delivery="D1", source="datadog", transition="Triggered", at=AT, title="Down", fingerprint="f0", hostname="web-07"
)


def alerts(*whys: Why) -> list[AlertSeen]:
    """Alerts of one problem that comes and goes, five minutes apart."""
    return [
        replace(ALERT, delivery=f"D{n}", at=AT + timedelta(minutes=5 * n), bad=n % 2 == 0, why=why.value)
        for n, why in enumerate(whys)
    ]


def incident(*whys: Why) -> Incident:
    found = small()
    found.alerts = alerts(*whys)
    return found


def test_what_was_held_back_is_counted_by_its_reason() -> None:
    assert counted(alerts(Why.NEW)) == "1 alert"
    assert counted(alerts(Why.NEW, Why.SAME_PROBLEM)) == "2 alerts"
    held = alerts(Why.NEW, Why.REMINDER, Why.REMINDER, Why.LATE)
    assert counted(held) == "4 alerts, 3 suppressed: 2 said again, 1 late"


def test_a_problem_that_was_held_down_is_one_line() -> None:
    whys = (Why.NEW, Why.SAME_PROBLEM, Why.SAME_PROBLEM, Why.SAME_PROBLEM, Why.FLAPPING, Why.FLAPPING, Why.FLAPPING)
    assert flapping(alerts(*whys)) == ["web-07 flapping: 4 times in 30 min"]
    assert flapping(alerts(Why.NEW, Why.SAME_PROBLEM, Why.SAME_PROBLEM)) == []


def test_recovery_is_a_suggestion_until_it_is_over() -> None:
    well = incident(Why.NEW, Why.SAME_PROBLEM)
    assert "All alerts recovered, 2026-11-22 10:35 UTC: `resolve` if it is over." in grouped_in_words(well)
    assert "All alerts recovered" in shown(card(well, now=AT))
    well.status = Status.RESOLVED
    assert "All alerts recovered" not in shown(card(well, now=AT))
    firing = incident(Why.NEW)
    assert grouped(firing) == []


def test_a_merged_incident_says_where_to_go() -> None:
    gone = incident(Why.NEW)
    gone.merged_into = 4
    assert "Merged into INC-4" in shown(card(gone, now=AT))


def test_a_storm_lists_its_problems_each_with_a_button() -> None:
    storm = small()
    storm.alerts = [replace(ALERT, fingerprint=f"f{n}", why=Why.STORM.value) for n in range(100)]
    assert storm_list(storm) == []
    storm.storm = True
    rows = storm_list(storm)
    values = [row["accessory"]["value"] for row in rows if "accessory" in row]
    assert values == [problem_id(a) for a in storm.alerts[:LISTED]]
    assert "and 90 more" in shown(card(storm, now=AT))
    assert "100 alerts, 100 suppressed: 100 in a storm" in shown(card(storm, now=AT))
    assert OPEN_LISTED in str(card(storm, now=AT).blocks)
    storm.status = Status.CLOSED
    assert storm_list(storm) == []
