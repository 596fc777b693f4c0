"""Charts of what was measured: every number in the picture's table, the picture readable for all."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
import pytest_asyncio

from bot.facts import AlertAttached, Closed
from bot.incident import AlertSeen, Incident
from bot.ports import GaveUp, Series
from bot.postmortem.draft import draft
from bot.postmortem.png import png
from bot.record import from_record, to_record
from bot.steps.measuring import MOST_POINTS, kept, measured_by
from bot.store import Store
from tests.postmortem.incidents import HOSTILE, at, machine_run
from tests.postmortem.markdown_lint import problems
from tests.postmortem.rubric import score
from tests.story import NOW, Story, story

QUERY = "avg:nginx.latency{host:web-02}"


def measured(*, about: str = "web-02", count: int = 200) -> Incident:
    points = tuple((at("10:20:00") + timedelta(seconds=10 * n), 9.5 if n == 77 else n % 7 / 3) for n in range(count))
    incident = machine_run()
    found = [Series(points=points, about=about, unit="s")]
    incident.measurements = list(kept(found, query=QUERY, threshold="2.5"))
    return incident


def test_the_chart_and_its_table_have_the_same_numbers_and_the_peak_is_never_lost() -> None:
    made = draft(measured(), zone="Africa/Nairobi")
    root = ElementTree.fromstring(made.charts["metric-1.svg"])  # noqa: S314 - our own
    line = root.find("{http://www.w3.org/2000/svg}polyline")
    part = made.markdown.split("## Measured")[1].split("\n## ")[0]
    rows = re.findall(r"^\| 2026.* EAT .*\| ([\d.]+) \|$", part, re.MULTILINE)
    assert line is not None
    assert len(rows) == len(line.attrib["points"].split()) <= MOST_POINTS
    assert "9.5" in rows
    assert "threshold 2.5: `avg:nginx.latency{host:web-02}`" in part
    assert "](metric-1.svg)" in part
    assert problems(made.markdown) == []
    assert made.files["metric-1.svg"]
    assert all(score(made.markdown, to_record(measured())).values())


def test_the_picture_marks_threshold_and_key_times_and_has_title_and_description() -> None:
    svg = draft(measured(), zone="UTC").charts["metric-1.svg"]
    for wanted in ("threshold 2.5", ">E2</text>", ">E13</text>", "<title", "<desc", 'role="img"', 'fill="#ffffff"'):
        assert wanted in svg
    assert png(svg)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_points_and_hostile_names_still_give_a_picture(count: int) -> None:
    made = draft(measured(about=HOSTILE, count=count), zone="Europe/Berlin")
    ElementTree.fromstring(made.charts["metric-1.svg"])  # noqa: S314 - our own
    assert problems(made.markdown) == []


def test_measurements_are_in_the_record() -> None:
    incident = measured()
    assert from_record(to_record(incident)).measurements == incident.measurements


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"avg(last_5m):{QUERY} > 2.5", (QUERY, "2.5")),
        ("max(last_1h):sum:a.b{*} by {host} <= -1", ("sum:a.b{*} by {host}", "-1")),
        ('"http.can_connect".over("url:x").by("host").last(3).count_by_status()', ("", "")),
        ("logs('x').rollup('count').last('5m') > 100", ("", "")),
    ],
)
def test_which_line_an_alert_watches(query: str, found: tuple[str, str]) -> None:
    incident = machine_run()
    incident.alerts = [replace(incident.alerts[0], query=query)]
    assert measured_by(incident) == found


@pytest_asyncio.fixture
async def told(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Story]:
    """A story whose alert watches a line."""
    store = Store.open(sqlite_url)
    async with story(store, tmp_path / "postmortems") as ready:
        ready.alert("open")
        seen = AlertSeen(
            delivery="D2", source="datadog", transition="Triggered", at=NOW, query=f"avg(last_5m):{QUERY} > 2"
        )
        ready.tell("watching", AlertAttached(alert=seen))
        yield ready
    store.close()


@pytest.mark.parametrize("away", [False, True])
async def test_closing_keeps_the_line_if_it_can_be_had(told: Story, *, away: bool) -> None:
    async def series(query: str, **_: object) -> list[Series]:
        if away:
            raise GaveUp("No keys.", reason="no_keys")
        return [Series(points=((NOW, 1.0), (NOW + timedelta(minutes=1), 3.0)), about=query)]

    told.metrics.series = series  # type: ignore[method-assign]
    told.tell("closed", Closed())
    told.due("close", "close")
    await told.settle()
    assert [line.values for line in told.incident.measurements] == ([] if away else [("1", "3")])
    assert told.incident.view.draft_posted
    assert told.incident.troubles == {}
