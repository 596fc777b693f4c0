"""The odd one out among peers, by majority and by those who decide between two."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.checks.nginx import nginx
from bot.ports import GaveUp, TryAgain
from bot.runbook.inventory import Host
from bot.runbook.result import Known, State
from tests.fake_servers import Asked, balancer_server, farm, moved, said, site, state_of


def target(folder: Path, *, servers: int = 2, host: str = "web-02", alerted: str = "web-02") -> Asked:
    inventory, machines = farm(folder, servers=servers)
    hosts = inventory.groups["shop-web"].hosts
    return Asked(host=hosts[host], alerted=hosts[alerted], inventory=inventory, servers=machines)


def about(on: Asked, name: str) -> Asked:
    return Asked(**{**vars(on), "host": on.inventory.groups["shop-web"].hosts[name]})


async def test_servers_that_differ_only_in_their_own_address_are_the_same(tmp_path: Path) -> None:
    answer = await nginx(target(tmp_path), same=("listen", "server-names", "locations"))
    assert state_of(answer) == (State.OK, "")
    assert answer.facts["hosts"] == "web-02, web-01"


async def test_of_two_servers_the_balancer_decides(tmp_path: Path) -> None:
    on = target(tmp_path)
    moved(on.servers["web-02"], "127.9.0.12", 8081)
    answer = await nginx(on, same=("listen",))
    assert state_of(answer) == (State.FAIL, "differs")
    assert answer.facts["found"] == "8081"
    assert answer.facts["expected"] == "8080"
    assert answer.facts["file"] == "/etc/nginx/conf.d/site.conf"
    assert answer.facts["line"] == 2
    assert answer.facts["decided-by"] == "balancer"
    assert (await nginx(about(on, "web-01"), same=("listen",))).state is State.OK


async def test_of_three_servers_the_majority_decides(tmp_path: Path) -> None:
    on = target(tmp_path, servers=3)
    moved(on.servers["web-02"], "127.9.0.12", 8081)
    answer = await nginx(on, same=("listen",))
    assert answer.facts["decided-by"] == "majority"
    for other in ("web-01", "web-03"):
        assert (await nginx(about(on, other), same=("listen",))).state is State.OK


async def test_where_the_balancer_says_nothing_the_known_good_commit_decides(tmp_path: Path) -> None:
    on = target(tmp_path)
    on.servers["web-02"].put("/etc/nginx/conf.d/site.conf", site("127.9.0.12", 8080, more="  location /new { }\n"))
    answer = await nginx(on, same=("locations",))
    assert answer.facts["decided-by"] == "known-good"
    assert answer.facts["found"] == "/new"
    assert (await nginx(about(on, "web-01"), same=("locations",))).state is State.OK


async def test_after_a_commit_a_recorded_commit_decides_and_not_the_head(tmp_path: Path) -> None:
    on = target(tmp_path)
    good = on.servers["web-02"].commit("good")
    on.servers["web-02"].put("/etc/nginx/conf.d/site.conf", site("127.9.0.12", 8080, more="  location /new { }\n"))
    on.servers["web-02"].commit("bad")
    on.good = {"web-02": Known(commit=good)}
    assert (await nginx(on, same=("locations",))).facts["decided-by"] == "known-good"


async def test_at_last_the_host_that_the_alert_names_is_the_odd_one(tmp_path: Path) -> None:
    on = target(tmp_path)
    on.servers["web-02"].put("/etc/nginx/conf.d/site.conf", site("127.9.0.12", 8080, more="  location /new { }\n"))
    on.servers["web-02"].commit("bad")
    answer = await nginx(on, same=("locations",))
    assert answer.facts["decided-by"] == "alert"
    assert (await nginx(about(on, "web-01"), same=("locations",))).state is State.OK


async def test_a_peer_that_cannot_be_read_does_not_hide_what_the_balancer_expects(tmp_path: Path) -> None:
    on = target(tmp_path)
    moved(on.servers["web-02"], "127.9.0.12", 8081)
    on.servers["web-01"].away = TryAgain("away", reason="unreachable")
    answer = await nginx(on, same=("listen",))
    assert answer.facts["decided-by"] == "balancer"
    assert answer.facts["unread"] == {"web-01": "unreachable"}


async def test_without_a_readable_peer_nothing_is_proved(tmp_path: Path) -> None:
    on = target(tmp_path)
    on.servers["web-01"].away = GaveUp("no", reason="host-key")
    answer = await nginx(on, same=("locations",))
    assert state_of(answer) == (State.UNKNOWN, "host-key")


async def test_a_config_that_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    on = target(tmp_path)
    on.servers["web-02"].put("/etc/nginx/conf.d/site.conf", "server { listen 8080")
    answer = await nginx(on, same=("listen",))
    assert state_of(answer) == (State.UNKNOWN, "error")
    assert "/etc/nginx/conf.d/site.conf:1" in str(answer.facts["error"])


async def test_a_config_that_is_ahead_of_the_sockets_is_stale(tmp_path: Path) -> None:
    on = target(tmp_path)
    on.servers["web-02"].programs["ss"] = lambda _: said("LISTEN 0 1 127.9.0.12:8080 *:*\n")
    assert (await nginx(on, live=True)).state is State.OK
    moved(on.servers["web-02"], "127.9.0.12", 8081)
    answer = await nginx(on, live=True)
    assert state_of(answer) == (State.FAIL, "stale")
    assert (answer.facts["found"], answer.facts["expected"]) == ("8080", "8081")


EMERG = (
    'nginx: [emerg] unknown directive "lisen" in /etc/nginx/conf.d/site.conf:2\nnginx: configuration file test failed\n'
)


@pytest.mark.parametrize(
    ("exit", "text", "state", "reason"),
    [
        (0, "nginx: configuration file /etc/nginx/nginx.conf test is successful\n", State.OK, ""),
        (1, EMERG, State.FAIL, "error"),
        (1, 'nginx: [emerg] open() "/run/nginx.pid" failed (13: Permission denied)\n', State.UNKNOWN, "no-access"),
        (1, "nginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)\n", State.UNKNOWN, "no-access"),
        (1, "sudo: a password is required\n", State.UNKNOWN, "no-access"),
        (127, "nginx: command not found\n", State.UNKNOWN, "error"),
    ],
)
async def test_what_nginx_says_about_its_config(
    tmp_path: Path, exit: int, text: str, state: State, reason: str
) -> None:
    on = target(tmp_path)
    on.servers["web-02"].programs["nginx"] = lambda _: said(exit=exit, stderr=text)
    answer = await nginx(on, test=True, sudo=True)
    assert state_of(answer) == (state, reason)
    assert on.servers["web-02"].ran == [("sudo", "-n", "nginx", "-t")]


async def test_a_config_that_does_not_load_names_the_place(tmp_path: Path) -> None:
    on = target(tmp_path)
    on.servers["web-02"].programs["nginx"] = lambda _: said(exit=1, stderr=EMERG)
    answer = await nginx(on, test=True)
    assert (answer.facts["file"], answer.facts["line"]) == ("/etc/nginx/conf.d/site.conf", 2)


async def test_the_facts_of_a_config_have_their_place(tmp_path: Path) -> None:
    answer = await nginx(target(tmp_path))
    assert answer.facts["listen"] == ["127.9.0.12:8080 (/etc/nginx/conf.d/site.conf:2)"]


async def test_a_server_without_peers_is_skipped_when_it_fits_the_balancer(tmp_path: Path) -> None:
    on = target(tmp_path)
    lonely = balancer_server(tmp_path / "lb-09", [])
    host = on.inventory.groups["shop-lb"].hosts["lb-01"]
    on.servers = {**on.servers, "lb-01": lonely}
    answer = await nginx(Asked(**{**vars(on), "host": Host(**vars(host))}), same=("locations",))
    assert answer.state is State.SKIPPED
