"""Run the benchmarks: a table on standard output, and bench.json in the working directory. Ends by itself."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pkgutil
import platform
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

import tests.bench as here
from tests.bench.figures import Bench, Figure, closing

LIMIT, FULL_LIMIT = 90.0, 1800.0
"""Seconds after which a measure is given up."""
VERDICTS: Mapping[bool | None, str] = {True: "reached", False: "not reached", None: ""}


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A file of this package that measures."""

    name: str
    title: str
    run: Callable[[Bench], Awaitable[Sequence[Figure]]]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a measure gave, or why it gave nothing."""

    measure: Measure
    figures: Sequence[Figure]
    problem: str
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """As it stands in bench.json."""
        figures = [figure.to_json() for figure in self.figures]
        title, seconds = self.measure.title, round(self.seconds, 1)
        return {"title": title, "seconds": seconds, "problem": self.problem, "figures": figures}


def measures() -> dict[str, Measure]:
    """Every measure by its name: the modules here that have a function `measure`."""
    names = [m.name for m in pkgutil.iter_modules(here.__path__) if not m.name.startswith(("_", "test_"))]
    modules = {name: import_module(f"{here.__name__}.{name}") for name in names}
    return {
        name: Measure(name=name, title=module.TITLE, run=module.measure)
        for name, module in modules.items()
        if hasattr(module, "measure")
    }


async def attempt(measure: Measure, bench: Bench) -> Outcome:
    """Run one measure within its time."""
    figures: Sequence[Figure] = ()
    started, problem = time.monotonic(), ""
    try:
        async with asyncio.timeout(FULL_LIMIT if bench.full else LIMIT):
            figures = await measure.run(bench)
    except Exception as error:  # noqa: BLE001 - the boundary: one broken measure must not take the others with it
        problem = f"{type(error).__name__}: {error}"
    return Outcome(measure=measure, figures=figures, problem=problem, seconds=time.monotonic() - started)


async def run(chosen: Sequence[Measure], *, quick: bool, full: bool, console: Console) -> list[Outcome]:
    """Run the measures one after another in a temporary folder that is gone afterwards."""
    outcomes: list[Outcome] = []
    # Not the usual place for temporary files: that may be memory, and a commit must reach a disk.
    with tempfile.TemporaryDirectory(prefix="muster-bench-", dir="/var/tmp", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)  # noqa: S103 - as root, the lab's servers run under another account
        async with closing(Bench(folder=Path(folder), quick=quick, full=full)) as bench:
            for measure in chosen:
                console.print(f"{measure.title} …", style="dim", highlight=False)
                outcomes.append(await attempt(measure, bench))
    return outcomes


def table(outcomes: Sequence[Outcome]) -> Table:
    """All figures, for reading."""
    made = Table("measure", "figure", "ours", "rival", "ratio", "floor", "", title="Muster, measured", expand=False)
    for outcome in outcomes:
        made.add_section()
        for figure in outcome.figures:
            made.add_row(outcome.measure.name, *_row(figure))
        if outcome.problem:
            made.add_row(outcome.measure.name, f"[red]broke: {escape(outcome.problem)}[/red]")
    return made


def _row(figure: Figure) -> tuple[str, ...]:
    verdict = VERDICTS[figure.reached]
    return (
        f"{figure.name}\n[dim]{figure.note}[/dim]" if figure.note else figure.name,
        f"{figure.value:.4g} {figure.unit}",
        f"{figure.rival_value:.4g} {figure.unit}\n[dim]{figure.rival}[/dim]",
        f"{figure.ratio:.2f}",
        str(figure.wanted or ""),
        f"[red]{verdict}[/red]" if figure.reached is False else f"[green]{verdict}[/green]",
    )


def document(outcomes: Sequence[Outcome], *, quick: bool, full: bool, load: float) -> dict[str, Any]:
    """What bench.json says."""
    return {
        "format": "muster-bench/1",
        "at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "kind": "quick" if quick else "full" if full else "usual",
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_at_start": round(load, 2),
        "measures": {outcome.measure.name: outcome.to_json() for outcome in outcomes},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 when every measure ran, whatever it found; 1 when one of them broke."""
    known = measures()
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=main.__doc__)
    parser.add_argument("--only", metavar="NAME", action="append", choices=sorted(known), help="this measure alone")
    parser.add_argument("--quick", action="store_true", help="few repetitions: does it run at all?")
    parser.add_argument("--full", action="store_true", help="the large counts that the issues name; takes long")
    options = parser.parse_args(arguments)
    chosen = [measure for name, measure in known.items() if not options.only or name in options.only]
    console, load = Console(width=None if sys.stdout.isatty() else 160), os.getloadavg()[0]
    outcomes = asyncio.run(run(chosen, quick=options.quick, full=options.full, console=console))
    console.print(table(outcomes))
    found = document(outcomes, quick=options.quick, full=options.full, load=load)
    Path("bench.json").write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    return 1 if any(outcome.problem for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
