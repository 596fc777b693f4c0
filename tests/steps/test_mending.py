"""Repairs from the offer to their end, on a real desk: what is kept of them, and how long."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot.checks import Output
from bot.incident import RepairState
from bot.runbook.desk import Desk
from bot.runbook.limits import Begun
from bot.runbook.runbook import Cause
from bot.settings import Home
from bot.store import Store
from tests.fake_servers import NOW, moved, site
from tests.runbook.test_repair import ADDRESS, RUNBOOK, SITE, World
from tests.story import Story, story

CANARY = "canary-in-the-config"
LINE = f'  proxy_set_header Authorization "Basic {CANARY}";\n'
CAUSE = Cause(
    id="web-out-of-rotation/1",
    when={"sockets": frozenset({"fail", "differs"})},
    explains="Another port.",
    offer=("restore-config",),
)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("bot.runbook.repair.MARGIN", -10.0)
    made = World(tmp_path / "world")
    made.web.put(SITE, site(ADDRESS, 8080, more=LINE))
    made.web.commit("with a secret")
    made.web.put(SITE, site(ADDRESS, 8081, more=LINE))
    made.running = made.site()
    return made


@asynccontextmanager
async def offered(world: World, store: Store, folder: Path) -> AsyncIterator[Story]:
    """The story as far as the offer."""
    runbook = replace(RUNBOOK, causes=(CAUSE,))
    home = Home(folder=folder, inventory=world.inventory, runbooks=(runbook,))
    home = replace(home, policy=replace(home.policy, approvers=("@oncall-web",)))
    desk = Desk(home, store, now=lambda: NOW)
    desk._made = world.repairs.runner, world.repairs
    async with story(store, folder / "postmortems", real=desk) as told:
        told.alert("open")
        await told.settle()
        told.due("look", "check", host="web-02", runbook=runbook.name)
        await told.settle()
        assert told.state() is RepairState.OFFERED
        yield told


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.glob("muster.db*")))


def forms(secret: str) -> list[bytes]:
    """As it is, and in each of the three ways in which it may stand in base64."""
    encoded = (base64.b64encode(b"x" * shift + secret.encode())[4:-4] for shift in range(3))
    return [secret.encode(), *encoded]


def nothing(_: World) -> None:
    """All goes well."""


def no_effect(world: World) -> None:
    world.reload_works = False


def no_way_back(world: World) -> None:
    world.reload_exit = 1


def changed(world: World) -> None:
    moved(world.web, ADDRESS, 8099)


@pytest.mark.parametrize(
    ("happens", "ends"),
    [
        (nothing, RepairState.VERIFIED),
        (no_effect, RepairState.PUT_BACK),
        (no_way_back, RepairState.FAILED),
        (changed, RepairState.FAILED),
    ],
)
async def test_the_bytes_of_files_are_kept_only_while_a_repair_runs(
    world: World, tmp_path: Path, sqlite_url: str, happens: Callable[[World], None], ends: RepairState
) -> None:
    store = Store.open(sqlite_url)
    meanwhile: list[bytes] = []
    test = world.web.programs["nginx"]

    def tested(argv: Sequence[str]) -> Output:
        meanwhile.append(store.underway(f"INC-1/{told.repair.plan}").encode())
        return test(argv)

    world.web.programs["nginx"] = tested
    async with offered(world, store, tmp_path) as told:
        happens(world)
        told.click(told.ben, plan=told.repair.plan)
        await told.settle()
        ended = told.incident.repairs[0]
        assert ended.state is ends, ended.text
        assert store.underway(f"INC-1/{ended.plan}") == ""
    assert bool(meanwhile) == (happens is not changed)
    assert all(any(form in kept for form in forms(CANARY)) for kept in meanwhile)
    store.close()
    assert not [form for form in forms(CANARY) if form in on_disk(tmp_path)]


async def test_an_offer_that_nobody_takes_keeps_no_bytes(world: World, tmp_path: Path, sqlite_url: str) -> None:
    store = Store.open(sqlite_url)
    async with offered(world, store, tmp_path) as told:
        await told.later(minutes=16)
        assert told.state() is RepairState.EXPIRED
        assert not [form for form in forms(CANARY) if form in on_disk(tmp_path)]
    store.close()


async def test_what_was_kept_puts_back_after_an_interruption(world: World, tmp_path: Path, sqlite_url: str) -> None:
    store, before = Store.open(sqlite_url), world.site()
    async with offered(world, store, tmp_path) as told:
        reload = world.web.programs["systemctl"]

        def gone(_: Sequence[str]) -> Output:
            world.web.programs["systemctl"], world.reload_works = reload, False
            raise BrokenPipeError

        world.web.programs["systemctl"] = gone
        told.click(told.ben, plan=told.repair.plan)
        await told.settle()
        assert told.state() is RepairState.RUNNING
        assert store.underway(f"INC-1/{told.repair.plan}")
        assert world.site() != before
        told.due("again", "mend", plan=told.repair.plan, host="web-02", runbook=RUNBOOK.name)
        await told.settle()
        assert told.incident.repairs[0].state is RepairState.PUT_BACK, told.incident.repairs[0].text
    assert world.site() == before
    store.close()


async def test_what_is_at_work_on_another_host_is_waited_for(world: World, tmp_path: Path, sqlite_url: str) -> None:
    store, before = Store.open(sqlite_url), world.site()
    async with offered(world, store, tmp_path) as told:
        with store.transaction() as tx:
            tx.begun(Begun(plan="INC-9/restore", name="restore-config", host="web-01", at=NOW))
            tx.underway("INC-9/restore", "its bytes")
        told.click(told.ben, plan=told.repair.plan)
        await told.settle()
        ended = told.incident.repairs[0]
        assert ended.state is RepairState.FAILED
        assert "restore-config is at work on web-01, and may be on 1 at once." in ended.text
        assert store.underway("INC-9/restore")
    assert world.site() == before
    store.close()
