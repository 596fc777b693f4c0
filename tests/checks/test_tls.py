"""Certificates of real TLS servers: good, late, for another name, from nobody we know."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.checks import Port
from bot.checks.tls import read_certificate, tls
from bot.ports import GaveUp
from bot.runbook.result import State
from tests.certificates import Authority
from tests.fake_servers import Asked, shop, state_of

NAME = "shop.test"


@asynccontextmanager
async def serving(context: ssl.SSLContext | None) -> AsyncIterator[Port]:
    """A server that takes connections and says nothing of its own."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            pass
        writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=context)
    try:
        yield Port(server.sockets[0].getsockname()[1])
    finally:
        server.close()


def target(**words: float) -> Asked:
    inventory = shop()
    host = replace(inventory.groups["shop-web"].hosts["web-02"], address="127.0.0.1")
    return Asked(host=host, inventory=inventory, at=datetime.now(UTC), **words)  # type: ignore[arg-type]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def test_a_good_certificate_is_ok_and_says_for_how_long(authority: Authority) -> None:
    async with serving(authority.server(NAME, "www.shop.test")) as port:
        answer = await tls(target(), port=port, name=NAME, ca=str(authority.file))
    assert state_of(answer) == (State.OK, "")
    assert answer.facts["days-left"] == 90
    assert answer.facts["names"] == [NAME, "www.shop.test"]
    assert answer.facts["issuer"] == "CN=Test authority"


async def test_an_expired_certificate_fails_and_says_for_how_many_days(authority: Authority) -> None:
    async with serving(authority.server(NAME, days=(-100, -3))) as port:
        answer = await tls(target(), port=port, name=NAME, ca=str(authority.file))
    assert state_of(answer) == (State.FAIL, "stale")
    assert answer.facts["days-left"] == -3
    assert "expired 3 days ago" in answer.summary


async def test_one_that_ends_too_soon_fails_before_it_ends(authority: Authority) -> None:
    async with serving(authority.server(NAME, days=(-100, 5))) as port:
        answer = await tls(target(), port=port, name=NAME, ca=str(authority.file))
        later = await tls(target(), port=port, name=NAME, ca=str(authority.file), days_left=5)
    assert state_of(answer) == (State.FAIL, "stale")
    assert later.state is State.OK


async def test_one_for_another_name_differs(authority: Authority) -> None:
    async with serving(authority.server("other.test")) as port:
        answer = await tls(target(), port=port, name=NAME, ca=str(authority.file))
    assert state_of(answer) == (State.FAIL, "differs")
    assert "other.test" in answer.summary


async def test_one_from_an_unknown_authority_is_not_trusted(authority: Authority) -> None:
    async with serving(authority.server(NAME)) as port:
        answer = await tls(target(), port=port, name=NAME)
    assert state_of(answer) == (State.FAIL, "error")
    assert "not trusted" in answer.summary


async def test_a_closed_port_a_mute_one_and_plain_text_are_failures() -> None:
    async with serving(None) as port:
        mute = await tls(target(within=0.2), port=port, name=NAME)
    closed = await tls(target(), port=port, name=NAME)
    assert state_of(mute) == (State.FAIL, "timeout")
    assert state_of(closed) == (State.FAIL, "refused")

    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    answer = await tls(target(), port=Port(server.sockets[0].getsockname()[1]), name=NAME)
    server.close()
    assert state_of(answer) == (State.FAIL, "error")


async def test_a_file_without_certificates_is_the_runbooks_mistake(tmp_path: Path) -> None:
    with pytest.raises(GaveUp):
        await tls(target(), name=NAME, ca=str(tmp_path / "none.pem"))


@given(st.binary(max_size=500))
def test_bytes_that_are_no_certificate_are_refused(der: bytes) -> None:
    with pytest.raises(GaveUp):
        read_certificate(der)
