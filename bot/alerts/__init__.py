"""The registry of alert sources: who sends alerts, and how their payloads become ours.

A source is one pure function in one file. It never raises for content: what it cannot understand becomes no
alert and a problem in words.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.alert import Alert


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """The alerts in a delivery. `same` makes a retry of it harmless; `problem` says what was not understood.

    `merged`: it stands for several groups of one monitor, and perhaps for more than it names.
    """

    alerts: tuple[Alert, ...]
    same: str
    problem: str = ""
    merged: bool = False


Parse = Callable[[bytes, str, datetime], Parsed]
SOURCES: dict[str, Parse] = {}


def source(name: str) -> Callable[[Parse], Parse]:
    """Register a source: body, delivery id and time of arrival in; alerts out."""

    def register(parse: Parse) -> Parse:
        if name in SOURCES:
            raise ValueError(f"two alert sources are called {name!r}")
        SOURCES[name] = parse
        return parse

    return register


def load() -> Mapping[str, Parse]:
    """Import every file of this folder once; afterwards SOURCES is complete."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return SOURCES
