"""The configuration repository on a server, asked with git's plumbing only.

`git status`, `diff` and `checkout` run programs that the repository's own config names (fsmonitor, filters,
external diff); `ls-tree`, `cat-file`, `rev-parse` and `log` do not. Nothing here writes.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from bot.checks import Output, Session
from bot.ports import GaveUp, TryAgain
from bot.runbook.inventory import Host
from bot.runbook.nginx_config import read_config
from bot.runbook.result import Known

REVISION = re.compile(r"HEAD|[0-9a-f]{7,64}")
LOOK_BACK = 20
"""How many commits are looked at to find the last one that fits."""


@dataclass(frozen=True, kw_only=True)
class Blob:
    """A plain file in a commit; `path` is absolute."""

    path: str
    id: str
    executable: bool = False


@dataclass(frozen=True, kw_only=True)
class Commit:
    """A commit: its id, the short one, when it was made (ISO 8601) and its subject. Who made it is not asked."""

    id: str
    short: str
    at: str
    subject: str


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The commit that files are compared with, and how it was chosen: known-good, fits-expected-port or HEAD."""

    commit: str
    decided_by: str


class Repository:
    """One repository on one server, as it is when it is first asked: what git said once is not asked again."""

    def __init__(self, session: Session, repo: str, *, within: float = 5.0) -> None:
        self.session = session
        self.repo = repo.rstrip("/") or "/"
        self._within = within
        self._trusted = False
        self._trees: dict[tuple[str, ...], dict[str, Blob]] = {}
        self._logs: dict[tuple[str, ...], list[Commit]] = {}
        self._contents: dict[str, bytes] = {}

    async def commit_id(self, revision: str) -> str:
        """The full id of a commit. Raises GaveUp when there is no such commit or repository."""
        if not REVISION.fullmatch(revision):
            raise GaveUp(f"{revision!r} is not a commit.", reason="error")
        return (await self._git("rev-parse", "--verify", f"{revision}^{{commit}}")).stdout.strip()

    async def tree(self, commit: str, paths: Sequence[str]) -> dict[str, Blob]:
        """The plain files below these paths in a commit, by absolute path; links and submodules are left out."""
        if known := self._trees.get((commit, *paths)):
            return known
        listed = await self._git("ls-tree", "-r", "-z", commit, "--", *paths)
        found = self._trees[commit, *paths] = {}
        for entry in filter(None, listed.stdout.split("\0")):
            about, _, name = entry.partition("\t")
            mode, kind, blob = about.split()
            if kind == "blob" and mode in ("100644", "100755"):
                path = str(PurePosixPath(self.repo) / name)
                found[path] = Blob(path=path, id=blob, executable=mode == "100755")
        return found

    async def newest_tree(self, paths: Sequence[str]) -> dict[str, Blob]:
        """The same for HEAD: as the newest commit left them that touched them."""
        newest = await self.commits(paths)
        return await self.tree(newest[0].id, paths) if newest else {}

    async def tree_id(self, commit: str, paths: Sequence[str]) -> str:
        """Names the contents of these paths in a commit, the same in every repository that holds them."""
        names = [f"{commit}:./{path}" for path in paths or [""]]
        ids = (await self._git("rev-parse", *names)).stdout.split()
        return ids[0] if len(ids) == 1 else hashlib.sha256("\n".join(ids).encode()).hexdigest()

    async def file(self, blob: Blob) -> bytes:
        """The bytes of a file in a commit: those on disk when they are the same, which starts no program."""
        try:
            present = await self.session.read(blob.path)
        except (GaveUp, FileNotFoundError):
            return await self.content(blob.id)
        return present if blob_id(present, like=blob.id) == blob.id else await self.content(blob.id)

    async def content(self, blob: str) -> bytes:
        """The bytes of a blob, proved by their id."""
        if blob not in self._contents:
            said = await self._git("cat-file", "blob", blob)
            data = said.raw or said.stdout.encode()
            if blob_id(data, like=blob) != blob:
                raise GaveUp(f"Blob {blob[:12]} did not arrive whole.", reason="error")
            self._contents[blob] = data
        return self._contents[blob]

    async def commits(self, paths: Sequence[str]) -> list[Commit]:
        """The last commits that touched these paths, newest first."""
        if known := self._logs.get(tuple(paths)):
            return known
        form = "--format=%H%x00%h%x00%cI%x00%s"
        said = await self._git("log", "--no-show-signature", f"--max-count={LOOK_BACK}", form, "HEAD", "--", *paths)
        rows = (line.split("\0", 3) for line in said.stdout.splitlines())
        found = [Commit(id=row[0], short=row[1], at=row[2], subject=row[3]) for row in rows if len(row) == 4]
        self._logs[tuple(paths)] = found
        return found

    async def _refuse_fetching(self) -> None:
        """A partial clone fetches what it lacks, and so starts a program that its config names."""
        if self._trusted:
            return
        try:
            config = (
                (await self.session.read(f"{self.repo.rstrip('/')}/.git/config")).decode("utf-8", "replace").lower()
            )
        except FileNotFoundError:
            config = ""
        if any(word in config for word in ("promisor", "partialclone", "[include")):
            raise GaveUp(f"The repository {self.repo} may fetch by itself, so it is not asked.", reason="no-access")
        self._trusted = True

    async def _git(self, *words: str) -> Output:
        await self._refuse_fetching()
        said = await self.session.run(
            ["git", "-c", f"safe.directory={self.repo}", "-C", self.repo, *words], within=self._within
        )
        if said.exit == 124:
            raise TryAgain(f"git {words[0]} in {self.repo} did not end in time.", reason="timeout")
        if said.exit:
            error = (said.stderr.strip().splitlines() or [f"exit {said.exit}"])[-1][:200]
            denied = "Permission denied" in error
            raise GaveUp(f"git in {self.repo}: {error}", reason="no-access" if denied else "error")
        if said.cut:
            raise GaveUp(f"git {words[0]} in {self.repo} says more than can be read.", reason="cut")
        return said


class CommitFiles:
    """The files of a commit, to be read like those of a server."""

    def __init__(self, repository: Repository, tree: dict[str, Blob], paths: Sequence[str]) -> None:
        self._repository = repository
        self._tree = tree
        self._tops = [str(PurePosixPath(repository.repo) / path) for path in paths]

    async def read(self, path: str) -> bytes:
        """The file in the commit; one outside of its paths is not restored either and is read from the server."""
        if path in self._tree:
            return await self._repository.file(self._tree[path])
        if any(path == top or path.startswith(top.rstrip("/") + "/") for top in self._tops):
            raise FileNotFoundError(path)
        return await self._repository.session.read(path)

    async def names(self, folder: str) -> Sequence[str]:
        """The names in a folder of the commit."""
        above = folder.rstrip("/") + "/"
        found = sorted({path[len(above) :].partition("/")[0] for path in self._tree if path.startswith(above)})
        if not found:
            raise FileNotFoundError(folder)
        return found


async def choose_baseline(
    repository: Repository,
    paths: Sequence[str],
    *,
    host: Host,
    known_good: Known | None,
    expected_port: int | None,
    config: str = "/etc/nginx/nginx.conf",
) -> Baseline:
    """The commit to compare with or to restore.

    The one recorded as known good; else the last one whose `listen` fits what the balancer expects; else HEAD.
    """
    if known_good is not None and (good := await _same_here(repository, known_good, paths)):
        return Baseline(commit=good, decided_by="known-good")
    if expected_port is not None:
        for commit in await repository.commits(paths):
            if await _fits(repository, commit.id, paths, host, expected_port, config):
                return Baseline(commit=commit.id, decided_by="fits-expected-port")
    return Baseline(commit=await repository.commit_id("HEAD"), decided_by="HEAD")


async def _same_here(repository: Repository, known: Known, paths: Sequence[str]) -> str | None:
    """The commit in this repository that is known to be good, or the newest one with the same contents."""
    try:
        return await repository.commit_id(known.commit)
    except GaveUp as unknown:
        if unknown.reason != "error" or not known.tree:
            raise
    for commit in await repository.commits(paths):
        if await repository.tree_id(commit.id, paths) == known.tree:
            return commit.id
    return None


async def _fits(repository: Repository, commit: str, paths: Sequence[str], host: Host, port: int, root: str) -> bool:
    files = CommitFiles(repository, await repository.tree(commit, paths), paths)
    try:
        found = await read_config(files, root)
    except FileNotFoundError:
        return False
    return not found.errors and found.listens_on(host, port)


def blob_id(data: bytes, *, like: str) -> str:
    """The id that git gives to these bytes, in the hash of the repository that `like` comes from."""
    algorithm = hashlib.sha256 if len(like) == 64 else hashlib.sha1
    return algorithm(b"blob %d\0" % len(data) + data).hexdigest()


async def read_all(session: Session, paths: Sequence[str]) -> dict[str, bytes | None]:
    """The files as they are on the server; None for one that is gone."""

    async def one(path: str) -> bytes | None:
        try:
            return await session.read(path)
        except FileNotFoundError:
            return None

    return dict(zip(paths, await asyncio.gather(*(one(path) for path in paths)), strict=True))
