"""HAProxy as a balancer: its config, and recorded answers. The real one is in tests/runbook/test_eleven_states.py."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.checks import Output
from bot.checks.balancer import balancer
from bot.checks.nginx import nginx
from bot.ports import GaveUp, TryAgain
from bot.runbook.haproxy_config import leading_to, parse_config, parse_stat
from bot.runbook.inventory import Host
from bot.runbook.result import State
from tests.fake_servers import Asked, FolderServer, farm, moved, said, state_of

RECORDED = (Path(__file__).parent / "recorded" / "haproxy-2.8-show-stat.csv").read_text()
CONFIG = """\
global
  stats socket /run/haproxy/admin.sock mode 660 level user
frontend site
  bind :80
  default_backend shop
backend shop
  option httpchk GET /healthz
  default-server check
  server web-01 127.9.0.11:8080
  server web-02 127.9.0.12:{port}{more}
  server local unix@/run/app.sock
"""


def stat(status: str, check: str = "", found: str = "") -> str:
    """The recorded answer with another state of web-02."""
    header, *rows = RECORDED.splitlines()
    names = header.lstrip("# ").split(",")
    kept = []
    for row in rows:
        values = row.split(",")
        if values[:2] == ["shop", "web-02"]:
            for name, value in (("status", status), ("check_status", check), ("last_chk", found)):
                values[names.index(name)] = value
        kept.append(",".join(values))
    return "\n".join([header, *kept])


def target(folder: Path, output: str | Output = "", *, port: int = 8080, more: str = "") -> Asked:
    inventory, machines = farm(folder)

    def socat(argv: Sequence[str]) -> Output:
        assert argv[1:] == ["EXEC:echo show stat!!STDOUT", "UNIX-CONNECT:/run/haproxy/admin.sock"]
        return said(output) if isinstance(output, str) else output

    server = FolderServer(folder / "haproxy", {"socat": socat})
    server.put("/etc/haproxy/haproxy.cfg", CONFIG.format(port=port, more=more))
    host = inventory.groups["shop-web"].hosts["web-02"]
    return Asked(host=host, inventory=inventory, servers={**machines, "lb-01": server})


@pytest.mark.parametrize(
    ("told", "state"),
    [
        (stat("UP", "L7OK", "OK"), (State.OK, "")),
        (stat("UP 1/2", "L4CON", "Connection refused"), (State.OK, "")),
        (stat("DOWN", "L4CON", "Connection refused"), (State.FAIL, "refused")),
        (stat("DOWN", "L4TOUT"), (State.FAIL, "timeout")),
        (stat("DOWN", "L7TOUT"), (State.FAIL, "timeout")),
        (stat("DOWN", "L7STS", "Internal Server Error"), (State.FAIL, "error")),
        (stat("DOWN 1/2", "L7OK", "OK"), (State.FAIL, "stale")),
        (stat("MAINT"), (State.FAIL, "differs")),
        (stat("MAINT (via site/web-02)"), (State.FAIL, "differs")),
        (stat("DRAIN", "L7OK", "OK"), (State.FAIL, "differs")),
        (stat("no check"), (State.UNKNOWN, "error")),
    ],
)
async def test_each_state_of_a_server_is_told_apart(tmp_path: Path, told: str, state: tuple[State, str]) -> None:
    assert state_of(await balancer(target(tmp_path, told))) == state


async def test_the_last_check_and_the_place_in_the_config_are_named(tmp_path: Path) -> None:
    answer = await balancer(target(tmp_path, stat("DOWN", "L4CON", "Connection refused")), kind="haproxy")
    assert (answer.facts["upstream"], answer.facts["line"], answer.facts["status"]) == ("shop", 10, "DOWN")
    assert "Connection refused" in answer.summary


async def test_a_config_that_sends_to_another_port_or_not_at_all_differs(tmp_path: Path) -> None:
    answer = await balancer(target(tmp_path, port=8089))
    assert state_of(answer) == (State.FAIL, "differs")
    assert (answer.facts["found"], answer.facts["expected"]) == ("8089", "8080")
    assert state_of(await balancer(target(tmp_path), upstream="other")) == (State.FAIL, "differs")


async def test_a_server_that_only_the_file_knows_differs(tmp_path: Path) -> None:
    told = "\n".join(line for line in RECORDED.splitlines() if "web-02" not in line)
    assert state_of(await balancer(target(tmp_path, told))) == (State.FAIL, "differs")


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (said(exit=127, stderr="socat: command not found"), "error"),
        (said(exit=1, stderr="connect: Permission denied"), "no-access"),
        (said("Permission denied\n"), "no-access"),
        (said(RECORDED, cut=True), "cut"),
    ],
)
async def test_a_socket_that_cannot_be_asked_is_no_answer(tmp_path: Path, output: Output, reason: str) -> None:
    with pytest.raises(GaveUp) as failure:
        await balancer(target(tmp_path, output))
    assert failure.value.reason == reason


async def test_a_mute_socket_is_no_answer_and_a_path_that_socat_would_read_otherwise_is_not_asked(
    tmp_path: Path,
) -> None:
    with pytest.raises(TryAgain):
        await balancer(target(tmp_path, said(exit=124)))
    with pytest.raises(GaveUp):
        await balancer(target(tmp_path, RECORDED), socket="/run/a!!EXEC:id")


@pytest.mark.parametrize(("more", "reason"), [("", ""), ("shop,web-99,0\n" * 5_000, "cut")])
async def test_a_statistics_page_counts_only_when_all_of_it_was_read(tmp_path: Path, more: str, reason: str) -> None:
    async def page(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for line in stat("UP", "L7OK", "OK").splitlines():
            await answer.write(f"{line}\n".encode())
            await asyncio.sleep(0.01)
        await answer.write(more.encode())
        return answer

    app = web.Application()
    app.add_routes([web.get("/stats;csv", page)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stats = f"http://127.0.0.1:{runner.addresses[0][1]}/stats;csv"
    try:
        found = (await balancer(target(tmp_path), stats=stats)).state.value
    except GaveUp as unknown:
        found = unknown.reason
    await runner.cleanup()
    assert found == (reason or State.OK)


async def test_what_haproxy_expects_decides_between_two_web_servers(tmp_path: Path) -> None:
    on = target(tmp_path, RECORDED)
    moved(on.servers["web-02"], "127.9.0.12", 8081)
    answer = await nginx(on, same=("listen",))
    assert (answer.facts["expected"], answer.facts["decided-by"]) == ("8080", "balancer")


def test_servers_are_read_with_their_backend_and_their_line() -> None:
    text = "backend a\n  server x 10.0.0.1:80 disabled # down\nlisten b\n server y [::1]:81\n server z ${HOST}:80\n"
    assert [(s.backend, s.name, s.address, s.port, s.line) for s in parse_config(text)] == [
        ("a", "x", "10.0.0.1", 80, 2),
        ("b", "y", "::1", 81, 4),
        ("b", "z", "${HOST}", 80, 5),
    ]


@given(st.text() | st.from_regex(r"backend [a-z]\n server [a-z] .*"))
def test_any_config_is_read_or_passed_over(text: str) -> None:
    servers = parse_config(text)
    assert all(server.port >= 0 and server.line > 0 for server in servers)
    assert set(leading_to(servers, Host(name="web-02", address="127.9.0.12"))) <= set(servers)


@given(st.text() | st.text(max_size=50).map(lambda more: RECORDED + more))
def test_any_statistics_are_read_or_passed_over(text: str) -> None:
    assert all(seen.reason in ("refused", "timeout", "error") for seen in parse_stat(text))
