"""What Datadog is told of an incident: each thing once, whatever crashes; and what it is never told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from bot.facts import (
    AlertAttached,
    ChecksAnswered,
    Closed,
    Fact,
    Opened,
    RepairApproved,
    RepairMoved,
    RepairOffered,
    Resolved,
    SeveritySet,
    What,
)
from bot.incident import AlertSeen, CauseSeen, Incident, Kind, Repair, RepairState, Source, Verdict
from bot.policy import Datadog
from bot.ports import GaveUp, Groups, GroupState, TryAgain
from bot.steps.recorder import Recorder
from bot.steps.write_back import QUIET, WriteBack, key_of, milestones, named_by
from bot.store import Store
from tests.fake_metrics import FakeMetrics

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
SCOPE = ("host:web-02", "service:shop")
WEB_02 = GroupState(monitor_id="7", name="host:web-02,service:shop", status="alert", tags=SCOPE)
ALERT = AlertSeen(
    delivery="D1", source="datadog", transition="Triggered", at=NOW, monitor_id="7", scope=SCOPE, fingerprint="f"
)
RECOVERED = AlertSeen(
    delivery="D2", source="datadog", transition="Recovered", at=NOW + timedelta(minutes=9), monitor_id="7",
    scope=SCOPE, fingerprint="f", bad=False,
)  # fmt: skip
PROVED = ChecksAnswered(
    runbook="web", host="web-02", run="r", results=(),
    causes=(CauseSeen(id="web/1", verdict=Verdict.PROVED, text="Another port.", at=NOW, host="web-02"),),
)  # fmt: skip
REPAIR = Repair(name="restore", host="web-02", plan="p", state=RepairState.OFFERED, at=NOW, title="Restore web-02")
AWAY = TryAgain("Datadog does not answer.", reason="datadog-away")
NO = GaveUp("Datadog refuses our keys for this.", reason="datadog-refused", fix="Give the scope.")
OFF = GaveUp("Datadog look-ups are off.", reason="no-keys")


@dataclass
class Desk:
    """An incident on record, Datadog, and who tells it."""

    store: Store
    wishes: Datadog = field(default_factory=lambda: Datadog(downtime=True, mirror_incident=True))
    metrics: FakeMetrics = field(default_factory=lambda: FakeMetrics(found=Groups(groups=(WEB_02,))))
    facts: int = 0
    steps: int = 0

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.store, now=lambda: NOW, key=self._key, wake=lambda: None)
        self.back = WriteBack(self.recorder, metrics=self.metrics, wishes=self.wishes)

    def _key(self) -> str:
        return f"step/{self.steps}"

    def happens(self, *whats: What, source: str = "alert") -> None:
        with self.store.transaction(intake=True) as tx:
            number = 1 if self.facts else tx.new_incident()
            for what in whats:
                self.facts += 1
                key = f"fact/{self.facts}"
                tx.append(
                    number,
                    [Fact(key=key, what=what, occurred_at=NOW, recorded_at=NOW, source=Source(type=source))],
                )

    async def tell(self) -> None:
        self.steps += 1
        await self.back.tell(1, {})

    async def quiet(self) -> None:
        self.steps += 1
        await self.back.quiet(1, {})

    @property
    def incident(self) -> Incident:
        found = self.store.incident(1)
        assert found
        return found


@pytest.fixture
def desk(store: Store) -> Desk:
    made = Desk(store)
    made.happens(Opened(title="Web is out", severity="SEV2", service="shop"), AlertAttached(alert=ALERT))
    return made


def marks(desk: Desk) -> list[str]:
    return [key.partition("/")[2] for key in desk.metrics.markers]


# ------------------------------------------------------------------ events


async def test_the_course_is_marked_once_each(desk: Desk) -> None:
    await desk.tell()
    desk.happens(PROVED)
    await desk.tell()
    desk.happens(RepairOffered(repair=REPAIR), RepairMoved(plan="p", state=RepairState.VERIFIED))
    await desk.tell()
    desk.happens(Resolved(), Closed())
    await desk.tell()
    await desk.tell()
    assert marks(desk) == ["opened", "cause", "repaired", "closed-1"]
    assert len(desk.metrics.asked("mark")) == 4
    opened = next(iter(desk.metrics.markers.values()))
    assert opened.title == "INC-1 opened: Web is out"
    assert opened.tags == ("source:muster", "service:shop")
    assert {marker.together for marker in desk.metrics.markers.values()} == {"muster-inc-1-20261122t103000z"}


async def test_what_failed_is_told_later_and_not_twice(desk: Desk) -> None:
    desk.metrics.fail["mark"] = [AWAY]
    with pytest.raises(TryAgain):
        await desk.tell()
    await desk.tell()
    await desk.tell()
    assert len(desk.metrics.markers) == 1
    assert desk.metrics.asked("mark") == [milestones(desk.incident, now=NOW)[0].key] * 2


async def test_what_came_through_before_a_crash_is_found_and_not_told_again(desk: Desk) -> None:
    marker = milestones(desk.incident, now=NOW)[0]
    desk.store.first(f"marker:{marker.key}")
    desk.metrics.markers[marker.key] = marker
    await desk.tell()
    assert desk.metrics.asked("mark") == []
    assert desk.incident.watched.markers == (marker.key,)


async def test_where_we_may_not_look_an_event_too_many_is_no_harm(desk: Desk) -> None:
    desk.store.first(f"marker:{milestones(desk.incident, now=NOW)[0].key}")
    desk.metrics.fail["marked"] = [NO]
    await desk.tell()
    assert marks(desk) == ["opened"]


@pytest.mark.parametrize("service", ["two words", 'x" OR y', "ünïcode", ""])
def test_a_service_that_is_no_tag_is_left_out(desk: Desk, service: str) -> None:
    incident = desk.incident
    incident.service = service
    assert milestones(incident, now=NOW)[0].tags == ("source:muster",)


async def test_of_a_private_incident_nothing_leaves(store: Store) -> None:
    desk = Desk(store)
    desk.happens(Opened(title="Secret", severity="SEV1", private=True), AlertAttached(alert=ALERT))
    await desk.tell()
    assert desk.metrics.calls == []


async def test_what_the_policy_does_not_want_is_not_done(store: Store) -> None:
    desk = Desk(store, wishes=Datadog(write_back=False))
    desk.happens(Opened(title="Web", severity="SEV1"), AlertAttached(alert=ALERT), source="command")
    await desk.tell()
    await desk.quiet()
    assert desk.metrics.calls == []


async def test_without_keys_nobody_hears_of_it(desk: Desk) -> None:
    desk.metrics.fail = {"mark": [OFF], "mirror": [OFF], "monitor": [OFF]}
    await desk.tell()
    desk.happens(RepairOffered(repair=REPAIR), RepairApproved(plan="p"))
    await desk.quiet()
    assert desk.metrics.markers == {}


# ------------------------------------------------------------------ silence


async def test_nobody_took_it_so_it_stays_loud(desk: Desk) -> None:
    await desk.quiet()
    assert desk.metrics.silences == {}


async def test_an_approval_silences_this_group_with_an_end_and_closing_ends_it(desk: Desk) -> None:
    desk.happens(RepairOffered(repair=REPAIR), RepairApproved(plan="p"))
    await desk.quiet()
    await desk.quiet()
    (wish,) = desk.metrics.silences.values()
    assert (wish.monitor_id, wish.group, wish.until) == ("7", WEB_02, NOW + QUIET)
    assert len(desk.metrics.asked("silence")) == 1
    desk.happens(Closed())
    await desk.quiet()
    await desk.quiet()
    assert desk.metrics.silences == {}
    assert desk.metrics.asked("end_silence") == ["S1"]
    notes = [e.text for e in desk.incident.entries if e.kind is Kind.NOTE]
    assert [text.split(" host")[0] for text in notes] == [
        "Monitor 7 is silent about", "Monitor 7 is no longer silent about",
    ]  # fmt: skip


async def test_a_declared_incident_silences_what_is_attached_to_it(store: Store) -> None:
    desk = Desk(store)
    desk.happens(Opened(title="Web", severity="SEV1"), source="command")
    await desk.quiet()
    assert desk.metrics.calls == []
    desk.happens(AlertAttached(alert=ALERT))
    await desk.quiet()
    assert len(desk.metrics.silences) == 1


async def test_what_recovered_needs_no_silence(desk: Desk) -> None:
    desk.happens(RepairOffered(repair=REPAIR), RepairApproved(plan="p"), AlertAttached(alert=RECOVERED))
    await desk.quiet()
    assert desk.metrics.silences == {}


async def test_a_silence_from_before_a_crash_is_found(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.happens(RepairOffered(repair=REPAIR), RepairApproved(plan="p"))
    record = desk.recorder.record
    monkeypatch.setattr(desk.recorder, "record", _crash)
    with pytest.raises(KeyboardInterrupt):
        await desk.quiet()
    monkeypatch.setattr(desk.recorder, "record", record)
    await desk.quiet()
    assert len(desk.metrics.asked("silence")) == 1
    assert set(desk.incident.watched.silences) == set(desk.metrics.silences)


async def _crash(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "tags", [(), ("host:web-01", "service:shop"), ("host:web-02", "service:shop", "env:prod"), ("host:web-02 ",)]
)
def test_only_a_group_that_the_alert_names_is_silenced(tags: tuple[str, ...]) -> None:
    assert named_by(ALERT, (GroupState(monitor_id="7", name="x", status="alert", tags=tags),)) is None


async def test_a_missing_scope_is_said_with_its_fix(desk: Desk) -> None:
    desk.happens(RepairOffered(repair=REPAIR), RepairApproved(plan="p"))
    desk.metrics.fail["silence"] = [NO]
    with pytest.raises(GaveUp, match="refuses our keys") as refused:
        await desk.quiet()
    assert refused.value.fix == "Give the scope."


# ------------------------------------------------------------------ the mirror


async def test_the_mirror_is_made_once_and_follows(desk: Desk) -> None:
    await desk.tell()
    await desk.tell()
    assert len(desk.metrics.asked("mirror")) == 1
    assert desk.metrics.asked("update_mirror") == []
    desk.happens(SeveritySet(severity="SEV1"), Resolved())
    await desk.tell()
    (shown,) = desk.metrics.mirrors.values()
    assert (shown.state, shown.severity, shown.title) == ("resolved", "SEV1", "Web is out")
    assert shown.key == f"Muster {key_of(desk.incident)}"


async def test_a_mirror_from_before_a_crash_is_found_never_made_twice(desk: Desk) -> None:
    desk.metrics.fail["mirror"] = [AWAY]
    with pytest.raises(TryAgain):
        await desk.tell()
    desk.metrics.fail["mirrored"] = [NO]
    with pytest.raises(GaveUp):  # it may be there, and we may not look
        await desk.tell()
    assert desk.metrics.mirrors == {}
    await desk.tell()
    await desk.tell()
    assert len(desk.metrics.mirrors) == 1


async def test_a_drill_is_marked_as_one_and_not_mirrored(store: Store) -> None:
    desk = Desk(store)
    desk.happens(Opened(title="Web", severity="SEV1", drill=True), AlertAttached(alert=ALERT))
    await desk.tell()
    assert desk.metrics.mirrors == {}
    assert "drill:true" in next(iter(desk.metrics.markers.values())).tags
