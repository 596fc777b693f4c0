"""The floor of the intake measure, in a process of its own: `python -m tests.bench.intake_server DATABASE_URL ROWS`.

An aiohttp handler that commits what Muster committed for the request of this number, read from the file ROWS, one
transaction a request, and decides nothing. It prints its port and ends with standard input.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
from aiohttp import web

CONNECTIONS = 8
Statement = tuple[str, Sequence[Any]]
Commit = Callable[[Sequence[Statement]], Awaitable[None]]


@asynccontextmanager
async def serving(url: str, rows: Path) -> AsyncIterator[int]:
    """Such a process; its port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.bench.intake_server", url, str(rows)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def bare(commit: Commit, rows: Sequence[Sequence[Statement]]) -> web.Application:
    """One handler: read the body, commit the rows of this request, answer."""

    async def handle(request: web.Request) -> web.Response:
        await request.read()
        await commit(rows[int(request.headers["X-Number"])])
        return web.json_response({"ok": True}, status=202)

    app = web.Application()
    app.router.add_post("/datadog/webhook", handle)
    return app


def on_sqlite(path: str) -> Commit:
    """One connection in one thread: SQLite has one writer, so nothing is faster."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous=FULL")
    thread = ThreadPoolExecutor(1)

    def write(statements: Sequence[Statement]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        for sql, values in statements:
            connection.execute(sql, values)
        connection.execute("COMMIT")

    async def commit(statements: Sequence[Statement]) -> None:
        await asyncio.get_running_loop().run_in_executor(thread, write, statements)

    return commit


async def on_postgres(url: str, stack: AsyncExitStack) -> Commit:
    """A connection for each of the senders."""
    idle: asyncio.Queue[psycopg.AsyncConnection[Any]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        connection = await psycopg.AsyncConnection.connect(url)
        stack.push_async_callback(connection.close)
        idle.put_nowait(connection)

    async def commit(statements: Sequence[Statement]) -> None:
        connection = await idle.get()
        try:
            async with connection.transaction():
                for sql, values in statements:
                    await connection.execute(sql.replace("?", "%s").encode(), values)
        finally:
            idle.put_nowait(connection)

    return commit


async def serve(url: str, rows: str) -> None:
    """Listen until standard input ends."""
    async with AsyncExitStack() as stack:
        path = url.removeprefix("sqlite:///")
        commit = await on_postgres(url, stack) if path == url else on_sqlite(path)
        app = bare(commit, json.loads(await asyncio.to_thread(Path(rows).read_text)))
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        sys.stdout.write(f"{runner.addresses[0][1]}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
