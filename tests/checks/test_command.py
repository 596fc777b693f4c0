"""Programs of the server that the inventory allows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.checks import NOUNS, Output
from bot.checks.command import _short, command
from bot.ports import GaveUp, TryAgain
from bot.runbook.result import State
from tests.fake_servers import Asked, FolderServer, said, shop, state_of

ALLOWED = (("backlog", "--queue", "*"), ("backlog",))


def target(folder: Path, output: Output) -> Asked:
    server = FolderServer(folder, {"backlog": lambda _: output})
    inventory = replace(shop(), allow=ALLOWED)
    return Asked(host=inventory.groups["shop-web"].hosts["web-02"], inventory=inventory, servers={"web-02": server})


async def test_the_expected_exit_code_and_text_are_ok(tmp_path: Path) -> None:
    answer = await command(target(tmp_path, said("0\n")), argv=("backlog", "--queue", "mail"), prints="^0$")
    assert state_of(answer) == (State.OK, "")


async def test_another_text_or_exit_code_fails_and_is_shown(tmp_path: Path) -> None:
    answer = await command(target(tmp_path, said("17\n18\n")), argv=("backlog",), prints="^0$")
    assert state_of(answer) == (State.FAIL, "error")
    assert (answer.facts["found"], answer.facts["count"]) == ("17; 18", 2)
    late = await command(target(tmp_path, said("", exit=3, stderr="queue is gone")), argv=("backlog",))
    assert (late.state, "queue is gone" in late.summary) == (State.FAIL, True)
    assert (await command(target(tmp_path, said(exit=1)), argv=("backlog",), exit=(0, 1))).state is State.OK


@pytest.mark.parametrize(
    "argv", [("rm", "-rf", "/"), ("backlog", "--purge"), ("/tmp/backlog",), ("sh", "-c", "backlog")]
)
async def test_what_the_inventory_does_not_allow_is_not_run(tmp_path: Path, argv: tuple[str, ...]) -> None:
    on = target(tmp_path, said("0"))
    with pytest.raises(GaveUp) as refusal:
        await command(on, argv=argv)
    assert refusal.value.reason == "no-access"
    assert on.servers["web-02"].ran == []


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (said(exit=127, stderr="backlog: command not found"), "error"),
        (said(exit=126, stderr="backlog: Permission denied"), "no-access"),
        (said(exit=1, stderr="sudo: a password is required"), "no-access"),
    ],
)
async def test_a_program_that_could_not_start_is_unknown(tmp_path: Path, output: Output, reason: str) -> None:
    assert state_of(await command(target(tmp_path, output), argv=("backlog",), sudo=True)) == (State.UNKNOWN, reason)


async def test_what_came_late_or_was_cut_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(TryAgain):
        await command(target(tmp_path, said(exit=124)), argv=("backlog",))
    with pytest.raises(GaveUp) as failure:
        await command(target(tmp_path, said("0", cut=True)), argv=("backlog",), prints="^0$")
    assert failure.value.reason == "cut"


async def test_sudo_is_asked_for_and_never_waits_for_a_password(tmp_path: Path) -> None:
    on = target(tmp_path, said("0"))
    await command(on, argv=("backlog",), sudo=True)
    assert on.servers["web-02"].ran == [("sudo", "-n", "backlog")]


async def test_an_expression_that_is_none_is_the_runbooks_mistake(tmp_path: Path) -> None:
    with pytest.raises(GaveUp):
        await command(target(tmp_path, said("0")), argv=("backlog",), prints="(")


def test_only_its_author_says_whether_a_program_touches_the_server() -> None:
    for name in ("command", "nagios"):
        assert NOUNS[name].touching({"touches": True})
        assert not NOUNS[name].touching({})


@given(st.text())
def test_any_output_becomes_one_short_line(text: str) -> None:
    line = _short(text)
    assert len(line) <= 300
    assert "\n" not in line
