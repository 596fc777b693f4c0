"""muster postmortem: the draft, again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli import Incident, app, terminal
from bot.ports import NotAllowed


@app.command()
def postmortem(
    incident: Incident,
    brief: Annotated[bool, typer.Option("--brief", help="The short form.")] = False,
    output: Annotated[Path | None, typer.Option("-o", help="Write it to this file.")] = None,
) -> None:
    """Draft the postmortem from the record as it stands."""
    with terminal() as found:
        text = found.draft(incident, brief=brief)
    if output:
        try:
            output.write_text(text, "utf-8")
        except OSError as error:
            raise NotAllowed(f"Nothing was written to {output}: {error.strerror}; name another file.") from None
        print(output)
    else:
        print(text, end="")
