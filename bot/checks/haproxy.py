"""HAProxy as a balancer: what its configuration says, and what it says itself. The check is in balancer.py."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.checks import Answer, Session, Target
from bot.checks.http import ask
from bot.ports import GaveUp, TryAgain
from bot.runbook.haproxy_config import Seen, Server, leading_to, parse_config, parse_stat
from bot.runbook.inventory import Host
from bot.runbook.result import State

SOCKET = "/run/haproxy/admin.sock"
SAFE_PATH = re.compile(r"/[A-Za-z0-9_./-]{1,100}")
"""What socat does not take for the end of a path."""
OUT = ("MAINT", "DRAIN", "NOLB")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How HAProxy is asked: its config, and its socket or the address of its statistics page."""

    config: str
    socket: str
    stats: str | None
    backend: str | None


async def haproxy(on: Target, about: Host, at: Host, asked: Asked) -> Answer:
    """Whether HAProxy sends to the server at the right port, and takes it for alive."""
    session = await on.session(at)
    text = (await session.read(asked.config)).decode("utf-8", "replace")
    servers = leading_to(parse_config(text, asked.config), about, backend=asked.backend)
    if wrong := _misdirected(on, about, at, servers):
        return wrong
    told = await (_page(asked.stats, on.within) if asked.stats else _socket(session, asked.socket, on.within))
    names = {(server.backend, server.name) for server in servers}
    states = [each for each in parse_stat(told) if (each.backend, each.name) in names]
    return judge(on, about, at, servers, states)


def judge(on: Target, about: Host, at: Host, servers: Sequence[Server], states: Sequence[Seen]) -> Answer:
    """What the worst of the server's states says."""
    if not states:
        summary = f"{at.name} does not know {about.name} yet: its config was changed and not reloaded"
        return Answer(state=State.FAIL, reason="differs", summary=summary, facts=_facts(on, about, servers[0], None))
    worst = max(states, key=_badness)
    state, reason, said = _said(worst)
    return Answer(
        state=state,
        reason=reason,
        summary=f"{at.name} sends to {about.name} at port {servers[0].port}: {said}",
        facts=_facts(on, about, servers[0], worst),
        evidence="\n".join(f"{s.backend}/{s.name} {s.status} {s.check} {s.said}".rstrip() for s in states),
    )


def _badness(seen: Seen) -> int:
    return 0 if seen.status.startswith("UP") else 1 if seen.status == "no check" else 2


def _said(seen: Seen) -> tuple[State, str, str]:
    found = f"{seen.status}, {seen.check} {seen.said}".rstrip(" ,")
    if seen.status.startswith("UP"):
        return State.OK, "", f"it is {found}"
    if seen.status.startswith(OUT):
        return State.FAIL, "differs", f"it was taken out of rotation by hand ({seen.status})"
    if seen.status.startswith("DOWN"):
        # While a server comes back its last check is good, and it is down all the same.
        return State.FAIL, "stale" if seen.check.endswith("OK") else seen.reason, f"it is {found}"
    return State.UNKNOWN, "error", f"HAProxy does not check it ({seen.status})"


def _misdirected(on: Target, about: Host, at: Host, servers: Sequence[Server]) -> Answer | None:
    expected = on.inventory.group_of(about).port
    wrong = [each for each in servers if each.port and expected is not None and each.port != expected]
    if servers and not wrong:
        return None
    said = f"sends to port {wrong[0].port}" if wrong else "does not send there at all"
    return Answer(
        state=State.FAIL,
        reason="differs",
        summary=f"{at.name} {said}: {about.name} is expected at port {expected}",
        facts=_facts(on, about, wrong[0] if wrong else None, None),
    )


def _facts(on: Target, about: Host, server: Server | None, seen: Seen | None) -> dict[str, str | int]:
    return {
        "found": str(server.port) if server else "nothing",
        "expected": str(on.inventory.group_of(about).port or ""),
        "file": server.file if server else "",
        "line": server.line if server else 0,
        "upstream": server.backend if server else "",
        "server": server.name if server else "",
        "status": seen.status if seen else "",
        "kind": seen.check if seen else "",
        "last-error": seen.said if seen else "",
        "since": f"{seen.since} s ago" if seen else "",
        "count": seen.failures if seen else 0,
    }


async def _socket(session: Session, path: str, within: float) -> str:
    """`show stat` through the socket, which is enough at level user; socat is the one program that can ask it."""
    if not SAFE_PATH.fullmatch(path):
        raise GaveUp(f"{path!r} is not the path of a socket.", reason="error", fix="Correct 'socket'.")
    said = await session.run(["socat", "EXEC:echo show stat!!STDOUT", f"UNIX-CONNECT:{path}"], within=within)
    if said.exit == 124:
        raise TryAgain("HAProxy's socket did not answer in time.", reason="timeout")
    if said.exit or not said.stdout.lstrip().startswith("#"):
        text = (said.stderr.strip() or said.stdout.strip()).splitlines()[:1] or [f"exit {said.exit}"]
        denied = "denied" in text[0].lower()
        raise GaveUp(
            f"HAProxy's socket {path} cannot be asked: {text[0][:200]}",
            reason="no-access" if denied else "error",
            fix="Install socat and let our account read the socket, or set 'stats' to the statistics page.",
        )
    if said.cut:
        raise GaveUp("HAProxy has more servers than can be read.", reason="cut")
    return said.stdout


async def _page(url: str, within: float) -> str:
    reply = (await ask(url, host=None, times=1, within=within, header="", whole=True))[0]
    if reply.problem or reply.status != 200 or "svname" not in reply.text[:200]:
        said = reply.problem or f"status {reply.status}"
        text = f"{url} shows no statistics ({said})."
        raise GaveUp(text, reason="error", fix="Set 'stats' to the page with ';csv' at its end.")
    if reply.cut:
        raise GaveUp("HAProxy has more servers than can be read.", reason="cut")
    return reply.text
