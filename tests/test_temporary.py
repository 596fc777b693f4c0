"""Temporary folders: gone after the block, and cleared when a killed process left them."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import temporary

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files of this test alone."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left(place: Path, name: str, *, days: float) -> Path:
    """A folder with something in it that was left so many days ago."""
    folder = place / name
    folder.mkdir()
    (folder / "index").write_text("x")
    then = (NOW - timedelta(days=days)).timestamp()
    os.utime(folder, (then, then))
    return folder


def test_a_folder_is_gone_after_its_block(place: Path) -> None:
    with temporary.folder() as made:
        Path(made, "file").write_text("x")
        assert Path(made).parent == place
    assert list(place.iterdir()) == []


def test_what_a_killed_process_left_is_cleared_a_day_later(place: Path) -> None:
    old, new = left(place, "muster-work-old", days=1.1), left(place, "muster-work-new", days=0.9)
    temporary.clear(NOW)
    assert (old.exists(), new.exists()) == (False, True)


def test_where_nothing_can_be_written_there_is_nothing_to_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> str:
        raise FileNotFoundError("No usable temporary directory")

    monkeypatch.setattr(temporary, "gettempdir", nowhere)
    temporary.clear(NOW)


def test_what_is_not_ours_stays(place: Path) -> None:
    foreign = left(place, "mustard-work-old", days=9)
    target = left(place, "elsewhere", days=9)
    link = place / "muster-work-link"
    link.symlink_to(target)
    file = place / "muster-work-file"
    file.write_text("x")
    os.utime(file, (0, 0))
    temporary.clear(NOW)
    assert foreign.exists()
    assert (target / "index").exists()
    assert link.is_symlink()
    assert file.exists()
