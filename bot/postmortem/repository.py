"""Puts a draft on a branch of a git repository: one commit, one push, no work tree.

Nothing of the repository is ever checked out or run: no hooks, no filters, no links that lead elsewhere, no prompt.
All of it blocks, within a time limit: call it in a thread.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import IO
from urllib.parse import quote, urlsplit

from bot import temporary
from bot.ports import GaveUp, TryAgain
from bot.postmortem.merge import BASE, PAGE, merge_pages

LIMIT = 60.0  # seconds for all commands of one push
LARGEST = 1 << 30
"""Bytes of a file that git may write: a repository of others must not fill the disk."""
LONGEST_ANSWER = 8 << 20
"""Bytes of an answer that are read; a page of a postmortem is far smaller."""
LATER = re.compile(
    r"could not resolve|(?:failed to|couldn't) connect|connection (?:refused|reset|timed out|closed)|timed out"
    r"|temporarily|early eof|hung up|fetch first|non-fast-forward|stale info|cannot lock ref"
    r"|the requested url returned error: 5\d\d",
    re.IGNORECASE,
)
SECRET = re.compile(r"(?<=://)[^/@\s]+@")
SCP = re.compile(r"(?:[\w.-]+@)?(?P<host>[\w.-]+):(?P<path>[^/].*)")


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """Where a draft stands: the branch, its commit, and a page that opens a request to merge it, where one is known."""

    branch: str
    commit: str
    link: str = ""


def push(url: str, *, branch: str, folder: str, files: Mapping[str, bytes], title: str, at: datetime) -> Pushed:
    """Bring the files into `folder` on the branch; what people changed there in the page stays.

    The same files again push nothing. `at` dates the commit, so that the same draft is the same commit. Raises
    TryAgain when the repository is away or somebody else was faster, GaveUp when it refuses.
    """
    if url.startswith("-"):
        raise GaveUp(f"{url} is no repository.", reason="git", fix="Correct postmortem.publish.git in the policy.")
    with temporary.folder() as place:
        git = _Git(Path(place), url, at=at)
        git("check-ref-format", f"refs/heads/{branch}")
        git("init", "--quiet", "--bare")
        tip, start = git.fetched(branch)
        wanted = {**files, PAGE: _page(git, tip, folder, files[PAGE]), BASE: files[PAGE]}
        tree = git.tree(tip or start, {f"{folder}/{name}": data for name, data in wanted.items()})
        if tip and git("rev-parse", f"{tip}^{{tree}}") == tree:
            return Pushed(branch=branch, commit=tip, link=request_link(url, branch))
        parent = ["-p", tip or start] if tip or start else []
        commit = git("commit-tree", tree, *parent, "-m", title)
        git.push(commit, branch)
        return Pushed(branch=branch, commit=commit, link=request_link(url, branch))


def _page(git: _Git, tip: str, folder: str, new: bytes) -> bytes:
    """The page as it should stand on the branch: the draft, with what people changed of the one before."""
    theirs = git.content(tip, f"{folder}/{PAGE}") if tip else None
    base = git.content(tip, f"{folder}/{BASE}") if tip else None
    if theirs is None or theirs == base:
        return new
    return merge_pages(*(text.decode("utf-8", "replace") for text in (base or b"", theirs, new))).page.encode()


class _Git:
    """Runs git in an empty repository of its own; of the user's settings only what opens the other side is used."""

    def __init__(self, place: Path, url: str, *, at: datetime) -> None:
        self._url = url
        self._until = time.monotonic() + LIMIT
        stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        who = {f"GIT_{role}_{part}": text for role in ("AUTHOR", "COMMITTER") for part, text in _WHO}
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            **who,
            "GIT_AUTHOR_DATE": stamp,
            "GIT_COMMITTER_DATE": stamp,
            "GIT_DIR": str(place / "repository"),
            "GIT_INDEX_FILE": str(place / "index"),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "true",
            "SSH_ASKPASS": "true",
            "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=10",
            "GIT_ALLOW_PROTOCOL": "file:https:http:ssh",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "LC_ALL": "C",
        }

    def __call__(self, *words: str, given: bytes = b"") -> str:
        """What git answers, as text."""
        return self._run(words, given).decode("utf-8", "replace").strip()

    def fetched(self, branch: str) -> tuple[str, str]:
        """The tip of the branch and where the repository begins; empty for what is not there."""
        lines = self("ls-remote", "--", self._url, "HEAD", f"refs/heads/{branch}").splitlines()
        known = {ref: commit for commit, _, ref in (line.partition("\t") for line in lines)}
        tip, start = known.get(f"refs/heads/{branch}", ""), known.get("HEAD", "")
        if wanted := f"refs/heads/{branch}" if tip else "HEAD" if start else "":
            self("fetch", "--quiet", "--no-tags", "--depth=1", "--", self._url, wanted)
        return tip, start

    def push(self, commit: str, branch: str) -> None:
        """Move the branch there, if nobody else has moved it meanwhile. On this machine no hook of others runs."""
        quiet = [f"--receive-pack={_WITHOUT_HOOKS} receive-pack"] if _on_this_machine(self._url) else []
        self("push", "--quiet", "--no-verify", *quiet, "--", self._url, f"{commit}:refs/heads/{branch}")

    def tree(self, start: str, files: Mapping[str, bytes]) -> str:
        """The id of a commit's tree with these files in it."""
        self("read-tree", start or "--empty")
        self._no_file_in_the_way(start, next(iter(files)))
        ids = {path: self("hash-object", "-w", "--stdin", given=data) for path, data in files.items()}
        rows = "".join(f"100644 {id}\t{path}\0" for path, id in ids.items())
        self("update-index", "--add", "-z", "--index-info", given=rows.encode())
        return self("write-tree")

    def _no_file_in_the_way(self, start: str, path: str) -> None:
        """Folders are never put where a file or a link stands."""
        parents = [str(folder) for folder in PurePosixPath(path).parents][:-1]
        for line in self("ls-tree", start, "--", *parents).splitlines() if start else ():
            if " tree " not in line:
                what = line.partition("\t")[2]
                text = f"The draft was not pushed to {self._where}: {what} is no folder there."
                raise GaveUp(text, reason="git", fix=f"Give the folder {what} free in the repository.")

    def content(self, commit: str, path: str) -> bytes | None:
        """The bytes of a file of a commit; None where there is no file of that name."""
        found = re.match(r"100\d{3} blob ([0-9a-f]+)\t", self("ls-tree", commit, "--", path))
        return self._run(("cat-file", "blob", found[1])) if found else None

    def _run(self, words: tuple[str, ...], given: bytes = b"") -> bytes:
        with TemporaryFile() as out, TemporaryFile() as err:
            code = self._ended(words, given, out, err)
            out.seek(0)
            err.seek(0)
            if code:
                raise self._refused(words[0], err.read(LONGEST_ANSWER).decode("utf-8", "replace"))
            answer = out.read(LONGEST_ANSWER + 1)
        if len(answer) > LONGEST_ANSWER:
            text = f"The draft was not pushed to {self._where}: git {words[0]} answered more than 8 MB."
            raise GaveUp(text, reason="git", fix=f"See what stands in the place of {PAGE} there.")
        return answer

    def _ended(self, words: tuple[str, ...], given: bytes, out: IO[bytes], err: IO[bytes]) -> int:
        """Runs git to its end, within the limits, and answers its exit code."""
        process = self._started(words, out, err)
        try:
            process.communicate(given, timeout=max(self._until - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # git starts helpers of its own
            process.communicate()
            raise TryAgain(f"The draft was not pushed: {self._where} took longer than {LIMIT:.0f} s.") from None
        return process.returncode

    def _started(self, words: tuple[str, ...], out: IO[bytes], err: IO[bytes]) -> subprocess.Popen[bytes]:
        limited = ["sh", "-c", f'ulimit -f {LARGEST // 512} && exec "$@"', "sh"]
        git = [*_WITHOUT_HOOKS.split(), "-c", "gc.auto=0", *words]
        if shutil.which("git", path=self._environment.get("PATH")) is None:
            fix = "Install git, or take postmortem.publish out of the policy."
            raise GaveUp("The draft was not pushed: there is no git here.", reason="git", fix=fix)
        return subprocess.Popen(
            [*limited, *git],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=err,
            env=self._environment,
            start_new_session=True,
        )

    @property
    def _where(self) -> str:
        return SECRET.sub("", self._url)

    def _refused(self, word: str, said: str) -> TryAgain | GaveUp:
        lines = [line.strip() for line in SECRET.sub("", said).splitlines() if line.strip()]
        telling = [line for line in lines if re.match(r"(?:fatal|error|remote):|.*rejected", line)] or lines[-1:]
        text = f"The draft was not pushed to {self._where}: git {word}: {' '.join(telling)[:300] or 'failed'}"
        if LATER.search(said):
            return TryAgain(text)
        fix = "See that postmortem.publish.git in the policy is right and that Muster's account may push there."
        return GaveUp(text, reason="git", fix=fix)


_WITHOUT_HOOKS = "git -c core.hooksPath=/dev/null"
_WHO = (("NAME", "Muster"), ("EMAIL", "muster@localhost"))


def _on_this_machine(url: str) -> bool:
    return url.startswith("file://") or ("://" not in url and not SCP.fullmatch(url))


def request_link(url: str, branch: str) -> str:
    """The page on which a request to merge the branch is opened; empty where the host's pages are not known."""
    scp = None if "://" in url else SCP.fullmatch(url)
    parts = urlsplit(url)
    host, path = (scp["host"], scp["path"]) if scp else (parts.hostname or "", parts.path)
    project = path.strip("/").removesuffix(".git")
    if not host or not project:
        return ""
    if "github" in host.lower():
        return f"https://{host}/{quote(project)}/pull/new/{quote(branch)}"
    if "gitlab" in host.lower():
        wanted = quote("merge_request[source_branch]", safe="")
        return f"https://{host}/{quote(project)}/-/merge_requests/new?{wanted}={quote(branch, safe='')}"
    return ""
