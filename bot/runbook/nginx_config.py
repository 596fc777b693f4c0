"""What an nginx configuration says: listens, names, locations and upstreams, each with file and line.

A reader, not a validator. The files come from a server or from a commit; includes are followed there and never
on this machine, because a hostile `include` would otherwise read our own files.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import crossplane

from bot import temporary
from bot.ports import GaveUp, TryAgain
from bot.runbook import haproxy_config
from bot.runbook.inventory import Host, Inventory

FILES = 200
"""The most files of one configuration."""
DEPTH = 50
"""How deep blocks and includes may nest."""
FLAGS = ("ssl", "default_server", "proxy_protocol", "quic", "http2")
BLOCKLESS = ("listen", "server_name", "root", "index", "access_log", "error_log", "return", "proxy_pass")
"""Directives that never open a block: with one, the semicolon before it is missing."""

Directive = Mapping[str, Any]


class Files(Protocol):
    """Where a configuration is read from: a session, or the tree of a commit."""

    async def read(self, path: str) -> bytes:
        """Raises FileNotFoundError."""

    async def names(self, folder: str) -> Sequence[str]:
        """Raises FileNotFoundError."""


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One thing that the configuration says. `kind` is listen, server-names, locations or upstreams."""

    kind: str
    value: str
    file: str
    line: int


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """A server that a balancer sends to. `fail_timeout` is in seconds; `max_fails` 0 switches it off."""

    name: str
    address: str
    port: int
    file: str
    line: int
    down: bool = False
    fail_timeout: float = 10.0
    max_fails: int = 1


@dataclass(frozen=True, kw_only=True)
class Config:
    """All facts of one configuration. `errors` are the places that could not be understood."""

    facts: tuple[Fact, ...] = ()
    upstreams: tuple[Upstream, ...] = ()
    errors: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def of(self, kind: str) -> tuple[Fact, ...]:
        """The facts of one kind, in the order of the files."""
        return tuple(fact for fact in self.facts if fact.kind == kind)

    def listens_on(self, host: Host, port: int) -> bool:
        """Whether some server block listens on this port at the host's address or on all addresses."""
        return {f"*:{port}", f"{host.address}:{port}", f"[{host.address}]:{port}"} & {
            fact.value for fact in self.of("listen")
        } != set()

    def leading_to(self, host: Host, *, upstream: str | None = None) -> tuple[Upstream, ...]:
        """The upstream servers that are this host."""
        names = {host.name.lower(), host.address.lower(), *(alias.lower() for alias in host.aliases)}
        return tuple(
            each
            for each in self.upstreams
            if each.address.lower() in names and (upstream is None or each.name == upstream)
        )


@dataclass(kw_only=True)
class _Reading:
    root: str
    parsed: dict[str, Sequence[Directive]] = field(default_factory=dict)
    included: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    upstreams: list[Upstream] = field(default_factory=list)


async def read_config(files: Files, root: str) -> Config:
    """Read a configuration and all that it includes. Raises FileNotFoundError when the root is not there."""
    reading = _Reading(root=root)
    waiting = [root]
    while waiting:
        batch = [path for path in dict.fromkeys(waiting) if path not in reading.parsed]
        if len(reading.parsed) + len(batch) > FILES:
            raise GaveUp(f"{root} includes more than {FILES} files.", reason="cut")
        contents = await asyncio.gather(*(_read(files, path, reading) for path in batch))
        for path, (tree, errors) in zip(batch, await asyncio.to_thread(_parse_all, batch, contents), strict=True):
            reading.parsed[path] = tree
            reading.errors += errors
        waiting = [name for path in batch for name in await _includes(files, reading, path)]
    _collect(reading)
    return Config(
        facts=tuple(reading.facts),
        upstreams=tuple(reading.upstreams),
        errors=tuple(reading.errors),
        files=tuple(reading.parsed),
    )


async def expected_port(
    session_of: Callable[[Host], Awaitable[Files]],
    inventory: Inventory,
    host: Host,
    *,
    config: str = "/etc/nginx/nginx.conf",
) -> int | None:
    """The port at which the balancer expects this host: from its configuration, else from the inventory."""
    balancer = inventory.balancer_of(host)
    if balancer is not None:
        try:
            ports = await _sent_to(await session_of(balancer), host, config)
        except (TryAgain, GaveUp, FileNotFoundError):
            ports = set()  # the inventory says what it should be
        if len(ports) == 1:
            return ports.pop()
    return inventory.group_of(host).port


async def _sent_to(balancer: Files, host: Host, config: str) -> set[int]:
    """The ports at which a balancer sends to this host, be it nginx or HAProxy."""
    try:
        return {each.port for each in (await read_config(balancer, config)).leading_to(host)}
    except FileNotFoundError:
        text = (await balancer.read(haproxy_config.CONFIG)).decode("utf-8", "replace")
        servers = haproxy_config.leading_to(haproxy_config.parse_config(text), host)
        return {each.port for each in servers if each.port}


def as_self(value: str, host: Host) -> str:
    """The value with the host's own name, aliases and address replaced by `self`, so that peers compare."""
    for own in sorted((host.name, host.address, *host.aliases), key=len, reverse=True):
        value = re.sub(rf"(?<![\w.-]){re.escape(own)}(?![\w-])", "self", value, flags=re.IGNORECASE)
    return value


def normal_listen(address: str) -> str:
    """A `listen` address in one form: `8080`, `0.0.0.0:8080` and `[::]:8080` are all `*:8080`."""
    if address.startswith("unix:"):
        return address
    if address.isdecimal():
        return f"*:{address}"
    host, separator, port = address.rpartition(":")
    if not separator or "]" in port or not port.isdecimal():
        host, port = address, "80"
    return f"{'*' if host in ('0.0.0.0', '[::]', '*') else host}:{port}"  # noqa: S104 - recognised, not bound


async def _read(files: Files, path: str, reading: _Reading) -> bytes:
    try:
        return await files.read(path)
    except FileNotFoundError:
        if path == reading.root:
            raise
        reading.errors.append(f"{path}:1: listed, but not there")  # a link that leads nowhere
        return b""


def _parse_all(paths: Sequence[str], contents: Sequence[bytes]) -> list[tuple[Sequence[Directive], tuple[str, ...]]]:
    return [_parse(path, content) for path, content in zip(paths, contents, strict=True)]


@lru_cache(maxsize=64)
def _parse(path: str, content: bytes) -> tuple[Sequence[Directive], tuple[str, ...]]:
    """What one file says. Many checks of a run read the same bytes; nobody changes what is given out."""
    with temporary.folder() as folder:
        local = Path(folder, "file.conf")
        local.write_text(content.decode("utf-8", "replace"), encoding="utf-8")
        try:
            payload = crossplane.parse(str(local), single=True, check_ctx=False, check_args=False, catch_errors=True)
        except RecursionError as error:
            raise GaveUp(f"{path} nests too deeply to be read.", reason="error") from error
    found = payload["config"][0]
    return found["parsed"], tuple(_error(path, str(local), each) for each in found["errors"])


def _error(path: str, local: str, error: Mapping[str, Any]) -> str:
    said = re.sub(rf"\s+in {re.escape(local)}(:\d+)?$", "", str(error["error"]))
    return f"{path}:{error.get('line') or 1}: {said}"


async def _includes(files: Files, reading: _Reading, path: str) -> list[str]:
    found: list[str] = []
    for directive in _all(reading.parsed[path]):
        if directive["directive"] == "include" and directive["args"]:
            pattern = directive["args"][0]
            # nginx takes relative names from the folder of its main file, not of the including one.
            full = str(PurePosixPath(reading.root).parent / pattern)
            try:
                names = await _matching(files, full)
            except FileNotFoundError:
                names = []
                reading.errors.append(f"{path}:{directive['line']}: {pattern} is not there")
            reading.included[path, pattern] = names
            found += names
    return found


async def _matching(files: Files, pattern: str) -> list[str]:
    """The files that a pattern means, in order; a name without wildcards must be there."""
    if not re.search(r"[*?\[]", pattern):
        await files.read(pattern)
        return [pattern]
    found = ["/"]
    for part in PurePosixPath(pattern).parts[1:]:
        if re.search(r"[*?\[]", part):
            found = [f"{folder.rstrip('/')}/{n}" for folder in found for n in await _named(files, folder, part)]
        else:
            found = [f"{folder.rstrip('/')}/{part}" for folder in found]
    return found


async def _named(files: Files, folder: str, pattern: str) -> list[str]:
    try:
        names = await files.names(folder)
    except FileNotFoundError:
        return []
    return sorted(n for n in names if fnmatchcase(n, pattern) and n.startswith(".") == pattern.startswith("."))


def _all(tree: Sequence[Directive], depth: int = 0) -> Iterator[Directive]:
    if depth > DEPTH:
        raise GaveUp("The configuration nests too deeply to be read.", reason="error")
    for directive in tree:
        yield directive
        yield from _all(directive.get("block", ()), depth + 1)


def _expanded(
    reading: _Reading, tree: Sequence[Directive], file: str, depth: int = 0
) -> Iterator[tuple[Directive, str]]:
    """The directives of one block with its includes in their place, each with its file."""
    if depth > DEPTH:
        raise GaveUp("The configuration includes itself.", reason="error")
    for directive in tree:
        if directive["directive"] == "include" and directive["args"]:
            for path in reading.included.get((file, directive["args"][0]), ()):
                yield from _expanded(reading, reading.parsed.get(path, ()), path, depth + 1)
        else:
            yield directive, file


def _collect(reading: _Reading) -> None:
    for path, tree in reading.parsed.items():
        for directive in _all(tree):
            if directive["directive"] in BLOCKLESS and "block" in directive:
                reading.errors.append(f"{path}:{directive['line']}: a ';' is missing after {directive['directive']}")
    for directive, file in _expanded(reading, reading.parsed[reading.root], reading.root):
        if directive["directive"] == "http":
            _collect_http(reading, directive, file)


def _collect_http(reading: _Reading, http: Directive, file: str) -> None:
    for directive, at in _expanded(reading, http.get("block", ()), file):
        if directive["directive"] == "server":
            _collect_server(reading, directive, at)
        elif directive["directive"] == "upstream" and directive["args"]:
            for server, where in _expanded(reading, directive.get("block", ()), at):
                if server["directive"] == "server" and server["args"]:
                    _collect_upstream(reading, directive["args"][0], server, where)
    names = {each.name for each in reading.upstreams}
    for directive, at in _passes(reading, http, file):
        _collect_proxy(reading, directive, at, names)


def _passes(reading: _Reading, block: Directive, file: str) -> Iterator[tuple[Directive, str]]:
    for directive, at in _expanded(reading, block.get("block", ()), file):
        if directive["directive"] == "proxy_pass":
            yield directive, at
        elif "block" in directive:
            yield from _passes(reading, directive, at)


def _collect_server(reading: _Reading, server: Directive, file: str) -> None:
    inside = list(_expanded(reading, server.get("block", ()), file))
    listens = 0
    for directive, at in inside:
        args, line = directive["args"], directive["line"]
        match directive["directive"]:
            case "listen" if args:
                listens += 1
                address = normal_listen(args[0])
                _fact(reading, "listen", address, at, line)
                for flag in sorted(set(args[1:]) & set(FLAGS)):
                    _fact(reading, "listen", f"{address} {flag}", at, line)
            case "server_name":
                for name in args:
                    _fact(reading, "server-names", name, at, line)
            case "location":
                _fact(reading, "locations", " ".join(args), at, line)
            case _:
                pass
    if not listens:
        _fact(reading, "listen", "*:80", file, server["line"])


def _collect_upstream(reading: _Reading, name: str, server: Directive, file: str) -> None:
    args, line = server["args"], server["line"]
    options = dict(word.split("=", 1) for word in args[1:] if "=" in word)
    address, port = _address(args[0], 80)
    found = Upstream(
        name=name,
        address=address,
        port=port,
        file=file,
        line=line,
        down="down" in args[1:],
        fail_timeout=_seconds(options.get("fail_timeout", "10s")),
        max_fails=int(options["max_fails"]) if options.get("max_fails", "").isdecimal() else 1,
    )
    reading.upstreams.append(found)
    _fact(reading, "upstreams", f"{name} {address}:{port}{' down' if found.down else ''}", file, line)


def _collect_proxy(reading: _Reading, directive: Directive, file: str, names: set[str]) -> None:
    target = re.match(r"(https?)://([^/$]+)", directive["args"][0]) if directive["args"] else None
    if target is None or target[2] in names or target[2].startswith("unix:"):
        return
    address, port = _address(target[2], 443 if target[1] == "https" else 80)
    reading.upstreams.append(
        Upstream(name=target[2], address=address, port=port, file=file, line=directive["line"], max_fails=0)
    )


def _address(text: str, port: int) -> tuple[str, int]:
    found = re.fullmatch(r"(\[[^\]]+\]|[^:]+)(?::(\d{1,5}))?", text)
    return (found[1].strip("[]"), int(found[2] or port)) if found else (text, port)


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d{1,9})(ms|s|m|h|d)?", text)
    return int(found[1]) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}[found[2] or "s"] if found else 10.0


def _fact(reading: _Reading, kind: str, value: str, file: str, line: int) -> None:
    reading.facts.append(Fact(kind=kind, value=value, file=file, line=line))
