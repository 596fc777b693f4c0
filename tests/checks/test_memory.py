"""Memory as /proc/meminfo tells it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.checks import Share
from bot.checks.memory import memory, parse_meminfo
from bot.ports import GaveUp, TryAgain
from bot.runbook.result import State
from tests.fake_servers import Asked, FolderServer, said, shop, state_of

RECORDED = (Path(__file__).parent / "recorded" / "meminfo").read_text()


def target(folder: Path, text: str, **words: object) -> Asked:
    server = FolderServer(folder, {"cat": lambda _: said(text, **words)})  # type: ignore[arg-type]
    inventory = shop()
    return Asked(host=inventory.groups["shop-web"].hosts["web-02"], inventory=inventory, servers={"web-02": server})


async def test_what_a_real_kernel_said_is_read(tmp_path: Path) -> None:
    answer = await memory(target(tmp_path, RECORDED))
    assert state_of(answer) == (State.OK, "")
    assert answer.facts["size"] == "23.5 GiB"


async def test_memory_without_room_fails(tmp_path: Path) -> None:
    answer = await memory(target(tmp_path, "MemTotal: 1000 kB\nMemFree: 10 kB\nMemAvailable: 40 kB\n"))
    assert state_of(answer) == (State.FAIL, "error")
    assert answer.facts["used"] == "96%"


async def test_caches_are_not_use(tmp_path: Path) -> None:
    text = "MemTotal: 1000 kB\nMemFree: 10 kB\nMemAvailable: 900 kB\nCached: 890 kB\n"
    assert (await memory(target(tmp_path, text), below=Share(20))).state is State.OK


async def test_an_old_kernel_that_does_not_say_is_unknown(tmp_path: Path) -> None:
    assert (await memory(target(tmp_path, "MemTotal: 1000 kB\nMemFree: 10 kB\n"))).state is State.UNKNOWN


async def test_what_cannot_be_read_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(TryAgain):
        await memory(target(tmp_path, "", exit=124))
    with pytest.raises(GaveUp) as failure:
        await memory(target(tmp_path, "", exit=1, stderr="cat: /proc/meminfo: Permission denied"))
    assert failure.value.reason == "no-access"


@given(st.text())
def test_any_text_is_read_or_passed_over(text: str) -> None:
    assert all(value >= 0 for value in parse_meminfo(text).values())
