"""The benchmarks run at all: each in its quick form, with whole figures. What they find is not judged here."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tests.bench.__main__ import main, measures
from tests.bench.figures import Figure, Wanted, percentile

FIELDS = {"name", "value", "unit", "rival", "rival_value", "ratio", "wanted", "reached", "note"}


LONG = {"declare", "killed", "rush", "silent_api"}
"""Measures that take over ten seconds even in their quick form."""


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.full] if n in LONG else []) for n in sorted(measures())]
)
def test_a_measure_runs_in_its_quick_form(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--quick", "--only", name]) == 0, capsys.readouterr().out
    found = json.loads((tmp_path / "bench.json").read_text())
    assert list(found["measures"]) == [name]
    figures = found["measures"][name]["figures"]
    assert figures
    for figure in figures:
        assert set(figure) == FIELDS
        assert figure["value"] > 0
        assert figure["rival_value"] > 0
        assert figure["rival"]
        assert (figure["reached"] is None) == (figure["wanted"] is None)


def test_a_floor_is_of_the_ratio_or_of_the_value() -> None:
    slow = Figure(name="x", value=2.0, unit="s", rival="y", rival_value=4.0, wanted=Wanted(issue=3, at_least=0.5))
    assert slow.ratio == 0.5
    assert slow.reached is True
    late = Figure(
        name="x", value=2.0, unit="s", rival="y", rival_value=4.0, wanted=Wanted(issue=2, at_most=1.9, of="value")
    )
    assert late.reached is False
    assert str(late.wanted) == "value ≤ 1.9 (issue 2)"


def test_a_rival_that_needs_nothing_gives_no_number() -> None:
    figure = Figure(name="x", value=2.0, unit="s", rival="y", rival_value=0.0)
    assert figure.ratio == math.inf
    assert figure.to_json()["ratio"] is None


def test_a_percentile_is_a_value_that_was_seen() -> None:
    assert percentile([5.0, 1.0, 3.0], 0.99) == 5.0
    assert percentile([float(n) for n in range(1, 101)], 0.95) == 95.0
    assert percentile([7.0], 0.01) == 7.0
