"""Setting Datadog up: the secret, the webhook, a rule that calls it, and the monitors that we recommend.

Each may be done again: what is there already is compared, and only what differs is written. One line a thing says
what became of it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from importlib import resources
from typing import Any

from bot.datadog.monitors import Monitors
from bot.datadog.webhooks import Webhooks

NAME = "muster"
HANDLE = f"webhook-{NAME}"
VARIABLE = "MUSTER_TOKEN"
ROUTE = "/datadog/webhook"
HEADERS = json.dumps({"X-Muster-Token": f"${VARIABLE}"})


def payload() -> str:
    """What Datadog is to send."""
    return resources.files("bot.alerts").joinpath("datadog_webhook_payload.json").read_text("utf-8")


def recommended() -> Mapping[str, Mapping[str, Any]]:
    """The monitors that we recommend, by name."""
    files = sorted(resources.files("bot.datadog").joinpath("recommended").iterdir(), key=lambda file: file.name)
    return {
        file.name.removesuffix(".json"): json.loads(file.read_text("utf-8"))
        for file in files
        if file.name.endswith(".json")
    }


def webhook_to(url: str) -> dict[str, Any]:
    """The webhook as it should be."""
    where = url.rstrip("/")
    where = where if where.endswith(ROUTE) else where + ROUTE
    return {"name": NAME, "url": where, "encode_as": "json", "payload": payload(), "custom_headers": HEADERS}


async def install_webhook(webhooks: Webhooks, *, url: str, secret: str) -> AsyncIterator[str]:
    """The secret first: the webhook refers to it. Datadog never shows a secret, so it is always written."""
    if await webhooks.variable(VARIABLE) is None:
        await webhooks.create_variable(VARIABLE, secret)
        yield f"secret variable {VARIABLE}: created"
    else:
        await webhooks.update_variable(VARIABLE, secret)
        yield f"secret variable {VARIABLE}: set again"
    wanted = webhook_to(url)
    known = await webhooks.webhook(NAME)
    if known is None:
        await webhooks.create_webhook(wanted)
        yield f"webhook {NAME}: created, it calls {wanted['url']}"
    elif changed := [name for name, value in wanted.items() if known.get(name) != value]:
        await webhooks.update_webhook(NAME, {name: wanted[name] for name in changed})
        yield f"webhook {NAME}: updated ({', '.join(changed)}), it calls {wanted['url']}"
    else:
        yield f"webhook {NAME}: unchanged, it calls {wanted['url']}"


async def install_rule(webhooks: Webhooks, *, tag: str = "", scope: str = "") -> AsyncIterator[str]:
    """A rule that calls the webhook for monitors with this tag, or whose alerts are in this scope."""
    about: Mapping[str, Any] = {"tags": [tag]} if tag else {"scope": scope}
    wanted = {"name": NAME, "filter": about, "recipients": [HANDLE]}
    where = tag or scope
    known = await webhooks.rule(NAME)
    if known is None:
        await webhooks.create_rule(wanted)
        yield f"notification rule {NAME}: created for {where}"
        return
    id, rule = known
    others = [one for one in rule.get("recipients") or [] if isinstance(one, str) and one != HANDLE]
    wanted["recipients"] = [*others, HANDLE]
    if rule.get("filter") == about and set(rule.get("recipients") or []) == {*others, HANDLE}:
        yield f"notification rule {NAME}: unchanged, for {where}"
    else:
        await webhooks.update_rule(id, wanted)
        yield f"notification rule {NAME}: updated, for {where}"


async def install_monitors(monitors: Monitors) -> AsyncIterator[str]:
    """What is there keeps the thresholds that people gave it; its tag tells that it is ours."""
    for name, wanted in recommended().items():
        known: Sequence[Mapping[str, Any]] = await monitors.tagged(f"{NAME}:{name}")
        if known:
            yield f"monitor {name}: is there already ({known[0].get('id')}), left as it is"
        else:
            yield f"monitor {name}: created ({await monitors.create(wanted)})"
