"""What the kernel of a server says below /proc: for the checks that read it; no check is in this file."""

from __future__ import annotations

from bot.checks import Target
from bot.ports import GaveUp, TryAgain


async def read_proc(on: Target, path: str) -> str:
    """One file of /proc. Raises TryAgain or GaveUp when it cannot be had."""
    # By a program: such files have no size, which SFTP takes for empty.
    asked = await (await on.session()).run(["cat", path], within=on.within)
    if asked.exit == 124:
        raise TryAgain(f"{on.host.name} did not show {path} in time.", reason="timeout")
    if asked.exit:
        denied = "Permission denied" in asked.stderr
        said = asked.stderr.strip()[:200] or f"exit {asked.exit}"
        raise GaveUp(f"{on.host.name}: {said}", reason="no-access" if denied else "error")
    if asked.cut:
        raise GaveUp(f"{path} of {on.host.name} is too long.", reason="cut")
    return asked.stdout
