"""Which server an alert is about. Pure; only our own inventory can answer, never the text of a message."""

from __future__ import annotations

from dataclasses import dataclass

from bot.incident import AlertSeen
from bot.runbook.inventory import Host, Inventory

NAMED = 4  # names in a sentence; an alert may have hundreds


@dataclass(frozen=True, kw_only=True)
class Target:
    """The server, or None and in words why not; `evidence` says which part of the alert named it.

    `group` is the inventory's group of all servers that were named, empty when they are of several or unknown.
    """

    host: Host | None
    evidence: str
    group: str = ""


def target(alert: AlertSeen, inventory: Inventory) -> Target:
    """The server that this alert names: `host:` in its scope, else its hostname, else `host:` in its tags.

    The first of the three that names anything decides: where it names several servers, or one that we do not
    know, people are asked, and the next one is no substitute (it is often the balancer, or whoever did the probing).
    """
    places = {
        "scope": _hosts(alert.scope),
        "hostname": [alert.hostname] if alert.hostname else [],
        "tags": _hosts(alert.tags),
    }
    where, words = next(((where, words) for where, words in places.items() if words), ("", []))
    if not words:
        return Target(host=None, evidence="No checks were run: the alert names no host. Say “check on HOST”.")
    found = {host.name: host for word in words if (host := inventory.find(word))}
    groups = {host.group for host in found.values()}
    group = groups.pop() if len(groups) == 1 else ""
    if len(found) == 1:
        (host,) = found.values()
        return Target(host=host, evidence=f"{where} of the alert: {', '.join(words)}", group=group)
    return Target(host=None, evidence=_asked(words, list(found)), group=group)


def _asked(words: list[str], found: list[str]) -> str:
    if found:
        several = f"the alert names several servers ({_some(found)})"
        return f"No checks were run: {several}. Say “check on HOST” for one of them."
    return f"No checks were run: the inventory does not know {_some(words)}. Say “check on HOST”."


def _some(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(name[:100] for name in names[:NAMED]) + more


def _hosts(words: tuple[str, ...]) -> list[str]:
    named = [word.partition(":")[2].strip() for word in words if word.startswith("host:")]
    return [name for name in dict.fromkeys(named) if name]


def place(service: str, env: str, found: Target) -> str:
    """What an alert concerns, so that alerts of one problem meet: the host's group, else service and environment."""
    if found.group:
        return f"group {found.group}"
    return f"service {service} {env}".strip() if service else ""
