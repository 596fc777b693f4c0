"""What the nginx configuration of a server says, and whether its peers say the same.

The obvious checks pass when a server listens on the wrong port; only the comparison with its peers and the
balancer shows it. Everything is parsed from files; `test` alone runs nginx, and so touches the server.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.checks import Answer, Target, noun
from bot.checks.listening import open_sockets, ports_of
from bot.ports import GaveUp, TryAgain
from bot.runbook.inventory import Host
from bot.runbook.nginx_config import Config, Fact, as_self, expected_port, read_config
from bot.runbook.result import JSON, State
from bot.runbook.version_control import CommitFiles, Repository, choose_baseline

Kind = Literal["listen", "server-names", "upstreams", "locations"]
DEFAULT = "/etc/nginx/nginx.conf"


@noun("nginx", touches="test", over_ssh=True)
async def nginx(
    on: Target,
    *,
    config: str = DEFAULT,
    same: tuple[Kind, ...] = (),
    live: bool = False,
    test: bool = False,
    sudo: bool = False,
) -> Answer:
    """Facts of the nginx config, each with file and line.

    config: the main file. same: what must be alike in the group (listen, server-names, upstreams, locations).
    live: compare the config with the open sockets. test: run `nginx -t`, which opens the configured ports for a
    moment. sudo: run that with `sudo -n`.
    """
    if test:
        return await _test(on, config=config, sudo=sudo)
    own = await read_config(await on.session(), config)
    if own.errors:
        return Answer(
            state=State.UNKNOWN,
            reason="error",
            summary=f"the config of {on.host.name} cannot be read: {own.errors[0]}",
            facts={"error": own.errors[0]},
            evidence="\n".join(own.errors),
        )
    if same:
        found = await _Comparison(on=on, config=config, own=own).answer(same)
        if found.state is not State.OK or not live:
            return found
    return await _live(on, own) if live else _facts(on, own)


def _facts(on: Target, own: Config) -> Answer:
    kinds: dict[str, JSON] = {
        kind: [f"{fact.value} ({fact.file}:{fact.line})" for fact in own.of(kind)]
        for kind in ("listen", "server-names", "upstreams", "locations")
    }
    ports = sorted({fact.value.split()[0].rpartition(":")[2] for fact in own.of("listen")})
    return Answer(
        state=State.OK, summary=f"nginx on {on.host.name} is set to listen on {', '.join(ports)}", facts=kinds
    )


async def _live(on: Target, own: Config) -> Answer:
    sockets = await open_sockets(await on.session(), within=on.within)
    ports = set(ports_of(on.host, sockets, on.inventory))
    missing = [fact for fact in own.of("listen") if (port := _port(fact.value)) and int(port) not in ports]
    if not missing:
        return Answer(state=State.OK, summary=f"{on.host.name} listens on all ports of its config")
    first = missing[0]
    return Answer(
        state=State.FAIL,
        reason="stale",
        summary=f"the config of {on.host.name} says {_port(first.value)}, but nothing listens there",
        facts={
            "found": ", ".join(str(port) for port in sorted(ports)),
            "expected": _port(first.value),
            "file": first.file,
            "line": first.line,
        },
    )


@dataclass(frozen=True, kw_only=True)
class _Odd:
    """This host is the odd one out: what it should say, and who decided that."""

    kind: str
    reference: Counter[str]
    decided_by: str


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """The port at which a server must listen, if anybody knows it, and who says so."""

    port: int | None
    decided_by: str

    def contradicts(self, listens: Counter[str]) -> bool:
        """Whether a server with these `listen` lines has the port at no address."""
        return self.port is not None and not any(each.split()[0].endswith(f":{self.port}") for each in listens)


@dataclass(kw_only=True)
class _Comparison:
    """One host beside its peers. With three that agree by majority; with two, others must decide."""

    on: Target
    config: str
    own: Config

    async def answer(self, kinds: Sequence[str]) -> Answer:
        peers, unread = await self._peers()
        wanted = await self._wanted()
        for kind in kinds:
            if odd := await self._odd(kind, peers, wanted):
                return self._differs(odd, peers, unread)
        if not peers:
            return self._alone(unread)
        own = self.on.host
        differ = any(
            profile(config, kind, host) != profile(self.own, kind, own)
            for host, config in peers.items()
            for kind in kinds
        )
        said = "is not the odd one among" if differ else "says the same as"
        names = ", ".join(host.name for host in peers)
        note = f" ({', '.join(unread)} not read)" if unread else ""
        summary = f"{own.name} {said} {names}{note}"
        return Answer(state=State.OK, summary=summary, facts={"hosts": f"{own.name}, {names}"})

    async def _wanted(self) -> _Wanted:
        """What the inventory declares counts; a balancer that sends elsewhere is itself the one that is wrong."""
        sent = await expected_port(self.on.session, self.on.inventory, self.on.host)
        declared = self.on.inventory.group_of(self.on.host).port
        port = sent if declared is None else declared
        return _Wanted(port=port, decided_by="balancer" if sent == port else "inventory")

    async def _peers(self) -> tuple[dict[Host, Config], dict[str, str]]:
        hosts = self.on.inventory.peers(self.on.host)
        found, unread = {}, {}
        for host, config in zip(hosts, await asyncio.gather(*(self._peer(host) for host in hosts)), strict=True):
            if isinstance(config, Config):
                found[host] = config
            else:
                unread[host.name] = config
        return found, unread

    async def _peer(self, host: Host) -> Config | str:
        try:
            config = await read_config(await self.on.session(host), self.config)
        except (TryAgain, GaveUp) as error:
            return error.reason
        except FileNotFoundError:
            return "error"
        return "error" if config.errors else config

    async def _odd(self, kind: str, peers: Mapping[Host, Config], wanted: _Wanted) -> _Odd | None:
        own = profile(self.own, kind, self.on.host)
        others = {host: profile(config, kind, host) for host, config in peers.items()}
        alike = bool(peers) and all(other == own for other in others.values())
        agreed = own if alike else majority_of([own, *others.values()])
        # Most of them, or all, may be wrong together: what cannot be reached at the port decides nothing.
        if agreed is not None and not (kind == "listen" and wanted.contradicts(agreed)):
            return _Odd(kind=kind, reference=agreed, decided_by="majority") if agreed != own else None
        by_balancer = self._by_balancer(kind, others, peers, wanted)
        if by_balancer is not False:
            return by_balancer
        if not peers:
            return None
        by_history = await self._by_history(kind, own, peers)
        if by_history is not False:
            return by_history
        reference = next(iter(others.values()))
        affected = self.on.host.name == self.on.affected.name
        return _Odd(kind=kind, reference=reference, decided_by="alert") if affected else None

    def _by_balancer(
        self,
        kind: str,
        others: Mapping[Host, Counter[str]],
        peers: Mapping[Host, Config],
        wanted: _Wanted,
    ) -> _Odd | Literal[False] | None:
        """Odd, not odd, or False: the balancer cannot decide."""
        port = wanted.port
        if kind != "listen" or port is None:
            return False
        if not self.own.listens_on(self.on.host, port):
            fitting = [others[host] for host, config in peers.items() if config.listens_on(host, port)]
            reference = fitting[0] if fitting else Counter([f"self:{port}"])
            return _Odd(kind=kind, reference=reference, decided_by=wanted.decided_by)
        if any(not config.listens_on(host, port) for host, config in peers.items()):
            return None  # the other one is odd
        return False

    async def _by_history(
        self, kind: str, own: Counter[str], peers: Mapping[Host, Config]
    ) -> _Odd | Literal[False] | None:
        before = await self._known_good(self.on.host)
        if before is None:
            return False
        if (good := profile(before, kind, self.on.host)) != own:
            return _Odd(kind=kind, reference=good, decided_by="known-good")
        for host, config in peers.items():
            peer = await self._known_good(host)
            if peer is not None and profile(peer, kind, host) != profile(config, kind, host):
                return None
        return False

    async def _known_good(self, host: Host) -> Config | None:
        group = self.on.inventory.group_of(host)
        if group.config_repo is None:
            return None
        try:
            repository = Repository(await self.on.session(host), group.config_repo, within=self.on.within)
            baseline = await choose_baseline(
                repository,
                group.config_paths,
                host=host,
                known_good=await self.on.known_good(host),
                expected_port=None,
                config=self.config,
            )
            tree = await repository.tree(baseline.commit, group.config_paths)
            return await read_config(CommitFiles(repository, tree, group.config_paths), self.config)
        except (TryAgain, GaveUp, FileNotFoundError):
            return None  # the next rule decides

    def _differs(self, odd: _Odd, peers: Mapping[Host, Config], unread: Mapping[str, str]) -> Answer:
        own = profile(self.own, odd.kind, self.on.host)
        extra, missing = own - odd.reference, odd.reference - own
        found, expected = _shown(odd.kind, extra), _shown(odd.kind, missing)
        place = self._place(odd.kind, extra, peers, missing)
        hosts = [self.on.host.name, *(host.name for host in peers)]
        where = f" ({place.file}:{place.line})" if place else ""
        return Answer(
            state=State.FAIL,
            reason="differs",
            summary=f"{self.on.host.name} has {odd.kind} {found} where {expected} is expected{where}; "
            f"decided by: {odd.decided_by}",
            facts={
                "kind": odd.kind,
                "found": found,
                "expected": expected,
                "file": place.file if place else "",
                "line": place.line if place else 0,
                "hosts": ", ".join(hosts),
                "decided-by": odd.decided_by,
                "unread": dict(unread),
            },
            evidence=self._evidence(odd.kind, peers),
        )

    def _place(
        self, kind: str, extra: Counter[str], peers: Mapping[Host, Config], missing: Counter[str]
    ) -> Fact | None:
        """Where this host says it; when it says nothing, where a peer does."""
        own = [fact for fact in self.own.of(kind) if as_self(fact.value, self.on.host) in extra]
        theirs = [f for host, config in peers.items() for f in config.of(kind) if as_self(f.value, host) in missing]
        return next(iter(own or theirs or self.own.of(kind)), None)

    def _evidence(self, kind: str, peers: Mapping[Host, Config]) -> str:
        sides = [(self.on.host, self.own), *peers.items()]
        return "\n".join(
            f"{host.name}: {fact.value} ({fact.file}:{fact.line})" for host, config in sides for fact in config.of(kind)
        )

    def _alone(self, unread: Mapping[str, str]) -> Answer:
        if not unread:
            return Answer(state=State.SKIPPED, summary=f"{self.on.host.name} has no peers to compare with")
        said = ", ".join(f"{name} ({reason})" for name, reason in unread.items())
        return Answer(
            state=State.UNKNOWN,
            reason=next(iter(unread.values())),
            summary=f"no peer of {self.on.host.name} could be read: {said}",
        )


def profile(config: Config, kind: str, host: Host) -> Counter[str]:
    """What a host says about one kind of fact, with its own name and address as `self`."""
    return Counter(as_self(fact.value, host) for fact in config.of(kind))


def majority_of(profiles: Sequence[Counter[str]]) -> Counter[str] | None:
    """What more than half of at least three say; None when there is no such majority."""
    for one in profiles:
        if len(profiles) > 2 and sum(other == one for other in profiles) * 2 > len(profiles):
            return one
    return None


async def _test(on: Target, *, config: str, sudo: bool) -> Answer:
    argv = [*(["sudo", "-n"] if sudo else []), "nginx", "-t", *(["-c", config] if config != DEFAULT else [])]
    said = await (await on.session()).run(argv, within=on.within)
    if said.exit == 124:
        raise TryAgain(f"nginx -t on {on.host.name} did not end in time.", reason="timeout")
    text = said.stderr or said.stdout
    if said.exit == 0:
        return Answer(state=State.OK, summary=f"the config of {on.host.name} loads", evidence=text)
    shown = _emerg(text)
    # Another account than nginx's own may not open its pid, logs or ports: that says nothing about the config.
    if "Permission denied" in shown or "a password is required" in text or said.exit in (126, 127):
        reason = "no-access" if said.exit not in (126, 127) else "error"
        return Answer(state=State.UNKNOWN, reason=reason, summary=f"nginx -t on {on.host.name}: {shown}", evidence=text)
    place = re.search(r" in (/\S+):(\d+)\s*$", shown)
    return Answer(
        state=State.FAIL,
        reason="error",
        summary=f"the config of {on.host.name} does not load: {shown}",
        facts={
            "error": shown,
            "file": place[1] if place else "",
            "line": int(place[2]) if place else 0,
        },
        evidence=text,
    )


def _emerg(text: str) -> str:
    """What nginx complains about, without its clock and process ids; else the last line."""
    found = re.search(r"^.*\[emerg\]\s+(?:\d+#\d+:\s+)?(.*)$", text, re.MULTILINE)
    return found[1] if found else (text.strip().splitlines() or [""])[-1]


def _shown(kind: str, values: Counter[str]) -> str:
    """The values as people say them: of a `listen` its port."""
    if not values:
        return "nothing"
    shown = [_port(value) or value for value in values] if kind == "listen" else list(values)
    return ", ".join(dict.fromkeys(shown))


def _port(listen: str) -> str:
    port = listen.split()[0].rpartition(":")[2]
    return port if port.isdecimal() else ""
