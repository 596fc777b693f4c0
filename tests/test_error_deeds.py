"""Every way in which Slack refuses or loses a call that follows from what people do, later in an incident.

What was said is recorded; the step that fails is named, or where it is only comfort, left out; once Slack has come to
its senses all is made good.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from bot.incident import Room
from tests.test_error_matrix import KINDS, Played, all_hold, played

POLICY = "channel: {archive-after: 0s}\n"
ALERT = Path(__file__).parent / "alerts" / "fixtures" / "datadog" / "triggered.json"


@dataclass(frozen=True)
class Deed:
    """What somebody does, the step that fails with it ("" for comfort that may be missing), and how it looks done.

    `others` are ways to fail from which there is another way out, so that nothing is named.
    """

    step: str
    act: Callable[[Played], Awaitable[object]]
    done: Callable[[Played], object]
    others: frozenset[str] = frozenset()


PASSING = frozenset({"limited", "delay", "drop-after", "html", "fatal_error"})
IN_WORDS = frozenset({"missing_scope", "restricted_action"})


async def worsen(there: Played) -> None:
    await there.say("sev 1")


async def close(there: Played) -> None:
    await there.say("close")


async def come_back(there: Played) -> None:
    there.workspace.archive(there.person("ana"), there.channel)
    await there.say(f"INC-{there.number} note it is the cache", channel="ops")


async def rename(there: Played) -> None:
    there.workspace.rename(there.person("ana"), there.channel, f"shop-{there.number}")


async def remove(there: Played) -> None:
    there.workspace.remove_the_app(there.channel)
    await there.say(f"INC-{there.number} note it is the cache", channel="ops")


async def hide(there: Played) -> None:
    await there.say("private")


async def mark(there: Played) -> None:
    ts = await there.workspace.say(there.person("ana"), there.channel, "the disk is full")
    await there.workspace.react(there.person("ana"), there.channel, ts, "pushpin")


async def point(there: Played) -> None:
    ts = await there.workspace.say(there.person("ana"), there.channel, "the disk is full")
    await there.workspace.shortcut(there.person("ana"), "add_to_timeline", there.channel, ts)


async def unmark(there: Played) -> None:
    faults, there.workspace.faults._on = there.workspace.faults._on, []
    await mark(there)
    await there.until(lambda: marked(there), "it was not captured")
    there.workspace.faults._on = faults
    (entry,) = [e for e in there.incident.entries if e.text == "the disk is full"]
    ts = there.workspace.messages(there.channel)[-1]["ts"]
    await there.workspace.unreact(there.person("ana"), there.channel, ts, "pushpin")
    await there.until(lambda: there.entry(entry.text).dropped, "it was not dropped")


async def note(there: Played) -> None:
    there.forget_people()
    await there.say("note looked at the disk")


def marked(there: Played) -> bool:
    return any(e.text == "the disk is full" and not e.dropped for e in there.incident.entries)


def renamed(there: Played) -> bool:
    """The new name is followed; or where Slack says that there is no such channel, it goes on in another one."""
    view, new = there.incident.view, f"shop-{there.number}"
    elsewhere = there.channel != there.workspace.find(new).id
    return bool(view.card) if elsewhere else bool(view.channel and view.channel.name == new)


def hidden(there: Played) -> bool:
    channel = there.incident.view.channel
    return bool(channel and there.incident.view.card and there.workspace.find(channel.id).private)


DEEDS = {
    "chat.update": Deed("card", worsen, lambda t: "SEV1" in t.card, PASSING),
    "conversations.archive": Deed("archiving the channel", close, lambda t: t.incident.view.room is Room.ARCHIVED),
    "conversations.unarchive": Deed(
        "unarchiving the channel", come_back, lambda t: not t.workspace.find(t.channel).archived
    ),
    "conversations.info": Deed("keeping the channel", rename, renamed, frozenset({"channel_not_found"})),
    "conversations.join": Deed(
        "keeping the channel", remove, lambda t: t.workspace.bot_user in t.workspace.find(t.channel).members
    ),
    "conversations.rename": Deed("hiding", hide, hidden, frozenset({"is_archived", "channel_not_found"})),
    "files.getUploadURLExternal": Deed(
        "handing out the draft", close, lambda t: t.incident.view.draft_posted, IN_WORDS
    ),
    "files.completeUploadExternal": Deed(
        "handing out the draft", close, lambda t: t.incident.view.draft_posted, IN_WORDS
    ),
    "conversations.canvases.create": Deed("", close, lambda t: t.incident.view.draft_posted),
    "reactions.get": Deed("capture", mark, marked),
    "reactions.add": Deed("", mark, marked),
    "reactions.remove": Deed("", unmark, lambda t: not marked(t)),
    "chat.getPermalink": Deed("", point, marked),
    "users.info": Deed("", note, lambda t: any("looked at" in e.text for e in t.incident.entries)),
    "bookmarks.add": Deed("bookmark", note, lambda t: t.incident.view.bookmarks),
}
ALERTED = {"bookmarks.add"}
"""Of these the incident is one of an alert."""
COVERING = [(method, KINDS[(7 * at + 3) % len(KINDS)]) for at, method in enumerate(DEEDS)]


async def case(there: Played, method: str, kind: str) -> None:
    """One incident, and a deed while this method fails in this way."""
    deed = DEEDS[method]
    if method in ALERTED:
        there.fault(method, kind)
        await alert(there)
    else:
        await there.declare(f"case {method} {kind}")
        await there.until(there.done, "it was not opened")
        there.fault(method, kind)
    await deed.act(there)
    if deed.step and kind not in deed.others:
        await there.until(lambda: deed.step in there.incident.troubles, f"{deed.step} is not named")
        trouble = there.incident.troubles[deed.step]
        assert trouble.text
        assert trouble.fix
    if not deed.step:
        await there.until(lambda: deed.done(there), "it was not done without")
        assert there.incident.troubles == {}
    await there.until(lambda: there.met(method), "it was not called")
    there.workspace.faults.clear()
    await there.until(lambda: not there.incident.troubles and deed.done(there), "it was not completed")


async def alert(there: Played) -> None:
    """An alert opens an incident, which is not the one before."""
    body = ALERT.read_text("utf-8").replace("cycle-1", f"cycle-{there.number}").replace("4711", f"4{there.number:04}")
    body = body.replace("8306082202796025694", f"83060822027960{there.number:05}").replace("web-02", f"w{there.number}")
    body = body.replace("service:shop", f"service:s{there.number}")
    url = (there.workspace.request_url or "").replace("/slack/events", "/datadog/webhook")
    async with (
        aiohttp.ClientSession(headers={"X-Muster-Token": "x"}) as session,
        session.post(url, data=body) as answer,
    ):
        assert answer.status == 202
    there.number += 1
    await there.until(lambda: there.store.incident(there.number), "it was not opened")
    await there.until(lambda: there.incident.view.announcements, "it was not shown")


async def test_a_deed_whose_call_fails_is_recorded_and_made_good(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with played(tmp_path, sqlite_url, monkeypatch, policy=POLICY) as there:
        await all_hold(there, case, COVERING)


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("method", list(DEEDS))
async def test_however_the_call_of_a_deed_fails_it_is_made_good(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    async with played(tmp_path, sqlite_url, monkeypatch, policy=POLICY) as there:
        await all_hold(there, case, [(method, kind) for kind in KINDS])
