"""A run: everything at once, each in its time, one failure blocking nothing."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bot import checks
from bot.checks import NOUNS, Answer, Ask, Noun, Target
from bot.ports import GaveUp, TryAgain
from bot.runbook.reach import Snapshot
from bot.runbook.result import Result, State
from bot.runbook.run import Diagnosis, Runner
from bot.runbook.runbook import At, Check, Runbook
from tests.fake_servers import NOW, FolderReach, FolderServer, farm, moved, said

checks.load()
Register = Callable[..., None]


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Register:
    """Add a noun for one test."""

    def add(name: str, ask: Ask, *, touches: bool | str = False) -> None:
        kinds = inspect.signature(ask, eval_str=True).parameters
        words = {n: p for n, p in kinds.items() if p.kind is inspect.Parameter.KEYWORD_ONLY}
        monkeypatch.setitem(NOUNS, name, Noun(name=name, ask=ask, touches=touches, words=words, help=""))

    return add


def runbook(*asked: Check) -> Runbook:
    return Runbook(name="story", title="", owner="", checks={check.name: check for check in asked}, causes=())


def runner(folder: Path, *, servers: int = 2, **words: Any) -> tuple[Runner, Mapping[str, FolderServer], FolderReach]:
    inventory, machines = farm(folder, servers=servers)
    reach = FolderReach(servers=machines)
    return Runner(reach, inventory, clock=lambda: NOW, **words), machines, reach


async def diagnose(run: Runner, *asked: Check, host: str = "web-02", **words: Any) -> Diagnosis:
    return await run.diagnose(runbook(*asked), run.inventory.groups["shop-web"].hosts[host], **words)


def by_name(diagnosis: Diagnosis) -> dict[tuple[str, str], Result]:
    return {(result.check, result.host): result for result in diagnosis.results}


async def fine(on: Target) -> Answer:  # noqa: ARG001 - a noun
    return Answer(state=State.OK)


async def test_each_place_asks_its_hosts(tmp_path: Path, register: Register) -> None:
    register("fine", fine)
    run, _, reach = runner(tmp_path, servers=3)
    asked = [Check(name=at.value, noun="fine", at=at) for at in At]
    found = by_name(await diagnose(run, *asked))
    assert set(found) == {
        ("affected", "web-02"),
        ("bot", "web-02"),
        ("peers", "web-01"),
        ("peers", "web-03"),
        *(("group", f"web-0{n}") for n in (1, 2, 3)),
        ("balancer", "lb-01"),
        ("primary", "web-02"),
    }
    assert found["primary", "web-02"].state is State.SKIPPED
    assert (reach.opened, reach.closed) == (1, 1)


async def test_what_cannot_be_reached_is_unknown_and_blocks_nobody(tmp_path: Path) -> None:
    run, machines, _ = runner(tmp_path)
    machines["web-02"].away = GaveUp("The host key is not the known one.", reason="host-key")
    machines["web-01"].programs["df"] = lambda _: said("h\n/dev/a 1 1 1 5% /\n")
    disk = Check(name="disk", noun="disk", at=At.GROUP)
    found = by_name(await diagnose(run, disk))
    assert found["disk", "web-02"].state is State.UNKNOWN
    assert found["disk", "web-02"].reason == "host-key"
    assert found["disk", "web-01"].state is State.OK


async def test_a_check_that_hangs_is_unknown_within_its_time(tmp_path: Path, register: Register) -> None:
    async def hangs(on: Target) -> Answer:  # noqa: ARG001 - a noun
        await asyncio.Event().wait()
        raise AssertionError

    register("hangs", hangs)
    register("fine", fine)
    run, _, _ = runner(tmp_path, limit=0.2)
    found = by_name(await diagnose(run, Check(name="slow", noun="hangs"), Check(name="quick", noun="fine")))
    assert (found["slow", "web-02"].state, found["slow", "web-02"].reason) == (State.UNKNOWN, "timeout")
    assert found["quick", "web-02"].state is State.OK


async def test_a_broken_check_is_unknown_and_says_so(tmp_path: Path, register: Register) -> None:
    async def broken(on: Target) -> Answer:  # noqa: ARG001 - a noun
        raise ZeroDivisionError("secret detail")

    register("broken", broken)
    run, _, _ = runner(tmp_path)
    result = (await diagnose(run, Check(name="x", noun="broken"))).results[0]
    assert (result.state, result.reason) == (State.UNKNOWN, "error")
    assert "ZeroDivisionError" in result.summary
    assert "secret detail" not in result.summary


async def test_a_missing_placeholder_or_file_is_unknown(tmp_path: Path) -> None:
    run, machines, _ = runner(tmp_path)
    (machines["web-02"].root / "etc/nginx/nginx.conf").unlink()
    result = (await diagnose(run, Check(name="config", noun="nginx", words={"same": ("listen",)}))).results[0]
    assert (result.state, result.reason) == (State.UNKNOWN, "error")


async def test_what_touches_runs_last_and_alone(tmp_path: Path, register: Register) -> None:
    running: set[str] = set()
    order: list[str] = []

    async def looks(on: Target) -> Answer:
        running.add("looks")
        await asyncio.sleep(0.02)
        running.discard("looks")
        order.append(f"looks {on.host.name}")
        return Answer(state=State.OK)

    async def touches(on: Target) -> Answer:
        assert not running
        running.add("touches")
        await asyncio.sleep(0.01)
        running.discard("touches")
        order.append(f"touches {on.host.name}")
        return Answer(state=State.OK)

    register("looks", looks)
    register("touches", touches, touches=True)
    run, _, _ = runner(tmp_path)
    asked = [Check(name="a", noun="touches", at=At.GROUP), Check(name="b", noun="looks", at=At.GROUP)]
    diagnosis = await diagnose(run, *asked)
    assert all(result.state is State.OK for result in diagnosis.results)
    assert [each.split()[0] for each in order] == ["looks", "looks", "touches", "touches"]


async def test_nginx_touches_only_when_it_tests() -> None:
    assert not NOUNS["nginx"].touching({"same": ("listen",)})
    assert NOUNS["nginx"].touching({"test": True})


async def test_results_are_told_as_they_come(tmp_path: Path, register: Register) -> None:
    gate = asyncio.Event()

    async def waits(on: Target) -> Answer:  # noqa: ARG001 - a noun
        await gate.wait()
        return Answer(state=State.OK)

    async def told(result: Result) -> None:
        heard.append(result.check)
        gate.set()

    heard: list[str] = []
    register("waits", waits)
    register("fine", fine)
    run, _, _ = runner(tmp_path)
    await diagnose(run, Check(name="late", noun="waits"), Check(name="early", noun="fine"), on_result=told)
    assert heard == ["early", "late"]


async def test_secrets_are_taken_out_before_the_evidence_is_cut(tmp_path: Path, register: Register) -> None:
    async def talks(on: Target) -> Answer:  # noqa: ARG001 - a noun
        text = "x" * 2_990 + " password=canary-1 " + "y" * 5_000 + "canary-two"
        return Answer(
            state=State.OK, summary="canary-two", evidence=text, facts={"a": ["token: canary-3", {"b": "canary-two"}]}
        )

    register("talks", talks)
    run, _, _ = runner(tmp_path, secrets=("canary-two",))
    result = (await diagnose(run, Check(name="x", noun="talks"))).results[0]
    assert "canary" not in repr(result)
    assert len(result.evidence) == 3_000


async def test_a_run_that_is_cancelled_leaves_nothing_open(tmp_path: Path, register: Register) -> None:
    began, ended = asyncio.Event(), []

    async def hangs(on: Target) -> Answer:  # noqa: ARG001 - a noun
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)
        raise AssertionError

    register("hangs", hangs)
    run, _, reach = runner(tmp_path)
    task = asyncio.create_task(diagnose(run, Check(name="x", noun="hangs")))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended
    assert reach.closed == 1


async def test_only_the_named_checks_are_asked(tmp_path: Path, register: Register) -> None:
    register("fine", fine)
    run, _, _ = runner(tmp_path)
    asked = (Check(name="a", noun="fine"), Check(name="b", noun="fine"))
    assert [result.check for result in (await diagnose(run, *asked, only=("b",))).results] == ["b"]


async def test_placeholders_are_the_asked_hosts_own(tmp_path: Path, register: Register) -> None:
    heard: list[str] = []

    async def hears(on: Target, *, word: str) -> Answer:  # noqa: ARG001 - a noun
        heard.append(word)
        return Answer(state=State.OK)

    register("hears", hears)
    run, _, _ = runner(tmp_path)
    words = {"word": "$host.address:$host.port"}
    await diagnose(
        run,
        Check(name="a", noun="hears", words=words),
        Check(name="b", noun="hears", at=At.BALANCER, words=words),
    )
    assert sorted(heard) == ["127.9.0.10:80", "127.9.0.12:8080"]


async def test_all_checks_of_a_run_judge_the_same_bytes(tmp_path: Path) -> None:
    _, machines, _ = runner(tmp_path)
    snapshot = Snapshot(machines["web-02"])
    before = await snapshot.read("/etc/nginx/conf.d/site.conf")
    moved(machines["web-02"], "127.9.0.12", 8081)
    assert await snapshot.read("/etc/nginx/conf.d/site.conf") == before
    with pytest.raises(FileNotFoundError):
        await snapshot.read("/absent")
    await snapshot.close()


async def test_a_connection_that_breaks_midway_is_unknown(tmp_path: Path) -> None:
    run, machines, _ = runner(tmp_path)

    def lost(_: object) -> Any:
        raise TryAgain("lost", reason="unreachable")

    machines["web-02"].programs["df"] = lost
    result = (await diagnose(run, Check(name="disk", noun="disk"))).results[0]
    assert (result.state, result.reason) == (State.UNKNOWN, "unreachable")
