"""Whether Datadog lets us ask, and whether it will call us as we want to be called."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.datadog import Datadog
from bot.datadog.install import HANDLE, NAME, ROUTE, VARIABLE, webhook_to
from bot.examined import Examined, off, problem, refused, well
from bot.ports import GaveUp, TryAgain

SET_UP = "Run: muster setup datadog --url https://YOUR.HOST"
CALLED = "Datadog monitors"


async def examine(datadog: Datadog, *, secret: bool) -> list[Examined]:
    """Ask Datadog, and change nothing. `secret`: whether we know what the webhook is to send."""
    key = await _asked("Datadog API key", lambda: _key(datadog))
    if any(one.fix for one in key):
        return key  # all else would be refused for the same reason
    return [
        *key,
        *await _asked("Datadog webhook", lambda: _webhook(datadog)),
        *await _asked("Datadog webhook secret", lambda: _secret(datadog, known=secret)),
        *await _asked(CALLED, lambda: _monitors(datadog)),
    ]


async def _asked(about: str, ask: Callable[[], Awaitable[Examined]]) -> list[Examined]:
    try:
        return [await ask()]
    except (TryAgain, GaveUp) as no:
        return [refused(about, no)]


async def _key(datadog: Datadog) -> Examined:
    if await datadog.keys.valid():
        return well("Datadog API key", "Datadog knows it.")
    return problem("Datadog API key", "Datadog does not know it.", fix="Check DD_API_KEY and DD_SITE.")


async def _webhook(datadog: Datadog) -> Examined:
    about = f"Datadog webhook {NAME}"
    known = await datadog.webhooks.webhook(NAME)
    if known is None:
        return problem(about, "it is not there, so no alert reaches us.", fix=SET_UP)
    url = str(known.get("url", ""))
    if not url.endswith(ROUTE):
        return problem(about, f"it calls {url}, which does not end in {ROUTE}.", fix=SET_UP)
    if odd := _differs(known):
        return problem(about, f"it is not as this Muster needs it ({', '.join(odd)}).", fix=SET_UP)
    return well(about, f"it calls {url} with our payload and the secret header.")


def _differs(known: Mapping[str, Any]) -> list[str]:
    wanted = webhook_to("")
    return [name for name in ("encode_as", "payload", "custom_headers") if known.get(name) != wanted[name]]


async def _secret(datadog: Datadog, *, known: bool) -> Examined:
    about = f"Datadog webhook secret {VARIABLE}"
    if await datadog.webhooks.variable(VARIABLE) is None:
        return problem(about, "it is not there, so Muster refuses every alert.", fix=SET_UP)
    if not known:
        fix = f"Set DATADOG_WEBHOOK_SECRET to a long random text, then: {SET_UP.removeprefix('Run: ')}"
        return problem(about, "Datadog has one, and DATADOG_WEBHOOK_SECRET is not set.", fix=fix)
    return well(about, "it is there; Datadog does not show its value.")


async def _monitors(datadog: Datadog) -> Examined:
    """Of rules nothing is known here: they call us for monitors that do not name us."""
    found = await datadog.groups(f"notification:{HANDLE}", bad=False)
    if found.groups:
        return well(CALLED, f"some that name @{HANDLE} are there.")
    return off(
        CALLED, f"none names @{HANDLE}; a notification rule may.", fix=f"Write @{HANDLE} into a monitor's message."
    )
