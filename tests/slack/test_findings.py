"""What was found, and what is said where nothing was."""

from __future__ import annotations

from dataclasses import replace

from bot.incident import AlertSeen, CheckSeen, Entry, Kind
from bot.slack.render import card
from tests.slack.samples import AT, full, shown, small


def test_an_incident_without_checks_says_why() -> None:
    incident = small()
    incident.alerts.append(AlertSeen(delivery="d", source="datadog", transition="Triggered", at=AT))
    assert "Checks are running." in shown(card(incident, now=AT))
    incident.entries.append(
        Entry(id="E2", kind=Kind.CHECK, occurred_at=AT, recorded_at=AT, text="web-77 is not in the inventory.")
    )
    assert "*Not checked:* web-77 is not in the inventory." in shown(card(incident, now=AT))


def test_checks_that_prove_nothing_say_what_they_found() -> None:
    incident = full()
    incident.causes = []
    incident.checks.append(
        CheckSeen(check="port", host="web-02", state="fail", reason="refused", at=AT, runbook="web", run="r1")
    )
    assert "*No cause is proved.* Checks that failed: port on web-02 (refused)" in shown(card(incident, now=AT))


def test_an_answer_of_an_earlier_run_is_not_shown_as_unknown() -> None:
    incident = full()
    incident.checks.append(replace(incident.checks[0], state="ok", run="r2"))
    assert "Could not check" not in shown(card(incident, now=AT))


def test_a_cause_without_a_repair_says_why() -> None:
    incident = full()
    incident.repairs = []
    incident.entries.append(
        Entry(id="E3", kind=Kind.REMEDIATION, occurred_at=AT, recorded_at=AT, text="No healthy peer is left.")
    )
    assert "*No repair offered:* No healthy peer is left." in shown(card(incident, now=AT))
