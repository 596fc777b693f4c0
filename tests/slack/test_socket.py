"""Connections that Slack reaches us through: what comes is heard once, and none of their ways to end makes us deaf."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from bot.lab.workspace import APP_TOKEN
from bot.ports import TryAgain
from bot.pulse import SWALLOWED
from bot.slack import socket as module
from bot.slack import web_client
from bot.slack.listeners import NOT_SAVED, Listeners
from bot.slack.pace import Pace
from bot.slack.socket import Limits, Socket
from tests.slack.test_listeners import FakeEar
from tests.slack.worlds import SlackWorld, slack_world

QUICK = Limits(step=5.0, ping=0.1, silence=1.0, linger=0.2)


@dataclass
class Line:
    """A workspace in Socket Mode, our end of the connection, and who hears."""

    slack: SlackWorld
    socket: Socket
    ear: FakeEar

    async def until(self, seen: Callable[[], object]) -> None:
        """Wait for something that nobody tells of."""
        async with asyncio.timeout(10):
            while not seen():  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    @property
    def mentions(self) -> list[tuple[int, int]]:
        """Attempt and outcome of each delivery of a mention."""
        events = [sent for sent in self.slack.workspace.sent if "event" in sent.payload]
        return [(sent.attempt, sent.status) for sent in events if sent.payload["event"]["type"] == "app_mention"]

    async def note(self, text: str = "x") -> str:
        """Ana types a note; what she sees."""
        users = self.slack.workspace.state.users.values()
        ana = next((user.id for user in users if user.name == "ana"), "") or self.slack.add_person("ana")
        return await self.slack.workspace.command(ana, "incidents", f"/incident note {text}", within=0.05)


@asynccontextmanager
async def lined(slack: SlackWorld, limits: Limits = QUICK, token: str = APP_TOKEN) -> AsyncIterator[Line]:
    ear = FakeEar()
    client = web_client("xoxb-lab", session=slack.session, base_url=slack.workspace.api_url)
    listeners = Listeners(client, signing_secret="", ear=ear, now=lambda: datetime.now(UTC))
    pace = Pace(client, slack.session)
    now = lambda: datetime.now(UTC)  # noqa: E731
    socket = Socket(pace, slack.session, app_token=token, take=listeners.take, now=now, limits=limits)
    slack.workspace.socket_mode = True
    running = asyncio.create_task(socket.run())
    try:
        yield Line(slack=slack, socket=socket, ear=ear)
    finally:
        running.cancel()
        await asyncio.wait([running])


@pytest_asyncio.fixture
async def line(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
    monkeypatch.setattr(module, "PAUSES", (0.0, 0.02))
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-lab")  # Bolt reads it behind our back
    async with slack_world() as slack, lined(slack) as line:
        await line.until(lambda: not line.socket.deaf())
        yield line


async def test_nothing_is_heard_before_slack_said_hello() -> None:
    async with slack_world() as slack:
        slack.workspace.fault("apps.connections.open", "delay", seconds=0.2)
        async with lined(slack) as line:
            assert "no connection yet" in line.socket.deaf()
            assert line.socket.heard_until is None
            await line.until(lambda: not line.socket.deaf())
            assert line.socket.heard_until


async def test_what_cannot_be_kept_is_not_acked_and_comes_again(line: Line) -> None:
    line.ear.deaf = TryAgain("the disk is full")
    line.slack.workspace.outgoing.ack_within = 0.1
    ana = line.slack.add_person("ben")
    await line.slack.workspace.mention(ana, "incidents", "note it is slow")
    await line.until(lambda: line.mentions)
    line.ear.deaf = None
    await line.until(lambda: len(line.mentions) > 1)
    assert line.mentions == [(0, 0), (1, 200)]
    assert len(line.ear.heard) == 1


async def test_a_command_that_cannot_be_kept_says_so_in_its_ack(line: Line) -> None:
    line.ear.deaf = TryAgain("the disk is full")
    assert await line.note() == NOT_SAVED


async def test_a_warned_connection_is_left_when_the_next_one_hears(line: Line) -> None:
    await line.slack.workspace.socket.disconnect("warning")
    await line.until(lambda: line.slack.workspace.socket.tickets == 2)
    await line.until(lambda: len(line.slack.workspace.socket.open) == 2)
    for n in range(4):
        await line.note(f"while there are two {n}")
    await line.until(lambda: len(line.slack.workspace.socket.open) == 1)
    await line.note("and after")
    assert len(line.ear.heard) == 5
    assert not line.socket.deaf()


@pytest.mark.parametrize("reason", ["refresh_requested", "link_disabled", "too_many_websockets"])
async def test_however_slack_ends_it_there_is_another(line: Line, reason: str) -> None:
    await line.slack.workspace.socket.disconnect(reason)
    await line.until(lambda: line.slack.workspace.socket.open)
    await line.until(lambda: not line.socket.deaf())
    await line.note()
    assert len(line.ear.heard) == 1


async def test_a_cut_connection_is_replaced(line: Line) -> None:
    line.slack.workspace.socket.cut()
    await line.until(lambda: line.slack.workspace.socket.tickets == 2)
    await line.until(lambda: not line.socket.deaf())
    await line.note()
    assert len(line.ear.heard) == 1


async def test_a_connection_that_goes_silent_is_found_out_and_replaced(line: Line) -> None:
    line.slack.workspace.fault("apps.connections.open", "delay", seconds=0.2)
    line.slack.workspace.socket.wedge()
    wedged = datetime.now(UTC)
    await line.until(line.socket.deaf)
    assert "silent" in line.socket.deaf()
    assert line.socket.heard_until
    assert (line.socket.heard_until - wedged).total_seconds() < QUICK.silence / 2, (
        "it begins with the last sign of life"
    )
    await line.until(lambda: not line.socket.deaf())
    await line.note()
    assert len(line.ear.heard) == 1


async def test_a_refused_handshake_is_tried_with_a_new_address(line: Line) -> None:
    line.slack.workspace.socket.refusing = 3
    line.slack.workspace.socket.cut()
    await line.until(lambda: line.slack.workspace.socket.tickets == 5)
    await line.until(lambda: not line.socket.deaf())


async def test_a_token_that_opens_no_socket_is_named_with_its_fix() -> None:
    async with slack_world() as slack, lined(slack, token="xoxb-lab") as line:
        await line.until(lambda: "SLACK_APP_TOKEN" in line.socket.deaf())
        assert "not_allowed_token_type" in line.socket.deaf()


async def test_connections_are_renewed_before_anything_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSES", (0.0, 0.02))
    async with slack_world() as slack, lined(slack, replace(QUICK, renew=0.3)) as line:
        await line.until(lambda: slack.workspace.socket.tickets >= 3)
        await line.note()
        assert len(line.ear.heard) == 1
        assert not line.socket.deaf()


async def test_told_to_stop_it_still_acknowledges_what_has_come() -> None:
    async with slack_world() as slack:
        async with lined(slack) as line:
            await line.until(lambda: not line.socket.deaf())
            line.ear.slow = 0.2
            typing = asyncio.create_task(line.note())
            await line.until(lambda: line.ear.hearing)
        await typing
        assert [sent.status for sent in slack.workspace.sent if sent.kind == "command"] == [200]
        assert len(line.ear.heard) == 1


def test_a_gap_begins_where_a_silent_socket_is_given_up() -> None:
    assert Limits().silence == SWALLOWED.total_seconds()
    assert Limits().silence + 2 * Limits().step < 60, "readyz must be red within a minute"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"type": "events_api"}', '{"envelope_id": "1", "payload": 3}'])
async def test_what_is_no_envelope_is_passed_over(line: Line, text: str) -> None:
    (connection,) = line.slack.workspace.socket.open
    await connection._socket.send_str(text)
    await line.note()
    assert len(line.ear.heard) == 1
