"""The inventory: the only hosts that Muster ever touches."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.pattern import matches
from bot.strict_block import (
    Block,
    Cursor,
    Wrong,
    absolute,
    label,
    line,
    many,
    named,
    one_or_many,
    read_document,
    relative,
    text,
    version,
    whole,
)
from bot.strict_yaml import did_you_mean


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
    """How we log in; host keys are always verified against `known_hosts`.

    With `act` in the file the account that looks needs no right to change anything: another one carries out plans.
    """

    user: str = "muster"
    key: str = ""
    known_hosts: str = "known_hosts"
    act_user: str = ""
    act_key: str = ""

    @property
    def acting(self) -> SshAccess:
        """How we log in to carry out an approved plan: as the account for that, where there is one."""
        if not (self.act_user or self.act_key):
            return self
        return SshAccess(user=self.act_user or self.user, key=self.act_key or self.key, known_hosts=self.known_hosts)


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

    def allows(self, argv: Sequence[str]) -> bool:
        """Whether runbooks may use this command: a `*` stands for one argument, at the end for any that follow."""
        return any(_allowed(pattern, argv) for pattern in self.allow)


def load(content: str, file: str) -> Inventory:
    """Read inventory.yaml. Raises Problems with every mistake in it."""
    return read_document(content, file, _inventory)


def _allowed(pattern: Sequence[str], argv: Sequence[str]) -> bool:
    head, open_end = (pattern[:-1], True) if pattern[-1] == "*" else (pattern, False)
    if len(argv) < len(head) or (len(argv) > len(head) and not open_end):
        return False
    return all(matches(part, argument) for part, argument in zip(head, argv, strict=False))


def _inventory(cursor: Cursor) -> Inventory:
    with Block(cursor) as top:
        top.take("inventory", version, None, required=True)
        ssh = top.take("ssh", _ssh, SshAccess())
        groups: dict[str, Group] = top.take("groups", named(_group), {})
        allow: tuple[tuple[str, ...], ...] = top.take("allow", many(_allow), ())
    _check_names(cursor, groups)
    return _by_name(Inventory(groups=groups, ssh=ssh, allow=allow))


def _ssh(cursor: Cursor) -> SshAccess:
    with Block(cursor) as words:
        return SshAccess(
            user=words.take("user", _user, "muster"),
            key=words.take("key", _secret, ""),
            known_hosts=words.take("known-hosts", line, "known_hosts"),
            act_user=(act := words.take("act", _act, ("", "")))[0],
            act_key=act[1],
        )


def _act(cursor: Cursor) -> tuple[str, str]:
    with Block(cursor) as words:
        return words.take("user", _user, ""), words.take("key", _secret, "")


def _user(cursor: Cursor) -> str:
    user = text(cursor)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9._-]{0,31}", user):
        raise Wrong(f"'{user}' is not the name of an account")
    return user


def _secret(cursor: Cursor) -> str:
    reference = line(cursor)
    if "-----" in reference:
        raise Wrong("a key does not belong in this file; write secret:ssh-key, or the path of a file")
    if reference.startswith("secret:") and not re.fullmatch(r"secret:[a-z][a-z0-9.-]{0,60}", reference):
        raise Wrong("a secret is named by small letters, digits, '-' and '.': secret:ssh-key")
    return reference


def _group(cursor: Cursor) -> Group:
    called = label(cursor)
    with Block(cursor) as words:
        nowhere: tuple[str | None, tuple[str, ...]] = (None, ())
        repo, paths = words.take("config", _config, nowhere)
        hosts: dict[str, Host] = words.take("hosts", named(_host), {}, required=True)
        return Group(
            name=called,
            service=words.take("service", line, ""),
            role=words.take("role", line, ""),
            env=words.take("env", line, ""),
            port=words.take("port", whole(1, 65535), None),
            behind=words.take("behind", line, None),
            primary=words.take("primary", line, None),
            config_repo=repo,
            config_paths=paths,
            hosts={name: replace(host, group=called) for name, host in hosts.items()},
        )


def _config(cursor: Cursor) -> tuple[str | None, tuple[str, ...]]:
    with Block(cursor) as words:
        nothing: tuple[str, ...] = ()
        repo = words.take("repo", absolute, "", required=True)
        return repo, words.take("paths", one_or_many(relative), nothing)


def _host(cursor: Cursor) -> Host:
    called = str(cursor.path[-1])
    if not _NAME.fullmatch(called):
        raise Wrong(f"'{called}' is not a host's name: letters, digits, '.', '_' and '-', a letter or digit first")
    if not isinstance(cursor.value, dict):
        return Host(name=called, address=_address(cursor))
    with Block(cursor) as words:
        nothing: tuple[str, ...] = ()
        return Host(
            name=called,
            address=words.take("address", _address, "", required=True),
            ssh_port=words.take("ssh-port", whole(1, 65535), 22),
            aliases=words.take("aliases", one_or_many(_alias), nothing),
        )


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_DNS = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
)


def _address(cursor: Cursor) -> str:
    """An IP address, or a DNS name whose last part is not a number."""
    said = text(cursor)
    try:
        return str(ipaddress.ip_address(said))
    except ValueError:
        last = said.rpartition(".")[2]
        if not _DNS.fullmatch(said) or last.isdigit():
            raise Wrong(f"'{said}' is not an address: 10.0.0.11, fd00::11 or web-01.example.com") from None
        return said


def _alias(cursor: Cursor) -> str:
    said = line(cursor)
    if any(c.isspace() for c in said):
        raise Wrong(f"'{said}' is not a name that an alert can carry: it has a space in it")
    return said


def _allow(cursor: Cursor) -> tuple[str, ...]:
    if not isinstance(cursor.value, list) or not cursor.value:
        raise Wrong('a command is a list: [psql, -AtX, "*"]')
    pattern = many(text)(cursor)
    if pattern and "*" in pattern[0]:
        raise Wrong("the program itself is written out; '*' stands for arguments only")
    return pattern


def _check_names(cursor: Cursor, groups: Mapping[str, Group]) -> None:
    """Every word by which a host is found belongs to one host, and groups point at hosts that exist."""
    taken: dict[str, str] = {}
    top = cursor.child("groups", None)
    for group in groups.values():
        for host in group.hosts.values():
            here = top.child(group.name, None).child("hosts", None).child(host.name, None)
            for word in dict.fromkeys(_words_of(host)):
                owner = taken.setdefault(word, f"{host.name} of {group.name}")
                if owner != f"{host.name} of {group.name}":
                    here.wrong(f"'{word}' already finds {owner}; every name, alias and address belongs to one host")
    for group in groups.values():
        for word, target in (("behind", group.behind), ("primary", group.primary)):
            if target is not None and target.lower() not in taken:
                hosts = [host.name for each in groups.values() for host in each.hosts.values()]
                top.child(group.name, None).child(word, None).wrong(
                    f"no host is called '{target}'{did_you_mean(target, hosts)}"
                )


def _words_of(host: Host) -> Iterator[str]:
    yield host.name.lower()
    if host.address:
        yield host.address.lower()
    yield from (alias.lower() for alias in host.aliases)


def _by_name(inventory: Inventory) -> Inventory:
    """`behind` and `primary` by the host's own name, also where an alias was written."""

    def own(word: str | None) -> str | None:
        host = inventory.find(word) if word else None
        return host.name if host else word

    groups = {n: replace(g, behind=own(g.behind), primary=own(g.primary)) for n, g in inventory.groups.items()}
    return replace(inventory, groups=groups)
