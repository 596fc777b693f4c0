"""Every way in which Slack refuses or loses a call that looks something up, shows somebody something or lets us hear.

A look-up that fails stops nothing else; who cannot be shown something gets it in another way, or a little later; and
nothing is ever made twice because nobody could look.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from bot import app as app_module
from bot import front_page
from bot.examined import Sign
from bot.lab.workspace import APP_TOKEN, BOT_TOKEN
from bot.slack import chat as chat_module
from bot.slack import doublets, examine, socket, web_client
from bot.slack.methods import METHODS
from bot.slack.pace import Pace
from tests.test_error_deeds import DEEDS, alert
from tests.test_error_matrix import KINDS, STEPS, WITHIN, Played, all_hold, played

SLACK = Path(chat_module.__file__).parent
WANTED = {"announce": ["incidents"]}
BLIND = frozenset({"missing_scope", "not_in_channel", "channel_not_found"})
"""Refusals after which a message that is only ours may be posted once more."""
LATER = 6 * WITHIN
"""So late that whoever looked for what came of it has posted anew."""
METHOD = re.compile(
    r"(?:apps|auth|bookmarks|chat|conversations|files|pins|reactions|usergroups|users|views)\.[A-Za-z.]+"
)


async def whoever_we_are(there: Played, kind: str) -> None:
    """auth.test: not ready, and a channel that may be ours is looked for later."""
    there.app._chat.identity = None
    there.workspace.fault("conversations.create", "drop-after")
    await open_without(there, "auth.test", kind, step="channel")
    url = (there.workspace.request_url or "").replace("/slack/events", "/readyz")
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as answer:
            assert (answer.status, "Slack: " in await answer.text()) == (503, True)
        await again(there)
        async with asyncio.timeout(10):
            while (await session.get(url)).status != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def which_channels(there: Played, kind: str) -> None:
    """users.conversations: the channel that may be ours is looked for later."""
    there.workspace.fault("conversations.create", "drop-after")
    await open_without(there, "users.conversations", kind, step="channel")
    await again(there)


async def which_messages(there: Played, kind: str) -> None:
    """conversations.history: a card or an announcement that may be there is not made once more."""
    the_second_post(there, "drop-after")
    there.fault("conversations.history", kind)
    await there.declare(f"case conversations.history {kind}")
    await met(there, "conversations.history")
    posts = {"card", "announcement"}  # they are made at the same time: either may be the second one
    await there.until(lambda: posts & there.incident.troubles.keys(), "the post is not named")
    (step,) = posts & there.incident.troubles.keys()
    await named(there, step)
    await there.until(lambda: there.done(without=step), "the other steps are not done")
    await again(there)


async def which_answers(there: Played, kind: str) -> None:
    """conversations.replies: the draft in words goes on where it was interrupted."""
    await opened(there)
    there.workspace.fault("files.getUploadURLExternal", "error", code="missing_scope", times=None)
    the_second_post(there, "drop-after")
    there.fault("conversations.replies", kind)
    await there.say("close")
    await met(there, "conversations.replies")
    if kind not in BLIND:
        await named(there, "handing out the draft")
    there.workspace.faults.clear("conversations.replies")
    await there.until(lambda: there.incident.view.draft_posted, "it was not handed out")
    await there.until(lambda: not there.incident.troubles, "the trouble stays")
    await there.until(lambda: len(parts(there)) == 1, "a part is missing, or there twice")


async def which_bookmarks(there: Played, kind: str) -> None:
    """bookmarks.list: a link that may be there is not put there once more."""
    there.workspace.fault("bookmarks.add", "drop-after")
    there.fault("bookmarks.list", kind)
    await alert(there)
    await met(there, "bookmarks.list")
    if kind != "missing_scope":
        await named(there, "bookmark")
    await again(there)
    await there.until(lambda: there.incident.view.bookmarks, "there is no bookmark")
    assert len(there.workspace.find(there.channel).bookmarks) == 1


async def which_channels_there_are(there: Played, kind: str) -> None:
    """conversations.list: whoever examines the set-up is told what could not be seen, and all the rest."""
    there.fault("conversations.list", kind)
    ask = partial(examine.examine, token=BOT_TOKEN, app_token="", url=there.workspace.api_url, now=_now)
    found = await ask(channels=WANTED)
    assert {one.about for one in found} >= {"Slack token", "Slack scopes"}
    (said,) = [one for one in found if one.about == "Slack channels"]
    assert said.sign is Sign.PROBLEM
    assert said.what
    there.workspace.faults.clear()
    async with asyncio.timeout(10):
        while not any("we are in it" in one.what for one in await ask(channels=WANTED)):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def who_is_inside(there: Played, kind: str) -> None:
    """conversations.members: of a private incident nothing is shown to whom we cannot place, but all the rest is."""
    there.fault("conversations.members", kind)
    await there.declare(f"--private secret of {kind}")
    await there.until(lambda: there.incident.view.topic, "it was not opened")
    shown = len(there.workspace.called("views.publish"))
    await there.workspace.open_home(there.person("ana"))
    await met(there, "conversations.members")
    await there.until(lambda: len(there.workspace.called("views.publish")) > shown, "the page is not shown")
    assert f"secret of {kind}" not in page(there)
    there.workspace.faults.clear()
    await there.until(lambda: f"secret of {kind}" in page(there), "it is not on the page")


async def a_page(there: Played, kind: str) -> None:
    """views.publish: shown a little later."""
    await opened(there, f"page for {kind}")
    there.fault("views.publish", kind)
    await there.workspace.open_home(there.person("ana"))
    await met(there, "views.publish")
    there.workspace.faults.clear()
    await there.until(lambda: f"page for {kind}" in page(there), "it is not on the page")


async def a_form(there: Played, kind: str) -> None:
    """views.open: words that do the same, from wherever it was asked for."""
    await opened(there)
    ana, ops = there.person("ana"), there.workspace.find("ops").id
    message = await there.workspace.say(ana, ops, "the disk is full")
    there.fault("views.open", kind)
    ways: dict[str, Callable[[], Awaitable[object]]] = {
        "update TEXT": partial(there.say, "update"),
        "declare TITLE": partial(there.workspace.shortcut, ana, "declare_incident"),
        "declare the disk is full": partial(there.workspace.shortcut, ana, "declare_from_message", ops, message),
        "INC-n note the disk is full": partial(there.workspace.shortcut, ana, "add_to_timeline", ops, message),
    }
    for words, act in ways.items():
        before = times_told(there, words)
        await act()
        await there.until(lambda: times_told(there, words) > before, f"nobody said: {words}")  # noqa: B023
    await there.say("update we look at the disk")
    await there.until(lambda: any("we look at" in e.text for e in there.incident.entries), "the words do not work")


async def a_whisper(there: Played, kind: str) -> None:
    """chat.postEphemeral: told directly."""
    await opened(there)
    ana = there.person("ana")
    await there.say("update")
    await there.until(lambda: there.workspace.views(ana), "there is no form")
    there.fault("chat.postEphemeral", kind)
    before = times_told(there, "Update recorded.")
    assert await there.workspace.submit(ana, there.workspace.views(ana)[-1]["id"], {"text": "We look."}) == {}
    await there.until(lambda: times_told(there, "Update recorded.") > before, "nobody said so")
    assert there.entry("We look.").author.id == ana


async def a_late_twin(there: Played, kind: str) -> None:
    """chat.delete: it is taken away a little later."""
    the_second_post(there, "delay", seconds=LATER)
    there.fault("chat.delete", kind)
    await there.declare(f"twin of {kind}")
    await there.until(there.done, "it was not opened")
    await met(there, "chat.delete")
    await there.until(lambda: not there.incident.troubles, "something is in its way")
    there.workspace.faults.clear()
    await there.until(lambda: len(announced(there)) == 1, "both are there")
    there.once()
    assert announced(there) == [ts for _, ts in there.incident.view.announcements.values()]


async def a_connection(there: Played, kind: str) -> None:
    """apps.connections.open: deaf, with the reason; then it hears."""
    async with aiohttp.ClientSession() as session:
        client = web_client(BOT_TOKEN, session=session, base_url=there.workspace.api_url)
        pace = Pace(client, session, within=WITHIN, patience=0.2)
        hears = socket.Socket(pace, session, app_token=APP_TOKEN, take=nothing, now=_now)
        there.fault("apps.connections.open", kind)
        running = asyncio.create_task(hears.run())
        await there.until(lambda: "no connection yet" not in hears.deaf(), "it does not say why")
        assert hears.deaf()
        there.workspace.faults.clear()
        await there.until(lambda: not hears.deaf(), "it does not hear")
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


LOOKS = {
    "apps.connections.open": a_connection,
    "auth.test": whoever_we_are,
    "bookmarks.list": which_bookmarks,
    "chat.delete": a_late_twin,
    "chat.postEphemeral": a_whisper,
    "conversations.history": which_messages,
    "conversations.list": which_channels_there_are,
    "conversations.members": who_is_inside,
    "conversations.replies": which_answers,
    "users.conversations": which_channels,
    "views.open": a_form,
    "views.publish": a_page,
}
COVERING = [(method, KINDS[(5 * at + 2) % len(KINDS)]) for at, method in enumerate(LOOKS)]


def _now() -> datetime:
    return datetime.now(UTC)


async def nothing(_: object) -> None:
    """Nobody says anything."""


async def opened(there: Played, title: str = "") -> None:
    await there.declare(title or f"shop {there.number} is slow")
    await there.until(there.done, "it was not opened")


async def open_without(there: Played, method: str, kind: str, *, step: str) -> None:
    """An incident, while what may have been made cannot be looked for."""
    there.fault(method, kind)
    await there.declare(f"case {method} {kind}")
    await met(there, method)
    await named(there, step)
    await there.until(lambda: there.done(without=step), "the other steps are not done")


async def met(there: Played, method: str) -> None:
    await there.until(lambda: there.met(method), f"{method} was not called")


async def named(there: Played, step: str) -> None:
    await there.until(lambda: step in there.incident.troubles, f"{step} is not named")
    trouble = there.incident.troubles[step]
    assert trouble.text
    assert trouble.fix


async def again(there: Played) -> None:
    """Slack has come to its senses: all is made good, once."""
    there.workspace.faults.clear()
    await there.until(lambda: not there.incident.troubles and there.done(), "it was not completed")
    there.once()


def the_second_post(there: Played, kind: str, *, seconds: float = 0.0) -> None:
    """The first message from now on is posted as ever, the next one is not."""
    there.workspace.fault("chat.postMessage", "delay", seconds=0.0)
    there.workspace.fault("chat.postMessage", kind, seconds=seconds)


def key_of(message: dict[str, dict[str, dict[str, str]]]) -> str:
    return str(message.get("metadata", {}).get("event_payload", {}).get("key", ""))


def announced(there: Played) -> list[str]:
    messages = there.workspace.messages("incidents")
    return [str(m["ts"]) for m in messages if key_of(m).startswith(f"announcement:INC-{there.number}:")]


def parts(there: Played) -> list[str]:
    """The first part of the draft in words, as often as it is there."""
    return [m["ts"] for m in there.workspace.messages(there.channel) if key_of(m).endswith(":1:2")]


def times_told(there: Played, words: str) -> int:
    """How often ana alone was shown these words."""
    return sum(words in told for told in there.told("ana"))


def page(there: Played) -> str:
    """What ana sees in the Home tab."""
    return json.dumps(there.workspace.home(there.person("ana")), ensure_ascii=False)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "BEAT", 0.1)
    monkeypatch.setattr(chat_module, "HEALTH_FOR", 0.0)
    monkeypatch.setattr(doublets, "LOOKS", (0.1,) * 1_000)
    monkeypatch.setattr(examine, "Pace", partial(Pace, within=WITHIN, patience=0.2))
    monkeypatch.setattr(front_page, "AGAIN", timedelta(0))
    monkeypatch.setattr(socket, "PAUSES", (0.0, 0.1))


async def _look(there: Played, method: str, kind: str) -> None:
    await LOOKS[method](there, kind)


async def test_a_look_that_fails_stops_nothing_and_is_made_good(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with played(tmp_path, sqlite_url, monkeypatch) as there:
        await all_hold(there, _look, COVERING)


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("method", list(LOOKS))
async def test_however_a_look_fails_it_stops_nothing_and_is_made_good(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    async with played(tmp_path, sqlite_url, monkeypatch) as there:
        await all_hold(there, _look, [(method, kind) for kind in KINDS])


def test_every_method_that_is_called_is_tried_in_every_way_to_fail() -> None:
    named = {
        word for file in SLACK.glob("*.py") for word in re.findall(rf'"({METHOD.pattern})"', file.read_text("utf-8"))
    }
    assert set(METHODS) == named
    tried = [*STEPS, *DEEDS, *LOOKS]
    assert sorted(tried) == sorted(METHODS)
    assert {kind for _, kind in COVERING} == set(KINDS)
