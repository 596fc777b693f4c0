"""An alert says what is wrong, which episode of it, and where."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.alert import LONGEST_FINGERPRINT, Alert, Condition


def alert(**words: Any) -> Alert:
    at = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
    return Alert(**{"delivery": "D1", "source": "datadog", "title": "Down", "at": at, "condition": "firing", **words})


@pytest.mark.parametrize(
    ("condition", "bad"),
    [
        ("firing", True),
        ("warning", True),
        ("no-data", True),
        ("reminder", True),
        ("recovered", False),
        ("other", False),
    ],
)
def test_what_is_unknown_is_not_called_bad(condition: str, bad: bool) -> None:
    assert Condition(condition).bad is bad


def test_the_fingerprint_is_the_monitor_and_the_scope() -> None:
    assert alert(monitor_id="1", scope=("host:a",)).fingerprint == "datadog|1|host:a"
    assert alert(monitor_id="1", scope=("host:a",), title="Other words").fingerprint == "datadog|1|host:a"


def test_without_a_monitor_the_title_names_the_problem() -> None:
    assert alert().fingerprint == "datadog|title Down|"


@given(st.lists(st.text(max_size=80), max_size=40), st.text(max_size=400))
def test_no_fingerprint_is_too_long_for_an_index(scope: list[str], title: str) -> None:
    assert len(alert(scope=tuple(scope), title=title).fingerprint.encode("utf-8", "replace")) <= LONGEST_FINGERPRINT


def test_long_fingerprints_still_differ() -> None:
    hosts = tuple(f"host:web-{n:03d}" for n in range(200))
    assert alert(scope=hosts).fingerprint == alert(scope=hosts).fingerprint
    assert alert(scope=hosts).fingerprint != alert(scope=hosts[:-1]).fingerprint


def test_a_cycle_belongs_to_its_source_and_may_be_unknown() -> None:
    assert alert(cycle_key="k").cycle == "datadog|k"
    assert alert().cycle == ""


def test_tags_are_looked_up_in_the_scope_first() -> None:
    one = alert(scope=("service:shop",), tags=("service:pay", "team:a", "team:b", "monitor"))
    assert (one.tag("service"), one.tag("team"), one.tag("monitor"), one.tag("nothing")) == ("shop", "a", "", "")
    assert one.tagged("team", "b")
    assert one.tagged("service", "pay")
    assert not one.tagged("team", "c")
