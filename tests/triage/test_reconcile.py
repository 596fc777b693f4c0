"""What Datadog knows and we do not: missed alerts come in once, missing recoveries are asked about."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from bot.alerts import load
from bot.alerts.datadog import datadog as parse
from bot.datadog import Datadog
from bot.incident import Incident, Kind, Status
from bot.intake import Intake
from bot.lab.datadog_api import DatadogApi
from bot.policy import Policy
from bot.ports import GaveUp, Groups, GroupState, MonitorState, TryAgain
from bot.runbook.inventory import Inventory
from bot.store import Store
from bot.triage.known import Problem
from bot.triage.reconcile import (
    EVERY,
    UNDER_WAY,
    Reconcile,
    delivery_of,
    is_about,
    missed,
    monitor_of,
    name_of,
    silent,
    what_became,
)
from tests.datadog.lab import lab_and_client
from tests.fake_metrics import FakeMetrics

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
LONG_AGO = NOW - timedelta(minutes=20)
load()


def group(tags: str = "host:web-02,service:shop", status: str = "alert", **words: object) -> GroupState:
    known = {"monitor_id": "7", "monitor": "Web is out", "triggered_at": LONG_AGO, "priority": "P2", **words}
    parts = tuple(tag for tag in tags.split(",") if ":" in tag)
    return GroupState(name=tags or "*", status=status, tags=parts, **known)  # type: ignore[arg-type] # of a table


def problem(scope: str = "host:web-02,service:shop", **words: object) -> Problem:
    known = {"incident": 1, "cycle": "", "place": "", "firing": True, "open": True, "last_at": LONG_AGO, **words}
    return Problem(fingerprint=f"datadog|7|{scope}", **known)  # type: ignore[arg-type] # of a table


# ------------------------------------------------------------------ decisions


def test_an_alert_of_which_we_never_heard_was_missed() -> None:
    assert missed([group()], {}, [], now=NOW) == [group()]


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(group(status="ok"), id="well"),
        pytest.param(group(muted=True), id="muted"),
        pytest.param(group(triggered_at=None), id="never triggered"),
        pytest.param(group(triggered_at=NOW - UNDER_WAY / 2), id="under way"),
        pytest.param(group(monitor_id="../x"), id="no number"),
    ],
)
def test_what_needs_no_taking_in(known: GroupState) -> None:
    assert missed([known], {}, [], now=NOW) == []


@pytest.mark.parametrize(("minutes", "known"), [(0, True), (0.5, True), (10, True), (-5, False)])
def test_a_word_since_it_triggered_is_enough(minutes: float, known: bool) -> None:
    heard = {name_of(group()): LONG_AGO + timedelta(minutes=minutes)}
    assert (missed([group()], heard, [], now=NOW) == []) is known


@pytest.mark.parametrize(
    ("scope", "known"),
    [
        ("host:web-02,service:shop", True),
        ("env:prod,host:web-02,service:shop", True),  # Datadog's words for one group differ in length
        ("host:web-02", True),
        ("host:web-01,service:shop", False),
    ],
)
def test_an_open_problem_that_is_the_same_is_known(scope: str, known: bool) -> None:
    assert (missed([group()], {}, [problem(scope)], now=NOW) == []) is known
    assert missed([group()], {}, [problem(scope, firing=False)], now=NOW) == [group()]


def test_a_monitor_that_lists_itself_beside_its_parts_is_one_problem() -> None:
    """As recorded of a test from one place: the place, all places, and the whole."""
    groups = [group("aws:us-east-2"), group("@SYNTHETICS_OVERALL@"), group("total")]
    assert [g.tags for g in missed(groups, {}, [], now=NOW)] == [()]
    assert missed(groups, {}, [problem("")], now=NOW) == []


def test_a_problem_that_no_group_has_any_more_is_silent() -> None:
    other = group("host:web-01,service:shop")
    assert silent([other], [problem()], now=NOW) == [problem()]
    assert silent([group()], [problem()], now=NOW) == []


@pytest.mark.parametrize(
    "known",
    [
        problem(open=False),
        problem(firing=False),
        problem(incident=0),  # a proposal
        problem(last_at=NOW - UNDER_WAY / 2),
    ],
)
def test_what_needs_no_asking(known: Problem) -> None:
    assert silent([], [known], now=NOW) == []


@pytest.mark.parametrize("name", ["datadog|0123abcd", "other|7|host:a", "datadog|title Web|host:a", "datadog||", ""])
def test_problems_of_no_monitor_are_left_alone(name: str) -> None:
    assert monitor_of(name) == ""
    assert not is_about(name, group())


STATES: dict[str, tuple[MonitorState | None, str]] = {
    "deleted": (None, "is not there any more"),
    "well": (MonitorState(state="OK", link="", name="Web is out"), "(Web is out) no longer alerts about host:web-02"),
    "another group": (MonitorState(state="Alert", link="", groups=(group("host:web-09"),)), "no longer alerts"),
    "still": (MonitorState(state="Alert", link="", groups=(group(),)), ""),
}


@pytest.mark.parametrize("name", STATES)
def test_people_are_told_why_no_recovery_came_and_what_to_do(name: str) -> None:
    state, told = STATES[name]
    text = what_became(problem(), state)
    assert told in text
    assert bool(text) == bool(told)
    if text:
        assert text.endswith("“check” looks at the server, “resolve” says so.")


@pytest.mark.parametrize(("state", "asked"), [("Alert", False), ("OK", True)])
def test_a_simple_monitor_says_it_as_a_whole(state: str, asked: bool) -> None:
    assert bool(what_became(problem(""), MonitorState(state=state, link=""))) is asked


def test_the_delivery_reads_as_the_webhook_would_have() -> None:
    parsed = parse(delivery_of(group(monitor_tags=("service:shop", "env:prod")), link="https://dd/7"), "D1", NOW)
    (alert,) = parsed.alerts
    assert (alert.monitor_id, alert.transition, alert.title, alert.priority) == ("7", "Triggered", "Web is out", "P2")
    assert (alert.at, alert.hostname, alert.link) == (LONG_AGO, "web-02", "https://dd/7")
    assert alert.scope == ("host:web-02", "service:shop")
    assert alert.tags == ("env:prod", "host:web-02", "service:shop")
    assert parsed.same == parse(delivery_of(group(), link="https://else/7"), "D2", NOW + timedelta(days=1)).same
    assert parsed.same != parse(delivery_of(group(triggered_at=NOW)), "D3", NOW).same


@given(st.text(max_size=300), st.text(max_size=60), st.sampled_from(["alert", "warn", "no data"]))
def test_whatever_a_group_is_called_its_delivery_is_understood(tags: str, title: str, status: str) -> None:
    known = GroupState(
        monitor_id="7", name=tags, status=status, tags=tuple(tags.split(",")), monitor=title, triggered_at=LONG_AGO
    )
    parsed = parse(delivery_of(known), "D", NOW)
    assert parsed.alerts
    assert not parsed.problem
    assert name_of(known)


# ------------------------------------------------------------------ rounds


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


class Rounds:
    """A store, an intake and Datadog, and somebody who makes rounds between them."""

    def __init__(self, store: Store) -> None:
        self.store, self.clock, self.metrics = store, Clock(), FakeMetrics()
        self.intake = Intake(store, policy=Policy(), inventory=Inventory(), now=self.clock)
        self.reconcile = self.another()

    def another(self, query: str = "notification:webhook-muster") -> Reconcile:
        receive: Callable[[str, bytes], object] = self.intake.receive
        return Reconcile(store=self.store, metrics=self.metrics, receive=receive, query=query, now=self.clock)

    def alerting(self, *groups: GroupState, complete: bool = True) -> None:
        self.metrics.found = Groups(groups=groups, complete=complete)

    def incident(self, number: int = 1) -> Incident:
        found = self.store.incident(number)
        assert found
        return found


@pytest.fixture
def rounds(store: Store) -> Rounds:
    return Rounds(store)


async def test_a_missed_alert_opens_one_incident_however_often_it_is_found(rounds: Rounds) -> None:
    rounds.alerting(group())
    assert await rounds.reconcile.round()
    assert not await rounds.reconcile.round()
    assert not await rounds.another().round()
    assert len(rounds.store.summaries()) == 1
    (alert,) = rounds.incident().alerts
    assert "webhook never came" in alert.status
    assert rounds.metrics.asked("groups") == ["notification:webhook-muster"] * 3


async def test_a_group_that_is_well_by_now_keeps_the_others_from_nothing(rounds: Rounds) -> None:
    rounds.alerting(group("host:web-01", status="ok"), group())
    assert await rounds.reconcile.round()
    assert [alert.hostname for alert in rounds.incident().alerts] == ["web-02"]


async def test_a_late_webhook_joins_what_was_found(rounds: Rounds) -> None:
    rounds.alerting(group())
    await rounds.reconcile.round()
    late = delivery_of(group()).replace(b"reconcile-", b"8306082202796")
    rounds.intake.receive("datadog", late)
    assert len(rounds.store.summaries()) == 1
    assert len(rounds.incident().alerts) == 2


async def test_what_a_person_closed_stays_closed_though_it_alerts_on(rounds: Rounds) -> None:
    rounds.alerting(group())
    await rounds.reconcile.round()
    with rounds.store.transaction(incident=1) as tx:
        from bot.facts import Closed, Fact

        tx.append(1, [Fact(key="close", what=Closed(), occurred_at=NOW, recorded_at=NOW)])
    rounds.clock.at += timedelta(hours=2)
    assert not await rounds.another().round()
    assert not rounds.incident().open


async def test_a_missing_recovery_is_asked_about_once_and_closes_nothing(rounds: Rounds) -> None:
    rounds.alerting(group())
    await rounds.reconcile.round()
    rounds.alerting()
    assert await rounds.reconcile.round()
    assert not await rounds.reconcile.round()
    assert not await rounds.another().round()  # another replica, or this one after a crash
    incident = rounds.incident()
    assert (incident.status, len(incident.firing)) == (Status.INVESTIGATING, 1)
    (told,) = [e for e in incident.entries if e.kind is Kind.NOTE]
    assert "its recovery never came" in told.text
    assert [due.args["text"] for due in rounds.store.dues() if due.flow == "report"] == [told.text]


async def test_where_not_all_was_told_nobody_is_asked(rounds: Rounds) -> None:
    rounds.alerting(group())
    await rounds.reconcile.round()
    rounds.alerting(complete=False)
    assert not await rounds.reconcile.round()
    assert rounds.metrics.asked("monitor") == []


async def test_of_a_storm_few_monitors_are_asked_in_one_round_and_each_has_its_turn(rounds: Rounds) -> None:
    rounds.alerting(*(group(f"host:h{n}", monitor_id=str(n)) for n in range(12)))
    await rounds.reconcile.round()

    async def none(query: str, *, bad: bool = True) -> Groups:  # noqa: ARG001 - of Metrics
        return Groups(groups=())  # as for monitors that a rule calls us for; they alert on

    rounds.metrics.groups = none  # type: ignore[method-assign] # a wrapper
    for _ in range(3):
        assert not await rounds.reconcile.round()
        rounds.clock.at += EVERY
    assert len(rounds.metrics.asked("monitor")) == 15
    assert len(set(rounds.metrics.asked("monitor"))) == 12


async def test_what_goes_silent_together_is_one_look_and_one_message(rounds: Rounds) -> None:
    scopes = [f"host:h{n},service:shop" for n in range(13)]
    rounds.alerting(*map(group, scopes))
    await rounds.reconcile.round()
    assert len(rounds.store.summaries()) == 1
    rounds.alerting()
    assert await rounds.reconcile.round()
    assert not await rounds.another().round()
    assert rounds.metrics.asked("monitor") == ["7", "7"]
    notes = [e.text for e in rounds.incident().entries if e.kind is Kind.NOTE]
    assert len(notes) == 13
    (report,) = [due.args["text"] for due in rounds.store.dues() if due.flow == "report"]
    assert report.startswith("13 alerts of this incident (host:h")
    assert "and 10 more) are silent at Datadog, but their recoveries never came." in report


async def test_one_monitor_that_cannot_be_looked_at_keeps_no_other_waiting(rounds: Rounds) -> None:
    rounds.alerting(*(group(f"service:s{n}", monitor_id=str(n)) for n in range(3)))
    await rounds.reconcile.round()
    rounds.alerting()
    rounds.metrics.fail["monitor"] = [GaveUp("No.", reason="datadog-refused", fix="Give the scope monitors_read.")]
    with pytest.raises(GaveUp):
        await rounds.reconcile.round()
    assert len([due for due in rounds.store.dues() if due.flow == "report"]) == 2
    assert await rounds.reconcile.round()
    assert len([due for due in rounds.store.dues() if due.flow == "report"]) == 3


async def test_it_is_done_every_few_minutes_by_one_replica(rounds: Rounds) -> None:
    one, other = rounds.another(), rounds.another()
    rounds.alerting(group())
    assert not await one.in_time()  # counting begins
    rounds.clock.at += EVERY
    assert [await one.in_time(), await other.in_time()] == [True, False]
    assert len(rounds.metrics.asked("groups")) == 1


@pytest.mark.parametrize(
    "problem", [TryAgain("Datadog does not answer.", reason="datadog-away"), GaveUp("No.", reason="datadog-refused")]
)
async def test_a_datadog_that_fails_is_logged_once_and_when_it_is_back(
    rounds: Rounds, problem: TryAgain | GaveUp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    rounds.metrics.fail["groups"] = [problem, problem]
    await rounds.reconcile.in_time()
    for _ in range(3):
        rounds.clock.at += EVERY
        await rounds.reconcile.in_time()
    assert [r.message for r in caplog.records] == ["reconcile.failing", "reconcile.back"]


async def test_switched_off_it_asks_nobody(rounds: Rounds) -> None:
    off = rounds.another("off")
    for _ in range(2):
        rounds.clock.at += EVERY
        assert not await off.in_time()
    assert rounds.metrics.calls == []


# ------------------------------------------------------------------ with the real client


def monitor(id: int, *groups: dict[str, object], name: str = "Web is out") -> dict[str, object]:
    """A monitor as the API describes it, with these groups."""
    bad = any(one["status"] != "OK" for one in groups)
    named = {str(one["name"]): one for one in groups}
    state = {"overall_state": "Alert" if bad else "OK", "state": {"groups": named}}
    return {"id": id, "name": name, "message": "@webhook-muster", "tags": ["service:shop"], "options": {}, **state}


def state(name: str, status: str = "Alert", *, since: datetime = LONG_AGO, **words: object) -> dict[str, object]:
    return {"name": name, "status": status, "last_triggered_ts": int(since.timestamp()), **words}


class Account(Rounds):
    """Rounds that ask the stand-in of the API, whose monitors are set by hand."""

    def __init__(self, store: Store, api: DatadogApi, client: Datadog) -> None:
        super().__init__(store)
        self.api, self.client, self.monitors = api, client, list[dict[str, object]]()
        api.described = lambda: [*self.monitors]
        self.reconcile = self.another()

    def another(self, query: str = "notification:webhook-muster") -> Reconcile:
        if not hasattr(self, "client"):
            return super().another(query)
        return Reconcile(
            store=self.store, metrics=self.client, receive=self.intake.receive, query=query, now=self.clock
        )

    def firing(self) -> set[str]:
        found = [self.incident(one.number) for one in self.store.summaries()]
        return {alert.fingerprint for incident in found for alert in incident.firing}

    def notes(self) -> list[str]:
        found = [self.incident(one.number) for one in self.store.summaries()]
        return [e.text for incident in found for e in incident.entries if e.kind is Kind.NOTE]


@pytest_asyncio.fixture
async def account(sqlite_url: str) -> AsyncIterator[Account]:
    store = Store.open(sqlite_url)
    async with lab_and_client() as (api, client):
        yield Account(store, api, client)
    store.close()


async def test_whatever_the_monitors_say_the_record_follows(account: Account) -> None:
    long_before = LONG_AGO - timedelta(days=3)
    account.monitors = [
        monitor(1, state("host:a")),  # missed
        monitor(2, state("host:b", "Warn")),
        monitor(3, state("host:c", "No Data", since=long_before, last_nodata_ts=int(LONG_AGO.timestamp()))),
        monitor(4, state("host:d", muted=True)),  # somebody asked for silence
        monitor(5, state("host:e", "OK"), state("host:f", since=NOW)),  # well; under way
        monitor(6, state("*")),  # a simple one
    ]
    assert await account.reconcile.round()
    expected = {"datadog|1|host:a", "datadog|2|host:b", "datadog|3|host:c", "datadog|6|"}
    assert account.firing() == expected
    assert not await account.reconcile.round()
    account.monitors = [
        monitor(1, state("host:a", "OK")),  # its recovery was missed
        monitor(3, state("host:c", "No Data", since=long_before, last_nodata_ts=int(LONG_AGO.timestamp()))),
        monitor(6, state("*", "OK")),
    ]  # 2 was deleted
    assert await account.reconcile.round()
    assert account.firing() == expected, "a missing recovery is asked about, never made up"
    assert sorted(note.partition("’")[0].split(" ")[2] for note in account.notes()) == ["1", "2", "6"]
    assert any("monitor 2 is not there any more" in note for note in account.notes())
    assert not await account.reconcile.round()


async def test_a_group_that_went_silent_again_after_it_was_heard_of_is_missed(account: Account) -> None:
    """It triggered once, and we heard of that; that it sends nothing since then is news."""
    account.monitors = [monitor(1, state("host:a"))]
    await account.reconcile.round()
    over = delivery_of(group("host:a", monitor_id="1")).replace(b"Triggered", b"Recovered").replace(b"reconcile-", b"8")
    account.intake.receive("datadog", over)
    assert account.firing() == set()
    account.clock.at += timedelta(minutes=30)
    silent_since = int((NOW + timedelta(minutes=20)).timestamp())
    account.monitors = [monitor(1, state("host:a", "No Data", last_nodata_ts=silent_since))]
    assert await account.reconcile.round()
    assert account.firing() == {"datadog|1|host:a"}


async def test_more_than_a_thousand_monitors_are_compared_page_by_page(account: Account) -> None:
    account.monitors = [monitor(n, state("*", "Alert" if n > 1000 else "OK")) for n in range(1, 1020)]
    account.monitors += [monitor(n, state("*", muted=True)) for n in range(2000, 3200)]
    assert await account.reconcile.round()
    assert account.firing() == {f"datadog|{n}|" for n in range(1001, 1020)}
    assert [path for _, path in account.api.asked].count("/api/v1/monitor/groups/search") == 7


async def test_an_api_that_goes_down_between_two_calls_loses_nothing(account: Account) -> None:
    account.monitors = [monitor(n, state("*")) for n in range(1, 4)]
    await account.reconcile.round()
    account.monitors = [monitor(9, state("host:z"))]
    ask = account.client.monitor

    async def down(monitor_id: str) -> MonitorState:
        account.api.fault = 503
        return await ask(monitor_id)

    account.client.monitor = down  # type: ignore[method-assign] # a wrapper
    with pytest.raises(TryAgain):
        await account.reconcile.round()
    assert "datadog|9|host:z" in account.firing(), "what was missed is in already"
    assert account.notes() == []
    account.api.fault = 0
    account.client.monitor = ask  # type: ignore[method-assign]
    assert await account.reconcile.round()
    assert len(account.notes()) == 3
