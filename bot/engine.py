"""The durable engine: flows that go on after a crash at the step where they were. The only importer of dbos.

A flow is named in a row that is *due*, written in the same transaction as the facts that need it. It is started
at once; a sweep starts what is missing and takes over what a dead process left behind. Steps keep JSON only.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfig, SetWorkflowID, WorkflowStatus
from dbos import Serializer as DbosSerializer

from bot.log import event
from bot.ports import TryAgain
from bot.store import Due, Store

Flow = Callable[[str, int, Mapping[str, Any]], Awaitable[None]]
Broke = Callable[[str, int, str], Awaitable[None]]
VERSION = "flows-1"  # the default is a hash of the source: a changed comment would strand running flows
ENDED = {"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"}
GRACE = 3.0  # seconds in which a flow that nobody seems to run may still turn out to be run by somebody
DATABASE_AWAY = 1.0  # seconds between tries of a step that needs our own database
FORGET = 30.0  # seconds between two times that a little of what is done and old is forgotten
KEPT = timedelta(days=30)  # a repetition of anything that was said, clicked or due is known again for so long
LOOK = 1.0  # seconds after which a look at what is due starts nothing more
CHECK = "check"  # the flow that many alerts ask for alike, and that waits for those which people wait for
FINISH = 8.0  # seconds that running flows have to end when we are told to stop


class Json(DbosSerializer):
    """Readable journal rows; pickle would break when a class moves, and run what somebody wrote there."""

    def serialize(self, data: Any) -> str:
        if isinstance(data, BaseException):
            data = {"$error": f"{type(data).__name__}: {data}"}
        return json.dumps(data)

    def deserialize(cls, serialized_data: str) -> Any:
        data = json.loads(serialized_data)
        if isinstance(data, dict) and "$error" in data:
            return RuntimeError(data["$error"])
        return data

    def name(self) -> str:
        return "muster_json"


_running: Engine | None = None  # the library is one per process, and so is this


@DBOS.workflow(name="flow")
async def _flow(flow: str, incident: int, args: dict[str, Any]) -> None:
    assert _running is not None  # noqa: S101 - launch() sets it before any flow can start
    engine, key = _running, DBOS.workflow_id or ""
    engine.at_work.add(key)
    try:
        await engine.run(flow, incident, args)
        await step("finished", engine.finished(key))
    except Exception as mistake:  # the boundary of a flow: logged once here, then the engine marks it ended
        told = {"fields": {"flow": flow, "incident": f"INC-{incident}", "key": key}}
        logging.getLogger("muster").error("flow.broken", exc_info=mistake, extra=told)
        raise
    finally:
        engine.at_work.discard(key)


async def step(name: str, effect: Callable[[], Awaitable[Any]]) -> Any:
    """Run an effect and keep its JSON result: a flow that goes on after a crash sees the same answer.

    TryAgain means that our own database is away, which is waited for: what neighbours refuse is the effect's to keep.
    """

    async def run() -> Any:  # the library takes a lambda that returns a coroutine for a blocking function
        while True:
            try:
                return await effect()
            except TryAgain as away:
                event("step.waits", level=logging.WARNING, step=name, reason=away.reason)
                await asyncio.sleep(DATABASE_AWAY)

    return await DBOS.run_step_async({"name": name}, run)


def step_key() -> str:
    """A name for the running step that is the same after a crash: the key of the facts that it records."""
    return f"{DBOS.workflow_id}/{DBOS.step_id}"


async def _at_once() -> None:
    """Nothing is more urgent."""


class Engine:
    """Starts flows and keeps them going. One per process; launch it inside the running loop.

    `broke` is told of a flow that a mistake of ours ended; `give_way` is waited for before each start, so that flows
    leave room for what is more urgent. `poll`: seconds between two looks of the library's threads.
    """

    def __init__(
        self,
        store: Store,
        *,
        executor: str,
        run: Flow,
        broke: Broke,
        give_way: Callable[[], Awaitable[None]] = _at_once,
        poll: float = 1.0,
    ) -> None:
        self._store = store
        self._give_way = give_way
        self._poll = poll
        self._executor = executor
        self._broke = broke
        self._orphans: dict[str, float] = {}
        self._next_forgetting = 0.0
        self.run = run
        self.at_work: set[str] = set()

    async def launch(self) -> None:
        """Open the journal, take the lease, and go on with what this executor left unfinished."""
        global _running
        _running = self
        self._lease = await asyncio.to_thread(self._store.lease, self._executor)
        DBOS(config=self._config())
        theirs = logging.getLogger("dbos")
        theirs.handlers.clear()  # one log, one format
        theirs.propagate = True
        DBOS.launch()

    def _config(self) -> DBOSConfig:
        return {
            "name": "muster",
            "system_database_url": journal_url(self._store.url),
            "application_version": VERSION,
            "executor_id": self._executor,
            "serializer": Json(),
            "log_level": "WARNING",
            "enable_otlp": False,
            "notification_listener_polling_interval_sec": self._poll,
        }

    async def close(self) -> None:
        """Let what is running end, within seconds; what does not goes on after the next launch, or elsewhere."""
        global _running
        deadline = asyncio.get_running_loop().time() + FINISH
        while self.at_work and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - they end one by one
            await asyncio.sleep(0.05)
        await asyncio.to_thread(DBOS.destroy)  # takes the loop's threads with it: nothing may need one afterwards
        self._lease.release()  # last: from now on others may take over
        _running = None

    async def start(self, due: Due) -> None:
        """Start a due flow; starting it again does nothing."""
        with SetWorkflowID(due.key):
            await DBOS.start_workflow_async(_flow, due.flow, due.incident, dict(due.args))

    def finished(self, key: str) -> Callable[[], Awaitable[None]]:
        """The last step of every flow: it is due no longer."""

        async def finish() -> None:
            await asyncio.to_thread(self._store.done, key)

        return finish

    async def sweep(self, now: datetime) -> None:
        """Start what is due and not yet running, and take over what nobody runs any more."""
        await self._give_way()
        await asyncio.to_thread(self._lease.keep)
        waiting = [due for due in await asyncio.to_thread(self._store.dues) if not not_yet(due, now)]
        asked = [due for due in waiting if due.key not in self.at_work]
        known = await self._known([due.key for due in asked])
        self._orphans = {key: since for key, since in self._orphans.items() if key in known}
        for due in asked:
            if status := known.get(due.key):
                await self._bring_on(due, status)
        await self._start_some([due for due in asked if due.key not in known])
        if asyncio.get_running_loop().time() >= self._next_forgetting:
            self._next_forgetting = asyncio.get_running_loop().time() + FORGET
            await self.forget(now - KEPT)

    async def forget(self, before: datetime) -> None:
        """Delete some of what was done before then: flows with their journal, what was answered, intents."""
        flows = await asyncio.to_thread(self._store.outdated, before)
        if flows:
            await DBOS.delete_workflows_async(flows)
        await asyncio.to_thread(self._store.forget, flows, before=before)

    async def _start_some(self, dues: list[Due]) -> None:
        """As many as can be started soon; the others after another look, for something urgent may be due by then."""
        wanted = {_same(due): due for due in reversed(dues)}.values()
        chosen = {due.key for due in wanted}
        if again := [due.key for due in dues if due.key not in chosen]:
            await asyncio.to_thread(self._store.done, *again)
        until = asyncio.get_running_loop().time() + LOOK
        for due in sorted(wanted, key=lambda due: (due.flow == CHECK, due.created_at)):
            await self._give_way()
            await self.start(due)
            if asyncio.get_running_loop().time() > until:
                return

    async def _known(self, keys: list[str]) -> dict[str, WorkflowStatus]:
        """What the journal says about these flows, in one question."""
        if not keys:
            return {}
        found = await DBOS.list_workflows_async(workflow_ids=keys, load_input=False, load_output=False)
        return {status.workflow_id: status for status in found}

    async def _bring_on(self, due: Due, status: WorkflowStatus) -> None:
        if status.status in ENDED:
            if status.status != "SUCCESS":
                event("flow.failed", level=logging.ERROR, flow=due.flow, incident=due.incident, key=due.key)
                await self._broke(due.flow, due.incident, due.key)
            await asyncio.to_thread(self._store.done, due.key)
        elif status.status == "PENDING" and await self._orphaned(due.key, status.executor_id or ""):
            event("flow.taken-over", flow=due.flow, incident=due.incident, key=due.key)
            self._orphans.pop(due.key)
            await asyncio.to_thread(self._take_over, due.key, status.executor_id)

    async def _orphaned(self, key: str, executor: str) -> bool:
        """Whether nobody has run it for a while: its process is dead, or is this one and knows nothing of it."""
        if executor != self._executor and await asyncio.to_thread(self._store.alive, executor):
            self._orphans.pop(key, None)
            return False
        now = asyncio.get_running_loop().time()
        return now - self._orphans.setdefault(key, now) >= GRACE

    def _take_over(self, key: str, executor: str | None) -> None:
        """One replica at a time looks again before it takes a flow, so that two never take the same."""
        with self._store.transaction(intake=True):
            status = DBOS.get_workflow_status(key)
            if status and (status.status, status.executor_id) == ("PENDING", executor):
                DBOS.resume_workflow(key)


def _same(due: Due) -> str:
    """Checks that ask the same are one: a single look answers all that wait for it. Every other flow is its own."""
    return json.dumps([due.incident, due.args], sort_keys=True) if due.flow == CHECK else due.key


def not_yet(due: Due, now: datetime) -> bool:
    """Whether the time from which it may run is still to come."""
    after = str(due.args.get("not_before") or "")
    return bool(after) and datetime.fromisoformat(after).astimezone(UTC) > now


def journal_url(url: str) -> str:
    """Where the engine keeps its journal: a file beside ours, or its own schema in our Postgres database."""
    if not url.startswith("sqlite"):
        return "postgresql://" + url.partition("://")[2]
    path = Path(url.removeprefix("sqlite:///")).with_suffix(".flows.db")
    with sqlite3.connect(path) as journal:
        journal.execute("pragma journal_mode=wal")  # its default journal stalls the poller for seconds
    journal.close()
    return f"sqlite:///{path}"
