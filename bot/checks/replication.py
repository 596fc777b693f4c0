"""Whether a replica follows its primary: is it one, does it stream, how far behind is it, and what holds it back.

A lag alone deceives: an idle replica seems to be late, and one without a primary seems to be on time. So all of it
is asked at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Literal, LiteralString

from bot.checks import Answer, Seconds, Target, noun
from bot.checks.mysql import ask_mysql
from bot.ports import GaveUp
from bot.postgres import Unanswered, ask_row, place_of
from bot.runbook.result import JSON, State

LAG = Seconds(30.0)
QUESTION: LiteralString = """
select pg_is_in_recovery() as replica,
       (select count(*) from pg_stat_wal_receiver where status = 'streaming') as streams,
       case when pg_is_in_recovery() then pg_is_wal_replay_paused() else false end as paused,
       case when not pg_is_in_recovery() then null
            when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() then 0
            else extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) end as lag,
       case when pg_is_in_recovery()
            then pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) end as bytes,
       current_setting('primary_conninfo', true) as upstream,
       (select count(*) from pg_stat_activity where backend_type = 'startup'
          and (wait_event like 'RecoveryConflict%' or wait_event_type = 'Lock')) as held,
       (select count(*) from pg_stat_activity where backend_type = 'client backend' and state <> 'idle'
          and pid <> pg_backend_pid() and backend_xmin is not null) as queries,
       (select extract(epoch from max(clock_timestamp() - xact_start)) from pg_stat_activity
          where backend_type = 'client backend' and state <> 'idle' and pid <> pg_backend_pid()
          and backend_xmin is not null) as oldest
"""


@dataclass(frozen=True, kw_only=True)
class Replica:
    """What a replica says of itself. `lag` in seconds and `behind` in bytes are None when it cannot say.

    `paused`: replay was stopped by hand. `source` is whom it follows. `held`: a query holds replay back right now.
    """

    replica: bool
    streams: bool
    paused: bool = False
    lag: float | None = None
    behind: int | None = None
    source: tuple[str, int] | None = None
    error: str = ""
    held: bool = False
    queries: int = 0
    oldest: float = 0.0


@noun("replication")
async def replication(
    on: Target,
    *,
    engine: Literal["postgres", "mysql"],
    dsn: str | None = None,
    lag_below: Seconds = LAG,
    streaming: bool = True,
    queries: bool = False,
) -> Answer:
    """Whether a replica follows its primary, and closely enough.

    engine: postgres, asked by the bot; or mysql, asked on the server by its own client and its options file.
    dsn: `secret:NAME`, the connection string for postgres; without a host in it the server that is asked counts.
    lag-below: the longest lag (30s). streaming: whether it must receive from its primary right now (true).
    queries: ask only whether a query holds replay back.
    """
    try:
        found = await (_postgres(on, dsn) if engine == "postgres" else _mysql(on))
    except Unanswered as nothing:
        summary = f"{engine} on {on.host.name}: {nothing}"
        return Answer(state=State.FAIL, reason=nothing.reason, summary=summary, facts={"found": str(nothing)})
    reason, said = _held_back(found) if queries else _judged(on, found, lag_below, streaming=streaming)
    return Answer(
        state=State.FAIL if reason else State.OK,
        reason=reason,
        summary=f"{on.host.name} {said}",
        facts=_facts(on, found, said),
    )


async def _postgres(on: Target, dsn: str | None) -> Replica:
    if dsn is None or not dsn.startswith("secret:"):
        raise GaveUp("Postgres needs its connection string as 'dsn: secret:NAME'.", reason="no-secret")
    row = await ask_row(await on.secret(dsn), QUESTION, host=on.host.address, port=on.group.port, within=on.within)
    return from_row(row)


async def _mysql(on: Target) -> Replica:
    return from_status(await ask_mysql(on))


def from_status(status: Mapping[str, str]) -> Replica:
    """The status of MySQL or MariaDB as a value. A lag of NULL means that nobody replays: it is never none."""
    # The failed statement itself follows in the error; its values are the customers' data.
    error = (status.get("Last_IO_Error") or status.get("Last_SQL_Error") or "").partition(" Query: ")[0]
    replays = status.get("Slave_SQL_Running") == "Yes"
    port = status.get("Master_Port", "")
    return Replica(
        replica=bool(status),
        streams=status.get("Slave_IO_Running") == "Yes",
        paused=bool(status) and not replays and not error,
        lag=_number(status.get("Seconds_Behind_Master")) if replays else None,
        source=(status.get("Master_Host", ""), int(port) if port.isdecimal() and len(port) < 6 else 0)
        if status
        else None,
        error=error[:300],
    )


def from_row(row: Mapping[str, object]) -> Replica:
    """The answer of Postgres as a value; what its connection string holds beside the place is dropped here."""
    upstream = row.get("upstream")
    return Replica(
        replica=bool(row.get("replica")),
        streams=bool(row.get("streams")),
        paused=bool(row.get("paused")),
        lag=_number(row.get("lag")),
        behind=None if (bytes_ := _number(row.get("bytes"))) is None else int(bytes_),
        source=place_of(upstream) if isinstance(upstream, str) and upstream else None,
        held=bool(row.get("held")),
        queries=int(_number(row.get("queries")) or 0),
        oldest=_number(row.get("oldest")) or 0.0,
    )


def _judged(on: Target, found: Replica, most: float, *, streaming: bool) -> tuple[str, str]:
    """Reason and sentence: what explains most comes first."""
    if not found.replica:
        return "drifted", "is no replica: it takes writes itself"
    if streaming and not found.streams:
        if (wrong := _elsewhere(on, found)) is not None:
            return "differs", f"follows {wrong}, which is not its primary, and receives nothing"
        return "error", f"receives nothing from its primary{f': {found.error}' if found.error else ''}"
    if found.paused:
        return "stale", f"receives, and replay is paused by hand ({_late(found)})"
    if found.error:
        return "error", f"receives and does not replay: {found.error}"
    if found.lag is None or found.lag >= most:
        return "slow", f"is behind: {_late(found)}"
    return "", f"follows its primary: {_late(found)}"


def _held_back(found: Replica) -> tuple[str, str]:
    if not found.held:
        return "", f"replays; {found.queries} queries hold a snapshot"
    return "slow", f"cannot replay: one of {found.queries} queries holds it back, the oldest for {found.oldest:.0f} s"


def _elsewhere(on: Target, found: Replica) -> str | None:
    """Whom the replica follows, when that is not the primary of the inventory."""
    primary = on.inventory.find(on.group.primary or "")
    if primary is None or found.source is None:
        return None
    host, port = found.source
    expected = on.inventory.group_of(primary).port
    names = {primary.name.lower(), primary.address.lower(), *(alias.lower() for alias in primary.aliases)}
    if host.lower() in names and (expected is None or port == expected):
        return None
    return f"{host or 'nobody'}:{port}"


def _late(found: Replica) -> str:
    lag = "its lag is not known" if found.lag is None else f"{found.lag:.1f} s"
    return f"{lag}, {found.behind} bytes not replayed" if found.behind is not None else lag


def _facts(on: Target, found: Replica, said: str) -> dict[str, JSON]:
    primary = on.inventory.find(on.group.primary or "")
    return {
        "found": said,
        "expected": primary.name if primary else "",
        "lag": f"{found.lag:.1f} s" if found.lag is not None else "unknown",
        "bytes": found.behind,
        "upstream": f"{found.source[0]}:{found.source[1]}" if found.source else "",
        "error": found.error,
        "count": found.queries,
        "age": f"{found.oldest:.0f} s",
        "paused": found.paused,
        "streaming": found.streams,
    }


def _number(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if isfinite(number) else None
