"""The command line as people run it: real processes, their words and their exit codes."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import main

ROOT = Path(__file__).parents[1]
INVENTORY = """\
inventory: 1
groups:
  shop-web:
    service: shop
    role: web
    port: 8080
    behind: lb-01
    hosts:
      web-01: {address: 127.9.0.11}
      web-02: {address: 127.9.0.12}
  shop-lb:
    role: balancer
    hosts:
      lb-01: {address: 127.9.0.10}
"""


@dataclass(frozen=True)
class Ran:
    """What a run of the command line left."""

    exit: int
    out: str
    err: str

    @property
    def refusal(self) -> str:
        """The sentence on standard error of a run that did not do it; it is never a traceback."""
        assert (self.exit, self.out) == (1, ""), self
        assert "Traceback" not in self.err
        return self.err.strip()


@dataclass(frozen=True)
class Machine:
    """A folder in which `muster` is run, without any settings but those given."""

    folder: Path

    def __call__(self, *words: str | bytes, typed: bytes = b"", **settings: Any) -> Ran:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        argv = [os.fsencode(sys.executable), b"-m", b"bot", *(os.fsencode(word) for word in words)]
        done = subprocess.run(
            argv,
            input=typed,
            capture_output=True,
            cwd=self.folder,
            env={**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "120", **settings},
            timeout=60,
            check=False,
        )
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return Ran(exit=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())

    def put(self, path: str, text: str | bytes) -> Path:
        """Write a file."""
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text if isinstance(text, bytes) else text.encode())
        return place


@pytest.fixture
def muster(tmp_path: Path) -> Machine:
    """An empty folder and no settings at all."""
    return Machine(tmp_path)


def test_an_incident_is_run_from_a_bare_terminal(muster: Machine) -> None:
    opened = muster("say", "declare", "Pages", "are", "slow", "--as", "ana", "--now", "2026-11-22T10:30Z")
    assert (opened.exit, opened.out, opened.err) == (0, "INC-1 opened: Pages are slow\n", "")
    assert muster("say", "declare Checkout is down", "--now", "2026-11-22 10:31 UTC").out.split()[0] == "INC-2"
    which = muster("say", "note", "hi").refusal
    assert "INC-1 (Pages are slow), INC-2 (Checkout is down)" in which
    noted = muster("say", "INC-1", "note", "hi", "--now", "2026-11-22T13:35", "--zone", "Africa/Nairobi", "--as", "ana")
    assert noted.out == "E2 noted.\n"
    listed = json.loads(muster("list", "--json").out)
    assert [row["id"] for row in listed] == ["INC-1", "INC-2"]
    assert listed[0] == {
        "id": "INC-1",
        "title": "Pages are slow",
        "severity": "SEV3",
        "status": "investigating",
        "service": "",
        "opened_at": "2026-11-22T10:30:00Z",
        "channel": "",
    }
    entry = json.loads(muster("export", "INC-1").out)["timeline"][-1]
    assert (entry["occurred_at"], entry["author"]["name"]) == ("2026-11-22T10:35:00Z", "ana")
    assert entry["source"] == {"type": "cli", "url": ""}


def test_lines_from_standard_input(muster: Machine) -> None:
    typed = (
        "declare Pages are slow\nnote one \u00fc\nnonsense here\n\nat 10:31 two\nsev 9\nclose\n".encode()
        + b"note \xff\n"
    )
    ran = muster("say", "--now", "2026-11-22T10:45Z", "--", "-", typed=typed)
    assert ran.exit == 1
    assert [line.split()[0] for line in ran.out.splitlines()] == ["INC-1", "E2", "E3", "INC-1", "E6"]
    assert len(ran.err.splitlines()) == 2
    again = muster("say", "INC-1 -", typed=b"reopen\nhistory E2\n")
    assert (again.exit, len(again.out.splitlines())) == (0, 2)
    nobody = muster("say", "INC-9", "-", typed=b"note x\n")
    assert nobody.refusal.startswith("Nothing was done: there is no incident INC-9;")
    assert muster("list").out.split()[:3] == ["INC-1", "SEV3", "investigating"]
    assert muster("list", "--open", "--json").exit == 0


def test_a_dash_inside_of_a_sentence_and_odd_bytes_are_text(muster: Machine) -> None:
    assert muster("say", "declare", b"caf\xe9", "is", "-", "down").out == "INC-1 opened: caf\ufffd is - down\n"
    assert muster("say", "note", "-", LC_ALL="POSIX", PYTHONIOENCODING="ascii").out == "E2 noted.\n"
    assert muster("say", "note", "--force", "-x", "was used").out == "E3 noted.\n"
    assert [e["text"] for e in json.loads(muster("export", "INC-1").out)["timeline"][1:]] == [
        "-",
        "--force -x was used",
    ]


@pytest.mark.parametrize("kind", ["sqlite_url", "postgres_url"])
def test_export_import_export_is_identical(muster: Machine, kind: str, request: pytest.FixtureRequest) -> None:
    url: str = request.getfixturevalue(kind)
    lines = "declare Pages are slow\nat 10:31 found it\nfix E2 found port 8081\nresolve\nclose\ndeclare Zweite – “ü”\n"
    assert muster("say", "-", typed=lines.encode(), DATABASE_URL=url).exit == 0
    first = muster("export", DATABASE_URL=url).out
    assert len(first.splitlines()) == 2
    file = muster.put("records.jsonl", first)
    fresh = f"sqlite:///{muster.folder / 'fresh.db'}"
    assert muster("import", str(file), DATABASE_URL=fresh).out == "INC-1\nINC-2\n"
    assert muster("export", DATABASE_URL=fresh).out == first
    assert "INC-1 is here already" in muster("import", str(file), DATABASE_URL=fresh).refusal


def test_files_that_are_no_records(muster: Machine) -> None:
    assert "is not text in UTF-8" in muster("import", str(muster.put("a", b"\xff\xfe"))).refusal
    assert "line 2" in muster("import", str(muster.put("b", '{"format": "muster/1",\n nonsense}'))).refusal
    assert "muster/1" in muster("import", str(muster.put("c", "{}"))).refusal
    assert "the record INC-1 cannot be read: 'title' is missing" in (
        muster("import", str(muster.put("d", '{"format": "muster/1", "id": "INC-1"}'))).refusal
    )
    assert muster("import", "none.json").exit == 2
    assert muster("import", ".").exit == 2
    assert "a is not text in UTF-8" in muster("import", "--timeline", "a").refusal


@pytest.mark.parametrize("neighbour", ["slack", "datadog"])
def test_an_address_without_encryption_is_not_set_up(muster: Machine, neighbour: str) -> None:
    assert (
        "give the address at which Muster is reached, https://…"
        in muster("setup", neighbour, "--url", "muster.example.com").refusal
    )


def test_what_is_derived_is_made_again_from_the_facts(muster: Machine) -> None:
    muster("say", "declare", "Pages", "are", "slow")
    listed = muster("list").out
    with closing(sqlite3.connect(muster.folder / "var/muster.db")) as database, database:
        database.execute("UPDATE incident SET title = 'Something else'")
    assert muster("list").out != listed
    assert muster("rebuild").out == "Done: 1 incidents.\n"
    assert muster("list").out == listed


def test_a_postmortem_goes_to_a_file_or_to_the_terminal(muster: Machine) -> None:
    muster("say", "-", typed=b"declare Pages are slow\nresolve\nclose\n")
    assert muster("postmortem", "INC-1", "-o", "draft.md").out == "draft.md\n"
    assert muster("postmortem", "INC-1").out == (muster.folder / "draft.md").read_text()
    assert "name another file." in muster("postmortem", "INC-1", "-o", "none/draft.md").refusal
    assert "“muster list” shows all" in muster("postmortem", "INC-9").refusal
    assert muster("explain", "INC-1").out == "No alert belongs to INC-1: people opened it.\n"
    assert json.loads(muster("explain", "INC-1", "--json").out) == []
    assert "there is no delivery D1" in muster("explain", "D1").refusal


def test_check_with_nothing_and_with_everything_broken(muster: Machine) -> None:
    bare = muster("check")
    assert (bare.exit, bare.err) == (0, "")
    assert "policy.yaml is not there: the defaults hold." in bare.out
    assert not (muster.folder / "var").exists()
    muster.put("runbooks/policy.yaml", "policy: 1\nseverty: x\n")
    muster.put("runbooks/inventory.yaml", "inventory: 1\ngroups: {web: {prot: 80}}\n")
    muster.put("runbooks/web.yaml", "runbook: 1\nname: web\nowner: x\nchecks:\n  port: {tpc: {port: 80}}\n")
    lines = muster("check", PORT="x", MUSTER_TZ="Africa").refusal.splitlines()
    assert [line.partition(" ")[0] for line in lines[:2]] == ["PORT", "MUSTER_TZ"]
    for place in ("inventory.yaml:2:16:", "policy.yaml:2:1:", "web.yaml:5:10:"):
        assert any(f"runbooks/{place}" in line for line in lines[2:]), (place, lines)
    assert "web.yaml:5:" in muster("runbook", "lint").refusal


def test_check_says_which_keys_nobody_has_decided(muster: Machine) -> None:
    for name in ("policy", "inventory"):
        muster.put(f"runbooks/{name}.yaml", (ROOT / "tests" / "data" / f"{name}.example.yaml").read_text())
    told = muster("check")
    assert (told.exit, told.err) == (0, "")
    assert "runbooks/policy.yaml: the defaults hold for rehearsal, repairs-per-hour." in told.out.splitlines()
    assert "inventory.yaml" not in told.out
    assert "serve: SLACK_BOT_TOKEN is not set" in told.out
    newer = """policy: 1
announce: [incidents, status]
rules: [{match: {}, do: open, on-recovery: close}]
rehearsal: {every: 12h, stale-after: 3d}
repairs-per-hour: 2
datadog: {reconcile: off}
"""
    muster.put("runbooks/policy.yaml", newer)
    muster.put("runbooks/inventory.yaml", "inventory: 1\nssh: {act: {user: fixer, key: secret:act}}\n")
    told = muster("check", "--json")
    notes = json.loads(told.out)["notes"]
    assert any(note.startswith("runbooks/policy.yaml: the defaults hold for command, severities,") for note in notes)
    assert "runbooks/inventory.yaml: the defaults hold for groups, allow." in notes
    muster.put("runbooks/policy.yaml", "policy: 1\nannounce: 7 8\n")
    broken = muster("check", "--json", PORT="x")
    assert broken.exit == 1
    assert [problem.partition(" ")[0] for problem in json.loads(broken.out)["problems"]] == [
        "PORT",
        "runbooks/policy.yaml:2:1:",
    ]


def test_doctor_works_with_nothing_and_fails_with_a_finding(muster: Machine) -> None:
    bare = muster("doctor")
    assert (bare.exit, bare.err) == (0, "")
    assert "off      Slack: not configured. Set SLACK_BOT_TOKEN" in bare.out
    assert not (muster.folder / "var").exists()
    assert "runbooks is no folder, so there are no runbooks" in muster("check").out
    muster.put("file", "")
    assert "file is no folder. Name the right one" in muster("doctor", MUSTER_HOME="file").out
    broken = muster("doctor", "--json", PORT="x", DATABASE_URL="mysql://x/y")
    assert (broken.exit, broken.err) == (1, "")
    wrong = [one for one in json.loads(broken.out) if one["sign"] == "problem"]
    assert [one["about"] for one in wrong] == ["Settings", "Database"]
    assert all(one["fix"] for one in wrong)


def test_ctrl_c_while_the_program_loads_ends_it_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bot.cli.load", interrupted)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130


def test_runbooks_are_listed_checked_and_shown_without_asking(muster: Machine) -> None:
    muster.put("runbooks/inventory.yaml", INVENTORY)
    muster.put("runbooks/web.yaml", (ROOT / "runbooks" / "web-out-of-rotation.yaml").read_text())
    assert [row["name"] for row in json.loads(muster("runbook", "list", "--json").out)] == ["web-out-of-rotation"]
    assert muster("runbook", "lint").out == "Runbooks: 1, all well.\n"
    dry = muster("runbook", "run", "web-out-of-rotation", "--on", "web-02", "--dry")
    assert (dry.exit, dry.err) == (0, "")
    assert "port: tcp port=8080 on web-02 (127.9.0.12 from here, within 1 s)" in dry.out.splitlines()
    muster.put("draft/new.yaml", "runbook: 1\nname: web\nowner: x\nchecks:\n  port: {tpc: {port: 80}}\n")
    refusal = muster("runbook", "lint", "draft/new.yaml", "gone.yaml").refusal
    assert "draft/new.yaml:5:10: checks.port.tpc: 'tpc' is not a kind of check; did you mean 'tcp'?" in refusal
    assert "gone.yaml:1:1: is not there" in refusal
    none = muster("runbook", "lint", MUSTER_HOME="nowhere").refusal
    assert none == "Nothing was checked: there is no runbook in nowhere; it would be a file NAME.yaml there."
    stranger = muster("runbook", "run", "web-out-of-rotation", "--on", "web-9")
    assert "the inventory does not know web-9" in stranger.refusal
    assert "Add 'ssh:" in muster("runbook", "run", "web-out-of-rotation", "--on", "web-02").refusal


@pytest.mark.parametrize(
    ("words", "settings", "sentence"),
    [
        (["list"], {"DATABASE_URL": "mysql://x/y"}, "DATABASE_URL names a 'mysql' database"),
        (["list"], {"DATABASE_URL": "sqlite:////proc/none/muster.db"}, "name another path in DATABASE_URL"),
        (["list"], {"DATABASE_URL": "postgresql://u@127.0.0.1:1/x"}, "Check DATABASE_URL, and that the database runs."),
        (["list"], {"PORT": "x", "LOG_LEVEL": "loud"}, "PORT is 'x'"),
        (["say", "note x", "--now", "soon"], {}, "it is no time"),
        (["say", "note x", "--zone", "Mars"], {}, "is not a time zone I know"),
        (["serve"], {}, "SLACK_BOT_TOKEN is not set"),
    ],
)
def test_what_cannot_be_done_is_said_on_standard_error(
    muster: Machine, words: list[str], settings: dict[str, Any], sentence: str
) -> None:
    assert sentence in muster(*words, **settings).refusal


def test_a_port_that_is_taken_is_named(muster: Machine) -> None:
    needed: dict[str, Any] = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "s", "DATADOG_WEBHOOK_SECRET": "s"}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = muster("serve", HOST="127.0.0.1", PORT=str(port), SLACK_API_URL="http://127.0.0.1:9/api/", **needed)
    assert ran.exit == 1
    assert f"127.0.0.1:{port} cannot be listened on (Address already in use): set PORT or HOST" in ran.err


@pytest.mark.parametrize("words", [["say"], ["lst"], ["runbook", "run", "web"], ["list", "--nope"]])
def test_wrong_usage_is_exit_2(muster: Machine, words: list[str]) -> None:
    ran = muster(*words)
    assert (ran.exit, ran.out) == (2, "")
    assert "Usage:" in ran.err


FIXTURES = ROOT / "tests" / "alerts" / "fixtures" / "datadog"
RULES = """policy: 1
rules:
  - {match: {tags: {env: prod}}, do: propose, on-recovery: close}
  - {match: {}, do: ignore}
"""


def test_who_reads_no_further_hears_no_complaint(muster: Machine) -> None:
    shown = f"{sys.executable} -m bot runbook schema | head -n 1"
    done = subprocess.run(
        ["sh", "-c", shown],
        capture_output=True,
        cwd=muster.folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == (b"{\n", b"")


def test_it_says_which_version_it_is(muster: Machine) -> None:
    assert muster("--version").out.startswith("muster")


def test_rules_are_tried_on_recorded_payloads_without_asking_anybody(muster: Machine) -> None:
    (muster.folder / "runbooks").mkdir(exist_ok=True)
    (muster.folder / "runbooks" / "policy.yaml").write_text(RULES)
    (muster.folder / "runbooks" / "inventory.yaml").write_text(INVENTORY)
    triggered, broken = FIXTURES / "triggered.json", FIXTURES / "old_default_payload.json"
    ran = muster("rules", "test", str(triggered), str(FIXTURES / "test_notification.json"))
    first, second = ran.out.splitlines()
    assert (ran.exit, ran.err) == (0, "")
    assert (
        first == f"{triggered}  propose  rule 1 of the policy (propose)  web-02  Triggered: Web server out of rotation"
    )
    assert "ignore  a test notification" in second
    lines = ROOT / "tests" / "data" / "sixty_posts.jsonl"
    told = json.loads(muster("rules", "test", str(lines), "--json").out)
    assert len(told) == 60
    assert (told[1]["file"], told[1]["does"], told[1]["host"], told[1]["place"]) == (
        f"{lines}:2",
        "propose",
        "web-02",
        "service shop prod",
    )
    failed = muster("rules", "test", str(triggered), str(broken))
    assert failed.exit == 1
    assert f"{broken}: not understood: neither a monitor id nor a title" in failed.out
    assert json.loads(muster("rules", "test", "-", "--json", typed=triggered.read_bytes()).out)[0]["does"] == "propose"
    assert muster("rules", "test", str(muster.folder / "none.json")).refusal.startswith("Nothing was tested: ")
    (muster.folder / "odd.json").write_bytes(b"\xff{")
    assert muster("rules", "test", str(muster.folder / "odd.json")).exit == 1


def test_a_timeline_becomes_an_incident_and_what_is_unclear_is_asked(muster: Machine) -> None:
    muster.put("Web is out.md", "10:30am – first alert\n26:10 what is this\n11.15am – restored\n")
    words = ("--date", "2024-01-15", "--zone", "EAT", "--now", "2024-01-18T09:00Z")
    done = muster("import", "--timeline", "Web is out.md", *words)
    assert done.exit == 1
    assert done.out.splitlines() == [
        "INC-1 opened: Web is out",
        "E2 at 2024-01-15 10:30 EAT (07:30 UTC): first alert",
        "E3 kept as typed, without a time: what is this",
        "E4 at 2024-01-15 11:15 EAT (08:15 UTC): restored",
    ]
    assert done.err.startswith("line 2: “26:10” what is this: “26:10” is on no clock")
    again = muster("import", "--timeline", "Web is out.md", "INC-1", *words)
    assert (again.exit, again.out.splitlines()[-1]) == (0, "Nothing was added: every row is in INC-1 already.")
    rows = json.loads(muster("export", "INC-1").out)["timeline"]
    assert [(row["typed"], row["occurred_at"], row["precision"]) for row in rows[1:]] == [
        ("10:30am", "2024-01-15T07:30:00Z", "minute"),
        ("26:10", None, "unknown"),
        ("11.15am", "2024-01-15T08:15:00Z", "minute"),
    ]
    assert "it is no date" in muster("import", "--timeline", "Web is out.md", "--date", "99").refusal
    piped = muster("import", "--timeline", "/dev/stdin", *words, typed=b"10:00 what a shell hands over\n")
    assert (piped.exit, piped.out.splitlines()[0]) == (0, "INC-2 opened: timeline")
