"""The farm breaks, shows and ends as real servers do, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
import yaml

from bot.lab import farm_config
from bot.lab.farm import Farm, LabHost
from bot.ports import GaveUp, NotAllowed

pytestmark = pytest.mark.asyncio(loop_scope="module")

REPOSITORY = Path(__file__).parents[2]
HOLDER = """
import asyncio, sys
from pathlib import Path
from bot.lab.farm import Farm
async def hold():
    farm = await Farm.start(Path(sys.argv[1]))
    if sys.argv[2:]:
        await farm.freeze(sys.argv[2])
    print(farm.pid, farm.roots["lb-01"].parent, flush=True)
    await asyncio.sleep(60)
asyncio.run(hold())
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Farm]:
    async with await Farm.start(tmp_path_factory.mktemp("farm")) as farm:
        yield farm


@pytest_asyncio.fixture(loop_scope="module")
async def farm(shared: Farm) -> AsyncIterator[Farm]:
    """The shared farm, healthy before and after."""
    await shared.reset()
    yield shared
    await shared.reset()


async def test_both_servers_take_turns_behind_the_balancer(farm: Farm) -> None:
    assert await farm.served_by(8) == {"web-01": 4, "web-02": 4}


async def test_a_site_is_served_directly_and_through_the_balancer(farm: Farm) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{farm.url}/") as answer:
            assert answer.status == 200
            assert (await answer.text()).startswith("hello from web-0")
            assert answer.headers["X-Upstream"] in {f"{h.address}:{h.port}" for h in farm.webs}
        for host in farm.webs:
            async with session.get(f"http://{host.address}:{host.port}/healthz") as answer:
                assert (answer.status, await answer.text()) == (200, "ok\n")


async def test_a_moved_server_gets_no_more_requests_and_no_request_fails(farm: Farm) -> None:
    await farm.move_port("web-02", 8081)
    assert await farm.served_by(6) == {"web-01": 6}
    host = farm.hosts["web-02"]
    assert not await _accepts(host, 8080)
    assert await _accepts(host, 8081)
    assert f"listen {host.address}:8081;" in _text(farm, "web-02", farm_config.SITE)
    assert "Connection refused" in _text(farm, "lb-01", "var/log/nginx/error.log")
    assert await _commits(farm, "web-02") == ["provision web-02"]


async def test_a_move_can_be_committed_or_only_be_on_disk(farm: Farm) -> None:
    await farm.move_port("web-01", 8082, commit=True)
    assert await _commits(farm, "web-01") == ["web-01: listen on 8082", "provision web-01"]
    await farm.reset()
    assert await _commits(farm, "web-01") == ["provision web-01"]
    await farm.move_port("web-01", 8082, reload=False)
    assert await farm.served_by(4) == {"web-01": 2, "web-02": 2}
    assert ":8082;" in _text(farm, "web-01", farm_config.SITE)


async def test_a_taken_port_and_an_unknown_host_are_refused(farm: Farm) -> None:
    host = farm.hosts["web-01"]
    for port in (host.port, host.ssh_port):
        with pytest.raises(NotAllowed, match=f"port {port} is taken"):
            await farm.move_port("web-01", port)
    with pytest.raises(NotAllowed, match="no host 'web-09'"):
        await farm.move_port("web-09", 8081)
    assert await farm.served_by(4) == {"web-01": 2, "web-02": 2}


async def test_reset_repairs_every_state(farm: Farm) -> None:
    breaks: list[Callable[[], object]] = [
        lambda: farm.move_port("web-02", 8081, commit=True),
        lambda: farm.stop_nginx("web-02"),
        lambda: farm.freeze("web-02"),
        lambda: farm.drop_packets("web-02"),
        lambda: farm.break_syntax("web-02"),
        lambda: farm.answer_500("web-02"),
        lambda: farm.slow("web-02"),
        lambda: farm.misdirect("web-02", 8081),
    ]
    for broken in breaks:
        await broken()  # type: ignore[misc]
        await farm.reset()
        assert await farm.served_by(4) == {"web-01": 2, "web-02": 2}
        assert _text(farm, "lb-01", "var/log/nginx/error.log") == ""


async def test_a_stopped_server_refuses_and_starts_again(farm: Farm) -> None:
    await farm.stop_nginx("web-02")
    assert (await farm.look("web-02"))["state"] == "inactive"
    assert not await _accepts(farm.hosts["web-02"], 8080)
    await farm.start_nginx("web-02")
    assert await _accepts(farm.hosts["web-02"], 8080)


async def test_a_frozen_server_accepts_and_answers_when_it_is_thawed(farm: Farm) -> None:
    host = farm.hosts["web-02"]
    await farm.freeze("web-02")
    reader, writer = await asyncio.open_connection(host.address, host.port)
    writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.2)
    await farm.thaw("web-02")
    writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
    assert await asyncio.wait_for(reader.read(4), 5) in (b"HTTP", b"")
    writer.close()


async def test_dropped_packets_time_out(farm: Farm) -> None:
    await farm.drop_packets("web-02")
    host = farm.hosts["web-02"]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.open_connection(host.address, host.port), 0.3)


async def test_a_failing_application_and_a_misdirected_balancer_show(farm: Farm) -> None:
    await farm.answer_500("web-02")
    host = farm.hosts["web-02"]
    async with aiohttp.ClientSession() as session, session.get(f"http://{host.address}:{host.port}/") as answer:
        assert answer.status == 500
    await farm.reset()
    await farm.misdirect("web-02", 8099)
    assert await farm.served_by(6) == {"web-01": 6}
    assert ":8099" in _text(farm, "lb-01", "var/log/nginx/error.log")


async def test_a_state_is_made_once_and_a_second_try_says_what_to_do(farm: Farm) -> None:
    await farm.answer_500("web-02")
    with pytest.raises(NotAllowed, match="reset the farm first"):
        await farm.answer_500("web-02")


async def test_a_home_holds_the_inventory_the_host_keys_and_a_private_key(farm: Farm, tmp_path: Path) -> None:
    home = farm.write_home(tmp_path / "home", approvers=["@oncall-web"])
    inventory = yaml.safe_load((home / "inventory.yaml").read_text())
    web, balancer = inventory["groups"]["shop-web"], inventory["groups"]["shop-lb"]
    assert (web["service"], web["role"], web["port"], web["behind"]) == ("shop", "web", 8080, "lb-01")
    assert web["config"] == {"repo": "/etc", "paths": ["nginx"]}
    assert web["hosts"] == {h.name: {"address": h.address, "ssh-port": h.ssh_port} for h in farm.webs}
    assert list(balancer["hosts"]) == ["lb-01"]
    assert inventory["ssh"]["key"] == str(home / "ssh-key")
    assert (home / "ssh-key").stat().st_mode & 0o777 == 0o600
    assert (home / "ssh-key").read_text() == farm.private_key
    first = farm.hosts["web-01"]
    assert f"[{first.address}]:{first.ssh_port} ssh-ed25519 " in (home / "known_hosts").read_text()
    assert yaml.safe_load((home / "policy.yaml").read_text()) == {"policy": 1, "approvers": ["@oncall-web"]}
    farm.write_home(tmp_path / "home")


async def test_nothing_of_the_farm_runs_as_root(farm: Farm) -> None:
    processes = _session(farm.pid)
    assert len(processes) >= 7
    owners = {_uid(pid) for pid in processes}
    assert len(owners) == 1
    assert 0 not in owners
    assert {root.stat().st_uid for root in farm.roots.values()} == owners


async def test_two_farms_at_once_do_not_meet(farm: Farm, tmp_path: Path) -> None:
    async with await Farm.start(tmp_path / "other", servers=3, seed=7) as other:
        async with await Farm.start(tmp_path / "same-seed", seed=7) as third:
            addresses = [h.address for f in (farm, other, third) for h in f.hosts.values()]
            assert len(set(addresses)) == len(addresses)
            await other.move_port("web-02", 8081)
            assert await third.served_by(4) == {"web-01": 2, "web-02": 2}
        assert await other.served_by(6) == {"web-01": 3, "web-03": 3}
    assert await farm.served_by(4) == {"web-01": 2, "web-02": 2}


async def test_a_stopped_farm_leaves_no_process_and_says_that_it_is_gone(tmp_path: Path) -> None:
    farm = await Farm.start(tmp_path)
    assert _session(farm.pid)
    await farm.stop()
    await farm.stop()
    assert not _session(farm.pid)
    with pytest.raises(GaveUp, match="not running"):
        await farm.look("web-01")
    with pytest.raises(aiohttp.ClientError):
        await farm.served_by(1)


@pytest.mark.parametrize("frozen", [[], ["web-01"]])
@pytest.mark.parametrize("victim", ["parent", "farm"])
async def test_nothing_survives_when_a_process_is_killed(tmp_path: Path, victim: str, frozen: list[str]) -> None:
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, tmp_path, *frozen, cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE
    )
    assert holder.stdout
    pid, place = (await asyncio.wait_for(holder.stdout.readline(), 30)).decode().split()
    assert len(_session(int(pid))) >= 7
    os.kill(holder.pid if victim == "parent" else int(pid), signal.SIGKILL)
    assert await _until(lambda: not _session(int(pid)))
    if victim == "farm":
        holder.kill()
        shutil.rmtree(place)  # nobody was left to do it
    await holder.wait()


@pytest.fixture
def spare(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place for temporary folders that every account can reach."""
    folder = Path(tempfile.mkdtemp(prefix="muster-spare-", dir="/tmp"))
    folder.chmod(0o777)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    shutil.rmtree(folder)


async def test_a_folder_that_the_farm_cannot_use_is_replaced_by_one_that_goes_away(spare: Path, tmp_path: Path) -> None:
    """Root's farm cannot live in a closed folder; another user's can."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    async with await Farm.start(closed / "out") as farm:
        assert await farm.served_by(2)
        place = spare if os.getuid() == 0 else closed
        assert place in farm.roots["web-01"].parents
    assert os.listdir(spare) == []
    assert (closed / "out/farm.log").exists()


async def test_a_farm_that_cannot_start_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotAllowed, match="2 to 9 web servers"):
        await Farm.start(tmp_path, servers=1)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GaveUp, match="needs git"):
        await Farm.start(tmp_path)


def _text(farm: Farm, host: str, path: str) -> str:
    return (farm.roots[host] / path).read_text()


async def _accepts(host: LabHost, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host.address, port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


async def _commits(farm: Farm, host: str) -> list[str]:
    etc = farm.roots[host] / "etc"
    git = await asyncio.create_subprocess_exec(
        *("git", "-c", f"safe.directory={etc}", "-C", str(etc), "log", "--format=%s"), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await git.communicate()
    return out.decode().splitlines()


def _session(leader: int) -> list[int]:
    """The live processes of the farm's session; it leads one of its own."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            except OSError:
                continue
            if int(session) == leader and state != "Z":
                found.append(int(entry.name))
    return found


def _uid(pid: int) -> int:
    """The effective user; /proc shows root as the owner of whoever gave root up."""
    line = next(row for row in Path(f"/proc/{pid}/status").read_text().splitlines() if row.startswith("Uid:"))
    return int(line.split()[2])


async def _until(true: Callable[[], bool]) -> bool:
    for _ in range(100):
        if true():
            return True
        await asyncio.sleep(0.1)
    return False
