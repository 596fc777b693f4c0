"""A monitoring plugin on the bot's own machine: no shell, no files, few processes, a bare environment, a deadline."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
from collections.abc import Sequence

from bot.checks import Output

CAP = 65_536
"""The most bytes of its output that are read."""
AFTER = 1.0
"""Seconds in which a plugin that was killed must let go of its output."""
ENVIRONMENT = {"PATH": "/usr/lib/nagios/plugins:/usr/bin:/bin", "LC_ALL": "C"}


def _bounds() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (5, 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if os.getuid():
        resource.setrlimit(resource.RLIMIT_NPROC, (256, 256))


async def run_plugin(argv: Sequence[str], *, within: float) -> Output:
    """Run it to its end, or kill it with all that it started (exit 124). Exit 126 and 127: it did not start.

    With `cut` it said more than is read and was killed; its exit code then says nothing.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
            preexec_fn=_bounds,
        )
    except OSError as error:
        return Output(exit=127 if isinstance(error, FileNotFoundError) else 126, stdout="", stderr=str(error))
    out = bytearray()
    ended = False
    try:
        async with asyncio.timeout(within):
            await _read(process, out)
            if len(out) <= CAP:
                await process.wait()
            ended = True
    except TimeoutError:
        pass
    finally:
        await _end(process)
    text = bytes(out[:CAP]).decode("utf-8", "replace")
    code = (process.returncode or 0) if ended else 124
    return Output(exit=code if code >= 0 else 128 - code, stdout=text, stderr="", cut=len(out) > CAP)


async def _read(process: asyncio.subprocess.Process, out: bytearray) -> None:
    assert process.stdout is not None  # noqa: S101 - it was asked for above
    while len(out) <= CAP and (part := await process.stdout.read(8192)):
        out.extend(part)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill the whole group and read to the end: undrained, the wait may never end."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(AFTER):
            while process.stdout is not None and await process.stdout.read(CAP):
                pass
            await process.wait()
            return
    # A child left the group and still holds the pipe: let go of our end.
    transport = getattr(process, "_transport", None)
    if transport is not None:
        transport.close()
