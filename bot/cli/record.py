"""muster list, export, import: the record, out and in."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli import AsJson, app, one_line, readable, terminal
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
    file: Annotated[str, typer.Argument(help="What “muster export” printed; with --timeline: INC-n, or nothing.")] = "",
    timeline: Annotated[Path | None, typer.Option("--timeline", help="A timeline, a row a line: TIME text.")] = None,
    date: Annotated[str, typer.Option(help="The day of rows without one, such as 2026-11-22.")] = "",
    zone: Annotated[str, typer.Option(help="The zone of rows without one, such as Africa/Nairobi.")] = "",
    when: Annotated[str, typer.Option("--now", help="When it was written down; otherwise now.")] = "",
) -> None:
    """Bring records into an empty database; or a timeline as people write it into an incident, old or new."""
    if timeline is not None:
        _timeline(timeline, readable(file), date=date, zone=zone, when=when)
        return
    if not file or date or zone or when:
        raise typer.BadParameter("name a FILE; --date, --zone and --now belong to --timeline FILE")
    from bot.terminal import read_records

    text = _text_of(Path(file))
    with terminal() as found:
        for id in found.bring_in(read_records(text)):
            print(id)


def _timeline(file: Path, incident: str, **options: str) -> None:
    text = _text_of(file)
    name = readable(file.stem) if file.is_file() else "timeline"
    with terminal() as found:
        told = found.bring_in_timeline(
            text,
            file=name,
            into=incident,
            date=options["date"],
            zone=options["zone"],
            now=options["when"],
        )
    _show(told)
    if told.questions:
        raise typer.Exit(1)


def _show(told: Any) -> None:
    print(f"{told.incident} {'opened: ' if told.opened else ''}{one_line(told.title)}")
    for row in told.rows:
        print(one_line(row))
    if not told.added:
        print(f"Nothing was added: every row is in {told.incident} already.")
    for question in told.questions:
        print(one_line(question), file=sys.stderr)


def _text_of(file: Path) -> str:
    try:
        if file == Path("-"):
            return sys.stdin.buffer.read().decode("utf-8-sig")
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise NotAllowed(f"Nothing was imported: {file} is not text in UTF-8; save it as that, then again.") from None
    except (FileNotFoundError, IsADirectoryError):
        raise typer.BadParameter(f"{file} is no file") from None
    except OSError as error:
        why = f"{file} cannot be read ({error.strerror})"
        raise NotAllowed(f"Nothing was imported: {why}; make it a file that this user may read.") from None
