"""Folders beside those of the peers, as the real du measures them."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.checks import Output
from bot.checks.growth import grew, growth, parse_du
from bot.ports import GaveUp, TryAgain
from bot.runbook.result import State
from tests.fake_servers import Asked, FolderServer, said, shop, state_of


def server(root: Path) -> FolderServer:
    """A folder in which the real du finds /var."""

    def du(argv: Sequence[str]) -> Output:
        place = str(root) + argv[-1]
        ended = subprocess.run(["du", *argv[1:-1], place], capture_output=True, text=True, check=False)
        return said(ended.stdout.replace(str(root), ""), exit=ended.returncode, stderr=ended.stderr)

    made = FolderServer(root, {"du": du})
    made.put("/var/log/shop/app.log", b"x" * 20_000)
    made.put("/var/cache/page", b"x" * 20_000)
    return made


def target(folder: Path, *, servers: int = 3) -> Asked:
    inventory = shop(servers=servers)
    machines = {name: server(folder / name) for name in inventory.groups["shop-web"].hosts}
    return Asked(host=inventory.groups["shop-web"].hosts["web-02"], inventory=inventory, servers=machines)


async def test_servers_that_hold_the_same_are_ok(tmp_path: Path) -> None:
    assert state_of(await growth(target(tmp_path), megabytes=1)) == (State.OK, "")


async def test_the_innermost_folder_that_is_larger_than_on_every_peer_is_named(tmp_path: Path) -> None:
    on = target(tmp_path)
    on.servers["web-02"].put("/var/log/shop/debug.log", b"x" * 3_000_000)
    answer = await growth(on, megabytes=1)
    assert state_of(answer) == (State.FAIL, "differs")
    assert answer.facts["path"] == "/var/log/shop"
    assert str(answer.facts["found"]).endswith("MiB")


async def test_what_grew_on_a_peer_too_is_not_this_servers(tmp_path: Path) -> None:
    on = target(tmp_path)
    for name in ("web-02", "web-03"):
        on.servers[name].put("/var/log/shop/debug.log", b"x" * 3_000_000)
    assert (await growth(on, megabytes=1)).state is State.OK


async def test_without_peers_nothing_is_compared(tmp_path: Path) -> None:
    on = target(tmp_path, servers=2)
    on.servers["web-01"].away = TryAgain("away")
    assert (await growth(on)).state is State.UNKNOWN
    on.inventory = shop(servers=2)
    alone = {**vars(on.inventory.groups["shop-web"]), "hosts": {"web-02": on.host}}
    on.inventory = type(on.inventory)(groups={"shop-web": type(on.inventory.groups["shop-web"])(**alone)})
    assert (await growth(on)).state is State.SKIPPED


async def test_a_du_without_a_total_is_no_answer(tmp_path: Path) -> None:
    on = target(tmp_path)
    on.servers["web-02"].programs["du"] = lambda _: said("4\t/var/log\n", exit=1, stderr="du: cannot access")
    with pytest.raises(GaveUp):
        await growth(on)
    on.servers["web-02"].programs["du"] = lambda _: said(exit=124)
    with pytest.raises(TryAgain):
        await growth(on)


SIZES = st.dictionaries(st.sampled_from(["/var", "/var/log", "/var/log/a", "/var/lib"]), st.integers(0, 10_000))


@given(SIZES, st.lists(SIZES, min_size=1, max_size=3), st.integers(1, 1000))
def test_only_a_folder_that_is_larger_than_on_every_peer_is_ever_named(
    own: dict[str, int], peers: list[dict[str, int]], least: int
) -> None:
    found = grew(own, peers, least=least, path="/var")
    assert found is None or all(own[found] - peer.get(found, 0) >= least for peer in peers)


@given(st.text())
def test_any_output_is_read_or_passed_over(text: str) -> None:
    assert all(size >= 0 for size in parse_du(text).values())
