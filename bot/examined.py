"""What came of examining one thing that Muster needs: is it well, what was seen, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.ports import GaveUp, NotAllowed, TryAgain

MOST_SKEW = timedelta(seconds=5)
"""Clocks that differ by more make a timeline that nobody can trust."""
TICK = timedelta(seconds=1)  # clocks are told in whole seconds


class Sign(StrEnum):
    """`problem` needs somebody; `off` is not configured or not needed, and said so that nobody wonders."""

    OK = "ok"
    PROBLEM = "problem"
    OFF = "off"


@dataclass(frozen=True, kw_only=True)
class Examined:
    """One line of the report. `fix` is what a person can do about a problem, in one sentence."""

    about: str
    sign: Sign
    what: str
    fix: str = ""


def well(about: str, what: str) -> Examined:
    """It works."""
    return Examined(about=about, sign=Sign.OK, what=what)


def problem(about: str, what: str, *, fix: str) -> Examined:
    """It does not work."""
    return Examined(about=about, sign=Sign.PROBLEM, what=what, fix=fix)


def off(about: str, what: str, *, fix: str = "") -> Examined:
    """It is not configured."""
    return Examined(about=about, sign=Sign.OFF, what=what, fix=fix)


def refused(about: str, error: TryAgain | GaveUp | NotAllowed, *, fix: str = "") -> Examined:
    """A neighbour that said no, or nothing; its own remedy goes before `fix`."""
    own = error.fix if isinstance(error, GaveUp) else ""
    said = str(error).rstrip(".")
    return problem(about, f"{said}.", fix=own or fix or "Try again; if it stays so, look at the network on the way.")


def clock(about: str, theirs: datetime, *, asked: datetime, answered: datetime) -> Examined:
    """Compares their clock with ours, which showed `asked` before the question and `answered` after it."""
    early, late = asked - TICK - theirs, theirs - answered - TICK
    skew = max(early, late, timedelta())
    if skew <= MOST_SKEW:
        return well(about, "it goes with ours.")
    how = "ahead of" if late > early else "behind"
    fix = "Switch on time synchronisation on the one that is wrong (timedatectl set-ntp true)."
    return problem(about, f"it is {skew.total_seconds():.0f} s {how} the clock of this machine.", fix=fix)
