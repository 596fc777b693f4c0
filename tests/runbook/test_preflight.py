"""The gate before production, with real nginx: what it lets through, what it stops, and what it records."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.lab.farm_config import balancer_files, web_files
from bot.runbook.boot import INSIDE, UNPRIVILEGED
from bot.store import Store
from tests.fake_servers import git

ROOT = Path(__file__).parents[2]
INVENTORY = """\
inventory: 1
groups:
  shop-web:
    service: shop
    role: web
    port: 8080
    behind: lb-01
    config: {repo: /etc, paths: [nginx]}
    hosts: {web-01: 10.0.0.11, web-02: 10.0.0.12}
  shop-lb:
    role: balancer
    port: 80
    config: {repo: /etc, paths: [nginx]}
    hosts: {lb-01: 10.0.0.10}
"""
SITE = "nginx/conf.d/site.conf"
TLS = """
server {
  listen 10.0.0.12:8443 ssl;
  ssl_certificate /etc/ssl/shop.pem;
  ssl_certificate_key /etc/ssl/shop.key;
}
"""


def namespaces() -> bool:
    """Whether this machine gives a process a network of its own; what is expected below depends on it."""
    enter = [*INSIDE, *(() if os.geteuid() == 0 else UNPRIVILEGED), "true"]
    return (
        shutil.which("unshare") is not None and subprocess.run(enter, capture_output=True, check=False).returncode == 0
    )


BOOTS = namespaces()
"""On a machine that does not, the second stage is unknown, and that is what the same tests then ask for."""


@dataclass(frozen=True)
class Workshop:
    """A repository of configurations, one folder a host, and a home with the shipped runbook."""

    folder: Path

    def __call__(self, *words: str, host: str = "web-02", **settings: str) -> tuple[int, dict[str, Any], str]:
        """Exit code, the report, and what was said on standard error."""
        asked = ["preflight", host, "--config", f"hosts/{host}", "--peers", "hosts", "--json", *words]
        done = self.run([sys.executable, "-m", "bot", *asked], **settings)
        return done.returncode, json.loads(done.stdout or "{}"), done.stderr

    def run(self, argv: list[str], **settings: str) -> subprocess.CompletedProcess[str]:
        """A command of this machine, with no settings but ours."""
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        env = {"PATH": path, "PYTHONPATH": str(ROOT), "MUSTER_HOME": str(self.folder / "home"), **settings}
        return subprocess.run(argv, cwd=self.folder, env=env, capture_output=True, text=True, timeout=60, check=False)

    def change(self, old: str, new: str, *, host: str = "web-02", file: str = SITE) -> None:
        place = self.folder / "hosts" / host / file
        text = place.read_text()
        assert old in text
        place.write_text(text.replace(old, new))


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    farm = {
        "web-01": web_files("web-01", "10.0.0.11", 8080),
        "web-02": web_files("web-02", "10.0.0.12", 8080),
        "lb-01": balancer_files("10.0.0.10", 80, [("10.0.0.11", 8080), ("10.0.0.12", 8080)]),
    }
    for host, files in farm.items():
        for path, text in files.items():
            if path.startswith("etc/"):
                place = tmp_path / "hosts" / host / path.removeprefix("etc/")
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "inventory.yaml").write_text(INVENTORY)
    shutil.copy(ROOT / "runbooks" / "web-out-of-rotation.yaml", tmp_path / "home")
    return Workshop(tmp_path)


def states(report: dict[str, Any]) -> dict[str, str]:
    return {result["check"]: result["state"] for result in report["results"]}


def booted(state: str) -> str:
    return state if BOOTS else "unknown"


def test_a_candidate_like_its_peers_passes_and_serves_on_its_own_address(workshop: Workshop) -> None:
    code, report, _ = workshop(*(["--strict"] if BOOTS else []))
    assert states(report) == {
        "config": "ok",
        "port": booted("ok"),
        "answers": booted("ok"),
        "loads": booted("ok"),
    }
    assert (code, report["passed"]) == (0, True)


def test_the_change_that_muster_was_born_from_is_stopped(workshop: Workshop) -> None:
    workshop.change(":8080;", ":8081;")
    code, report, _ = workshop("--junit", "out.xml")
    (config,) = [result for result in report["results"] if result["check"] == "config"]
    assert (config["state"], config["facts"]["found"], config["facts"]["expected"]) == ("fail", "8081", "8080")
    assert config["facts"]["decided-by"] == "balancer"
    assert states(report)["port"] == booted("fail")
    assert code == 1
    xml = (workshop.folder / "out.xml").read_text()
    assert f'tests="4" failures="{3 if BOOTS else 1}"' in xml
    assert 'name="config"' in xml


def test_a_config_that_does_not_load_is_stopped_by_its_own_fault(workshop: Workshop) -> None:
    workshop.change("server_name shop.test;", "server_nmae shop.test;")
    code, report, _ = workshop("--strict")
    assert states(report)["loads"] == booted("fail")
    assert code == 1


def test_what_stays_on_the_server_is_replaced_or_unknown_and_stops_nobody(workshop: Workshop) -> None:
    place = workshop.folder / "hosts/web-02" / SITE
    place.write_text(place.read_text().replace('return 200 "ok\\n";', "proxy_pass http://10.0.0.99:9000;") + TLS)
    code, report, _ = workshop()
    assert states(report)["answers"] == "unknown"  # the application behind it is not here
    assert states(report)["loads"] == booted("ok")
    assert states(report)["config"] == "fail"  # its peers have no second listener: this is said, too
    assert code == 1
    if BOOTS:
        assert "/etc/ssl/shop.key is not part of the candidate" in report["notes"][0]


def test_a_module_of_the_server_makes_the_second_stage_unknown_and_strictness_stops_it(workshop: Workshop) -> None:
    main = workshop.folder / "hosts/web-02/nginx/nginx.conf"
    main.write_text("load_module /usr/lib/nginx/modules/ngx_http_geoip2_module.so;\n" + main.read_text())
    assert workshop()[0] == 0
    code, report, _ = workshop("--strict")
    assert (code, states(report)["loads"], states(report)["port"]) == (1, "unknown", "unknown")


def test_a_strangers_certificates_lead_nowhere_and_leave_nothing_behind(workshop: Workshop) -> None:
    paths = ("/usr/local/x.pem", "/lib/x.pem", "/dev/null", "/", "../../../../x.pem", "/etc/nginx/out/x.pem")
    both = "".join(f"  ssl_certificate {path};\n  ssl_certificate_key {path};\n" for path in paths)
    place = workshop.folder / "hosts/web-02" / SITE
    place.write_text(place.read_text() + TLS.replace("  ssl_certificate /etc/ssl/shop.pem;\n", both))
    (workshop.folder / "outside").mkdir()
    (workshop.folder / "hosts/web-02/nginx/out").symlink_to(workshop.folder / "outside")
    (workshop.folder / "tmp").mkdir()
    code, report, told = workshop(TMPDIR=str(workshop.folder / "tmp"))
    assert (code, states(report)["port"], told) == (1, booted("fail"), "")
    assert not list((workshop.folder / "tmp").iterdir())
    assert not list((workshop.folder / "outside").iterdir())


def test_an_nginx_that_stays_in_the_foreground_is_asked_too(workshop: Workshop) -> None:
    main = workshop.folder / "hosts/web-02/nginx/nginx.conf"
    main.write_text("daemon off;\n" + main.read_text())
    code, report, _ = workshop()
    assert (code, states(report)["answers"]) == (0, booted("ok"))


def test_a_candidate_at_work_has_no_right_to_give_it_more(workshop: Workshop) -> None:
    (workshop.folder / "root").mkdir()
    tried = (
        "import ctypes, os, pathlib, resource; from bot.runbook.boot import _enter; _enter(pathlib.Path('root'))\n"
        "print(os.getuid() != 0, ctypes.CDLL(None).prctl(39, 0, 0, 0, 0), os.listdir('/'))\n"
        "try: os.chroot('.')\nexcept PermissionError: print('stays')"
    )
    enter = [*INSIDE, *(() if os.geteuid() == 0 else UNPRIVILEGED), sys.executable, "-c", tried]
    assert workshop.run(enter).stdout == ("True 1 []\nstays\n" if BOOTS else "")


def test_nothing_is_booted_outside_of_namespaces(workshop: Workshop) -> None:
    (workshop.folder / "root").mkdir()
    asked = ["preflight", "web-02", "--config", "hosts/web-02", "--peers", "hosts", "--inside", "root"]
    done = workshop.run([sys.executable, "-m", "bot", *asked])
    assert {result["state"] for result in json.loads(done.stdout)["results"]} == {"unknown"}
    assert not list((workshop.folder / "root").iterdir())


def test_no_host_no_folder_and_nothing_to_ask_are_said(workshop: Workshop) -> None:
    code, _, told = workshop(host="web-03")
    assert code == 2
    (workshop.folder / "hosts/web-03").mkdir()
    code, _, told = workshop(host="web-03")
    assert (code, "web-01, web-02, lb-01" in told) == (2, True)
    (workshop.folder / "home" / "web-out-of-rotation.yaml").unlink()
    code, _, told = workshop()
    assert (code, "preflight: true" in told) == (1, True)


def test_without_peers_and_key_the_comparison_is_unknown(workshop: Workshop) -> None:
    done = workshop.run([sys.executable, "-m", "bot", "preflight", "web-02", "--config", "hosts/web-02", "--json"])
    assert states(json.loads(done.stdout))["config"] == "unknown"


def test_what_passes_as_it_was_committed_is_recorded_as_known_good(workshop: Workshop) -> None:
    database = {"DATABASE_URL": f"sqlite:///{workshop.folder}/muster.db"}
    assert "not in a git repository" in workshop(**database)[1]["notes"][-1]
    git(workshop.folder, "init", "-q", "-b", "main")
    git(workshop.folder, "add", "-A")
    git(workshop.folder, "commit", "-q", "-m", "all hosts")
    commit = git(workshop.folder, "rev-parse", "HEAD").strip()
    assert commit[:9] in workshop(**database)[1]["notes"][-1]
    store = Store.open(database["DATABASE_URL"])
    good = store.known_good("web-02")
    store.close()
    assert good is not None
    assert (good.commit, good.tree) == (commit, git(workshop.folder, "rev-parse", "HEAD:hosts/web-02/nginx").strip())
    (workshop.folder / "hosts/web-02/nginx/conf.d/more.conf").write_text("# not committed\n")
    assert "not as in commit" in workshop(**database)[1]["notes"][-1]


def test_the_snippet_of_the_documentation_does_what_it_says(workshop: Workshop) -> None:
    (snippet,) = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "preflight.md").read_text(), re.DOTALL)
    if not BOOTS:
        snippet = snippet.replace("--strict ", "")
    git(workshop.folder, "init", "-q", "-b", "main")
    for change in ("server_name shop.test;", "server_name  shop.test;"):
        workshop.change("server_name", "server_name" if change.count("  ") == 0 else "server_name ")
        git(workshop.folder, "add", "-A")
        git(workshop.folder, "commit", "-q", "--allow-empty", "-m", change)
    passed = workshop.run(["sh", "-c", snippet])
    assert passed.returncode == 0, passed.stdout + passed.stderr
    workshop.change(":8080;", ":8081;")
    git(workshop.folder, "commit", "-q", "-a", "-m", "a new port")
    stopped = workshop.run(["sh", "-c", snippet])
    assert stopped.returncode == 1
    assert "decided by: balancer" in stopped.stdout
    assert (workshop.folder / "preflight-web-02.xml").exists()
