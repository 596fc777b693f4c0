"""muster list, export, import: the record, out and in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from bot.cli import AsJson, app, one_line, terminal
from bot.ports import NotAllowed


@app.command("list")
def list_incidents(
    open_only: Annotated[bool, typer.Option("--open", help="Only unclosed ones.")] = False,
    as_json: AsJson = False,
) -> None:
    """List incidents, oldest first."""
    from bot.journal import stamp

    with terminal() as found:
        rows = [
            {
                "id": s.id,
                "title": s.title,
                "severity": s.severity,
                "status": s.status,
                "service": s.service,
                "opened_at": stamp(s.opened_at),
                "channel": s.channel,
            }
            for s in found.incidents(open_only=open_only)
        ]
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        print("  ".join(one_line(row[key]) for key in ("id", "severity", "status", "opened_at", "title")))


@app.command()
def export(incident: Annotated[str, typer.Argument(help="INC-n; without it all, one a line")] = "") -> None:
    """Print the record of an incident, or of all."""
    with terminal() as found:
        for record in found.records(incident):
            print(json.dumps(record, ensure_ascii=False, indent=2 if incident else None))


@app.command("import")
def bring_in(
    file: Annotated[Path, typer.Argument(help="what “muster export” printed", exists=True, dir_okay=False)],
) -> None:
    """Bring records into an empty database."""
    from bot.terminal import read_records

    with terminal() as found:
        for id in found.bring_in(read_records(_text_of(file))):
            print(id)


def _text_of(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise NotAllowed(f"Nothing was imported: {file} cannot be read ({error}).") from None
