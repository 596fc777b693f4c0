"""Who may call when, and what becomes of Slack's refusals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from bot.ports import GaveUp, TryAgain
from bot.slack import web_client
from bot.slack.errors import Refused
from bot.slack.methods import METHODS
from bot.slack.pace import First, Line, Pace, Window

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Time:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def test_a_window_lets_so_many_through_and_then_waits_for_the_oldest() -> None:
    window = Window(2, 60)
    for at in (0.0, 10.0):
        assert window.wait(at) == 0
        window.take(at)
    assert window.wait(20.0) == 40
    assert window.wait(60.0) == 0


def test_a_window_never_lets_more_through_within_its_time() -> None:
    window, calls, now = Window(20, 60.5), list[float](), 0.0
    for _ in range(500):
        now += window.wait(now) or 0.7
        if window.wait(now) == 0:
            window.take(now)
            calls.append(now)
    assert all(later - earlier > 60.49 for earlier, later in zip(calls, calls[20:], strict=False))


def test_at_the_very_end_of_a_window_only_so_many_go_through_as_have_left() -> None:
    window = Window(1, 60.5)
    window.take(0.3)
    assert window.wait(60.8) == 0
    window.take(60.8)
    assert window.wait(60.8) == 60.5


def test_nothing_goes_before_what_slack_asked_for() -> None:
    window = Window(100, 60)
    window.hold(30.0)
    window.hold(20.0)
    assert window.wait(1.0) == 29
    assert window.wait(30.0) == 0


async def test_the_important_goes_first_and_otherwise_whoever_came_first() -> None:
    time = Time()
    window = Window(1, 1000)
    line = Line(window, clock=time)
    window.take(time.at)
    order: list[str] = []

    async def wait(name: str, first: First) -> None:
        await line.turn(first, patience=5000)
        order.append(name)
        time.at += 1000

    wanted = [("decoration", First.DECORATION), ("result", First.RESULTS), ("open", First.OPEN), ("2", First.OPEN)]
    tasks = [asyncio.create_task(wait(name, first)) for name, first in wanted]
    await asyncio.sleep(0)
    time.at += 1000
    line._move()
    await asyncio.gather(*tasks)
    assert order == ["open", "2", "result", "decoration"]


async def test_who_would_wait_too_long_is_told_how_long() -> None:
    time = Time()
    line = Line(Window(1, 60), clock=time)
    await line.turn(First.CARD, patience=1)
    with pytest.raises(TryAgain) as busy:
        await line.turn(First.CARD, patience=30)
    assert (busy.value.reason, busy.value.after) == ("paced", 60)


async def test_who_is_cancelled_holds_nobody_up() -> None:
    time = Time()
    window = Window(1, 60)
    line = Line(window, clock=time)
    window.take(time.at)
    gone = asyncio.create_task(line.turn(First.OPEN, patience=100))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    time.at += 60
    await line.turn(First.DECORATION, patience=0)


@asynccontextmanager
async def slack(answer: Answering, *, within: float = 10.0) -> AsyncIterator[tuple[Pace, list[str]]]:
    """A Slack that answers everything with `answer`, the pace in front of it, and what was asked."""
    asked: list[str] = []

    async def noted(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return await answer(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", noted)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
    async with aiohttp.ClientSession() as session:
        yield Pace(web_client("xoxb-test", session=session, base_url=base), session, within=within), asked
    await runner.cleanup()


def saying(status: int = 200, **body: object) -> Answering:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status)

    return answer


def page(kind: str, status: int = 200) -> Answering:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>Please log in</html>", content_type=kind, status=status)

    return answer


async def hanging(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(0.3)
    return web.json_response({"ok": True})


async def cutting(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def broken_json(_: web.Request) -> web.StreamResponse:
    return web.Response(text='{"ok": tru', content_type="application/json")


async def ask(answer: Answering, *, within: float = 10.0) -> tuple[TryAgain | GaveUp, int]:
    """How one call of chat.postMessage fails, and how often Slack was asked."""
    async with slack(answer, within=within) as (pace, asked):
        with pytest.raises((TryAgain, GaveUp)) as failed:
            await pace.call("chat.postMessage", first=First.CARD, channel="C1", text="x")
        assert isinstance(failed.value, TryAgain | GaveUp)
        return failed.value, len(asked)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (saying(503), "http-503"),
        (saying(500, ok=False, error="internal_error"), "internal_error"),
        (saying(ok=False, error="fatal_error"), "fatal_error"),
        (saying(ok=False, error="service_unavailable"), "service_unavailable"),
        (page("text/html"), "not-slack"),
        (page("text/plain"), "not-slack"),
        (page("text/html", 502), "http-502"),
        (page("text/plain", 503), "http-503"),
        (broken_json, "not-slack"),
        (saying(), "not-slack"),
        (cutting, "away"),
    ],
)
async def test_what_passes_is_to_be_tried_again_and_never_repeated_here(answer: Answering, reason: str) -> None:
    failed, times = await ask(answer)
    assert isinstance(failed, TryAgain)
    assert failed.reason == reason
    assert times == 1


async def test_a_slack_that_hangs_is_left_after_the_time_limit() -> None:
    failed, times = await ask(hanging, within=0.05)
    assert isinstance(failed, TryAgain)
    assert (failed.reason, times) == ("away", 1)


@pytest.mark.parametrize(
    ("code", "fix"),
    [
        ("missing_scope", "Add the scope chat:write to the app and reinstall it."),
        ("not_in_channel", "/invite the bot into the channel."),
        ("is_archived", "Unarchive the channel."),
        ("token_revoked", "Reinstall the app and put its new bot token into SLACK_BOT_TOKEN."),
        ("restricted_action_read_only_channel", "Ask an administrator of the workspace to allow it for this app."),
        ("something_new", "See what something_new means at https://docs.slack.dev/reference/methods."),
    ],
)
async def test_a_refusal_comes_with_slacks_word_and_what_to_do(code: str, fix: str) -> None:
    failed, times = await ask(saying(ok=False, error=code, needed="chat:write"))
    assert isinstance(failed, Refused)
    assert (failed.reason, failed.fix, times) == (code, fix, 1)


async def test_a_wrong_address_is_said_to_be_one() -> None:
    failed, _ = await ask(page("text/html", 404))
    assert isinstance(failed, GaveUp)
    assert "SLACK_API_URL" in failed.fix


async def test_a_long_wait_is_handed_on() -> None:
    async def limited(_: web.Request) -> web.StreamResponse:
        return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "77"})

    failed, times = await ask(limited)
    assert isinstance(failed, TryAgain)
    assert (failed.reason, failed.after, times) == ("ratelimited", 77, 1)


async def test_a_short_wait_is_waited_for_because_nothing_was_done() -> None:
    left = [429, 200]

    async def limited(_: web.Request) -> web.StreamResponse:
        status = left.pop(0)
        return web.json_response({"ok": status == 200}, status=status, headers={"Retry-After": "1"})

    async with slack(limited) as (pace, asked):
        await pace.call("chat.update", first=First.CARD, channel="C1", ts="1", text="x")
    assert len(asked) == 2


async def test_however_many_channels_there_are_none_gets_two_messages_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.slack.pace.CHANNELS", 2)
    async with aiohttp.ClientSession() as session:
        pace = Pace(web_client("xoxb-1", session=session), session, patience=0.5, clock=(time := Time()))
        for channel in ("C1", "C2", "C3", "C4"):
            await pace._wait("chat.postMessage", First.CARD, channel)
        with pytest.raises(TryAgain):
            await pace._wait("chat.postMessage", First.CARD, "C1")
        time.at += 60
        for channel in ("C5", "C6"):
            await pace._wait("chat.postMessage", First.CARD, channel)
        assert set(pace._channels) == {"C5", "C6"}


async def test_only_the_method_that_was_limited_waits() -> None:
    async def limited(request: web.Request) -> web.StreamResponse:
        bad = request.path.endswith("chat.update")
        return web.json_response({"ok": not bad}, status=429 if bad else 200, headers={"Retry-After": "60"})

    async with slack(limited) as (pace, asked):
        for _ in range(2):
            with pytest.raises(TryAgain):
                await pace.call("chat.update", first=First.CARD, channel="C1", ts="1", text="x")
        await pace.call("chat.postMessage", first=First.CARD, channel="C1", text="x")
    assert [path.rpartition("/")[2] for path in asked] == ["chat.update", "chat.postMessage"]


@pytest.mark.parametrize(("status", "kind"), [(404, GaveUp), (429, TryAgain), (503, TryAgain), (302, GaveUp)])
async def test_addresses_that_slack_gave_us_may_fail_too(status: int, kind: type[Exception]) -> None:
    async with slack(saying(status)) as (pace, asked):
        with pytest.raises(kind):
            await pace.post(f"{pace._client.base_url}response", json={"text": "x"})
    assert len(asked) == 1


async def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with slack(saying(ok=True)) as (pace, asked):
        await pace.call("auth.test", first=First.OPEN)
    assert asked == ["/api/auth.test"]


def test_every_method_that_we_name_is_one_of_the_sdk() -> None:
    client = web_client.__globals__["AsyncWebClient"]
    assert all(hasattr(client, name.replace(".", "_")) for name in METHODS)
