"""The stand-in fires only when a probe really fails, and delivers as Datadog does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from bot.alert import Alert, Condition
from bot.alerts.datadog import datadog as parse
from bot.datadog import Datadog as Client
from bot.lab.datadog import ENOUGH, MONITOR, TRIES, Datadog
from bot.lab.farm import LabHost
from bot.ports import GaveUp


class Site:
    """A web server that is probed, and the webhook that is called about it. `answers` come first, then 202."""

    def __init__(self) -> None:
        self.status = 200
        self.probes = 0
        self.answers: list[int] = []
        self.bodies: list[bytes] = []
        self.tokens: list[str] = []
        self._moved = asyncio.Condition()

    async def __aenter__(self) -> Site:
        app = web.Application()
        app.router.add_get("/healthz", self._probed)
        app.router.add_post("/datadog/webhook", self._called)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.host, self.port = self._runner.addresses[0][:2]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _probed(self, _: web.Request) -> web.Response:
        async with self._moved:
            self.probes += 1
            self._moved.notify_all()
        return web.Response(status=self.status)

    async def _called(self, request: web.Request) -> web.Response:
        async with self._moved:
            self.bodies.append(await request.read())
            self.tokens.append(request.headers.get("X-Muster-Token", ""))
            self._moved.notify_all()
        return web.Response(status=self.answers.pop(0) if self.answers else 202)

    async def until_probed(self, times: int) -> None:
        wanted = self.probes + times
        async with self._moved:
            await self._moved.wait_for(lambda: self.probes >= wanted)

    async def until_called(self, times: int) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: len(self.bodies) >= times)

    def alerts(self) -> list[Alert]:
        """What the bot understands of the calls."""
        return [alert for body in self.bodies for alert in parse(body, "D", datetime.now(UTC)).alerts]


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    async with Site() as site:
        yield site


@pytest_asyncio.fixture
async def lab(site: Site) -> AsyncIterator[Datadog]:
    async with watching(site) as lab:
        yield lab


def watching(site: Site, **settings: Any) -> Datadog:
    host = LabHost(name="web-02", address=site.host, port=site.port, ssh_port=0)
    webhook = f"http://{site.host}:{site.port}/datadog/webhook"
    return Datadog(hosts=[host], webhook=webhook, secret="s3cret", pause=0.01, **settings)


async def test_while_all_is_well_nothing_is_sent(site: Site, lab: Datadog) -> None:
    await site.until_probed(ENOUGH + 2)
    assert (site.bodies, lab.deliveries) == ([], [])


async def test_one_bad_probe_is_not_enough(site: Site, lab: Datadog) -> None:
    await site.until_probed(1)
    site.status = 502
    await site.until_probed(ENOUGH - 1)
    site.status = 200
    await site.until_probed(ENOUGH + 1)
    assert lab.deliveries == []


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("status", [404, 502])
async def test_it_fires_and_recovers_with_the_probes_in_one_cycle(site: Site, status: int) -> None:
    site.status = status
    await site.until_called(1)
    site.status = 200
    await site.until_called(2)
    fired, recovered = site.alerts()
    assert (fired.condition, recovered.condition) == (Condition.FIRING, Condition.RECOVERED)
    assert fired.cycle == recovered.cycle != ""
    assert fired.fingerprint == recovered.fingerprint
    assert fired.event_id != recovered.event_id
    assert fired.at <= recovered.at
    assert (fired.hostname, fired.tag("host"), fired.tag("service")) == ("web-02", "web-02", "shop")
    assert f"status {status}" in fired.status
    assert set(site.tokens) == {"s3cret"}
    assert b"$" not in b"".join(site.bodies)


async def test_a_server_that_is_gone_is_bad(site: Site) -> None:
    async with Site() as other:
        gone = LabHost(name="web-01", address=other.host, port=other.port, ssh_port=0)
    webhook = f"http://{site.host}:{site.port}/datadog/webhook"
    async with Datadog(hosts=[gone], webhook=webhook):
        await site.until_called(1)
    assert "cannot connect" in site.alerts()[0].status


async def test_what_fails_with_5xx_is_sent_again_unchanged_until_it_is_taken(site: Site, lab: Datadog) -> None:
    site.answers = [503, 500]
    site.status = 502
    await site.until_called(3)
    await site.until_probed(ENOUGH)
    assert len(site.bodies) == 3
    assert len(set(site.bodies)) == 1
    assert [status for _, _, status in lab.deliveries] == [503, 500, 202]


@pytest.mark.usefixtures("lab")
async def test_it_gives_up_in_the_end(site: Site) -> None:
    site.answers = [503] * 20
    site.status = 502
    await site.until_called(TRIES)
    await site.until_probed(ENOUGH)
    assert len(site.bodies) == TRIES


async def test_what_is_refused_with_4xx_is_dropped(site: Site, lab: Datadog) -> None:
    site.answers = [401]
    site.status = 502
    await site.until_called(1)
    await site.until_probed(ENOUGH + 1)
    assert [(word, status) for _, word, status in lab.deliveries] == [("Triggered", 401)]


async def test_the_real_client_reads_its_monitor(site: Site, lab: Datadog) -> None:
    client = Client(api_key="a", app_key="b", site="datadoghq.com", url=lab.url)
    assert (await client.monitor(str(MONITOR))).state == "OK"
    site.status = 502
    await site.until_called(1)
    assert (await client.monitor(str(MONITOR))).state == "Alert"
    with pytest.raises(GaveUp, match="no such monitor"):
        await client.monitor("12")
    client.close()


async def test_the_api_wants_keys_and_the_page_none(lab: Datadog) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{lab.url}/api/v1/monitor/{MONITOR}") as answer:
            assert answer.status == 403
            assert json.loads(await answer.text()) == {"errors": ["Forbidden"]}
        async with session.get(f"{lab.url}/monitors/{MONITOR}") as answer:
            assert "web-02: OK" in await answer.text()
