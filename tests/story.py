"""The story on a real engine and a real store, with small neighbours: for tests that look at its steps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.engine import Engine
from bot.facts import AlertAttached, ChecksAnswered, ChecksComing, Fact, Opened, What
from bot.incident import AlertSeen, CauseSeen, CheckSeen, Incident, Repair, RepairState, Verdict
from bot.lifecycle import Lifecycle
from bot.policy import Datadog, Invite, Policy, Postmortem
from bot.ports import GaveUp, Metrics, NotAllowed, TryAgain
from bot.postmortem.drafts import Drafts
from bot.runbook.desk import Desk, Questions, Reached
from bot.runbook.inventory import Host
from bot.runbook.limits import Begun
from bot.runbook.progress import Coming
from bot.runbook.runbook import Runbook
from bot.store import Store
from tests.fake_metrics import FakeMetrics
from tests.fakes import FakeChat

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
PLAN = "a-plan"
STAGES = ("running", "testing", "acting", "verifying")


@dataclass
class FakeDesk:
    """One server, one runbook, one proved cause with one repair. `fail[method]` is raised by its next calls."""

    approvers: tuple[str, ...] = ("@oncall-web",)
    count: int = 1
    carried_out: list[str] = field(default_factory=list)
    fail: dict[str, list[Exception]] = field(default_factory=dict)
    ends: RepairState = RepairState.VERIFIED
    now: datetime = NOW
    offered: str = PLAN
    stopped: str = ""

    def questions(self, incident: Incident, *, host: str = "", runbook: str = "") -> Questions:  # noqa: ARG002 - of Desk
        return Questions(host=Host(name="web-02", address="127.0.0.2", group="web"), runbooks=(_runbook(),))

    def may_begin(self, repair: Repair, begun: Iterable[Begun]) -> str:  # noqa: ARG002 - of Desk
        return self.stopped

    async def diagnose(self, runbook: Runbook, host: Host, *, run: str, coming: Coming | None = None) -> ChecksAnswered:
        self._called("diagnose")
        if coming:
            await coming(ChecksComing(runbook=runbook.name, host=host.name, answered=1, asked=2))
        seen = CheckSeen(check="port", host=host.name, state="fail", at=self.now)
        cause = CauseSeen(id="web/1", verdict=Verdict.PROVED, text="Another port.", at=self.now, host=host.name)
        return ChecksAnswered(
            runbook=runbook.name, host=host.name, run=run, results=(seen,), causes=(replace(cause, run=run),)
        )

    async def offers(self, incident: Incident, *, run: str, by_person: bool) -> list[Repair | str]:  # noqa: ARG002 - of Desk
        self._called("offers")
        if not any(c.run.startswith(f"{run}/") for c in incident.causes):
            return []
        repair = Repair(
            name="restore",
            host="web-02",
            plan=self.offered,
            state=RepairState.OFFERED,
            at=self.now,
            title="Restore web-02",
            approvers=self.approvers,
            count=self.count,
            expires_at=self.now + timedelta(minutes=15),
            runbook="web",
        )
        return [repair, "No other repair was planned."]

    async def carry_out(self, repair: Repair, reached: Reached, *, underway: str = "") -> bool:  # noqa: ARG002 - of Desk
        self._called("carry_out")
        try:
            for stage in STAGES:
                await reached(RepairState.RUNNING, "", {"stage": stage}, PLAN if stage == "running" else "")
                self._called(stage)
        except NotAllowed as refusal:
            await reached(RepairState.FAILED, str(refusal), {}, "")
            return False
        self.carried_out.append(repair.plan)
        await reached(self.ends, "", {}, "")
        return True

    def _called(self, method: str) -> None:
        if waiting := self.fail.get(method):
            raise waiting.pop(0)


def _runbook() -> Runbook:
    return Runbook(name="web", title="", owner="", checks={}, causes=())


@dataclass
class Story:
    """Everything that a test of the story turns, and what it looks at."""

    store: Store
    chat: FakeChat
    desk: FakeDesk
    life: Lifecycle
    engine: Engine
    ana: str
    ben: str
    metrics: FakeMetrics
    now: datetime = NOW
    woken: int = 0

    @property
    def incident(self) -> Incident:
        """The record of the first incident."""
        found = self.store.incident(1)
        assert found is not None
        return found

    @property
    def repair(self) -> Repair:
        """The first repair."""
        return self.incident.repairs[0]

    def state(self) -> RepairState:
        """How far it is."""
        return self.repair.state

    def alert(self, *flows: str, key: str = "D1", scope: tuple[str, ...] = ()) -> None:
        """An alert opens the incident and makes these flows due."""
        what = AlertSeen(delivery=key, source="datadog", transition="Triggered", at=self.now, monitor_id="7")
        seen = replace(what, scope=scope)
        with self.store.transaction(intake=True) as tx:
            number = tx.new_incident()
            opened = Opened(title="Web is out", severity="SEV2", service="shop")
            tx.append(number, [self.fact(f"{key}/opened", opened), self.fact(key, AlertAttached(alert=seen))])
            for flow in flows or ("open", "check"):
                tx.due(f"{key}/{flow}", flow, number)

    def due(self, key: str, flow: str, **args: Any) -> None:
        """Make a flow of the first incident due."""
        with self.store.transaction(incident=1) as tx:
            tx.due(key, flow, 1, args)

    def tell(self, key: str, what: What) -> None:
        """Record a fact."""
        with self.store.transaction(incident=1) as tx:
            tx.append(1, [self.fact(key, what)])

    def fact(self, key: str, what: What) -> Fact:
        """A fact that happens now."""
        return Fact(key=key, what=what, occurred_at=self.now, recorded_at=self.now)

    def click(self, who: str, *, key: str = "K1", plan: str = PLAN, **more: Any) -> None:
        """Somebody presses the button of the offer on the card."""
        view = self.incident.view
        channel = view.channel.id if view.channel else ""
        place = {"channel": channel, "message": view.card, "reply_to": {"channel": channel, "user": who}}
        self.due(key, "approve", **{"plan": plan, "user": who, "name": who, **place, **more})

    async def settle(self) -> None:
        """Until nothing is due at this time."""
        while self._waiting() or self.engine.at_work:
            await self.engine.sweep(self.now)
            await asyncio.sleep(0.01)

    async def later(self, **words: float) -> None:
        """The same, after some time."""
        self.now += timedelta(**words)
        self.desk.now = self.now
        await self.settle()

    def _waiting(self) -> bool:
        return any(str(due.args.get("not_before") or "") <= self.now.isoformat() for due in self.store.dues())

    def facts(self, kind: str) -> int:
        """How many facts of this kind there are."""
        from sqlalchemy import func, select

        from bot.store import schema

        with self.store._engine.connect() as connection:
            query = select(func.count()).select_from(schema.fact).where(schema.fact.c.kind == kind)
            return connection.scalar(query) or 0


@asynccontextmanager
async def story(
    store: Store,
    folder: Any,
    *,
    executor: str = "local",
    announce: tuple[str, ...] = ("incidents",),
    datadog: Datadog = Datadog(),  # noqa: B008 - frozen
    source: Metrics | None = None,
    wanted: Postmortem = Postmortem(),  # noqa: B008 - frozen
    real: Desk | None = None,
) -> AsyncIterator[Story]:
    """A story that is ready to begin; people: ana and ben are @oncall-web.

    `source` and `real` are asked instead of a fake source of metrics and a fake desk.
    """
    chat, desk, metrics = FakeChat(), FakeDesk(), FakeMetrics()
    ana, ben = chat.add_person("ana"), chat.add_person("ben")
    chat.groups["oncall-web"] = frozenset({ana, ben})
    invite = (Invite(service="shop", people=("@oncall-web",)),)
    policy = Policy(invite=invite, announce=announce[0], announce_too=announce[1:], datadog=datadog)
    life = Lifecycle(
        store=store,
        chat=chat,
        metrics=source or metrics,
        desk=real or desk,  # type: ignore[arg-type] # a small one
        drafts=Drafts(folder, home=folder, zone="UTC", policy=replace(policy, postmortem=wanted)),
        policy=policy,
        now=lambda: told.now,
        wake=lambda: None,
    )
    engine = Engine(store, executor=executor, run=life.run, broke=life.broke, poll=0.05)
    told = Story(store=store, chat=chat, desk=desk, life=life, engine=engine, ana=ana, ben=ben, metrics=metrics)
    await engine.launch()
    try:
        yield told
    finally:
        await engine.close()


def busy(after: float | None = None) -> TryAgain:
    """A neighbour that is busy."""
    return TryAgain("It is busy.", reason="ratelimited", after=after)


def refused(fix: str = "Add the scope.") -> GaveUp:
    """A neighbour that says no."""
    return GaveUp("It is not allowed.", reason="missing_scope", fix=fix)


Failures = Mapping[str, list[Exception]]
