"""muster rules test: which rule of the policy decides what for recorded payloads."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli import AsJson, app, home, now, one_line
from bot.ports import NotAllowed
from bot.settings import Home

rules = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Try the policy's rules.")
app.add_typer(rules, name="rules")


@rules.command("test")
def rules_test(
    files: Annotated[list[Path], typer.Argument(help="recorded payloads: one JSON body, or one a line; - reads them")],
    as_json: AsJson = False,
) -> None:
    """Say for each recorded payload which rule decides what, and which server it is about. Asks nobody."""
    found = home()
    rows = [row for file in files for row in _rows(file, found)]
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        for row in rows:
            print(_line(row))
    if any(row["problem"] for row in rows):
        raise typer.Exit(1)


def _line(row: dict[str, Any]) -> str:
    if row["problem"]:
        return one_line(f"{row['file']}: not understood: {row['problem']}")
    told = (
        row["file"],
        row["does"],
        row["rule"],
        row["host"] or row["place"] or "no server",
        f"{row['transition']}: {row['title']}",
    )
    return "  ".join(map(one_line, told))


def _rows(file: Path, found: Home) -> Iterator[dict[str, Any]]:
    """A row for each alert of each payload, or for what is none."""
    from bot.alerts import load  # loads every source: not for --help

    parse = load()["datadog"]
    for name, body in _bodies(file):
        parsed = parse(body, "D0", now())
        for alert in parsed.alerts:
            yield {"file": name, "problem": "", **_ruled(alert, found)}
        if parsed.problem:
            yield {"file": name, "problem": parsed.problem}


def _ruled(alert: Any, found: Home) -> dict[str, Any]:
    from bot.alert import Condition
    from bot.intake import seen
    from bot.triage.rules import rule_for
    from bot.triage.target import place, target

    rule, named = rule_for(alert, found.policy.rules)
    where = target(seen(alert, "", ""), found.inventory)
    if alert.condition is Condition.OTHER:
        named = "an unknown transition"
    if alert.test:
        named = "a test notification"
    return {
        "title": alert.title,
        "transition": alert.transition,
        "fingerprint": alert.fingerprint,
        "does": "ignore" if alert.test or alert.condition is Condition.OTHER else rule.do,
        "rule": named,
        "host": where.host.name if where.host else "",
        "why": where.evidence,
        "place": str(place(alert.tag("service"), alert.tag("env"), where, found.inventory)),
    }


def _bodies(file: Path) -> list[tuple[str, bytes]]:
    """The payloads of a file, each with its name: all of it, or where that is no JSON one a line."""
    try:
        content = sys.stdin.buffer.read() if file == Path("-") else file.read_bytes()
    except OSError as problem:
        raise NotAllowed(f"Nothing was tested: {file} cannot be read: {problem.strerror}.") from None
    try:
        json.loads(content)
        return [(str(file), content)]
    except (ValueError, RecursionError):
        lines = [(n, line) for n, line in enumerate(content.splitlines(), 1) if line.strip()]
        first = lines[0][1].lstrip() if lines else b""
        many = len(lines) > 1 and first.startswith(b"{") and first.rstrip().endswith(b"}")
        return [(f"{file}:{n}", line) for n, line in lines] if many else [(str(file), content)]
