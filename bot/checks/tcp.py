"""Does the port accept connections? Asked from the bot."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import time
from typing import Literal

from bot.checks import Answer, Port, Target, noun
from bot.ports import TryAgain
from bot.runbook.result import State


@noun("tcp")
async def tcp(on: Target, *, port: Port, expect: Literal["open", "closed"] = "open") -> Answer:
    """Whether the port accepts connections from the bot.

    port: the port to try. expect: `open` (default) or `closed`. A refusal or silence is an answer: fail.
    """
    found, took = await probe(on.host.address, int(port), on.within)
    ok = (found == "open") == (expect == "open")
    said = {"open": "accepts connections", "refused": "refuses connections", "timeout": "does not answer"}[found]
    return Answer(
        state=State.OK if ok else State.FAIL,
        reason="" if ok else ("error" if found == "open" else found),
        summary=f"{on.host.name}:{port} {said}",
        facts={"port": int(port), "found": found, "expected": expect, "ms": took},
    )


async def probe(address: str, port: int, within: float) -> tuple[str, int]:
    """Whether a port is open, refused or timeout, and how many milliseconds that took. Raises TryAgain."""
    started = time.monotonic()
    try:
        async with asyncio.timeout(within):
            _, writer = await asyncio.open_connection(address, port)
    except TimeoutError:
        found = "timeout"
    except OSError as error:
        found = connect_failure(error)
    else:
        found = "open"
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return found, round((time.monotonic() - started) * 1000)


def connect_failure(error: OSError) -> str:
    """`refused` or `timeout`: what this error says about the other side. Raises TryAgain when it is about ours."""
    if error.errno in (errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE):
        return "refused"
    if error.errno in (errno.EHOSTUNREACH, errno.ETIMEDOUT, errno.EHOSTDOWN):
        return "timeout"
    raise TryAgain(f"The bot cannot ask: {error}", reason="unreachable") from error
