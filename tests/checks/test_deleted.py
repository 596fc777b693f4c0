"""Files that are deleted and open, as the real find sees them in this process."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.checks import Output
from bot.checks.deleted import deleted, parse_find
from bot.ports import GaveUp, TryAgain
from bot.runbook.result import State
from tests.fake_servers import Asked, FolderServer, Program, said, shop, state_of
from tests.open_files import find

SIZE = 120 * 1024 * 1024
DENIED = "find: '/proc/1/fd': Permission denied"


def target(folder: Path, program: Program) -> Asked:
    server = FolderServer(folder, {"find": program})
    inventory = shop()
    return Asked(host=inventory.groups["shop-web"].hosts["web-02"], inventory=inventory, servers={"web-02": server})


async def test_a_deleted_file_that_is_open_is_found_with_its_process(tmp_path: Path) -> None:
    with open(tmp_path / "app.log", "wb") as file, open(tmp_path / "app.log", "rb"):  # noqa: ASYNC230
        file.truncate(SIZE)
        assert (await deleted(target(tmp_path, find))).state is State.OK, "it still has a name"
        (tmp_path / "app.log").unlink()
        answer = await deleted(target(tmp_path, find))
    assert state_of(answer) == (State.FAIL, "error")
    assert (answer.facts["count"], answer.facts["size"]) == (1, "0.1 GiB"), "once, though it is open twice"
    assert (await deleted(target(tmp_path, find))).state is State.OK


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (said(exit=1, stderr=DENIED), "no-access"),
        (said(exit=1, stderr="sudo: a password is required"), "no-access"),
        (said(exit=127, stderr="find: command not found"), "error"),
    ],
)
async def test_nothing_found_where_not_all_is_seen_proves_nothing(tmp_path: Path, output: Output, reason: str) -> None:
    with pytest.raises(GaveUp) as failure:
        await deleted(target(tmp_path, lambda _: output))
    assert failure.value.reason == reason


async def test_what_was_found_counts_although_not_all_is_seen(tmp_path: Path) -> None:
    found = said("209715200 41:7 /proc/9/fd/3\n", exit=1, stderr=DENIED)
    answer = await deleted(target(tmp_path, lambda _: found))
    assert (answer.state, answer.facts["pid"]) == (State.FAIL, 9)


async def test_programs_that_ended_meanwhile_do_not_matter_and_a_slow_look_is_no_answer(tmp_path: Path) -> None:
    gone = said(exit=1, stderr="find: '/proc/9/fd/3': No such file or directory\n")
    assert (await deleted(target(tmp_path, lambda _: gone))).state is State.OK
    with pytest.raises(TryAgain):
        await deleted(target(tmp_path, lambda _: said(exit=124)))


@given(st.text() | st.from_regex(r"[0-9]+ [0-9]+:[0-9]+ /proc/[0-9]+/fd/[0-9]+"))
def test_any_output_is_read_or_passed_over(text: str) -> None:
    assert all(each.size >= 0 and each.pids for each in parse_find(text))
