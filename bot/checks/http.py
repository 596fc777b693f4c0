"""What a page answers, how fast, and who served it. Asked from the bot."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

import aiohttp

from bot.checks import Answer, Seconds, Target, noun
from bot.checks.tcp import connect_failure
from bot.ports import GaveUp, TryAgain
from bot.runbook.result import State

BODY = 65_536
"""Bytes of a body that are looked at."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer to one request; `problem` is refused, timeout or error when there was none.

    `text` is there when it was asked for; `cut`: there is more than was read.
    """

    status: int = 0
    took: float = 0.0
    served_by: str = ""
    text: str = ""
    problem: str = ""
    cut: bool = False


@noun("http")
async def http(
    on: Target,
    *,
    url: str,
    status: tuple[int, ...] = (200,),
    under: Seconds | None = None,
    contains: str | None = None,
    host: str | None = None,
    times: int = 1,
    served_by: str = "X-Served-By",
) -> Answer:
    """What a page answers the bot: status, time, text, and with `times` who served it.

    url: the page. status: one or a list (200). under: the longest time. contains: text in the body's first 64 kB.
    host: the Host header. times: how many requests (1). served-by: the header that names the server.
    Redirects are answers and are not followed.
    """
    accepted = tuple(status) if isinstance(status, list | tuple) else (status,)
    wanted = partial(ask, url, host=host, header=served_by, whole=contains is not None)
    replies = await _at_their_best(
        wanted, times=times, within=on.within, slow=lambda reply: _judge(reply, accepted, under, contains) == "slow"
    )
    if contains is not None and any(reply.cut and contains not in reply.text for reply in replies):
        raise GaveUp(f"{url} is larger than can be read, and its beginning has no such text.", reason="cut")
    judged = [_judge(reply, accepted, under, contains) for reply in replies]
    worst = max(judged, key=_ORDER.index)
    slowest = max(reply.took for reply in replies)
    return Answer(
        state=State.FAIL if worst else State.OK,
        reason=worst,
        summary=_summary(url, replies, judged, worst),
        facts={
            "status": next((r.status for r in replies if r.status), 0),
            "ms": round(slowest * 1000),
            "failed": sum(1 for each in judged if each),
            "asked": len(replies),
            "served-by": dict(Counter(r.served_by for r in replies if r.served_by)),
        },
    )


async def _at_their_best(
    wanted: Callable[..., Awaitable[Sequence[Reply]]], *, times: int, within: float, slow: Callable[[Reply], bool]
) -> Sequence[Reply]:
    """The replies. What is slow is asked once more while there is time, and the quicker one counts: once is chance."""
    started = time.monotonic()
    replies = list(await wanted(times=times, within=within))
    late = [at for at, reply in enumerate(replies) if slow(reply)]
    left = within - (time.monotonic() - started)
    if late and left > 0:
        for at, new in zip(late, await wanted(times=len(late), within=left), strict=True):
            if not new.problem and new.took < replies[at].took:
                replies[at] = new
    return replies


async def ask(
    url: str, *, host: str | None, times: int, within: float, header: str, whole: bool = False
) -> Sequence[Reply]:
    """Ask a page `times` times, at once but on connections of their own, each within the limit in seconds.

    `whole`: read the body, too, as far as BODY; else its first bytes are enough, for a page may never end.
    """
    limit = aiohttp.ClientTimeout(total=within)
    connector = aiohttp.TCPConnector(limit=8, force_close=True)
    async with aiohttp.ClientSession(timeout=limit, connector=connector, trust_env=False) as web:
        return await asyncio.gather(*(_one(web, url, host, header, whole) for _ in range(max(1, min(times, 50)))))


_ORDER = ("", "slow", "error", "refused", "timeout")


async def _one(web: aiohttp.ClientSession, url: str, host: str | None, header: str, whole: bool) -> Reply:
    started = time.monotonic()
    try:
        async with web.get(url, headers={"Host": host} if host else {}, allow_redirects=False) as answer:
            body = await _body(answer.content) if whole else await answer.content.readany()
            return Reply(
                status=answer.status,
                took=time.monotonic() - started,
                served_by=answer.headers.get(header, "")[:200],
                text=body[:BODY].decode("utf-8", "replace"),
                cut=len(body) > BODY,
            )
    except TimeoutError:
        problem = "timeout"
    except aiohttp.InvalidURL as error:
        raise GaveUp(f"{url!r} is not a URL.", reason="error", fix="Correct the runbook.") from error
    except aiohttp.ClientConnectorDNSError as error:
        raise TryAgain(f"The bot cannot ask: {error}", reason="unreachable") from error
    except aiohttp.ClientConnectorError as error:
        problem = connect_failure(error.os_error)
    except (aiohttp.ClientError, OSError):
        problem = "error"  # it accepted, then hung up or spoke no HTTP
    return Reply(took=time.monotonic() - started, problem=problem)


async def _body(content: aiohttp.StreamReader) -> bytes:
    """All of it, or one byte more than is looked at; a single read gives only what has arrived."""
    body = bytearray()
    while len(body) <= BODY and (part := await content.read(BODY + 1 - len(body))):
        body += part
    return bytes(body)


def _judge(reply: Reply, status: Sequence[int], under: Seconds | None, contains: str | None) -> str:
    if reply.problem:
        return reply.problem
    if reply.status not in status or (contains is not None and contains not in reply.text):
        return "error"
    return "slow" if under is not None and reply.took > under else ""


def _summary(url: str, replies: Sequence[Reply], judged: Sequence[str], worst: str) -> str:
    shown = replies[judged.index(worst)]
    took = f"{shown.took * 1000:.0f} ms"
    said = {
        "timeout": f"no answer within {took}",
        "refused": "connection refused",
        "slow": f"{shown.status}, slow: {took}",
        "error": f"answers {shown.status}" if shown.status else "closed the connection without an answer",
        "": f"{shown.status} in {took}",
    }[worst]
    count = f" ({sum(1 for each in judged if each)} of {len(replies)} failed)" if worst and len(replies) > 1 else ""
    return f"{url}: {said}{count}"
