"""How times and durations are printed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.incident import Entry, Kind, Precision
from bot.ports import NotAllowed
from bot.postmortem.clock import Clock, span

NOON = datetime(2026, 11, 22, 9, 5, 7, tzinfo=UTC)


def entry(when: datetime | None = NOON, **more: Any) -> Entry:
    return Entry(id="E1", kind=Kind.NOTE, occurred_at=when, recorded_at=NOON, text="x", **more)


def test_a_time_is_printed_local_with_utc_beside_it() -> None:
    assert Clock("Africa/Nairobi").at(NOON) == "12:05:07 EAT (09:05:07 UTC)"


def test_in_utc_it_is_printed_once() -> None:
    assert Clock("UTC").at(NOON, date=True) == "2026-11-22 09:05:07 UTC"


def test_a_zone_without_letters_is_printed_as_its_offset() -> None:
    assert Clock("America/Sao_Paulo").at(NOON) == "06:05:07 UTC-03:00 (09:05:07 UTC)"


def test_another_day_in_utc_shows_both_dates() -> None:
    late = datetime(2026, 11, 22, 22, 0, tzinfo=UTC)
    assert Clock("Asia/Tokyo").at(late, Precision.MINUTE) == "2026-11-23 07:00 JST (2026-11-22 22:00 UTC)"


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (entry(precision=Precision.MINUTE), "12:05 EAT"),
        (entry(precision=Precision.APPROXIMATE), "about 12:05 EAT"),
        (entry(precision=Precision.HOUR), "about 12:05 EAT"),
        (entry(precision=Precision.DATE), "2026-11-22 EAT, hour not known"),
        (entry(precision=Precision.RANGE, ends_at=NOON.replace(hour=10)), "12:05 to 13:05 EAT"),
        (entry(None, precision=Precision.UNKNOWN, typed="14:??"), "unknown (typed “14:??”)"),
        (entry(None, precision=Precision.UNKNOWN), "unknown"),
    ],
)
def test_a_time_is_never_printed_more_exact_than_it_is(made: Entry, said: str) -> None:
    assert Clock("Africa/Nairobi").cell(made, date=False) == said


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "UST"])
def test_an_unknown_zone_is_refused_with_a_remedy(zone: str) -> None:
    with pytest.raises(NotAllowed, match="Europe/Berlin"):
        Clock(zone)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "0.2 s"),
        (9.96, "10.0 s"),
        (45, "45 s"),
        (60, "1 min"),
        (2590, "43 min 10 s"),
        (93900, "1 d 2 h 5 min"),
        (90061, "1 d 1 h 1 min"),
    ],
)
def test_durations_are_said_in_the_units_that_people_use(seconds: float, said: str) -> None:
    assert span(seconds) == said


def test_a_duration_between_minutes_has_no_seconds() -> None:
    assert span(2700, exact=False) == "45 min"
    assert span(30, exact=False) == "0 min"


@given(st.floats(min_value=0, max_value=10**8))
def test_every_duration_can_be_said(seconds: float) -> None:
    assert span(seconds)
    assert span(seconds, exact=False)
