"""muster demo: the lab and its story."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.cli import app
from bot.ports import NotAllowed


@app.command()
def demo(
    auto: Annotated[bool, typer.Option("--auto", help="Play the humans, too; end by itself.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for everything that the demo writes.")] = Path("var/demo"),
    story: Annotated[str, typer.Option(help="seed: a web server falls out; quiet: nothing is broken.")] = "seed",
    seed: Annotated[int | None, typer.Option(help="Repeat a run: the same server, the same port.")] = None,
    speed: Annotated[float, typer.Option(help="Shorten the pauses of the played humans.", min=0.1)] = 1.0,
    watch: Annotated[float, typer.Option("--for", help="Seconds that the quiet story watches.", min=1)] = 30.0,
) -> None:
    """Try it with nothing: a lab with real nginx servers, a chat and a monitor, and the seed incident."""
    if sys.platform != "linux":
        raise NotAllowed("The demo needs Linux: its servers have loopback addresses of their own (127.x.y.z).")
    try:
        from bot.lab.story import STORIES, play  # the lab: only here

        if story not in STORIES:
            raise typer.BadParameter(f"there is no story {story!r}; there is {', '.join(STORIES)}")
        code = asyncio.run(play(story=story, out=out, auto=auto, seed=seed, speed=speed, watch=watch))
    except KeyboardInterrupt:
        print("Stopped before anything was started.", flush=True)
        raise typer.Exit(130) from None
    raise typer.Exit(code)
