"""A process that runs one flow of two steps and hangs in the second one, until it is killed.

python -m tests.flow_process URL EXECUTOR
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from bot.engine import Engine, step
from bot.store import Store
from tests.store.facts import NOW


async def main(url: str, executor: str) -> None:
    """Start what is due, and say when the second step has begun."""
    store = Store.open(url)

    async def first() -> str:
        store.first("first")
        return "seen"

    async def second() -> None:
        print("hanging", flush=True)  # noqa: T201 - whoever started us waits for it
        await asyncio.sleep(60)

    async def run(flow: str, incident: int, args: Mapping[str, Any]) -> None:  # noqa: ARG001 - one shape for all
        await step("first", first)
        await step("second", second)

    async def broke(flow: str, incident: int, key: str) -> None:
        raise AssertionError((flow, incident, key))

    engine = Engine(store, executor=executor, run=run, broke=broke)
    await engine.launch()
    await engine.sweep(NOW)
    await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
