"""Which git commands a lab host runs; what they do is in test_host.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.lab import host_git
from bot.lab.host_files import Root

WORDS = (
    *("-C", "-c", "--git-dir", "/etc", "../..", "core.pager=id", "safe.directory=*", "log", "show", "status", "HEAD"),
    *("-p", "--output=/x", "--ext-diff", "--", "--textconv", "-w", "hash-object", "cat-file", "--exec-path=/x"),
    *("--upload-pack=x", "-O/bin/id", "--format=%H", "--pretty=%G?", "-n", "1", "alias.x=!id", "--no-pager"),
)


@given(words=st.lists(st.sampled_from(WORDS), max_size=8))
def test_every_git_command_that_is_not_refused_is_on_the_list(
    words: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = Root(tmp_path_factory.getbasetemp() / "git-root")
    (root.folder / "etc/.git").mkdir(parents=True, exist_ok=True)
    try:
        made = host_git.translate(words, root)
    except host_git.Refused:
        return
    rest = list(made.argv[len(host_git.SAFE) :])
    name = "log" if rest[0] == "show" else rest[0]
    assert name in host_git.FLAGS
    options = rest[1 : rest.index("--")] if "--" in rest else rest[1:]
    assert not {"--output=/x", "--ext-diff", "--textconv", "-w", "-O/bin/id", "--pretty=%G?"} & set(options)
    assert made.env["GIT_DIR"].startswith(str(root.folder))
