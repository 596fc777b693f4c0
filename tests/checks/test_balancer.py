"""Where the balancer sends, what its log says about it, and who serves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from os import utime
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.checks.balancer import balancer, parse_errors
from bot.runbook.result import State
from tests.fake_servers import NOW, Asked, balancer_server, farm, state_of

REFUSED = (
    "{at} [error] 7#7: *1 connect() failed (111: Connection refused) while connecting to upstream, client: "
    '127.0.0.1, server: shop.test, request: "GET / HTTP/1.1", upstream: "http://127.9.0.{n}:8080/", host: "x"\n'
)
LATE = REFUSED.replace("connect() failed (111: Connection refused)", "upstream timed out (110: Connection timed out)")
DISABLED = '{at} [warn] 7#7: *1 upstream server temporarily disabled, upstream: "http://127.9.0.{n}:8080/"\n'


def target(folder: Path, *, asks_balancer: bool = True) -> Asked:
    inventory, machines = farm(folder)
    host = inventory.groups["shop-web"].hosts["web-02"]
    at = inventory.groups["shop-lb"].hosts["lb-01"]
    return Asked(host=at if asks_balancer else host, alerted=host, inventory=inventory, servers=machines)


def log(on: Asked, line: str, *, ago: float, n: int = 12, zone: float = 0) -> None:
    """Put a line into the balancer's log, `ago` seconds old, by a clock that is `zone` hours ahead."""
    at = NOW - timedelta(seconds=ago)
    text = line.format(at=f"{at + timedelta(hours=zone):%Y/%m/%d %H:%M:%S}", n=n)
    place = on.servers["lb-01"].put("/var/log/nginx/error.log", text)
    utime(place, (at.timestamp(), at.timestamp()))


@pytest_asyncio.fixture
async def served_by() -> AsyncIterator[tuple[str, list[str]]]:
    """A balancer's page whose X-Upstream header goes through a list that the test fills."""
    headers: list[str] = []
    turns = cycle(range(1000))

    async def page(_: web.Request) -> web.Response:
        return web.Response(headers={"X-Upstream": headers[next(turns) % len(headers)]} if headers else {})

    app = web.Application()
    app.add_routes([web.get("/", page)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}/", headers
    await runner.cleanup()


@pytest.mark.parametrize("asks_balancer", [True, False])
async def test_a_quiet_log_is_ok_from_both_sides(tmp_path: Path, asks_balancer: bool) -> None:
    answer = await balancer(target(tmp_path, asks_balancer=asks_balancer))
    assert state_of(answer) == (State.OK, "")
    assert answer.facts["found"] == 8080


@pytest.mark.parametrize(("line", "reason"), [(REFUSED, "refused"), (LATE, "timeout")])
@pytest.mark.parametrize("zone", [0, 3, -8, 5.75])
async def test_a_recent_error_about_the_server_fails_in_any_zone(
    tmp_path: Path, line: str, reason: str, zone: float
) -> None:
    on = target(tmp_path)
    log(on, line, ago=60, zone=zone)
    answer = await balancer(on)
    assert state_of(answer) == (State.FAIL, reason)
    assert answer.facts["count"] == 1
    assert "10:29:00 UTC" in answer.summary


async def test_old_errors_those_of_others_and_warnings_do_not_count(tmp_path: Path) -> None:
    on = target(tmp_path)
    for line, ago, n in ((REFUSED, 400, 12), (REFUSED, 5, 11), (DISABLED, 5, 12)):
        log(on, line, ago=ago, n=n)
        assert (await balancer(on)).state is State.OK


async def test_a_balancer_that_sends_to_another_port_differs(tmp_path: Path) -> None:
    on = target(tmp_path)
    on.servers = {**on.servers, "lb-01": balancer_server(tmp_path / "lb", ["127.9.0.11:8080", "127.9.0.12:8081"])}
    answer = await balancer(on)
    assert state_of(answer) == (State.FAIL, "differs")
    assert (answer.facts["found"], answer.facts["expected"]) == ("8081", "8080")
    assert answer.facts["line"] == 5


@pytest.mark.parametrize("servers", [["127.9.0.11:8080"], ["127.9.0.11:8080", "127.9.0.12:8080 down"]])
async def test_a_balancer_that_does_not_send_at_all_differs(tmp_path: Path, servers: list[str]) -> None:
    on = target(tmp_path)
    on.servers = {**on.servers, "lb-01": balancer_server(tmp_path / "lb", servers)}
    assert state_of(await balancer(on)) == (State.FAIL, "differs")


async def test_an_answer_through_the_balancer_outweighs_old_errors(
    tmp_path: Path, served_by: tuple[str, list[str]]
) -> None:
    on, (url, headers) = target(tmp_path), served_by
    log(on, REFUSED, ago=60)
    headers += ["127.9.0.11:8080", "127.9.0.12:8080"]
    answer = await balancer(on, url=url)
    assert state_of(answer) == (State.OK, "")
    assert answer.facts["served"] == 3


async def test_a_server_that_never_serves_fails_also_with_a_quiet_log(
    tmp_path: Path, served_by: tuple[str, list[str]]
) -> None:
    on, (url, headers) = target(tmp_path), served_by
    headers += ["127.9.0.11:8080", "127.9.0.12:8080, 127.9.0.11:8080"]  # tried, and answered by the other one
    assert state_of(await balancer(on, url=url)) == (State.FAIL, "stale")


async def test_without_a_header_the_log_decides(tmp_path: Path, served_by: tuple[str, list[str]]) -> None:
    on, (url, _) = target(tmp_path), served_by
    assert (await balancer(on, url=url)).state is State.OK
    log(on, REFUSED, ago=60)
    assert (await balancer(on, url=url)).state is State.FAIL


async def test_after_a_repair_older_errors_do_not_count_and_silence_proves_nothing_at_first(tmp_path: Path) -> None:
    on = target(tmp_path)
    log(on, REFUSED, ago=60)
    on.repaired_at = NOW - timedelta(seconds=3)
    assert state_of(await balancer(on)) == (State.FAIL, "stale")
    on.repaired_at = NOW - timedelta(seconds=11)
    assert (await balancer(on)).state is State.OK


@given(st.text(), st.datetimes(timezones=st.just(UTC)))
def test_any_log_is_read_or_passed_over(text: str, written: datetime) -> None:
    assert isinstance(parse_errors(text, written=written), list)
