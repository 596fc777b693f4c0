"""muster say: any words that people would type in Slack, through the same path."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from bot.cli import app, now, readable, terminal


@app.command(context_settings={"ignore_unknown_options": True})
def say(
    words: Annotated[list[str], typer.Argument(help="[INC-n] and what you would type in Slack; - reads lines")],
    name: Annotated[str, typer.Option("--as", help="Who says it.")] = "",
    zone: Annotated[str, typer.Option(help="Your zone, such as Africa/Nairobi.")] = "",
    when: Annotated[str, typer.Option("--now", help="When it was said, for what is told later.")] = "",
) -> None:
    """Say something to the bot, as in Slack: muster say declare "Pages are slow"."""
    with terminal() as found:
        from bot.terminal import Voice, lines_for

        voice = Voice.of(name, zone, when, default_zone=found.settings.zone, clock=now())
        text = readable(" ".join(words)).strip()
        incident = lines_for(text)
        if incident is None:
            replies = list(_answered(iter([found.say(text, voice)])))
        else:
            number = found.incident(incident).number if incident else None
            replies = list(_answered(found.say_lines(iter(sys.stdin), voice, number)))
    if not all(replies):
        raise typer.Exit(1)


def _answered(replies: Iterator[Any]) -> Iterator[bool]:
    for reply in replies:
        print(reply.text, file=sys.stdout if reply.ok else sys.stderr, flush=True)
        yield reply.ok
