"""muster rebuild: what is derived, made again."""

from __future__ import annotations

from bot.cli import app, terminal


@app.command()
def rebuild() -> None:
    """Make lists and known problems again from the recorded facts; changes nothing when all is well."""
    with terminal() as found:
        print(f"Done: {found.rebuild()} incidents.")
