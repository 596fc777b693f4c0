"""Deliveries become incidents, once, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from bot import alerts
from bot.facts import Closed, Fact, Resolved, What
from bot.incident import Incident, Kind, Status
from bot.intake import LARGEST, Intake, Receipt
from bot.policy import Match, Policy, Rule
from bot.ports import TryAgain
from bot.store import NO_INCIDENT, Delivery, Store
from tests.fake_servers import shop

FIXTURES = Path(__file__).parent / "alerts" / "fixtures" / "datadog"
START = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
RACES = 50

alerts.load()


@dataclass
class World:
    """An intake with a clock that is set by hand, in minutes after START."""

    store: Store
    policy: Policy
    minute: float = 1

    def __post_init__(self) -> None:
        self.intake = Intake(self.store, policy=self.policy, inventory=shop(servers=3), now=lambda: self.now)

    @property
    def now(self) -> datetime:
        return START + timedelta(minutes=self.minute)

    def deliver(self, situation: str = "triggered", *, minute: float | None = None, **instead: Any) -> Receipt:
        """A recorded delivery, with other fields; sent at this minute and received then, or later if it is later."""
        fields = dict(json.loads((FIXTURES / f"{situation}.json").read_text()))
        if minute is not None:
            self.minute = max(self.minute, minute)
            at = START + timedelta(minutes=minute)
            fields |= {"date_ms": str(int(at.timestamp() * 1000)), "event_id": f"{situation} {minute} {instead}"[:90]}
        return self.intake.receive("datadog", json.dumps({**fields, **instead}).encode())

    def incident(self, number: int = 1) -> Incident:
        found = self.store.incident(number)
        assert found is not None
        return found

    def numbers(self) -> list[int]:
        return [summary.number for summary in self.store.summaries()]

    def dues(self) -> list[tuple[str, int, Any]]:
        return [(due.flow, due.incident, dict(due.args)) for due in self.store.dues()]

    def kept(self, receipt: Receipt) -> Delivery:
        found = self.store.delivery(receipt.delivery)
        assert found is not None
        return found

    def close(self, number: int = 1) -> None:
        self.minute += 0.1
        whats: tuple[What, ...] = (Resolved(), Closed())
        facts = [
            Fact(key=f"{number}/{self.minute}/{n}", what=what, occurred_at=self.now, recorded_at=self.now)
            for n, what in enumerate(whats)
        ]
        with self.store.transaction(incident=number) as tx:
            tx.append(number, facts)


def on(host: str) -> dict[str, Any]:
    """The fields that name another server."""
    named = f"host:{host},service:shop"
    return {"alert_scope": named, "hostname": host, "tags": named, "alert_cycle_key": f"cycle of {host}"}


@pytest.fixture
def world(store: Store) -> World:
    return World(store, Policy())


def test_a_triggered_alert_opens_an_incident_with_all_that_must_follow(world: World) -> None:
    receipt = world.deliver()
    incident = world.incident()
    assert (incident.title, incident.severity, incident.service) == ("Web server out of rotation", "SEV2", "shop")
    assert (incident.opened_at, incident.detected_at) == (START, START)
    assert [(e.kind, e.source.type) for e in incident.timeline] == [(Kind.OPENED, "alert"), (Kind.ALERT, "alert")]
    (alert,) = incident.alerts
    assert (alert.delivery, alert.hostname, alert.place) == (receipt.delivery, "web-02", "group shop-web")
    assert alert.reason == "a problem that no open incident has; rule 2 of the policy (open)"
    assert world.dues() == [("open", 1, {}), ("check", 1, {"host": "web-02"})]
    kept = world.kept(receipt)
    assert (kept.incident, kept.ruling, kept.cut, kept.reason) == (1, "open", False, alert.reason)
    assert json.loads(kept.body)["alert_id"] == "4711"


def test_five_retries_have_one_effect_and_are_told_the_first_delivery(world: World) -> None:
    first = world.deliver()
    receipts = [world.deliver() for _ in range(5)]
    assert not first.duplicate
    assert {(r.delivery, r.duplicate) for r in receipts} == {(first.delivery, True)}
    assert len(world.incident().alerts) == 1
    assert len(world.dues()) == 2


def test_a_retry_of_a_body_without_an_event_id_is_known_too(world: World) -> None:
    first, second = (world.deliver(event_id="$ID") for _ in range(2))
    assert (second.delivery, second.duplicate) == (first.delivery, True)


def test_a_recovery_is_recorded_and_the_server_is_looked_at_again_but_nothing_is_closed(world: World) -> None:
    world.deliver()
    world.deliver("recovered", minute=5)
    incident = world.incident()
    assert (incident.status, incident.firing) == (Status.INVESTIGATING, [])
    assert incident.timeline[-1].kind is Kind.RECOVERED
    assert world.dues()[-1] == ("check", 1, {"host": "web-02", "recovery": True})


@pytest.mark.parametrize("minute", [3, 5], ids=["before", "at the very instant of"])
def test_a_trigger_that_arrives_after_the_recovery_of_its_cycle_does_not_fire_again(
    world: World, minute: float
) -> None:
    world.deliver()
    world.deliver("recovered", minute=5)
    dues = world.dues()
    world.deliver("triggered", minute=minute)
    assert world.incident().firing == []
    assert world.dues() == dues
    world.deliver("renotify", minute=minute)
    assert world.incident().firing == []
    with world.store.transaction() as tx:
        assert [p.firing for p in tx.problems(START)] == [False]


def test_a_problem_that_comes_back_fires_again_and_is_looked_at_again(world: World) -> None:
    world.deliver()
    world.deliver("recovered", minute=5)
    world.deliver("re_triggered", minute=6)
    assert len(world.incident().firing) == 1
    assert world.dues()[-1] == ("check", 1, {"host": "web-02"})
    assert world.numbers() == [1]


def test_reminders_are_recorded_and_start_nothing(world: World) -> None:
    world.deliver()
    for minute in (10, 20, 30):
        world.deliver("renotify", minute=minute)
    assert len(world.incident().alerts) == 4
    assert len(world.dues()) == 2


def test_two_servers_of_one_group_are_one_incident_and_both_are_looked_at(world: World) -> None:
    world.deliver()
    world.deliver(minute=0.1, **on("web-03"))
    incident = world.incident()
    assert world.numbers() == [1]
    assert [alert.hostname for alert in incident.firing] == ["web-02", "web-03"]
    assert incident.alerts[1].reason == "same place (group shop-web) within 15 min"
    assert [args for flow, _, args in world.dues() if flow == "check"] == [{"host": "web-02"}, {"host": "web-03"}]
    world.deliver("recovered", minute=5)
    assert [alert.hostname for alert in world.incident().firing] == ["web-03"]


def test_another_service_is_another_incident(world: World) -> None:
    world.deliver()
    world.deliver(minute=0.1, alert_id="9", alert_cycle_key="9", alert_scope="", hostname="", tags="service:pay")
    assert world.numbers() == [1, 2]
    assert world.incident(2).service == "pay"


def test_an_unknown_server_opens_an_incident_and_names_none_to_look_at(world: World) -> None:
    world.deliver(**on("web-99"))
    assert world.dues() == [("open", 1, {}), ("check", 1, {})]
    assert world.incident().alerts[0].place == "service shop prod"


def test_hostile_strings_are_kept_and_select_nothing(world: World) -> None:
    receipt = world.deliver("hostile_strings")
    assert world.dues()[-1] == ("check", 1, {})
    assert world.incident().title.startswith("<!channel> $(reboot)")
    assert b"rm -rf" in world.kept(receipt).body


def test_two_hundred_groups_and_long_ids_can_be_stored(world: World) -> None:
    """An index of Postgres refuses a key of more than 2704 bytes."""
    long = ",".join(f"host:{n:03d}-{'x' * 60}" for n in range(200))
    for number, fields in enumerate([{"alert_scope": long}, {"event_id": "9" * 9000}, {"alert_id": "8" * 9000}]):
        world.deliver(minute=0.1 * number, **{"alert_cycle_key": "k" * 9000, "tags": long, **fields})
    assert len(world.incident().alerts[0].scope) == 200


@pytest.mark.parametrize(
    ("priority", "severities", "severity"),
    [
        ("P1", ("SEV1", "SEV2", "SEV3", "SEV4", "SEV5"), "SEV1"),
        ("p5", ("SEV1", "SEV2", "SEV3", "SEV4", "SEV5"), "SEV5"),
        ("P2", ("critical", "major", "minor"), "major"),
        ("P5", ("critical", "major", "minor"), "minor"),  # the policy knows nothing milder
        ("", ("critical", "major", "minor"), "major"),
        ("P0", ("critical", "major", "minor"), "major"),
        ("normal", ("critical", "major", "minor"), "major"),
    ],
)
def test_priorities_are_the_policys_severities_in_order(
    sqlite_url: str, priority: str, severities: tuple[str, ...], severity: str
) -> None:
    store = Store.open(sqlite_url)
    default = "SEV3" if "SEV3" in severities else "major"
    world = World(store, Policy(severities=severities, default_severity=default))
    world.deliver(alert_priority=priority)
    assert world.incident().severity == severity
    store.close()


def test_the_rules_ignore_and_propose(store: Store) -> None:
    rules = (
        Rule(match=Match(tags={"env": "staging"}), do="ignore"),
        Rule(match=Match(service="pay"), do="propose"),
    )
    world = World(store, Policy(rules=rules))
    ignored = world.kept(world.deliver(tags="env:staging"))
    assert (ignored.ruling, ignored.reason, ignored.incident) == ("ignore", "rule 1 of the policy (ignore)", None)
    assert world.numbers() == []
    world.deliver(minute=1)
    assert world.kept(world.deliver(minute=2, alert_id="9", alert_cycle_key="9", tags="env:staging")).ruling == "ignore"
    proposed = world.deliver(
        minute=3, alert_id="8", alert_cycle_key="8", alert_scope="", hostname="", tags="service:pay"
    )
    assert "rule 2 of the policy (propose); opened without asking" in world.kept(proposed).reason
    assert world.numbers() == [1, 2]


@pytest.mark.parametrize("situation", ["recovered", "null_transition", "test_notification"])
def test_what_opens_nothing_is_kept_with_its_reason(world: World, situation: str) -> None:
    kept = world.kept(world.deliver(situation))
    assert (kept.ruling, kept.incident) == ("ignore", None)
    assert kept.reason
    assert (world.numbers(), world.dues()) == ([], [])


def test_an_unknown_transition_does_not_count_as_a_recovery(world: World) -> None:
    world.deliver()
    world.deliver("null_transition", minute=5)
    assert len(world.incident().firing) == 1


def test_the_same_problem_soon_after_closing_is_the_same_incident_and_people_hear_of_it(world: World) -> None:
    world.deliver()
    world.deliver("recovered", minute=5)
    world.minute = 6
    world.close()
    before = len(world.dues())
    world.deliver("re_triggered", minute=10)
    incident = world.incident()
    assert world.numbers() == [1]
    assert (incident.status, len(incident.firing)) == (Status.INVESTIGATING, 1)
    assert [e.kind for e in incident.timeline[-2:]] == [Kind.REOPENED, Kind.ALERT]
    (report, check) = world.dues()[before:]
    assert report[:2] == ("report", 1)
    assert "INC-1 is open again" in report[2]["text"]
    assert check == ("check", 1, {"host": "web-02"})


def test_the_same_problem_long_after_its_recovery_is_a_new_incident(world: World) -> None:
    world.deliver()
    world.deliver("recovered", minute=5)
    world.minute = 30
    world.close()
    world.deliver("re_triggered", minute=36)
    assert world.numbers() == [1, 2]
    assert world.incident(1).status is Status.CLOSED
    assert "longer ago than the cool-off" in world.incident(2).alerts[0].reason


def test_a_reminder_wakes_nobody_soon_after_closing_but_opens_an_incident_later(world: World) -> None:
    """It was closed while the monitor still complained: half an hour of that is wanted, more is a problem."""
    world.deliver()
    world.close()
    world.deliver("renotify", minute=20)
    assert (world.numbers(), world.incident().status) == ([1], Status.CLOSED)
    assert world.incident().alerts[-1].reason == "same monitor and scope, of a closed incident"
    world.deliver("renotify", minute=60)
    assert world.numbers() == [1, 2]


def test_a_recovery_after_closing_is_recorded_and_nothing_more(world: World) -> None:
    world.deliver()
    world.close()
    dues = world.dues()
    world.deliver("recovered", minute=10)
    assert (world.incident().status, world.incident().firing) == (Status.CLOSED, [])
    assert world.dues() == dues


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 200_000, b"{}", (FIXTURES / "old_default_payload.json").read_bytes()],
    ids=["empty", "broken", "a list", "not UTF-8", "deeply nested", "no fields", "another payload"],
)
def test_what_is_not_understood_is_kept_and_reported_once(world: World, body: bytes) -> None:
    first, second = (world.intake.receive("datadog", body) for _ in range(2))
    assert first.problem
    assert second == Receipt(delivery=first.delivery, duplicate=True)
    kept = world.kept(first)
    assert (kept.body, kept.ruling, kept.reason) == (body, "not-understood", first.problem)
    ((flow, incident, args),) = world.dues()
    assert (flow, incident, args["key"]) == ("report", NO_INCIDENT, first.delivery)
    assert first.delivery in args["text"]
    assert first.problem in args["text"]


def test_reports_leave_no_trace_among_the_incidents(world: World) -> None:
    world.intake.receive("datadog", b"{")
    assert (world.numbers(), world.store.stale(), world.store.incident(NO_INCIDENT)) == ([], [], None)
    world.deliver()
    world.store.rebuild()
    assert (world.numbers(), world.store.stale()) == ([1], [1])


def test_a_body_over_a_megabyte_is_stored_cut_and_reported(world: World) -> None:
    body = json.dumps({"alert_id": "4711", "event_msg": "x" * LARGEST}).encode()
    first, second = world.intake.receive("datadog", body), world.intake.receive("datadog", body[: LARGEST + 1])
    kept = world.kept(first)
    assert (len(kept.body), kept.cut) == (LARGEST, True)
    assert first.problem == "it is longer than 1000000 bytes and was cut"
    assert second.duplicate


@pytest.fixture
def pair(database_url: str) -> Iterator[list[World]]:
    """Two intakes on one database, as two replicas have them."""
    stores = [Store.open(database_url), Store.open(database_url)]
    yield [World(store, Policy()) for store in stores]
    for store in stores:
        store.close()


def test_deliveries_at_the_same_instant_are_one_incident(pair: list[World]) -> None:
    barrier = Barrier(2)

    def receive(world: World, race: int, name: str) -> Receipt:
        barrier.wait()
        own: dict[str, Any] = {"alert_id": str(race), "alert_cycle_key": str(race), "tags": f"service:s{race}"}
        return world.deliver(event_id=f"{race}{name}", alert_scope="", hostname="", **own)

    with ThreadPoolExecutor(2) as pool:
        for race in range(1, RACES + 1):
            names = ("", "") if race % 2 else ("a", "b")  # the very same delivery, or two of one problem
            receipts = list(pool.map(receive, pair, (race, race), names))
            assert [r.duplicate for r in receipts].count(True) == race % 2
            assert pair[0].numbers() == list(range(1, race + 1))
            assert len(pair[1].incident(race).alerts) == 2 - race % 2


def test_a_database_that_is_away_is_said_so_that_the_delivery_comes_again(sqlite_url: str) -> None:
    store = Store.open(sqlite_url)
    world = World(store, Policy())
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    store.close()
    path.rename(path.with_suffix(".away"))
    path.mkdir()
    with pytest.raises(TryAgain, match="does not answer"):
        world.deliver()
    path.rmdir()
    path.with_suffix(".away").rename(path)
    assert not world.deliver().duplicate
    store.close()
