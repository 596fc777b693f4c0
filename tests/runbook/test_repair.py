"""A repair from preview to verified or put back, also across a crash at every stage."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bot import checks
from bot.checks import Output
from bot.incident import RepairState
from bot.ports import GaveUp, NotAllowed
from bot.runbook.plan import Plan
from bot.runbook.reach import Connected
from bot.runbook.repair import Repairs, Stage
from bot.runbook.run import Runner
from bot.runbook.runbook import Action, Check, Limits, Restore, Runbook, Verify
from tests.fake_servers import FolderReach, farm, moved, said, site

checks.load()
SITE = "/etc/nginx/conf.d/site.conf"
ADDRESS = "127.9.0.12"


class Killed(BaseException):
    """The process ends here."""


@dataclass
class World:
    """A farm of folders whose web-02 listens where its config said at the last reload."""

    folder: Path
    test_exit: int = 0
    reload_exit: int = 0
    reload_works: bool = True
    stages: list[str] = field(default_factory=list)
    reloads: int = 0
    die_before: Stage | None = None

    def __post_init__(self) -> None:
        self.inventory, self.servers = farm(self.folder)
        self.web = self.servers["web-02"]
        self.running = self.site()
        self.web.programs = {"nginx": self._nginx, "systemctl": self._systemctl, "ss": self._ss}
        self.host = self.inventory.groups["shop-web"].hosts["web-02"]
        self.repairs = Repairs(Runner(FolderReach(servers=self.servers), self.inventory), poll=0.01)
        self.runbook = RUNBOOK

    def site(self) -> str:
        return (self.web.root / SITE.lstrip("/")).read_text()

    async def on_stage(self, stage: Stage, _: Plan) -> None:
        if stage is self.die_before:
            raise Killed
        self.stages.append(stage)

    async def preview(self) -> Plan:
        return await self.repairs.preview(self.runbook, "restore-config", self.host)

    def _nginx(self, _: Sequence[str]) -> Output:
        return said(exit=self.test_exit, stderr="nginx: [emerg] bad\n" if self.test_exit else "")

    def _systemctl(self, argv: Sequence[str]) -> Output:
        if argv[1] == "reload":
            self.reloads += 1
            if self.reload_works:
                self.running = self.site()
        return said(exit=self.reload_exit)

    def _ss(self, _: Sequence[str]) -> Output:
        port = self.running.partition(f"{ADDRESS}:")[2].partition(";")[0]
        return said(f"LISTEN 0 1 {ADDRESS}:{port} *:*\n")


ACTION = Action(
    name="restore-config",
    title="Restore the nginx config of $host",
    restore=Restore(repo="/etc", paths=("nginx",)),
    test=("nginx", "-t"),
    then=(("systemctl", "reload", "nginx"),),
    sudo=True,
    verify=Verify(checks=("sockets",), within=0.05),
    undo="put-back",
    limits=Limits(healthy_peers=0),
)
RUNBOOK = Runbook(
    name="web-out-of-rotation",
    title="",
    owner="",
    digest="d1",
    checks={"sockets": Check(name="sockets", noun="listening", words={"port": "$host.port"})},
    causes=(),
    actions={"restore-config": ACTION},
)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    # The balancer of the farm would ask for ten seconds of patience; a unit test has none.
    monkeypatch.setattr("bot.runbook.repair.MARGIN", -10.0)
    made = World(tmp_path)
    moved(made.web, ADDRESS, 8081)
    made.running = made.site()
    return made


async def test_a_preview_shows_the_diff_and_touches_nothing(world: World) -> None:
    plan = await world.preview()
    assert "-  listen 127.9.0.12:8081;\n+  listen 127.9.0.12:8080;" in plan.diff
    assert plan.decided_by == "fits-expected-port"
    assert plan.title == "Restore the nginx config of web-02"
    assert plan.test == ("sudo", "-n", "nginx", "-t")
    assert plan.then == (("sudo", "-n", "systemctl", "reload", "nginx"),)
    assert plan.id == (await world.preview()).id
    assert "8081" in world.site()
    assert not world.web.written


async def test_an_approved_plan_restores_and_is_verified(world: World) -> None:
    plan = await world.preview()
    outcome = await world.repairs.apply(plan.id, world.runbook, plan.action, world.host, on_stage=world.on_stage)
    assert outcome.state is RepairState.VERIFIED
    assert world.stages == ["running", "testing", "acting", "verifying"]
    assert world.site() == site(ADDRESS, 8080)
    assert outcome.results[0].check == "sockets"


async def test_a_committed_change_is_restored_too(world: World) -> None:
    world.web.commit("bad")
    plan = await world.preview()
    outcome = await world.repairs.apply(plan.id, world.runbook, plan.action, world.host, on_stage=world.on_stage)
    assert outcome.state is RepairState.VERIFIED
    assert world.site() == site(ADDRESS, 8080)


async def test_a_file_that_changed_after_the_preview_is_not_written(world: World) -> None:
    plan = await world.preview()
    moved(world.web, ADDRESS, 8082)
    with pytest.raises(NotAllowed, match="changed after the preview; make a new plan"):
        await world.repairs.apply(plan.id, world.runbook, plan.action, world.host, on_stage=world.on_stage)
    assert not world.web.written
    assert not world.stages


async def test_a_mode_an_owner_a_runbook_or_a_commit_that_changed_refuses_too(world: World) -> None:
    plan = await world.preview()
    with pytest.raises(NotAllowed):
        await world.repairs.apply(
            plan.id, replace(RUNBOOK, digest="d2"), plan.action, world.host, on_stage=world.on_stage
        )
    (world.web.root / SITE.lstrip("/")).chmod(0o600)
    with pytest.raises(NotAllowed):
        await world.repairs.apply(plan.id, world.runbook, plan.action, world.host, on_stage=world.on_stage)
    (world.web.root / SITE.lstrip("/")).write_text(site(ADDRESS, 8080))
    with pytest.raises(NotAllowed, match=r"Nothing to restore.*changed after the preview"):
        await world.repairs.apply(plan.id, world.runbook, plan.action, world.host, on_stage=world.on_stage)
    assert not world.web.written


async def test_a_plan_that_was_tampered_with_is_refused(world: World) -> None:
    plan = replace(await world.preview(), then=(("rm", "-rf", "/"),))
    with pytest.raises(NotAllowed):
        await world.repairs.resume(plan, world.runbook, world.host, on_stage=world.on_stage)
    with pytest.raises(ValueError, match="does not fit its id"):
        Plan.from_json(plan.to_json())


async def test_a_test_that_fails_puts_back_and_never_reloads(world: World) -> None:
    plan = await world.preview()
    world.test_exit = 1
    outcome = await world.repairs.apply(plan.id, world.runbook, plan.action, world.host, on_stage=world.on_stage)
    assert outcome.state is RepairState.PUT_BACK
    assert "[emerg] bad" in outcome.text
    assert world.site() == site(ADDRESS, 8081)
    assert world.reloads == 0
    assert world.stages == ["running", "testing", "putting-back"]


async def test_exit_codes_prove_nothing(world: World) -> None:
    plan = await world.preview()
    world.reload_works = False  # exits 0, as nginx does when the new port is taken
    outcome = await world.repairs.apply(plan.id, world.runbook, plan.action, world.host, on_stage=world.on_stage)
    assert outcome.state is RepairState.PUT_BACK
    assert "Not verified" in outcome.text
    assert world.site() == site(ADDRESS, 8081)
    assert world.reloads == 2


async def test_a_put_back_that_fails_needs_a_person_and_is_not_repeated(world: World) -> None:
    plan = await world.preview()
    world.reload_exit = 1
    outcome = await world.repairs.apply(plan.id, world.runbook, plan.action, world.host, on_stage=world.on_stage)
    assert outcome.state is RepairState.FAILED
    assert "needs a person" in outcome.text
    assert world.reloads == 2


async def test_no_right_to_write_changes_nothing(world: World) -> None:
    plan = await world.preview()

    async def refused(*_: object, **__: object) -> None:
        raise GaveUp("no access", reason="no-access")

    world.web.replace = refused  # type: ignore[method-assign]
    outcome = await world.repairs.apply(plan.id, world.runbook, plan.action, world.host, on_stage=world.on_stage)
    assert outcome.state is RepairState.PUT_BACK
    assert world.site() == site(ADDRESS, 8081)


async def test_nothing_to_restore_is_said(world: World) -> None:
    world.web.put(SITE, site(ADDRESS, 8080))
    with pytest.raises(NotAllowed, match="Nothing to restore"):
        await world.preview()


async def test_a_file_that_was_deleted_comes_back_and_can_go_again(world: World) -> None:
    (world.web.root / SITE.lstrip("/")).unlink()
    plan = await world.preview()
    assert plan.files[0].old is None
    outcome = await world.repairs.apply(plan.id, world.runbook, plan.action, world.host, on_stage=world.on_stage)
    assert outcome.state is RepairState.VERIFIED
    (world.web.root / SITE.lstrip("/")).unlink()
    plan, world.test_exit = await world.preview(), 1
    outcome = await world.repairs.apply(plan.id, world.runbook, plan.action, world.host, on_stage=world.on_stage)
    assert outcome.state is RepairState.PUT_BACK
    assert not (world.web.root / SITE.lstrip("/")).exists()


async def test_a_group_without_healthy_peers_is_not_touched(world: World) -> None:
    action = replace(ACTION, limits=Limits(healthy_peers=1))
    world.runbook = replace(RUNBOOK, actions={"restore-config": action})
    with pytest.raises(NotAllowed, match="only 0 of the other servers"):
        await world.preview()
    with socket.socket() as peer:
        peer.bind(("127.9.0.11", 8080))
        peer.listen()
        assert (await world.preview()).healthy_peers == 1


@pytest.mark.parametrize("stage", list(Stage)[:4])
async def test_after_a_crash_before_any_stage_the_repair_is_finished_once(world: World, stage: Stage) -> None:
    plan = await world.preview()
    stored = plan.to_json()
    world.die_before = stage
    with pytest.raises(Killed):
        await world.repairs.apply(plan.id, world.runbook, plan.action, world.host, on_stage=world.on_stage)
    last = world.stages[-1] if world.stages else Stage.RUNNING
    world.die_before = None
    plan = Plan.from_json(stored)
    outcome = await world.repairs.resume(plan, world.runbook, world.host, last=last, on_stage=world.on_stage)
    assert outcome.state is RepairState.VERIFIED
    assert world.site() == site(ADDRESS, 8080)
    assert world.reloads == 1


@pytest.mark.parametrize("wrong", [{"test_exit": 1}, {"reload_works": False}])
async def test_after_a_crash_before_it_is_put_back_it_is_put_back(world: World, wrong: dict[str, object]) -> None:
    plan, before = await world.preview(), world.site()
    vars(world).update(wrong, die_before=Stage.PUTTING_BACK)
    with pytest.raises(Killed):
        await world.repairs.apply(plan.id, world.runbook, plan.action, world.host, on_stage=world.on_stage)
    assert world.site() != before
    world.die_before, last = None, world.stages[-1]
    outcome = await world.repairs.resume(plan, world.runbook, world.host, last=last, on_stage=world.on_stage)
    assert outcome.state is RepairState.PUT_BACK
    assert world.site() == before


async def test_what_may_have_run_is_verified_and_not_run_again(world: World) -> None:
    plan = await world.preview()
    await world.repairs.apply(plan.id, world.runbook, plan.action, world.host, on_stage=world.on_stage)
    outcome = await world.repairs.resume(plan, world.runbook, world.host, last="verifying", on_stage=world.on_stage)
    assert outcome.state is RepairState.VERIFIED
    assert world.reloads == 1


async def test_what_did_not_help_is_put_back_after_a_crash(world: World) -> None:
    plan = await world.preview()
    world.web.put(SITE, plan.files[0].new)  # written, and killed before the reload did anything
    world.reload_works = False
    outcome = await world.repairs.resume(plan, world.runbook, world.host, last="acting", on_stage=world.on_stage)
    assert outcome.state is RepairState.PUT_BACK
    assert world.site() == site(ADDRESS, 8081)


async def test_an_interrupted_put_back_is_finished(world: World) -> None:
    plan = await world.preview()
    world.web.put(SITE, plan.files[0].new)
    outcome = await world.repairs.resume(plan, world.runbook, world.host, last="putting-back", on_stage=world.on_stage)
    assert outcome.state is RepairState.PUT_BACK
    assert world.site() == site(ADDRESS, 8081)


async def test_somebody_elses_change_is_left_alone_after_a_crash(world: World) -> None:
    plan = await world.preview()
    moved(world.web, ADDRESS, 8083)
    outcome = await world.repairs.resume(plan, world.runbook, world.host, on_stage=world.on_stage)
    assert outcome.state is RepairState.FAILED
    assert "somebody else" in outcome.text
    assert world.site() == site(ADDRESS, 8083)


async def test_commands_are_previewed_and_run_and_verified(world: World) -> None:
    world.web.put(SITE, site(ADDRESS, 8080))
    action = Action(
        name="start",
        title="Start nginx on $host",
        preview=("systemctl", "status", "nginx"),
        run=(("systemctl", "reload", "nginx"),),
        verify=Verify(checks=("sockets",), within=0.05),
        undo="none",
        limits=Limits(healthy_peers=0),
    )
    book = replace(RUNBOOK, actions={"start": action})
    plan = await world.repairs.preview(book, "start", world.host)
    outcome = await world.repairs.apply(plan.id, book, plan.action, world.host, on_stage=world.on_stage)
    assert outcome.state is RepairState.VERIFIED
    world.running = site(ADDRESS, 8081)
    world.reload_works = False
    outcome = await world.repairs.apply(plan.id, book, plan.action, world.host, on_stage=world.on_stage)
    assert outcome.state is RepairState.FAILED
    assert "nothing to put back" in outcome.text


async def test_verification_waits_until_it_holds(world: World) -> None:
    world.reload_works = False
    action = replace(ACTION, verify=Verify(checks=("sockets",), within=30.0, hold=0.02))
    book = replace(RUNBOOK, actions={"restore-config": action})
    plan = await world.repairs.preview(book, "restore-config", world.host)
    asked = 0
    sockets = world.web.programs["ss"]

    def late(argv: Sequence[str]) -> Output:
        nonlocal asked
        asked += 1
        if asked == 3:
            world.running = world.site()
        return sockets(argv)

    world.web.programs["ss"] = late
    outcome = await world.repairs.apply(plan.id, book, plan.action, world.host, on_stage=world.on_stage)
    assert outcome.state is RepairState.VERIFIED
    assert asked > 3


async def test_only_an_approved_plan_is_carried_out_by_the_account_that_may_change_things(world: World) -> None:
    used: list[str] = []

    class Hands:
        def connections(self) -> AbstractAsyncContextManager[Connected]:
            used.append("hands")
            return FolderReach(servers=world.servers).connections()

    world.repairs = Repairs(world.repairs.runner, hands=Hands(), poll=0.01)
    plan = await world.preview()
    assert used == []
    outcome = await world.repairs.apply(plan.id, world.runbook, plan.action, world.host, on_stage=world.on_stage)
    assert (outcome.state, used) == (RepairState.VERIFIED, ["hands"])
