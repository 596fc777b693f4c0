"""Each call as the real API wants it; each answer of the API, and each of its refusals, as we read it."""

from __future__ import annotations

import json
import re
import socket
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from prometheus_client import generate_latest

import bot.datadog
from bot.datadog import Datadog
from bot.ports import GaveUp, TryAgain
from tests.datadog.calls import CALLS, OUR_EVENTS, Call
from tests.datadog.recorder import Recorder

EACH = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@EACH
async def test_a_call_is_made_as_the_api_wants_it_and_its_answer_read(
    api: Recorder, datadog: Datadog, call: Call
) -> None:
    api.says = call.answer
    assert await call.do(datadog) == call.read
    (asked,) = api.asked
    assert (asked.method, asked.path) == (call.method, call.path)
    assert asked.query == (call.query or {})
    assert asked.body == call.body
    assert (asked.headers["DD-API-KEY"], asked.headers.get("DD-APPLICATION-KEY", "b" * 40)) == ("a" * 32, "b" * 40)
    assert asked.headers["Accept"] in {"application/json", "*/*"}
    if call.body is not None:
        assert asked.headers["Content-Type"] == "application/json"


def endpoints() -> dict[tuple[str, str], Any]:
    """Each of the client's operations that our code names, by method and path."""
    source = "".join(file.read_text() for file in Path(bot.datadog.__file__).parent.glob("*.py"))
    used = set(re.findall(r"self\.(\w+)\.(\w+)\b", source))
    parts = vars(Datadog(api_key="", app_key="", site="datadoghq.com")).values()
    held = [item for part in parts if hasattr(part, "__dict__") for item in vars(part).items()]
    clients = [(name, one) for name, one in held if type(one).__module__.startswith("datadog_api_client.v")]
    found = [getattr(c, f"_{call}_endpoint", None) for name, c in clients for where, call in used if where == name]
    return {(one.settings["http_method"], one.settings["endpoint_path"]): one for one in found if one}


def fits(call: Call, method: str, path: str) -> bool:
    return call.method == method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), call.path) is not None


def endpoint_of(call: Call) -> Any:
    """The client's description of the operation that this call is."""
    found = [one for (method, path), one in endpoints().items() if fits(call, method, path)]
    return min(found, key=lambda one: one.settings["endpoint_path"].count("{"))


def test_every_operation_that_we_use_has_its_row() -> None:
    used = endpoints()
    assert len(used) > 15
    for method, path in used:
        assert any(fits(call, method, path) for call in CALLS.values()), f"no row for {method} {path}"


LOST = {  # answers in which everything optional is missing
    "monitor": {"id": 4711},
    "alerting groups": {"groups": [{}], "metadata": {}},
    "metric query": {"series": [{}]},
    "log search": {"data": [{}]},
    "event search": {},
    "downtimes": {"data": [{}]},
    "incident search": {"data": {}},
    "rules": {},
}


@pytest.mark.parametrize("name", LOST)
async def test_what_an_answer_leaves_out_is_no_mistake(api: Recorder, datadog: Datadog, name: str) -> None:
    api.says = LOST[name]
    await CALLS[name].do(datadog)


ODD = ["null", "[[]]", "7", '"text"', "<html>a proxy's page</html>", "\x00", "[" * 5000]


@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
@EACH
async def test_an_odd_answer_is_given_up_or_read_as_nothing(
    api: Recorder, datadog: Datadog, call: Call, body: str
) -> None:
    api.says = web.Response(text=body, content_type="application/json")
    assert (found := await _read(call, datadog)) in ("datadog-odd", [[]]) or not found


async def _read(call: Call, datadog: Datadog) -> Any:
    """What the call gave, or the reason why it gave nothing."""
    try:
        return await call.do(datadog)
    except GaveUp as odd:
        return odd.reason


STATUSES: dict[int, tuple[type[Exception], str]] = {
    400: (GaveUp, "datadog-refused"),
    401: (GaveUp, "datadog-refused"),
    403: (GaveUp, "datadog-refused"),
    404: (GaveUp, "not-found"),
    408: (TryAgain, "datadog-away"),
    409: (GaveUp, "datadog-refused"),
    413: (GaveUp, "datadog-refused"),
    429: (TryAgain, "datadog-away"),
    500: (TryAgain, "datadog-away"),
    502: (TryAgain, "datadog-away"),
    503: (TryAgain, "datadog-away"),
    504: (TryAgain, "datadog-away"),
}
WITHOUT = {"variable", "webhook", "end of a downtime"}
"""For these, 404 is an answer: there is none."""


@pytest.mark.parametrize("status", STATUSES)
@EACH
async def test_every_refusal_is_of_the_right_kind_and_nothing_is_asked_twice(
    api: Recorder, datadog: Datadog, call: Call, status: int
) -> None:
    api.says = web.json_response({"errors": ["Forbidden"]}, status=status)
    kind, reason = STATUSES[status]
    if status == 404 and any(call is CALLS[name] for name in WITHOUT):
        assert await call.do(datadog) is None
        return
    with pytest.raises(kind) as problem:
        await call.do(datadog)
    assert isinstance(problem.value, TryAgain | GaveUp)
    assert problem.value.reason == reason
    assert len(api.asked) == 1
    if status == 403 and isinstance(problem.value, GaveUp):
        assert call.scope in problem.value.fix
        assert problem.value.fix


@EACH
async def test_a_silent_datadog_is_not_waited_for(api: Recorder, call: Call) -> None:
    api.go.clear()
    client = Datadog(api_key="a", app_key="b", site="datadoghq.com", url=api.url, within=0.05)
    with pytest.raises(TryAgain, match="does not answer"):
        await call.do(client)
    client.close()


@EACH
async def test_without_keys_nothing_is_asked(api: Recorder, call: Call) -> None:
    client = Datadog(api_key="", app_key="b", site="datadoghq.com", url=api.url)
    with pytest.raises(GaveUp, match="off") as off:
        await call.do(client)
    assert (off.value.reason, api.asked) == ("no-keys", [])
    client.close()


@EACH
async def test_a_refused_connection_is_said_at_once(call: Call) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        client = Datadog(api_key="a", app_key="b", site="datadoghq.com", url=url)
        with pytest.raises(TryAgain, match="does not answer"):
            await call.do(client)
        client.close()


@pytest.mark.parametrize(
    ("reset", "after"), [("7", 7.0), ("1.5", 1.5), ("999999", 3600.0), ("soon", 1.0), ("-4", 1.0), ("nan", 1.0)]
)
async def test_a_rate_limit_is_kept_without_asking_on(
    api: Recorder, datadog: Datadog, reset: str, after: float
) -> None:
    api.says = web.Response(status=429, headers={"X-RateLimit-Reset": reset, "X-RateLimit-Name": "monitor"})
    for _ in range(2):
        with pytest.raises(TryAgain):
            await datadog.monitor("4711")
    with pytest.raises(TryAgain) as limited:
        await datadog.monitor("4711")
    assert len(api.asked) == 1
    assert limited.value.after is not None
    assert after - 1 < limited.value.after <= after


async def test_a_spent_limit_is_kept_after_a_good_answer_and_hinders_no_other_call(
    api: Recorder, datadog: Datadog
) -> None:
    spent: dict[str, Any] = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "60"}
    api.answers = [web.json_response(CALLS["monitor"].answer, headers=spent), CALLS["metric query"].answer]
    await datadog.monitor("4711")
    with pytest.raises(TryAgain, match="limits how often"):
        await datadog.monitor("4711")
    await CALLS["metric query"].do(datadog)
    assert len(api.asked) == 2


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"errors": ["The value provided for parameter 'query' is invalid"]}, "parameter 'query' is invalid"),
        ({"errors": [{"detail": "title is needed", "status": "400"}]}, "400: title is needed"),
        ({"errors": "no list"}, "answers 400"),
    ],
)
async def test_what_datadog_says_to_a_bad_request_is_told(
    api: Recorder, datadog: Datadog, answer: Any, told: str
) -> None:
    api.says = web.json_response(answer, status=400)
    with pytest.raises(GaveUp, match=told):
        await datadog.monitor("4711")


async def test_a_query_that_datadog_cannot_read_is_told_in_its_words(api: Recorder, datadog: Datadog) -> None:
    api.says = {"status": "error", "error": "Error parsing query", "series": []}
    with pytest.raises(GaveUp, match="Error parsing query") as wrong:
        await CALLS["metric query"].do(datadog)
    assert wrong.value.reason == "error"


async def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch, api: Recorder) -> None:
    monkeypatch.setattr("bot.datadog.api.LARGEST", 1000)
    api.says = web.Response(text='"' + "x" * 200_000 + '"', content_type="application/json")
    client = Datadog(api_key="a", app_key="b", site="datadoghq.com", url=api.url)
    with pytest.raises(GaveUp, match="could not be read"):
        await client.monitor("4711")
    client.close()


async def test_decoding_a_long_answer_leaves_the_loop_free(
    api: Recorder, datadog: Datadog, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded_in: list[threading.Thread] = []

    def loads(text: str | bytes) -> Any:
        decoded_in.append(threading.current_thread())
        return json.loads(text)

    monkeypatch.setattr("bot.datadog.api.json", SimpleNamespace(loads=loads))
    group = CALLS["alerting groups"].answer["groups"][0]
    api.says = {"groups": [group] * 200, "metadata": {"total_count": 200}}
    found = await datadog.groups("")
    assert len(found.groups) == 200
    assert decoded_in
    assert threading.main_thread() not in decoded_in


async def test_what_we_said_ourselves_is_no_change(api: Recorder, datadog: Datadog) -> None:
    api.says = OUR_EVENTS
    assert await CALLS["event search"].do(datadog) == []


async def test_what_datadog_still_allows_is_a_number_of_ours(api: Recorder, datadog: Datadog) -> None:
    api.says = web.json_response(CALLS["monitor"].answer, headers={"X-RateLimit-Remaining": "42"})
    await datadog.monitor("4711")
    assert 'muster_datadog_calls_left{kind="monitor"} 42.0' in generate_latest().decode()
