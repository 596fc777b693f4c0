"""How the configuration on a server differs from version control: which lines, since when, committed or not."""

from __future__ import annotations

import asyncio
import difflib
import stat as modes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Literal

from bot.checks import Answer, Session, Target, noun
from bot.ports import GaveUp
from bot.redact import is_secret_file
from bot.runbook.nginx_config import expected_port
from bot.runbook.result import State
from bot.runbook.version_control import (
    Baseline,
    Blob,
    Commit,
    Repository,
    blob_id,
    choose_baseline,
    read_all,
)

MOST = 500
"""The most files that are compared."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One file that is not as in the baseline; `before` and `now` are None where there is no such file.

    `commit` is the one that brought the present bytes, None when they are in no commit.
    """

    path: str
    before: bytes | None
    now: bytes | None
    commit: Commit | None = None


@noun("drift", over_ssh=True)
async def drift(
    on: Target,
    *,
    repo: str | None = None,
    paths: tuple[str, ...] = (),
    against: Literal["known-good", "HEAD"] = "known-good",
    config: str = "/etc/nginx/nginx.conf",
) -> Answer:
    """What changed on disk since the known good commit, when, and whether it was committed.

    repo: the repository on the server. paths: what to compare in it (both default to the group's).
    against: `known-good` (else the last commit that fits what the balancer expects, else HEAD) or `HEAD`.
    config: the main file of nginx, for that choice.
    """
    session = await on.session()
    repo, paths = repo or on.group.config_repo, paths or on.group.config_paths
    if repo is None or not paths:
        raise GaveUp(f"The inventory names no config of {on.host.name}.", reason="error", fix="Set 'config'.")
    repository = Repository(session, repo, within=on.within)
    baseline = await _baseline(on, repository, paths, against, config)
    changes = await compare(repository, paths, baseline.commit)
    about = f"{on.host.name} against {baseline.commit[:9]} ({baseline.decided_by})"
    if not changes:
        untracked = await _untracked(session, repository, paths, baseline.commit)
        return _clean(about, baseline, untracked)
    return await _drifted(session, about, baseline, changes)


async def compare(repository: Repository, paths: Sequence[str], commit: str) -> list[Change]:
    """The files below these paths that are on disk not as in the commit, in order of their path."""
    tree = await repository.tree(commit, paths)
    if len(tree) > MOST:
        raise GaveUp(f"{repository.repo} has more than {MOST} files below {', '.join(paths)}.", reason="cut")
    present = await read_all(repository.session, list(tree))
    different = [
        blob
        for path, blob in sorted(tree.items())
        if (now := present[path]) is None or blob_id(now, like=blob.id) != blob.id
    ]
    head = await repository.newest_tree(paths) if different else {}

    async def change(blob: Blob) -> Change:
        now = present[blob.path]
        before, committed = await asyncio.gather(
            repository.content(blob.id), _committed(repository, head, blob.path, now)
        )
        return Change(path=blob.path, before=before, now=now, commit=committed)

    return await asyncio.gather(*map(change, different))


def unified(path: str, before: bytes | None, after: bytes | None, *, context: int = 3) -> str:
    """The difference as a unified diff; of a file whose name says that it is secret only that it changed."""
    if is_secret_file(path):
        return f"{path}: changed\n"
    old, new = ((side or b"").decode("utf-8", "replace").splitlines() for side in (before, after))
    lines = difflib.unified_diff(
        list(old),
        list(new),
        fromfile=path if before is not None else "/dev/null",
        tofile=path if after is not None else "/dev/null",
        lineterm="",
        n=context,
    )
    return "".join(f"{line}\n" for line in lines)


async def _baseline(on: Target, repository: Repository, paths: Sequence[str], against: str, config: str) -> Baseline:
    if against == "HEAD":
        return Baseline(commit=await repository.commit_id("HEAD"), decided_by="HEAD")
    good, port = await on.known_good(on.host), None
    if good is None:  # both are needed, and neither waits for the other
        port, _ = await asyncio.gather(expected_port(on.session, on.inventory, on.host), repository.commits(paths))
    return await choose_baseline(repository, paths, host=on.host, known_good=good, expected_port=port, config=config)


async def _committed(repository: Repository, head: Mapping[str, Blob], path: str, now: bytes | None) -> Commit | None:
    """The commit that holds the present bytes, when they are those of HEAD."""
    committed = head.get(path)
    same = (
        committed is None if now is None else committed is not None and blob_id(now, like=committed.id) == committed.id
    )
    if not same:
        return None
    relative = str(PurePosixPath(path).relative_to(repository.repo))
    return next(iter(await repository.commits([relative])), None)


async def _drifted(session: Session, about: str, baseline: Baseline, changes: Sequence[Change]) -> Answer:
    first = changes[0]
    written, owner = await _trace(session, first.path) if first.now is not None else (None, "")
    change = _how(first, written, owner)
    files = ", ".join(each.path for each in changes)
    diff = "".join(unified(each.path, each.before, each.now) for each in changes)
    return Answer(
        state=State.FAIL,
        reason="drifted",
        summary=f"{about}: {files} differs; {change}",
        facts={
            "file": first.path,
            "files": [each.path for each in changes],
            "line": first_line(first.before, first.now),
            "change": change,
            "commit": first.commit.short if first.commit else "uncommitted",
            "written": f"{written:%Y-%m-%dT%H:%M:%SZ}" if written else "",
            "owner": owner,
            "baseline": baseline.commit,
            "decided-by": baseline.decided_by,
            "diff": diff,
        },
        evidence=diff,
    )


def _how(change: Change, written: datetime | None, owner: str) -> str:
    """In one line how the change came to be, without guessing a person."""
    if change.commit is not None:
        at = datetime.fromisoformat(change.commit.at).astimezone(UTC)
        return f'committed as {change.commit.short} "{change.commit.subject[:80]}" at {at:%Y-%m-%d %H:%M} UTC'
    if written is None:
        return "uncommitted, the file is gone"
    return f"uncommitted, written at {written:%Y-%m-%d %H:%M:%S} UTC, file owner {owner}"


async def _trace(session: Session, path: str) -> tuple[datetime, str]:
    found, said = await asyncio.gather(session.stat(path), session.run(["stat", "-c", "%U", path]))
    owner = said.stdout.strip() if said.exit == 0 else ""
    return datetime.fromtimestamp(found.mtime, UTC), owner or f"uid {found.uid}"


def first_line(before: bytes | None, now: bytes | None) -> int:
    """The first line of the present file that differs, from 1; 0 when there is no present file."""
    if now is None:
        return 0
    old, new = (before or b"").splitlines(), now.splitlines()
    same = next(
        (at for at, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), min(len(old), len(new))
    )
    return max(1, min(same + 1, len(new)))


def _clean(about: str, baseline: Baseline, untracked: Sequence[str]) -> Answer:
    facts = {"baseline": baseline.commit, "decided-by": baseline.decided_by}
    if not untracked:
        return Answer(state=State.OK, summary=f"{about}: no difference", facts=facts)
    names = ", ".join(untracked[:10])
    return Answer(
        state=State.WARN,
        reason="drifted",
        summary=f"{about}: not in version control: {names}",
        facts={**facts, "file": untracked[0], "files": list(untracked[:50]), "change": "not in version control"},
    )


async def _untracked(session: Session, repository: Repository, paths: Sequence[str], commit: str) -> Sequence[str]:
    """Plain files beside the tracked ones; folders without a tracked file are not looked into."""
    known = {**await repository.tree(commit, paths), **await repository.newest_tree(paths)}
    found = []
    for folder in sorted({str(PurePosixPath(path).parent) for path in known}):
        for name in await session.names(folder):
            path = f"{folder.rstrip('/')}/{name}"
            if path not in known and not name.startswith(".") and await _is_file(session, path):
                found.append(path)
    return found


async def _is_file(session: Session, path: str) -> bool:
    try:
        return modes.S_ISREG((await session.stat(path)).mode)
    except FileNotFoundError:
        return False
