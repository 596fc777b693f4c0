"""Space and inodes as df tells them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.checks import Share
from bot.checks.disk import disk, parse_df
from bot.ports import GaveUp, TryAgain
from bot.runbook.result import State
from tests.fake_servers import Asked, FolderServer, said, shop, state_of


def target(folder: Path, *, used: str = "40%", inodes: str = "3%", exit: int = 0) -> Asked:
    def df(argv: object) -> object:
        share = inodes if "-i" in argv else used  # type: ignore[operator]
        return said(
            f"Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/a b 100 60 40 {share} /\n", exit=exit
        )

    server = FolderServer(folder, {"df": df})  # type: ignore[dict-item]
    inventory = shop()
    return Asked(host=inventory.groups["shop-web"].hosts["web-02"], inventory=inventory, servers={"web-02": server})


async def test_a_disk_with_space_is_ok(tmp_path: Path) -> None:
    answer = await disk(target(tmp_path))
    assert state_of(answer) == (State.OK, "")
    assert answer.facts["used"] == "40%"


async def test_a_full_disk_fails(tmp_path: Path) -> None:
    assert (await disk(target(tmp_path, used="95%"), below=Share(95))).state is State.FAIL


async def test_a_disk_without_inodes_fails_though_it_has_space(tmp_path: Path) -> None:
    answer = await disk(target(tmp_path, inodes="100%"))
    assert answer.state is State.FAIL
    assert "inodes" in answer.summary


async def test_a_filesystem_that_counts_no_inodes_is_ok(tmp_path: Path) -> None:
    assert (await disk(target(tmp_path, inodes="-"))).state is State.OK


async def test_a_mount_that_hangs_is_not_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(TryAgain):
        await disk(target(tmp_path, exit=124))


async def test_a_relative_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GaveUp):
        await disk(target(tmp_path), path="-x")


@given(st.text())
def test_any_output_of_df_is_read_or_passed_over(text: str) -> None:
    used, free = parse_df(text)
    assert used is None or used >= 0
    assert free is None or free >= 0
