"""muster explain: which rule decided what about an alert."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from bot.cli import AsJson, app, one_line, terminal
from bot.triage.reasons import WORDS, Why


@app.command()
def explain(word: Annotated[str, typer.Argument(help="a delivery's id, or INC-n")], as_json: AsJson = False) -> None:
    """Say which rule attached, opened, proposed or ignored each alert, and why."""
    with terminal() as found:
        rows = found.explain(word)
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    if not rows:
        print(f"No alert belongs to {word}: people opened it.")
    for row in rows:
        again = f"; {WORDS[Why.DUPLICATE]}, {row['repeats']} times" if row["repeats"] else ""
        home = row["incident"] or row["proposal"] or "-"
        told = (row["delivery"], row["ruling"] or "not judged", home, row["why"], f"{row['reason']}{again}")
        print("  ".join(one_line(word) for word in told if word))
