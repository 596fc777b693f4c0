"""Space and inodes of a filesystem."""

from __future__ import annotations

from bot.checks import Answer, Session, Share, Target, noun
from bot.ports import GaveUp, TryAgain
from bot.runbook.result import State

LIMIT = Share(90)


@noun("disk", over_ssh=True)
async def disk(on: Target, *, path: str = "/", below: Share = LIMIT, inodes_below: Share = LIMIT) -> Answer:
    """How full a filesystem is, in space and in inodes.

    path: any path on it (/). below: the share that may be used (90%). inodes-below: the same for inodes (90%).
    100% judges nothing.
    """
    if not path.startswith("/"):
        raise GaveUp(f"{path!r} is not an absolute path.", reason="error", fix="Correct the runbook.")
    session = await on.session()
    used, free = await _df(session, "-k", path, on)
    inodes, _ = await _df(session, "-i", path, on)
    full = [
        f"{what} {share:g}% used (limit {limit:g}%)"
        for what, share, limit in (("space", used, below), ("inodes", inodes, inodes_below))
        if share is not None and limit <= share and limit < 100
    ]
    if used is None:
        return Answer(state=State.UNKNOWN, reason="error", summary=f"df on {on.host.name} gave no figure for {path}")
    return Answer(
        state=State.FAIL if full else State.OK,
        reason="error" if full else "",
        summary=f"{path} on {on.host.name}: " + ("; ".join(full) or f"{used:g}% used"),
        facts={
            "path": path,
            "used": f"{used:g}%",
            "free": f"{(free or 0) / 1_048_576:.1f} GiB",
            "inodes": f"{inodes:g}%" if inodes is not None else "none",
            "found": f"{used:g}%",
            "expected": f"below {below:g}%",
        },
    )


async def _df(session: Session, kind: str, path: str, on: Target) -> tuple[float | None, int | None]:
    """Used share in percent and free units; None where the filesystem does not count them."""
    asked = await session.run(["df", "-P", kind, path], within=on.within)
    if asked.exit:
        said = asked.stderr.strip()[:200]
        if asked.exit == 124:
            raise TryAgain(f"df on {on.host.name} does not answer; a mount may hang.", reason="timeout")
        raise GaveUp(f"df on {on.host.name}: {said}", reason="error")
    return parse_df(asked.stdout)


def parse_df(text: str) -> tuple[float | None, int | None]:
    """Used share in percent and free units from the last line of `df -P`, None for what it does not give."""
    words = text.strip().splitlines()[-1].split() if text.strip() else []
    share = next((at for at, word in enumerate(words) if word.endswith("%") and word[:-1].isdecimal()), None)
    if share is None or share < 2:
        return None, None
    free = words[share - 1]
    return float(words[share][:-1]), int(free) if free.isdecimal() else None
