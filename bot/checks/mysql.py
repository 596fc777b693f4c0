"""MySQL and MariaDB on a server, asked by their own client with its options file; the check is replication.py."""

from __future__ import annotations

from collections.abc import Mapping

from bot.checks import Output, Target
from bot.ports import GaveUp, TryAgain
from bot.postgres import Unanswered

QUESTIONS = ("SHOW REPLICA STATUS\\G", "SHOW SLAVE STATUS\\G")
"""The present words, and those of servers before MySQL 8.0.22 and MariaDB 10.5.1."""
AWAY = ("ERROR 2002", "ERROR 2003", "ERROR 2013")
DENIED = ("ERROR 1045", "ERROR 1044", "ERROR 1227", "ERROR 1698")
SYNTAX = "ERROR 1064"


async def ask_mysql(on: Target) -> Mapping[str, str]:
    """The status of the replica, by the names of its fields in their old form; empty when it is no replica.

    Raises Unanswered when the server does not answer, GaveUp when our account may not ask, TryAgain.
    """
    session = await on.session()
    said = Output(exit=1, stdout="", stderr="")
    for question in QUESTIONS:
        said = await session.run(["mysql", "--batch", "--connect-timeout=3", "-e", question], within=on.within)
        if SYNTAX not in said.stderr:
            break
    if said.exit == 0 and not said.cut:
        return parse_status(said.stdout)
    raise _failure(on, said)


def parse_status(text: str) -> Mapping[str, str]:
    r"""The fields of one row as `\G` shows it; `Replica_` and `Source_` become the words of older servers."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        word = name.strip()
        if colon and word.replace("_", "").isalnum() and word[0].isupper():
            found.setdefault(word.replace("Replica_", "Slave_").replace("Source", "Master"), value.strip())
    return found


def _failure(on: Target, said: Output) -> Exception:
    text = next((line.strip()[:200] for line in said.stderr.splitlines() if line.strip()), f"exit {said.exit}")
    if said.exit == 124:
        return TryAgain(f"mysql on {on.host.name} did not end in time.", reason="timeout")
    if any(word in text for word in AWAY):
        return Unanswered(text, reason="timeout" if "(110)" in text else "refused")
    fix = "Give our account an options file with a user that has REPLICATION CLIENT."
    reason = "no-access" if any(word in text for word in DENIED) else "error"
    return GaveUp(f"mysql on {on.host.name}: {text}", reason=reason, fix=fix)
