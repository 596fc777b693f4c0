"""The neighbours in our own words, and the few ways in which they may fail.

    Exception
    ├── NotAllowed   a person asked for what cannot be: the text is the reply
    ├── TryAgain     a neighbour is busy or away: asking again later makes sense
    ├── GaveUp       a neighbour said no for good: record it, say it, go on with the rest
    └── …            anything else is our own mistake and is caught only at named boundaries

Adapters translate their library's errors into these; nobody else sees a library's error.
"""

from __future__ import annotations


class NotAllowed(Exception):
    """A person asked for what cannot be. The text says what was not done, why, and what to do next."""


class TryAgain(Exception):
    """A neighbour is busy, away or too slow; `after` is the number of seconds it asked us to wait."""

    def __init__(self, text: str, *, reason: str = "unavailable", after: float | None = None) -> None:
        super().__init__(text)
        self.reason = reason
        self.after = after


class GaveUp(Exception):
    """A neighbour said no for good. `reason` is its own short word, `fix` what a person can do about it."""

    def __init__(self, text: str, *, reason: str = "refused", fix: str = "") -> None:
        super().__init__(text)
        self.reason = reason
        self.fix = fix
