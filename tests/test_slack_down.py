"""Slack is down for ten minutes: the incident goes on without it, and the view catches up once and in order."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.bot_process import ROOT
from tests.test_error_matrix import Played, played

SAID = ["declare Pages are slow", "note looked at the disk", "sev 1", "impact checkout fails", "resolve", "close"]
DOWN = 600.0


async def say(there: Played, folder: Path, url: str, *lines: str) -> None:
    """At the terminal, with no settings of Slack at all."""
    environ = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT), "DATABASE_URL": url}
    environ |= {"MUSTER_HOME": str(folder / "home"), "MUSTER_POSTMORTEMS": str(folder / "postmortems")}
    terminal = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "say", "-", "--as", "ana"),
        env=environ,
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await terminal.communicate("\n".join(lines).encode())
    assert terminal.returncode == 0, err.decode()
    assert out.decode().startswith("INC-1")
    there.number = 1


async def test_ten_minutes_without_slack_lose_nothing_and_are_shown_once_in_order(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with played(tmp_path, sqlite_url, monkeypatch) as there:
        workspace, began = there.workspace, there.workspace.clock.now()
        workspace.fault("*", "drop-before", times=None)
        await say(there, tmp_path, sqlite_url, *SAID)
        drafts = tmp_path / "postmortems"
        await there.until(lambda: list(drafts.glob("*/postmortem.md")), "there is no draft")
        await there.until(lambda: "channel" in there.incident.troubles, "nobody says that Slack is down")
        workspace.clock.advance(DOWN)
        assert not [c for c in workspace.channels() if c["name"].startswith("inc-")]
        texts = {entry.text for entry in there.incident.entries}
        assert {"looked at the disk", "checkout fails"} <= texts
        assert not there.incident.open

        workspace.faults.clear()
        seen = len(workspace.calls)
        await there.until(lambda: there.incident.view.draft_posted, "the draft is not handed out")
        await there.until(lambda: not there.incident.troubles and not there.store.stale(), "the view is not right")
        made = [call.method for call in workspace.calls[seen:]]
        assert made.count("conversations.create") == 1
        assert made.count("chat.update") <= 6, "what changed meanwhile is one edit, not one for each"
        channel = there.incident.view.channel
        assert channel
        messages = workspace.messages(channel.id)
        assert all(float(message["ts"]) >= began + DOWN for message in messages)
        assert messages[0]["ts"] == there.incident.view.card, "the card comes first"
        assert "SEV1" in there.card
        assert "close" in there.card.lower()
        assert [m["ts"] for m in workspace.messages("incidents")] == [
            ts for _, ts in there.incident.view.announcements.values()
        ]
        files = [file for message in messages for file in message.get("files", ()) if file.get("title")]
        assert [file["title"] for file in files].count("Postmortem INC-1") == 1
