"""Pages that answer, are slow, wrong, silent or absent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from bot.checks import Seconds
from bot.checks.http import BODY, http
from bot.ports import GaveUp
from bot.runbook.inventory import Host, Inventory
from bot.runbook.result import State
from tests.fake_servers import Asked, state_of


def target(within: float = 2.0) -> Asked:
    return Asked(host=Host(name="web-02", address="127.0.0.1"), inventory=Inventory(), within=within)


@pytest_asyncio.fixture
async def url() -> AsyncIterator[str]:
    async def ok(request: web.Request) -> web.Response:
        return web.Response(text=f"hello {request.host}", headers={"X-Served-By": "web-02"})

    async def broken(_: web.Request) -> web.Response:
        return web.Response(status=500)

    async def silent(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        raise AssertionError

    async def away(_: web.Request) -> web.Response:
        raise web.HTTPFound("/ok")

    async def parted(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for part in (b"hello", b" and ", b"goodbye"):
            await answer.write(part)
            await asyncio.sleep(0.02)
        return answer

    async def large(_: web.Request) -> web.Response:
        return web.Response(text="hello" + BODY * "x" + "goodbye")

    async def cold(_: web.Request) -> web.Response:
        if not warm:
            warm.append(True)
            await asyncio.sleep(0.6)
        return web.Response()

    warm: list[bool] = []
    app = web.Application()
    app.add_routes([web.get("/cold", cold)])
    app.add_routes([web.get("/ok", ok), web.get("/broken", broken), web.get("/silent", silent), web.get("/away", away)])
    app.add_routes([web.get("/parted", parted), web.get("/large", large)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await runner.cleanup()


async def test_a_page_that_answers_is_ok_and_says_who_served(url: str) -> None:
    answer = await http(target(), url=f"{url}/ok", times=3, contains="shop.test", host="shop.test")
    assert state_of(answer) == (State.OK, "")
    assert answer.facts["served-by"] == {"web-02": 3}
    assert answer.facts["status"] == 200


async def test_a_wrong_status_is_an_error(url: str) -> None:
    answer = await http(target(), url=f"{url}/broken")
    assert state_of(answer) == (State.FAIL, "error")
    assert "answers 500" in answer.summary


async def test_a_missing_text_is_an_error(url: str) -> None:
    assert (await http(target(), url=f"{url}/ok", contains="goodbye")).reason == "error"


async def test_a_page_that_comes_in_parts_is_read_to_its_end(url: str) -> None:
    assert (await http(target(), url=f"{url}/parted", contains="goodbye")).state is State.OK


async def test_a_text_that_may_stand_in_what_was_not_read_is_not_known(url: str) -> None:
    assert (await http(target(), url=f"{url}/large", contains="hello")).state is State.OK
    with pytest.raises(GaveUp) as unknown:
        await http(target(), url=f"{url}/large", contains="goodbye")
    assert unknown.value.reason == "cut"


async def test_a_redirect_is_an_answer_and_not_followed(url: str) -> None:
    assert (await http(target(), url=f"{url}/away", status=(302,))).state is State.OK


async def test_silence_is_an_answer(url: str) -> None:
    assert state_of(await http(target(within=0.2), url=f"{url}/silent")) == (State.FAIL, "timeout")


async def test_one_late_answer_may_be_chance(url: str) -> None:
    answer = await http(target(within=5.0), url=f"{url}/cold", under=Seconds(0.5))
    assert answer.state is State.OK
    assert answer.facts["asked"] == 1


async def test_a_late_answer_is_slow(url: str) -> None:
    answer = await http(target(), url=f"{url}/ok", under=Seconds(0.0))
    assert state_of(answer) == (State.FAIL, "slow")


async def test_a_closed_port_is_a_refusal() -> None:
    assert state_of(await http(target(), url="http://127.0.0.1:1/")) == (State.FAIL, "refused")


async def test_a_server_that_hangs_up_is_an_error() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        answer = await http(target(), url=f"http://127.0.0.1:{port}/")
    assert state_of(answer) == (State.FAIL, "error")


async def test_words_that_are_no_url_are_the_runbooks_mistake() -> None:
    with pytest.raises(GaveUp):
        await http(target(), url="http://")
