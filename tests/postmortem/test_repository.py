"""Drafts on a branch of a real git repository on disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.ports import GaveUp, TryAgain
from bot.postmortem import repository
from bot.postmortem.repository import Pushed, push, request_link
from tests.postmortem.incidents import at

FILES = {"postmortem.md": b"# Draft\n\n## One\n\nx\n\n## Two\n\ny\n", "timeline.svg": b"<svg/>\n"}
BRANCH = "postmortem/INC-7"
FOLDER = "postmortems/2026-11-22-inc-7"


def git(*words: str, cwd: Path, given: str = "") -> str:
    """Git as a person would run it, without anybody's settings."""
    names = {f"GIT_{who}_{part}": "ana@example.com" for who in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    env = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", **names}
    done = subprocess.run(["git", *words], cwd=cwd, env=env, input=given, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """An empty repository to push to."""
    place = tmp_path / "team.git"
    git("init", "--quiet", "--bare", "--initial-branch=main", str(place), cwd=tmp_path)
    return place


@pytest.fixture
def lived_in(bare: Path, tmp_path: Path) -> Path:
    """A repository with a commit on main."""
    _commit(bare, tmp_path / "work", {"README.md": "Ours.\n"}, branch="main", new=True)
    return bare


def _commit(bare: Path, work: Path, files: dict[str, str], *, branch: str, new: bool = False) -> None:
    if not work.exists():
        git("clone", "--quiet", str(bare), str(work), cwd=bare.parent)
    git("checkout", "--quiet", *(["-B", branch] if new else [branch]), cwd=work)
    for name, text in files.items():
        place = work / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    git("add", "--all", cwd=work)
    git("commit", "--quiet", "-m", "by hand", cwd=work)
    git("push", "--quiet", "origin", branch, cwd=work)


def pushed(bare: Path, **more: bytes) -> Pushed:
    files = FILES | {"postmortem.md": more.get("page", FILES["postmortem.md"])}
    return push(str(bare), branch=BRANCH, folder=FOLDER, files=files, title="Postmortem INC-7", at=at("12:00:00"))


def shown(bare: Path, name: str = "postmortem.md") -> str:
    return git("show", f"{BRANCH}:{FOLDER}/{name}", cwd=bare)


@pytest.mark.parametrize("kind", ["bare", "lived_in"])
def test_a_draft_becomes_one_commit_on_its_branch(kind: str, request: pytest.FixtureRequest) -> None:
    repo: Path = request.getfixturevalue(kind)
    done = pushed(repo)
    assert git("rev-parse", BRANCH, cwd=repo) == done.commit
    assert shown(repo) == FILES["postmortem.md"].decode().strip()
    assert git("rev-list", "--count", BRANCH, cwd=repo) == ("2" if kind == "lived_in" else "1")
    if kind == "lived_in":
        assert git("show", f"{BRANCH}:README.md", cwd=repo) == "Ours."
        assert git("rev-parse", "main", cwd=repo) == git("rev-parse", f"{BRANCH}^", cwd=repo)


def test_the_same_again_pushes_nothing_and_a_newer_draft_one_more_commit(lived_in: Path) -> None:
    first = pushed(lived_in)
    assert pushed(lived_in) == first
    assert pushed(lived_in, page=b"# Newer\n").commit != first.commit
    assert git("rev-list", "--count", BRANCH, cwd=lived_in) == "3"


def test_what_people_changed_on_the_branch_stays(lived_in: Path, tmp_path: Path) -> None:
    pushed(lived_in)
    theirs = {f"{FOLDER}/postmortem.md": "# Draft\n\n## One\n\nmine\n\n## Two\n\ny\n", f"{FOLDER}/more.md": "More.\n"}
    _commit(lived_in, tmp_path / "theirs", theirs, branch=BRANCH)
    newer = FILES["postmortem.md"].replace(b"y\n", b"z\n")
    done = pushed(lived_in, page=newer)
    assert shown(lived_in) == "# Draft\n\n## One\n\nmine\n\n## Two\n\nz"
    assert shown(lived_in, "more.md") == "More."
    assert pushed(lived_in, page=newer) == done


def test_nothing_of_the_repository_is_run_or_followed(lived_in: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trapped"
    for hook in ("pre-receive", "update", "post-receive", "post-update", "reference-transaction"):
        place = lived_in / "hooks" / hook
        place.write_text(f"#!/bin/sh\ntouch {trap}\nexit 1\n")
        place.chmod(0o755)
    hostile = {".gitattributes": "* filter=evil\n*.md text eol=crlf\n", ".gitmodules": '[submodule "x"]\n\tpath = x\n'}
    _hostile(lived_in, tmp_path / "work", hostile, outside=tmp_path / "outside")
    config = (lived_in / "config").read_text()
    (lived_in / "config").write_text(f'{config}[filter "evil"]\n\tclean = touch {trap}\n\tsmudge = touch {trap}\n')
    pushed(lived_in)
    assert not trap.exists()
    assert list((tmp_path / "outside").iterdir()) == []


def _hostile(bare: Path, work: Path, files: dict[str, str], *, outside: Path) -> None:
    outside.mkdir()
    for hook in (bare / "hooks").iterdir():
        hook.rename(hook.with_suffix(".off"))
    work.joinpath("elsewhere").symlink_to(outside)
    _commit(bare, work, files, branch="main")
    for hook in (bare / "hooks").glob("*.off"):
        hook.rename(hook.with_suffix(""))


def test_a_link_where_the_folder_would_be_is_refused(lived_in: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "work" / "postmortems").symlink_to(outside)
    _commit(lived_in, tmp_path / "work", {"x": "x"}, branch="main")
    with pytest.raises(GaveUp, match="postmortems is no folder there"):
        pushed(lived_in)
    assert list(outside.iterdir()) == []
    assert git("branch", "--list", BRANCH, cwd=lived_in) == ""


@pytest.mark.parametrize(
    ("url", "branch", "said"),
    [
        ("--upload-pack=touch /tmp/x", BRANCH, "is no repository"),
        ("ext::sh -c true", BRANCH, "transport 'ext' not allowed"),
        ("/nowhere/at/all.git", BRANCH, "not pushed to /nowhere/at/all.git: git ls-remote: fatal: .* does not"),
        ("{bare}", "a..b", "git check-ref-format"),
    ],
)
def test_what_cannot_be_pushed_is_said_with_a_remedy(lived_in: Path, url: str, branch: str, said: str) -> None:
    place = url.replace("{bare}", str(lived_in))
    with pytest.raises(GaveUp, match=said) as refused:
        push(place, branch=branch, folder=FOLDER, files=FILES, title="x", at=at("12:00:00"))
    assert refused.value.fix


def test_a_repository_that_does_not_answer_is_tried_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nsleep 30 & wait\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(repository, "LIMIT", 0.2)
    with pytest.raises(TryAgain, match="took longer"):
        pushed(tmp_path)


def test_one_that_is_away_is_tried_again_and_no_secret_is_told() -> None:
    url = "http://me:hunter22@127.0.0.1:9/x.git"
    with pytest.raises(TryAgain) as away:
        push(url, branch=BRANCH, folder=FOLDER, files=FILES, title="x", at=at("12:00:00"))
    assert "hunter22" not in str(away.value)


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("git@github.com:team/ops.git", "https://github.com/team/ops/pull/new/postmortem/INC-7"),
        ("https://x:y@github.example.com/team/ops", "https://github.example.com/team/ops/pull/new/postmortem/INC-7"),
        (
            "ssh://git@gitlab.example.com:2222/a/b/ops.git",
            "https://gitlab.example.com/a/b/ops/-/merge_requests/new?"
            "merge_request%5Bsource_branch%5D=postmortem%2FINC-7",
        ),
        ("https://git.example.com/team/ops.git", ""),
        ("/srv/git/github.git", ""),
    ],
)
def test_the_page_that_opens_a_request(url: str, link: str) -> None:
    assert request_link(url, BRANCH) == link


def test_a_page_that_is_far_too_long_is_not_read(
    lived_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed(lived_in)
    _commit(lived_in, tmp_path / "other", {f"{FOLDER}/postmortem.md": "x" * 70_000}, branch=BRANCH)
    monkeypatch.setattr(repository, "LONGEST_ANSWER", 50_000)
    with pytest.raises(GaveUp, match="git cat-file answered more than") as refused:
        pushed(lived_in, page=b"# Another\n")
    assert refused.value.fix


def test_a_repository_that_sends_too_much_fills_no_disk(
    lived_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = "".join(f"{n * 7919 % 1_000_003} " for n in range(80_000))
    _commit(lived_in, tmp_path / "work", {"big.txt": noise}, branch="main")
    monkeypatch.setattr(repository, "LARGEST", 100_000)
    with pytest.raises(GaveUp, match="git fetch"):
        pushed(lived_in)


DYING = """
import os, signal, sys
from bot.postmortem import repository
from tests.postmortem.incidents import at
from tests.postmortem.test_repository import BRANCH, FILES, FOLDER

real = repository._Git.__call__

def deadly(git, *words, given=b""):
    if words[0] == sys.argv[2] and sys.argv[3] == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    answer = real(git, *words, given=given)
    if words[0] == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer

repository._Git.__call__ = deadly
repository.push(sys.argv[1], branch=BRANCH, folder=FOLDER, files=FILES, title="Postmortem INC-7", at=at("12:00:00"))
"""


@pytest.mark.parametrize(("word", "when"), [("commit-tree", "after"), ("push", "before"), ("push", "after")])
def test_a_push_that_is_killed_ends_as_one_commit_on_one_branch(lived_in: Path, word: str, when: str) -> None:
    main = git("rev-parse", "main", cwd=lived_in)
    died = subprocess.run([sys.executable, "-c", DYING, str(lived_in), word, when], check=False)
    assert died.returncode == -signal.SIGKILL
    ended = pushed(lived_in)
    assert pushed(lived_in) == ended
    assert git("rev-list", "--count", f"main..{BRANCH}", cwd=lived_in) == "1"
    refs = git("for-each-ref", "--format=%(refname) %(objectname)", cwd=lived_in).splitlines()
    assert refs == [f"refs/heads/main {main}", f"refs/heads/{BRANCH} {ended.commit}"]
