"""What the demo tells the person who runs it: plain lines, and a little colour where a terminal reads along."""

from __future__ import annotations

import sys
from contextlib import suppress

from rich.console import Console


class Narrator:
    """Prints whole lines at once; they are never wrapped, so paths and addresses can be copied."""

    def __init__(self) -> None:
        # Only a real terminal gets colour: FORCE_COLOR must not put escapes around the path that scripts read.
        seen = sys.stdout.isatty()
        self._console = Console(force_terminal=seen, no_color=None if seen else True, markup=False, emoji=False)

    def say(self, text: str, style: str = "") -> None:
        """A line, with one of rich's styles."""
        with suppress(SystemExit):  # rich's answer to a reader that has gone (`| head`); the story goes on
            self._console.print(text, style=style, highlight=False, soft_wrap=True)

    def fact(self, text: str) -> None:
        """Something that was measured in this run."""
        self.say(text, "green")

    def trouble(self, text: str) -> None:
        """Something broke, or did not work."""
        self.say(text, "yellow")

    def ask(self, text: str) -> None:
        """Something for the reader to do."""
        self.say(text, "bold cyan")
