"""muster preflight: the same checks as a gate before production."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from bot.cli import AsJson, app, now, one_line, terminal
from bot.journal import to_json
from bot.ports import GaveUp, NotAllowed
from bot.runbook.junit import junit as as_junit
from bot.runbook.known_good import committed
from bot.runbook.preflight import Gate, Report, booted
from bot.runbook.reach import Reach
from bot.settings import Home, Settings, environment, read_home

Folder = Annotated[
    Path, typer.Option("--config", exists=True, file_okay=False, resolve_path=True, help="Stands for config.repo.")
]
Peers = Annotated[
    Path | None, typer.Option(exists=True, file_okay=False, resolve_path=True, help="A folder a host; else over SSH.")
]


@app.command()
def preflight(
    host: Annotated[str, typer.Argument(help="a host of the inventory")],
    config: Folder,
    peers: Peers = None,
    strict: Annotated[bool, typer.Option("--strict", help="What cannot be asked stops it, too.")] = False,
    junit: Annotated[Path | None, typer.Option(help="Write the answers to this file, as JUnit XML.")] = None,
    as_json: AsJson = False,
    inside: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Ask the checks marked “preflight” of a config that is not yet in production. Exit 1 when one fails."""
    gate = _gate(host, config, peers)
    if inside:
        print(json.dumps(to_json(asyncio.run(gate.boot(inside)))))
        return
    again = ["preflight", host, "--config", str(config), *(["--peers", str(peers)] if peers else [])]

    async def both() -> Report:
        return gate.report(*await asyncio.gather(gate.static(), booted(gate, again)))

    report = asyncio.run(both())
    passed = report.passed(strict=strict)
    if passed:
        report = replace(report, notes=(*report.notes, _recorded(gate)))
    if as_json:
        print(json.dumps({**to_json(report), "passed": passed}, indent=2, ensure_ascii=False))
    else:
        _print(report, passed=passed)
    if junit:
        _write(junit, as_junit(report, strict=strict))
    if not passed:
        raise typer.Exit(1)


def _gate(word: str, config: Path, peers: Path | None) -> Gate:
    home = read_home((settings := Settings.read(environment())).home, settings.secrets)
    host = home.inventory.find(word)
    if host is None:
        known = ", ".join(name for group in home.inventory.groups.values() for name in group.hosts) or "no host"
        raise typer.BadParameter(f"the inventory knows no host {word!r}; it knows {known}", param_hint="HOST")
    gate = Gate(
        host=host,
        folder=config,
        inventory=home.inventory,
        runbooks=home.runbooks,
        now=now,
        peers=peers,
        servers=None if peers else _servers(home),
    )
    if not gate.asked():
        raise NotAllowed(
            f"Nothing was checked: no runbook that covers {host.name} has a check with “preflight: true” in it."
        )
    return gate


def _servers(home: Home) -> Reach | None:
    """None for a machine that may not log in anywhere: what peers would say is then unknown."""
    from bot.runbook.servers import servers_of  # loads SSH: only where it is needed

    try:
        return servers_of(home)
    except GaveUp:
        return None


def _recorded(gate: Gate) -> str:
    """Keep what has passed as known good, and say so; or say why not."""
    if not environment().get("DATABASE_URL"):
        return "Not recorded as known good: no DATABASE_URL is set."
    try:
        known = asyncio.run(committed(gate.host, gate.folder, gate.paths))
    except NotAllowed as reason:
        return f"Not recorded as known good: {reason}."
    with terminal() as found:
        found.keep_known_good(gate.host, known)
    return f"Recorded as known good for {gate.host.name}: commit {known.commit[:9]}."


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise NotAllowed(f"The report was not written to {file}: {error.strerror}; name another file.") from None


def _print(report: Report, *, passed: bool) -> None:
    for result in (*report.results, *report.others):
        print(f"{result.state:8} {result.check:12} {result.host:10} {one_line(result.summary)}")
    for note in report.notes:
        print(one_line(note))
    print(f"{report.host}: {'passed' if passed else 'NOT for production'}.")
