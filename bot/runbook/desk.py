"""Where servers are examined and mended for an incident: runbooks, inventory and SSH brought together.

It turns answers into facts and plans into offers; when what happens is the story's business (lifecycle.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bot.checks import NOUNS
from bot.facts import ChecksAnswered
from bot.incident import AlertSeen, CauseSeen, CheckSeen, Incident, Repair, RepairState, Verdict
from bot.metrics import DIAGNOSIS
from bot.ports import Metrics, NotAllowed, TryAgain
from bot.runbook import causes, dry
from bot.runbook.inventory import Host
from bot.runbook.limits import LOOK_BACK, Begun, too_many, too_soon
from bot.runbook.plan import Plan
from bot.runbook.progress import Coming, Progress
from bot.runbook.repair import Outcome, Repairs, Stage
from bot.runbook.result import Known, Result, State
from bot.runbook.run import Diagnosis, Runner, nobody_listens
from bot.runbook.runbook import Limits, Runbook
from bot.runbook.secret import resolve_secret
from bot.runbook.select import covering, covers_group
from bot.runbook.servers import Hands, servers_of
from bot.settings import Home
from bot.store import Store
from bot.triage.target import target

STALE = timedelta(minutes=10)
"""An alert older than this gets a diagnosis but no offer: after an outage of ours, old alerts come in a heap."""
SHOWN_HOSTS = 10
"""So many hosts are named to somebody who asks for one that the inventory does not know."""
SHOWN_FACT = 500
"""Characters of one fact that a cause keeps; longer ones (diffs) stay with the check's evidence."""
GOING_ON = {RepairState.OFFERED, RepairState.APPROVED, RepairState.RUNNING}
Reached = Callable[[RepairState, str, Mapping[str, Any], str], Awaitable[None]]
"""Hears how far a repair is, in words why, with details, and once the plan: to be kept until the repair has ended."""


@dataclass(frozen=True, kw_only=True)
class Questions:
    """Which runbooks to ask about which host; `reason` says in words why there are none."""

    host: Host | None
    runbooks: tuple[Runbook, ...]
    reason: str = ""


class Desk:
    """Examines servers and carries out approved repairs. Repairs of one group wait for each other."""

    def __init__(
        self, home: Home, store: Store, *, now: Callable[[], datetime], metrics: Metrics | None = None
    ) -> None:
        self._home = home
        self._metrics = metrics
        self._store = store
        self._now = now
        self._groups: dict[str, asyncio.Lock] = {}
        self._made: tuple[Runner, Repairs] | None = None

    def questions(self, incident: Incident, *, host: str = "", runbook: str = "") -> Questions:
        """What to ask: as named by a person, else as the incident's newest alert selects from the inventory."""
        alert = max((a for a in incident.alerts if a.bad), key=lambda a: a.at, default=None)
        where, reason = self._where(incident, alert, host)
        if where is None:
            return Questions(host=None, runbooks=(), reason=reason)
        if runbook:
            named = tuple(r for r in self._home.runbooks if r.name == runbook)
            known = ", ".join(r.name for r in self._home.runbooks) or "none"
            none = f"No checks were run: there is no runbook {runbook}; there is {known}."
            return Questions(host=where, runbooks=named, reason="" if named else none)
        found = tuple(self._covering(incident, alert, where))
        none = f"No checks were run: no runbook covers this alert on {where.name}."
        return Questions(host=where, runbooks=found, reason="" if found else none)

    def refusal(self, incident: Incident, host: str, runbook: str) -> str:
        """Why nothing can be asked of this, in words that say what to do; empty where something can."""
        asked = self.questions(incident, host=host, runbook=runbook)
        return "" if asked.host and asked.runbooks else asked.reason

    def _where(self, incident: Incident, alert: AlertSeen | None, host: str) -> tuple[Host | None, str]:
        if host:
            found = self._home.inventory.find(host)
            return found, "" if found else f"No checks were run: the inventory does not know {host}{self._there_is()}."
        if alert is None:
            asked = next((c.host for c in reversed(incident.checks)), "")
            return self._home.inventory.find(asked) if asked else None, "No checks were run: say “check on HOST”."
        named = target(alert, self._home.inventory)
        return named.host, named.evidence

    def _there_is(self) -> str:
        """Some of the hosts that can be asked, for somebody who named none of them."""
        names = [name for group in self._home.inventory.groups.values() for name in group.hosts]
        more = f" and {len(names) - SHOWN_HOSTS} more" if len(names) > SHOWN_HOSTS else ""
        return f"; there is {', '.join(names[:SHOWN_HOSTS])}{more}" if names else ""

    def _covering(self, incident: Incident, alert: AlertSeen | None, host: Host) -> list[Runbook]:
        tags = dict(word.split(":", 1) for word in (*alert.tags, *alert.scope) if ":" in word) if alert else {}
        words = {"triggered": "alert", "re-triggered": "alert", "renotify": "alert", "warn": "warn", "re-warn": "warn"}
        status = words.get(alert.transition.lower(), "no-data") if alert else "alert"
        return covering(
            self._home.runbooks,
            service=incident.service,
            tags=tags,
            monitor=alert.title if alert else "",
            status=status,
            group=self._home.inventory.group_of(host),
        )

    async def diagnose(self, runbook: Runbook, host: Host, *, run: str, coming: Coming | None = None) -> ChecksAnswered:
        """Ask everything and read the answers. Raises GaveUp when we have no key to ask with.

        `coming` is told how far a run is that takes its time, at most once a second.
        """
        runner, _ = self._tools()
        hear = Progress(runner, runbook, host, coming).hear if coming else nobody_listens
        diagnosis = await runner.diagnose(runbook, host, on_result=hear)
        DIAGNOSIS.observe(diagnosis.took_ms / 1000)
        judged = causes.judge(runbook, host, diagnosis.results, group=self._home.inventory.group_of(host))
        return ChecksAnswered(
            runbook=runbook.name,
            host=host.name,
            run=run,
            results=tuple(_check_seen(r) for r in diagnosis.results),
            causes=tuple(_cause_seen(c, diagnosis) for c in judged),
            took_ms=diagnosis.took_ms,
        )

    def rehearsals(self) -> list[tuple[Runbook, Host]]:
        """Every runbook with every host that it can be asked about."""
        groups = self._home.inventory.groups.values()
        fitting = ((r, g) for r in self._home.runbooks for g in groups if any(covers_group(w, g) for w in r.when))
        return [(runbook, host) for runbook, group in fitting for host in group.hosts.values()]

    async def rehearse(self, runbook: Runbook, host: Host) -> dict[str, str]:
        """How each check ends while nothing is wrong; the worst answer counts.

        Left out are those that touch, and those that concern nobody here: they would look like rotten ones.
        """
        runner, _ = self._tools()
        only = {c.name for c in runbook.checks.values() if not NOUNS[c.noun].touching(c.words)}
        diagnosis = await runner.diagnose(runbook, host, only=only)
        asked = [r for r in diagnosis.results if r.state is not State.SKIPPED]
        return {r.check: r.state.value for r in sorted(asked, key=lambda r: r.state is not State.OK)}

    def dry(self, runbook: Runbook, host: Host) -> list[str]:
        """What these checks would ask, with exact targets and commands as far as they are known. Asks nothing."""
        return asyncio.run(dry.lines(runbook, host, self._home.inventory, now=self._now))

    async def offers(self, incident: Incident, *, run: str, by_person: bool) -> list[Repair | str]:
        """The repairs that the proved causes of this run call for, planned; or in words why there is none."""
        proved = [c for c in incident.causes if c.run.startswith(f"{run}/") and c.verdict is Verdict.PROVED]
        wanted = [(c, name) for c in proved for name in self._offer(c)]
        newest = max((a.at for a in incident.alerts), default=None)
        if wanted and newest and not by_person and self._now() - newest > STALE:
            return ["No repair was planned, the alert is over ten minutes old: press “Run checks again” for one."]
        found: dict[str, Repair | str] = {}
        for cause, name in wanted:
            offer = await self._planned(incident, cause, name)
            found.setdefault(offer if isinstance(offer, str) else offer.plan, offer)
        return list(found.values())

    def _offer(self, cause: CauseSeen) -> tuple[str, ...]:
        runbook = self._runbook(cause.id.rpartition("/")[0])
        return next((c.offer for c in runbook.causes if c.id == cause.id), ()) if runbook else ()

    async def _planned(self, incident: Incident, cause: CauseSeen, name: str) -> Repair | str:
        _, repairs = self._tools()
        runbook, host = self._runbook(cause.id.rpartition("/")[0]), self._home.inventory.find(cause.host)
        if runbook is None or host is None:
            return f"No repair was planned: {cause.id} on {cause.host} is no longer in the files."
        if soon := await asyncio.to_thread(self._too_soon, runbook, name, host):
            return f"No repair was planned: {soon}"
        try:
            plan = await repairs.preview(runbook, name, host)
        except NotAllowed as refusal:
            return str(refusal)
        return replace(self._as_offer(plan, runbook, cause), plan=_offered_as(plan.id, incident))

    def _too_soon(self, runbook: Runbook, name: str, host: Host) -> str:
        now, once_every = self._now(), runbook.actions[name].limits.once_every
        begun = self._store.begun_since(now - LOOK_BACK)
        per_hour = self._home.policy.repairs_per_hour
        return too_soon(name, host.name, begun, once_every=once_every, per_hour=per_hour, now=now)

    def may_begin(self, repair: Repair, begun: Iterable[Begun]) -> str:
        """Why an approved repair may not begin after all, empty when it may: others may have begun meanwhile."""
        runbook = self._runbook(repair.runbook)
        limits = runbook.actions[repair.name].limits if runbook and repair.name in runbook.actions else Limits()
        host, per_hour = str(repair.details.get("affected", repair.host)), self._home.policy.repairs_per_hour
        before = list(begun)
        return too_many(repair.name, host, before, hosts=limits.hosts) or too_soon(
            repair.name, host, before, once_every=limits.once_every, per_hour=per_hour, now=self._now()
        )

    def _as_offer(self, plan: Plan, runbook: Runbook, cause: CauseSeen) -> Repair:
        approve = runbook.actions[plan.action].approve
        return Repair(
            name=plan.action,
            host=plan.host,
            plan=plan.id,
            state=RepairState.OFFERED,
            at=self._now(),
            title=plan.title,
            diff=plan.diff,
            approvers=approve.by or self._home.policy.approvers,
            count=approve.count,
            requester=approve.requester,
            expires_at=self._now() + timedelta(seconds=approve.expires),
            runbook=runbook.name,
            cause=cause.id,
            details={
                "commit": plan.commit,
                "decided_by": plan.decided_by,
                "digest": plan.digest,
                "test": " ".join(plan.test),
                "then": [" ".join(argv) for argv in plan.then],
                "verify": list(plan.verify),
                "affected": cause.host,
            },
        )

    async def carry_out(self, repair: Repair, reached: Reached, *, underway: str = "") -> bool:
        """Do what was approved, or after a crash find out what became of it. Every stage is told before it begins.

        `underway` is the plan that was told when it began. Of an offer only the id is known: its plan is made again.
        False when nothing was done, because it was not what was approved any more. Raises TryAgain or GaveUp when the
        host cannot be asked; call it again later.
        """
        _, repairs = self._tools()
        runbook = self._runbook(repair.runbook)
        host = self._home.inventory.find(str(repair.details.get("affected", repair.host)))
        if runbook is None or host is None:
            await reached(RepairState.FAILED, "Nothing was done: runbook or host are no longer in the files.", {}, "")
            return False

        async def on_stage(stage: Stage, plan: Plan) -> None:
            kept = plan.to_json() if stage is Stage.RUNNING else ""
            await reached(RepairState.RUNNING, "", {"stage": stage.value}, kept)

        async with self._alone(host.group):
            try:
                if repair.state is RepairState.RUNNING:
                    last = str(repair.details.get("stage", Stage.RUNNING))
                    plan = _interrupted(repair, underway)
                    outcome = await repairs.resume(plan, runbook, host, last=last, on_stage=on_stage)
                else:
                    approved = repair.plan.partition(".")[0]
                    outcome = await repairs.apply(approved, runbook, repair.name, host, on_stage=on_stage)
            except NotAllowed as refusal:
                await reached(RepairState.FAILED, str(refusal), {}, "")
                return False
        await reached(outcome.state, _said(outcome), {"results": [_told(r) for r in outcome.results]}, "")
        return True

    @asynccontextmanager
    async def _alone(self, group: str) -> AsyncIterator[None]:
        """One repair of a group at a time, in this process and in all replicas. Raises TryAgain for a long wait."""
        async with self._groups.setdefault(group, asyncio.Lock()):
            try:
                lease = await asyncio.to_thread(self._store.lease, f"repair/{group}")
            except TryAgain as busy:
                raise TryAgain(f"Another repair of {group} is running.", reason="busy") from busy
            try:
                yield
            finally:
                await asyncio.to_thread(lease.release)

    def _runbook(self, name: str) -> Runbook | None:
        return next((r for r in self._home.runbooks if r.name == name), None)

    def _tools(self) -> tuple[Runner, Repairs]:
        """Runner and repairs, made when they are first needed: a missing key must not stop the bot."""
        if self._made is None:
            runner = Runner(
                servers_of(self._home),
                self._home.inventory,
                known_good=self._known_good,
                clock=self._now,
                secrets=tuple(self._home.secrets.values()),
                metrics=self._metrics,
                secret=self._secret,
            )
            self._made = runner, Repairs(runner, hands=Hands(home=self._home))
        return self._made

    async def _known_good(self, host: Host) -> Known | None:
        known = await asyncio.to_thread(self._store.known_good, host.name)
        return Known(commit=known.commit, tree=known.tree) if known else None

    async def _secret(self, reference: str) -> str:
        home = self._home
        return await asyncio.to_thread(resolve_secret, reference, home=home.folder, environ=home.secrets)


def _interrupted(repair: Repair, underway: str) -> Plan:
    """The plan with which a repair began. Raises NotAllowed when nobody has kept it: then a person must look."""
    try:
        return Plan.from_json(underway)
    except ValueError:
        raise NotAllowed(
            f"It was interrupted, and what was there before is not known any more: {repair.host} needs a person."
        ) from None


def _offered_as(plan: str, incident: Incident) -> str:
    """The plan's id while it is on offer; numbered when the same was offered before and that has ended."""
    before = [r for r in incident.repairs if r.plan.partition(".")[0] == plan]
    going_on = (r.plan for r in before if r.state in GOING_ON)
    return next(going_on, f"{plan}.{len(before) + 1}" if before else plan)


def _said(outcome: Outcome) -> str:
    """What the verification saw is a better proof than the word that it was one."""
    if outcome.state is not RepairState.VERIFIED:
        return outcome.text
    return "; ".join(r.summary for r in outcome.results if r.state is State.OK)


def _told(result: Result) -> Mapping[str, str]:
    return {"check": result.check, "host": result.host, "state": result.state.value, "summary": result.summary}


def _check_seen(result: Result) -> CheckSeen:
    return CheckSeen(
        check=result.check,
        host=result.host,
        state=result.state.value,
        at=result.at,
        reason=result.reason,
        summary=result.summary,
        took_ms=result.took_ms,
        evidence=result.evidence,
    )


def _cause_seen(cause: causes.JudgedCause, diagnosis: Diagnosis) -> CauseSeen:
    facts = {
        r.check: {name: value for name, value in r.facts.items() if len(str(value)) <= SHOWN_FACT}
        for r in diagnosis.results
        if r.check in cause.checks and r.host in {cause.host, ""}
    }
    return CauseSeen(
        id=cause.id,
        verdict=cause.verdict,
        text=cause.text,
        at=max(r.at for r in diagnosis.results),
        host=cause.host,
        because=cause.because,
        facts=facts,
    )
