"""The shipped runbook on a real farm: each state of a server gets the cause that states.json names, and no other.

One farm for all of them: two or three web servers, in front of them nginx and HAProxy.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio

from bot import checks
from bot.hosts import Ssh
from bot.incident import RepairState, Verdict
from bot.lab.farm import Farm
from bot.runbook.causes import judge
from bot.runbook.inventory import Group, Host, Inventory, SshAccess
from bot.runbook.plan import Plan
from bot.runbook.repair import Repairs
from bot.runbook.result import Result
from bot.runbook.run import Runner
from bot.runbook.runbook import At, Check
from bot.runbook.schema import load

FILE = Path(__file__).parents[2] / "runbooks/web-out-of-rotation.yaml"
RUNBOOK = load(FILE.read_text(), FILE.name, checks.load())
STATES: Mapping[str, Sequence[tuple[str, str | None]]] = json.loads((Path(__file__).parent / "states.json").read_text())
Make = Callable[[], Awaitable[object]]
AFFECTED = "web-02"
HEALTH_CHECKS = 0.8
"""Seconds after which HAProxy has noticed that a server is gone or back."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Site:
    """The farm, and how it is reached."""

    farm: Farm
    ssh: Ssh

    def inventory(self, where: str) -> Inventory:
        """Two or three servers behind one of the balancers."""
        number = 3 if where.startswith("three") else 2
        behind = "lb-02" if where.endswith("haproxy") else "lb-01"
        return inventory_of(self.farm, [host.name for host in self.farm.webs][:number], behind)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    folder = tmp_path_factory.mktemp("states")
    async with await Farm.start(folder / "farm", servers=3, haproxy=True) as farm:
        known_hosts = folder / "known_hosts"
        known_hosts.write_text(farm.known_hosts)
        yield Site(farm, Ssh(SshAccess(user="muster"), key=farm.private_key, known_hosts=known_hosts))


def inventory_of(farm: Farm, servers: Sequence[str], behind: str) -> Inventory:
    """What the inventory of this farm says."""

    def hosts(group: str, names: Sequence[str]) -> dict[str, Host]:
        return {
            n: Host(name=n, address=farm.hosts[n].address, ssh_port=farm.hosts[n].ssh_port, group=group) for n in names
        }

    web = Group(
        name="web",
        service="shop",
        role="web",
        port=farm.webs[0].port,
        behind=behind,
        config_repo="/etc",
        config_paths=("nginx",),
        hosts=hosts("web", servers),
    )
    balancers = Group(name="lb", role="balancer", port=farm.balancer.port, hosts=hosts("lb", [behind]))
    return Inventory(groups={"web": web, "lb": balancers}, ssh=SshAccess(user="muster"))


def ways(farm: Farm) -> Mapping[str, Sequence[Make]]:
    """How each state is made of a farm as provisioned."""
    host, other = AFFECTED, farm.webs[0].port + 7
    return {
        "healthy": (),
        "seed": (lambda: farm.move_port(host, other),),
        "committed": (lambda: farm.move_port(host, other, commit=True),),
        "changed on disk": (lambda: farm.move_port(host, other, reload=False),),
        "stopped": (lambda: farm.stop_nginx(host),),
        "syntax error": (lambda: farm.break_syntax(host),),
        "frozen": (lambda: farm.freeze(host),),
        "packets dropped": (lambda: farm.drop_packets(host),),
        "application answers 500": (lambda: farm.answer_500(host),),
        "balancer edited": (lambda: farm.misdirect(host, other),),
        "slow": (lambda: farm.slow(host),),
        "both moved": (lambda: farm.move_port(host, other), lambda: farm.move_port("web-01", other)),
        "both stopped": (lambda: farm.stop_nginx(host), lambda: farm.stop_nginx("web-01")),
        "balancer sends both elsewhere": (
            lambda: farm.misdirect(host, other),
            lambda: farm.misdirect("web-01", other),
        ),
        "balancer switched it off": (lambda: farm.switch_off(host),),
        "two of three moved": (lambda: farm.move_port(host, other), lambda: farm.move_port("web-03", other)),
        "moved, another one stopped": (lambda: farm.move_port(host, other), lambda: farm.stop_nginx("web-03")),
        "another one moved": (lambda: farm.move_port("web-03", other),),
        "haproxy edited": (lambda: farm.misdirect_haproxy(host, other),),
        "haproxy took it out": (lambda: farm.take_out(host),),
    }


@asynccontextmanager
async def made(site: Site, where: str, state: str) -> AsyncIterator[None]:
    """The farm in this state, noticed by its balancer."""
    await site.farm.reset()
    try:
        for make in ways(site.farm)[state]:
            await make()
        if where.endswith("haproxy"):
            await asyncio.sleep(HEALTH_CHECKS)
        elif state != "frozen":  # each of its requests would wait until the balancer gives up
            await site.farm.served_by(6)
        yield
    finally:
        await site.farm.thaw(AFFECTED)


async def first_proof(site: Site, where: str) -> tuple[str | None, str]:
    """The id of the first cause that a run proves, and what explains it; without one, all answers."""
    inventory = site.inventory(where)
    web = inventory.groups["web"]
    diagnosis = await Runner(site.ssh, inventory).diagnose(RUNBOOK, web.hosts[AFFECTED])
    verdicts = judge(RUNBOOK, web.hosts[AFFECTED], diagnosis.results, group=web)
    proved = next((verdict for verdict in verdicts if verdict.verdict is Verdict.PROVED), None)
    answers = (f"{r.check}@{r.host} {r.state} {r.reason} {r.summary}" for r in diagnosis.results)
    return (proved.id, proved.text) if proved else (None, "\n".join(answers))


CASES = [(where, *row) for where, rows in STATES.items() if "servers" in where for row in rows]


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("where", "state", "cause"), CASES)
async def test_a_state_gets_its_cause(site: Site, where: str, state: str, cause: str | None) -> None:
    async with made(site, where, state):
        for _ in range(3 if where == "two servers behind nginx" else 1):
            found, said = await first_proof(site, where)
            assert found == cause, said


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("where", "state", "cause"), CASES)
async def test_a_state_gets_its_cause_twenty_times_of_twenty(
    site: Site, where: str, state: str, cause: str | None
) -> None:
    found: Counter[str | None] = Counter()
    for _ in range(20):
        async with made(site, where, state):
            found[(await first_proof(site, where))[0]] += 1
    assert found == {cause: 20}


async def test_the_seed_names_the_line_and_its_repair_is_real(site: Site) -> None:
    where, port = "two servers behind nginx", site.farm.webs[0].port
    inventory = site.inventory(where)
    runner, host = Runner(site.ssh, inventory), inventory.groups["web"].hosts[AFFECTED]
    async with made(site, where, "seed"):
        diagnosis = await runner.diagnose(RUNBOOK, host)
    facts = next(r.facts for r in diagnosis.results if (r.check, r.host) == ("config", AFFECTED))
    assert (facts["found"], facts["expected"]) == (str(port + 7), str(port))
    assert (facts["file"], facts["decided-by"]) == ("/etc/nginx/conf.d/site.conf", "balancer")
    await repair(Repairs(runner), runner, site.farm, host)


async def repair(repairs: Repairs, runner: Runner, farm: Farm, host: Host) -> None:
    """From preview to all servers served again, seen by asking the balancer."""
    stages: list[str] = []

    async def told(stage: str, _: Plan) -> None:
        stages.append(stage)

    plan = await repairs.preview(RUNBOOK, "restore-config", host)
    outcome = await repairs.apply(plan.id, RUNBOOK, plan.action, host, on_stage=told)
    assert outcome.state is RepairState.VERIFIED, outcome.text
    assert stages == ["running", "testing", "acting", "verifying"]
    assert len(await farm.served_by(9)) == 3
    after = await runner.diagnose(RUNBOOK, host)
    assert all(result.state in ("ok", "skipped") for result in after.results)


QUESTIONS: Mapping[str, Mapping[str, object]] = {
    "tcp": {"port": "$host.port"},
    "http": {"url": "http://$host.address:$host.port/"},
    "tls": {"port": "$host.port"},
    "dns": {"name": "$host.address"},
    "unit": {"name": "nginx"},
    "listening": {"port": "$host.port"},
    "disk": {},
    "memory": {},
    "load": {},
    "file": {"path": "/etc/nginx/nginx.conf", "contains": "http", "owner": "nobody"},
    "drift": {"repo": "/etc", "paths": ("nginx", "haproxy")},
    "nginx": {"same": ("listen", "server-names", "locations", "upstreams"), "live": True},
    "balancer": {},
    "replication": {"engine": "mysql"},
    "metric": {"query": "avg:system.load.1{*}", "below": 1.0},
    "logs": {"query": "status:error"},
    "monitor": {"query": "service:shop"},
    "nagios": {"argv": ("/usr/bin/uptime",)},
    "command": {"argv": ("ls", "-lan", "/etc/nginx")},
    "growth": {"path": "/var"},
    "deleted": {},
}
"""Every noun, asked without touching: a new one is added here."""


def state_of_files(root: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Mode, owner, time and content of all below etc and run, git's own files too; folders by their time alone."""
    found = {}
    for place in sorted([*(root / "etc").rglob("*"), *(root / "run").rglob("*")]):
        seen = place.lstat()
        content = hashlib.sha256(place.read_bytes()).digest() if place.is_file() else b""
        found[str(place.relative_to(root))] = (seen.st_mode, seen.st_uid, seen.st_mtime_ns, content)
    return found


@pytest.mark.parametrize("where", ["two servers behind nginx", "two servers behind haproxy"])
async def test_no_check_that_only_looks_changes_a_file_of_any_host(site: Site, where: str) -> None:
    assert set(QUESTIONS) == {n.name for n in checks.load().values() if n.ask.__module__.startswith("bot.checks.")}
    inventory = replace(site.inventory(where), allow=(("/usr/bin/uptime",), ("ls", "*")))
    asked = {
        f"{noun}-{at}": Check(name=f"{noun}-{at}", noun=noun, words=words, at=at)
        for noun, words in QUESTIONS.items()
        for at in (At.GROUP, At.BALANCER)
    }
    last = Check(name="loads", noun="nginx", words={"test": True}, at=At.GROUP)
    everything = replace(RUNBOOK, checks={"loads": last, **asked}, causes=(), actions={})
    told: list[str] = []
    before: dict[str, object] = {}

    async def heard(result: Result) -> None:
        told.append(result.check)
        if len(told) == 3 * len(QUESTIONS):  # all have looked; what touches has not begun
            before["after"] = {name: state_of_files(root) for name, root in site.farm.roots.items()}

    await site.farm.reset()
    start = {name: state_of_files(root) for name, root in site.farm.roots.items()}
    host = inventory.groups["web"].hosts[AFFECTED]
    diagnosis = await Runner(site.ssh, inventory).diagnose(everything, host, on_result=heard)
    assert before["after"] == start
    assert told[-2:] == ["loads", "loads"]
    looked = {r.check.rpartition("-")[0] for r in diagnosis.results if r.state.value in ("ok", "fail", "warn")}
    away = {"metric", "logs", "monitor", "replication", "deleted"}  # no such program or neighbour here
    assert looked >= set(QUESTIONS) - away


async def test_a_host_that_is_not_ours_is_never_asked(site: Site) -> None:
    inventory = site.inventory("two servers behind nginx")
    assert inventory.find("web-03") is None, "a real server, and not in this inventory"
    stranger = Host(name="web-03", address=site.farm.hosts["web-03"].address, group="web")
    over_ssh = [name for name, check in RUNBOOK.checks.items() if checks.NOUNS[check.noun].over_ssh]
    diagnosis = await Runner(site.ssh, inventory).diagnose(RUNBOOK, stranger, only=over_ssh)
    asked = [result for result in diagnosis.results if result.host == "web-03"]
    assert {(result.state.value, result.reason) for result in asked} == {("unknown", "no-access")}
    verdicts = judge(RUNBOOK, stranger, diagnosis.results, group=inventory.groups["web"])
    assert not [verdict for verdict in verdicts if verdict.verdict is Verdict.PROVED]
