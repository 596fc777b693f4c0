"""What the balancer does with a server: to which port it sends, what went wrong there, and who serves.

Open-source nginx has no view of its servers' health; its configuration, its error log and the answers that come
through it are what can be seen. HAProxy says itself what it takes its servers for (haproxy.py).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from bot.checks import Answer, Seconds, Session, Target, noun
from bot.checks.haproxy import SOCKET, Asked, haproxy
from bot.checks.http import Reply, ask
from bot.ports import GaveUp
from bot.runbook.haproxy_config import CONFIG as HAPROXY
from bot.runbook.inventory import Host
from bot.runbook.nginx_config import Upstream, read_config
from bot.runbook.result import JSON, State

SINCE = Seconds(300.0)
NGINX = "/etc/nginx/nginx.conf"


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """One line of the error log about one upstream server; `reason` is refused, timeout or error."""

    at: datetime
    server: str
    reason: str
    text: str


@noun("balancer", over_ssh=True)
async def balancer(
    on: Target,
    *,
    kind: Literal["any", "nginx", "haproxy"] = "any",
    upstream: str | None = None,
    since: Seconds = SINCE,
    config: str | None = None,
    log: str = "/var/log/nginx/error.log",
    socket: str = SOCKET,
    stats: str | None = None,
    url: str | None = None,
    host: str | None = None,
    served_by: str = "X-Upstream",
    times: int = 6,
) -> Answer:
    """Whether the balancer sends to the server at the right port, and gets answers from it.

    kind: nginx, haproxy, or any (default): nginx where its config is there, else haproxy. upstream: the block or
    backend to look at (all). config: its main file. For nginx: since, how far back errors count (5m); log: its error
    log; url: a page of the balancer to ask, `times` (6) times, with the Host header `host`; the header `served-by`
    (X-Upstream) then names the server by address:port or name. For haproxy: socket, asked with socat
    (/run/haproxy/admin.sock); or stats, the address of its statistics page as CSV, asked from the bot.
    """
    about, at = _parties(on)
    other = Asked(config=config or HAPROXY, socket=socket, stats=stats, backend=upstream)
    if kind == "haproxy":
        return await haproxy(on, about, at, other)
    session = await on.session(at)
    try:
        found = await read_config(session, config or NGINX)
    except FileNotFoundError:
        if kind == "nginx":
            raise
        return await haproxy(on, about, at, other)
    servers = found.leading_to(about, upstream=upstream)
    if wrong := _misdirected(on, about, at, servers):
        return wrong
    troubles = await _troubles(session, log, servers, at_least=_horizon(on, since))
    replies = await ask(url, host=host, times=times, within=on.within, header=served_by) if url else ()
    names = {about.name.lower(), *(f"{each.address}:{each.port}".lower() for each in servers)}
    state, reason, said = _judged(on, servers, troubles, replies, names)
    return Answer(
        state=state,
        reason=reason,
        summary=f"{at.name} sends to {about.name} at port {servers[0].port}: {said}",
        facts={"expected": on.inventory.group_of(about).port, **_facts(servers[0], troubles, replies, names)},
        evidence="\n".join(each.text for each in troubles[-5:]),
    )


def _facts(
    server: Upstream, troubles: Sequence[Trouble], replies: Sequence[Reply], names: Collection[str]
) -> dict[str, JSON]:
    return {
        "found": server.port,
        "file": server.file,
        "line": server.line,
        "count": len(troubles),
        "last-error": troubles[-1].text[:500] if troubles else "",
        "asked": len(replies),
        "served": sum(_serves(reply, names) for reply in replies),
    }


def _parties(on: Target) -> tuple[Host, Host]:
    """The server that the question is about, and the balancer that is asked."""
    behind = on.inventory.balancer_of(on.host)
    if behind is not None:
        return on.host, behind
    if on.host.name != on.affected.name:
        return on.affected, on.host
    raise GaveUp(f"The inventory names no balancer in front of {on.host.name}.", reason="error", fix="Set 'behind'.")


def _horizon(on: Target, since: Seconds) -> datetime:
    start = on.now() - timedelta(seconds=since)
    return max(start, on.repaired_at) if on.repaired_at else start


def _misdirected(on: Target, about: Host, at: Host, servers: Sequence[Upstream]) -> Answer | None:
    expected = on.inventory.group_of(about).port
    wrong = [each for each in servers if expected is not None and each.port != expected]
    if servers and not wrong and not all(each.down for each in servers):
        return None
    place = next(iter(wrong or servers), None)
    found = str(wrong[0].port) if wrong else ("down" if servers else "nothing")
    said = f"sends to port {found}" if wrong else ("has switched it off" if servers else "does not send there at all")
    return Answer(
        state=State.FAIL,
        reason="differs",
        summary=f"{at.name} {said}: {about.name} is expected at port {expected}",
        facts={
            "found": found,
            "expected": str(expected or ""),
            "file": place.file if place is not None else "",
            "line": place.line if place is not None else 0,
        },
    )


def _judged(
    on: Target,
    servers: Sequence[Upstream],
    troubles: Sequence[Trouble],
    replies: Sequence[Reply],
    names: Collection[str],
) -> tuple[State, str, str]:
    served = sum(_serves(reply, names) for reply in replies)
    late = sum(reply.problem == "timeout" for reply in replies)
    if served and not late:
        return State.OK, "", f"it served {served} of {len(replies)} requests"
    last = troubles[-1] if troubles else None
    if late:
        return State.FAIL, "timeout", f"{late} of {len(replies)} requests got no answer"
    if any(reply.served_by for reply in replies):
        return (
            State.FAIL,
            last.reason if last else "stale",
            f"it served none of {len(replies)} requests{_last(last)}",
        )
    if last:
        return State.FAIL, last.reason, f"{len(troubles)} errors{_last(last)}"
    wait = max((each.fail_timeout for each in servers if each.max_fails), default=0.0)
    if on.repaired_at is not None and on.now() < on.repaired_at + timedelta(seconds=wait):
        # No error since the repair proves nothing before the balancer has tried again.
        return State.FAIL, "stale", f"not tried again yet (fail_timeout {wait:g} s)"
    return State.OK, "", "no errors"


def _last(trouble: Trouble | None) -> str:
    return f", last: {trouble.reason} at {trouble.at:%H:%M:%S} UTC" if trouble else ""


def _serves(reply: Reply, names: Collection[str]) -> bool:
    """Whether this server gave the answer; of several that were tried, the last one did."""
    last = reply.served_by.rpartition(",")[2].strip().lower()
    return not reply.problem and last in names


async def _troubles(
    session: Session, log: str, servers: Sequence[Upstream], *, at_least: datetime
) -> Sequence[Trouble]:
    """The errors about these servers since then, oldest first."""
    tail, about = await asyncio.gather(session.tail(log), session.stat(log))
    text, written = tail.decode("utf-8", "replace"), datetime.fromtimestamp(about.mtime, UTC)
    names = {f"{each.address}:{each.port}" for each in servers}
    return [each for each in parse_errors(text, written=written) if each.server in names and each.at >= at_least]


_LINE = re.compile(r"^(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(\w+)\] (.*)$")
_UPSTREAM = re.compile(r'upstream: "[a-z]+://([^/"]+)')


def parse_errors(text: str, *, written: datetime) -> list[Trouble]:
    """The upstream errors of an nginx error log whose last byte was written at `written` (UTC).

    nginx writes local time without a zone. The file's own time gives the zone: the difference to the last line,
    rounded to a quarter of an hour.
    """
    lines = [(_stamp(found[1]), found[2], found[3]) for found in map(_LINE.match, text.splitlines()) if found]
    stamped = [(at, level, said) for at, level, said in lines if at is not None]
    if not stamped:
        return []
    quarters = round((stamped[-1][0] - written).total_seconds() / 900)
    offset = timedelta(minutes=15 * quarters)
    found = []
    for at, level, said in stamped:
        server = _UPSTREAM.search(said)
        if server and level in ("error", "crit", "alert", "emerg"):
            found.append(Trouble(at=at - offset, server=server[1], reason=_reason(said), text=said))
    return found


def _stamp(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y/%m/%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _reason(said: str) -> str:
    if "Connection refused" in said:
        return "refused"
    return "timeout" if "timed out" in said else "error"
