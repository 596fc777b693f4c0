"""The inventory: the only hosts that Muster ever touches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Host:
    """One server. `name` and `aliases` are the only words by which an alert can select it."""

    name: str
    address: str
    ssh_port: int = 22
    aliases: tuple[str, ...] = ()
    group: str = ""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Servers that should be alike. `port` is what peers and the balancer expect; `behind` names the balancer."""

    name: str
    service: str = ""
    role: str = ""
    env: str = ""
    port: int | None = None
    behind: str | None = None
    primary: str | None = None
    config_repo: str | None = None
    config_paths: tuple[str, ...] = ()
    hosts: Mapping[str, Host] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SshAccess:
    """How we log in; host keys are always verified against `known_hosts`."""

    user: str = "muster"
    key: str = ""
    known_hosts: str = "known_hosts"


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """All groups, how to reach them, and the argv patterns that runbooks may use."""

    groups: Mapping[str, Group] = field(default_factory=dict)
    ssh: SshAccess = SshAccess()
    allow: tuple[tuple[str, ...], ...] = ()

    def find(self, word: str) -> Host | None:
        """The host with this name, alias or address; None when the inventory does not know it."""
        wanted = word.strip().lower()
        for group in self.groups.values():
            for host in group.hosts.values():
                if wanted in {host.name.lower(), host.address, *(a.lower() for a in host.aliases)}:
                    return host
        return None

    def group_of(self, host: Host) -> Group:
        """The group that holds this host."""
        return self.groups[host.group]

    def peers(self, host: Host) -> tuple[Host, ...]:
        """The other hosts of its group, in the order of the inventory."""
        return tuple(h for h in self.group_of(host).hosts.values() if h.name != host.name)

    def balancer_of(self, host: Host) -> Host | None:
        """The balancer in front of this host, if the inventory names one that it knows."""
        behind = self.group_of(host).behind
        return self.find(behind) if behind else None
