"""What names resolve to."""

from __future__ import annotations

import socket

import pytest

from bot.checks.dns import _no_answer, dns
from bot.ports import GaveUp, TryAgain
from bot.runbook.result import State
from tests.fake_servers import Asked, shop, state_of


def target() -> Asked:
    inventory = shop()
    return Asked(host=inventory.groups["shop-web"].hosts["web-02"], inventory=inventory)


async def test_a_name_that_resolves_is_ok() -> None:
    answer = await dns(target(), name="127.9.0.12")
    assert state_of(answer) == (State.OK, "")
    assert answer.facts["addresses"] == ["127.9.0.12"]


async def test_a_name_that_leads_elsewhere_differs() -> None:
    assert (await dns(target(), name="127.9.0.12", resolves_to=("127.9.0.12",))).state is State.OK
    answer = await dns(target(), name="127.9.0.12", resolves_to=("127.9.0.11", "127.9.0.12"))
    assert state_of(answer) == (State.FAIL, "differs")
    assert answer.facts["expected"] == "127.9.0.11, 127.9.0.12"


async def test_what_is_no_address_or_no_name_is_the_runbooks_mistake() -> None:
    for words in ({"name": "127.0.0.1", "resolves_to": ("shop",)}, {"name": "a" * 70 + ".test"}):
        with pytest.raises(GaveUp):
            await dns(target(), **words)


def test_a_name_that_does_not_exist_is_an_answer_and_a_silent_name_server_is_none() -> None:
    assert _no_answer("x.test", socket.gaierror(socket.EAI_NONAME, "unknown")) == ()
    with pytest.raises(TryAgain):
        _no_answer("x.test", socket.gaierror(socket.EAI_AGAIN, "temporary"))
