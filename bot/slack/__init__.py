"""Slack: the only room that knows its words and imports its SDK."""

from __future__ import annotations

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

SLACK = "https://slack.com/api/"


def web_client(token: str, *, session: aiohttp.ClientSession, base_url: str = SLACK) -> AsyncWebClient:
    """A client that repeats nothing by itself and takes no proxy from the environment."""
    client = AsyncWebClient(
        token=token, base_url=base_url.rstrip("/") + "/", session=session, retry_handlers=[], timeout=15
    )
    client.proxy = None  # the SDK copies HTTPS_PROXY without a look at NO_PROXY, even for 127.0.0.1
    return client
