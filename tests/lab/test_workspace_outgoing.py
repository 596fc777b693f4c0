"""The workspace against a real Bolt app: signed commands, clicks, modals, events and their retries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.lab.workspace import Workspace
from bot.lab.workspace_cast import EVENTS
from bot.lab.workspace_clock import Clock
from bot.lab.workspace_outgoing import signed

JSON = dict[str, Any]
MODAL: JSON = {
    "type": "modal",
    "callback_id": "declare",
    "title": {"type": "plain_text", "text": "Declare"},
    "submit": {"type": "plain_text", "text": "Declare"},
    "blocks": [
        {
            "type": "input",
            "block_id": "title",
            "label": {"type": "plain_text", "text": "What is wrong?"},
            "element": {"type": "plain_text_input", "action_id": "said"},
        }
    ],
}
BUTTONS: list[JSON] = [
    {
        "type": "actions",
        "block_id": "deeds",
        "elements": [
            {
                "type": "button",
                "action_id": "approve",
                "value": "plan-1",
                "text": {"type": "plain_text", "text": "Approve"},
            }
        ],
    }
]


class Server:
    """An aiohttp server for one route, on a free port."""

    def __init__(self, handler: Any) -> None:
        self.app = web.Application()
        self.app.router.add_post("/slack/events", handler)
        self.runner = web.AppRunner(self.app, shutdown_timeout=0.1)

    async def __aenter__(self) -> str:
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self.runner.addresses[0][1]}/slack/events"

    async def __aexit__(self, *_exc: object) -> None:
        await self.runner.cleanup()


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    events = EVENTS - {"message.channels", "message.groups"}
    async with await Workspace.start(cast=True, clock=Clock(), events=events) as running:
        yield running


@pytest.fixture
async def bolt(workspace: Workspace) -> AsyncIterator[AsyncApp]:
    """A Bolt app behind the workspace."""
    client = AsyncWebClient(token=workspace.bot_token, base_url=workspace.api_url, proxy=None)
    app = AsyncApp(client=client, signing_secret=workspace.signing_secret, process_before_response=True)

    async def events(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    async with Server(events) as url:
        workspace.request_url = url
        yield app


def person(workspace: Workspace, name: str) -> str:
    return next(user.id for user in workspace.state.users.values() if user.name == name)


def test_the_signature_is_the_one_that_slack_documents() -> None:
    body = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J"
    headers = signed(body, secret="8f742231b10e8888abcd99yyyzzz85a5", now=1531420618)
    verifier = SignatureVerifier("8f742231b10e8888abcd99yyyzzz85a5")
    assert headers["X-Slack-Signature"] == verifier.generate_signature(timestamp="1531420618", body=body)


async def test_a_command_reaches_the_app_and_its_answer_the_person(workspace: Workspace, bolt: AsyncApp) -> None:
    heard: list[JSON] = []

    @bolt.command("/incident")
    async def incident(ack: Any, command: JSON) -> None:
        heard.append(command)
        await ack(f"Heard: {command['text']}")

    ana = person(workspace, "ana")
    reply = await workspace.command(ana, "ops", "/incident note a < b says @ben in #ops")
    ben, ops = person(workspace, "ben"), workspace.find("ops").id
    assert reply == f"Heard: note a &lt; b says <@{ben}|ben> in <#{ops}|ops>"
    assert (heard[0]["user_id"], heard[0]["channel_name"]) == (ana, "ops")
    assert [whisper["text"] for whisper in workspace.ephemerals(ana)] == [reply]


async def test_an_answer_through_the_response_url_is_the_reply_too(workspace: Workspace, bolt: AsyncApp) -> None:
    @bolt.command("/incident")
    async def incident(ack: Any, respond: Any) -> None:
        await ack()
        await respond("Later.")

    assert await workspace.command(person(workspace, "ana"), "ops", "/incident note x") == "Later."


async def test_an_answer_may_be_for_everyone(workspace: Workspace, bolt: AsyncApp) -> None:
    @bolt.command("/incident")
    async def incident(ack: Any) -> None:
        await ack(text=f"For all, <@{ben}>.", response_type="in_channel")

    ben = person(workspace, "ben")
    await workspace.command(person(workspace, "ana"), "ops", "/incident note x")
    told = [(message["text"], message["user"]) for message in workspace.messages("ops")]
    assert told == [(f"For all, <@{ben}>.", workspace.bot_user)], "it counts like every message of the app"
    assert workspace.notices(ben) == ["mention"]


async def test_a_person_sees_when_the_app_is_away(workspace: Workspace) -> None:
    reply = await workspace.command(person(workspace, "ana"), "ops", "/incident note x")
    assert reply == '/incident failed with the error "dispatch_failed"'


async def test_a_person_sees_when_the_app_is_too_slow(workspace: Workspace) -> None:
    async def slow(_request: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    async with Server(slow) as url:
        workspace.request_url = url
        workspace.outgoing.ack_within = 0.05
        reply = await workspace.command(person(workspace, "ana"), "ops", "/incident note x")
        assert reply == '/incident failed with the error "operation_timeout"'


@pytest.mark.usefixtures("bolt")
async def test_an_unknown_command_is_not_sent(workspace: Workspace) -> None:
    reply = await workspace.command(person(workspace, "ana"), "ops", "/dinner")
    assert reply == "/dinner is not a valid command."
    assert workspace.sent == []


async def test_a_click_carries_the_button_and_may_change_its_message(workspace: Workspace, bolt: AsyncApp) -> None:
    clicks: list[JSON] = []

    @bolt.action("approve")
    async def approve(ack: Any, body: JSON, respond: Any) -> None:
        await ack()
        clicks.append(body)
        await respond(text="Approved.", replace_original=True)

    posted = await bolt.client.chat_postMessage(channel="#ops", text="Restore?", blocks=BUTTONS)
    ana = person(workspace, "ana")
    assert await workspace.click(ana, "ops", posted["ts"], "approve") == ""
    [body] = clicks
    assert (body["actions"][0]["value"], body["actions"][0]["block_id"]) == ("plan-1", "deeds")
    assert (body["user"]["id"], body["container"]["message_ts"]) == (ana, posted["ts"])
    assert workspace.messages("ops")[0]["text"] == "Approved."


async def test_a_whisper_has_buttons_too_and_can_be_deleted(workspace: Workspace, bolt: AsyncApp) -> None:
    @bolt.action("approve")
    async def approve(ack: Any, respond: Any) -> None:
        await ack()
        await respond(delete_original=True)

    ana = person(workspace, "ana")
    shown = await bolt.client.chat_postEphemeral(channel=workspace.find("ops").id, user=ana, text="?", blocks=BUTTONS)
    await workspace.click(ana, "ops", shown["message_ts"], "approve")
    assert workspace.ephemerals(ana) == []


async def test_a_response_url_works_five_times_and_half_an_hour(workspace: Workspace, bolt: AsyncApp) -> None:
    urls: list[str] = []

    @bolt.command("/incident")
    async def incident(ack: Any, command: JSON) -> None:
        urls.append(command["response_url"])
        await ack("ok")

    for _ in range(2):
        await workspace.command(person(workspace, "ana"), "ops", "/incident x")
    async with aiohttp.ClientSession() as session:

        async def use(url: str) -> int:
            async with session.post(url, json={"text": "hi"}) as answer:
                return answer.status

        assert [await use(urls[0]) for _ in range(6)] == [200] * 5 + [404]
        workspace.clock.advance(30 * 60 + 1)
        assert await use(urls[1]) == 404


async def test_a_modal_is_opened_filled_in_and_submitted(workspace: Workspace, bolt: AsyncApp) -> None:
    submitted: list[str] = []

    @bolt.command("/incident")
    async def incident(ack: Any, command: JSON) -> None:
        await ack()
        await bolt.client.views_open(trigger_id=command["trigger_id"], view=MODAL)

    @bolt.view("declare")
    async def declare(ack: Any, view: JSON) -> None:
        said = view["state"]["values"]["title"]["said"]["value"]
        submitted.append(said)
        if len(said) < 5:
            await ack(response_action="errors", errors={"title": "Say a little more."})
        else:
            await ack()

    ana = person(workspace, "ana")
    await workspace.command(ana, "ops", "/incident")
    [view] = workspace.views(ana)
    assert await workspace.submit(ana, view["id"], {}) == {"title": "Please complete this required field."}
    assert await workspace.submit(ana, view["id"], {"title": "x"}) == {"title": "Say a little more."}
    assert await workspace.submit(ana, view["id"], {"title": "Checkout is slow"}) == {}
    assert submitted == ["x", "Checkout is slow"]
    assert workspace.views(ana) == []


async def test_a_trigger_opens_one_modal_within_three_seconds(workspace: Workspace, bolt: AsyncApp) -> None:
    triggers: list[str] = []

    @bolt.shortcut("declare_incident")
    async def declare(ack: Any, shortcut: JSON) -> None:
        triggers.append(shortcut["trigger_id"])
        await ack()

    async def error_of(trigger: str) -> str:
        answer = await bolt.client.api_call("auth.test")
        assert answer["ok"]
        headers = {"Authorization": f"Bearer {workspace.bot_token}"}
        words = {"trigger_id": trigger, "view": MODAL}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(workspace.api_url + "views.open", json=words) as said,
        ):
            return str((await said.json()).get("error", ""))

    for _ in range(2):
        assert await workspace.shortcut(person(workspace, "ana"), "declare_incident") == ""
    assert await error_of(triggers[0]) == ""
    assert await error_of(triggers[0]) == "exchanged_trigger_id"
    workspace.clock.advance(4)
    assert await error_of(triggers[1]) == "expired_trigger_id"
    assert await error_of("1.2") == "invalid_trigger_id"


async def test_a_message_shortcut_carries_the_message(workspace: Workspace, bolt: AsyncApp) -> None:
    caught: list[JSON] = []

    @bolt.shortcut("add_to_timeline")
    async def add(ack: Any, shortcut: JSON) -> None:
        caught.append(shortcut)
        await ack()

    ana = person(workspace, "ana")
    ts = await workspace.say(ana, "ops", "the disk is full")
    await workspace.shortcut(ana, "add_to_timeline", "ops", ts)
    assert (caught[0]["message"]["text"], caught[0]["message_ts"]) == ("the disk is full", ts)


async def test_mentions_reactions_and_joining_are_events(workspace: Workspace, bolt: AsyncApp) -> None:
    events: list[JSON] = []

    @bolt.event("app_mention")
    @bolt.event("reaction_added")
    @bolt.event("member_joined_channel")
    @bolt.event("channel_rename")
    @bolt.event("channel_archive")
    @bolt.event("app_home_opened")
    async def heard(event: JSON) -> None:
        events.append(event)

    ana, dora = person(workspace, "ana"), person(workspace, "dora")
    ts = await workspace.mention(ana, "ops", "note <!channel> rolled back")
    await workspace.wait_for(lambda: len(workspace.sent) == 1)
    await workspace.react(ana, "ops", ts, "pushpin")
    await workspace.wait_for(lambda: len(workspace.sent) == 2)
    await workspace.say(dora, "ops", "hello")
    await workspace.wait_for(lambda: len(workspace.sent) == 3)
    await workspace.open_home(ana)
    workspace.rename(ana, "ops", "operations")
    await workspace.wait_for(lambda: len(workspace.sent) == 5)
    workspace.archive(ana, "operations")
    await workspace.wait_for(lambda: len(workspace.sent) == 6)
    assert {event["type"] for event in events} == {
        "app_mention",
        "reaction_added",
        "member_joined_channel",
        "app_home_opened",
        "channel_rename",
        "channel_archive",
    }
    assert events[0]["text"] == f"<@{workspace.bot_user}> note &lt;!channel&gt; rolled back"
    assert events[1]["item"] == {"type": "message", "channel": workspace.find("operations").id, "ts": ts}


async def test_an_event_is_sent_again_at_once_and_after_one_and_five_minutes(workspace: Workspace) -> None:
    tries: list[tuple[str, str]] = []

    async def failing(request: web.Request) -> web.Response:
        headers = request.headers
        tries.append((headers.get("X-Slack-Retry-Num", ""), headers.get("X-Slack-Retry-Reason", "")))
        return web.Response(status=500)

    async with Server(failing) as url:
        workspace.request_url = url
        await workspace.mention(person(workspace, "ana"), "ops", "help")
        for attempt, seconds in enumerate((1, 60, 300)):
            await workspace.wait_for(lambda n=attempt: len(workspace.sent) > n)  # type: ignore[misc]
            await asyncio.sleep(0)
            workspace.clock.advance(seconds)
        await workspace.wait_for(lambda: len(workspace.sent) == 4)
    assert tries == [("", ""), ("1", "http_error"), ("2", "http_error"), ("3", "http_error")]


async def test_an_app_may_decline_the_retries(workspace: Workspace) -> None:
    async def declining(_request: web.Request) -> web.Response:
        return web.Response(status=500, headers={"X-Slack-No-Retry": "1"})

    async with Server(declining) as url:
        workspace.request_url = url
        await workspace.mention(person(workspace, "ana"), "ops", "help")
        await workspace.wait_for(lambda: workspace.sent)
        workspace.clock.advance(600)
        await asyncio.sleep(0)
    assert len(workspace.sent) == 1


@pytest.mark.usefixtures("bolt")
async def test_a_mention_where_the_bot_is_not_is_explained(workspace: Workspace) -> None:
    ana = person(workspace, "ana")
    workspace.add_channel("lobby", members=[ana], with_bot=False)
    await workspace.mention(ana, "lobby", "help")
    assert "not in this channel" in workspace.ephemerals(ana)[0]["text"]
    assert workspace.sent == []


async def test_other_sites_and_names_are_turned_away(workspace: Workspace) -> None:
    said = {"user": "U1", "channel": "ops", "text": "x"}
    async with aiohttp.ClientSession() as session:
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
            async with session.post(workspace.url + "/lab/say", json=said, headers=headers) as answer:
                assert answer.status == 403


async def test_other_processes_play_people_over_http(workspace: Workspace, bolt: AsyncApp) -> None:
    @bolt.command("/incident")
    async def incident(ack: Any) -> None:
        await ack("Heard.")

    async with aiohttp.ClientSession(workspace.url) as session:

        async def post(act: str, /, **said: Any) -> JSON:
            async with session.post(f"/lab/{act}", json=said) as answer:
                read: JSON = await answer.json()
                return read

        async def get(act: str, /, **query: str) -> JSON:
            async with session.get(f"/lab/{act}", params=query) as answer:
                read: JSON = await answer.json()
                return read

        gita = (await post("users", name="gita", tz="Asia/Kolkata"))["user"]
        ts = (await post("say", user=gita, channel="ops", text="hello"))["ts"]
        assert (await post("command", user=gita, channel="ops", text="/incident x"))["reply"] == "Heard."
        await post("react", user=gita, channel="ops", ts=ts, name="pushpin")
        assert (await get("messages", channel="ops"))["messages"][0]["reactions"][0]["name"] == "pushpin"
        await post("faults", method="auth.test", kind="broken")
        assert (await post("say", user="nobody", channel="ops", text="x"))["error"] == "user_not_found"
        assert (await get("state", **{"as": gita}))["whispers"][0]["text"] == "Heard."
        assert (await get("calls"))["calls"] is not None
