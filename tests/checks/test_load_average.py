"""Load as /proc/loadavg tells it, for each processor."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.checks.load_average import load, parse_loadavg
from bot.runbook.result import State
from tests.fake_servers import Asked, FolderServer, said, shop, state_of


def target(folder: Path, text: str, cores: str = "2\n") -> Asked:
    server = FolderServer(folder, {"cat": lambda _: said(text), "nproc": lambda _: said(cores)})
    inventory = shop()
    return Asked(host=inventory.groups["shop-web"].hosts["web-02"], inventory=inventory, servers={"web-02": server})


async def test_a_load_below_the_limit_is_ok(tmp_path: Path) -> None:
    answer = await load(target(tmp_path, "7.90 3.10 1.00 2/345 6789\n"))
    assert state_of(answer) == (State.OK, "")
    assert answer.facts["found"] == "3.95"


async def test_a_load_above_the_limit_of_each_processor_fails(tmp_path: Path) -> None:
    answer = await load(target(tmp_path, "8.00 3.10 1.00 2/345 6789\n"))
    assert state_of(answer) == (State.FAIL, "slow")
    assert (await load(target(tmp_path, "8.00 3.10 1.00 2/345 6789\n", "16\n"))).state is State.OK


@pytest.mark.parametrize(
    ("text", "cores"), [("", "2"), ("x y z", "2"), ("1.00 1.00 1.00 1/1 1", ""), ("1.00 1.00 1.00 1/1 1", "0")]
)
async def test_a_server_that_does_not_say_is_unknown(tmp_path: Path, text: str, cores: str) -> None:
    assert (await load(target(tmp_path, text, cores))).state is State.UNKNOWN


@given(st.text() | st.from_regex(r"[0-9]+\.[0-9]+ [0-9]+\.[0-9]+ [0-9]+\.[0-9]+ .*"))
def test_any_text_is_read_or_passed_over(text: str) -> None:
    found = parse_loadavg(text)
    assert found is None or min(found) >= 0
