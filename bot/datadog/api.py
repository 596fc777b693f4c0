"""One way to ask Datadog: in threads of ours, within a time limit, once, every failure in our words.

The client builds and checks each request; its answers are read here as plain JSON, because decoding them into the
client's models costs twenty times as much and stumbles over words of a newer Datadog. The client has no time limit
of its own, retries dropped connections four times by itself, and raises urllib3's errors beside its own.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import urllib3
from datadog_api_client import ApiClient, Configuration
from datadog_api_client.exceptions import ApiException, OpenApiException

from bot.datadog.answers import items, text
from bot.metrics import DATADOG_LEFT
from bot.ports import NO_KEYS, GaveUp, TryAgain

CONNECT, READ, LIMIT = 2.0, 4.0, 5.0  # seconds
AT_ONCE = 4  # calls; more would only make a slow Datadog slower
LARGEST = 8_000_000  # bytes of an answer
LONGEST = 3600.0  # seconds that a limit of theirs is believed
UNSTABLE = ("v2.import_incident", "v2.update_incident", "v2.search_incidents")
"""What Datadog still calls unstable and we use; the client refuses these unless they are named."""

Call = Callable[[], Any]


class Api:
    """The client, and the account it asks for. `within` is in seconds. Without both keys nothing is asked."""

    def __init__(self, *, api_key: str, app_key: str, site: str, url: str = "", within: float = LIMIT) -> None:
        self._configured = bool(api_key and app_key)
        self._within = within
        self._threads = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="datadog")
        self._not_before: dict[str, float] = {}
        self.client = ApiClient(_configuration(api_key, app_key, url.rstrip("/") or f"https://api.{site}"))

    async def ask(self, what: str, call: Call, *, scope: str, missing: str = "Datadog knows no such thing.") -> Any:
        """The JSON of one answer; None where there is no body. Raises TryAgain or GaveUp.

        `what` names the kind of call for its rate limit, `scope` what the application key needs for it.
        """
        if not self._configured:
            raise GaveUp("Datadog look-ups are off.", reason=NO_KEYS, fix="Set DD_API_KEY and DD_APP_KEY.")
        self._respect(what)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._within):
                headers, body = await loop.run_in_executor(self._threads, self._once, call)
        except ApiException as refused:
            self._remember(what, refused.headers or {}, spent=refused.status == 429)
            raise _translated(refused, scope, missing) from refused
        except (TimeoutError, urllib3.exceptions.HTTPError) as away:
            raise TryAgain("Datadog does not answer.", reason="datadog-away") from away
        except (OpenApiException, TypeError, ValueError, RecursionError) as odd:  # a proxy's page, a missing field
            raise odd_answer() from odd
        self._remember(what, headers)
        return body

    def _once(self, call: Call) -> tuple[Mapping[str, str], Any]:
        """In a thread: the call, and its answer read to the end or to our limits."""
        deadline = time.monotonic() + self._within
        response = call()
        try:
            body = _read(response, deadline)
            return response.headers, json.loads(body) if body else None
        finally:
            response.close()

    def _respect(self, what: str) -> None:
        """Raise TryAgain while a limit that Datadog told us holds: asking on would starve others of the account."""
        left = self._not_before.get(what, 0.0) - time.monotonic()
        if left > 0:
            raise TryAgain("Datadog limits how often we may ask.", reason="datadog-away", after=left)

    def _remember(self, what: str, headers: Mapping[str, str], *, spent: bool = False) -> None:
        if (left := _header(headers, "X-RateLimit-Remaining")).isdecimal():
            DATADOG_LEFT.labels(what).set(int(left))
        if spent or _header(headers, "X-RateLimit-Remaining") == "0":
            self._not_before[what] = time.monotonic() + (reset_of(headers) or (1.0 if spent else 0.0))

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.client.close()


def odd_answer() -> GaveUp:
    """An answer of Datadog's that has another shape than it should."""
    return GaveUp("Datadog's answer could not be read.", reason="datadog-odd", fix="Check DD_SITE and DD_API_URL.")


def reset_of(headers: Mapping[str, str]) -> float | None:
    """Seconds until a rate limit ends, as far as the answer says it in a number that can be believed."""
    try:
        seconds = float(_header(headers, "X-RateLimit-Reset"))
    except ValueError:
        return None
    return min(seconds, LONGEST) if seconds >= 0 else None


def _header(headers: Mapping[str, str], name: str) -> str:
    """A header in whatever letters it came."""
    return next((value for word, value in headers.items() if word.lower() == name.lower()), "")


def _read(response: Any, deadline: float) -> bytes:
    """The whole body. A server that lets it drip must not keep a thread for ever."""
    body = bytearray()
    for part in response.stream(65_536, decode_content=True):
        body += part
        if len(body) > LARGEST:
            raise ValueError("the answer is too long")
        if time.monotonic() > deadline:
            raise urllib3.exceptions.ReadTimeoutError(response._pool, "", "the answer is too slow")
    return bytes(body)


def _configuration(api_key: str, app_key: str, host: str) -> Configuration:
    """The host is written out, because the client knows only the sites of its own day."""
    found = Configuration(  # type: ignore[no-untyped-call]  # partly typed upstream
        host=host,
        api_key={"apiKeyAuth": api_key, "appKeyAuth": app_key},
        request_timeout=(CONNECT, READ),
        retry_policy=urllib3.Retry(total=0),
        preload_content=False,
    )
    for name in UNSTABLE:  # taken off the list: on it, even an allowed one warns with each call
        found.unstable_operations.values.pop(name, None)
    return found


def _translated(refused: ApiException, scope: str, missing: str) -> TryAgain | GaveUp:
    status = refused.status or 0
    if status == 429:
        return TryAgain("Datadog answers 429.", reason="datadog-away", after=reset_of(refused.headers or {}))
    if status >= 500 or status in {0, 408}:
        return TryAgain(f"Datadog answers {status}." if status else "Datadog does not answer.", reason="datadog-away")
    if status == 401:
        fix = "Check DD_API_KEY, DD_APP_KEY and DD_SITE."
        return GaveUp("Datadog refuses our keys.", reason="datadog-refused", fix=fix)
    if status == 403:
        keys = "DD_API_KEY and DD_SITE"
        give = f"Give the application key of DD_APP_KEY the scope {scope}; if it has that, check {keys}."
        fix = give if scope else f"Check {keys}."
        return GaveUp("Datadog refuses our keys for this.", reason="datadog-refused", fix=fix)
    if status == 404:
        return GaveUp(missing, reason="not-found")
    return GaveUp(f"Datadog answers {status}{_why(refused)}.", reason="datadog-refused")


def _why(refused: ApiException) -> str:
    """What Datadog says to it, shortened; answers to a bad request come as JSON or as plain text."""
    told = [e if isinstance(e, str) else text(e, "detail") or text(e, "title") for e in items(refused.body, "errors")]
    said = " ".join("; ".join(filter(None, told)).split())
    return f": {said[:200].rstrip('.')}" if said else ""
