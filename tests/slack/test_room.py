"""What people do to a channel reaches the record: renamed, archived, deleted, the bot taken out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.incident import Room, Source
from bot.slack.room import CHANNEL_EVENTS, from_change
from tests.slack.samples import AT
from tests.slack.workplace import Workplace, workplace


@pytest_asyncio.fixture
async def work(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Workplace]:
    async with workplace(tmp_path, sqlite_url) as ready:
        yield ready


@pytest.mark.parametrize("kind", sorted(CHANNEL_EVENTS))
def test_every_event_names_its_channel(kind: str) -> None:
    for channel in ("C1", {"id": "C1", "name": "new"}):
        said = from_change({"event_id": "Ev1", "event": {"type": kind, "channel": channel}}, now=AT)
        assert (said.key, said.channel, said.button, said.value) == ("event:Ev1", "C1", "channel_changed", kind)
        assert (said.source, said.author.id) == (Source(), "")


async def test_people_may_do_what_they_like_to_the_channel(work: Workplace) -> None:
    channel = await work.declare()
    work.workspace.rename(work.person("ana"), channel, "shop-is-down")
    await work.until(lambda: str(work.incident().view.channel).endswith("shop-is-down')"))
    assert await work.type("ana", channel, "note it is the shop")

    work.workspace.archive(work.person("ana"), channel)
    await work.until(lambda: work.incident().view.room is Room.ARCHIVED)
    await work.until(lambda: "archived by hand" in work.workspace.messages("incidents")[0]["text"])
    assert await work.type("ana", "ops", "INC-1 note still broken")
    await work.until(lambda: work.incident().view.room is Room.OPEN)
    assert not work.workspace.find(channel).archived

    work.workspace.remove_the_app(channel)
    await work.until(lambda: work.workspace.bot_user in work.workspace.find(channel).members)

    work.workspace.delete_channel(channel)
    await work.until(lambda: work.incident().view.topic and work.channel() != channel)
    await work.until(lambda: work.person("ana") in work.workspace.find(work.channel()).members)
    assert len(work.workspace.messages(work.channel())) == 1
    assert work.incident().troubles == {}
    assert len(work.workspace.messages("incidents")) == 1
