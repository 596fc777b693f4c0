"""The draft goes to a git repository when an incident is closed, and again when the record changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from bot.facts import Closed, MadePrivate, Told
from bot.incident import Kind
from bot.policy import Postmortem, Publish
from bot.store import Store
from tests.postmortem.test_repository import git
from tests.story import Story, story

BRANCH = "postmortem/INC-1"


@pytest_asyncio.fixture
async def told(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Story]:
    """A story whose drafts go to team.git."""
    store = Store.open(sqlite_url)
    wanted = Postmortem(publish=Publish(git=str(tmp_path / "team.git")))
    async with story(store, tmp_path / "postmortems", wanted=wanted) as ready:
        yield ready
    store.close()


async def closed(told: Story) -> None:
    told.alert("open")
    await told.settle()
    told.tell("closed", Closed())
    told.due("close", "close")
    await told.settle()


def bare(tmp_path: Path) -> Path:
    place = tmp_path / "team.git"
    git("init", "--quiet", "--bare", "--initial-branch=main", str(place), cwd=tmp_path)
    return place


async def test_closing_pushes_the_draft_once_and_says_where(told: Story, tmp_path: Path) -> None:
    repo = bare(tmp_path)
    await closed(told)
    folder = Path(told.incident.draft_path).parent.name
    shown = git("show", f"{BRANCH}:postmortems/{folder}/postmortem.md", cwd=repo)
    assert shown == git("show", f"{BRANCH}:postmortems/{folder}/.postmortem.drafted.md", cwd=repo)
    assert shown.startswith("# Postmortem: Web is out (INC-1)")
    assert told.incident.view.draft_pushed == git("rev-parse", BRANCH, cwd=repo)
    assert posts(told) == ["Postmortem draft of INC-1 is on branch postmortem/INC-1."]
    told.due("again", "draft")
    await told.settle()
    assert git("rev-list", "--count", BRANCH, cwd=repo) == "1"
    assert told.facts("DraftPushed") == 1
    told.tell("note", Told(kind=Kind.NOTE, text="one thing more"))
    told.due("more", "draft")
    await told.settle()
    assert git("rev-list", "--count", BRANCH, cwd=repo) == "2"
    assert told.incident.troubles == {}


def posts(told: Story) -> list[str]:
    return [text for channel in told.chat.channels.values() for text in channel.messages.values() if "branch" in text]


async def test_a_repository_that_refuses_is_named_on_the_card_and_everything_else_is_done(
    told: Story, tmp_path: Path
) -> None:
    await closed(told)
    trouble = told.incident.troubles["pushing the draft"]
    assert "does not appear to be a git repository" in trouble.text
    assert "postmortem.publish.git" in trouble.fix
    assert told.incident.view.draft_posted
    bare(tmp_path)
    await told.later(hours=1)
    assert told.incident.troubles == {}
    assert told.incident.view.draft_pushed


async def test_a_private_incident_stays_where_it_is(told: Story, tmp_path: Path) -> None:
    repo = bare(tmp_path)
    told.alert("open")
    await told.settle()
    told.tell("private", MadePrivate())
    told.tell("closed", Closed())
    told.due("close", "close")
    await told.settle()
    assert git("for-each-ref", cwd=repo) == ""
