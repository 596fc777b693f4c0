"""The commit of a candidate folder, where what is in the folder is just what was committed.

The folder may be a stranger's: git is asked with its plumbing only, as on a server.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bot.checks import Output
from bot.ports import GaveUp, NotAllowed, TryAgain
from bot.runbook.candidate import Folder
from bot.runbook.inventory import Host
from bot.runbook.result import Known
from bot.runbook.version_control import Repository, blob_id


async def committed(host: Host, folder: Path, paths: Sequence[str]) -> Known:
    """The commit and tree of these paths in a folder, an absolute one. Raises NotAllowed: why there is none."""
    here = str(folder)
    session = Folder(host, folder, here, run=_git)
    repository = Repository(session, here)
    try:
        commit = await repository.commit_id("HEAD")
        tree = await repository.tree(commit, paths)
        known = Known(commit=commit, tree=await repository.tree_id(commit, paths))
    except (GaveUp, TryAgain) as problem:
        raise NotAllowed(f"{folder} is not in a git repository with a commit ({problem})") from None
    present = await asyncio.to_thread(_files, folder, paths)
    same = present.keys() == tree.keys() and all(blob_id(d, like=tree[p].id) == tree[p].id for p, d in present.items())
    if not same:
        raise NotAllowed(f"{folder} is not as in commit {commit[:9]}")
    return known


def _files(folder: Path, paths: Sequence[str]) -> dict[str, bytes]:
    tops = [folder / path for path in paths or [""]]
    found = [f for top in tops for f in ([top] if top.is_file() else top.rglob("*"))]
    return {str(f): f.read_bytes() for f in found if f.is_file() and not f.is_symlink() and ".git" not in f.parts}


async def _git(argv: Sequence[str], within: float) -> Output:
    """Only what a Repository asks, and so only git. Raises TryAgain when it takes too long."""
    try:
        said = await asyncio.to_thread(subprocess.run, argv, capture_output=True, timeout=within, check=False)
    except subprocess.TimeoutExpired as slow:
        raise TryAgain("git did not end in time.", reason="timeout") from slow
    except FileNotFoundError as missing:
        raise GaveUp("there is no git on this machine", reason="error") from missing
    out, err = said.stdout.decode("utf-8", "replace"), said.stderr.decode("utf-8", "replace")
    return Output(exit=said.returncode, stdout=out, stderr=err, raw=said.stdout)
