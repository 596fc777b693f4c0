"""Timelines as people write them: the given incidents replayed, and the shapes that files have."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.incident import Precision
from bot.spoken_time import Ask, NoTime, Refused, Understood
from bot.timeline_file import Row, Timeline, read

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NAIROBI = ZoneInfo("Africa/Nairobi")
CORPUS = sorted((Path(__file__).parent / "data" / "corpus").glob("*.json"))


def lines(text: str, *, zone: tzinfo = UTC, now: datetime = NOW, day: date | None = None) -> Timeline:
    """A timeline written with margins, as in a test."""
    return read(
        "\n".join(line.removeprefix("    ") for line in text.strip("\n").split("\n")), zone=zone, date=day, now=now
    )


def at(row: Row) -> str:
    """When a row was, in UTC; what stood in the way if it is not placed."""
    heard = row.heard
    if isinstance(heard, Understood):
        return f"{heard.at:%m-%d %H:%M}" if heard.at else "unknown"
    return type(heard).__name__


def told(text: str, **more: Any) -> list[tuple[str, str]]:
    """The rows of a timeline as (when, text)."""
    return [(at(row), row.text) for row in lines(text, **more).rows]


def headed(story: dict[str, Any]) -> list[str]:
    """The rows of an incident, under day headings where its report has them."""
    written: list[str] = []
    day = ""
    for event in story["events"]:
        on = (event["time"] or "")[:10]
        under = event.get("note", "") in ("listed under the May 12 heading", "as above")
        if "crosses-midnight" in story["tags"] and story["date"] is None and on != day and not under:
            written.append(f"## {date.fromisoformat(on):%B %-d, %Y}")
            day = on
        written.append(f"{event['time_raw']} – {event['text']}")
    return written


def _first_day(story: dict[str, Any]) -> date | None:
    known = story["date"] or next((e["time"][:10] for e in story["events"] if e["utc"]), None)
    return date.fromisoformat(known) if known else None


def _zone(story: dict[str, Any]) -> tzinfo:
    return timezone(timedelta(hours=story["utc_offset"])) if story["utc_offset"] is not None else UTC


@pytest.mark.parametrize("path", CORPUS, ids=[path.stem for path in CORPUS])
def test_the_given_incidents_replay(path: Path) -> None:
    story = json.loads(path.read_text())
    timeline = read("\n".join(headed(story)), zone=_zone(story), date=_first_day(story), now=NOW)
    assert [row.text for row in timeline.rows] == [event["text"] for event in story["events"]]
    for row, event in zip(timeline.rows, story["events"], strict=True):
        assert row.typed == event["time_raw"]
        if "typo-date" in story["tags"]:
            assert isinstance(row.heard, Refused)
            assert event["time"][:10] in row.heard.suggestion
        elif event["precision"] == "unknown":
            assert isinstance(row.heard, NoTime)
        else:
            assert isinstance(row.heard, Understood)
            assert row.heard.precision == event["precision"]
            assert event["utc"] in (None, f"{row.heard.at:%Y-%m-%dT%H:%M:%SZ}")
    assert _order(timeline) == story["expected_order"]


def _order(timeline: Timeline) -> list[int]:
    """The rows by instant; one without an instant stands after the row it followed."""
    keyed: list[tuple[datetime, int]] = []
    last = datetime(1970, 1, 1, tzinfo=UTC)
    for number, row in enumerate(timeline.rows, 1):
        last = row.heard.at or last if isinstance(row.heard, Understood) else last
        keyed.append((last, number))
    return [number for _, number in sorted(keyed, key=lambda pair: pair[0])]


@pytest.mark.parametrize("line", [
    "10:30am – Issue detected", "10:30am - Issue detected", "10:30am: Issue detected", "10:30am\tIssue detected",
    "10:30am | Issue detected", "| 10:30am | Issue detected |",
    "10:30am Issue detected", "- 10:30am Issue detected",
    "* **10:30am** – Issue detected", "1. 10:30am – Issue detected",
    "[10:30am] Issue detected", "`10:30` Issue detected",
    "**10:30am:** Issue detected", "• 10:30 — Issue detected",
    "| 1 | 10:30am | Issue detected |", "10:30 -> Issue detected",
    "<10:30> Issue detected", "10:30) Issue detected", "10:30, Issue detected",
    "- [x] 10:30 Issue detected", "> 10:30 Issue detected",
])  # fmt: skip
def test_a_row_is_read_whatever_parts_it(line: str) -> None:
    assert told(line) == [("11-22 10:30", "Issue detected")]


def test_the_seed_timeline_is_read_as_written() -> None:
    text = """
    # Mending minds server failure

    ### Timeline
    10:30am – Issue detected by datadog
    10:34am – Issue alert sent to development team
    10:45am – Development team starts reviewing load balancer and server2 config file
    11:13am – Took time to realize that the server was not listening on port 80
    11.15am – Using version control, the server2 config file was restored to a previous stage
    11:20am – testing of new changes and the sent to production
    """
    timeline = lines(text, zone=NAIROBI, day=date(2026, 11, 22))
    assert timeline.title == "Mending minds server failure"
    assert [at(row)[6:] for row in timeline.rows] == ["07:30", "07:34", "07:45", "08:13", "08:15", "08:20"]
    assert timeline.rows[4].typed == "11.15am"
    assert [row.number for row in timeline.rows] == [4, 5, 6, 7, 8, 9]


def test_headings_set_the_date_and_the_zone_of_the_rows_below() -> None:
    text = """
    # Kernels killed in a workshop
    All times in EEST
    ## May 12, 2025
    20:15 slow starts
    23:00 reading logs
    00:40 exhaustion concluded
    ## 13 May
    14:30 profile found
    **Friday, 16 May 2025 (UTC)**
    11:00 left as is
    """
    assert told(text) == [
        ("05-12 17:15", "slow starts"),
        ("05-12 20:00", "reading logs"),
        ("05-12 21:40", "exhaustion concluded"),
        ("05-13 11:30", "profile found"),
        ("05-16 11:00", "left as is"),
    ]


@pytest.mark.parametrize("heading", [
    "All times in EAT", "All times are EAT.", "Unless noted, all times EAT (UTC+3)",
    "Timezone: EAT", "Time zone: Africa/Nairobi",
    "## Timeline (all times UTC+3)", "Times are in Nairobi time", "### Timeline (EAT)",
    "| Time (EAT) | Event |", "_All times in EAT_",
])  # fmt: skip
def test_a_heading_names_the_zone_in_many_words(heading: str) -> None:
    assert told(f"{heading}\n10:30 x") == [("11-22 07:30", "x")]


@pytest.mark.parametrize("heading", [
    "2024-05-02", "## 2024-05-02", "May 2, 2024", "2 May 2024:", "Unless noted all on 2024-05-02", "Date: 2024-05-02",
    "# Outage of 2024-05-02", "**Thursday, May 2nd, 2024**", "02/05/2024",
])  # fmt: skip
def test_a_heading_names_the_date_in_many_words(heading: str) -> None:
    rows = told(f"{heading}\n10:30 x\n10:40 y\n13/05/2024 10:50 z")
    assert rows == [("05-02 10:30", "x"), ("05-02 10:40", "y"), ("05-13 10:50", "z")]


def test_a_row_with_its_own_date_or_zone_wins_over_the_heading() -> None:
    assert told("All times Pacific\nJune 7th, 2024, 13:00 (UTC) – alert")[0][0] == "06-07 13:00"


def test_undated_rows_roll_over_midnight_and_the_last_lies_before_now() -> None:
    text = "22:30 a\n23:40 b\n00:15 c\n08:00 d"
    assert [when for when, _ in told(text)] == ["11-21 22:30", "11-21 23:40", "11-22 00:15", "11-22 08:00"]
    assert [when for when, _ in told("10:30 a\n12:50 b")] == ["11-21 10:30", "11-21 12:50"]


def test_undated_rows_before_the_first_date_lie_before_it() -> None:
    assert [w for w, _ in told("20:15 a\n23:10 b\n2025-05-13 14:30 c")] == ["05-12 20:15", "05-12 23:10", "05-13 14:30"]


def test_rows_from_the_newest_to_the_oldest_are_placed_and_stay_where_they_are() -> None:
    text = "2:10 AM resolved\n11:50 PM found\n9:30 PM paged\n9:28 PM alert"
    assert told(text) == [
        ("11-22 02:10", "resolved"),
        ("11-21 23:50", "found"),
        ("11-21 21:30", "paged"),
        ("11-21 21:28", "alert"),
    ]


def test_rows_out_of_order_are_kept_in_place_and_flagged() -> None:
    rows = lines("16:10 a\n16:20 b\n16:15 c\n16:30 d").rows
    assert [at(row)[6:] for row in rows] == ["16:10", "16:20", "16:15", "16:30"]
    assert [bool(isinstance(row.heard, Understood) and row.heard.warnings) for row in rows] == [
        False,
        False,
        True,
        False,
    ]


def test_rows_that_cannot_be_placed_are_kept_as_typed_at_their_place() -> None:
    text = """
    10:30 alert
    – somebody looked at the database
    7:37 PM CST – call with the provider
    20233-05-01 10:00 – a slip of the pen
    26:40 – no such hour
    10:50 restored
    """
    rows = lines(text).rows
    assert [type(row.heard) for row in rows] == [Understood, NoTime, Ask, Refused, Refused, Understood]
    assert [row.typed for row in rows] == ["10:30", "", "7:37 PM CST", "20233-05-01 10:00", "26:40", "10:50"]
    assert [row.text for row in rows][1:4] == [
        "somebody looked at the database",
        "call with the provider",
        "a slip of the pen",
    ]
    assert [row.placed for row in rows] == [True, False, False, False, False, True]


def test_a_table_with_a_header_a_date_column_and_people_is_read() -> None:
    text = """
    | Date | Time (EAT) | What | Who |
    |------|:----------:|------|-----|
    | 2024-05-02 | 10:30 | alert | bot |
    | 2024-05-02 | 10:40 | paged | ops |
    |  | 10:45 | restored | ops |
    """
    assert told(text) == [
        ("05-02 07:30", "alert – bot"),
        ("05-02 07:40", "paged – ops"),
        ("05-02 07:45", "restored – ops"),
    ]


def test_a_wrapped_line_belongs_to_the_row_above() -> None:
    assert told("10:30 the pool was\n        drained by hand\n10:40 x")[0] == (
        "11-22 10:30",
        "the pool was drained by hand",
    )


def test_figures_of_one_row_settle_those_of_the_others() -> None:
    assert [w for w, _ in told("01-10-2024 7:32 PM a\n01-31-2024 8:00 PM b")] == ["01-10 19:32", "01-31 20:00"]
    assert at(lines("03-04-2022 10:00 a").rows[0]) == "Ask"


def test_dots_are_colons_where_all_rows_write_them() -> None:
    assert [w for w, _ in told("8.40 a\n8.55 b\n9.10 c")] == ["11-22 08:40", "11-22 08:55", "11-22 09:10"]


def test_a_heading_that_cannot_be_read_is_asked_about() -> None:
    assert lines("All times in CST\n10:30 x").questions == (
        "line 1: CST is ambiguous: US Central (UTC-6), China (UTC+8) or Cuba (UTC-5)?",
    )


def test_unknown_and_vague_times_keep_their_place() -> None:
    rows = lines("2024-03-13 14:20 a\n2024-03-13 14:?? b\n??:?? c\n2024-03-13 --:-- d\n~14:40 e").rows
    heard = [row.heard for row in rows if isinstance(row.heard, Understood)]
    assert [h.precision for h in heard] == [
        Precision.MINUTE,
        Precision.HOUR,
        Precision.UNKNOWN,
        Precision.DATE,
        Precision.APPROXIMATE,
    ]
    instants = [h.at for h in heard if h.at]
    assert instants == sorted(instants)


def test_a_change_of_the_clocks_inside_a_timeline_keeps_the_order() -> None:
    rows = lines("01:30 a\n02:30 b\n03:30 c", zone=ZoneInfo("Europe/Berlin"), day=date(2026, 10, 25)).rows
    assert [at(row) for row in rows] == ["10-24 23:30", "Ask", "10-25 02:30"]
    rows = lines("01:30 a\n02:30 b\n03:30 c", zone=ZoneInfo("Europe/Berlin"), day=date(2026, 3, 29)).rows
    assert [at(row) for row in rows] == ["03-29 00:30", "Refused", "03-29 01:30"]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# Web down\n10:30 x", "Web down"),
        ("Web down\n10:30 x", "Web down"),
        ("Title: Web down\n10:30 x", "Web down"),
        ("# Timeline\n10:30 x", ""),
        ("# Postmortem Reports\n## Web down\n10:30 x", "Web down"),
        ("# Incident report\n10:30 x", ""),
        ("2024-05-02\n10:30 x", ""),
        ("10:30 x", ""),
        ("All times in UTC\n10:30 x", ""),
        ("- somebody called\n10:30 x", ""),
    ],
)
def test_the_title_is_the_first_heading_that_names_something(text: str, title: str) -> None:
    timeline = read(text, zone=UTC, now=NOW)
    assert timeline.title == title
    assert timeline.rows[-1].text == "x"


def test_rows_counted_from_the_start_need_a_start() -> None:
    text = "Time,Event\nT+0,alert\nT+1:30,fixed"
    assert [at(row) for row in lines(text).rows] == ["Refused", "Refused"]
    begun = datetime(2024, 5, 2, 10, 0, tzinfo=UTC)
    assert [at(row) for row in read(text, zone=UTC, now=NOW, started=begun).rows] == ["05-02 10:00", "05-02 11:30"]


def test_a_long_timeline_keeps_every_row() -> None:
    begin = datetime(2024, 5, 2, 20, 0, tzinfo=UTC)
    steps = [begin + timedelta(minutes=17 * n) for n in range(120)]
    timeline = read("\n".join(f"{step:%H:%M} – step" for step in steps), zone=UTC, date=begin.date(), now=NOW)
    assert [row.heard.at for row in timeline.rows if isinstance(row.heard, Understood)] == steps


@given(
    st.lists(st.integers(0, 13 * 60), min_size=1, max_size=30),
    st.sampled_from(["%H:%M", "%-I:%M %p", "%H%MHRS", "%H.%M UTC"]),
)
def test_steps_forward_of_up_to_thirteen_hours_are_followed(steps: list[int], form: str) -> None:
    instants = [datetime(2024, 5, 2, 20, 0, tzinfo=UTC)]
    for step in steps:
        instants.append(instants[-1] + timedelta(minutes=step))
    text = "\n".join(f"{instant.strftime(form)} – x" for instant in instants)
    first = f"2024-05-02\n{text}"
    timeline = read(first, zone=UTC, now=NOW)
    found = [row.heard.at for row in timeline.rows if isinstance(row.heard, Understood)]
    if all(step < 10 * 60 for step in steps) and _mostly_forward(instants):
        assert found == instants


def _mostly_forward(instants: list[datetime]) -> bool:
    clocks = [(i.hour, i.minute) for i in instants]
    return sum(b < a for a, b in pairwise(clocks)) < 2


@given(st.text(alphabet="0123456789:-–|# \n\tabAMpUTC.()", max_size=200))
def test_no_file_breaks_it(text: str) -> None:
    read(text, zone=UTC, now=NOW)


PAST = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ana  11:13 AM\nfound it\nBen  11:15 AM\nfixed\nit", ["11:13 found it", "11:15 fixed it"]),
        ("Ana\n  11:13 AM\nfound it\n11:14\nreally\nBen\n  11:15\nok", ["11:13 found it", "11:14 really", "11:15 ok"]),
        ("Ana — Today at 11:13\nfound it", ["11:13 found it"]),
        ("10:30\nAlert\n\n10:34\nPaged", ["10:30 Alert", "10:34 Paged"]),
        ("| Event | Time |\n|---|---|\n| Alert | 10:30 |\n| Paged | 10:34 |", ["10:30 Alert", "10:34 Paged"]),
        ("| # | Date | Time | What |\n|-|-|-|-|\n| 1 | 2026-11-21 | 10:30 | Alert |\n| 2 | | 10:34 | Paged |",
         ["10:30 Alert", "10:34 Paged"]),
        ("10:30 Alert\nT+5m Paged\nT+1h30 Fixed", ["10:30 Alert", "10:35 Paged", "12:00 Fixed"]),
        ("22/11/2026 à 10h30 alerte\n22/11/2026 à 10h34 réparé", ["10:30 alerte", "10:34 réparé"]),
        ("22.11.2026 um 10:30 Uhr Alarm\n22.11.2026 um 10:34 Uhr behoben", ["10:30 Alarm", "10:34 behoben"]),
    ],
)  # fmt: skip
def test_other_shapes_of_timelines(text: str, expected: list[str]) -> None:
    rows = read(text, zone=UTC, now=PAST).rows
    assert [f"{row.at:%H:%M} {row.text}" if row.at else f"{row.typed} {row.text}" for row in rows] == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Detected: an alert", "detected"),
        ("Root cause: the port", "cause"),
        ("ruled out – the disk is full", "ruled-out"),
        ("Resolved", "note"),
        ("Detected an alert: x", "note"),
    ],
)
def test_the_first_word_before_a_colon_may_say_what_a_row_is_about(text: str, kind: str) -> None:
    assert lines(f"10:30 {text}").rows[0].kind == kind


def test_posts_of_a_status_page_have_their_time_below_or_above_the_words() -> None:
    below = """
    Elevated error rates

    Resolved
    This incident has been resolved.
    Posted 3 days ago. Nov 19, 2026 - 17:42 UTC

    Investigating
    We are investigating.
    Posted Nov 19, 2026 - 16:20 UTC
    """
    assert told(below, zone=NAIROBI) == [
        ("11-19 17:42", "Resolved – This incident has been resolved."),
        ("11-19 16:20", "Investigating – We are investigating."),
    ]
    assert lines(below).title == "Elevated error rates"
    above = """
    Nov 19, 17:42 UTC
    Resolved - It is over.
    Nov 19, 16:20 UTC
    Investigating - We look.
    """
    assert told(above) == [("11-19 17:42", "Resolved - It is over."), ("11-19 16:20", "Investigating - We look.")]


def test_comments_of_a_tracker_have_their_author_and_time_in_the_line_above() -> None:
    text = """
    Ana Kim added a comment - 20/Nov/26 9:15 AM
    Looking at it.

    Ben Roe added a comment - 20/Nov/26 9:40 AM
    Rolled back.
    """
    assert told(text) == [("11-20 09:15", "Looking at it."), ("11-20 09:40", "Rolled back.")]
    assert [row.author for row in lines(text).rows] == ["Ana Kim", "Ben Roe"]


def test_a_word_in_capitals_behind_a_time_is_no_zone_that_takes_the_next_line_in() -> None:
    assert told("10:30 DOWN\n10:35 UP\n") == [("11-22 10:30", "DOWN"), ("11-22 10:35", "UP")]


def test_rows_of_mixed_zones_and_counts_from_the_start_keep_their_order() -> None:
    text = """
    2026-11-20
    10:00 EST alert fired
    15:05 UTC acknowledged
    16:10 CET found it
    8:30 AM Pacific restored
    10:35 IST closed
    T+2h all clear
    """
    assert [when for when, _ in told(text)] == [
        "11-20 15:00",
        "11-20 15:05",
        "11-20 15:10",
        "11-20 16:30",
        "Ask",
        "11-20 17:00",
    ]


def test_a_bar_in_a_cell_is_text() -> None:
    assert told("| Time | What |\n|---|---|\n| 10:30 | a \\| b |\n") == [("11-22 10:30", "a | b")]
