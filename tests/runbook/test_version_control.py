"""Git's plumbing on a server, and which commit counts as good."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.checks import Output
from bot.ports import GaveUp, TryAgain
from bot.runbook.inventory import Host
from bot.runbook.result import Known
from bot.runbook.version_control import CommitFiles, Repository, blob_id, choose_baseline, read_all
from tests.fake_servers import FolderServer, git, moved, said, site, web_server

HOST = Host(name="web-02", address="127.9.0.12")
SITE = "/etc/nginx/conf.d/site.conf"


def server(folder: Path) -> FolderServer:
    return web_server(folder, HOST.address)


async def test_files_of_a_commit_come_back_byte_for_byte(tmp_path: Path) -> None:
    web = server(tmp_path)
    web.put("/etc/nginx/odd name\n.conf", b"\xff\x00\r\n")
    commit = web.commit()
    repository = Repository(web, "/etc")
    tree = await repository.tree(commit, ["nginx"])
    assert await repository.content(tree["/etc/nginx/odd name\n.conf"].id) == b"\xff\x00\r\n"
    assert set(tree) == {SITE, "/etc/nginx/nginx.conf", "/etc/nginx/odd name\n.conf"}


async def test_links_are_left_out_and_modes_are_known(tmp_path: Path) -> None:
    web = server(tmp_path)
    web.put("/etc/nginx/run.sh", "#!").chmod(0o755)
    (tmp_path / "etc/nginx/link").symlink_to("nginx.conf")
    tree = await Repository(web, "/etc").tree(web.commit(), ["nginx"])
    assert "/etc/nginx/link" not in tree
    assert tree["/etc/nginx/run.sh"].executable


async def test_only_commits_may_be_asked_for(tmp_path: Path) -> None:
    repository = Repository(server(tmp_path), "/etc")
    for word in ("--upload-pack=x", "main", "HEAD~1", "", "HEAD;id"):
        with pytest.raises(GaveUp):
            await repository.commit_id(word)


async def test_a_blob_that_did_not_arrive_whole_is_refused(tmp_path: Path) -> None:
    web = server(tmp_path)
    web.programs["git"] = lambda _: said("half")
    with pytest.raises(GaveUp):
        await Repository(web, "/etc").content("0" * 40)


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (said(exit=128, stderr="fatal: not a git repository\n"), GaveUp, "error"),
        (said(exit=128, stderr="fatal: x: Permission denied\n"), GaveUp, "no-access"),
        (said("x", cut=True), GaveUp, "cut"),
        (said(exit=124), TryAgain, "timeout"),
    ],
)
async def test_what_git_cannot_say_has_a_reason(
    tmp_path: Path, answer: Output, kind: type[GaveUp | TryAgain], reason: str
) -> None:
    web = server(tmp_path)
    web.programs["git"] = lambda _: answer
    with pytest.raises((GaveUp, TryAgain)) as failure:
        await Repository(web, "/etc").commit_id("HEAD")
    assert isinstance(failure.value, kind)
    assert failure.value.reason == reason


async def test_the_owner_of_the_repository_may_be_another_account(tmp_path: Path) -> None:
    web = server(tmp_path)
    await Repository(web, "/etc/").commit_id("HEAD")
    assert web.ran[-1][:5] == ("git", "-c", "safe.directory=/etc", "-C", "/etc")


async def test_a_recorded_commit_wins_then_one_that_fits_then_head(tmp_path: Path) -> None:
    web = server(tmp_path)
    first = git(tmp_path / "etc", "rev-parse", "HEAD").strip()
    web.put(SITE, site(HOST.address, 8080, more="  # second\n"))
    second = web.commit("second")
    moved(web, HOST.address, 8081)
    head = web.commit("bad")
    repository = Repository(web, "/etc")

    async def chosen(commit: str | None, port: int | None, tree: str = "") -> tuple[str, str]:
        known = Known(commit=commit, tree=tree) if commit else None
        found = await choose_baseline(repository, ["nginx"], host=HOST, known_good=known, expected_port=port)
        return found.commit, found.decided_by

    assert await chosen(first[:10], 8080) == (first, "known-good")
    assert await chosen(None, 8080) == (second, "fits-expected-port")
    assert await chosen(None, 7777) == (head, "HEAD")
    assert await chosen(None, None) == (head, "HEAD")
    elsewhere, same = "f" * 40, await repository.tree_id(first, ["nginx"])
    assert await chosen(elsewhere, 8080, same) == (first, "known-good")
    assert await chosen(elsewhere, 8080, "no such tree") == (second, "fits-expected-port")


async def test_a_commit_is_read_like_a_server(tmp_path: Path) -> None:
    web = server(tmp_path)
    web.put("/usr/share/x.conf", "outside")
    repository = Repository(web, "/etc")
    files = CommitFiles(repository, await repository.tree("HEAD", ["nginx"]), ["nginx"])
    moved(web, HOST.address, 8081)
    assert b":8080;" in await files.read(SITE)
    assert await files.names("/etc/nginx") == ["conf.d", "nginx.conf"]
    assert await files.read("/usr/share/x.conf") == b"outside"
    for path in ("/etc/nginx/absent", "/etc/absent"):
        with pytest.raises(FileNotFoundError):
            await files.read(path)
    with pytest.raises(FileNotFoundError):
        await files.names("/etc/absent")


async def test_a_file_that_is_gone_is_none(tmp_path: Path) -> None:
    assert await read_all(server(tmp_path), ["/etc/absent"]) == {"/etc/absent": None}


@given(st.binary(max_size=200))
def test_a_blobs_id_is_gits_own(data: bytes) -> None:
    known = {b"": "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", b"hello\n": "ce013625030ba8dba906f756967f9e9ca394464a"}
    assert blob_id(b"hello\n", like="0" * 40) == known[b"hello\n"]
    assert blob_id(data, like="0" * 40) == known.get(data, blob_id(data, like="0" * 40))
    assert len(blob_id(data, like="0" * 64)) == 64


async def test_what_git_said_once_is_not_asked_again_and_unchanged_files_start_no_program(tmp_path: Path) -> None:
    web = server(tmp_path)
    repository = Repository(web, "/etc")
    (newest,) = await repository.commits(["nginx"])
    tree = await repository.tree(newest.id, ["nginx"])
    for _ in range(2):
        assert await repository.newest_tree(["nginx"]) == tree
        assert await repository.file(tree[SITE]) == web._at(SITE).read_bytes()
    moved(web, HOST.address, 8081)
    for _ in range(2):
        assert await repository.file(tree[SITE]) == site(HOST.address, 8080).encode()
    assert [argv[5] for argv in web.ran] == ["log", "ls-tree", "cat-file"]


async def test_the_newest_tree_is_that_of_head_though_other_commits_came_after(tmp_path: Path) -> None:
    web = server(tmp_path)
    web.put("/etc/hostname", "web-02\n")
    web.commit("something else")
    repository = Repository(web, "/etc")
    assert await repository.newest_tree(["nginx"]) == await repository.tree("HEAD", ["nginx"])
    assert await repository.newest_tree(["absent"]) == {}
