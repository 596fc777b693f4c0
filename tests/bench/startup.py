"""Starting: `muster serve` until it is ready, and one `muster say`, beside importing what they stand on."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.lab.workspace import Workspace
from tests.bench.bot_process import running_bot
from tests.bench.figures import Bench, Figure, middle

TITLE = "Starting the bot, and saying one thing"
SERVE = "import aiohttp, asyncssh, dbos, slack_bolt.async_app, sqlalchemy"
SAY = "import sqlalchemy, typer"
WITHIN = 30.0


async def measure(bench: Bench) -> Sequence[Figure]:
    """Medians, from the start of the process, with a database that is there already."""
    times = bench.times(5, quick=1)
    folder = bench.place("startup")
    database = bench.database("sqlite")
    environ = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(Path(__file__).parents[2])}
    environ |= {"DATABASE_URL": database, "MUSTER_HOME": str(bench.place("home"))}
    first = await _process(["-m", "bot", "say", "declare", "pages are slow"], environ, folder)
    said = [await _process(["-m", "bot", "say", f"note shard {n}"], environ, folder) for n in range(times)]
    say_floor = [await _process(["-c", SAY], environ, folder) for _ in range(times)]
    served = []
    async with await Workspace.start(cast=True) as workspace:
        for _ in range(min(times, 3)):
            async with running_bot(folder, database, workspace, home=Path(environ["MUSTER_HOME"])) as bot:
                served.append(bot.started_in)
    serve_floor = [await _process(["-c", SERVE], environ, folder) for _ in range(min(times, 3))]
    rival = "importing aiohttp, asyncssh, dbos, slack-bolt, SQLAlchemy"
    return (
        Figure(
            name="muster serve → /readyz", value=middle(served), unit="s", rival=rival, rival_value=middle(serve_floor)
        ),
        Figure(
            name="muster say note",
            value=middle(said),
            unit="s",
            rival="importing SQLAlchemy, typer",
            rival_value=middle(say_floor),
            note=f"the very first one, which makes the database: {first:.2f} s",
        ),
    )


async def _process(words: Sequence[str], environ: Mapping[str, str], folder: Path) -> float:
    """Seconds that one process takes. Raises RuntimeError when it fails."""
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, env=environ, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(WITHIN):
            _, said = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)}: {said.decode(errors='replace')[-300:]}")
    return time.perf_counter() - started
