"""Deliveries become incidents, once, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from bot import alerts
from bot.alerts.datadog import datadog
from bot.facts import Closed, Fact, Resolved, What
from bot.incident import Incident, Kind, Status
from bot.intake import LARGEST, MOST_LOOKS, Intake, Receipt
from bot.policy import Flapping, Grouping, Match, Policy, Rule
from bot.ports import TryAgain
from bot.store import NO_INCIDENT, Delivery, Store
from bot.triage.proposal import Proposal, ProposalState
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

    def whys(self, receipt: Receipt) -> list[str]:
        """The names of the reasons for each alert of a delivery."""
        return [ruled.why for ruled in self.store.ruled(delivery=receipt.delivery)]

    def proposals(self) -> list[Proposal]:
        """All proposals, as they are now, oldest first."""
        ids = dict.fromkeys(due.args["proposal"] for due in self.store.dues() if due.flow == "propose")
        with self.store.transaction() as tx:
            return [found for id in ids if (found := tx.proposal(id))]

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


PAY = {"alert_id": "8", "alert_cycle_key": "8", "alert_scope": "", "hostname": "", "tags": "service:pay"}
"""Something else, in another service."""


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
    assert (alert.delivery, alert.hostname, alert.place) == (receipt.delivery, "web-02", "service shop prod")
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
    assert incident.alerts[1].reason == "same place (service shop prod) within 15 min"
    looks = [args for flow, _, args in world.dues() if flow == "check"]
    assert looks == [{"host": "web-02"}, {"host": "web-03", "monitor": "4711"}]  # it may be another monitor
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
    assert ("check", 1, {}) in world.dues()
    assert world.incident().title.startswith("<!channel> $(reboot)")
    assert b"rm -rf" in world.kept(receipt).body


def test_two_hundred_groups_and_long_ids_can_be_stored(world: World) -> None:
    """An index of Postgres refuses a key of more than 2704 bytes."""
    long = ",".join(f"host:{n:03d}-{'x' * 60}" for n in range(200))
    for number, fields in enumerate([{"alert_scope": long}, {"event_id": "9" * 9000}, {"alert_id": "8" * 9000}]):
        world.deliver(minute=0.1 * number, **{"alert_cycle_key": "k" * 9000, "tags": long, **fields})
    assert world.numbers() == [1]
    assert len({a.fingerprint for a in world.incident().alerts}) == 202


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
    proposed = world.kept(world.deliver(minute=3, **PAY))
    assert (proposed.ruling, proposed.incident) == ("propose", None)
    assert proposed.reason == "a problem that no open incident has; rule 2 of the policy (propose)"
    assert world.numbers() == [1]


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
    assert world.incident().alerts[-1].reason == "same monitor and scope, of a closed incident, said again"
    world.deliver("renotify", minute=60)
    assert world.numbers() == [1, 2]


def test_a_recovery_after_closing_is_recorded_and_nothing_more(world: World) -> None:
    world.deliver()
    world.close()
    dues = world.dues()
    world.deliver("recovered", minute=10)
    assert (world.incident().status, world.incident().firing) == (Status.CLOSED, [])
    assert world.dues() == dues


@pytest.mark.parametrize("minute", [3, 5], ids=["before", "at the very instant of"])
def test_a_trigger_that_comes_after_its_recovery_opens_nothing(world: World, minute: float) -> None:
    """Datadog promises no order: the cycle has ended already when we first hear that it began."""
    assert world.whys(world.deliver("recovered", minute=5)) == ["nothing-open"]
    late = world.deliver("triggered", minute=minute)
    assert (world.whys(late), world.numbers(), world.dues()) == (["ended"], [], [])
    assert world.kept(late).reason == "its cycle has ended already (recovered 10:35:00 UTC)"
    world.deliver("triggered", minute=6, alert_cycle_key="cycle-2")
    assert world.numbers() == [1]


def test_a_problem_that_comes_and_goes_is_held_down_and_counted(world: World) -> None:
    for flap in range(6):
        world.deliver("triggered", minute=5.0 * flap, alert_cycle_key=f"c{flap}")
        world.deliver("recovered", minute=5.0 * flap + 2, alert_cycle_key=f"c{flap}")
    incident = world.incident()
    assert world.numbers() == [1]
    assert [a.why for a in incident.alerts] == ["new"] + ["same-problem"] * 3 + ["flapping"] * 8
    assert "flapping: 3 times in 15 min" in incident.alerts[4].reason
    looks = [args for flow, _, args in world.dues() if flow == "check"]
    assert ["last_word" in args for args in looks] == [False] * 4 + [True] * 8
    assert looks[-1] == {
        "host": "web-02",
        "recovery": True,
        "last_word": {"problem": incident.alerts[-1].fingerprint, "at": (START + timedelta(minutes=27)).isoformat()},
        "not_before": (START + timedelta(minutes=27 + 15)).isoformat(),
    }
    world.deliver("triggered", minute=60, alert_cycle_key="c9")
    assert world.incident().alerts[-1].why == "same-problem"  # it was quiet for a while: this one is news again


def test_the_policy_says_what_flapping_is(store: Store) -> None:
    policy = Policy(grouping=Grouping(flapping=Flapping(cycles=2, within=timedelta(minutes=4))))
    world = World(store, policy)
    for minute, situation in enumerate(["triggered", "recovered", "triggered", "recovered"]):
        world.deliver(situation, minute=minute)
    assert [a.why for a in world.incident().alerts] == ["new", "same-problem", "flapping", "flapping"]


def test_a_service_and_its_servers_are_one_place(world: World) -> None:
    """One monitor watches the servers, another one the service; the balancer has no service of its own."""
    service: dict[str, Any] = {"alert_scope": "service:shop", "hostname": "", "tags": "service:shop", "tag_env": ""}
    world.deliver(alert_id="1", alert_cycle_key="1", **service)
    world.deliver(minute=1, alert_id="2", alert_cycle_key="2", alert_scope="host:web-03", hostname="web-03")
    balancer: dict[str, Any] = {
        "alert_scope": "host:lb-01",
        "hostname": "lb-01",
        "tags": "host:lb-01",
        "tag_service": "",
    }
    world.deliver(minute=2, alert_id="3", alert_cycle_key="3", **balancer)
    assert world.numbers() == [1]
    assert [a.place for a in world.incident().alerts] == ["service shop", "service shop prod", "service shop prod"]


def test_another_environment_is_another_place(world: World) -> None:
    for minute, env in enumerate(["prod", "test"]):
        here: dict[str, Any] = {
            "tags": "service:shop",
            "tag_env": env,
            "alert_scope": f"service:shop,env:{env}",
            "hostname": "",
        }
        world.deliver(minute=minute, alert_cycle_key=env, **here)
    assert world.numbers() == [1, 2]


def test_every_group_of_a_merged_delivery_has_its_ruling_and_few_are_looked_at(world: World) -> None:
    receipt = world.deliver("many_groups")
    assert world.numbers() == [1]
    assert len(world.incident().firing) == 200
    assert world.whys(receipt) == ["new"] + ["same-cycle"] * 199
    assert world.kept(receipt).merged
    assert [flow for flow, _, _ in world.dues()].count("check") == MOST_LOOKS
    world.deliver("recovered", minute=5, **{**on("web-007"), "alert_scope": "host:web-007"})
    assert len(world.incident().firing) == 199


def test_groups_that_are_told_later_are_judged_like_the_others(world: World) -> None:
    receipt = world.deliver()
    parsed = datadog(json.dumps({"alert_id": "4711", "alert_transition": "Triggered"}).encode(), "", START)
    more = [
        replace(parsed.alerts[0], delivery=receipt.delivery, scope=(f"host:{host}", "service:shop"), hostname=host)
        for host in ("web-02", "web-03")
    ]
    assert [world.intake.add(more), world.intake.add(more)] == [1, 0]
    assert world.numbers() == [1]
    assert [r.n for r in world.store.ruled(delivery=receipt.delivery)] == [0, 1]
    assert {a.hostname for a in world.incident().alerts} == {"web-02", "web-03"}


def test_a_storm_is_one_incident_that_lists_the_rest(store: Store) -> None:
    world = World(store, Policy(grouping=Grouping(per_hour=3)))
    for n in range(100):
        world.deliver(minute=n / 100, **{**PAY, "alert_id": f"{n}", "alert_cycle_key": "", "tags": f"service:s{n}"})
    assert world.numbers() == [1, 2, 3, 4]
    storm = world.incident(4)
    assert (storm.storm, len(storm.firing)) == (True, 97)
    assert storm.title == "Alert storm, Web server out of rotation and others"
    assert {a.why for a in storm.alerts} == {"storm"}
    assert ("check", 4) not in {(flow, number) for flow, number, _ in world.dues()}
    world.deliver(minute=70, **{**PAY, "alert_id": "later", "alert_cycle_key": ""})
    assert world.numbers() == [1, 2, 3, 4, 5]  # an hour later it is over


PROPOSE = Policy(rules=(Rule(match=Match(service="pay"), do="propose"),))


def test_people_are_asked_once_whatever_comes_of_one_problem(store: Store) -> None:
    world = World(store, PROPOSE)
    world.deliver(minute=0, **PAY)
    world.deliver("renotify", minute=1, **PAY)
    world.deliver(minute=2, **{**PAY, "alert_id": "9", "alert_cycle_key": "9"})  # the same place
    (proposal,) = world.proposals()
    assert (proposal.state, len(proposal.alerts), proposal.severity) == (ProposalState.WAITING, 3, "SEV2")
    assert world.numbers() == []
    shown = [args for _, _, args in world.dues() if "lapse" not in args]
    assert len(shown) == 2  # a reminder changes nothing to be seen
    world.deliver("recovered", minute=3, **PAY)
    assert world.proposals()[0].state is ProposalState.WAITING
    world.deliver("recovered", minute=4, **{**PAY, "alert_id": "9", "alert_cycle_key": "9"})
    assert world.proposals()[0].state is ProposalState.EXPIRED
    world.deliver(minute=10, **{**PAY, "alert_cycle_key": "again"})
    assert [p.state for p in world.proposals()] == [ProposalState.WAITING]  # the same card, within the cool-off


def test_people_are_asked_anew_about_what_comes_back_much_later(store: Store) -> None:
    world = World(store, PROPOSE)
    world.deliver(minute=0, **PAY)
    world.deliver("recovered", minute=3, **PAY)
    world.deliver(minute=60, **{**PAY, "alert_cycle_key": "again"})
    assert [p.state for p in world.proposals()] == [ProposalState.EXPIRED, ProposalState.WAITING]


def test_an_incident_that_a_rule_opens_takes_the_proposal_of_its_place_along(store: Store) -> None:
    rules = (Rule(match=Match(service="pay", monitor="8"), do="propose"), Rule(do="open"))
    world = World(store, Policy(rules=rules))
    world.deliver(minute=0, **PAY)
    world.deliver(minute=1, **{**PAY, "alert_id": "9", "alert_cycle_key": "9"})
    assert len(world.incident().alerts) == 2
    assert [(p.state, p.incident) for p in world.proposals()] == [(ProposalState.OPENED, 1)]
    world.deliver("recovered", minute=2, **PAY)
    assert len(world.incident().firing) == 1


def test_recovery_closes_nothing_unless_a_rule_says_so(store: Store) -> None:
    rules = (Rule(match=Match(service="pay"), do="open", on_recovery="close"), Rule(do="open"))
    world = World(store, Policy(rules=rules))
    world.deliver(minute=0)
    world.deliver("recovered", minute=1)
    world.deliver(minute=0, **PAY)
    world.deliver(minute=1, **{**PAY, "alert_id": "9", "alert_cycle_key": "9"})
    world.deliver("recovered", minute=2, **PAY)
    assert [world.incident(n).status for n in (1, 2)] == [Status.INVESTIGATING] * 2
    world.deliver("recovered", minute=3, **{**PAY, "alert_id": "9", "alert_cycle_key": "9"})
    closed = world.incident(2)
    assert (closed.status, closed.resolved_at, closed.closed_at) == (Status.CLOSED, world.now, world.now)
    assert closed.entries[-2].text == "All alerts recovered, rule 1 of the policy (open)"
    assert ("close", 2, {}) in world.dues()


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
    many = Policy(grouping=Grouping(per_hour=1000))  # no storm: each race is an incident of its own
    yield [World(store, many) for store in stores]
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


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_three_words_of_two_cycles_at_one_instant_end_in_the_same_state(
    sqlite_url: str, order: tuple[int, ...]
) -> None:
    """The first cycle ends there, the second one begins and ends: whatever the order, nothing is left."""
    store = Store.open(sqlite_url)
    world = World(store, Policy())
    words = [("recovered", "c1"), ("triggered", "c2"), ("recovered", "c2")]
    world.deliver("triggered", minute=1, alert_cycle_key="c1")
    for situation, cycle in (words[n] for n in order):
        world.deliver(situation, minute=5, alert_cycle_key=cycle)
    with store.transaction() as tx:
        problems = [p.firing for p in tx.problems(START)]
    store.rebuild()
    with store.transaction() as tx:
        assert [p.firing for p in tx.problems(START)] == problems == [False]
    assert world.incident().firing == []
    store.close()


def test_a_merged_delivery_that_is_only_proposed_is_expanded_too(store: Store) -> None:
    world = World(store, PROPOSE)
    receipt = world.deliver(minute=0, **{**PAY, "alert_scope": "host:web-01,host:web-02", "hostname": ""})
    assert ("expand", NO_INCIDENT, {"delivery": receipt.delivery}) in world.dues()
    assert world.numbers() == []


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
