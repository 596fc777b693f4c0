"""A stand-in for Datadog: it probes the farm and posts the webhook only when a probe really fails.

It fills the payload that Muster installs, authenticates and repeats a delivery as Datadog does; its API is in
datadog_api.py. https://docs.datadoghq.com/integrations/webhooks/
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Self

import aiohttp
from aiohttp import web

from bot.lab.datadog_api import DatadogApi
from bot.lab.farm import LabHost

EVERY = 0.4  # seconds between two probes of a server
ENOUGH = 2  # probes in a row that make the monitor change its mind
PROBE = 1.0  # seconds until a probe has failed
DELIVERY = 15.0  # seconds until Datadog gives a delivery up
TRIES = 5
MONITOR = 4711001
QUERY = '"http.can_connect".over("service:shop").by("host","service").last(3).count_by_status()'
TITLE = "Web server out of rotation behind the balancer"
VARIABLE = re.compile(r"\$[A-Z_]+(\[[a-z]+\])?")


@dataclass
class Watched:
    """One group of the monitor: a server, and what the last probes of it said."""

    host: LabHost
    bad: bool = False
    doubts: int = 0
    why: str = ""
    cycle: str = ""
    since: int = 0

    @property
    def group(self) -> str:
        """Its name as a group of the monitor."""
        return f"host:{self.host.name},service:shop"


@dataclass
class Datadog:
    """The monitor at work. `deliveries` are what was posted: time (monotonic), transition, status of the answer.

    `pause` (seconds) grows with each repetition of a delivery.
    """

    hosts: Iterable[LabHost]
    webhook: str = ""
    secret: str = ""
    pause: float = 1.0
    deliveries: list[tuple[float, str, int]] = field(default_factory=list)
    url: str = ""

    async def __aenter__(self) -> Self:
        self._watched = [Watched(host=h) for h in self.hosts]
        self.api = DatadogApi(described=lambda: [self._described()])
        self._ids = itertools.count(8306082202796000000 + int(time.time()) % 10_000_000 * 1000)
        self._template = resources.files("bot.alerts").joinpath("datadog_webhook_payload.json").read_text()
        self._session = aiohttp.ClientSession()
        await self._serve()
        self._tasks = [asyncio.create_task(self._watch(w)) for w in self._watched]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()
        await self._runner.cleanup()

    # ---------------------------------------------------------------- the monitor

    async def _watch(self, watched: Watched) -> None:
        while True:
            why = await self._probe(watched.host)
            watched.doubts = watched.doubts + 1 if bool(why) != watched.bad else 0
            watched.why = why or watched.why
            if watched.doubts >= ENOUGH:
                watched.bad, watched.doubts = bool(why), 0
                await self._change(watched)
            await asyncio.sleep(EVERY)

    async def _probe(self, host: LabHost) -> str:
        """Why the server is bad, or nothing when it is well."""
        url = f"http://{host.address}:{host.port}/healthz"
        try:
            async with self._session.get(url, timeout=aiohttp.ClientTimeout(total=PROBE)) as answer:
                return f"status {answer.status}" if answer.status >= 400 else ""
        except TimeoutError:
            return f"no answer within {PROBE:g} s"
        except aiohttp.ClientError as error:
            return f"cannot connect ({type(error).__name__})"

    async def _change(self, watched: Watched) -> None:
        if watched.bad:
            watched.cycle, watched.since = str(next(self._ids)), int(time.time())
        await self._deliver("Triggered" if watched.bad else "Recovered", self._payload(watched))

    def _payload(self, watched: Watched) -> bytes:
        values = self._values(watched)
        fields: Mapping[str, str] = json.loads(self._template)
        filled = {name: VARIABLE.sub(lambda m: values.get(m.group(), ""), text) for name, text in fields.items()}
        return json.dumps(filled).encode()

    def _values(self, watched: Watched) -> Mapping[str, str]:
        transition = "Triggered" if watched.bad else "Recovered"
        scope = watched.group
        title = f"[{transition} on {{{scope}}}] {TITLE}"
        status = f"http.can_connect over {scope} was CRITICAL for {ENOUGH} checks in a row: {watched.why}"
        now = str(int(time.time() * 1000))
        return {
            "$ID": str(next(self._ids)),
            "$EVENT_TYPE": "service_check",
            "$EVENT_TITLE": title,
            "$EVENT_MSG": f"%%%\n{TITLE}: {watched.why}\n%%%",
            "$TEXT_ONLY_MSG": f"{TITLE}: {watched.why}",
            "$DATE": now,
            "$LAST_UPDATED": now,
            "$LINK": f"{self.url}/monitors/{MONITOR}?group={scope}",
            "$ORG_ID": "1",
            "$ORG_NAME": "Shop",
            "$ALERT_ID": str(MONITOR),
            "$ALERT_CYCLE_KEY": watched.cycle,
            "$AGGREG_KEY": watched.cycle,
            "$ALERT_TRANSITION": transition,
            "$ALERT_TYPE": "error" if watched.bad else "success",
            "$ALERT_TITLE": title,
            "$ALERT_STATUS": status if watched.bad else f"http.can_connect over {scope} is OK again",
            "$ALERT_PRIORITY": "P2",
            "$PRIORITY": "normal",
            "$ALERT_QUERY": QUERY,
            "$ALERT_SCOPE": scope,
            "$HOSTNAME": watched.host.name,
            "$TAGS": f"env:lab,host:{watched.host.name},monitor,role:web,service:shop",
            "$TAGS[service]": "shop",
            "$TAGS[env]": "lab",
        }

    async def _deliver(self, transition: str, body: bytes) -> None:
        """Repeat on 5xx and lost connections, drop on 4xx, as Datadog does."""
        headers = {"Content-Type": "application/json", "X-Muster-Token": self.secret}
        for wait in range(TRIES):
            await asyncio.sleep(wait * self.pause)
            at, status = time.monotonic(), 0
            try:
                limit = aiohttp.ClientTimeout(total=DELIVERY)
                async with self._session.post(self.webhook, data=body, headers=headers, timeout=limit) as answer:
                    status = answer.status
            except (TimeoutError, aiohttp.ClientError):
                status = 599
            self.deliveries.append((at, transition, status))
            if status < 500:
                return

    # ---------------------------------------------------------------- the API

    async def _serve(self) -> None:
        app = self.api.application()
        app.router.add_get("/monitors/{id}", self._page)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    def _described(self) -> dict[str, Any]:
        state = "Alert" if any(w.bad for w in self._watched) else "OK"
        groups = {
            w.group: {"name": w.group, "status": "Alert" if w.bad else "OK", "last_triggered_ts": w.since}
            for w in self._watched
        }
        return {
            "id": MONITOR,
            "name": TITLE,
            "type": "service check",
            "query": QUERY,
            "message": "@webhook-muster",
            "tags": ["service:shop", "role:web"],
            "options": {"thresholds": {"critical": ENOUGH, "ok": ENOUGH}},
            "overall_state": state,
            "state": {"groups": groups},
        }

    async def _page(self, _: web.Request) -> web.Response:
        lines = [f"{w.host.name}: {'ALERT, ' + w.why if w.bad else 'OK'}" for w in self._watched]
        return web.Response(text="\n".join([TITLE, *lines]))
