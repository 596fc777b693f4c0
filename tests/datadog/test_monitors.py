"""Monitors: odd answers, hostile ids, pages of groups, links."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from bot.datadog import Datadog
from bot.datadog.monitors import _searched, tags_of
from bot.ports import GaveUp, GroupState, TryAgain
from tests.datadog.calls import MONITOR, START
from tests.datadog.recorder import Recorder


@pytest.mark.parametrize(
    ("without", "expected"), [("overall_state", "unknown"), ("name", "Alert"), ("options", "Alert"), ("state", "Alert")]
)
async def test_what_is_missing_is_left_out(api: Recorder, datadog: Datadog, without: str, expected: str) -> None:
    api.says = web.json_response({name: value for name, value in MONITOR.items() if name != without})
    assert (await datadog.monitor("4711")).state == expected


async def test_words_of_a_newer_datadog_are_taken_as_they_are(api: Recorder, datadog: Datadog) -> None:
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
    api: Recorder, datadog: Datadog, answer: dict[str, Any], text: str, reason: str
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
        pytest.param({"status": 404}, "knows no such monitor", "not-found", id="404"),
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
    api: Recorder, datadog: Datadog, answer: dict[str, Any], text: str, reason: str
) -> None:
    api.says = web.Response(**answer)
    with pytest.raises(GaveUp, match=text) as no:
        await datadog.monitor("4711")
    assert no.value.reason == reason
    assert len(api.asked) == 1


@pytest.mark.parametrize("id", ["", "abc", "47/11", "../user", "1?x=1", "-1", "٤٧", "9" * 20, "4711 "])
async def test_what_is_no_number_of_a_monitor_never_reaches_a_url(api: Recorder, datadog: Datadog, id: str) -> None:
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
async def test_links_lead_people_to_their_own_site(api: Recorder, site: str, link: str) -> None:
    api.says = MONITOR
    client = Datadog(api_key="a", app_key="b", site=site, url=api.url)
    assert (await client.monitor("1")).link == link
    client.close()


ONE = {"group": "host:web-02", "monitor_id": 1, "status": "Alert"}


def page(groups: int, *, of: int) -> dict[str, Any]:
    """A page of the search; Datadog's page_count is how many groups a page has, not how many pages there are."""
    metadata = {"total_count": of, "page_count": groups, "page": 0, "per_page": groups}
    return {"counts": {}, "groups": [ONE] * groups, "metadata": metadata}


async def test_all_pages_of_the_search_are_read(api: Recorder, datadog: Datadog) -> None:
    api.answers = [page(200, of=1201)] * 6 + [page(1, of=1201)]
    found = await datadog.groups("team:shop")
    assert (len(found.groups), found.complete) == (1201, True)
    assert [asked.query["page"] for asked in api.asked] == [str(n) for n in range(7)]


async def test_pages_that_are_shorter_than_asked_for_are_read_to_the_end(api: Recorder, datadog: Datadog) -> None:
    api.answers = [page(30, of=65), page(30, of=65), page(5, of=65)]
    found = await datadog.groups("")
    assert (len(found.groups), found.complete) == (65, True)


async def test_what_is_too_much_or_is_not_told_is_not_complete(api: Recorder, datadog: Datadog) -> None:
    api.says = page(200, of=100_000)
    found = await datadog.groups("")
    assert (len(found.groups), found.complete, len(api.asked)) == (2000, False, 10)
    api.answers = [page(2, of=7), page(0, of=7)]
    found = await datadog.groups("")
    assert (len(found.groups), found.complete) == (2, False)


async def test_a_page_that_fails_fails_the_search(api: Recorder, datadog: Datadog) -> None:
    api.answers = [page(200, of=300), web.Response(status=503)]
    with pytest.raises(TryAgain):
        await datadog.groups("")


@pytest.mark.parametrize("group", ["*", "total", "@SYNTHETICS_OVERALL@", "", "no tags, here"])
def test_a_simple_monitor_has_no_tags(group: str) -> None:
    assert tags_of(group) == ()


def test_a_muted_group_and_one_without_data_are_known_as_such() -> None:
    told = {"group": "host:a", "monitor_id": 7, "status": "No Data", "muted": True, "last_nodata_ts": 1795341600}
    assert _searched({**told, "last_triggered_ts": None}) == GroupState(
        monitor_id="7", name="host:a", status="no data", tags=("host:a",), triggered_at=START, muted=True
    )


@pytest.mark.parametrize(
    ("status", "triggered", "silent"),
    [("No Data", 1, 1795341600), ("No Data", 1795341600, 0), ("Alert", 1795341600, 7), ("Warn", 0, 1795341600)],
)
async def test_a_group_began_when_it_came_into_its_state(
    api: Recorder, datadog: Datadog, status: str, triggered: int, silent: int
) -> None:
    """It may have triggered once, long before it went silent."""
    told = {"name": "host:a", "status": status, "last_triggered_ts": triggered, "last_nodata_ts": silent}
    assert _searched(told).triggered_at == START
    api.says = {**MONITOR, "state": {"groups": {"host:a": told}}}
    assert (await datadog.monitor("4711")).groups[0].triggered_at == START


@pytest.mark.parametrize("name", ["total", "@SYNTHETICS_OVERALL@"])
def test_a_group_that_stands_for_the_whole_monitor_has_no_tags(name: str) -> None:
    """As it was recorded: its one tag is its own name."""
    assert _searched({"group": name, "group_tags": [name], "monitor_id": 7, "status": "Alert"}).tags == ()
