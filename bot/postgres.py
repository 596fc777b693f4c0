"""Asking a Postgres of somebody else: one read-only question on one connection, under a deadline.

Beside the bot's own database this is the only place that speaks to one. It knows nothing of checks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import LiteralString

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row

from bot.ports import GaveUp

DENIED = ("authentication failed", "pg_hba.conf", "does not exist", "no password supplied", "permission denied")
STARTING = ("starting up", "shutting down", "not yet accepting", "not accepting connections", "too many")


class Unanswered(Exception):
    """The server was reached for and did not take the question. `reason` is refused, timeout or error."""

    def __init__(self, text: str, *, reason: str) -> None:
        super().__init__(text)
        self.reason = reason


async def ask_row(
    dsn: str, question: LiteralString, *, host: str, port: int | None, within: float
) -> Mapping[str, object]:
    """The one row that answers. `host` and `port` count where the DSN names none; `within` is in seconds.

    Raises Unanswered, or GaveUp when our account or the DSN is at fault. No text of an error holds the DSN.
    """
    try:
        async with asyncio.timeout(within):
            async with await psycopg.AsyncConnection.connect(
                _conninfo(dsn, host, port, within), row_factory=dict_row, autocommit=True
            ) as connection:
                found = await (await connection.execute(question)).fetchone()
    except TimeoutError as error:
        raise Unanswered("no answer in time", reason="timeout") from error
    except psycopg.errors.InsufficientPrivilege as error:
        text = "The account may not look at the replication."
        raise GaveUp(text, reason="no-access", fix="GRANT pg_monitor to it.") from error
    except psycopg.errors.QueryCanceled as error:
        raise Unanswered("the server did not answer in time", reason="timeout") from error
    except psycopg.Error as error:
        raise _translated(error) from None  # its text may hold what the DSN says
    return found or {}


def place_of(conninfo: str) -> tuple[str, int]:
    """Host and port that a connection string names; "" and 5432 where it names none or cannot be read."""
    try:
        words = conninfo_to_dict(conninfo)
    except psycopg.ProgrammingError:
        return "", 5432
    port = str(words.get("port") or "")
    return str(words.get("host") or words.get("hostaddr") or ""), int(port) if port.isdecimal() else 5432


def _conninfo(dsn: str, host: str, port: int | None, within: float) -> str:
    limit = max(1, round(within * 1000))
    given: dict[str, str | int] = {
        "connect_timeout": max(2, round(within)),
        "application_name": "muster",
        "options": f"-c default_transaction_read_only=on -c statement_timeout={limit}",
    }
    try:
        words = conninfo_to_dict(dsn)
        if not words.get("host") and not words.get("hostaddr"):
            given["host"] = host
            if port is not None and not words.get("port"):
                given["port"] = port
        return make_conninfo(dsn, **given)
    except psycopg.ProgrammingError:
        raise GaveUp("The secret is no connection string of Postgres.", reason="no-secret") from None


def _translated(error: psycopg.Error) -> Exception:
    """What libpq says about a connection, in our words. It has no codes for what happens before the login."""
    said = str(error)
    if any(word in said for word in DENIED):
        return GaveUp("The server does not let our account in.", reason="no-access", fix="Correct the DSN's account.")
    if "refused" in said:
        return Unanswered("connection refused", reason="refused")
    if "timeout" in said or "timed out" in said or "No route" in said:
        return Unanswered("no answer in time", reason="timeout")
    starting = next((word for word in STARTING if word in said), "")
    return Unanswered(f"the server is {starting}" if starting else "the connection failed", reason="error")
