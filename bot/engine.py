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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfig, SetWorkflowID
from dbos import Serializer as DbosSerializer

from bot.log import event
from bot.store import Due, Store

Flow = Callable[[str, int, Mapping[str, Any]], Awaitable[None]]
VERSION = "flows-1"  # the default is a hash of the source: a changed comment would strand running flows
ENDED = {"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"}


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
    await _running.run(flow, incident, args)
    await step("finished", _running.finished(DBOS.workflow_id or ""))


async def step(name: str, effect: Callable[[], Awaitable[Any]]) -> Any:
    """Run an effect and keep its JSON result: a flow that goes on after a crash sees the same answer."""

    async def run() -> Any:  # the library takes a lambda that returns a coroutine for a blocking function
        return await effect()

    return await DBOS.run_step_async({"name": name}, run)


def step_key() -> str:
    """A name for the running step that is the same after a crash: the key of the facts that it records."""
    return f"{DBOS.workflow_id}/{DBOS.step_id}"


class Engine:
    """Starts flows and keeps them going. One per process; launch it inside the running loop."""

    def __init__(self, store: Store, *, executor: str, run: Flow) -> None:
        self._store = store
        self._executor = executor
        self.run = run

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
            "notification_listener_polling_interval_sec": 1.0,
        }

    async def close(self) -> None:
        """Stop starting flows. What is running goes on after the next launch."""
        global _running
        await asyncio.to_thread(self._lease.release)
        await asyncio.to_thread(DBOS.destroy)  # takes the loop's threads with it: nothing may need one afterwards
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
        """Start what is due and not yet running, and take over what a dead process was running."""
        for due in await asyncio.to_thread(self._store.dues):
            if _not_yet(due, now):
                continue
            status = await DBOS.get_workflow_status_async(due.key)
            if status is None:
                await self.start(due)
            elif status.status in ENDED:
                if status.status != "SUCCESS":
                    event("flow.failed", level=logging.ERROR, flow=due.flow, incident=due.incident, key=due.key)
                await asyncio.to_thread(self._store.done, due.key)
            elif status.executor_id != self._executor and not await self._alive(status.executor_id):
                event("flow.taken-over", flow=due.flow, incident=due.incident, key=due.key)
                await DBOS.resume_workflow_async(due.key)

    async def _alive(self, executor: str | None) -> bool:
        return bool(executor) and await asyncio.to_thread(self._store.alive, executor or "")


def _not_yet(due: Due, now: datetime) -> bool:
    after = str(due.args.get("not_before") or "")
    return bool(after) and datetime.fromisoformat(after).astimezone(UTC) > now


def journal_url(url: str) -> str:
    """Where the engine keeps its journal: a file beside ours, or its own schema in our Postgres database."""
    if not url.startswith("sqlite"):
        return url
    path = Path(url.removeprefix("sqlite:///")).with_suffix(".flows.db")
    with sqlite3.connect(path) as journal:
        journal.execute("pragma journal_mode=wal")  # its default journal stalls the poller for seconds
    journal.close()
    return f"sqlite:///{path}"
