from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.facts import Fact, Imported, fold
from bot.incident import Incident
from bot.ports import NotAllowed
from bot.record import from_record, to_record
from tests.values import INCIDENTS, JSON

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
SMALL: dict[str, Any] = {
    "format": "muster/1",
    "id": "INC-7",
    "title": "Web is out",
    "severity": "SEV2",
    "status": "resolved",
    "opened_at": "2026-11-22T10:30:00Z",
}


def _through_text(record: dict[str, Any]) -> Any:
    return json.loads(json.dumps(record))


@given(INCIDENTS)
def test_a_record_read_and_written_again_is_the_same(incident: Incident) -> None:
    record = _through_text(to_record(incident))
    read = from_record(record)
    assert read == incident
    assert to_record(read) == record


@given(INCIDENTS)
def test_an_imported_incident_exports_the_same_record(incident: Incident) -> None:
    record = _through_text(to_record(incident))
    brought = Fact(key="import", what=Imported(record=record), occurred_at=None, recorded_at=NOW)
    assert _through_text(to_record(fold(incident.number, [brought]))) == record


def test_a_record_has_all_that_the_contract_names() -> None:
    record = to_record(Incident(number=7, opened_at=NOW))
    names = (
        "format id title severity status service private drill opened_at detected_at impact_started_at"
        " acknowledged_at mitigated_at resolved_at closed_at channel roles alerts timeline checks causes actions"
        " remediations"
    )
    assert set(names.split()) <= set(record)
    assert (record["id"], record["opened_at"], record["closed_at"]) == ("INC-7", "2026-11-22T10:30:00Z", None)


def test_a_record_with_the_contracts_fields_alone_is_read() -> None:
    incident = from_record(
        SMALL
        | {
            "detected_at": "2026-11-22T10:31:00Z",
            "closed_at": None,
            "channel": {"id": "C1", "name": "inc-7"},
            "roles": {"commander": {"id": "U1", "name": "ada"}},
            "timeline": [
                {"id": "E1", "kind": "note", "occurred_at": None, "recorded_at": SMALL["opened_at"], "text": "x"}
            ],
        }
    )
    assert incident.detected_at == datetime(2026, 11, 22, 10, 31, tzinfo=UTC)
    assert incident.closed_at is None
    assert incident.view.channel is not None
    assert incident.view.channel.id == "C1"
    assert incident.roles["commander"].name == "ada"
    assert incident.entries[0].text == "x"


def test_fields_that_we_do_not_know_are_kept() -> None:
    assert to_record(from_record(SMALL | {"team": {"name": "shop"}}))["team"] == {"name": "shop"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": "muster/9"}, "not a record of format muster/1"),
        ({"id": "seven"}, "seven"),
        ({"id": "INC-0"}, "INC-0"),
        ({"id": "INC--3"}, "INC--3"),
        ({"title": 5}, "title"),
        ({"private": "no"}, "private"),
        ({"status": "sleeping"}, "sleeping"),
        ({"opened_at": "2026-11-22T10:30:00"}, "no zone"),
        ({"opened_at": "0001-01-01T00:00:00+05:00"}, "INC-7"),
        ({"closed_at": "yesterday"}, "yesterday"),
        ({"timeline": [{"id": "E1"}]}, "Entry.kind"),
        ({"timeline": None}, "INC-7"),
        ({"roles": []}, "INC-7"),
    ],
)
def test_what_is_not_such_a_record_is_refused_by_name(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(NotAllowed, match=sentence):
        from_record(SMALL | change)


@pytest.mark.parametrize("name", ["id", "title", "severity", "status", "opened_at"])
def test_a_missing_field_is_named(name: str) -> None:
    with pytest.raises(NotAllowed, match=name):
        from_record({key: value for key, value in SMALL.items() if key != name})


def test_what_is_not_even_an_object_is_refused() -> None:
    with pytest.raises(NotAllowed, match="not a record"):
        from_record([])  # type: ignore[arg-type]


@given(INCIDENTS, st.data())
def test_any_field_may_hold_anything_without_another_error(incident: Incident, data: st.DataObject) -> None:
    record = to_record(incident)
    record[data.draw(st.sampled_from(sorted(record)))] = data.draw(JSON)
    with suppress(NotAllowed):
        to_record(from_record(record))
