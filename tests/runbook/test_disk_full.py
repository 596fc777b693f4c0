"""The shipped runbook of full disks: real df, du and find, thresholds set around what is really in use."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bot import checks
from bot.checks import Output
from bot.checks.disk import parse_df
from bot.incident import Verdict
from bot.runbook import inventory as inventories
from bot.runbook.causes import judge
from bot.runbook.run import Runner
from bot.runbook.runbook import Runbook
from bot.runbook.schema import load
from tests.fake_servers import FolderReach, FolderServer, said
from tests.open_files import find

HERE = Path(__file__).parent
FILE = HERE.parents[1] / "runbooks/disk-full.yaml"
STATES: Mapping[str, Sequence[tuple[str, str | None]]] = json.loads((HERE / "states.json").read_text())
INVENTORY = inventories.load(
    "inventory: 1\ngroups:\n  web: {service: shop, hosts: {web-01: 127.9.0.11, web-02: 127.9.0.12}}\n", "inventory.yaml"
)
NO_INODES = "Filesystem Inodes IUsed IFree IUse% Mounted on\n/dev/a 100 99 1 99% /\n"
UNIT = "LoadState=loaded\nActiveState={}\nSubState=waiting\nMainPID=0\nNRestarts=0\n"


class Disk:
    """Two servers in folders of one real disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.servers = {name: self._server(name) for name in ("web-01", "web-02")}
        used = parse_df(real(["df", "-P", "-k", str(folder)]).stdout)[0]
        assert used is not None
        self.used = used

    def runbook(self, *, full: bool, peers_full: bool) -> Runbook:
        """As it is shipped, with the limits at, or just above, what is in use, and folders counted from 2 MB."""
        text = FILE.read_text().replace("megabytes: 500", "megabytes: 2")
        found = load(text, FILE.name, checks.load())
        limits = {"space": self._limit(full=full), "peers": self._limit(full=peers_full)}
        for name, limit in limits.items():
            words = {**found.checks[name].words, "below": limit}
            found = replace(found, checks={**found.checks, name: replace(found.checks[name], words=words)})
        return found

    def _limit(self, *, full: bool) -> float:
        return max(0.0, self.used - 1) if full else self.used + 2

    def _server(self, name: str) -> FolderServer:
        root = self.folder / name

        def there(argv: Sequence[str]) -> Output:
            said_ = real([*argv[:-1], f"{root}{argv[-1]}"])
            return said(said_.stdout.replace(str(root), ""), exit=said_.exit, stderr=said_.stderr)

        units = {"systemctl": lambda _: said(UNIT.format("active"))}
        made = FolderServer(root, {"df": there, "du": there, "find": lambda _: said(), **units})
        made.put("/var/log/shop/app.log", b"x" * 10_000)
        return made


def real(argv: Sequence[str]) -> Output:
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    return said(ended.stdout, exit=ended.returncode, stderr=ended.stderr)


def make(disk: Disk, state: str) -> None:
    own = disk.servers["web-02"]
    own.programs["find"] = find
    if state in ("a folder grew", "logs not rotated"):
        own.put("/var/log/shop/debug.log", b"x" * 5_000_000)
    if state == "logs not rotated":
        own.programs["systemctl"] = lambda _: said(UNIT.format("inactive"))
    if state == "no inodes":
        own.programs["df"] = lambda argv: (
            said(NO_INODES) if "-i" in argv else real(["df", *argv[1:3], str(disk.folder)])
        )
    if state == "open files not to be seen":
        own.programs["find"] = lambda _: said(exit=1, stderr="find: '/proc/1/fd': Permission denied")


async def first_proof(folder: Path, state: str) -> tuple[str | None, str]:
    """The id of the first cause that is proved in this state, and what explains it; without one, all answers."""
    disk = Disk(folder)
    make(disk, state)
    full = state not in ("with room", "no inodes")
    runbook = disk.runbook(full=full, peers_full=state == "all fill up")
    host = INVENTORY.groups["web"].hosts["web-02"]
    with open(folder / "held.log", "wb") as held:  # noqa: ASYNC230
        if state == "deleted and open":
            held.truncate(120 * 1024 * 1024)
        (folder / "held.log").unlink()
        results = (await Runner(FolderReach(servers=disk.servers), INVENTORY).diagnose(runbook, host)).results
    verdicts = judge(runbook, host, results, group=INVENTORY.groups["web"])
    first = next((verdict for verdict in verdicts if verdict.verdict is Verdict.PROVED), None)
    answers = "\n".join(f"{r.check}@{r.host} {r.state} {r.reason} {r.summary}" for r in results)
    return (first.id, first.text) if first else (None, answers)


@pytest.mark.parametrize(("state", "cause"), STATES["a disk"])
async def test_a_state_of_a_disk_gets_its_cause(tmp_path: Path, state: str, cause: str | None) -> None:
    found, text = await first_proof(tmp_path, state)
    assert found == cause, text
    if state in ("a folder grew", "logs not rotated"):
        assert "/var/log/shop" in text


@pytest.mark.full
@pytest.mark.parametrize(("state", "cause"), STATES["a disk"])
async def test_a_state_of_a_disk_gets_its_cause_twenty_times_of_twenty(
    tmp_path: Path, state: str, cause: str | None
) -> None:
    for n in range(20):
        (tmp_path / str(n)).mkdir()
        found, text = await first_proof(tmp_path / str(n), state)
        assert found == cause, text
