"""Git on a lab host: the real program, but only its reading plumbing and a closed list of options.

A repository can name programs to run (fsmonitor, textconv, external diff, filters, alternates, remote helpers).
The subcommands and options that are left start none of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.lab.host_files import Root

FLAGS: Mapping[str, frozenset[str]] = {
    "ls-tree": frozenset({"-r", "-t", "-d", "-l", "-z", "--long", "--name-only", "--full-name", "--full-tree"}),
    "cat-file": frozenset({"-p", "-t", "-s", "-e", "blob", "commit", "tree"}),
    "rev-parse": frozenset(
        {"--verify", "-q", "--quiet", "--short", "--abbrev-ref", "--show-toplevel", "--git-dir"}
        | {"--is-inside-work-tree", "--show-prefix", "--is-bare-repository", "--end-of-options"}
    ),
    "log": frozenset(
        {"-z", "-s", "-p", "--no-patch", "--oneline", "--name-only", "--name-status", "--stat", "--all"}
        | {
            "--reverse",
            "--follow",
            "--no-color",
            "--no-decorate",
            "--no-ext-diff",
            "--no-textconv",
            "--no-renames",
        }
        | {"--first-parent", "--no-merges", "--numstat", "--end-of-options", "--no-show-signature", "--no-mailmap"}
    ),
    "hash-object": frozenset({"--no-filters"}),
}
VALUED: Mapping[str, str] = {
    "ls-tree": r"--format=.*|--abbrev(=\d+)?",
    "cat-file": r"$.",
    "rev-parse": r"--short=\d+",
    # %G… would start the program that the repository names for signatures.
    "log": r"--(format|pretty)=(?!.*%G).*|--(date|since|until|after|before|abbrev|max-count|skip|diff-filter)=.*"
    r"|-n\d+|-\d+|-U\d+",
    "hash-object": r"$.",
}
CONFIG = re.compile(r"(safe\.directory|core\.quotepath)=[^\n]*", re.IGNORECASE)
LEADING = frozenset({"--no-pager", "--no-optional-locks", "--literal-pathspecs", "--no-replace-objects", "-P"})
SAFE = (
    *("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false"),
    *("-c", "core.alternateRefsCommand=false", "-c", "core.pager=cat", "-c", "protocol.allow=never"),
    *("-c", "gpg.program=false", "-c", "gpg.ssh.program=false", "-c", "gpg.x509.program=false"),
)
HIDDEN = ("objects/info/alternates", "commondir")
"""Files with which a repository borrows from another one, anywhere on the machine."""


class Refused(Exception):
    """This git command is not one of those that a lab host runs. The text is what its user reads."""


@dataclass(frozen=True, kw_only=True)
class GitCommand:
    """What to execute: argv after the program, the folder to stand in, and the whole environment."""

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]


def translate(argv: Sequence[str], root: Root) -> GitCommand:
    """Turn what a user typed after `git` into a command that stays inside the root. Raises Refused."""
    words = list(argv)
    cwd, git_dir = "/", ""
    while words and words[0].startswith("-"):
        word = words.pop(0)
        if word in LEADING:
            continue
        if word in ("-C", "-c", "--git-dir") and words:
            value = words.pop(0)
        elif word.startswith("--git-dir="):
            word, value = word.split("=", 1)
        else:
            raise Refused(f"unknown option: {word}")
        if word == "-C":
            cwd = os.path.join(cwd, value)
        elif word == "--git-dir":
            git_dir = value
        elif not CONFIG.fullmatch(value):
            raise Refused(f"this host does not take -c {value.split('=')[0]}")
    place = _folder(root, cwd)
    repository = _repository(root, cwd, git_dir)
    return GitCommand(argv=[*SAFE, *_subcommand(words, root, cwd)], cwd=place, env=_environment(root, repository))


def _folder(root: Root, cwd: str) -> Path:
    place = root.real(cwd)
    if not place.is_dir():
        raise Refused(f"cannot change to '{cwd}': No such file or directory")
    return place


def _repository(root: Root, cwd: str, git_dir: str) -> Path:
    """The `.git` folder, found by ourselves: git's own search would climb out of the host."""
    start = root.real(cwd)
    places = [root.real(git_dir, cwd)] if git_dir else [p / ".git" for p in (start, *start.parents)]
    for place in places:
        if place.is_dir() and root.folder in place.parents:
            return _honest(root, place)
    raise Refused("not a git repository (or any of the parent directories): .git")


def _honest(root: Root, repository: Path) -> Path:
    for name in ("", "objects", "refs", "HEAD", "config", "info", "packed-refs", "index"):
        root.checked(repository / name)
    if any((repository / name).exists() for name in HIDDEN):
        raise Refused("this repository borrows from another one")
    return repository


def _environment(root: Root, repository: Path) -> Mapping[str, str]:
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": os.fspath(root.folder),
        "LC_ALL": "C",
        "GIT_DIR": os.fspath(repository),
        "GIT_WORK_TREE": os.fspath(repository.parent),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_TERMINAL_PROMPT": "0",
    }


def _subcommand(words: Sequence[str], root: Root, cwd: str) -> Sequence[str]:
    if not words:
        raise Refused("a subcommand is missing")
    name, rest = words[0], list(words[1:])
    listed = "log" if name == "show" else name
    if listed not in FLAGS:
        raise Refused(f"'{name}' is not a git command of this host; it has: {', '.join(sorted([*FLAGS, 'show']))}")
    fixed = {"log": ["--no-ext-diff", "--no-textconv"], "hash-object": ["--no-filters"]}.get(listed, [])
    return [name, *fixed, *_arguments(listed, rest, root, cwd)]


def _arguments(name: str, words: list[str], root: Root, cwd: str) -> Sequence[str]:
    made: list[str] = []
    only_paths = False
    while words:
        word = words.pop(0)
        if only_paths or not word.startswith("-"):
            made.append(_operand(name, word, root, cwd))
        elif word == "--":
            only_paths = True
            made.append(word)
        elif word == "-n" and name == "log" and words and words[0].isdigit():
            made.append(f"-n{words.pop(0)}")
        elif word in FLAGS[name] or re.fullmatch(VALUED[name], word):
            made.append(word)
        else:
            raise Refused(f"unknown option: {word}")
    return made


def _operand(name: str, word: str, root: Root, cwd: str) -> str:
    """A revision or a path. Absolute paths move below the root; only hash-object opens what it is given."""
    if name == "hash-object":
        path = root.real(word, cwd)
        if not path.is_file():
            raise Refused(f"could not open '{word}' for reading: No such file or directory")
        return os.fspath(path)
    if word.startswith("/"):
        return os.fspath(root.real(word))
    return word
