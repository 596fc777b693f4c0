"""The routes over real HTTP, with a real intake on a real database."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from bot import alerts
from bot.group_commit import GroupCommit
from bot.intake import LARGEST, Intake, Receipt, Sent
from bot.policy import Policy
from bot.store import Delivery, Store
from bot.web import Doors, routes
from tests.fake_servers import shop

FIXTURES = Path(__file__).parent / "alerts" / "fixtures" / "datadog"
NOW = datetime(2026, 11, 22, 10, 31, tzinfo=UTC)
SECRET, NEXT = "geheim-ä", "the-next-one"

alerts.load()


class World:
    """The bot's doors on a free port, and what lies behind them."""

    def __init__(self, url: str) -> None:
        self.path = Path(url.removeprefix("sqlite:///"))
        self.store = Store.open(url)
        self.received: list[Receipt] = []
        self.read = 0
        self.not_ready: list[str] = []

    async def __aenter__(self) -> World:
        intake = Intake(self.store, policy=Policy(), inventory=shop(), now=lambda: NOW)

        def receive_all(sent: Sequence[Sent]) -> Sequence[Receipt]:
            self.read = len(sent[-1][1])
            return intake.receive_all(sent)

        async def ready() -> list[str]:
            return self.not_ready

        async def slack(_: web.Request) -> web.Response:
            return web.Response(text="slack")

        self.group = GroupCommit(receive_all)
        doors = Doors(
            receive=self.group.receive,
            received=self.received.append,
            slack=slack,
            ready=ready,
            secrets=(SECRET, "", NEXT),
        )
        self._runner = web.AppRunner(routes(doors), access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.host, self.port = self._runner.addresses[0][:2]
        self.session = aiohttp.ClientSession(f"http://{self.host}:{self.port}")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.close()
        await self._runner.cleanup()
        self.group.close()
        self.store.close()

    async def post(self, body: Any, *, token: str | None = SECRET, **headers: str) -> tuple[int, Any]:
        """Status and answer of a webhook call."""
        own = {} if token is None else {"X-Muster-Token": token}
        async with self.session.post("/datadog/webhook", data=body, headers={**own, **headers}) as answer:
            return answer.status, await answer.json()

    async def get(self, path: str) -> tuple[int, str]:
        async with self.session.get(path) as answer:
            return answer.status, await answer.text()

    def kept(self, answer: Any) -> Delivery:
        found = self.store.delivery(answer["delivery"])
        assert found is not None
        return found


@pytest_asyncio.fixture
async def world(sqlite_url: str) -> AsyncIterator[World]:
    async with World(sqlite_url) as world:
        yield world


def fixture(name: str = "triggered") -> bytes:
    return (FIXTURES / f"{name}.json").read_bytes()


async def test_a_delivery_is_accepted_after_it_is_on_disk(world: World) -> None:
    status, answer = await world.post(fixture())
    assert (status, answer) == (202, {"delivery": answer["delivery"], "duplicate": False})
    kept = world.kept(answer)
    assert (kept.body, kept.incident, kept.ruling) == (fixture(), 1, "open")
    assert [receipt.delivery for receipt in world.received] == [answer["delivery"]]


async def test_a_retry_is_answered_with_the_first_delivery(world: World) -> None:
    _, first = await world.post(fixture())
    status, second = await world.post(fixture())
    assert (status, second) == (202, {"delivery": first["delivery"], "duplicate": True})
    assert len(world.store.summaries()) == 1


async def test_two_connections_at_once_are_one_incident(world: World) -> None:
    answers = await asyncio.gather(*(world.post(fixture()) for _ in range(8)))
    assert sorted(answer["duplicate"] for _, answer in answers) == [False] + [True] * 7
    assert len({answer["delivery"] for _, answer in answers}) == 1
    assert len(world.store.summaries()) == 1


async def test_while_a_secret_is_replaced_both_are_valid(world: World) -> None:
    assert (await world.post(fixture(), token=NEXT))[0] == 202


@pytest.mark.parametrize("token", [None, "", "wrong", SECRET.upper(), f"{SECRET}x", f"{SECRET},{NEXT}", "ä" * 3000])
async def test_a_wrong_token_learns_nothing_and_leaves_nothing(world: World, token: str | None) -> None:
    status, answer = await world.post(fixture(), token=token)
    assert (status, answer) == (401, {"error": "The header X-Muster-Token is missing or wrong."})
    assert (world.read, world.received, world.store.summaries()) == (0, [], [])


async def test_a_wrong_token_is_refused_before_the_body_is_sent(world: World) -> None:
    reader, writer = await asyncio.open_connection(world.host, world.port)
    writer.write(b"POST /datadog/webhook HTTP/1.1\r\nHost: x\r\nX-Muster-Token: no\r\nContent-Length: 900000\r\n\r\n{")
    assert b" 401 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b"[" * 300_000, b'{"a":' * 90_000, b"{}", b"payload=%7B%7D"],
    ids=["empty", "broken", "list", "null", "not UTF-8", "nested", "nested objects", "no fields", "a form"],
)
async def test_content_is_never_refused(world: World, body: bytes) -> None:
    status, answer = await world.post(body)
    assert status == 202
    kept = world.kept(answer)
    assert (kept.body, kept.ruling, kept.incident) == (body, "not-understood", None)
    assert world.received[0].problem
    assert [due.flow for due in world.store.dues()] == ["report"]


@pytest.mark.parametrize("name", sorted(file.stem for file in FIXTURES.glob("*.json")))
async def test_every_recorded_payload_is_kept_as_it_came(world: World, name: str) -> None:
    status, answer = await world.post(fixture(name))
    assert status == 202
    assert world.kept(answer).body == fixture(name)
    assert world.kept(answer).ruling


async def test_a_body_over_a_megabyte_is_read_no_further_and_stored_cut(world: World) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"x" * 100_000

    status, first = await world.post(BytesIO(b"x" * 3_000_000))
    assert status == 202
    assert world.read == LARGEST + 1
    kept = world.kept(first)
    assert (len(kept.body), kept.cut) == (LARGEST, True)
    assert world.received[0].problem == "it is longer than 1000000 bytes and was cut"
    status, again = await world.post(endless())  # sent in other parts, the same delivery
    assert (status, again) == (202, {"delivery": first["delivery"], "duplicate": True})


async def test_exactly_a_megabyte_is_whole(world: World) -> None:
    payload = json.loads(fixture())
    room = LARGEST - len(json.dumps({**payload, "event_msg": ""}))
    _, answer = await world.post(json.dumps({**payload, "event_msg": "x" * room}).encode())
    assert (world.kept(answer).cut, world.kept(answer).incident) == (False, 1)


async def test_a_compressed_body_is_read_and_a_bomb_is_cut(world: World) -> None:
    headers = {"Content-Encoding": "gzip"}
    _, answer = await world.post(gzip.compress(fixture()), **headers)
    assert world.kept(answer).incident == 1
    status, answer = await world.post(gzip.compress(b" " * 50_000_000), **headers)
    assert (status, world.kept(answer).cut) == (202, True)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "nonsense"])
async def test_what_is_not_compressed_as_it_says_is_kept_as_it_came(world: World, encoding: str) -> None:
    headers = {"Content-Encoding": encoding}
    status, answer = await world.post(BytesIO(b"one"), **headers)
    assert (status, world.kept(answer).body) == (202, b"one")
    assert (await world.post(BytesIO(b"two"), **headers))[1]["duplicate"] is False
    _, answer = await world.post(BytesIO(fixture()), **headers)
    assert world.kept(answer).incident == 1


async def test_a_sender_that_hangs_up_in_the_middle_leaves_nothing(world: World) -> None:
    _, writer = await asyncio.open_connection(world.host, world.port)
    token = SECRET.encode()
    writer.write(b"POST /datadog/webhook HTTP/1.1\r\nHost: x\r\nX-Muster-Token: " + token)
    writer.write(b"\r\nContent-Length: 900\r\n\r\n{")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await world.post(fixture()))[0] == 202
    assert [receipt.problem for receipt in world.received] == [""]


async def test_without_its_database_the_sender_is_asked_to_come_again(world: World) -> None:
    world.store.close()
    away = world.path.rename(world.path.with_suffix(".away"))
    world.path.mkdir()
    status, answer = await world.post(fixture())
    assert (status, answer) == (503, {"error": "It could not be stored; send it again."})
    world.path.rmdir()
    away.rename(world.path)
    status, answer = await world.post(fixture())
    assert (status, answer["duplicate"]) == (202, False)


async def test_only_a_post_is_a_delivery(world: World) -> None:
    assert (await world.get("/datadog/webhook"))[0] == 405
    assert (await world.get("/nothing"))[0] == 404


async def test_the_bot_says_whether_it_is_alive_and_ready(world: World) -> None:
    assert await world.get("/healthz") == (200, '{"alive": true}')
    assert await world.get("/readyz") == (200, '{"ready": true, "problems": []}')
    world.not_ready = ["database: away"]
    assert await world.get("/readyz") == (503, '{"ready": false, "problems": ["database: away"]}')


async def test_the_numbers_are_prometheus_text(world: World) -> None:
    await world.post(fixture())
    await world.post(fixture(), token="wrong")
    status, text = await world.get("/metrics")
    assert status == 200
    for outcome in ("stored", "refused"):
        assert f'muster_deliveries_total{{outcome="{outcome}"}}' in text


async def test_slack_has_its_own_door(world: World) -> None:
    async with world.session.post("/slack/events", data=b"x") as answer:
        assert await answer.text() == "slack"
