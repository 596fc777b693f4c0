"""Sockets as ss and /proc tell them, and which of them are the host's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.checks import Output, Port
from bot.checks.listening import Socket, listening, parse_proc, parse_ss, ports_of
from bot.ports import GaveUp, TryAgain
from bot.runbook.inventory import Host, Inventory
from bot.runbook.result import State
from tests.fake_servers import Asked, FolderServer, Program, said, shop, state_of

INVENTORY = shop()
HOST = INVENTORY.groups["shop-web"].hosts["web-02"]
SS = """LISTEN 0      511          127.9.0.12:8081      0.0.0.0:*
LISTEN 0      511          127.9.0.11:8080      0.0.0.0:*
LISTEN 0      128             0.0.0.0:22        0.0.0.0:*
LISTEN 0      128           127.0.0.1:8126      0.0.0.0:*
LISTEN 0      128     127.0.0.53%lo:53        0.0.0.0:*
LISTEN 0      128                [::]:22           [::]:*
LISTEN 0      128                   *:9100            *:*
"""
PROC = """  sl  local_address rem_address   st tx_queue rx_queue
   0: 0C00097F:1F91 00000000:0000 0A 00000000:00000000 00:00000000
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000
   2: 0C00097F:1F91 0100007F:9999 01 00000000:00000000 00:00000000
"""
PROC6 = """  sl  local_address                         remote_address                        st
   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A
"""


def target(folder: Path, **programs: Program) -> Asked:
    return Asked(host=HOST, inventory=INVENTORY, servers={"web-02": FolderServer(folder, dict(programs))})


async def test_a_port_on_the_hosts_own_address_or_on_all_is_ok(tmp_path: Path) -> None:
    for port in (8081, 9100, 22):
        assert (await listening(target(tmp_path, ss=lambda _: said(SS)), port=Port(port))).state is State.OK


async def test_the_port_of_a_neighbour_on_the_same_machine_does_not_count(tmp_path: Path) -> None:
    answer = await listening(target(tmp_path, ss=lambda _: said(SS)), port=Port(8080))
    assert state_of(answer) == (State.FAIL, "differs")
    assert answer.facts["found"] == "8081, 9100"
    assert answer.facts["expected"] == "8080"


async def test_another_address_can_be_asked_about(tmp_path: Path) -> None:
    answer = await listening(target(tmp_path, ss=lambda _: said(SS)), port=Port(8126), address="127.0.0.1")
    assert answer.state is State.OK


async def test_without_ss_the_kernels_table_is_read(tmp_path: Path) -> None:
    def cat(argv: Sequence[str]) -> Output:
        return said(PROC6 if argv[1].endswith("6") else PROC)

    answer = await listening(target(tmp_path, cat=cat), port=Port(8081))
    assert answer.facts["ports"] == [22, 80, 8081]


async def test_a_server_that_shows_no_sockets_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(GaveUp) as failure:
        await listening(target(tmp_path), port=Port(80))
    assert failure.value.reason == "no-access"


async def test_a_list_that_was_cut_proves_nothing(tmp_path: Path) -> None:
    with pytest.raises(GaveUp) as failure:
        await listening(target(tmp_path, ss=lambda _: said(SS, cut=True)), port=Port(80))
    assert failure.value.reason == "cut"


async def test_a_slow_ss_is_asked_again_later(tmp_path: Path) -> None:
    with pytest.raises(TryAgain):
        await listening(target(tmp_path, ss=lambda _: said(exit=124)), port=Port(80))


def test_behind_address_translation_any_address_of_nobody_else_counts() -> None:
    public = Host(name="web", address="203.0.113.7")
    sockets = [Socket(address="10.0.0.5", port=80), Socket(address="127.0.0.1", port=81)]
    assert ports_of(public, sockets, Inventory()) == [80]


def test_a_mapped_address_is_its_plain_form() -> None:
    assert parse_ss("LISTEN 0 1 [::ffff:10.0.0.1]:80 *:*") == [Socket(address="10.0.0.1", port=80)]


@given(st.text())
def test_any_text_is_read_or_passed_over(text: str) -> None:
    assert all(each.port >= 0 for each in [*parse_ss(text), *parse_proc(text)])
