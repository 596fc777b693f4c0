"""Key times and the intervals between them."""

from __future__ import annotations

from datetime import timedelta

from bot.facts import Dropped, Opened, Told
from bot.incident import Incident, Kind, Precision
from bot.postmortem.intervals import Interval, intervals, points
from tests.postmortem.incidents import ADA, Facts, at, machine_run, over_midnight, seed_by_hand


def made(incident: Incident) -> dict[str, Interval]:
    shown = [e for e in incident.timeline if not e.dropped]
    return {i.label: i for i in intervals(points(incident, shown), shown)}


def ends(interval: Interval) -> tuple[str, str]:
    assert interval.start
    assert interval.end
    return interval.start.entry.id, interval.end.entry.id


def test_the_seed_gives_4_45_and_50_minutes() -> None:
    found = made(seed_by_hand())
    assert found["To notify"].value == "4 min"
    assert found["To mitigate, from detection"].value == "45 min"
    assert found["To resolve, from detection"].value == "50 min"
    assert ends(found["To resolve, from detection"]) == ("E2", "E7")


def test_what_is_missing_is_named() -> None:
    assert made(seed_by_hand())["To detect"].value == "cannot be computed: the start of impact is not recorded"


def test_the_first_alert_detects_and_the_first_verified_repair_mitigates() -> None:
    found = made(machine_run())
    assert ends(found["To mitigate, from detection"]) == ("E2", "E9")
    assert found["To prove the cause"].value == "1.4 s"


def test_an_hour_that_happens_twice_counts_twice() -> None:
    found = made(over_midnight())
    assert found["To mitigate, from detection"].value == "4 h 30 min"
    assert found["To detect"].value == "about 10 min"


def test_an_end_before_its_start_is_shown_and_not_clamped() -> None:
    facts = Facts()
    facts.add(Opened(title="x", severity=""), at("10:00:00"), by=ADA)
    facts.told(Kind.DETECTED, "seen", at("10:30:00"), precision=Precision.MINUTE)
    facts.told(Kind.MITIGATED, "fine", at("10:20:00"), precision=Precision.MINUTE)
    assert made(facts.incident())["To mitigate, from detection"].value == "minus 10 min (the second came first)"


def test_a_key_time_whose_entry_was_dropped_is_not_recorded() -> None:
    facts = Facts()
    facts.add(Opened(title="x", severity=""), at("10:00:00"), by=ADA)
    facts.add(Told(kind=Kind.BEGAN, text="began"), at("09:00:00"), by=ADA)
    facts.add(Dropped(entry="E2"), None, by=ADA)
    incident = facts.incident()
    assert "began" not in points(incident, [e for e in incident.timeline if not e.dropped])


def test_a_detection_hours_after_the_end_is_shown_as_it_is() -> None:
    facts = Facts()
    facts.told(Kind.BEGAN, "down", at("08:00:00"))
    facts.told(Kind.DETECTED, "a customer wrote", at("08:00:00") + timedelta(hours=26, minutes=5))
    assert made(facts.incident())["To detect"].value == "1 d 2 h 5 min"
