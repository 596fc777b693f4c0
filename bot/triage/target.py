"""Which server an alert is about. Pure; only our own inventory can answer, never the text of a message."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from bot.incident import AlertSeen
from bot.runbook.inventory import Group, Host, Inventory

NAMED = 4  # names in a sentence; an alert may have hundreds
LABELS = (
    *("server", "instance", "target_host", "address", "peer", "url"),
    *("upstream", "backend", "balancer", "loadbalancer"),
)
"""Labels that may name a server or a group of ours, the closest to a server first."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """The server, or None and in words why not; `evidence` says which part of the alert named it.

    `group` is the inventory's group of all servers that were named, or the group that was; empty when they are of
    several or unknown.
    """

    host: Host | None
    evidence: str
    group: str = ""


@dataclass(frozen=True, kw_only=True)
class Place:
    """What an alert concerns: a service or a group, and the environment, empty when nobody names one."""

    name: str = ""
    env: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.env}".strip()


def target(alert: AlertSeen, inventory: Inventory) -> Target:
    """The server that this alert names: `host:` in its scope, else its hostname, else `host:` in its tags, else a
    label that names one of ours.

    The first that names anything decides: where it names several servers, or one that we do not know, people are
    asked, and the next one is no substitute (it is often the balancer, or whoever did the probing). Labels may hold
    anything, so of those only a server or group of ours counts.
    """
    places = {
        "scope": _values("host", alert.scope),
        "hostname": [alert.hostname] if alert.hostname else [],
        "tags": _values("host", alert.tags),
    }
    for where, words in places.items():
        if words:
            return _named(where, words, inventory)
    return next(_labelled(alert, inventory), None) or _nobody(alert, inventory)


def _named(where: str, words: Sequence[str], inventory: Inventory) -> Target:
    found = {host.name: host for word in words if (host := _find(word, inventory))}
    group = _one({host.group for host in found.values()})
    if len(found) == 1:
        (host,) = found.values()
        return Target(host=host, evidence=f"{where} of the alert: {', '.join(words)}", group=group)
    return Target(host=None, evidence=_asked(words, list(found)), group=group)


def _labelled(alert: AlertSeen, inventory: Inventory) -> Iterator[Target]:
    """What each label names, if it is ours."""
    for label in LABELS:
        words = _values(label, alert.scope) or _values(label, alert.tags)
        ours = [word for word in words if any(_find(w, inventory) for w in _within(word))]
        hosts = {host.name: host for word in ours for w in _within(word) if (host := _find(w, inventory))}
        groups = [word for word in words if word in inventory.groups]
        if len(hosts) == 1 and not groups:
            (host,) = hosts.values()
            yield Target(host=host, evidence=f"{label} of the alert: {', '.join(ours)}", group=host.group)
        elif hosts or groups:
            named = [*hosts, *(host for name in groups for host in inventory.groups[name].hosts)]
            in_groups = {*groups, *(host.group for host in hosts.values())}
            yield Target(host=None, evidence=_asked(words, list(dict.fromkeys(named))), group=_one(in_groups))


def _nobody(alert: AlertSeen, inventory: Inventory) -> Target:
    services = [s.lower() for s in (*_values("service", alert.scope), *_values("service", alert.tags))]
    hosts = [h for g in inventory.groups.values() if g.service and g.service.lower() in services for h in g.hosts]
    where = f"; {_some(services[:1])} runs on {_some(hosts)}" if hosts else ""
    return Target(host=None, evidence=f"No checks were run: the alert names no host{where}. Say “check on HOST”.")


def _find(word: str, inventory: Inventory) -> Host | None:
    """The host of this name, alias or address, however an address is written."""
    try:
        return inventory.find(str(ipaddress.ip_address(word.strip())))
    except ValueError:
        return inventory.find(word)


def _within(word: str) -> Iterator[str]:
    """The word itself, and the host in it where it is an address with a port or a URL."""
    yield word
    try:
        host = urlsplit(word if "://" in word else f"//{word}").hostname
    except ValueError:
        return
    if host:
        yield host


def _one(names: set[str]) -> str:
    return next(iter(names)) if len(names) == 1 else ""


def _asked(words: Sequence[str], found: list[str]) -> str:
    if found:
        several = f"the alert names several servers ({_some(found)})"
        return f"No checks were run: {several}. Say “check on HOST” for one of them."
    return f"No checks were run: the inventory does not know {_some(words)}. Say “check on HOST”."


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(name[:100] for name in names[:NAMED]) + more


def _values(key: str, words: Iterable[str]) -> list[str]:
    named = [word.partition(":")[2].strip() for word in words if word.startswith(f"{key}:")]
    return [name for name in dict.fromkeys(named) if name]


def place(service: str, env: str, found: Target, inventory: Inventory) -> Place:
    """What an alert concerns, so that alerts of one problem meet, whether they name a server or only its service.

    The service and environment of the host's group, because the inventory is right where both speak; else those of
    the alert; else the group alone.
    """
    group = inventory.groups.get(found.group)
    named = (_service_of(group, inventory) if group else "") or service.lower()
    if not named:
        return Place(name=f"group {group.name}") if group else Place()
    envs = {g.env for g in inventory.groups.values() if g.service.lower() == named and g.env}
    return Place(name=f"service {named}", env=(group.env if group else "") or env or _one(envs))


def _service_of(group: Group, inventory: Inventory) -> str:
    """The group's service; for balancers without one, that of all the servers behind them."""
    if group.service:
        return group.service.lower()
    return _one({g.service.lower() for g in inventory.groups.values() if g.behind in group.hosts and g.service})
