"""Monitoring plugins: recorded lines of real ones, and small ones that run here."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.checks import Output
from bot.checks.nagios import nagios, parse_plugin
from bot.ports import GaveUp, TryAgain
from bot.runbook.result import State
from tests.fake_servers import Asked, FolderServer, said, shop, state_of

PLUGIN = "/usr/lib/nagios/plugins/check_load"
LOAD = "OK - load average: 0.46, 0.51, 0.44|load1=0.460;15.000;30.000;0; load5=0.510;10.000;25.000;0;\n"
DISK = "DISK CRITICAL - free space: / 812 MiB (4% inode=71%);| '/ space'=18.2GB;0;0;0;20\nmore | 'x'=1\n"


def target(folder: Path, output: Output = LOAD, *, plugin: str = PLUGIN) -> Asked:  # type: ignore[assignment]
    inventory = replace(shop(), allow=((plugin, "*"),))
    answer = said(output) if isinstance(output, str) else output
    server = FolderServer(folder, {plugin: lambda _: answer})
    return Asked(host=inventory.groups["shop-web"].hosts["web-02"], inventory=inventory, servers={"web-02": server})


@pytest.mark.parametrize(
    ("exit", "state"), [(0, State.OK), (1, State.WARN), (2, State.FAIL), (3, State.UNKNOWN), (127, State.UNKNOWN)]
)
async def test_the_exit_code_is_the_state(tmp_path: Path, exit: int, state: State) -> None:
    assert (await nagios(target(tmp_path, said(LOAD, exit=exit)), argv=(PLUGIN, "-w", "15"))).state is state


async def test_the_line_and_the_figures_of_real_plugins_are_read(tmp_path: Path) -> None:
    answer = await nagios(target(tmp_path), argv=(PLUGIN,))
    assert answer.facts["text"] == "OK - load average: 0.46, 0.51, 0.44"
    assert answer.facts["figures"] == {"load1": "0.460", "load5": "0.510"}
    assert parse_plugin(DISK) == ("DISK CRITICAL - free space: / 812 MiB (4% inode=71%);", {"/ space": "18.2GB"})


async def test_a_plugin_that_is_not_allowed_or_has_no_whole_path_does_not_run(tmp_path: Path) -> None:
    on = target(tmp_path)
    for argv in (("/tmp/check_load",), ("check_load",)):
        with pytest.raises(GaveUp):
            await nagios(on, argv=argv)
        with pytest.raises(GaveUp):
            await nagios(on, argv=argv, from_="bot")
    assert on.servers["web-02"].ran == []


def script(folder: Path, text: str) -> str:
    place = folder / "check_it"
    place.write_text(f"#!/bin/sh\n{text}\n")
    place.chmod(0o755)
    return str(place)


def running(word: str) -> bool:
    """Whether a program of this machine has the word among its arguments."""
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if word.encode() in place.read_bytes():
                return True
    return False


async def test_a_plugin_on_the_bots_machine_runs_in_a_bare_environment(tmp_path: Path) -> None:
    plugin = script(tmp_path, f"env | grep -vc '^_=\\|^PWD='; echo x > {tmp_path}/never; exit 1")
    answer = await nagios(target(tmp_path, plugin=plugin), argv=(plugin,), from_="bot")
    assert (answer.state, answer.facts["text"]) == (State.UNKNOWN, "2")  # ended by the signal for its file


async def test_a_plugin_that_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    mark = f"31.{id(tmp_path)}"
    plugin = script(tmp_path, f"sleep {mark} & sleep {mark}")
    with pytest.raises(TryAgain):
        await nagios(replace(target(tmp_path, plugin=plugin), within=0.3), argv=(plugin,), from_="bot")
    assert not running(mark)


async def test_endless_output_and_bytes_that_are_no_text_are_bounded(tmp_path: Path) -> None:
    plugin = script(tmp_path, "printf '\\377\\376 up\\n'; exit 0")
    answer = await nagios(target(tmp_path, plugin=plugin), argv=(plugin,), from_="bot")
    assert (answer.state, answer.facts["text"]) == (State.OK, "\ufffd\ufffd up")
    plugin = script(tmp_path, "exec yes")
    with pytest.raises(GaveUp) as failure:
        await nagios(target(tmp_path, plugin=plugin), argv=(plugin,), from_="bot")
    assert failure.value.reason == "cut"


async def test_a_plugin_that_is_not_there_is_unknown(tmp_path: Path) -> None:
    missing = str(tmp_path / "none")
    answer = await nagios(target(tmp_path, plugin=missing), argv=(missing,), from_="bot")
    assert state_of(answer) == (State.UNKNOWN, "error")


@given(st.text())
def test_any_output_is_read_and_cut(text: str) -> None:
    line, figures = parse_plugin(text)
    assert len(line) <= 300
    assert len(figures) <= 50
