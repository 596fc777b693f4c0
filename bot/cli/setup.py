"""muster setup: how the neighbours learn of us."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from bot.cli import app
from bot.settings import Settings, environment, read_policy

setup_app = typer.Typer(no_args_is_help=True, help="Setting up the neighbours.")
app.add_typer(setup_app, name="setup")


@setup_app.command("slack")
def setup_slack(url: Annotated[str, typer.Option(help="Where Slack reaches this bot, https://…")]) -> None:
    """Print the app manifest, made from the code: paste it at “Create an app from a manifest”."""
    from bot.slack.manifest import manifest  # loads Slack

    settings = Settings.read(environment())
    command = read_policy(settings.home).command
    print(json.dumps(manifest(url, command=command), indent=2, ensure_ascii=False))
