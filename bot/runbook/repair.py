"""Making a plan and carrying it out: preview, write, test, act, verify, and put back when that fails.

Only what was approved runs: the plan is made again first and must come out the same. Every stage is told before it
begins, so that whoever comes after a crash knows how far it can have got.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import PurePosixPath

from bot.checks import FileStat, Output, Session
from bot.checks.drift import Change, compare, unified
from bot.checks.tcp import probe
from bot.incident import RepairState
from bot.ports import GaveUp, NotAllowed, TryAgain
from bot.redact import cut, redact
from bot.runbook.inventory import Host
from bot.runbook.nginx_config import expected_port, read_config
from bot.runbook.placeholders import fill_argv, fill_text, values_of
from bot.runbook.plan import Plan, PlannedFile
from bot.runbook.reach import Connected, Reach, WritableSession
from bot.runbook.result import Result, State
from bot.runbook.run import Runner
from bot.runbook.runbook import Action, Argv, At, Runbook, Undo
from bot.runbook.version_control import Baseline, Repository, choose_baseline, read_all

POLL = 0.5
"""Seconds between two rounds of verification."""
MARGIN = 5.0
"""Seconds that verification waits beyond the balancer's fail_timeout."""


class Stage(StrEnum):
    """What is about to happen to the host."""

    RUNNING = "running"
    TESTING = "testing"
    ACTING = "acting"
    VERIFYING = "verifying"
    PUTTING_BACK = "putting-back"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The end of a repair: what the checks said last, and in `text` what happened.

    `state` is verified, put back or failed. *Failed* means that a person must look: the host is not known to be as
    before.
    """

    state: RepairState
    text: str
    results: tuple[Result, ...] = ()


OnStage = Callable[[Stage, Plan], Awaitable[None]]
"""Hears what is about to happen, and the plan that must be kept for going on after a crash."""


class Repairs:
    """Makes plans and carries them out. It holds no state and no lock: that is the caller's.

    `hands` reaches servers as the account that may change them; what looks goes through the runner's own.
    """

    def __init__(self, runner: Runner, *, hands: Reach | None = None, poll: float = POLL) -> None:
        self.runner = runner
        self._hands = hands or runner.reach
        self._poll = poll

    async def preview(self, runbook: Runbook, action: str, host: Host) -> Plan:
        """The plan of an action for the host that the alert names.

        Raises NotAllowed when there is nothing to do or it would be unsafe, TryAgain or GaveUp when we cannot ask.
        """
        async with self.runner.reach.connections() as connected:
            return await self._preview(connected, runbook, action, host)

    async def apply(self, approved: str, runbook: Runbook, action: str, host: Host, *, on_stage: OnStage) -> Outcome:
        """Carry out the plan with this id, which was approved. It is made again, and must come out the same.

        Raises NotAllowed when anything changed after the preview, and TryAgain or GaveUp when the host cannot be
        asked; then nothing was done. Once something was written, every failure is an Outcome.
        """
        async with self._hands.connections() as connected:
            plan = await self._confirmed(connected, approved, runbook, action, host)
            execution = await self._execution(connected, plan, runbook, host, on_stage)
            return await execution.start()

    async def resume(
        self, plan: Plan, runbook: Runbook, host: Host, *, last: Stage | str = Stage.RUNNING, on_stage: OnStage
    ) -> Outcome:
        """Go on with a plan after a crash. `last` is the last stage that was told.

        What may already have run is never run again: it is verified first, and put back when that fails.
        Raises TryAgain or GaveUp when the host cannot be asked; call it again later.
        """
        if not plan.intact():
            raise NotAllowed("Nothing was done: the stored plan does not fit its id. Make a new plan.")
        async with self._hands.connections() as connected:
            execution = await self._execution(connected, plan, runbook, host, on_stage)
            return await execution.resume(Stage(last))

    async def _preview(self, connected: Connected, runbook: Runbook, name: str, host: Host) -> Plan:
        action = runbook.actions.get(name)
        if action is None:
            raise NotAllowed(f"Nothing was planned: the runbook {runbook.name} has no action {name}.")
        target = self._target(action, host)
        session = await connected.session(target)
        await self._enough_peers(target, action)
        values = values_of(target, self.runner.inventory.group_of(target))
        plan = Plan(
            runbook=runbook.name,
            digest=runbook.digest,
            action=name,
            title=fill_text(action.title, values),
            host=target.name,
            test=_command(action, action.test, values),
            then=tuple(_command(action, argv, values) for argv in action.run or action.then),
            undo=_undo(action, values),
            verify=action.verify.checks,
            within=await self._within(connected, action, target),
            hold=action.verify.hold,
            timeout=action.timeout,
            sudo=action.sudo,
            healthy_peers=action.limits.healthy_peers,
        )
        if action.restore is None:
            return await self._with_output(session, plan, fill_argv(action.preview, values))
        return await self._with_files(connected, session, plan, action, target)

    def _target(self, action: Action, host: Host) -> Host:
        found: Host | None = host
        if action.at is At.BALANCER:
            found = self.runner.inventory.balancer_of(host)
        elif action.at is At.PRIMARY:
            found = self.runner.inventory.find(self.runner.inventory.group_of(host).primary or "")
        if found is None:
            raise NotAllowed(f"Nothing was planned: the inventory names no {action.at} of {host.name}.")
        return found

    async def _with_output(self, session: Session, plan: Plan, argv: Sequence[str]) -> Plan:
        said = await session.run(argv, within=plan.timeout)
        return Plan(**{**vars(plan), "shown": cut(redact(said.stdout or said.stderr))}).sealed()

    async def _with_files(
        self, connected: Connected, session: WritableSession, plan: Plan, action: Action, host: Host
    ) -> Plan:
        if action.restore is None:
            raise AssertionError("only a restore has files")
        repository = Repository(session, action.restore.repo)
        baseline = await self._baseline(connected, repository, action, host)
        changes = await compare(repository, action.restore.paths, baseline.commit)
        if not changes:
            raise NotAllowed(
                f"Nothing to restore: the files of {host.name} are as in {baseline.commit[:9]} ({baseline.decided_by})."
            )
        tree = await repository.tree(baseline.commit, action.restore.paths)
        files = [await _planned(session, each, tree[each.path].id, tree[each.path].executable) for each in changes]
        diff = "".join(unified(each.path, each.old, each.new) for each in files)
        made = {"files": tuple(files), "diff": redact(diff)}
        return Plan(**{**vars(plan), **made, "commit": baseline.commit, "decided_by": baseline.decided_by}).sealed()

    async def _baseline(self, connected: Connected, repository: Repository, action: Action, host: Host) -> Baseline:
        if action.restore is None or action.restore.to == "HEAD":
            return Baseline(commit=await repository.commit_id("HEAD"), decided_by="HEAD")
        good = await self.runner.known_good(host)
        port = await expected_port(connected.session, self.runner.inventory, host) if good is None else None
        return await choose_baseline(repository, action.restore.paths, host=host, known_good=good, expected_port=port)

    async def _within(self, connected: Connected, action: Action, host: Host) -> float:
        """How long verification waits: at least as long as the balancer stays away from a server that failed."""
        balancer = self.runner.inventory.balancer_of(host)
        if balancer is None:
            return action.verify.within
        try:
            config = await read_config(await connected.session(balancer), "/etc/nginx/nginx.conf")
        except (TryAgain, GaveUp, FileNotFoundError):
            return action.verify.within
        waits = [each.fail_timeout + MARGIN for each in config.leading_to(host) if each.max_fails]
        return max([action.verify.within, *waits])

    async def _enough_peers(self, host: Host, action: Action) -> None:
        group, peers = self.runner.inventory.group_of(host), self.runner.inventory.peers(host)
        wanted = min(action.limits.healthy_peers, len(peers))
        if not wanted or group.port is None:
            return
        answers = await asyncio.gather(*(probe(peer.address, group.port, 2.0) for peer in peers))
        healthy = sum(found == "open" for found, _ in answers)
        if healthy < wanted:
            raise NotAllowed(
                f"Nothing was changed: only {healthy} of the other servers of {group.name} answer, {wanted} must. "
                "Repair the group by hand."
            )

    async def _confirmed(self, connected: Connected, approved: str, runbook: Runbook, action: str, host: Host) -> Plan:
        try:
            plan = await self._preview(connected, runbook, action, host)
        except NotAllowed as refused:
            raise NotAllowed(f"{refused} It changed after the preview; make a new plan.") from refused
        if plan.id != approved:
            raise NotAllowed(f"Nothing was done: {plan.host} changed after the preview; make a new plan.")
        return plan

    async def _execution(
        self, connected: Connected, plan: Plan, runbook: Runbook, host: Host, on_stage: OnStage
    ) -> _Execution:
        target = self.runner.inventory.find(plan.host)
        if target is None:
            raise NotAllowed(f"Nothing was done: {plan.host} is not in the inventory any more.")
        session = await connected.session(target)
        return _Execution(
            plan=plan,
            runbook=runbook,
            host=host,
            session=session,
            runner=self.runner,
            on_stage=on_stage,
            poll=self._poll,
        )


@dataclass(kw_only=True)
class _Execution:
    """One plan on its way. `acted` says that commands may have run."""

    plan: Plan
    runbook: Runbook
    host: Host
    session: WritableSession
    runner: Runner
    on_stage: OnStage
    poll: float
    acted: bool = False
    repaired_at: datetime | None = None

    async def start(self) -> Outcome:
        """Write the files that are as before the plan, then test, act and verify."""
        await self.on_stage(Stage.RUNNING, self.plan)
        try:
            present = await self._present()
            for file in self.plan.files:
                if present[file.path] != file.new:
                    await self.session.replace(file.path, file.new, like=file.like, sudo=self.plan.sudo)
        except (TryAgain, GaveUp, FileNotFoundError) as error:
            return await self.put_back(f"Writing failed: {error}")
        return await self.test()

    async def resume(self, last: Stage) -> Outcome:
        """Go on from what is on the host and the last stage that was told."""
        present = await self._present()
        strange = [file.path for file in self.plan.files if present[file.path] not in (file.old, file.new)]
        if strange:
            text = f"{', '.join(strange)} on {self.plan.host} was changed by somebody else; nothing more was done."
            return Outcome(state=RepairState.FAILED, text=text)
        self.acted = last in (Stage.ACTING, Stage.VERIFYING, Stage.PUTTING_BACK)
        if last is Stage.PUTTING_BACK:
            return await self.put_back("It was interrupted while it was put back.")
        if not self.acted:
            return await self.start()
        self.repaired_at = await self._written_at()
        return await self.verify()

    async def test(self) -> Outcome:
        """Ask the program itself whether it takes what was written."""
        if self.plan.test:
            await self.on_stage(Stage.TESTING, self.plan)
            if wrong := await self._wrong(self.plan.test):
                return await self.put_back(f"The test failed: {wrong}")
        return await self.act()

    async def act(self) -> Outcome:
        """Run the commands that make it take effect."""
        await self.on_stage(Stage.ACTING, self.plan)
        self.acted = True
        for argv in self.plan.then:
            if wrong := await self._wrong(argv):
                return await self.put_back(f"{' '.join(argv)} failed: {wrong}")
        self.repaired_at = self.runner.clock()
        return await self.verify()

    async def verify(self) -> Outcome:
        """Ask the named checks until all are ok and stay so: exit codes prove nothing."""
        await self.on_stage(Stage.VERIFYING, self.plan)
        results, held = await self._verified()
        if held:
            return Outcome(state=RepairState.VERIFIED, text=f"{self.plan.title}: verified.", results=results)
        wrong = [result for result in results if result.state is not State.OK]
        said = "; ".join(f"{each.check}: {each.summary or each.reason}" for each in wrong) or "it did not last"
        return await self.put_back(f"Not verified within {self.plan.within:g} s: {said}", results)

    async def put_back(self, why: str, results: tuple[Result, ...] = ()) -> Outcome:
        """Undo what was done, once; when that fails a person must look."""
        if self.plan.undo == "none":
            return Outcome(state=RepairState.FAILED, text=f"{why} There is nothing to put back.", results=results)
        await self.on_stage(Stage.PUTTING_BACK, self.plan)
        try:
            wrong = await self._undone()
        except (TryAgain, GaveUp, FileNotFoundError) as error:
            wrong = str(error)
        if wrong:
            text = f"{why} Putting it back failed too, {self.plan.host} needs a person: {wrong}"
            return Outcome(state=RepairState.FAILED, text=text, results=results)
        return Outcome(state=RepairState.PUT_BACK, text=f"{why} Everything is as before.", results=results)

    async def _undone(self) -> str:
        """Restore the old bytes and let them take effect; what went wrong, if anything."""
        present = await self._present()
        for file in self.plan.files:
            if present[file.path] == file.old:
                continue
            if file.old is None:
                await self.session.remove(file.path, sudo=self.plan.sudo)
            else:
                await self.session.replace(file.path, file.old, like=file.like, sudo=self.plan.sudo)
        if any(now != file.old for file, now in zip(self.plan.files, (await self._present()).values(), strict=True)):
            return "the old content did not come back"
        commands = self.plan.then if isinstance(self.plan.undo, str) else self.plan.undo
        for argv in commands if self.acted else ():
            if wrong := await self._wrong(argv):
                return f"{' '.join(argv)}: {wrong}"
        return ""

    async def _verified(self) -> tuple[tuple[Result, ...], bool]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.plan.within
        good_since: float | None = None
        while True:
            asked = loop.time()
            found = await self.runner.diagnose(
                self.runbook,
                self.host,
                only=self.plan.verify,
                repaired_at=self.repaired_at,
                limit=max(1.0, deadline - asked),
            )
            if _all_ok(found.results):
                good_since = asked if good_since is None else good_since
                if loop.time() - good_since >= self.plan.hold:
                    return found.results, True
            else:
                good_since = None
            if loop.time() >= deadline + (self.plan.hold if good_since is not None else 0.0):
                return found.results, False
            await asyncio.sleep(self.poll)

    async def _present(self) -> dict[str, bytes | None]:
        return await read_all(self.session, [file.path for file in self.plan.files])

    async def _written_at(self) -> datetime | None:
        """When the files were written, by the host's clock; the moment of the repair is not known after a crash."""
        times = [(await self.session.stat(file.path)).mtime for file in self.plan.files]
        return datetime.fromtimestamp(max(times), UTC) if times else None

    async def _wrong(self, argv: Argv) -> str:
        """What a command said when it failed, or nothing when it worked."""
        try:
            said = await self.session.run(argv, within=self.plan.timeout)
        except (TryAgain, GaveUp) as error:
            return str(error)
        return "" if said.exit == 0 else _last_words(said)


def _all_ok(results: Sequence[Result]) -> bool:
    """Whether everything that could apply is ok, and something did."""
    asked = [result for result in results if result.state is not State.SKIPPED]
    return bool(asked) and all(result.state is State.OK for result in asked)


def _last_words(said: Output) -> str:
    if said.exit == 124:
        return "it did not end in time"
    text = redact((said.stderr or said.stdout).strip())
    return cut(text, limit=500) or f"exit {said.exit}"


def _command(action: Action, argv: Argv, values: dict[str, str]) -> Argv:
    filled = tuple(fill_argv(argv, values))
    return ("sudo", "-n", *filled) if action.sudo and filled else filled


def _undo(action: Action, values: dict[str, str]) -> Undo:
    if isinstance(action.undo, str):
        return action.undo
    return tuple(_command(action, argv, values) for argv in action.undo)


async def _planned(session: Session, change: Change, blob: str, executable: bool) -> PlannedFile:
    if change.before is None:
        raise AssertionError("a restore has content for every file")
    if change.now is not None:
        like = await session.stat(change.path)
    else:
        folder = await session.stat(str(PurePosixPath(change.path).parent))
        like = FileStat(uid=folder.uid, gid=folder.gid, mode=0o755 if executable else 0o644, size=0, mtime=folder.mtime)
    return PlannedFile(path=change.path, old=change.now, new=change.before, blob=blob, like=like)
