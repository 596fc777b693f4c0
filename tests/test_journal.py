from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.facts import KINDS, Imported, Told, What
from bot.incident import Kind, Precision
from bot.journal import from_json, instant, stamp, to_json
from bot.said import Said
from tests.values import WHATS, dataclass_of


@given(WHATS)
def test_every_kind_of_fact_comes_back_as_it_was(what: What) -> None:
    stored = json.loads(json.dumps(to_json(what)))
    assert from_json(KINDS[type(what).__name__], stored) == what


@given(dataclass_of(Said))
def test_what_was_said_comes_back_as_it_was(said: Said) -> None:
    assert from_json(Said, json.loads(json.dumps(to_json(said)))) == said


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind is not Imported])
def test_fields_of_a_newer_version_are_passed_over(kind: type[What]) -> None:
    @given(dataclass_of(kind))
    def check(what: What) -> None:
        assert from_json(kind, {**to_json(what), "added later": {"x": 1}}) == what

    check()


def test_fields_that_an_older_version_did_not_write_take_their_defaults() -> None:
    told = from_json(Told, {"kind": "note", "text": "x"})
    assert told == Told(kind=Kind.NOTE, text="x", typed="", precision=Precision.SECOND, ends_at=None)


def test_a_missing_field_without_default_is_named() -> None:
    with pytest.raises(KeyError, match=r"Told\.text"):
        from_json(Told, {"kind": "note"})


@given(st.datetimes(timezones=st.timezones()))
def test_an_instant_comes_back_as_the_same_instant_in_utc(at: datetime) -> None:
    try:
        utc = at.astimezone(UTC)
    except OverflowError:  # the zone shifts it out of the calendar
        return
    assert instant(stamp(at)) == utc
    assert instant(stamp(at)).tzinfo is UTC


def test_times_are_written_in_utc_with_z() -> None:
    east = timezone(timedelta(hours=3))
    assert stamp(datetime(2026, 11, 22, 11, 13, tzinfo=east)) == "2026-11-22T08:13:00Z"
    assert stamp(datetime(2026, 11, 22, 11, 13, 0, 5, tzinfo=east)) == "2026-11-22T08:13:00.000005Z"


def test_a_time_without_a_zone_is_refused_both_ways() -> None:
    with pytest.raises(TypeError, match="zone"):
        to_json(datetime(2026, 11, 22))  # noqa: DTZ001 - that is the mistake
    with pytest.raises(ValueError, match="zone"):
        instant("2026-11-22T08:13:00")


def test_what_cannot_be_read_again_is_not_written() -> None:
    with pytest.raises(TypeError, match="bytes cannot be stored"):
        to_json({"a": [b"x"]})
    with pytest.raises(TypeError, match="set cannot be stored"):
        to_json({1})


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_does_not_know_becomes_a_word(number: float) -> None:
    assert to_json({"ratio": number}) == {"ratio": str(number)}


@dataclass(frozen=True, kw_only=True)
class _Odd:
    pair: tuple[str, int]
    many: Mapping[str, tuple[Kind, ...]]
    perhaps: list[datetime] | None = None
    rest: Mapping[str, Any] = field(default_factory=dict)


@given(dataclass_of(_Odd))
def test_nested_types_come_back(odd: _Odd) -> None:
    assert from_json(_Odd, json.loads(json.dumps(to_json(odd)))) == odd
