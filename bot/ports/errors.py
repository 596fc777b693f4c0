"""The few ways in which a neighbour may fail."""

from __future__ import annotations

NO_KEYS = "no-keys"
"""The reason of a neighbour that was never set up: what is optional is left out without a word."""


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
