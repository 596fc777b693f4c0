"""The state of a systemd unit."""

from __future__ import annotations

import re
from typing import Literal

from bot.checks import Answer, Target, noun
from bot.ports import GaveUp
from bot.runbook.result import State

PROPERTIES = "LoadState,ActiveState,SubState,MainPID,ExecMainStartTimestamp,NRestarts"
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:-]{0,200}")


@noun("unit", over_ssh=True)
async def unit(on: Target, *, name: str, state: Literal["active", "inactive"] = "active") -> Answer:
    """Whether a systemd unit runs, since when, and how often it was restarted.

    name: the unit. state: `active` (default) or `inactive`.
    """
    if not NAME.fullmatch(name):
        raise GaveUp(f"{name!r} is not the name of a unit.", reason="error", fix="Correct the runbook.")
    asked = await (await on.session()).run(["systemctl", "show", "-p", PROPERTIES, name], within=on.within)
    if asked.exit or "ActiveState=" not in asked.stdout:
        said = (asked.stderr or asked.stdout).strip()[:200] or f"exit {asked.exit}"
        return Answer(state=State.UNKNOWN, reason="error", summary=f"systemctl on {on.host.name}: {said}")
    return _judged(on.host.name, name, state, asked.stdout)


def _judged(host: str, name: str, wanted: str, text: str) -> Answer:
    found = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    active, sub = found.get("ActiveState", ""), found.get("SubState", "")
    running = active in ("active", "reloading")
    ok = running == (wanted == "active")
    since = found.get("ExecMainStartTimestamp", "")
    missing = found.get("LoadState") == "not-found"
    return Answer(
        state=State.OK if ok else State.FAIL,
        reason="" if ok else "error",
        summary=f"{name} on {host} is {'not installed' if missing else f'{active} ({sub})'}",
        facts={
            "found": active,
            "expected": wanted,
            "sub": sub,
            "since": since,
            "pid": _number(found.get("MainPID", "")),
            "restarts": _number(found.get("NRestarts", "")),
        },
        evidence=text,
    )


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None
