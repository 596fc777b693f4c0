"""The demo as it is met: real runs of `muster demo` as processes of their own."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, expect

from tests import browser as brought

browser = brought.browser
WHOLE = 90.0
CAST = ("ana", "ben", "chen", "dora", "eli", "farid", "duarte", "otieno")
SEED = ("--auto", "--seed", "7", "--speed", "10")


@dataclass
class Demo:
    """A running `muster demo`; its lines as they come."""

    process: subprocess.Popen[str]
    out: Path
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self._more:
                self.lines.append(line.rstrip("\n"))
                self._more.notify_all()
        with self._more:
            self._more.notify_all()

    def until(self, words: str) -> str:
        """The first line with these words."""
        deadline = time.monotonic() + WHOLE
        with self._more:
            while not (found := [line for line in self.lines if words in line]):
                assert self._more.wait(deadline - time.monotonic()), f"no {words!r} in {self.lines}"
                assert self._reader.is_alive() or words in "\n".join(self.lines), f"no {words!r} in {self.lines}"
        return found[0]

    def end(self) -> tuple[int, str]:
        """The exit code, and what was said on standard error."""
        code = self.process.wait(WHOLE)
        self._reader.join(10)
        assert self.process.stderr
        return code, self.process.stderr.read()

    @property
    def folder(self) -> Path:
        """The folder of this run, as the demo printed it."""
        said = re.search(r"(\S+/run-[0-9a-f-]+) …", "\n".join(self.lines))
        assert said, self.lines
        return Path(said[1])

    @property
    def measured(self) -> dict[str, Any]:
        """What the run wrote down about itself."""
        found: dict[str, Any] = json.loads((self.folder / "run.json").read_text())
        return found

    def tree(self) -> dict[int, str]:
        """Every process below it: pid and start time, which together are never used again."""
        return _below(self.process.pid)


@contextmanager
def running(*words: str, out: Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Iterator[Demo]:
    started = subprocess.Popen(
        [sys.executable, "-P", "-m", "bot", "demo", *words, "--out", str(out)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd or Path(__file__).parents[2],
        env={**os.environ, **(env or {})},
    )
    demo = Demo(started, out)
    try:
        yield demo
    finally:
        if started.poll() is None:
            started.send_signal(signal.SIGCONT)
            started.terminate()
        demo.end()
        assert started.stdout
        assert started.stderr
        started.stdout.close()
        started.stderr.close()


def _below(pid: int) -> dict[int, str]:
    parents: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        if words := _stat(int(name)):
            parents.setdefault(int(words[1]), []).append(int(name))
    found, new = dict[int, str](), [pid]
    while new:
        each = new.pop()
        if words := _stat(each):
            found[each] = words[19]
        new += parents.get(each, [])
    return found


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name: state, parent, …; empty for one that has ended."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
    return [] if words[0] == "Z" else words


def left_of(tree: Mapping[int, str]) -> list[int]:
    return [pid for pid, began in tree.items() if (words := _stat(pid)) and words[19] == began]


def asked(balancer: str) -> Counter[str]:
    """Who answers through the balancer, asked by the test itself."""
    where = urlsplit(balancer)
    names: Counter[str] = Counter()
    for _ in range(20):
        connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=10)
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        names[answer.getheader("X-Served-By", "nobody")] += answer.status == 200
        connection.close()
    return names


# -------------------------------------------------------------------- two whole runs, at the same time


@dataclass(frozen=True)
class Ended:
    code: int
    errors: str
    lines: list[str]
    folder: Path
    measured: dict[str, Any]
    served: Counter[str]
    left: list[int]

    @property
    def draft(self) -> str:
        return Path(self.lines[-1]).read_text()


def whole(out: Path) -> Ended:
    """One played run; it is held still after the repair, so that the test can ask the balancer at leisure."""
    with running(*SEED, out=out) as demo:
        demo.until("Restored and verified")
        demo.process.send_signal(signal.SIGSTOP)
        served, tree = asked(demo.measured["balancer"]), demo.tree()
        demo.process.send_signal(signal.SIGCONT)
        code, errors = demo.end()
        return Ended(code, errors, demo.lines, demo.folder, demo.measured, served, left_of(tree))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Ended]:
    out = tmp_path_factory.mktemp("demo")
    with ThreadPoolExecutor(2) as both:
        return list(both.map(whole, [out, out]))


def test_two_runs_at_the_same_time_both_end_well(runs: list[Ended]) -> None:
    assert [run.code for run in runs] == [0, 0], [run.errors for run in runs]
    assert [run.errors for run in runs] == ["", ""]
    assert [run.left for run in runs] == [[], []]
    assert runs[0].folder != runs[1].folder
    assert runs[0].measured["balancer"] != runs[1].measured["balancer"]


def test_the_page_is_printed_first_and_the_draft_last(runs: list[Ended]) -> None:
    for run in runs:
        assert run.measured["page"] in run.lines[0]
        draft = Path(run.lines[-1])
        assert draft.is_absolute()
        assert draft.name == "postmortem.md"
        assert draft.is_relative_to(run.folder)
        assert "\x1b" not in "\n".join(run.lines)


def test_both_servers_serve_afterwards_as_the_balancer_tells_the_test_itself(runs: list[Ended]) -> None:
    for run in runs:
        assert set(run.served) == {"web-01", "web-02"}
        assert run.served.total() == 20
        assert set(run.measured["served"]) == {"web-01", "web-02"}


def test_a_seed_repeats_the_server_and_the_port(runs: list[Ended]) -> None:
    first, second = (run.measured for run in runs)
    assert first["seed"] == second["seed"] == 7
    assert (first["host"], first["port"]) == (second["host"], second["port"])


def test_what_was_measured_is_printed_and_written_down(runs: list[Ended]) -> None:
    for run in runs:
        told = "\n".join(run.lines)
        assert f"cause on the card: {run.measured['cause_seconds']:.2f} s" in told
        assert f"verified through the balancer {run.measured['restored_seconds']:.1f} s later" in told
        assert f"{run.measured['host']} to {run.measured['port']}" in told
        assert "43 minutes" in told


def test_the_draft_names_the_cause_its_proof_the_diff_the_approval_and_the_verification(runs: list[Ended]) -> None:
    for run in runs:
        draft, found = run.draft, run.measured
        cause = draft.partition("### Root cause")[2].partition("### Contributing")[0]
        assert "proved by checks" in cause
        assert f"{found['host']} has {found['port']} where {found['port_expected']} is expected" in cause
        assert re.search(r"/etc/nginx/conf\.d/site\.conf:\d+", cause)
        assert "uncommitted" in cause
        assert re.search(r"compared (web-01, web-02|web-02, web-01)", cause)
        diff = draft.partition("```diff\n")[2].partition("```")[0]
        assert re.search(rf"(?m)^-\s+listen \S+:{found['port']};$", diff)
        assert re.search(rf"(?m)^\+\s+listen \S+:{found['port_expected']};$", diff)
        assert re.search(r"Approved by a (responder|commander)", draft)
        assert re.search(r"(?m)^- Verified at .*it served \d of \d requests", draft)
        assert "the change was reloaded without running the checks first" in draft
        assert "run the same checks on every server config before production" in draft


def test_people_are_named_in_the_roster_only(runs: list[Ended]) -> None:
    before, _, rest = runs[0].draft.partition("## Roster")
    roster, _, after = rest.partition("\n## ")
    for name in CAST:
        assert not re.search(rf"\b{name}\b", before + after, re.IGNORECASE), name
    assert "ana" in roster
    assert "ben" in roster


def test_the_times_that_people_say_in_two_zones_are_one_instant(runs: list[Ended]) -> None:
    record = recorded(runs[0])
    said = {e["kind"]: e for e in record["timeline"] if e["typed"]}
    assert said["note"]["typed"] != said["began"]["typed"]
    assert said["note"]["occurred_at"] == said["began"]["occurred_at"]
    broken = runs[0].measured["broken_at"][:19]
    assert said["began"]["occurred_at"].startswith(broken)


def recorded(run: Ended) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(Path(run.lines[-1]).with_name("incident.json").read_text())
    return record


def test_the_record_tells_the_same_story_and_can_be_brought_in_again(runs: list[Ended], tmp_path: Path) -> None:
    record = recorded(runs[0])
    assert (record["format"], record["status"]) == ("muster/1", "closed")
    assert [c["verdict"] for c in record["causes"]].count("proved") == 1
    assert [(r["state"], len(r["approved_by"])) for r in record["remediations"]] == [("verified", 1)]
    assert all(record[key] for key in ("opened_at", "detected_at", "acknowledged_at", "mitigated_at", "closed_at"))
    file = Path(runs[0].lines[-1]).with_name("incident.json")
    settings = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'again.db'}"}

    def muster(*words: str) -> str:
        asked = [sys.executable, "-P", "-m", "bot", *words]
        return subprocess.check_output(asked, env=settings, cwd=tmp_path, timeout=60, text=True)

    assert "INC-1" in muster("import", str(file))
    assert json.loads(muster("export", "INC-1")) == record


# -------------------------------------------------------------------- nothing broken; broken off; impossible


def test_with_nothing_broken_nothing_happens(tmp_path: Path) -> None:
    with running("--story", "quiet", "--for", "3", out=tmp_path) as demo:
        code, errors = demo.end()
        assert (code, errors) == (0, "")
        assert (demo.measured["alerts"], demo.measured["incidents"]) == (0, [])


@pytest.mark.parametrize(
    ("number", "moment"),
    [(signal.SIGINT, "The chat, live"), (signal.SIGTERM, "cause on the card"), (signal.SIGHUP, "Starting")],
)
def test_a_signal_ends_everything_with_one_sentence(number: signal.Signals, moment: str, tmp_path: Path) -> None:
    with running("--auto", out=tmp_path) as demo:
        demo.until(moment)
        tree = demo.tree()
        demo.process.send_signal(number)
        demo.process.send_signal(number)  # an impatient second one changes nothing
        code, errors = demo.end()
        assert code == 128 + number
        assert errors == ""
        assert demo.lines[-1] == "Stopped before the end; everything that was started has ended."
        assert left_of(tree) == []


def test_the_bot_has_nothing_of_the_callers_settings_and_its_death_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SLACK_BOT_TOKEN=xoxb-of-the-file\nDATABASE_URL=sqlite:///mine.db\n")
    mine = {"SLACK_BOT_TOKEN": "xoxb-of-the-caller", "DD_API_KEY": "key-of-the-caller"}
    with running("--auto", out=tmp_path / "out", cwd=tmp_path, env=mine) as demo:
        demo.until("All is well")
        bot = next(pid for pid in demo.tree() if b"\0serve\0" in Path(f"/proc/{pid}/cmdline").read_bytes())
        environ = Path(f"/proc/{bot}/environ").read_text()
        assert Path(f"/proc/{bot}/cwd").resolve() == demo.folder
        tree = demo.tree()
        os.kill(bot, signal.SIGKILL)
        code, errors = demo.end()
        assert "of-the-" not in environ
        assert code == 1
        assert errors.startswith("The bot ended with exit code -9: ")
        assert errors.endswith(f"Its whole log is {demo.folder / 'bot.log'}.\n")
        assert errors.count("\n") == 1
        assert left_of(tree) == []
    assert not (tmp_path / "mine.db").exists()


def test_a_killed_demo_takes_the_bot_and_the_farm_along(tmp_path: Path) -> None:
    with running("--auto", out=tmp_path) as demo:
        demo.until("All is well")
        tree = demo.tree()
        assert len(tree) > 5
        demo.process.kill()
        demo.end()
        deadline = time.monotonic() + 20
        while left_of(tree) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert left_of(tree) == []


@pytest.mark.parametrize(
    ("words", "env", "code", "said"),
    [
        (["--story", "nothing"], {}, 2, "there is no story 'nothing'; there is seed, quiet"),
        (["--speed", "0"], {}, 2, "--speed"),
        (["--speed", "inf"], {}, 1, "--speed inf is no speed"),
        (["--auto"], {"PATH": "/nowhere"}, 1, "git"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(
    words: list[str], env: dict[str, str], code: int, said: str, tmp_path: Path
) -> None:
    with running(*words, out=tmp_path / "out", env=env) as demo:
        ended, errors = demo.end()
        assert (ended, demo.lines) == (code, [])
        assert said in errors
        assert "Traceback" not in errors
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_said_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with running("--auto", out=tmp_path / "file" / "demo") as demo:
        code, errors = demo.end()
        assert (code, demo.lines) == (1, [])
        told = f"The demo cannot write into {tmp_path / 'file' / 'demo'}: Not a directory."
        assert errors == f"{told} Choose another folder: muster demo --out DIR\n"


# -------------------------------------------------------------------- a person at the page


async def type_into(page: Page, words: str) -> None:
    await page.fill("#words", words)
    await page.press("#words", "Enter")


async def test_a_person_restores_resolves_and_closes_at_the_page(browser: Browser, tmp_path: Path) -> None:
    with running(out=tmp_path) as demo:
        turn = await asyncio.to_thread(demo.until, "Your turn. Open ")
        page = await browser.new_page()
        await page.goto(turn.rpartition(" ")[2])
        await page.get_by_role("button", name="Restore").click(timeout=20_000)
        await page.locator("dialog[open]").get_by_role("button", name="Approve").click()
        await asyncio.to_thread(demo.until, "Now type there: /incident resolve")
        await type_into(page, "/incident resolve")
        await asyncio.to_thread(demo.until, "Now type there: /incident close")
        await type_into(page, "/incident close")
        await asyncio.to_thread(demo.until, "Press Ctrl-C to end the lab.")
        async with page.context.expect_page() as opened:
            await page.get_by_role("link", name="postmortem.md").click(timeout=20_000)
        await expect((await opened.value).locator("body")).to_contain_text("# Postmortem: ")
        assert set(await asyncio.to_thread(asked, demo.measured["balancer"])) == {"web-01", "web-02"}
        tree = demo.tree()
        demo.process.send_signal(signal.SIGINT)
        code, errors = await asyncio.to_thread(demo.end)
        assert (code, errors) == (0, "")
        assert demo.lines[-1] == demo.measured["draft"]
        assert Path(demo.lines[-1]).is_file()  # noqa: ASYNC240 - nothing else waits here
        assert left_of(tree) == []
