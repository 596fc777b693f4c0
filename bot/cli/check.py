"""muster check: settings, policy, inventory and runbooks, offline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import typer

from bot.cli import AsJson, app
from bot.policy import Policy
from bot.ports import NotAllowed
from bot.runbook.inventory import Inventory
from bot.settings import INVENTORY, POLICY, Home, Settings, environment, read_home
from bot.strict_yaml import Problems, scan

KEYS = {
    POLICY: tuple(f.name.replace("_", "-") for f in fields(Policy) if f.name != "announce_too"),
    INVENTORY: tuple(f.name for f in fields(Inventory)),
}
"""What may stand at the top of the two files."""


@app.command()
def check(as_json: AsJson = False) -> None:
    """Validate settings, policy, inventory and runbooks, without asking anybody."""
    settings, problems = Settings.inspect(environment())
    home = None
    try:
        home = read_home(settings.home, settings.secrets)
    except Problems as found:
        problems += str(found).splitlines()
    if as_json:
        notes = list(_notes(settings, home)) if home else []
        print(json.dumps({"problems": problems, "notes": notes}, indent=2, ensure_ascii=False))
        raise typer.Exit(1 if problems else 0)
    if problems or home is None:
        raise NotAllowed("\n".join(problems))
    for note in _notes(settings, home):
        print(note)
    print(f"{settings.home}: runbooks {len(home.runbooks)}, groups of hosts {len(home.inventory.groups)}: all well.")


def _notes(settings: Settings, home: Home) -> Iterator[str]:
    """What nobody has decided, and what `serve` would still need."""
    if not settings.home.is_dir():
        yield f"{settings.home} is no folder, so there are no runbooks: name the right one in MUSTER_HOME."
    for name in (POLICY, INVENTORY):
        file = settings.home / name
        if name in home.absent:
            yield f"{file} is not there: the defaults hold."
        elif absent := _absent(file, KEYS[name]):
            yield f"{file}: the defaults hold for {', '.join(absent)}."
    yield from map(str, home.remarks)
    for problem in settings.missing_to_serve():
        yield f"serve: {problem}"


def _absent(file: Path, keys: tuple[str, ...]) -> list[str]:
    written: Any = scan(file.read_text("utf-8", "replace"), str(file))[0].data
    return [key for key in keys if key not in written]
