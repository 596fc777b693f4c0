"""muster serve: the bot itself."""

from __future__ import annotations

import asyncio
import errno
import os

from bot.cli import app
from bot.ports import NotAllowed
from bot.settings import Settings, environment, read_home

CANNOT_LISTEN = frozenset({errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES})


@app.command()
def serve() -> None:
    """Run the bot until it is told to stop."""
    settings = Settings.read(environment())
    if missing := settings.missing_to_serve():
        raise NotAllowed("\n".join(missing))
    home = read_home(settings.home, settings.secrets)
    from bot.app import serve as run  # loads Slack and the engine: only here

    try:
        asyncio.run(run(settings, home))
    except OSError as error:
        if error.errno not in CANNOT_LISTEN:
            raise
        where, why = f"{settings.host}:{settings.port}", os.strerror(error.errno)
        raise NotAllowed(f"Not started, {where} cannot be listened on ({why}): set PORT or HOST to another.") from None
