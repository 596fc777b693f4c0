"""People's own pages: shown when opened, kept up to date for a while."""

from __future__ import annotations

from datetime import timedelta

from bot.front_page import AGAIN, LATELY, READERS, FrontPage
from bot.ports import GaveUp, TryAgain
from tests.fakes import FakeChat
from tests.talk import Talk, open_incident


async def test_it_is_shown_when_opened_and_again_only_when_something_has_changed(say: Talk) -> None:
    chat = FakeChat()
    page = FrontPage(store=say.store, chat=chat, now=lambda: say.now)
    await page.refresh()
    assert chat.calls == []
    ana = chat.add_person("ana")
    await page.opened(ana)
    assert [i.title for i in chat.pages[ana].incidents] == ["Web is out"]
    await page.refresh()
    shown = chat.calls.count("show_overview")
    await page.refresh()
    assert chat.calls.count("show_overview") == shown
    say("title Pages are slow")
    await page.refresh()
    assert [i.title for i in chat.pages[ana].incidents] == ["Pages are slow"]
    say.now += LATELY + timedelta(seconds=1)
    say("title Pages are slower")
    await page.refresh()
    assert [i.title for i in chat.pages[ana].incidents] == ["Pages are slow"]


async def test_of_private_ones_the_chat_says_who_is_in_them(say: Talk) -> None:
    chat = FakeChat()
    ana, ben = chat.add_person("ana"), chat.add_person("ben")
    channel = chat.add_channel("inc-2")
    channel.members.add(ana)
    open_incident(say.store, title="Secret", channel=channel.id, private=True)
    open_incident(say.store, title="Secret, too", channel="", private=True)
    page = FrontPage(store=say.store, chat=chat, now=lambda: say.now)
    for user in (ana, ben):
        await page.opened(user)
    assert {i.title for i in chat.pages[ana].incidents} == {"Secret", "Web is out"}
    assert [i.title for i in chat.pages[ben].incidents] == ["Web is out"]
    chat.fail["in_channel"] = [GaveUp("no", reason="missing_scope")]
    await page.opened(ana)
    assert [i.title for i in chat.pages[ana].incidents] == ["Web is out"]


async def test_one_page_that_cannot_be_shown_hinders_no_other_and_the_oldest_readers_are_forgotten(say: Talk) -> None:
    chat = FakeChat()
    page = FrontPage(store=say.store, chat=chat, now=lambda: say.now)
    people = [chat.add_person(f"p{n}") for n in range(READERS + 1)]
    for user in people:
        await page.opened(user)
    chat.pages.clear()
    chat.fail["show_overview"] = [GaveUp("no", reason="not_enabled")]
    say("title Pages are slow")
    await page.refresh()
    assert sorted(chat.pages) == sorted(people[2:])


async def test_a_page_that_could_not_be_shown_is_shown_a_little_later(say: Talk) -> None:
    chat = FakeChat()
    ana = chat.add_person("ana")
    page = FrontPage(store=say.store, chat=chat, now=lambda: say.now)
    await page.refresh()
    chat.fail["show_overview"] = [TryAgain("busy")]
    await page.opened(ana)
    await page.refresh()
    assert [i.title for i in chat.pages[ana].incidents] == ["Web is out"]
    say("title Pages are slow")
    chat.fail["show_overview"] = [TryAgain("busy")]
    await page.refresh()
    await page.refresh()
    assert [i.title for i in chat.pages[ana].incidents] == ["Web is out"], "not at once"
    say.now += AGAIN
    await page.refresh()
    assert [i.title for i in chat.pages[ana].incidents] == ["Pages are slow"]
    shown = chat.calls.count("show_overview")
    say.now += AGAIN
    await page.refresh()
    assert chat.calls.count("show_overview") == shown


async def test_who_cannot_be_looked_up_sees_the_page_and_what_is_missing_comes_later(say: Talk) -> None:
    chat = FakeChat()
    ana = chat.add_person("ana")
    channel = chat.add_channel("inc-2")
    channel.members.add(ana)
    open_incident(say.store, title="Secret", channel=channel.id, private=True)
    page = FrontPage(store=say.store, chat=chat, now=lambda: say.now)
    chat.fail |= {"person": [GaveUp("no", reason="missing_scope")], "in_channel": [TryAgain("busy")]}
    await page.opened(ana)
    assert [i.title for i in chat.pages[ana].incidents] == ["Web is out"]
    await page.refresh()
    say.now += AGAIN
    await page.refresh()
    assert {i.title for i in chat.pages[ana].incidents} == {"Secret", "Web is out"}
