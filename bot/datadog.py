"""Asking Datadog for more, through datadog-api-client. The only file that knows it.

Optional and time-limited: the webhook alone is enough. The client has no time limit of its own, retries dropped
connections four times by itself, and raises urllib3's errors beside its own; all of that ends here.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import urllib3
from datadog_api_client import ApiClient, Configuration
from datadog_api_client.exceptions import ApiException, OpenApiException
from datadog_api_client.v1.api.monitors_api import MonitorsApi

from bot.ports import GaveUp, MonitorState, TryAgain

T = TypeVar("T")
CONNECT, READ, LIMIT = 2.0, 4.0, 5.0  # seconds
MONITOR = re.compile(r"[0-9]{1,19}")


class Datadog:
    """The Metrics port. Without keys every question is answered by GaveUp. `url` replaces the API's address only:
    links are for people's browsers. `within` is in seconds.
    """

    def __init__(self, *, api_key: str, app_key: str, site: str, url: str = "", within: float = LIMIT) -> None:
        self._configured = bool(api_key and app_key)
        self._app = f"https://{site}" if site.count(".") > 1 else f"https://app.{site}"  # us3.datadoghq.com has no app.
        self._within = within
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="datadog")
        self._client = ApiClient(_configuration(api_key, app_key, url.rstrip("/") or f"https://api.{site}"))
        self._monitors: Any = MonitorsApi(self._client)  # type: ignore[no-untyped-call]  # partly typed upstream

    async def monitor(self, monitor_id: str) -> MonitorState:
        """The monitor's state and link, within the time limit."""
        if not self._configured:
            raise GaveUp("Datadog look-ups are off.", reason="no-keys", fix="Set DD_API_KEY and DD_APP_KEY.")
        if not MONITOR.fullmatch(monitor_id):
            raise GaveUp(f"{monitor_id!r} is no monitor of Datadog.", reason="no-monitor")
        found = await self._ask(lambda: self._monitors.get_monitor(int(monitor_id), group_states="alert,warn,no data"))
        state, name = str(found.get("overall_state") or "unknown"), str(found.get("name") or "")
        return MonitorState(state=state, name=name, link=f"{self._app}/monitors/{monitor_id}")

    async def _ask(self, call: Callable[[], T]) -> T:
        """One call in a thread of ours, decoding included, under one deadline, every error in our words."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._within):
                return await loop.run_in_executor(self._threads, call)
        except ApiException as refused:
            raise _translated(refused) from refused
        except (TimeoutError, urllib3.exceptions.HTTPError) as away:
            raise TryAgain("Datadog does not answer.", reason="datadog-away") from away
        except (OpenApiException, TypeError, ValueError) as odd:  # a proxy's page, a missing field
            raise GaveUp("Datadog's answer could not be read.", reason="datadog-odd") from odd

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()


def _configuration(api_key: str, app_key: str, host: str) -> Configuration:
    """The host is written out, because the client knows only the sites of its own day."""
    keys = {"apiKeyAuth": api_key, "appKeyAuth": app_key}
    retries = urllib3.Retry(total=0)
    return Configuration(host=host, api_key=keys, request_timeout=(CONNECT, READ), retry_policy=retries)  # type: ignore[no-untyped-call]  # partly typed upstream


def _translated(refused: ApiException) -> TryAgain | GaveUp:
    if refused.status == 429 or (refused.status or 0) >= 500:
        return TryAgain(f"Datadog answers {refused.status}.", reason="datadog-away")
    if refused.status in {401, 403}:
        return GaveUp(
            "Datadog refuses our keys.",
            reason="datadog-refused",
            fix="Check DD_API_KEY, DD_APP_KEY and monitors_read.",
        )
    if refused.status == 404:
        return GaveUp("Datadog knows no such monitor.", reason="no-monitor")
    return GaveUp(f"Datadog answers {refused.status}.", reason="datadog-refused")
