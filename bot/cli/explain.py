"""muster explain: which rule decided what about an alert."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from bot.cli import AsJson, app, one_line, terminal


@app.command()
def explain(word: Annotated[str, typer.Argument(help="a delivery's id, or INC-n")], as_json: AsJson = False) -> None:
    """Say which rule decided about an alert, and why."""
    with terminal() as found:
        rows = found.explain(word)
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    if not rows:
        print(f"No alert belongs to {word}: people opened it.")
    for row in rows:
        told = (row["delivery"], row["ruling"] or "not judged", row["incident"] or "-", row["reason"])
        print("  ".join(map(one_line, told)))
