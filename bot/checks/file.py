"""A file on a server: whether it is there, whose it is, what it says, how old it is."""

from __future__ import annotations

import hashlib
import re
import stat as modes
from collections.abc import Mapping
from datetime import UTC, datetime

from bot.checks import Answer, FileStat, Seconds, Session, Target, noun
from bot.ports import GaveUp
from bot.runbook.result import JSON, State

MODE = re.compile(r"0?[0-7]{3,4}")


@noun("file", over_ssh=True)
async def file(
    on: Target,
    *,
    path: str,
    exists: bool = True,
    contains: str | None = None,
    mode: str | None = None,
    owner: str | None = None,
    newer_than: Seconds | None = None,
) -> Answer:
    """Whether a file is there, and as it should be. What it contains is looked at and never shown.

    path: the file. exists: `false` for one that must not be there. contains: a text in it. mode: its permissions
    (`0640`). owner: an account's name or number. newer-than: how old it may be.
    """
    if not path.startswith("/") or (mode is not None and not MODE.fullmatch(mode)):
        raise GaveUp("A file has an absolute path, and a mode like 0640.", reason="error", fix="Correct the runbook.")
    session = await on.session()
    try:
        found = await session.stat(path)
    except FileNotFoundError:
        return _missing(on, path, exists=exists)
    facts = _facts(path, found, on.now())
    if not exists:
        return Answer(state=State.FAIL, reason="error", summary=f"{path} is on {on.host.name}", facts=facts)
    facts |= {"owner": await _owner(session, path, found)}
    content = await session.read(path) if contains is not None else None
    if content is not None:
        facts |= {"hash": hashlib.sha256(content).hexdigest()}
    reason, said = _wrong(found, facts, mode=mode, owner=owner)
    if not reason and content is not None and contains is not None and contains.encode() not in content:
        reason, said = "differs", "does not contain what it should"
    if not reason and newer_than is not None and _age(found, on.now()) > newer_than:
        reason, said = "stale", f"was last written {facts['age']} ago"
    return Answer(
        state=State.FAIL if reason else State.OK,
        reason=reason,
        summary=f"{path} on {on.host.name} {said or 'is as it should be'}",
        facts={**facts, "found": said},
    )


def _missing(on: Target, path: str, *, exists: bool) -> Answer:
    return Answer(
        state=State.FAIL if exists else State.OK,
        reason="error" if exists else "",
        summary=f"{on.host.name} has no {path}",
        facts={"path": path, "found": "nothing"},
    )


def _facts(path: str, found: FileStat, now: datetime) -> dict[str, JSON]:
    return {
        "path": path,
        "size": found.size,
        "mode": f"{modes.S_IMODE(found.mode):04o}",
        "written": f"{datetime.fromtimestamp(found.mtime, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "age": f"{_age(found, now):.0f} s",
    }


async def _owner(session: Session, path: str, found: FileStat) -> str:
    said = await session.run(["stat", "-L", "-c", "%U", path])
    name = said.stdout.strip()
    return name if said.exit == 0 and name and name != "UNKNOWN" else str(found.uid)


def _wrong(found: FileStat, facts: Mapping[str, JSON], *, mode: str | None, owner: str | None) -> tuple[str, str]:
    if mode is not None and modes.S_IMODE(found.mode) != int(mode, 8):
        return "differs", f"has mode {facts['mode']}, expected {int(mode, 8):04o}"
    if owner is not None and owner not in (facts["owner"], str(found.uid)):
        return "differs", f"belongs to {facts['owner']}, expected {owner}"
    return "", ""


def _age(found: FileStat, now: datetime) -> float:
    return max(0.0, now.timestamp() - found.mtime)
