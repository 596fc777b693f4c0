"""Whether the database can be used, without making, changing or upgrading it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from sqlalchemy.exc import DatabaseError

from bot.examined import Examined, problem, refused, well
from bot.ports import NotAllowed, TryAgain
from bot.store.connect import address_of, connect, our_errors
from bot.store.migrate import HEAD, version_of

ABOUT = "Database"
LEAST_FREE = 500_000_000  # bytes


def examine(url: str) -> list[Examined]:
    """Connect, look at the version and at the room that is left. Blocks: call it in a thread."""
    try:
        address = address_of(url)
    except NotAllowed as no:
        return [refused(ABOUT, no, fix="Set DATABASE_URL.")]
    if address.drivername != "sqlite":
        return [_asked(url, "PostgreSQL")]
    file = Path(address.database or "").absolute()
    found = _asked(url, str(file)) if file.exists() else well(ABOUT, f"{file} is made at the first start.")
    return [found, folder(f"Folder of {file.name}", file.parent)]


def folder(about: str, path: Path) -> Examined:
    """Whether we may write there, or make it, and how much room there is."""
    there = next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())
    if not there.is_dir():
        return problem(about, f"{there} is a file.", fix="Name another folder.")
    if not os.access(there, os.W_OK | os.X_OK):
        fix = f"Give this user the right to write in {there}, or name another folder."
        return problem(about, f"{path} cannot be written.", fix=fix)
    free = shutil.disk_usage(there).free
    if free < LEAST_FREE:
        fix = f"Make room on the disk of {there}."
        return problem(about, f"only {free // 1_000_000} MB are free at {path}.", fix=fix)
    return well(about, f"{path} can be written; {free / 1e9:.1f} GB are free.")


def _asked(url: str, name: str) -> Examined:
    fix = "Check DATABASE_URL, and that the database runs and lets this user in."
    engine = connect(url)
    try:
        with our_errors(), engine.connect() as connection:
            version = version_of(connection)
    except TryAgain as away:
        return refused(ABOUT, away, fix=fix)
    except DatabaseError as odd:
        return problem(ABOUT, f"{name} is not a database that can be used ({odd.orig}).", fix=fix)
    finally:
        engine.dispose()
    return _version(name, version)


def _version(name: str, version: str | None) -> Examined:
    if version is None:
        return well(ABOUT, f"{name} answers; its tables are made at the first start.")
    if version > HEAD:
        fix = "Start that newer version, or name another database in DATABASE_URL."
        return problem(ABOUT, f"{name} was written by a newer Muster ({version}, this one knows {HEAD}).", fix=fix)
    if version < HEAD:
        return well(ABOUT, f"{name} answers; the next start brings it from version {version} to {HEAD}.")
    return well(ABOUT, f"{name} answers and is up to date (version {version}).")
