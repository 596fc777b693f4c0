"""Writes the folder that a closed incident leaves. Nothing is ever half there, and what a person wrote is kept."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from tempfile import mkdtemp

from bot.incident import Incident
from bot.ports import GaveUp
from bot.postmortem.draft import Draft, stamp
from bot.postmortem.merge import BASE, PAGE, STAMPED, merge_pages

UNFINISHED = ".muster-draft-"
"""How the name of a folder begins that is not yet in its place."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """Where a draft went. `kept`: the page holds what people wrote; `disputed` are the headings where both changed."""

    folder: Path
    page: Path
    kept: bool
    disputed: tuple[str, ...] = ()


def publish(incident: Incident, draft: Draft, *, into: Path) -> Published:
    """Write the draft below `into`; writing the same again changes nothing. Blocks: call it in a thread.

    A new folder appears whole. In one that exists each file is replaced whole, and what people wrote into the page
    stays. Raises GaveUp when the disk refuses.
    """
    try:
        into.mkdir(parents=True, exist_ok=True)
        folder = _folder(incident, into)
        return _renew(folder, draft) if folder.exists() else _create(folder, draft)
    except OSError as problem:
        raise GaveUp(
            f"The postmortem of {incident.id} was not written to {into}: {problem.strerror or problem}.",
            reason="disk",
            fix=f"Make {into} writable and give it room; the draft is written again on the next try.",
        ) from problem


def folder_name(incident: Incident) -> str:
    """Day of opening (UTC), number and title: 2026-11-22-inc-7-web-02-is-out."""
    day = incident.opened_at.astimezone(UTC).strftime("%Y-%m-%d")
    return f"{day}-inc-{incident.number}" + (f"-{incident.slug}" if incident.slug else "")


def edited(page: str) -> bool:
    """Whether a person changed a draft since we wrote it."""
    body, _, last = page.rstrip("\n").rpartition("\n")
    found = STAMPED.match(last)
    return not found or stamp(found[1], body + "\n").strip() != last


def _folder(incident: Incident, into: Path) -> Path:
    """The folder of this incident; once made it keeps its name when the title changes."""
    named = re.compile(rf"\d{{4}}-\d\d-\d\d-inc-{incident.number}(?:-.*)?")
    there = sorted(p for p in into.iterdir() if p.is_dir() and named.fullmatch(p.name))
    return there[0] if there else into / folder_name(incident)


def _create(folder: Path, draft: Draft) -> Published:
    made = _written_beside(folder.parent, dict(draft.files) | {BASE: draft.markdown.encode()})
    try:
        made.rename(folder)
        _settle(folder.parent)
    except OSError:
        if folder.is_dir():  # another process was first
            return _renew(folder, draft)
        raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return Published(folder=folder, page=folder / PAGE, kept=False)


def _renew(folder: Path, draft: Draft) -> Published:
    page = folder / PAGE
    theirs = page.read_text("utf-8", errors="replace") if page.exists() else None
    base = _last_drafted(folder, theirs)
    files = dict(draft.files) | {BASE: draft.markdown.encode()}
    if theirs is None or theirs == base:
        _replace(folder, files)
        return Published(folder=folder, page=page, kept=False)
    merged = merge_pages(base, theirs, draft.markdown)
    _replace(folder, files | {PAGE: merged.page.encode()})
    return Published(folder=folder, page=page, kept=True, disputed=merged.disputed)


def _last_drafted(folder: Path, page: str | None) -> str:
    """The draft as we last made it; where that is lost, the page if nobody changed it, else nothing is known."""
    base = folder / BASE
    if base.exists():
        return base.read_text("utf-8", errors="replace")
    return page if page and not edited(page) else ""


def _replace(folder: Path, files: Mapping[str, bytes]) -> None:
    changed = {n: data for n, data in files.items() if not _is(folder / n, data)}
    if not changed:
        return
    made = _written_beside(folder.parent, changed)
    try:
        for name in sorted(changed, key=lambda n: (n == BASE, n == PAGE)):  # a crash must not lose what people changed
            (made / name).replace(folder / name)
        _settle(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _is(path: Path, data: bytes) -> bool:
    return path.exists() and path.read_bytes() == data


def _written_beside(parent: Path, files: Mapping[str, bytes]) -> Path:
    made = Path(mkdtemp(prefix=UNFINISHED, dir=parent))
    for name, data in files.items():
        with (made / name).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    made.chmod(0o755)
    _settle(made)
    return made


def _settle(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
