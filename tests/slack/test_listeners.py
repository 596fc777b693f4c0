"""Requests from the lab's workspace, real signatures included, until somebody has heard them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from aiohttp import web

from bot.incident import Person, Source
from bot.lab.workspace import APP_TOKEN
from bot.ports import TryAgain
from bot.said import Said
from bot.slack import web_client
from bot.slack.hearing import Payload
from bot.slack.listeners import NOT_SAVED, Heard, Listeners
from bot.slack.pace import Pace
from bot.slack.socket import Socket
from tests.slack.samples import AT, full
from tests.slack.worlds import SlackWorld, slack_world

SECRET = "lab-signing-secret"


class FakeEar:
    """Keeps what it hears, once per key; `deaf` makes it fail."""

    def __init__(self) -> None:
        self.heard: dict[str, Said] = {}
        self.deaf: Exception | None = None
        self.slow = 0.0
        self.hearing = False

    async def hear(self, said: Said) -> None:
        self.hearing = True
        await asyncio.sleep(self.slow)
        if self.deaf:
            raise self.deaf
        self.heard.setdefault(said.key, said)

    @property
    def only(self) -> Said:
        (said,) = self.heard.values()
        return said


@dataclass
class Way:
    """A workspace whose requests reach an ear."""

    slack: SlackWorld
    ear: FakeEar
    url: str
    listeners: Listeners

    async def post(self, body: str | bytes, *, stamp: str | None = None, **headers: str) -> tuple[int, str]:
        """A request signed with the right secret, but for the headers that are given."""
        raw = body.encode() if isinstance(body, str) else body
        stamp = stamp or str(int(datetime.now(UTC).timestamp()))
        digest = hmac.new(SECRET.encode(), f"v0:{stamp}:".encode() + raw, hashlib.sha256).hexdigest()
        signed = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}
        form = {} if raw.startswith(b"{") else {"Content-Type": "application/x-www-form-urlencoded"}
        sent = {name: value for name, value in {**signed, **form, **headers}.items() if value}
        async with self.slack.session.post(self.url, data=raw, headers=sent) as answer:
            text = await answer.text()
            assert not text.startswith("{") or answer.content_type == "application/json"
            return answer.status, text


@asynccontextmanager
async def listening(slack: SlackWorld, *, socket: bool = False) -> AsyncIterator[Way]:
    """An aiohttp application with nothing but POST /slack/events; with `socket` what people do comes that way."""
    ear = FakeEar()
    client = web_client("xoxb-lab", session=slack.session, base_url=slack.workspace.api_url)
    listeners = Listeners(client, signing_secret=SECRET, ear=ear, now=lambda: datetime.now(UTC))
    app = web.Application()
    app.router.add_post("/slack/events", listeners.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    slack.workspace.request_url = url
    pace = Pace(client, slack.session)
    line = Socket(pace, slack.session, app_token=APP_TOKEN, take=listeners.take, now=lambda: datetime.now(UTC))
    running = asyncio.create_task(line.run() if socket else asyncio.sleep(0))
    slack.workspace.socket_mode = socket
    while socket and line.deaf():  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.01)
    yield Way(slack=slack, ear=ear, url=url, listeners=listeners)
    running.cancel()
    await asyncio.wait([running])
    await runner.cleanup()


@pytest_asyncio.fixture
async def way(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Way]:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-lab")  # Bolt reads it behind our back
    async with slack_world() as slack, listening(slack) as way:
        yield way


@pytest_asyncio.fixture(params=["http", "socket"])
async def either(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> AsyncIterator[Way]:
    """Either transport."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-lab")
    async with slack_world() as slack, listening(slack, socket=request.param == "socket") as way:
        yield way


async def test_a_command_is_heard_as_typed_and_acked_empty(either: Way) -> None:
    ana = either.slack.add_person("ana")
    await either.slack.workspace.command(ana, "incidents", "/incident note p99 < 2 s & @ana agrees", within=0.1)
    said = either.ear.only
    assert said.text == f"note p99 < 2 s & <@{ana}|ana> agrees"
    assert (said.author.id, said.author.name) == (ana, "ana")
    assert said.key.startswith("command:")
    assert said.channel == said.reply_to["channel"] == either.slack.workspace.find("incidents").id
    assert said.reply_to["response_url"].startswith(either.slack.workspace.url)
    assert (said.source.type, said.button) == ("command", "")
    assert [sent.status for sent in either.slack.workspace.sent if sent.kind == "command"] == [200]
    assert either.slack.seen_by(ana) == []


async def test_the_answer_reaches_whoever_typed_the_command(either: Way) -> None:
    ana = either.slack.add_person("ana")
    await either.slack.workspace.command(ana, "incidents", "/incident note x", within=0.1)
    await either.slack.chat.reply(either.ear.only.reply_to, "E2 noted <!channel>")
    assert either.slack.seen_by(ana) == ["E2 noted @channel"]
    assert either.slack.texts("incidents") == []


async def test_a_mention_is_heard_without_the_bots_name_and_with_its_own_time(either: Way) -> None:
    ana = either.slack.add_person("ana")
    thread = await either.slack.workspace.say(ana, "incidents", "look")
    ts = await either.slack.workspace.mention(ana, "incidents", "note it is slow", thread)
    await either.slack.workspace.wait_for(lambda: either.ear.heard)
    said = either.ear.only
    assert said.text == "note it is slow"
    assert said.at == datetime.fromtimestamp(float(ts), UTC)
    assert said.reply_to == {"channel": said.channel, "user": ana, "thread": thread}


async def test_a_click_is_heard_with_its_button_plan_and_message(either: Way) -> None:
    ana, said, card = await clicked(either, "approve_repair")
    assert (said.text, said.button, said.value, said.message) == ("", "approve_repair", "plan-1", card)
    assert (said.author.id, said.source.type) == (ana, "action")
    assert said.reply_to["response_url"]


async def test_a_double_click_is_known_as_one_and_another_button_is_another_thing(either: Way) -> None:
    ana, said, card = await clicked(either, "run_checks")
    await either.slack.workspace.click(ana, said.channel, card, "run_checks")
    await either.slack.workspace.click(ana, said.channel, card, "not_the_cause")
    again, other = [heard for key, heard in either.ear.heard.items() if key != said.key]
    assert again.twins[0] <= said.key <= again.twins[1]
    assert said.twins[0] <= again.key <= said.twins[1]
    assert not other.twins[0] <= said.key <= other.twins[1]


async def clicked(way: Way, button: str) -> tuple[str, Said, str]:
    """A full card, and one click on it."""
    ana = way.slack.add_person("ana")
    incident = full()
    incident.view.channel = await way.slack.chat.open_channel(incident)
    incident.view.card = await way.slack.chat.show_card(incident, now=AT)
    assert await way.slack.workspace.click(ana, incident.view.channel.id, incident.view.card, button) == ""
    return ana, way.ear.only, incident.view.card


@pytest.mark.parametrize("error", [TryAgain("the disk is full"), RuntimeError("a bug")])
async def test_a_command_that_cannot_be_saved_says_so(either: Way, error: Exception) -> None:
    ana = either.slack.add_person("ana")
    either.ear.deaf = error
    assert await either.slack.workspace.command(ana, "incidents", "/incident note x", within=0.1) == NOT_SAVED


async def test_slack_reads_that_refusal_as_json(way: Way) -> None:
    way.ear.deaf = TryAgain("the disk is full")
    status, body = await way.post(command_form())
    assert (status, json.loads(body)) == (200, {"response_type": "ephemeral", "text": NOT_SAVED})


async def test_a_click_that_cannot_be_saved_says_so(either: Way) -> None:
    ana = either.slack.add_person("ana")
    incident = full()
    incident.view.channel = await either.slack.chat.open_channel(incident)
    card = await either.slack.chat.show_card(incident, now=AT)
    either.ear.deaf = TryAgain("the disk is full")
    either.slack.workspace.outgoing.ack_within = 0.5
    assert await either.slack.workspace.click(ana, incident.view.channel.id, card, "approve_repair")
    assert either.slack.seen_by(ana) == [NOT_SAVED]


async def test_an_event_that_cannot_be_saved_is_sent_again(way: Way) -> None:
    ana = way.slack.add_person("ana")
    way.ear.deaf = TryAgain("the disk is full")
    await way.slack.workspace.mention(ana, "incidents", "note x")
    refused = await way.slack.workspace.wait_for(lambda: [s for s in way.slack.workspace.sent if s.status == 503])
    assert refused[0].payload["event"]["type"] == "app_mention"
    way.ear.deaf = None
    await way.slack.workspace.wait_for(lambda: way.ear.heard)
    assert way.ear.only.text == "note x"


async def test_being_heard_needs_nothing_of_slack(either: Way) -> None:
    either.slack.workspace.revoke()
    ana = either.slack.add_person("ana")
    await either.slack.workspace.command(ana, "incidents", "/incident note x", within=0.1)
    assert either.ear.only.text == "note x"
    assert set(either.slack.methods()) <= {"apps.connections.open"}


def said_by_form(body: Payload) -> Said:
    """What a submitted form of a test says."""
    who = Person(id=str(body["user"]["id"]))
    return Said(key=f"view:{body['view']['id']}", text="declare x", author=who, at=AT, source=Source(type="command"))


MODAL = {
    "type": "modal",
    "callback_id": "declare",
    "title": {"type": "plain_text", "text": "Declare"},
    "submit": {"type": "plain_text", "text": "Declare"},
    "blocks": [
        {
            "type": "input",
            "block_id": "title",
            "label": {"type": "plain_text", "text": "What is wrong?"},
            "element": {"type": "plain_text_input", "action_id": "typed"},
        }
    ],
}


async def opened(way: Way) -> tuple[str, str]:
    """Ana uses a shortcut, which opens a form right after its ack; she and the form."""
    ana = way.slack.add_person("ana")

    async def read(body: Payload) -> Heard:
        async def open_form() -> None:
            client = web_client("xoxb-lab", session=way.slack.session, base_url=way.slack.workspace.api_url)
            await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

        return Heard(then=open_form)

    way.listeners.on("shortcut:declare_incident", read)
    assert await way.slack.workspace.shortcut(ana, "declare_incident") == ""
    (view,) = await way.slack.workspace.wait_for(lambda: way.slack.workspace.views(ana))
    return ana, view["id"]


async def test_what_a_reader_asks_for_is_done_right_after_the_ack(either: Way) -> None:
    assert await opened(either)
    assert either.ear.heard == {}


async def test_a_submitted_form_is_heard_and_may_be_sent_back(either: Way) -> None:
    ana, view = await opened(either)

    async def strict(body: Payload) -> Heard:
        typed = body["view"]["state"]["values"]["title"]["typed"]["value"]
        if typed == "x":
            return Heard(ack={"response_action": "errors", "errors": {"title": "Say a little more."}})
        return Heard(said=said_by_form(body))

    either.listeners.on("view_submission:declare", strict)
    assert await either.slack.workspace.submit(ana, view, {"title": "x"}) == {"title": "Say a little more."}
    assert either.ear.heard == {}
    assert await either.slack.workspace.submit(ana, view, {"title": "checkout is slow"}) == {}
    assert either.ear.only.key == f"view:{view}"


async def test_a_form_that_cannot_be_saved_stays_open_with_all_that_is_in_it(either: Way) -> None:
    ana, view = await opened(either)

    async def read(body: Payload) -> Heard:
        return Heard(said=said_by_form(body))

    either.listeners.on("view_submission", read)
    either.ear.deaf = TryAgain("the disk is full")
    assert await either.slack.workspace.submit(ana, view, {"title": "checkout is slow"}) == {"title": NOT_SAVED}
    assert [v["id"] for v in either.slack.workspace.views(ana)] == [view]


async def test_without_a_signing_secret_nothing_is_taken_over_http(way: Way) -> None:
    way.listeners._verifier = None
    assert (await way.post(command_form()))[0] == 404
    assert way.ear.heard == {}


NOW = str(int(datetime.now(UTC).timestamp()))


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Slack-Signature": ""},
        {"X-Slack-Request-Timestamp": ""},
        {"X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Signature": "v0=ü" + "0" * 63},
        {"X-Slack-Signature": "garbage"},
        {"X-Slack-Request-Timestamp": "yesterday"},
        {"X-Slack-Request-Timestamp": "9" * 40},
        {"stamp": str(int(NOW) - 301)},
        {"stamp": str(int(NOW) + 600)},
    ],
)
async def test_what_slack_did_not_sign_is_refused(way: Way, headers: dict[str, str]) -> None:
    status, _ = await way.post(command_form(), **headers)
    assert status == 401
    assert way.ear.heard == {}


async def test_a_body_changed_on_the_way_is_refused(way: Way) -> None:
    good = command_form()
    digest = hmac.new(SECRET.encode(), f"v0:{NOW}:{good}".encode(), hashlib.sha256).hexdigest()
    changed = good.replace("note", "close")
    status, _ = await way.post(changed, **{"X-Slack-Signature": f"v0={digest}"})
    assert status == 401


async def test_an_unsigned_certificate_check_smuggles_nothing_in(way: Way) -> None:
    click = {"type": "block_actions", "user": {"id": "U1"}, "actions": [{"action_id": "a", "action_ts": "1"}]}
    for body in ("ssl_check=1&token=x", f"ssl_check=1&{command_form()}", form(ssl_check="1", payload=click)):
        status, _ = await way.post(body, **{"X-Slack-Signature": ""})
        assert status == 200
    assert way.ear.heard == {}


async def test_slack_may_verify_the_address(way: Way) -> None:
    status, body = await way.post(json.dumps({"type": "url_verification", "challenge": "abc"}))
    assert (status, json.loads(body)["challenge"]) == (200, "abc")


@pytest.mark.parametrize(
    "kind",
    [
        {"type": "event_callback", "event_id": "E1", "event": {"type": "team_join"}},
        {"type": "event_callback", "event_id": "E1", "event": {"type": "message", "channel": "C1", "text": "hi"}},
        {
            "type": "event_callback",
            "event_id": "E1",
            "event": {"type": "app_mention", "bot_id": "B1", "user": "U1", "text": "<@U0> note x", "ts": "1.0"},
        },
        {"type": "app_rate_limited", "minute_rate_limited": 1},
    ],
)
async def test_events_that_nobody_waits_for_are_taken(way: Way, kind: dict[str, object]) -> None:
    status, _ = await way.post(json.dumps(kind))
    assert status == 200
    assert way.ear.heard == {}


@pytest.mark.parametrize("kind", ["view_submission", "shortcut", "message_action", "block_suggestion"])
async def test_interactions_that_nobody_waits_for_are_taken(way: Way, kind: str) -> None:
    payload = {"type": kind, "user": {"id": "U1"}, "view": {"callback_id": "x", "type": "modal"}}
    assert (await way.post(form(payload=payload)))[0] == 200
    assert way.ear.heard == {}


async def test_a_click_on_nothing_is_answered_and_not_heard(way: Way) -> None:
    status, _ = await way.post(form(payload={"type": "block_actions", "user": {"id": "U1"}, "actions": []}))
    assert status == 400
    assert way.ear.heard == {}


@pytest.mark.parametrize("body", ["{broken", "payload=%7Bbroken", "payload=1", b'{"type": "\xff"}', "[]", ""])
async def test_broken_bodies_are_answered_and_not_heard(way: Way, body: str | bytes) -> None:
    status, _ = await way.post(body)
    assert status in {200, 400, 401}
    assert way.ear.heard == {}


def command_form() -> str:
    """A command as Slack sends it."""
    words = {"command": "/incident", "text": "note x", "user_id": "U1", "user_name": "ana", "channel_id": "C1"}
    return urlencode({**words, "trigger_id": "1.2.3", "response_url": "http://127.0.0.1:9/x", "team_id": "T1"})


def form(**fields: object) -> str:
    """A form whose fields that are not text are JSON."""
    return urlencode({k: v if isinstance(v, str) else json.dumps(v) for k, v in fields.items()})
