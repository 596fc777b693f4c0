"""What changed since the known good commit, and what is said about it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.checks.drift import drift, first_line, unified
from bot.ports import GaveUp
from bot.runbook.result import Known, State
from tests.fake_servers import Asked, farm, git, moved, said, site, state_of

SITE = "/etc/nginx/conf.d/site.conf"


def target(folder: Path) -> Asked:
    inventory, machines = farm(folder)
    machines["web-02"].programs["stat"] = lambda _: said("root\n")
    return Asked(host=inventory.groups["shop-web"].hosts["web-02"], inventory=inventory, servers=machines)


async def test_files_as_in_the_commit_are_ok(tmp_path: Path) -> None:
    assert state_of(await drift(target(tmp_path))) == (State.OK, "")


async def test_an_uncommitted_change_says_when_and_which_owner_but_no_person(tmp_path: Path) -> None:
    on = target(tmp_path)
    moved(on.servers["web-02"], "127.9.0.12", 8081)
    at = datetime(2026, 11, 22, 10, 3, 7, tzinfo=UTC).timestamp()
    os.utime(tmp_path / "web-02" / SITE.lstrip("/"), (at, at))
    answer = await drift(on, repo="/etc", paths=("nginx",))
    assert state_of(answer) == (State.FAIL, "drifted")
    assert answer.facts["commit"] == "uncommitted"
    assert answer.facts["change"] == "uncommitted, written at 2026-11-22 10:03:07 UTC, file owner root"
    assert answer.facts["line"] == 2
    assert "-  listen 127.9.0.12:8080;\n+  listen 127.9.0.12:8081;" in str(answer.facts["diff"])


async def test_a_committed_change_names_the_commit_and_is_seen_although_head_is_clean(tmp_path: Path) -> None:
    on = target(tmp_path)
    moved(on.servers["web-02"], "127.9.0.12", 8081)
    commit = on.servers["web-02"].commit("move the port")
    answer = await drift(on)
    assert answer.reason == "drifted"
    assert answer.facts["decided-by"] == "fits-expected-port"
    assert commit.startswith(str(answer.facts["commit"]))
    assert '"move the port"' in answer.summary
    assert "provision@shop.test" not in answer.summary
    assert (await drift(on, against="HEAD")).state is State.OK


async def test_a_recorded_commit_is_what_counts(tmp_path: Path) -> None:
    on = target(tmp_path)
    good = git(tmp_path / "web-02/etc", "rev-parse", "HEAD").strip()
    on.servers["web-02"].put(SITE, site("127.9.0.12", 8080, more="  # new\n"))
    on.servers["web-02"].commit("new")
    assert (await drift(on)).state is State.OK  # the newest that fits
    on.good = {"web-02": Known(commit=good)}
    assert (await drift(on)).facts["decided-by"] == "known-good"


async def test_a_file_that_is_gone_has_drifted(tmp_path: Path) -> None:
    on = target(tmp_path)
    (tmp_path / "web-02" / SITE.lstrip("/")).unlink()
    answer = await drift(on)
    assert answer.facts["change"] == "uncommitted, the file is gone"


async def test_a_file_that_nobody_committed_is_a_warning(tmp_path: Path) -> None:
    on = target(tmp_path)
    on.servers["web-02"].put("/etc/nginx/conf.d/extra.conf", "server { listen 8081; }")
    answer = await drift(on)
    assert state_of(answer) == (State.WARN, "drifted")
    assert answer.facts["file"] == "/etc/nginx/conf.d/extra.conf"


async def test_the_content_of_a_secret_file_is_not_shown(tmp_path: Path) -> None:
    on = target(tmp_path)
    on.servers["web-02"].put("/etc/nginx/tls.key", "canary-one")
    on.servers["web-02"].commit()
    on.servers["web-02"].put("/etc/nginx/tls.key", "canary-two")
    answer = await drift(on)
    assert "/etc/nginx/tls.key: changed" in str(answer.facts["diff"])
    assert "canary" not in repr(answer)


async def test_programs_planted_in_the_repository_do_not_run(tmp_path: Path) -> None:
    on = target(tmp_path)
    repo = tmp_path / "web-02/etc"
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\ncat\n")
    trap.chmod(0o755)
    for key in (
        "core.fsmonitor",
        "diff.external",
        "filter.x.clean",
        "filter.x.smudge",
        "diff.x.textconv",
        "core.pager",
    ):
        git(repo, "config", key, str(trap))
    git(repo, "config", "log.showSignature", "true")
    git(repo, "config", "gpg.program", str(trap))
    (repo / ".git/info/attributes").write_text("* filter=x diff=x\n")
    hook = repo / ".git/hooks/post-checkout"
    hook.write_text(trap.read_text())
    hook.chmod(0o755)
    moved(on.servers["web-02"], "127.9.0.12", 8081)
    assert (await drift(on)).reason == "drifted"
    assert not (tmp_path / "sprung").exists()


async def test_a_repository_that_would_fetch_is_not_asked(tmp_path: Path) -> None:
    on = target(tmp_path)
    git(tmp_path / "web-02/etc", "config", "remote.origin.promisor", "true")
    with pytest.raises(GaveUp):
        await drift(on)


async def test_looking_changes_no_byte(tmp_path: Path) -> None:
    on = target(tmp_path)
    moved(on.servers["web-02"], "127.9.0.12", 8081)

    def everything() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in sorted((tmp_path / "web-02").rglob("*")) if p.is_file()}

    before = everything()
    await drift(on)
    assert everything() == before


@given(st.binary(), st.binary())
def test_any_two_files_have_a_difference_that_can_be_shown(old: bytes, new: bytes) -> None:
    assert isinstance(unified("/etc/a.conf", old, new), str)
    assert first_line(old, new) >= 1
