"""Files on a server: there, theirs, as they should be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.checks import Seconds
from bot.checks.file import file
from bot.ports import GaveUp
from bot.runbook.result import State
from tests.fake_servers import NOW, Asked, FolderServer, said, shop, state_of

PATH = "/etc/shop/token"


def target(folder: Path) -> Asked:
    server = FolderServer(folder, {"stat": lambda _: said("deploy\n")})
    place = server.put(PATH, "colour=blue\nhidden words\n")
    place.chmod(0o640)
    os.utime(place, (NOW.timestamp() - 90, NOW.timestamp() - 90))
    inventory = shop()
    return Asked(host=inventory.groups["shop-web"].hosts["web-02"], inventory=inventory, servers={"web-02": server})


async def test_a_file_that_is_as_it_should_be_is_ok(tmp_path: Path) -> None:
    answer = await file(
        target(tmp_path), path=PATH, contains="blue", mode="640", owner="deploy", newer_than=Seconds(100)
    )
    assert state_of(answer) == (State.OK, "")
    assert (answer.facts["mode"], answer.facts["owner"], answer.facts["age"]) == ("0640", "deploy", "90 s")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"contains": "red"}, "differs"),
        ({"mode": "0600"}, "differs"),
        ({"owner": "root"}, "differs"),
        ({"newer_than": Seconds(60)}, "stale"),
        ({"exists": False}, "error"),
    ],
)
async def test_each_thing_that_is_not_as_it_should_be_fails(
    tmp_path: Path, words: dict[str, object], reason: str
) -> None:
    answer = await file(target(tmp_path), path=PATH, **words)
    assert state_of(answer) == (State.FAIL, reason)


async def test_a_missing_file_is_an_answer(tmp_path: Path) -> None:
    assert state_of(await file(target(tmp_path), path="/etc/none")) == (State.FAIL, "error")
    assert (await file(target(tmp_path), path="/etc/none", exists=False)).state is State.OK


async def test_what_the_file_says_is_never_shown(tmp_path: Path) -> None:
    answer = await file(target(tmp_path), path=PATH, contains="colour")
    assert "hidden" not in repr(answer)
    assert len(str(answer.facts["hash"])) == 64


@pytest.mark.parametrize("words", [{"path": "etc/x"}, {"path": PATH, "mode": "rw-"}])
async def test_a_relative_path_or_a_mode_in_letters_is_the_runbooks_mistake(
    tmp_path: Path, words: dict[str, str]
) -> None:
    with pytest.raises(GaveUp):
        await file(target(tmp_path), **words)
