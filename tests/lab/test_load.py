"""The load is steady and bounded, and its figures are what users feel."""

from __future__ import annotations

import asyncio

from aiohttp import web

from bot.lab.load import CLIENTS, Load, Stats


class Site:
    """A small site that remembers how many requests it held at once, and fails when told to."""

    def __init__(self) -> None:
        self.status = 200
        self.open = self.most = self.asked = 0
        self.url = ""
        self.answered = asyncio.Semaphore(0)

    async def __aenter__(self) -> Site:
        app = web.Application()
        app.router.add_get("/", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, _: web.Request) -> web.Response:
        self.open += 1
        self.asked += 1
        self.most = max(self.most, self.open)
        await asyncio.sleep(0.01)
        self.open -= 1
        self.answered.release()
        return web.Response(text="hello", status=self.status)

    async def wait_for(self, more: int) -> None:
        """Until so many more requests were answered and the clients heard it."""
        self.answered = asyncio.Semaphore(0)
        for _ in range(more):
            await self.answered.acquire()
        await asyncio.sleep(0.02)


async def test_there_are_never_more_requests_than_clients() -> None:
    async with Site() as site, Load(site.url) as load:
        await site.wait_for(40)
        stats = load.stats()
        assert site.most <= CLIENTS
        assert stats.rate > 0
        assert stats.p50_ms >= 10
        assert stats.errors == 0


async def test_errors_are_counted_and_slow_the_clients_down() -> None:
    async with Site() as site:
        site.status = 502
        async with Load(site.url, clients=2) as load:
            await site.wait_for(4)
            assert load.stats().errors == 1
            assert site.most <= 2


async def test_a_site_that_is_away_is_an_error_and_not_the_end() -> None:
    async with Site() as site:
        gone = site.url
    async with Load(gone, clients=1) as load:
        async with asyncio.timeout(5):
            while not load.stats().errors:  # noqa: ASYNC110 - the figures are what is tested
                await asyncio.sleep(0.01)


async def test_a_new_window_begins_empty() -> None:
    async with Site() as site, Load(site.url, clients=1) as load:
        assert load.stats() == Stats(0.0, 0.0, 0.0)
        await site.wait_for(3)
        assert load.stats().rate > 0
        load.forget()
        assert load.stats() == Stats(0.0, 0.0, 0.0)


async def test_a_stopped_load_asks_nothing_more() -> None:
    async with Site() as site:
        async with Load(site.url) as load:
            await site.wait_for(4)
        asked = site.asked
        await asyncio.sleep(0.05)
        assert site.asked == asked
        assert load.stats().rate > 0
