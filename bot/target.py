"""Which server an alert is about. Pure; only our own inventory can answer, never the text of a message."""

from __future__ import annotations

from dataclasses import dataclass

from bot.incident import AlertSeen
from bot.runbook.inventory import Host, Inventory


@dataclass(frozen=True, kw_only=True)
class Target:
    """The server, or None and in words why not; `evidence` says which part of the alert named it."""

    host: Host | None
    evidence: str


def target(alert: AlertSeen, inventory: Inventory) -> Target:
    """The server that this alert names: `host:` in its scope, its hostname, `host:` in its tags, in this order."""
    named = [
        *(("scope", word) for word in _hosts(alert.scope)),
        *([("hostname", alert.hostname)] if alert.hostname else []),
        *(("tags", word) for word in _hosts(alert.tags)),
    ]
    for where, word in named:
        if host := inventory.find(word):
            return Target(host=host, evidence=f"{where} of the alert: {word}")
    if named:
        words = ", ".join(dict.fromkeys(word for _, word in named))
        return Target(host=None, evidence=f"No checks were run: the inventory does not know {words}.")
    return Target(host=None, evidence="No checks were run: the alert names no host. Say “check on HOST”.")


def _hosts(words: tuple[str, ...]) -> list[str]:
    return [word.partition(":")[2] for word in words if word.startswith("host:")]


def place(service: str, env: str, host: Host | None) -> str:
    """What an alert concerns, so that alerts of one problem meet: the host's group, else service and environment."""
    if host:
        return f"group {host.group}"
    return f"service {service} {env}".strip() if service else ""
