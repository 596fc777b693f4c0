"""The leading time of what people say: the notations, the rules, and the echo that reads back."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.incident import Precision
from bot.ports import NotAllowed
from bot.spoken_time import Ask, Context, NoTime, Refused, Understood, echo, understand, understand_date, zone_of

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NAIROBI = ZoneInfo("Africa/Nairobi")
BERLIN = ZoneInfo("Europe/Berlin")
ZONES = sorted(name for name in available_timezones() if name not in ("Factory", "localtime", "posixrules"))
FURTHER = (Path(__file__).parent / "data" / "further_notations.txt").read_text("utf-8").splitlines()
"""What is said in Berlin at NOW, and after `=>` the echo, `!` with the number of warnings, and the words after `|`."""
NOTATIONS = json.loads((Path(__file__).parent / "data" / "time_notations.json").read_text())


def hear(text: str, *, zone: tzinfo = UTC, now: datetime = NOW, **more: Any) -> Understood:
    """What was understood of a text; fails with the question or the refusal."""
    heard = understand(text, Context(now=now, zone=zone, **more))
    assert isinstance(heard, Understood), heard
    return heard


def told(text: str, **more: Any) -> str:
    """The local time that was understood, with its date."""
    heard = hear(text, **more)
    assert heard.at is not None
    return heard.at.astimezone(heard.tz or UTC).strftime("%Y-%m-%d %H:%M")


def _context(case: dict[str, str]) -> Context:
    day = date.fromisoformat(case["date"]) if "date" in case else None
    zone = zone_of(case["zone"]) if "zone" in case else UTC
    return Context(
        now=_instant(case["now"]) if "now" in case else NOW,
        zone=zone,
        date=day,
        year=int(case["year"]) if "year" in case else None,
        previous=datetime.combine(day, time.fromisoformat(case["prev"]), zone) if day and "prev" in case else None,
        started=_instant(case["start"]) if "start" in case else None,
    )


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _local(heard: Understood) -> datetime:
    assert heard.at is not None
    return heard.at.astimezone(heard.tz)


def _zulu(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _check(heard: Understood, expect: dict[str, str], context: Context) -> None:
    if "utc" in expect and "T" in expect["utc"]:
        assert heard.at == _zulu(expect["utc"])
    elif "utc" in expect:
        assert heard.at is not None
        assert f"{heard.at:%H:%M}" == expect["utc"]
    if "time" in expect:
        assert _local(heard).strftime("%H:%M:%S").startswith(expect["time"])
    if "local" in expect:
        assert f"{_local(heard):%Y-%m-%dT%H:%M}" == expect["local"]
    if "date" in expect:
        assert str(heard.on) == expect["date"]
    if "day" in expect:
        assert context.date is not None
        assert _local(heard).date() == context.date + timedelta(days=int(expect["day"]))
    _check_words(heard, expect)


def _check_words(heard: Understood, expect: dict[str, str]) -> None:
    if "offset" in expect:
        assert _local(heard).strftime("%z") == expect["offset"].replace(":", "")
    if "end" in expect:
        end = heard.ends_at.astimezone(heard.tz).isoformat() if heard.ends_at else "unknown"
        assert expect["end"] in end
    assert heard.precision == expect.get("precision", heard.precision)
    assert heard.zone == expect.get("zone", heard.zone)
    assert heard.note == expect.get("note", heard.note)
    assert bool(heard.warnings) >= ("warn" in expect or "flag" in expect)


@pytest.mark.parametrize("case", NOTATIONS, ids=[case["raw"] for case in NOTATIONS])
@pytest.mark.parametrize("parting", [" – ", " - ", ": ", "\t", " | ", " "])
def test_every_known_notation_is_read_as_expected(case: dict[str, Any], parting: str) -> None:
    context, expect = _context(case["context"]), case["expect"]
    heard = understand(f"{case['raw']}{parting}the pool was drained", context)
    if "none" in expect:
        assert isinstance(heard, NoTime)
    elif "ask" in expect.get("warn", "") or "unknown zone" in expect.get("warn", "") or "ask" in expect:
        assert isinstance(heard, Ask)
        assert expect["time"] in heard.question
        assert expect.get("zone", "") in heard.question
    elif "reject" in expect:
        assert isinstance(heard, Refused)
        assert heard.suggestion
    else:
        assert isinstance(heard, Understood)
        assert heard.rest == "the pool was drained"
        assert heard.typed == case["raw"]
        _check(heard, expect, context)


@pytest.mark.parametrize("case", FURTHER)
def test_further_notations_are_read_asked_about_or_refused(case: str) -> None:
    said, _, expected = case.partition(" => ")
    heard = understand(said, Context(now=NOW, zone=BERLIN))
    match heard:
        case Understood():
            warned = f" !{len(heard.warnings)}" if heard.warnings else ""
            assert f"{echo(heard)}{warned} | {heard.rest}" == expected
            assert heard.at is None or hear(echo(heard), zone=BERLIN).at == heard.at
        case Ask(choices=choices):
            assert expected == "asks"
            assert choices
        case Refused():
            assert expected == "refused"
            assert heard.suggestion
        case NoTime():
            assert expected == "no time"


@pytest.mark.parametrize(
    ("said", "local"),
    [
        ("10:30am", "2026-11-22 10:30"),
        ("08:30 AM", "2026-11-22 08:30"),
        ("5:15 p.m.", "2026-11-21 17:15"),
        ("11.15am", "2026-11-22 11:15"),
        ("2214HRS", "2026-11-21 22:14"),
        ("0029HRS", "2026-11-22 00:29"),
        ("1420h", "2026-11-22 14:20"),
        ("14h20", "2026-11-22 14:20"),
        ("930am", "2026-11-22 09:30"),
        ("5 PM", "2026-11-21 17:00"),
        ("12:30 PM", "2026-11-22 12:30"),
        ("12:05 AM", "2026-11-22 00:05"),
        ("15:40PM", "2026-11-21 15:40"),
        ("8:40", "2026-11-22 08:40"),
        ("noon", "2026-11-22 12:00"),
        ("12 noon", "2026-11-22 12:00"),
        ("midnight", "2026-11-22 00:00"),
        ("24:00", "2026-11-22 00:00"),
        ("yesterday 23:50", "2026-11-21 23:50"),
        ("23:50 yesterday", "2026-11-21 23:50"),
        ("today at 09:15", "2026-11-22 09:15"),
        ("last night 23:50", "2026-11-21 23:50"),
        ("last night at 11:30", "2026-11-21 23:30"),
        ("this morning 9:15", "2026-11-22 09:15"),
        ("this afternoon 2:15", "2026-11-22 14:15"),
        ("2 days ago at 14:20", "2026-11-20 14:20"),
        ("Friday 14:20", "2026-11-20 14:20"),
        ("Mar 3, 9:40 AM", "2026-03-03 09:40"),
        ("Dec 3 10:00", "2025-12-03 10:00"),
        ("7. May, 14:00", "2026-05-07 14:00"),
        ("06/May/2022 14:00", "2022-05-06 14:00"),
        ("29 april 2022 14:00", "2022-04-29 14:00"),
        ("14:00, 3rd Oct", "2026-10-03 14:00"),
        ("3rd of October 2025 at 14:00", "2025-10-03 14:00"),
        ("Tuesday, December 3, 2024 10:00", "2024-12-03 10:00"),
        ("25-02-2023 10:00", "2023-02-25 10:00"),
        ("02-14-2025 10:00", "2025-02-14 10:00"),
        ("03.04.2022 10:00", "2022-04-03 10:00"),
        ("20/11/2026 at 10:30", "2026-11-20 10:30"),
        ("2017/01/31 6pm", "2017-01-31 18:00"),
        ("2023-04-02 - 09:15", "2023-04-02 09:15"),
        ("2023-04-02T09:15", "2023-04-02 09:15"),
        ("20230402T0915", "2023-04-02 09:15"),
        ("[10:30]", "2026-11-22 10:30"),
        ("(10:30)", "2026-11-22 10:30"),
        ("At 4:10 PM", "2026-11-21 16:10"),
        ("T+15", "2026-11-22 10:15"),
        ("T+1h20", "2026-11-22 11:20"),
        ("T+01:30", "2026-11-22 11:30"),
        ("T-5", "2026-11-22 09:55"),
        ("T0", "2026-11-22 10:00"),
        ("T + 15 min", "2026-11-22 10:15"),
        ("20.11. 10:30", "2026-11-20 10:30"),
        ("11.20.2026 10:30", "2026-11-20 10:30"),
        ("the 21st of November at 10:30", "2026-11-21 10:30"),
        ("yesterday evening 7:30", "2026-11-21 19:30"),
        ("yesterday evening at 7:30", "2026-11-21 19:30"),
        ("an hour and a half ago", "2026-11-22 13:15"),
        ("9 o'clock", "2026-11-22 09:00"),
        ("1：30 PM", "2026-11-22 13:30"),
        ("1:30\u202fPM", "2026-11-22 13:30"),
        ("Sept. 5, 2023 10:00", "2023-09-05 10:00"),
        ("22:00 (Tue)", "2026-11-17 22:00"),
        ("22:00 (May 2)", "2026-05-02 22:00"),
        ("Yesterday, 10:30 PM", "2026-11-21 22:30"),
        ("May  2 10:30:22", "2026-05-02 10:30"),
        ("02 May 10:30", "2026-05-02 10:30"),
        ("the day before yesterday 10:30", "2026-11-20 10:30"),
    ],
)
def test_a_clock_time_means_the_nearest_past(said: str, local: str) -> None:
    started = datetime(2026, 11, 22, 10, 0, tzinfo=NAIROBI)
    heard = hear(f"{said} web2 is back", started=started, zone=NAIROBI, now=datetime(2026, 11, 22, 11, 45, tzinfo=UTC))
    assert heard.rest == "web2 is back"
    assert f"{_local(heard):%Y-%m-%d %H:%M}" == local


@pytest.mark.parametrize(
    ("said", "utc"),
    [
        ("10:30 UTC", "10:30"),
        ("10:30utc", "10:30"),
        ("10:30Z", "10:30"),
        ("1030Z", "10:30"),
        ("10:30 (GMT)", "10:30"),
        ("10:30 GMT+1", "09:30"),
        ("10:30 GMT +1", "09:30"),
        ("10:30 UTC-4", "14:30"),
        ("10:30 (UTC+05:30)", "05:00"),
        ("10:30+02:00", "08:30"),
        ("10:30 +0200", "08:30"),
        ("10:30 -0400", "14:30"),
        ("10:30 EAT", "07:30"),
        ("10:30 WAT", "09:30"),
        ("10:30 CAT", "08:30"),
        ("10:30 EEST", "07:30"),
        ("10:30 CET", "09:30"),
        ("10:30 CEST", "08:30"),
        ("10:30 PDT", "17:30"),
        ("15.25 PST", "23:25"),
        ("10:30 PT", "18:30"),
        ("10:30 Eastern time", "15:30"),
        ("10:30 US Eastern", "15:30"),
        ("10:30 Eastern Daylight Time", "14:30"),
        ("10:30 Pacific", "18:30"),
        ("10:30 US/Pacific", "18:30"),
        ("10:30 America/New_York", "15:30"),
        ("10:30 america/new_york", "15:30"),
        ("10:30 Etc/GMT+1", "11:30"),
        ("10:30 Nairobi time", "07:30"),
        ("10:30 New York time", "15:30"),
        ("10:30 East Africa Time", "07:30"),
        ("10:30 Central European Summer Time", "08:30"),
        ("10:30 JST", "01:30"),
        ("10:30 NPT", "04:45"),
        ("12:58 PDT / 19:58 GMT", "19:58"),
        ("12:58 CST / 18:58 GMT", "18:58"),
        ("11:13 XYT (08:13 UTC)", "11:13"),
        ("11:13 (08:13 UTC)", "08:13"),
        ("2026-11-22T10:30:00-05:00", "15:30"),
        ("2026-11-22 10:30:00 -0500", "15:30"),
        ("06/Nov/2026:10:30:03 +0000", "10:30"),
        ("Thu, 05 Nov 2026 10:30:22 GMT", "10:30"),
        ("Thu May  2 10:30:22 UTC 2024", "10:30"),
        ("Thu May  2 10:30:22 2024", "10:30"),
        ("2026-05-02T10:30:00.000+0000", "10:30"),
        ("10:30, UTC", "10:30"),
        ("10:30 EAT/07:30 UTC", "07:30"),
        ("10:30 EAT (UTC+3)", "07:30"),
        ("10:30 CST (UTC-6)", "16:30"),
        ("UTC 10:30", "10:30"),
        ("EAT 10:30", "07:30"),
        ("1:30 p.m. ET", "18:30"),
        ("00.45 CET", "23:45"),
        ("2026-05-02 10:30 Europe/Berlin", "08:30"),
    ],
)
def test_a_zone_that_is_said_wins(said: str, utc: str) -> None:
    heard = hear(said + " – text")
    assert heard.at is not None
    assert f"{heard.at:%H:%M}" == utc


@pytest.mark.parametrize(
    "said",
    [
        "port 8080 open",
        "8080 open",
        "8080 UTC open",
        "v1.28.4 rolled out",
        "1.28.4 rolled out",
        "9/12 of nodes failed",
        "3 of 5 nodes",
        "100 requests a second",
        "10.0.0.1 is down",
        "localhost:8080 refuses",
        "11.15 GB used",
        "2024 was a bad year",
        "12:30% of it",
        "10:30.log was rotated",
        "2024-01-15.log was rotated",
        "00:1a:2b:3c:4d:5e joined",
        "May I restart web2",
        "1 may have crashed",
        "now serving traffic",
        "10 minutes before the alert",
        "24h maintenance window",
        "12 servers, 3 of them down",
        "$10:30",
        "",
        "   ",
        "–",
    ],
)
def test_versions_ports_fractions_and_words_are_no_time(said: str) -> None:
    assert isinstance(understand(said, Context(now=NOW)), NoTime)


@pytest.mark.parametrize(
    ("said", "rest"),
    [
        ("10:30 2 servers down", "2 servers down"),
        ("10:30 (web2) restarted", "(web2) restarted"),
        ("10:30 +2 nodes added", "+2 nodes added"),
        ("10:30 -5 nodes", "-5 nodes"),
        ("10:30 - 2 servers down", "2 servers down"),
        ("10:30 DNS failing", "DNS failing"),
        ("10:30 GET /health is 500", "GET /health is 500"),
        ("10:30 REST API is back", "REST API is back"),
        ("10:30 eat my hat", "eat my hat"),
        ("10:30 Z-index wrong", "Z-index wrong"),
        ("10:30 May deploy failed", "May deploy failed"),
        ("10:30 1st alert", "1st alert"),
        ("10:30 until further notice", "until further notice"),
        ("10:30 ~50% of users", "~50% of users"),
        ("10:30 – May 3 deploy was bad", "May 3 deploy was bad"),
        ("10:30 CET/CEST mixed up", "CET/CEST mixed up"),
        ("10:30 Eastern region lost power", "Eastern region lost power"),
        ("10:30 yesterday's deploy", "yesterday's deploy"),
        ("10:30 Monday deploy broke it", "Monday deploy broke it"),
        ("10:30 after 3:10 of waiting", "after 3:10 of waiting"),
        ("10:30 port 8080 open", "port 8080 open"),
        ("10:30 v1.28.4 rolled out", "v1.28.4 rolled out"),
        ("10:30: 9/12 of nodes failed", "9/12 of nodes failed"),
        ("10:30am – 50% of users", "50% of users"),
        ("10:30:text", "text"),
        ("4:10 PM someone ran the job at 11:40 PM", "someone ran the job at 11:40 PM"),
        ("10:30", ""),
    ],
)
def test_only_the_leading_time_is_taken(said: str, rest: str) -> None:
    heard = hear(said)
    assert heard.rest == rest
    assert heard.precision is Precision.MINUTE
    assert heard.ends_at is None


@pytest.mark.parametrize(
    ("said", "start", "end"),
    [
        ("09:00 - 11:00", "09:00", "11:00"),
        ("8:20 – 8:24", "08:20", "08:24"),
        ("09:00 to 11:00", "09:00", "11:00"),
        ("from 09:00 until 11:00", "09:00", "11:00"),
        ("between 09:00 and 11:00", "09:00", "11:00"),
        ("09:00 UTC - 11:00 UTC", "09:00", "11:00"),
        ("09:00 -> 11:00", "09:00", "11:00"),
        ("09:30 UTC-11:30 UTC", "09:30", "11:30"),
        ("2-3am", "02:00", "03:00"),
        ("9:30-11:15am", "09:30", "11:15"),
        ("11:30 am - 1:15", "11:30", "13:15"),
        ("23:50 - 00:10", "23:50", "00:10"),
        ("2026-11-20 09:00 - 2026-11-21 11:00", "09:00", "11:00"),
    ],
)
def test_a_range_has_two_ends_and_is_no_offset(said: str, start: str, end: str) -> None:
    heard = hear(said + " load test", now=datetime(2026, 11, 22, 13, 20, tzinfo=UTC))
    assert heard.rest == "load test"
    assert heard.precision is Precision.RANGE
    assert heard.at is not None
    assert heard.ends_at is not None
    assert (f"{heard.at:%H:%M}", f"{heard.ends_at:%H:%M}") == (start, end)
    assert heard.at <= heard.ends_at


def test_a_range_of_days_has_two_days() -> None:
    heard = hear("2024-01-16 to 2024-02-28 slow leak")
    assert (heard.precision, heard.rest) == (Precision.RANGE, "slow leak")
    assert heard.ends_at == datetime(2024, 2, 28, 23, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "note"),
    [
        ("~13:30", ""),
        ("ca. 13:30", ""),
        ("circa 13:30", ""),
        ("about 13:30", ""),
        ("13:30~", ""),
        ("1:30pm-ish", ""),
        ("Around 13:30", ""),
        ("at around 13:30", ""),
        ("13:30 or so", ""),
        ("13:30?", ""),
        ("13:30 ± 5 min", ""),
        ("13:30 (approx.)", ""),
        ("13:30 (maybe earlier?)", "maybe earlier?"),
        ("by 13:30", "the latest that it can have been"),
        ("2026-11-21 ca. 13:30", ""),
    ],
)
def test_what_is_said_vaguely_is_approximate(said: str, note: str) -> None:
    heard = hear(said + " queue grew")
    assert (heard.precision, heard.note, heard.rest) == (Precision.APPROXIMATE, note, "queue grew")
    assert told(said) == "2026-11-21 13:30"


@pytest.mark.parametrize("said", ["1X:XX", "??:??", "--:--", "HH:mm", "2022/23-??-??", "2022-05-??", "TBD", "??"])
def test_an_unknown_time_is_kept_as_typed(said: str) -> None:
    heard = hear(said + " - somebody called")
    assert (heard.at, heard.precision) == (None, Precision.UNKNOWN)
    assert (heard.typed, heard.rest) == (said, "somebody called")
    assert said in echo(heard)


@pytest.mark.parametrize(
    ("said", "minutes", "precision"),
    [
        ("10 min ago", 10, Precision.MINUTE),
        ("5m ago", 5, Precision.MINUTE),
        ("1h20m ago", 80, Precision.MINUTE),
        ("1 hour and 20 minutes ago", 80, Precision.MINUTE),
        ("half an hour ago", 30, Precision.MINUTE),
        ("an hour ago", 60, Precision.APPROXIMATE),
        ("2.5 hours ago", 150, Precision.APPROXIMATE),
        ("about ten minutes ago", 10, Precision.APPROXIMATE),
        ("a few minutes ago", 3, Precision.APPROXIMATE),
        ("just now", 0, Precision.SECOND),
    ],
)
def test_relative_times_are_measured_from_when_it_was_said(said: str, minutes: int, precision: Precision) -> None:
    heard = hear(said + " disk full")
    assert (heard.at, heard.precision, heard.rest) == (NOW - timedelta(minutes=minutes), precision, "disk full")


def test_a_clock_up_to_fifteen_minutes_ahead_is_today_and_further_ahead_yesterday() -> None:
    assert told("12:15") == "2026-11-22 12:15"
    assert told("12:16") == "2026-11-21 12:16"


def test_an_explicit_date_is_kept_even_ahead_of_now_and_said() -> None:
    heard = hear("2026-11-23 10:00 x")
    assert told("2026-11-23 10:00 x") == "2026-11-23 10:00"
    assert heard.warnings == ("that is still to come",)


@pytest.mark.parametrize(
    ("before", "typed", "local"),
    [
        ("16:20", "16:20", "2024-01-15 16:20"),
        ("16:20", "16:15", "2024-01-15 16:15"),
        ("16:20", "15:21", "2024-01-15 15:21"),
        ("23:40", "00:15", "2024-01-16 00:15"),
        ("21:30", "08:00", "2024-01-16 08:00"),
        ("18:40", "2024-01-15 11:10", "2024-01-15 11:10"),
        ("23:40", "00:15 (+1 day)", "2024-01-16 00:15"),
        ("10:00", "11:00 next day", "2024-01-16 11:00"),
        ("10:00", "24:00", "2024-01-16 00:00"),
        ("10:00", "20 minutes later", "2024-01-15 10:20"),
    ],
)
def test_a_row_without_a_date_follows_the_row_before(before: str, typed: str, local: str) -> None:
    previous = datetime.combine(date(2024, 1, 15), time.fromisoformat(before), UTC)
    assert told(typed, previous=previous, date=date(2024, 1, 15)) == local


def test_a_step_back_that_fits_neither_day_is_asked_about() -> None:
    heard = understand("11:39AM", Context(now=NOW, previous=datetime(2025, 5, 13, 20, 21, tzinfo=UTC)))
    assert isinstance(heard, Ask)
    assert heard.choices == ("2025-05-13 11:39", "2025-05-14 11:39")


def test_rows_out_of_order_are_kept_and_flagged() -> None:
    previous = datetime(2024, 1, 15, 16, 20, tzinfo=UTC)
    assert hear("16:15", previous=previous).warnings
    assert hear("2024-01-15 11:10", previous=previous).warnings
    assert not hear("16:25", previous=previous).warnings


def test_a_row_with_only_an_hour_or_a_day_keeps_its_place() -> None:
    previous = datetime(2024, 3, 13, 14, 20, tzinfo=UTC)
    for typed in ("14:??", "2024-03-13 14:??", "2024-03-13 HH:mm", "2024-03-13"):
        assert hear(typed + " – x", previous=previous).at == previous


@pytest.mark.parametrize(
    ("said", "suggestion"),
    [
        ("26:40 x", "02:40 (+1 day)"),
        ("23:65 x", "like 14:05"),
        ("20233-05-01 x", "2023-05-01"),
        ("2023-13-40 x", "year-month-day"),
        ("31-02-2023 x", "year-month-day"),
        ("Feb 30 10:00 x", "a day that the month has"),
        ("10:5 restarted", "10:05"),
        ("2575HRS x", "like 14:05"),
        ("T+15 x", "clock time"),
        ("11:00 - 2026-11-20 10:00 x", "earlier time first"),
        ("9999999999 days ago x", "type a date"),
    ],
)
def test_nonsense_is_refused_with_a_suggestion(said: str, suggestion: str) -> None:
    heard = understand(said, Context(now=NOW))
    assert isinstance(heard, Refused), heard
    assert suggestion in heard.suggestion


@pytest.mark.parametrize(
    ("said", "choices"),
    [
        ("03-04-2022 10:00 x", ("2022-04-03", "2022-03-04")),
        ("10:30 CST x", ("10:30 UTC-6", "10:30 UTC+8", "10:30 UTC-5")),
        ("10:30 IST x", ("10:30 UTC+5:30", "10:30 UTC+2", "10:30 UTC+1")),
        ("10:30 UST x", ("10:30 UTC",)),
        ("11.15 restored", ("11:15",)),
        ("14:00 - 05:00 x", ("14:00 - 05:00 (+1 day)", "05:00 - 14:00")),
    ],
)
def test_what_has_several_readings_is_asked_about(said: str, choices: tuple[str, ...]) -> None:
    heard = understand(said, Context(now=NOW))
    assert isinstance(heard, Ask), heard
    assert heard.choices == choices
    for choice in choices:
        assert isinstance(understand(choice + " x", Context(now=NOW)), Understood)


def test_figures_are_settled_by_the_configured_order_or_the_day_around() -> None:
    assert told("03-04-2022 10:00", day_first=True) == "2022-04-03 10:00"
    assert told("03-04-2022 10:00", day_first=False) == "2022-03-04 10:00"
    assert told("01-10-2024 7:32 PM", date=date(2024, 1, 10)) == "2024-01-10 19:32"


def test_a_dot_is_a_colon_where_the_rows_around_say_so() -> None:
    assert told("11.15 restored", dotted=True) == "2026-11-22 11:15"


@pytest.mark.parametrize(
    ("name", "home", "offset"),
    [
        ("IST", "Asia/Kolkata", 5.5),
        ("IST", "Asia/Jerusalem", 2),
        ("IST", "Europe/Dublin", 1),
        ("CST", "America/Chicago", -6),
        ("CST", "Asia/Shanghai", 8),
        ("CST", "America/Havana", -5),
        ("BST", "Europe/London", 1),
        ("BST", "Asia/Dhaka", 6),
        ("BST", "Africa/Nairobi", 1),
        ("PST", "Asia/Manila", 8),
        ("GST", "Asia/Dubai", 4),
        ("AST", "Asia/Riyadh", 3),
        ("SST", "Asia/Singapore", 8),
    ],
)
def test_an_abbreviation_with_several_meanings_is_the_one_of_the_persons_zone(
    name: str, home: str, offset: float
) -> None:
    heard = hear(f"10:30 {name} x", zone=ZoneInfo(home))
    assert heard.offset == timedelta(hours=offset)


def test_an_abbreviation_out_of_season_is_literal_and_says_so() -> None:
    heard = hear("2024-05-09 17:30 PST alerts")
    assert heard.at == datetime(2024, 5, 10, 1, 30, tzinfo=UTC)
    assert "PDT" in heard.warnings[0]
    assert not hear("2024-01-09 17:30 PST alerts").warnings
    assert not hear("2024-05-09 17:30 MST alerts", zone=ZoneInfo("America/Phoenix")).warnings


def test_two_zones_that_disagree_are_flagged() -> None:
    assert not hear("2015-08-27 12:58 PDT / 19:58 GMT x").warnings
    assert hear("2015-08-27 12:58 PDT / 18:58 GMT x").warnings


def test_a_weekday_is_a_check_on_its_date() -> None:
    assert not hear("Tue Dec 3 2024 10:00 x").warnings
    assert "Tuesday" in hear("Wed Dec 3 2024 10:00 x").warnings[0]


def test_a_time_that_the_clocks_skipped_is_refused() -> None:
    heard = understand("2026-03-29 02:30 x", Context(now=NOW, zone=BERLIN))
    assert isinstance(heard, Refused)
    assert "03:30 CEST" in heard.suggestion


def test_a_time_that_came_twice_is_asked_about_and_its_choices_are_not() -> None:
    heard = understand("2026-10-25 02:30 x", Context(now=NOW, zone=BERLIN))
    assert isinstance(heard, Ask)
    instants = [hear(choice, zone=BERLIN).at for choice in heard.choices]
    assert instants == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)]


def test_of_two_equal_clock_times_the_one_still_to_come_is_not_meant() -> None:
    now = datetime(2026, 10, 25, 0, 40, tzinfo=UTC)
    assert hear("02:30 x", zone=BERLIN, now=now).at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_the_echo_says_the_zone_and_utc_and_the_date_of_another_day() -> None:
    assert echo(hear("11:13 x", zone=NAIROBI), now=NOW) == "11:13 EAT (08:13 UTC)"
    assert echo(hear("23:50 x", zone=NAIROBI), now=NOW) == "2026-11-21 23:50 EAT (20:50 UTC)"
    assert echo(hear("01:10 x", zone=NAIROBI), now=NOW) == "01:10 EAT (2026-11-21 22:10 UTC)"
    assert echo(hear("~11:13 x", zone=NAIROBI), now=NOW) == "about 11:13 EAT (08:13 UTC)"
    assert echo(hear("11:13 CAT x"), NAIROBI, now=NOW) == "12:13 EAT (09:13 UTC)"
    assert echo(hear("09:00-11:00 x", zone=NAIROBI), now=NOW) == "between 09:00 and 11:00 EAT (06:00 and 08:00 UTC)"
    assert echo(hear("11:13 x"), now=NOW) == "11:13 UTC"
    assert echo(hear("2019-12-03 --:-- x")) == "2019-12-03 (no time of day)"


_FIRST = datetime(1980, 1, 1, tzinfo=UTC)
_INSTANTS = st.integers(0, 57 * 365 * 24 * 60).map(lambda minutes: _FIRST + timedelta(minutes=minutes))


def _edge(zone: str, year: int, hours: int) -> datetime:
    """An instant near a change of the clocks, if the zone has one in that year."""
    tz, at = ZoneInfo(zone), datetime(year, 1, 1, tzinfo=UTC)
    for _ in range(365 * 4):
        if at.astimezone(tz).utcoffset() != (at + timedelta(hours=6)).astimezone(tz).utcoffset():
            break
        at += timedelta(hours=6)
    return at + timedelta(minutes=30 * hours)


@given(at=_INSTANTS, zone=st.sampled_from(ZONES), later=st.timedeltas(timedelta(0), timedelta(days=3)))
def test_the_echo_reads_back_as_the_same_instant_in_every_zone(at: datetime, zone: str, later: timedelta) -> None:
    tz, now = ZoneInfo(zone), at + later
    understood = Understood(at=at, precision=Precision.MINUTE, typed="", rest="", tz=tz)
    heard = hear(echo(understood, now=now) + " – text", zone=tz, now=now)
    assert (heard.at, heard.precision, heard.rest) == (at, Precision.MINUTE, "text")


@given(zone=st.sampled_from(ZONES), year=st.integers(1990, 2030), half_hours=st.integers(-6, 18))
@example(zone="Europe/Berlin", year=2026, half_hours=5)
@example(zone="Australia/Lord_Howe", year=2026, half_hours=3)
def test_the_echo_reads_back_at_the_changes_of_the_clocks(zone: str, year: int, half_hours: int) -> None:
    tz, at = ZoneInfo(zone), _edge(zone, year, half_hours)
    understood = Understood(at=at, precision=Precision.APPROXIMATE, typed="", rest="", tz=tz)
    heard = hear(echo(understood, now=at) + " text", zone=tz, now=at + timedelta(minutes=10))
    assert (heard.at, heard.precision) == (at, Precision.APPROXIMATE)


@given(at=_INSTANTS, zone=st.sampled_from(ZONES), length=st.integers(1, 600), about=st.booleans())
def test_the_echo_of_a_range_reads_back(at: datetime, zone: str, length: int, about: bool) -> None:
    tz, end = ZoneInfo(zone), at + timedelta(minutes=length)
    precision = Precision.APPROXIMATE if about else Precision.RANGE
    understood = Understood(at=at, ends_at=end, precision=precision, typed="", rest="", tz=tz)
    heard = hear(echo(understood) + " text", zone=tz, now=end)
    assert (heard.at, heard.ends_at, heard.precision) == (at, end, precision)


@given(at=_INSTANTS, zone=st.sampled_from(ZONES))
def test_a_wall_clock_is_read_as_an_instant_that_shows_it_or_not_at_all(at: datetime, zone: str) -> None:
    tz = ZoneInfo(zone)
    local = at.astimezone(tz).replace(tzinfo=None)
    heard = understand(f"{local:%Y-%m-%d %H:%M} x", Context(now=at, zone=tz))
    assert not isinstance(heard, NoTime | Refused)
    if isinstance(heard, Understood):
        assert heard.at == at


@given(
    st.one_of(
        st.text(),
        st.lists(
            st.sampled_from(
                [
                    *"0123456789:.-–/+~?()[] ",
                    "10:30",
                    " am",
                    "pm",
                    " UTC",
                    "CST",
                    "2024",
                    "May ",
                    "T",
                    "ago",
                    " min ",
                    "hrs",
                    "XX",
                ]
            ),
            max_size=14,
        ).map("".join),
    )
)
def test_no_text_breaks_it_and_nothing_of_the_text_is_lost(text: str) -> None:
    heard = understand(text, Context(now=NOW, zone=BERLIN))
    understand_date(text, Context(now=NOW, zone=BERLIN))
    if isinstance(heard, Understood):
        kept = {c for c in heard.typed + heard.rest if c.isalnum()}
        assert {c for c in text if c.isalnum()} == kept


@pytest.mark.parametrize(
    ("said", "day", "rest"),
    [
        ("friday add a check", "2026-11-27", "add a check"),
        ("by friday add a check", "2026-11-27", "add a check"),
        ("sunday x", "2026-11-29", "x"),
        ("this friday x", "2026-11-27", "x"),
        ("tomorrow x", "2026-11-23", "x"),
        ("today x", "2026-11-22", "x"),
        ("eod x", "2026-11-22", "x"),
        ("end of week x", "2026-11-27", "x"),
        ("in 3 days x", "2026-11-25", "x"),
        ("in a week x", "2026-11-29", "x"),
        ("in 2 weeks x", "2026-12-06", "x"),
        ("Dec 1 x", "2026-12-01", "x"),
        ("1 December x", "2026-12-01", "x"),
        ("Jan 5th x", "2027-01-05", "x"),
        ("Dec 1, 2026: x", "2026-12-01", "x"),
        ("2026-12-01 test every config", "2026-12-01", "test every config"),
        ("01-12-2026 x", "2026-12-01", "x"),
        ("25/12/2026 x", "2026-12-25", "x"),
        ("Tue Dec 1 x", "2026-12-01", "x"),
    ],
)
def test_a_due_date_looks_ahead(said: str, day: str, rest: str) -> None:
    heard = understand_date(said, Context(now=NOW, zone=NAIROBI))
    assert isinstance(heard, Understood), heard
    assert (str(heard.on), heard.rest, heard.precision) == (day, rest, Precision.DATE)


def test_a_due_date_that_cannot_be_is_asked_about_refused_or_flagged() -> None:
    monday = Context(now=datetime(2026, 11, 23, 9, tzinfo=UTC))
    assert isinstance(understand_date("next friday x", monday), Ask)
    assert isinstance(understand_date("03-04-2027 x", monday), Ask)
    assert isinstance(understand_date("2026-02-30 x", monday), Refused)
    assert isinstance(understand_date("write a check", monday), NoTime)
    past = understand_date("2026-11-01 x", monday)
    assert isinstance(past, Understood)
    assert past.warnings == ("that day is past",)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("UTC", 0), ("0", 0), ("3", 3), ("-4", -4), ("+5.5", 5.5), ("+03:00", 3), ("UTC-4", -4), ("GMT+1", 1),
        ("EAT", 3), ("PST", -8), ("Africa/Nairobi", 3), ("africa/nairobi", 3), ("Nairobi time", 3),
    ],
)  # fmt: skip
def test_a_zone_setting_takes_what_people_write(text: str, hours: float) -> None:
    assert datetime(2026, 1, 1, tzinfo=zone_of(text)).utcoffset() == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "UST", "CST", "Mars/Olympus", "EAT please", "local", "99"])
def test_a_zone_setting_that_is_unclear_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(NotAllowed, match="Africa/Nairobi"):
        zone_of(text)


def test_a_fixed_offset_is_a_zone_like_any_other() -> None:
    heard = hear("11:13 x", zone=timezone(timedelta(hours=5, minutes=30)))
    assert echo(heard, now=NOW) == "11:13 UTC+5:30 (05:43 UTC)"
