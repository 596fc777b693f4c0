"""A storm with kill -9 in the middle: who gets no answer sends again, as Datadog does, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.store.connect import connect
from tests.bench.figures import Bench, Figure
from tests.bench.intake import count, deliveries, kept, running, send

TITLE = "A storm with kill -9 in the middle"


async def measure(bench: Bench) -> Sequence[Figure]:
    """What is kept on each database."""
    bodies = deliveries(bench.times(600, quick=120, full=10_000))
    return [figure for kind in bench.databases() for figure in await _killed(bench, kind, bodies)]


async def _killed(bench: Bench, kind: str, bodies: Sequence[bytes]) -> Sequence[Figure]:
    url = bench.database(kind)
    async with running(bench, url) as bot:
        storm = asyncio.create_task(send(bot.port, bodies))
        await _stored(url, len(bodies) // 3)
        bot.kill()
        await bot.dead()
        await bot.start()
        load = await storm
    return await asyncio.to_thread(kept, kind, url, bodies, load)


async def _stored(url: str, number: int) -> None:
    """Wait until so many deliveries are on disk."""
    engine = connect(url)
    try:
        while await asyncio.to_thread(count, engine, "SELECT count(*) FROM delivery") < number:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    finally:
        engine.dispose()
