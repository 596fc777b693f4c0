"""muster runbook: list them, check them, run them by hand."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from bot.cli import AsJson, app, home, one_line, terminal
from bot.ports import NotAllowed

runbook_app = typer.Typer(no_args_is_help=True, help="Runbooks: list them, check them, run them by hand.")
app.add_typer(runbook_app, name="runbook")


@runbook_app.command("list")
def runbook_list(as_json: AsJson = False) -> None:
    """List the runbooks, and the checks that were not green for long when they were rehearsed."""
    files = home()
    rows = [{"name": r.name, "title": r.title, "owner": r.owner} for r in files.runbooks]
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        print(f"{row['name']}  {row['title']}  ({row['owner']})")
    with terminal() as found:
        for line in found.stale_checks(files.policy.rehearsal.stale_after):
            print(one_line(line))


@runbook_app.command("lint")
def runbook_lint(
    files: Annotated[
        list[Path] | None, typer.Argument(help="runbooks, or folders of them; else those of MUSTER_HOME")
    ] = None,
) -> None:
    """Validate the runbooks; every problem with file, line and column."""
    found = home(runbooks=files or None)
    if not found.runbooks:
        where = ", ".join(map(str, files or [found.folder]))
        raise NotAllowed(f"Nothing was checked: there is no runbook in {where}; it would be a file NAME.yaml there.")
    for remark in found.remarks:
        print(remark)
    print(f"Runbooks: {len(found.runbooks)}, all well.")


@runbook_app.command("schema")
def runbook_schema() -> None:
    """Print the JSON Schema of runbooks, for editors that check while one types."""
    from bot import checks
    from bot.runbook.json_schema import json_schema

    print(json.dumps(json_schema(checks.load()), indent=2, ensure_ascii=False))


@runbook_app.command("run")
def runbook_run(
    name: Annotated[str, typer.Argument(help="the runbook's name")],
    on: Annotated[str, typer.Option("--on", help="a host of the inventory")],
    dry: Annotated[bool, typer.Option("--dry", help="Print what would be asked, and ask nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a runbook's checks by hand. Exit 1 when one of them fails or could not be asked."""
    with terminal() as found:
        desk, runbook, host = found.runbook(name, on)
        if dry:
            asked = desk.dry(runbook, host)
            print(json.dumps(asked, indent=2, ensure_ascii=False) if as_json else "\n".join(asked))
            return
        answered = asyncio.run(desk.diagnose(runbook, host, run="by-hand"))
    if as_json:
        from bot.journal import to_json

        print(json.dumps(to_json(answered), indent=2, ensure_ascii=False))
    else:
        for result in answered.results:
            summary = one_line(result.summary)
            print(f"{result.state:8} {result.check:12} {result.host:10} {result.took_ms:5} ms  {summary}")
        for cause in answered.causes:
            print(one_line(f"{cause.verdict}: {cause.text}{f' ({cause.because})' if cause.because else ''}"))
    if any(r.state in {"fail", "unknown"} for r in answered.results):
        raise typer.Exit(1)
