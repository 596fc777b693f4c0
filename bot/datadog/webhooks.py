"""How Datadog learns of us: the secret variable, the webhook with our payload, and a rule that calls it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datadog_api_client.v1.api.webhooks_integration_api import WebhooksIntegrationApi
from datadog_api_client.v2.api.monitors_api import MonitorsApi

from bot.datadog.answers import items, mapping, text
from bot.datadog.api import Api
from bot.ports import GaveUp

WRITE = "manage_integrations"


class Webhooks:
    """The webhooks integration of the account. There is no list: each thing is looked for by its name."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._webhooks: Any = WebhooksIntegrationApi(api.client)  # type: ignore[no-untyped-call]  # partly typed
        self._rules: Any = MonitorsApi(api.client)  # type: ignore[no-untyped-call]  # partly typed upstream

    async def variable(self, name: str) -> Mapping[str, Any] | None:
        """The custom variable, without the value of a secret; None when there is none."""
        return await self._found(
            "variable", lambda: self._webhooks.get_webhooks_integration_custom_variable(name), "integrations_read"
        )

    async def create_variable(self, name: str, value: str) -> None:
        """Keep a secret under this name."""
        body = {"name": name, "value": value, "is_secret": True}
        await self._api.ask(
            "write variable", lambda: self._webhooks.create_webhooks_integration_custom_variable(body), scope=WRITE
        )

    async def update_variable(self, name: str, value: str) -> None:
        """Keep another secret under this name."""
        body = {"name": name, "value": value, "is_secret": True}
        await self._api.ask(
            "write variable",
            lambda: self._webhooks.update_webhooks_integration_custom_variable(name, body),
            scope=WRITE,
        )

    async def webhook(self, name: str) -> Mapping[str, Any] | None:
        """The webhook as it is; None when there is none."""
        return await self._found("webhook", lambda: self._webhooks.get_webhooks_integration(name), "integrations_read")

    async def create_webhook(self, webhook: Mapping[str, Any]) -> None:
        """Make the webhook."""
        await self._api.ask(
            "write webhook", lambda: self._webhooks.create_webhooks_integration(dict(webhook)), scope="create_webhooks"
        )

    async def update_webhook(self, name: str, changes: Mapping[str, Any]) -> None:
        """Change the webhook."""
        await self._api.ask(
            "write webhook", lambda: self._webhooks.update_webhooks_integration(name, dict(changes)), scope=WRITE
        )

    async def rule(self, name: str) -> tuple[str, Mapping[str, Any]] | None:
        """The id and attributes of the notification rule with this name; None when there is none."""
        told = await self._api.ask(
            "rules",
            lambda: self._rules.get_monitor_notification_rules(page=0, per_page=1000),
            scope="monitor_config_policy_read",
        )
        for one in items(told, "data"):
            if text(one, "attributes", "name") == name:
                return text(one, "id"), mapping(one, "attributes")
        return None

    async def create_rule(self, attributes: Mapping[str, Any]) -> None:
        """Make the rule."""
        body = {"data": {"type": "monitor-notification-rule", "attributes": dict(attributes)}}
        await self._api.ask(
            "write rule",
            lambda: self._rules.create_monitor_notification_rule(body),
            scope="monitor_config_policy_write",
        )

    async def update_rule(self, id: str, attributes: Mapping[str, Any]) -> None:
        """Change the rule."""
        body = {"data": {"type": "monitor-notification-rule", "id": id, "attributes": dict(attributes)}}
        await self._api.ask(
            "write rule",
            lambda: self._rules.update_monitor_notification_rule(id, body),
            scope="monitor_config_policy_write",
        )

    async def _found(self, what: str, call: Any, scope: str) -> Mapping[str, Any] | None:
        try:
            return mapping(await self._api.ask(what, call, scope=scope))
        except GaveUp as gone:
            if gone.reason != "not-found":
                raise
            return None
