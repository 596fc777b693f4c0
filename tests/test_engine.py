"""Flows are started once, go on after a crash where they were, and are taken over from the dead."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dbos import DBOS

from bot import engine as engine_module
from bot.engine import Engine, step, step_key
from bot.ports import TryAgain
from bot.store import Due, Store
from tests.store.facts import NOW, open_incident

ROOT = Path(__file__).parents[1]


@dataclass
class Flows:
    """A flow of two steps, and what it did."""

    store: Store
    engine: Engine
    did: list[str] = field(default_factory=list)
    broken: list[tuple[str, int, str]] = field(default_factory=list)
    loops: set[asyncio.AbstractEventLoop] = field(default_factory=set)
    raises: Exception | None = None

    async def run(self, flow: str, incident: int, args: Mapping[str, Any]) -> None:
        self.loops.add(asyncio.get_running_loop())
        await step("first", lambda: self._do(f"{flow} {incident}"))
        if self.raises:
            raise self.raises
        await step("second", lambda: self._do(json.dumps(dict(args))))

    async def broke(self, flow: str, incident: int, key: str) -> None:
        self.broken.append((flow, incident, key))

    async def _do(self, what: str) -> Mapping[str, str]:
        self.did.append(what)
        return {"did": what, "as": step_key()}

    async def settle(self) -> None:
        """Until nothing is due."""
        async with asyncio.timeout(30):
            while self.store.dues() or self.engine.at_work:
                await self.engine.sweep(NOW)
                await asyncio.sleep(0.05)


@asynccontextmanager
async def flows(store: Store, *, executor: str = "local") -> AsyncIterator[Flows]:
    async def run(*words: Any) -> None:
        await made.run(*words)

    async def broke(*words: Any) -> None:
        await made.broke(*words)

    engine = Engine(store, executor=executor, run=run, broke=broke, poll=0.05)
    made = Flows(store=store, engine=engine)
    await engine.launch()
    try:
        yield made
    finally:
        await engine.close()


def due(store: Store, key: str = "K", flow: str = "walk", **args: Any) -> Due:
    number = 1 if store.incident(1) else open_incident(store)
    with store.transaction(incident=number) as tx:
        tx.due(key, flow, number, args)
    return next(d for d in store.dues() if d.key == key)


async def test_a_due_flow_runs_with_what_it_was_given_and_is_due_no_longer(store: Store) -> None:
    async with flows(store) as made:
        due(store, words=["a", 1])
        await made.settle()
        assert made.did == ["walk 1", '{"words": ["a", 1]}']


async def test_starting_a_flow_twice_does_nothing(store: Store) -> None:
    async with flows(store) as made:
        wanted = due(store)
        await asyncio.gather(made.engine.start(wanted), made.engine.start(wanted))
        await made.settle()
        await made.engine.start(wanted)
        await made.settle()
        assert made.did == ["walk 1", "{}"]


async def test_a_flow_waits_for_its_time(store: Store) -> None:
    async with flows(store) as made:
        due(store, not_before="2026-11-22T10:31:00+00:00")
        await made.engine.sweep(NOW)
        assert made.engine.at_work == set()
        assert made.did == []
        assert len(store.dues()) == 1


async def test_a_flow_with_a_mistake_is_reported_once_and_never_started_again(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async with flows(store) as made:
        made.raises = ZeroDivisionError("oops")
        due(store)
        due(store, "L")
        await made.settle()
        await made.engine.sweep(NOW)
        assert sorted(made.broken) == [("walk", 1, "K"), ("walk", 1, "L")]
        assert made.did == ["walk 1", "walk 1"]
        assert store.dues() == []
    assert [r.message for r in caplog.records].count("flow.broken") == 2


async def test_a_step_waits_for_a_database_that_is_away(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "DATABASE_AWAY", 0.01)
    async with flows(store) as made:
        away = [TryAgain("It is away.", reason="database") for _ in range(3)]
        do = made._do

        async def sometimes(what: str) -> Mapping[str, str]:
            if away:
                raise away.pop()
            return await do(what)

        monkeypatch.setattr(made, "_do", sometimes)
        due(store)
        await made.settle()
        assert made.did == ["walk 1", "{}"]
        assert made.broken == []


async def test_a_journal_that_does_not_answer_is_the_callers_to_wait_for(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with flows(store) as made:
        due(store)

        async def gone(**_: Any) -> list[Any]:
            raise OSError("the journal is gone")

        with monkeypatch.context() as patched:
            patched.setattr(DBOS, "list_workflows_async", gone)
            with pytest.raises(OSError, match="gone"):
                await made.engine.sweep(NOW)
        await made.settle()
        assert made.did == ["walk 1", "{}"]


async def test_the_journal_is_readable(sqlite_url: str) -> None:
    store = Store.open(sqlite_url)
    async with flows(store) as made:
        due(store, words="ä")
        await made.settle()
    store.close()
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///").replace(".db", ".flows.db")) as journal:
        outputs = [
            json.loads(row)
            for (row,) in journal.execute("select output from operation_outputs where output is not null")
        ]
        inputs = [json.loads(row) for (row,) in journal.execute("select inputs from workflow_input")]
    journal.close()
    assert {"did": "walk 1", "as": "K/1"} in outputs
    assert inputs == [{"args": ["walk", 1, {"words": "ä"}], "kwargs": {}}]


def killed_in_the_second_step(url: str, executor: str) -> None:
    """Another process begins the flow, and dies."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.flow_process", url, executor], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "hanging\n"
        other.kill()
    assert other.returncode == -9


async def test_after_a_kill_a_flow_goes_on_at_the_interrupted_step(sqlite_url: str) -> None:
    store = Store.open(sqlite_url)
    due(store)
    await asyncio.to_thread(killed_in_the_second_step, sqlite_url, "local")
    assert not store.first("first")
    async with flows(store) as made:
        await made.settle()
        assert made.did == ["{}"]
        assert made.loops == {asyncio.get_running_loop()}
    store.close()


async def test_a_flow_of_a_dead_process_is_taken_over_by_another_one(postgres_url: str) -> None:
    store = Store.open(postgres_url)
    due(store)
    await asyncio.to_thread(killed_in_the_second_step, postgres_url, "the-dead-one")
    async with flows(store, executor="the-living-one") as made:
        await made.settle()
        assert made.did == ["{}"]
        assert made.loops == {asyncio.get_running_loop()}
    store.close()


async def test_a_flow_of_a_living_process_is_left_to_it(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "GRACE", 1.0)
    store = Store.open(postgres_url)
    due(store)
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.flow_process", postgres_url, "other", cwd=ROOT, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    assert await other.stdout.readline() == b"hanging\n"
    async with flows(store, executor="this") as made:
        for _ in range(5):
            await made.engine.sweep(NOW)
        assert made.did == []
        other.kill()
        await other.wait()
        await made.settle()
        assert made.did == ["{}"]
    store.close()


async def test_a_flow_that_this_process_knows_nothing_of_is_begun_again(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "GRACE", 1.0)
    store = Store.open(sqlite_url)
    due(store)
    await asyncio.to_thread(killed_in_the_second_step, sqlite_url, "local")
    journal = sqlite3.connect(sqlite_url.removeprefix("sqlite:///").replace(".db", ".flows.db"))
    with journal:
        journal.execute("update workflow_status set executor_id = 'moved'")  # what the library recovers no more
    journal.close()
    async with flows(store) as made:
        await made.settle()
        assert made.did == ["{}"]
    store.close()


async def test_checks_that_ask_the_same_and_wait_are_one(store: Store) -> None:
    async with flows(store) as made:
        for n in range(3):
            due(store, f"K{n}", "check", host="web-1")
        due(store, "L", "check", host="web-2")
        due(store, "M", "walk", host="web-1")
        due(store, "N", "walk", host="web-1")
        await made.settle()
        assert sorted(made.did) == sorted(
            [*["check 1"] * 2, *["walk 1"] * 2, *['{"host": "web-1"}'] * 3, '{"host": "web-2"}']
        )


async def test_what_was_done_long_ago_is_forgotten_with_its_journal(store: Store) -> None:
    async with flows(store) as made:
        due(store)
        due(store, "waits", not_before="2999-01-01T00:00:00+00:00")
        while len(store.dues()) > 1:
            await made.engine.sweep(NOW)
            await asyncio.sleep(0.02)
        today = datetime.now(UTC)
        await made.engine.forget(today - timedelta(days=1))
        assert await DBOS.get_workflow_status_async("K") is not None
        await made.engine.forget(today + timedelta(days=1))
        assert await DBOS.get_workflow_status_async("K") is None
        assert (store.outdated(today + timedelta(days=1)), [d.key for d in store.dues()]) == ([], ["waits"])
