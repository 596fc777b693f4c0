"""What a measure gives: figures, each beside a rival's, and how many are at most or at least wanted."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, Literal

import psycopg

from tests.postgres import postgres


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A floor that an issue names: of the ratio to the rival, or of the value itself."""

    issue: int
    at_most: float = math.inf
    at_least: float = -math.inf
    of: Literal["ratio", "value"] = "ratio"

    def __str__(self) -> str:
        sign, bound = ("≤", self.at_most) if self.at_most < math.inf else ("≥", self.at_least)
        return f"{self.of} {sign} {bound:g} (issue {self.issue})"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure beside its rival's, in the same unit."""

    name: str
    value: float
    unit: str
    rival: str
    rival_value: float
    wanted: Wanted | None = None
    note: str = ""

    @property
    def ratio(self) -> float:
        """Ours by the rival's."""
        return self.value / self.rival_value if self.rival_value else math.inf

    @property
    def reached(self) -> bool | None:
        """Whether the floor is reached; None without one."""
        if self.wanted is None:
            return None
        judged = self.ratio if self.wanted.of == "ratio" else self.value
        return self.wanted.at_least <= judged <= self.wanted.at_most

    def to_json(self) -> dict[str, Any]:
        """As it stands in bench.json."""
        return {
            "name": self.name,
            "value": _short(self.value),
            "unit": self.unit,
            "rival": self.rival,
            "rival_value": _short(self.rival_value),
            "ratio": _short(self.ratio),
            "wanted": str(self.wanted) if self.wanted else None,
            "reached": self.reached,
            "note": self.note,
        }


def _short(value: float) -> float | None:
    return float(f"{value:.4g}") if math.isfinite(value) else None


@dataclass
class Bench:
    """One run: how thorough it is, a folder on a disk for it, and a Postgres, started when it is first needed."""

    folder: Path
    quick: bool = False
    full: bool = False
    _open: ExitStack = field(default_factory=ExitStack)
    _server: str = ""
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def times(self, usual: int, *, quick: int, full: int | None = None) -> int:
        """How often something is done in this kind of run."""
        return quick if self.quick else full if full and self.full else usual

    def place(self, name: str) -> Path:
        """A fresh folder."""
        made = self.folder / f"{name}-{next(self._numbers)}"
        made.mkdir(parents=True)
        return made

    def databases(self) -> Sequence[str]:
        """The kinds of databases that this run measures."""
        return ("sqlite",) if self.quick else ("sqlite", "postgresql")

    def database(self, kind: str) -> str:
        """The URL of an empty database, the same disk for both kinds."""
        if kind == "sqlite":
            return f"sqlite:///{self.place('database') / 'muster.db'}"
        if not self._server:
            self._server = self._open.enter_context(postgres())
        name = f"bench_{next(self._numbers)}"
        with psycopg.connect(self._server + "postgres", autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name}".encode())
        return self._server + name

    def close(self) -> None:
        """Give up what was started."""
        self._open.close()


@asynccontextmanager
async def closing(bench: Bench) -> AsyncIterator[Bench]:
    """The bench, closed at the end."""
    try:
        yield bench
    finally:
        bench.close()


def percentile(values: Sequence[float], rank: float) -> float:
    """The value that this share of all values (0 to 1) does not exceed."""
    return sorted(values)[max(0, math.ceil(rank * len(values)) - 1)]


def middle(values: Sequence[float]) -> float:
    """The median."""
    return float(median(values))
