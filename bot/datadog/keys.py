"""Whether Datadog takes our API key."""

from __future__ import annotations

from typing import Any

from datadog_api_client.v1.api.authentication_api import AuthenticationApi

from bot.datadog.answers import mapping
from bot.datadog.api import Api


class Keys:
    """The keys that we ask with."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._calls: Any = AuthenticationApi(api.client)  # type: ignore[no-untyped-call]  # partly typed upstream

    async def valid(self) -> bool:
        """Whether the API key is known; the application key is not looked at. Raises TryAgain or GaveUp."""
        told = mapping(await self._api.ask("validate", self._calls.validate, scope=""))
        return told.get("valid") is True
