"""The stand-in of the API keeps what the real client tells it, and refuses as Datadog does."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
import pytest_asyncio

from bot.datadog import Datadog
from bot.lab import datadog_api
from bot.lab.datadog_api import DatadogApi
from bot.ports import GaveUp, GroupState, Marker, Mirrored, Silence, TryAgain
from tests.datadog.lab import lab_and_client, lab_api

WEB_02 = GroupState(
    monitor_id="4711001",
    name="host:web-02,service:shop",
    status="alert",
    tags=("host:web-02", "service:shop"),
    monitor="Web server out of rotation",
    triggered_at=datetime(2026, 11, 22, 10, tzinfo=UTC),
    monitor_tags=("service:shop",),
)


def now() -> datetime:
    return datetime.now(UTC)


@pytest_asyncio.fixture
async def both() -> AsyncIterator[tuple[DatadogApi, Datadog]]:
    async with lab_and_client() as both:
        yield both


Both = tuple[DatadogApi, Datadog]


async def test_monitors_and_their_groups(both: Both) -> None:
    _, client = both
    state = await client.monitor("4711001")
    assert [group.name for group in state.groups] == ["host:web-02,service:shop"]
    assert (await client.groups("notification:webhook-muster")).groups == (WEB_02,)
    assert len((await client.groups("", bad=False)).groups) == 2
    assert (await client.groups("notification:webhook-other")).groups == ()
    with pytest.raises(GaveUp, match="no such monitor"):
        await client.monitor("12")


async def test_an_event_is_found_again(both: Both) -> None:
    api, client = both
    marker = Marker(key="inc-7/opened", together="muster-inc-7", title="INC-7", text="Web is out", at=now())
    assert not await client.marked(marker)
    await client.mark(marker)
    assert await client.marked(marker)
    assert len(api.events) == 1


async def test_changes_are_found_by_service_and_host_without_alerts(both: Both) -> None:
    api, client = both
    base = {"text": "", "at": time.time() - 60}
    api.events += [
        {**base, "title": "Deployed 1.2.3", "tags": ["service:shop", "source:deployment"]},
        {**base, "title": "Alert", "tags": ["service:shop", "source:alert"]},
        {**base, "title": "Else", "tags": ["service:else"]},
    ]
    query = "(service:shop OR host:web-02) -source:alert"
    found = await client.changes(query, start=now() - timedelta(hours=1), end=now(), most=5)
    assert [(change.title, change.kind) for change in found] == [("Deployed 1.2.3", "deployment")]


async def test_logs_are_found_by_host_newest_first(both: Both) -> None:
    api, client = both
    api.lines += [{"at": time.time() - n, "host": host, "message": f"line {n}"} for n, host in enumerate("aab", 1)]
    found = await client.logs("host:a", start=now() - timedelta(minutes=1), end=now(), most=1)
    assert [line.text for line in found.lines] == ["line 1"]
    assert found.more


async def test_a_query_draws_the_points_of_its_window(both: Both) -> None:
    api, client = both
    query = "avg:system.load.1{host:web-02}"
    api.points[query] = [(time.time() - 60, 1.5), (time.time() - 7200, 9.0)]
    (line,) = await client.series(query, start=now() - timedelta(hours=1), end=now())
    assert [value for _, value in line.points] == [1.5]
    with pytest.raises(GaveUp, match="Error parsing query"):
        await client.series("load", start=now(), end=now())


async def test_a_silence_begins_is_found_and_ends_as_often_as_asked(both: Both) -> None:
    api, client = both
    wish = Silence(monitor_id="4711001", group=WEB_02, until=now() + timedelta(hours=1), text="Muster inc-7")
    assert await client.silenced(wish) == ""
    id = await client.silence(wish)
    assert await client.silenced(wish) == id
    assert api.downtimes[id]["scope"] == "host:web-02 AND service:shop"
    await client.end_silence(id)
    await client.end_silence(id)
    assert api.downtimes == {}


@pytest.mark.parametrize("tags", [(), ("host:a b",), ("host:*",), ('host:x" OR env:prod',), ("prod",)])
async def test_what_cannot_be_silenced_alone_is_not_silenced_at_all(both: Both, tags: tuple[str, ...]) -> None:
    api, client = both
    group = GroupState(monitor_id="4711001", name=",".join(tags) or "*", status="alert", tags=tags)
    with pytest.raises(GaveUp, match="cannot be silenced"):
        await client.silence(Silence(monitor_id="4711001", group=group, until=now(), text="Muster"))
    assert api.asked == []


async def test_a_mirror_is_found_by_its_key_and_brought_up_to_date(both: Both) -> None:
    api, client = both
    shown = Mirrored(key="Muster inc-7", title="Web is out", state="active", severity="SEV2", declared_at=now())
    assert await client.mirrored(shown.key) == ""
    id = await client.mirror(shown)
    assert await client.mirrored(shown.key) == id
    over = Mirrored(key=shown.key, title="Web was out", state="resolved", severity="??", declared_at=now())
    await client.update_mirror(id, over)
    assert api.incidents[id]["title"] == "[Muster inc-7] Web was out"
    assert api.incidents[id]["fields"]["severity"]["value"] == "UNKNOWN"


async def test_keys_limits_and_bad_requests_are_answered_as_datadog_does(monkeypatch: pytest.MonkeyPatch) -> None:
    async with lab_api() as (_, url), aiohttp.ClientSession() as web:
        async with web.get(f"{url}/api/v1/monitor/4711001") as answer:
            assert (answer.status, await answer.json()) == (403, {"errors": ["Forbidden"]})
        keys = {"DD-API-KEY": "a"}
        async with web.post(f"{url}/api/v1/events", json={"title": "t", "text": "x"}, headers=keys) as answer:
            assert answer.status == 202
        keys["DD-APPLICATION-KEY"] = "b"
        async with web.post(f"{url}/api/v2/downtime", json={}, headers=keys) as answer:
            assert (answer.status, await answer.json()) == (400, {"errors": ["Bad Request"]})
        monkeypatch.setattr(datadog_api, "LIMIT", 1)
        async with web.get(f"{url}/api/v1/monitor/4711001", headers=keys) as answer:
            assert (answer.status, answer.headers["X-RateLimit-Remaining"]) == (200, "0")
        async with web.get(f"{url}/api/v1/monitor/4711001", headers=keys) as answer:
            assert answer.status == 429
            assert 0 < int(answer.headers["X-RateLimit-Reset"]) <= datadog_api.PERIOD


@pytest.mark.parametrize(("fault", "kind"), [(403, GaveUp), (500, TryAgain), (503, TryAgain)])
async def test_it_fails_as_told(both: Both, fault: int, kind: type[Exception]) -> None:
    api, client = both
    api.fault = fault
    with pytest.raises(kind):
        await client.monitor("4711001")
