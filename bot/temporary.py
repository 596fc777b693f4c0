"""Temporary folders of ours. A process that is killed leaves its own behind; by their names a later one clears them.

Only what is never mounted or shared goes here: a lab and a booted candidate look after themselves.
"""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

UNUSED = timedelta(days=1)
"""A folder that nothing was put into for so long belongs to nobody any more: what we do in one takes a minute."""
_OURS = "muster-work-"


def folder() -> TemporaryDirectory[str]:
    """An empty folder for as long as the block lasts."""
    return TemporaryDirectory(prefix=_OURS, ignore_cleanup_errors=True)


def clear(now: datetime) -> None:
    """Remove what killed processes of this user left behind."""
    with suppress(FileNotFoundError):  # a machine without any place for them
        clear_in(Path(gettempdir()), f"{_OURS}*", now)


def clear_in(place: Path, pattern: str, now: datetime) -> None:
    """Remove the unused folders of this user whose names fit, and nothing else."""
    for found in place.glob(pattern):
        try:
            seen = found.lstat()
        except OSError:  # another process was first
            continue
        ours = stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.getuid()
        if ours and seen.st_mtime < (now - UNUSED).timestamp():
            shutil.rmtree(found, ignore_errors=True)
