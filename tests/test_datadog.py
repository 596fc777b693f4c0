"""Asking Datadog, against a small server that stands for its API: what we ask, and how each failure reads."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from bot.datadog import Datadog
from bot.ports import GaveUp, MonitorState, TryAgain

MONITOR = {
    "id": 4711,
    "name": "Web server out of rotation",
    "type": "service check",
    "query": '"http.can_connect".over("service:shop").by("host").last(3).count_by_status()',
    "message": "@webhook-muster",
    "options": {"thresholds": {"critical": 2}, "avalanche_window": 20},
    "overall_state": "Alert",
    "state": {"groups": {"host:web-02": {"name": "host:web-02", "status": "Alert"}}},
}


class Api:
    """Answers every request with what it was told, after waiting for `go`."""

    def __init__(self) -> None:
        self.asked: list[web.Request] = []
        self.says: web.Response = web.json_response(MONITOR)
        self.go = asyncio.Event()
        self.go.set()

    async def __aenter__(self) -> Api:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.go.set()
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        await self.go.wait()
        return self.says


@pytest_asyncio.fixture
async def api() -> AsyncIterator[Api]:
    async with Api() as api:
        yield api


@pytest_asyncio.fixture
async def datadog(api: Api) -> AsyncIterator[Datadog]:
    client = Datadog(api_key="a" * 32, app_key="b" * 40, site="datadoghq.eu", url=f"{api.url}/")
    yield client
    client.close()


async def test_a_monitor_is_asked_for_as_the_api_wants_it(api: Api, datadog: Datadog) -> None:
    found = await datadog.monitor("4711")
    assert found == MonitorState(
        state="Alert", name="Web server out of rotation", link="https://app.datadoghq.eu/monitors/4711"
    )
    (asked,) = api.asked
    assert (asked.method, asked.path) == ("GET", "/api/v1/monitor/4711")
    assert dict(asked.query) == {"group_states": "alert,warn,no data"}
    assert (asked.headers["DD-API-KEY"], asked.headers["DD-APPLICATION-KEY"]) == ("a" * 32, "b" * 40)


@pytest.mark.parametrize(
    ("without", "expected"), [("overall_state", "unknown"), ("name", "Alert"), ("options", "Alert"), ("state", "Alert")]
)
async def test_what_is_missing_is_left_out(api: Api, datadog: Datadog, without: str, expected: str) -> None:
    api.says = web.json_response({name: value for name, value in MONITOR.items() if name != without})
    assert (await datadog.monitor("4711")).state == expected


async def test_words_of_a_newer_datadog_are_taken_as_they_are(api: Api, datadog: Datadog) -> None:
    api.says = web.json_response({**MONITOR, "type": "quantum alert", "overall_state": "Wobbly", "new": {"a": 1}})
    assert (await datadog.monitor("4711")).state == "Wobbly"


@pytest.mark.parametrize(
    ("answer", "text", "reason"),
    [
        pytest.param(
            {"status": 429, "headers": {"X-RateLimit-Reset": "3600"}}, "answers 429", "datadog-away", id="429"
        ),
        pytest.param({"status": 500, "text": "<html>"}, "answers 500", "datadog-away", id="500"),
        pytest.param({"status": 503}, "answers 503", "datadog-away", id="503"),
        pytest.param({"status": 302, "headers": {"Location": "/login"}}, "does not answer", "datadog-away", id="302"),
    ],
)
async def test_what_may_pass_is_tried_again_by_others_not_in_here(
    api: Api, datadog: Datadog, answer: dict[str, Any], text: str, reason: str
) -> None:
    api.says = web.Response(**answer)
    with pytest.raises(TryAgain, match=text) as away:
        await datadog.monitor("4711")
    assert away.value.reason == reason
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    ("answer", "text", "reason"),
    [
        pytest.param({"status": 401}, "refuses our keys", "datadog-refused", id="401"),
        pytest.param(
            {"status": 403, "text": '{"errors":["Forbidden"]}'}, "refuses our keys", "datadog-refused", id="403"
        ),
        pytest.param({"status": 404}, "knows no such monitor", "no-monitor", id="404"),
        pytest.param({"status": 400}, "answers 400", "datadog-refused", id="400"),
        pytest.param({"text": "<html>proxy</html>", "content_type": "text/html"}, "be read", "datadog-odd", id="HTML"),
        pytest.param({"text": "{}", "content_type": "application/json"}, "be read", "datadog-odd", id="missing fields"),
        pytest.param({"text": "[]", "content_type": "application/json"}, "be read", "datadog-odd", id="a list"),
        pytest.param({"text": "null", "content_type": "application/json"}, "be read", "datadog-odd", id="null"),
        pytest.param({"body": b"\xff\xfe", "content_type": "application/json"}, "be read", "datadog-odd", id="no text"),
        pytest.param({"status": 204}, "be read", "datadog-odd", id="nothing"),
    ],
)
async def test_what_will_not_pass_is_given_up(
    api: Api, datadog: Datadog, answer: dict[str, Any], text: str, reason: str
) -> None:
    api.says = web.Response(**answer)
    with pytest.raises(GaveUp, match=text) as no:
        await datadog.monitor("4711")
    assert no.value.reason == reason
    assert len(api.asked) == 1


async def test_refused_keys_come_with_what_to_do(api: Api, datadog: Datadog) -> None:
    api.says = web.Response(status=403)
    with pytest.raises(GaveUp) as no:
        await datadog.monitor("4711")
    assert "DD_APP_KEY" in no.value.fix


async def test_a_slow_datadog_is_not_waited_for(api: Api) -> None:
    api.go.clear()
    client = Datadog(api_key="a", app_key="b", site="datadoghq.com", url=api.url, within=0.2)
    with pytest.raises(TryAgain, match="does not answer"):
        await client.monitor("4711")
    client.close()


async def test_a_refused_connection_is_said_at_once_and_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening
        client = Datadog(
            api_key="a", app_key="b", site="datadoghq.com", url=f"http://127.0.0.1:{taken.getsockname()[1]}"
        )
        with pytest.raises(TryAgain, match="does not answer"):
            await client.monitor("4711")
        client.close()


@pytest.mark.parametrize(("api_key", "app_key"), [("", ""), ("a", ""), ("", "b")])
async def test_without_both_keys_nothing_is_asked(api: Api, api_key: str, app_key: str) -> None:
    client = Datadog(api_key=api_key, app_key=app_key, site="datadoghq.com", url=api.url)
    with pytest.raises(GaveUp, match="off") as off:
        await client.monitor("4711")
    assert (off.value.reason, api.asked) == ("no-keys", [])
    client.close()


@pytest.mark.parametrize("id", ["", "abc", "47/11", "../user", "1?x=1", "-1", "٤٧", "9" * 20, "4711 "])
async def test_what_is_no_number_of_a_monitor_never_reaches_a_url(api: Api, datadog: Datadog, id: str) -> None:
    with pytest.raises(GaveUp, match="no monitor of Datadog"):
        await datadog.monitor(id)
    assert api.asked == []


@pytest.mark.parametrize(
    ("site", "link"),
    [
        ("datadoghq.com", "https://app.datadoghq.com/monitors/1"),
        ("datadoghq.eu", "https://app.datadoghq.eu/monitors/1"),
        ("ddog-gov.com", "https://app.ddog-gov.com/monitors/1"),
        ("us3.datadoghq.com", "https://us3.datadoghq.com/monitors/1"),
        ("ap2.datadoghq.com", "https://ap2.datadoghq.com/monitors/1"),
        ("brand-new.example", "https://app.brand-new.example/monitors/1"),  # the client itself refuses such a site
    ],
)
async def test_links_lead_people_to_their_own_site(api: Api, site: str, link: str) -> None:
    client = Datadog(api_key="a", app_key="b", site=site, url=api.url)
    assert (await client.monitor("1")).link == link
    client.close()
