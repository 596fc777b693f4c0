"""Open questions: what the record contradicts, leaves out or cannot know."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.facts import AlertAttached, ChecksAnswered, Opened, Resolved
from bot.incident import Incident, Kind, Precision
from bot.postmortem.questions import questions
from bot.postmortem.story import Story
from tests.postmortem.incidents import ADA, Facts, alert, at, check, machine_run


def asked(incident: Incident) -> str:
    return "\n".join(questions(Story(incident, zone="UTC")))


def started(*notes: tuple[Kind, str, datetime | None]) -> Facts:
    facts = Facts()
    facts.add(Opened(title="x", severity="SEV1"), at("10:00:00"), by=ADA)
    for kind, text, when in notes:
        facts.told(kind, text, when)
    return facts


def test_key_times_in_the_wrong_order_are_asked_about() -> None:
    facts = started((Kind.DETECTED, "seen", at("10:30:00")), (Kind.MITIGATED, "fine", at("10:10:00")))
    said = asked(facts.incident())
    assert "“Mitigated” is at 2026-11-22 10:10:00 UTC [E3], before “Detected” at 2026-11-22 10:30:00 UTC [E2]" in said


def test_long_silence_during_the_incident_is_asked_about() -> None:
    facts = started((Kind.DETECTED, "seen", at("10:00:00")), (Kind.NOTE, "later", at("10:40:00")))
    assert "Nothing is recorded for 40 min between 10:00:00 UTC [E2] and 10:40:00 UTC [E3]" in asked(facts.incident())


def test_silence_after_the_mitigation_is_no_question() -> None:
    facts = started((Kind.DETECTED, "seen", at("10:00:00")), (Kind.MITIGATED, "fine", at("10:05:00")))
    facts.add(Resolved(), at("15:00:00"), by=ADA)
    assert "Nothing is recorded" not in asked(facts.incident())


def test_an_entry_without_a_time_is_asked_about_with_the_word_that_mends_it() -> None:
    facts = started()
    facts.told(Kind.NOTE, "x", None, typed="14:??", precision=Precision.UNKNOWN)
    assert "E2 has no time (typed “14:??”) [E2]: when was it? Correct it with `/incident fix E2 at TIME`" in asked(
        facts.incident()
    )


def test_a_check_that_could_not_be_asked_is_a_question_and_no_proof() -> None:
    facts = started()
    result = check("disk", "web-01", "unknown", "unreachable")
    facts.add(ChecksAnswered(runbook="r", host="web-01", run="r1", results=(result,)), at("10:01:00"))
    assert "The check `disk` on `web-01` could not be asked (unreachable) [E2]" in asked(facts.incident())


def test_a_stated_duration_that_no_two_entries_give_is_asked_about() -> None:
    facts = started((Kind.DETECTED, "seen", at("10:00:00")), (Kind.MITIGATED, "fine", at("10:45:00")))
    facts.told(Kind.IMPACT, "Pages were slow for 45 minutes, and searches for 3 hours", at("11:00:00"))
    said = asked(facts.incident())
    assert "“3 hours” [E4]: no two entries are that far apart" in said
    assert "“45 minutes”" not in said


def test_a_resolution_without_a_recovery_is_asked_about() -> None:
    facts = started()
    facts.add(AlertAttached(alert=alert()), at("10:30:00"))
    facts.add(Resolved(), at("10:40:00"), by=ADA)
    assert "no recovery of the alert is recorded [E2, E3]" in asked(facts.incident())
    assert "no recovery" not in asked(machine_run())


def test_what_is_missing_is_asked_for_with_its_command() -> None:
    said = asked(started().incident())
    for command in ("began TIME", "impact", "cause", "factor", "mitigated TIME", "resolve TIME", "action", "lead"):
        assert f"`/incident {command}`" in said


def test_many_questions_of_one_kind_are_counted() -> None:
    facts = started()
    for _ in range(20):
        facts.told(Kind.NOTE, "x", at("12:00:00"), recorded=at("09:00:00"))
    assert "Further questions of this kind, left out here: 15." in asked(facts.incident())


def test_many_entries_without_a_time_are_one_question() -> None:
    said = asked(started(*[(Kind.NOTE, "x", None) for _ in range(4)]).incident())
    assert "4 entries have no time [E2, E3, E4, E5]: when were they?" in said
    assert "E2 has no time" not in said


def test_an_entry_dated_after_it_was_written_is_asked_about() -> None:
    facts = started()
    facts.told(Kind.NOTE, "x", at("12:00:00"), recorded=at("12:00:00") - timedelta(hours=3))
    assert "E2 is dated later than it was written down [E2]" in asked(facts.incident())
