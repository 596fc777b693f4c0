"""What Datadog sends, in whatever state it arrives, becomes an alert of ours or one sentence."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.alert import Alert, Condition
from bot.alerts import Parsed, load
from bot.alerts.datadog import datadog

FIXTURES = Path(__file__).parent / "fixtures" / "datadog"
SENT = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
NOW = SENT + timedelta(seconds=2)


def body(situation: str, **instead: Any) -> bytes:
    """The recorded payload of a situation, with some fields instead of its own."""
    payload = json.loads((FIXTURES / f"{situation}.json").read_text())
    return json.dumps({**payload, **instead}).encode()


def parsed(situation: str, **instead: Any) -> Parsed:
    return datadog(body(situation, **instead), "D1", NOW)


def alert(situation: str, **instead: Any) -> Alert:
    (only,) = parsed(situation, **instead).alerts
    return only


def test_the_source_is_registered_and_its_payload_is_the_one_we_install() -> None:
    assert load()["datadog"] is datadog
    installed = json.loads(resources.files("bot.alerts").joinpath("datadog_webhook_payload.json").read_text())
    assert set(installed) == set(json.loads((FIXTURES / "triggered.json").read_text()))


def test_a_triggered_alert_in_full() -> None:
    assert alert("triggered") == Alert(
        delivery="D1",
        source="datadog",
        title="Web server out of rotation",
        heading="[Triggered on {host:web-02,service:shop}] Web server out of rotation",
        at=SENT,
        condition=Condition.FIRING,
        transition="Triggered",
        event_id="8306082202796025694",
        monitor_id="4711",
        cycle_key="cycle-1",
        scope=("host:web-02", "service:shop"),
        tags=("env:prod", "host:web-02", "monitor", "role:web", "service:shop"),
        hostname="web-02",
        priority="P2",
        status="http.can_connect over host:web-02,service:shop was CRITICAL",
        query='"http.can_connect".over("service:shop").by("host").last(3).count_by_status()',
        link="https://app.datadoghq.com/monitors/4711?from_ts=1&to_ts=2&event_id=8306082202796025694",
    )


@pytest.mark.parametrize(
    ("situation", "condition"),
    [
        ("triggered", Condition.FIRING),
        ("re_triggered", Condition.FIRING),
        ("warn", Condition.WARNING),
        ("no_data", Condition.NO_DATA),
        ("renotify", Condition.REMINDER),
        ("recovered", Condition.RECOVERED),
        ("null_transition", Condition.OTHER),
        ("without_transition", Condition.FIRING),  # by the type of the event
    ],
)
def test_every_transition_has_its_meaning(situation: str, condition: Condition) -> None:
    assert alert(situation).condition is condition


def test_all_alerts_of_one_monitor_and_scope_are_the_same_problem() -> None:
    names = ("triggered", "re_triggered", "warn", "no_data", "renotify", "recovered", "null_transition")
    assert {alert(name).fingerprint for name in names} == {"datadog|4711|host:web-02,service:shop"}
    assert alert("triggered", alert_scope="service:shop,host:web-02").fingerprint == alert("triggered").fingerprint


def test_a_retry_is_known_by_event_and_transition() -> None:
    assert parsed("triggered").same == parsed("triggered", text_only_msg="rendered anew").same
    assert parsed("triggered").same != parsed("triggered", alert_transition="Recovered").same
    assert parsed("triggered").same != parsed("renotify").same


@pytest.mark.parametrize("unusable", ["", "0", "$ID", None, "9" * 5000, True, {"a": 1}])
def test_without_a_usable_event_id_a_retry_has_the_same_body(unusable: Any) -> None:
    one, same = parsed("triggered", event_id=unusable), parsed("triggered", event_id=unusable)
    other = parsed("triggered", event_id=unusable, alert_id="12")
    assert one.same == same.same != other.same
    assert len(one.same) < 200


def test_every_group_that_a_merged_delivery_names_is_an_alert() -> None:
    found = parsed("many_groups", tags="env:prod,host:web-001,host:web-002")
    assert found.merged
    assert len({a.fingerprint for a in found.alerts}) == len(found.alerts) == 200
    one = found.alerts[1]
    assert (one.scope, one.hostname, one.tags) == (
        ("host:web-002",),
        "web-002",
        ("env:prod", "host:web-002", "service:shop"),
    )
    single = alert("triggered", alert_scope="host:web-002")
    assert one.fingerprint == single.fingerprint


def test_the_other_words_of_a_merged_scope_belong_to_each_group() -> None:
    found = parsed("many_groups", alert_scope="service:shop,host:b,host:a")
    assert [a.scope for a in found.alerts] == [("host:a", "service:shop"), ("host:b", "service:shop")]
    assert [a.hostname for a in found.alerts] == ["a", "b"]


def test_which_values_of_two_keys_belong_together_is_not_guessed() -> None:
    found = parsed("many_groups", alert_scope="host:a,host:b,device:x,device:y")
    (only,) = found.alerts
    assert (found.merged, only.merged, len(only.scope)) == (True, True, 4)


@pytest.mark.parametrize(
    ("scope", "alerts", "merged"),
    [
        ("host:a,role:x,role:y", 1, False),
        ("host:a,service:x,service:y,env:p", 1, False),
        ("role:x,role:y", 1, True),
        ("url:x,url:y,url:z", 1, True),
        ("host:a,host:b", 2, True),
        ("host:a,host:b,role:x", 2, True),
        ("host:a,host:b,role:x,role:y", 1, True),
    ],
)
def test_what_may_be_one_group_is_never_parted(scope: str, alerts: int, merged: bool) -> None:
    """A host has one name, but any number of other tags; only Datadog knows which groups are meant."""
    body = json.dumps({"alert_id": "1", "alert_transition": "Triggered", "alert_scope": scope}).encode()
    found = datadog(body, "D1", NOW)
    assert (len(found.alerts), found.merged) == (alerts, merged)


def test_a_delivery_of_one_group_is_not_merged() -> None:
    assert not parsed("triggered").merged
    assert not parsed("simple_alert_without_scope").merged


@pytest.mark.parametrize("situation", ["service_grouped", "log_monitor", "composite", "synthetics", "upstream_label"])
def test_monitors_of_every_kind_are_alerts_without_a_host(situation: str) -> None:
    found = alert(situation)
    assert (found.condition, found.hostname, found.monitor_id) == (Condition.FIRING, "", "4711")
    assert "web-01" not in repr(found)  # neither from the message nor from a sample of logs


def test_tags_that_are_missing_are_taken_from_their_own_fields() -> None:
    assert alert("missing_tags").tags == ("env:prod", "service:shop")
    assert alert("missing_tags", tags="service:other").tag("service") == "other"


def test_variables_that_were_not_filled_are_no_values() -> None:
    for situation in ("literal_variables", "empty_variables"):
        found = alert(situation)
        assert (found.hostname, found.scope, found.tags, found.cycle, found.priority) == ("", (), (), "", "")
        assert "$" not in repr(found)
    assert alert("empty_variables").title == "Monitor 4711"


@pytest.mark.parametrize("field", ["", "$ALERT_PRIORITY", None])
def test_a_priority_that_is_not_in_its_field_is_read_before_the_title(field: str | None) -> None:
    heading = {"alert_title": "[p4] [Triggered on {host:web-02}] [P1] is no mark", "alert_priority": field}
    assert alert("triggered", **heading).priority == "P4"
    assert alert("triggered", **{**heading, "alert_priority": "P2"}).priority == "P2"
    assert alert("triggered", alert_title="Queue [P1]", alert_priority=field).priority == ""


def test_outsiders_words_stay_words_and_can_be_stored() -> None:
    hostile, other = parsed("hostile_strings").alerts
    assert hostile.title == "<!channel> $(reboot) {{7*7}} `id` \u202e?"
    hostile.title.encode()
    assert hostile.scope == ("host:../../etc/passwd", "service:<!everyone>")
    assert other.scope == ("host:web-02;rm -rf /", "service:<!everyone>")
    assert "web-01" not in repr(hostile)  # nothing is taken from the message's text


def test_an_ipv6_address_is_one_host() -> None:
    found = alert("ipv6_host")
    assert (found.scope, found.hostname) == (("host:2001:db8::12",), "2001:db8::12")
    assert found.title == "Web server out of rotation"


def test_only_a_mark_at_the_front_makes_a_test() -> None:
    assert alert("test_notification").test
    assert alert("test_notification", alert_title="[P3] [TEST] x").test
    assert not alert("triggered").test
    assert not alert("monitor_called_test").test


@pytest.mark.parametrize(
    ("heading", "title"),
    [
        ("[P1] [Triggered on {host:a}] Down", "Down"),
        ("[Recovered] [http_check] Cannot connect", "[http_check] Cannot connect"),
        ("[Re-No Data on {host:a,region:[eu]}] Down", "Down"),
        ("[Warning signs] Down", "[Warning signs] Down"),
        ("[Triggered] ", "Monitor 4711"),
        ("Down [Triggered]", "Down [Triggered]"),
    ],
)
def test_the_title_is_the_monitors_own(heading: str, title: str) -> None:
    assert alert("triggered", alert_title=heading).title == title


def test_an_alert_without_a_scope_is_the_whole_monitor() -> None:
    found = alert("simple_alert_without_scope")
    assert (found.scope, found.fingerprint) == ((), "datadog|4711|")
    assert alert("synthetics").fingerprint == "datadog|4711|"


def test_a_message_with_a_whole_runbook_changes_nothing() -> None:
    assert len(body("huge_message")) > 256_000
    assert alert("huge_message") == alert("triggered")


@pytest.mark.parametrize(
    ("situation", "at"),
    [
        ("triggered", SENT),
        ("numbers_unquoted", SENT),
        ("seconds_not_milliseconds", SENT),
        ("no_time", NOW),
        ("from_the_future", NOW),  # nothing has happened later than it arrived
    ],
)
def test_the_time_is_the_events_or_that_of_arrival(situation: str, at: datetime) -> None:
    assert alert(situation).at == at


def test_a_late_delivery_keeps_its_time() -> None:
    (late,) = datadog(body("triggered"), "D1", SENT + timedelta(hours=7)).alerts
    assert late.at == SENT


def test_numbers_keep_all_their_digits() -> None:
    found = alert("numbers_unquoted")
    assert (found.event_id, found.monitor_id) == ("8306082202796025694", "4711")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not a JSON object"),
        (b"{", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'"triggered"', "not a JSON object"),
        (b"payload=%7B%7D", "not a JSON object"),
        (b"\xff\xfe\x00", "not a JSON object"),
        (b"[" * 500_000, "not a JSON object"),
        (b'{"a":' * 100_000, "not a JSON object"),
        (b"{}", "neither a monitor id nor a title"),
        (b'{"alert_id": "$ALERT_ID", "event_title": ""}', "neither a monitor id nor a title"),
        (b'{"alert_id": NaN}', "neither a monitor id nor a title"),
        (b'{"alert_id": {"a": 1}, "alert_title": ["x"]}', "neither a monitor id nor a title"),
    ],
)
def test_what_cannot_be_understood_is_said_in_words(content: bytes, problem: str) -> None:
    found = datadog(content, "D1", NOW)
    assert found.alerts == ()
    assert problem in found.problem
    assert found.same == datadog(content, "D2", NOW + timedelta(hours=1)).same


def test_datadogs_own_default_payload_is_named() -> None:
    assert "Datadog's own default payload" in parsed("old_default_payload").problem


def test_text_that_is_not_utf_8_or_has_a_mark_of_byte_order_is_read_as_far_as_it_goes() -> None:
    (found,) = datadog(body("triggered").replace(b"Web server", b"Web \xff"), "D1", NOW).alerts
    assert found.title.startswith("Web \ufffd")
    (marked,) = datadog(b"\xef\xbb\xbf" + body("triggered"), "D1", NOW).alerts
    assert marked == alert("triggered")


def test_every_other_recorded_payload_is_understood() -> None:
    names = {file.stem for file in FIXTURES.glob("*.json")}
    assert {name for name in names if not parsed(name).alerts} == {"old_default_payload"}


FIELDS = st.sampled_from(sorted(json.loads((FIXTURES / "triggered.json").read_text())))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=30),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@settings(deadline=None)
@given(st.dictionaries(FIELDS, VALUES, max_size=8))
def test_no_content_is_ever_an_error(instead: dict[str, Any]) -> None:
    found = datadog(body("triggered", **instead), "D1", NOW)
    assert bool(found.alerts) != bool(found.problem)
    assert found.same
    for one in found.alerts:
        assert one.at <= NOW
        repr(one).encode()
        assert len(one.fingerprint.encode()) <= 500


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_are_ever_an_error(content: bytes) -> None:
    assert datadog(content, "D1", NOW).same == datadog(content, "D1", NOW).same
