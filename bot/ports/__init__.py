"""The neighbours in our own words, and the few ways in which they may fail.

    Exception
    ├── NotAllowed   a person asked for what cannot be: the text is the reply
    ├── TryAgain     a neighbour is busy or away: asking again later makes sense
    ├── GaveUp       a neighbour said no for good: record it, say it, go on with the rest
    └── …            anything else is our own mistake and is caught only at named boundaries

Adapters translate their library's errors into these; nobody else sees a library's error.
"""

from __future__ import annotations

from bot.ports.chat import ChannelNow, Chat, ChatPerson, Intents, PersonKind
from bot.ports.errors import NO_KEYS, GaveUp, NotAllowed, TryAgain
from bot.ports.metrics import (
    Groups,
    GroupState,
    LogLine,
    Logs,
    Marker,
    Metrics,
    Mirrored,
    MonitorState,
    Series,
    Silence,
)

__all__ = [
    "NO_KEYS",
    "ChannelNow",
    "Chat",
    "ChatPerson",
    "GaveUp",
    "GroupState",
    "Groups",
    "Intents",
    "LogLine",
    "Logs",
    "Marker",
    "Metrics",
    "Mirrored",
    "MonitorState",
    "NotAllowed",
    "PersonKind",
    "Series",
    "Silence",
    "TryAgain",
]
