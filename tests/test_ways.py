"""Each word, whichever way it is said: by slash command, by mention in a channel or a thread, at the terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from bot import commands
from bot.incident import Source
from tests.talk import Talk, open_incident

SAYINGS = {
    "ack": "ack",
    "action": "action @ben by 2026-12-01 test every config",
    "actions": "actions",
    "at": "at 10:40 found the port",
    "began": "began 10:20",
    "catchup": "catchup",
    "cause": "cause a typo",
    "check": "check",
    "close": "close",
    "declare": "declare Pages are slow",
    "detected": "detected 10:31",
    "done": "done A9",
    "drop": "drop E1",
    "factor": "factor no test",
    "finding": "finding wrong port",
    "fix": "fix E1 web is down",
    "health": "health",
    "help": "help note",
    "history": "history E1",
    "hold": "hold",
    "impact": "impact 5 % of orders",
    "lead": "lead",
    "list": "list",
    "merge": "merge INC-9",
    "mitigated": "mitigated 10:41",
    "note": "note rolled back",
    "postmortem": "postmortem",
    "private": "private",
    "release": "release",
    "reopen": "reopen",
    "resolve": "resolve",
    "restore": "restore E1",
    "role": "role scribe",
    "ruled-out": "ruled-out DNS",
    "sev": "sev 1",
    "split": "split d9",
    "status": "status monitoring",
    "timeline": "timeline",
    "title": "title Pages are slow",
    "update": "update we know the cause",
    "who": "who",
}
"""One saying for each word; it may be refused, but everywhere in the same way."""
NUMBER = re.compile(r"(?<=INC-)\d+", re.IGNORECASE)
THREAD = {"channel": "C1", "user": "UANA", "thread": "1.2"}
WAYS: Mapping[str, Mapping[str, Any]] = {
    "slash command": {"reply_to": {"response_url": "https://hooks", "channel": "C1", "user": "UANA"}, "trigger": "T1"},
    "mention": {"talk": True, "reply_to": {"channel": "C1", "user": "UANA"}},
    "mention in a thread": {"talk": True, "reply_to": THREAD},
    "terminal": {"channel": "", "source": Source(type="cli")},
}


def test_every_word_has_a_saying() -> None:
    assert set(SAYINGS) == set(commands.load())


@pytest.mark.parametrize("word", SAYINGS)
def test_it_does_the_same_whichever_way_it_is_said(say: Talk, word: str) -> None:
    for number in range(2, len(WAYS) + 1):
        open_incident(say.store, channel=f"C{number}")
    seen = set()
    for number, how in enumerate(WAYS.values(), start=1):
        say.later(minutes=1 if word == "declare" else 0)  # at once it would be a slip
        text = SAYINGS[word] if "channel" not in how else f"INC-{number} {SAYINGS[word]}"
        reply = say.reply(text, **{"channel": f"C{number}", **how})
        entries = tuple(f"{e.kind} {e.text}" for e in say.incident(number).entries)
        seen.add((NUMBER.sub("", reply.text), reply.ok, reply.opened, reply.private, entries))
    assert len(seen) == 1


@pytest.mark.parametrize("word", sorted(set(SAYINGS) - {"declare", "health", "help", "list"}))
def test_outside_of_an_incident_it_records_nothing_and_says_what_to_do(say: Talk, word: str) -> None:
    say.channel = "CGENERAL"
    refused = say.refused(SAYINGS[word])
    assert refused.startswith("Nothing was ")
    assert "INC-n" in refused
