"""A port that is open, refused, silent; and an address that cannot be asked."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.checks import Port
from bot.checks.tcp import connect_failure, tcp
from bot.ports import TryAgain
from bot.runbook.inventory import Host, Inventory
from bot.runbook.result import State
from tests.fake_servers import Asked, state_of

HOST = Host(name="web-02", address="127.0.0.1", group="web")


def target(within: float = 1.0) -> Asked:
    return Asked(host=HOST, inventory=Inventory(), within=within)


@pytest_asyncio.fixture
async def port() -> AsyncIterator[int]:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, HOST.address, 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


async def test_an_open_port_is_ok(port: int) -> None:
    answer = await tcp(target(), port=Port(port))
    assert state_of(answer) == (State.OK, "")
    assert answer.facts["found"] == "open"


async def test_an_open_port_fails_when_it_should_be_closed(port: int) -> None:
    assert (await tcp(target(), port=Port(port), expect="closed")).state is State.FAIL


async def test_a_refusal_is_an_answer() -> None:
    with socket.socket() as taken:  # bound, not listening
        taken.bind((HOST.address, 0))
        answer = await tcp(target(), port=Port(taken.getsockname()[1]))
    assert state_of(answer) == (State.FAIL, "refused")
    assert "refuses connections" in answer.summary


async def test_silence_is_an_answer() -> None:
    with socket.socket() as full:
        full.bind((HOST.address, 0))
        full.listen(0)
        waiting = []
        for _ in range(3):  # fill the queue, so that further packets are dropped
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(full.getsockname())
            waiting.append(one)
        answer = await tcp(target(within=0.2), port=Port(full.getsockname()[1]))
        for one in waiting:
            one.close()
    assert state_of(answer) == (State.FAIL, "timeout")


@pytest.mark.parametrize(
    ("number", "found"),
    [(errno.ECONNREFUSED, "refused"), (errno.EHOSTUNREACH, "timeout"), (errno.ETIMEDOUT, "timeout")],
)
def test_what_the_network_says_about_the_other_side_is_an_answer(number: int, found: str) -> None:
    assert connect_failure(OSError(number, "x")) == found


def test_what_it_says_about_our_side_is_none() -> None:
    with pytest.raises(TryAgain) as failure:
        connect_failure(OSError(errno.ENETUNREACH, "Network is unreachable"))
    assert failure.value.reason == "unreachable"
