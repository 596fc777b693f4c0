"""muster doctor: `check`, and the neighbours outside."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import asdict

import typer

from bot.cli import AsJson, app, now, one_line
from bot.settings import Settings, environment


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Examine files, Slack, Datadog, servers and database; one line each, with the fix. Changes nothing."""
    from bot.doctor import Doctor, missing  # loads Slack, Datadog and SSH: only here
    from bot.examined import Sign

    logging.getLogger("muster").addHandler(logging.NullHandler())  # what it would log is in the report
    settings, problems = Settings.inspect(environment())
    found = [*missing(problems), *asyncio.run(Doctor(settings=settings, now=now).examine())]
    if as_json:
        print(json.dumps([asdict(one) for one in found], indent=2, ensure_ascii=False))
    else:
        for one in found:
            print(one_line(f"{one.sign:<8} {one.about}: {one.what} {one.fix}".rstrip()))
    if any(one.sign is Sign.PROBLEM for one in found):
        raise typer.Exit(1)
