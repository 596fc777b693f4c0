"""The seed's runbook on a real farm: each state of a web server gets its cause, and the repair is real.

One test, because the states follow each other on one farm.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot import checks
from bot.hosts import Ssh
from bot.lab.farm import Farm
from bot.runbook.causes import Standing, judge
from bot.runbook.inventory import Group, Host, Inventory, SshAccess
from bot.runbook.repair import Ended, Repairs
from bot.runbook.run import Diagnosis, Runner
from bot.runbook.schema import load

RUNBOOK = Path(__file__).parents[2] / "runbooks/web-out-of-rotation.yaml"
Make = Callable[[], Awaitable[None]]


def inventory_of(farm: Farm) -> Inventory:
    """What the inventory of this farm says."""

    def hosts(group: str, names: list[str]) -> dict[str, Host]:
        return {
            n: Host(name=n, address=farm.hosts[n].address, ssh_port=farm.hosts[n].ssh_port, group=group) for n in names
        }

    web = Group(
        name="web",
        service="shop",
        role="web",
        port=farm.webs[0].port,
        behind=farm.balancer.name,
        config_repo="/etc",
        config_paths=("nginx",),
        hosts=hosts("web", [host.name for host in farm.webs]),
    )
    balancers = Group(name="lb", role="balancer", port=farm.balancer.port, hosts=hosts("lb", [farm.balancer.name]))
    return Inventory(groups={"web": web, "lb": balancers}, ssh=SshAccess(user="muster"))


def states(farm: Farm, host: str, other: int) -> dict[str, tuple[Make | None, str]]:
    """How each state is made, and a part of what is said about it."""
    return {
        "healthy": (None, ""),
        "committed": (lambda: farm.move_port(host, other, commit=True), "another port than its peers"),
        "changed on disk": (lambda: farm.move_port(host, other, reload=False), "next reload breaks"),
        "stopped": (lambda: farm.stop_nginx(host), "nginx is not running"),
        "syntax error": (lambda: farm.break_syntax(host), "does not load"),
        "frozen": (lambda: farm.freeze(host), "accepts connections and does not answer"),
        "application": (lambda: farm.answer_500(host), "the application behind it"),
        "balancer edited": (lambda: farm.misdirect(host, other), "The balancer sends to another port"),
        "slow": (lambda: farm.slow(host), "more slowly than its peers"),
        "packets dropped": (lambda: farm.drop_packets(host), "No answer at all"),
        "seed": (lambda: farm.move_port(host, other), "another port than its peers"),
    }


def differences(diagnosis: Diagnosis, host: str) -> dict[str, object]:
    return dict(next(r.facts for r in diagnosis.results if (r.check, r.host) == ("config", host)))


@pytest.mark.timeout(240)
async def test_each_state_gets_its_cause_and_the_seed_is_repaired(tmp_path: Path) -> None:
    runbook = load(RUNBOOK.read_text(), RUNBOOK.name, checks.load())
    async with await Farm.start(tmp_path / "farm") as farm:
        inventory = inventory_of(farm)
        known_hosts = tmp_path / "known_hosts"
        known_hosts.write_text(farm.known_hosts)
        runner = Runner(Ssh(inventory.ssh, key=farm.private_key, known_hosts=known_hosts), inventory)
        web = inventory.groups["web"]
        host = web.hosts[farm.webs[-1].name]
        port = farm.webs[-1].port
        facts: dict[str, object] = {}
        for name, (make, said) in states(farm, host.name, port + 7).items():
            await farm.reset()
            if make is not None:
                await make()
            await farm.served_by(6)
            diagnosis = await runner.diagnose(runbook, host)
            verdicts = judge(runbook, host, diagnosis.results, group=web)
            proved = next((v for v in verdicts if v.verdict is Standing.PROVED), None)
            assert (proved is None) == (not said), name
            assert proved is None or said in proved.text, name
            facts = differences(diagnosis, host.name)
            if name == "frozen":
                await farm.thaw(host.name)
        assert (facts["found"], facts["expected"]) == (str(port + 7), str(port))
        assert (facts["file"], facts["decided-by"]) == ("/etc/nginx/conf.d/site.conf", "balancer")
        await repair(Repairs(runner), runner, farm, host)


async def repair(repairs: Repairs, runner: Runner, farm: Farm, host: Host) -> None:
    """From preview to both servers served again, seen by asking the balancer."""
    runbook = load(RUNBOOK.read_text(), RUNBOOK.name, checks.load())
    stages: list[str] = []

    async def told(stage: str) -> None:
        stages.append(stage)

    plan = await repairs.preview(runbook, "restore-config", host)
    outcome = await repairs.apply(plan, runbook, host, on_stage=told)
    assert outcome.state is Ended.VERIFIED, outcome.text
    assert stages == ["running", "testing", "acting", "verifying"]
    assert len(await farm.served_by(8)) == 2
    after = await runner.diagnose(runbook, host)
    assert all(result.state in ("ok", "skipped") for result in after.results)
