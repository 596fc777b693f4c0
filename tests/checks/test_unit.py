"""What systemctl says about a unit."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.checks.unit import unit
from bot.ports import GaveUp
from bot.runbook.result import State
from tests.fake_servers import Asked, FolderServer, said, shop, state_of

RUNNING = "LoadState=loaded\nActiveState=active\nSubState=running\nMainPID=42\nNRestarts=1\nExecMainStartTimestamp=x\n"


def target(folder: Path, text: str, *, exit: int = 0, stderr: str = "") -> Asked:
    server = FolderServer(folder, {"systemctl": lambda _: said(text, exit=exit, stderr=stderr)})
    inventory = shop()
    host = inventory.find("web-02")
    assert host is not None
    return Asked(host=host, inventory=inventory, servers={"web-02": server})


async def test_a_running_unit_is_ok(tmp_path: Path) -> None:
    answer = await unit(target(tmp_path, RUNNING), name="nginx")
    assert state_of(answer) == (State.OK, "")
    assert answer.facts["pid"] == 42
    assert answer.facts["restarts"] == 1


@pytest.mark.parametrize("state", ["inactive", "failed", "activating"])
async def test_a_unit_that_does_not_run_fails(tmp_path: Path, state: str) -> None:
    answer = await unit(target(tmp_path, f"ActiveState={state}\nSubState=dead\n"), name="nginx")
    assert state_of(answer) == (State.FAIL, "error")
    assert answer.facts["found"] == state


async def test_a_unit_that_should_be_off_is_ok_when_it_is(tmp_path: Path) -> None:
    answer = await unit(target(tmp_path, "ActiveState=inactive\nSubState=dead\n"), name="old", state="inactive")
    assert answer.state is State.OK


async def test_a_server_without_systemd_is_unknown_and_not_a_failure(tmp_path: Path) -> None:
    answer = await unit(target(tmp_path, "", exit=127, stderr="systemctl: not found"), name="nginx")
    assert answer.state is State.UNKNOWN


async def test_a_name_that_could_be_an_option_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GaveUp):
        await unit(target(tmp_path, RUNNING), name="--all")
