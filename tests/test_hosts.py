"""Reaching a real SSH server: what is verified, what is bounded, what each failure is called."""

from __future__ import annotations

import asyncio
import re
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncssh
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.checks import FileStat
from bot.hosts import CAP, SshSession
from bot.ports import GaveUp, TryAgain
from bot.runbook.inventory import Host
from tests.small_sshd import SmallSshd, small_sshd


@pytest_asyncio.fixture
async def sshd(tmp_path: Path) -> AsyncIterator[SmallSshd]:
    async with small_sshd(tmp_path) as server:
        yield server


@pytest_asyncio.fixture
async def session(sshd: SmallSshd) -> AsyncIterator[SshSession]:
    async with sshd.ssh().connections() as run:
        yield await run.session(sshd.host)


@pytest_asyncio.fixture
async def bare(tmp_path: Path) -> AsyncIterator[SshSession]:
    """A session with a server that has no SFTP."""
    (tmp_path / "bare").mkdir()
    async with small_sshd(tmp_path / "bare", sftp=False) as server, server.ssh().connections() as run:
        (server.root / "a").write_text("hello\n")
        yield await run.session(server.host)


async def test_a_command_is_argv_and_never_a_shell_line(session: SshSession) -> None:
    words = ["$(id)", "; rm -rf /", "a b", "'", '"', "*", "\\", "&& x", "`x`", "\n", "", "-n", "ü"]
    assert (await session.run(["echo-words", *words])).stdout == "\0".join(words)


async def test_any_words_arrive_as_they_were(session: SshSession) -> None:
    printable = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=40)
    examples: list[list[str]] = []

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(printable, max_size=4))
    def collect(words: list[str]) -> None:
        examples.append(words)

    collect()
    for words in examples:
        assert (await session.run(["echo-words", *words])).stdout == "\0".join(words)


async def test_the_exit_code_and_both_streams_come_back(session: SshSession) -> None:
    said = await session.run(["fails"])
    assert (said.exit, said.stdout, said.stderr) == (3, "", "no\n")
    assert (await session.run(["absent"])).exit == 127


async def test_invalid_text_closes_nothing(session: SshSession) -> None:
    said = await session.run(["bad-text"])
    assert said.stdout == "\ufffd\ufffd ok"
    assert said.raw == b"\xff\xfe ok"
    assert (await session.run(["echo-words", "still here"])).stdout == "still here"


async def test_endless_output_is_cut_and_the_connection_lives_on(session: SshSession) -> None:
    said = await session.run(["endless"], within=5)
    assert said.cut
    assert len(said.raw) == CAP
    assert (await session.run(["echo-words", "still here"])).stdout == "still here"


async def test_the_far_side_ends_what_takes_too_long(session: SshSession) -> None:
    assert (await session.run(["sleeps"], within=0.3)).exit == 124


async def test_at_most_eight_programs_run_at_once(sshd: SmallSshd) -> None:
    async with sshd.ssh().connections() as run:
        session = await run.session(sshd.host)
        await asyncio.gather(*(session.run(["echo-words", "x"]) for _ in range(20)))
    assert sshd.open_at_once <= 8


async def test_all_who_ask_share_one_connection(sshd: SmallSshd) -> None:
    async with sshd.ssh().connections() as run:
        sessions = await asyncio.gather(*(run.session(sshd.host) for _ in range(5)))
    assert len({id(each) for each in sessions}) == 1
    assert sshd.connections == 1


async def test_a_file_is_read_looked_at_and_listed(sshd: SmallSshd, session: SshSession) -> None:
    (sshd.root / "etc").mkdir()
    (sshd.root / "etc/b").write_bytes(b"\xffone\ntwo\nthree\n")
    (sshd.root / "etc/a").touch()
    (sshd.root / "etc/b").chmod(0o640)
    assert await session.read("/etc/b") == b"\xffone\ntwo\nthree\n"
    assert await session.tail("/etc/b", limit=8) == b"three\n"
    assert await session.tail("/etc/b") == b"\xffone\ntwo\nthree\n"
    assert await session.names("/etc") == ["a", "b"]
    found = await session.stat("/etc/b")
    assert (stat.S_IMODE(found.mode), found.size) == (0o640, 15)
    for ask in (session.read, session.tail, session.stat, session.names):
        with pytest.raises(FileNotFoundError):
            await ask("/etc/absent")


async def test_a_file_above_the_cap_is_refused_and_not_cut(sshd: SmallSshd, session: SshSession) -> None:
    (sshd.root / "big").write_bytes(b"x" * (CAP + 1))
    with pytest.raises(GaveUp) as failure:
        await session.read("/big")
    assert failure.value.reason == "cut"


async def test_without_sftp_files_are_read_by_programs(bare: SshSession) -> None:
    assert await bare.read("/a") == b"hello\n"
    assert await bare.tail("/a", limit=3) == b"lo\n"
    assert await bare.names("/") == ["a", "tmp"]
    assert (await bare.stat("/a")).size == 6
    with pytest.raises(FileNotFoundError):
        await bare.read("/absent")
    with pytest.raises(GaveUp) as failure:
        await bare.replace("/a", b"x", like=FileStat(uid=0, gid=0, mode=0o644, size=0, mtime=0))
    assert failure.value.reason == "no-access"


async def test_a_replaced_file_keeps_its_mode_and_leaves_nothing_beside(sshd: SmallSshd, session: SshSession) -> None:
    (sshd.root / "site.conf").write_text("old")
    (sshd.root / "site.conf").chmod(0o640)
    (sshd.root / ".site.conf.muster").write_text("left by a crash")
    like = await session.stat("/site.conf")
    await session.replace("/site.conf", b"new \xff", like=like)
    assert (sshd.root / "site.conf").read_bytes() == b"new \xff"
    assert stat.S_IMODE((sshd.root / "site.conf").stat().st_mode) == 0o640
    assert sorted(path.name for path in sshd.root.iterdir()) == ["site.conf", "tmp"]
    await session.remove("/site.conf")
    assert [path.name for path in sshd.root.iterdir()] == ["tmp"]


async def test_a_folder_that_only_root_may_write_is_written_by_sudo_when_that_was_approved(tmp_path: Path) -> None:
    async with small_sshd(tmp_path, guarded=True) as sshd, sshd.ssh().connections() as run:
        session = await run.session(sshd.host)
        (sshd.root / "site.conf").write_text("old")
        (sshd.root / "site.conf").chmod(0o640)
        like = await session.stat("/site.conf")
        with pytest.raises(GaveUp) as failure:
            await session.replace("/site.conf", b"new", like=like)
        assert failure.value.reason == "no-access"
        assert (sshd.root / "site.conf").read_text() == "old"
        await session.replace("/site.conf", b"new", like=like, sudo=True)
        assert (sshd.root / "site.conf").read_text() == "new"
        assert stat.S_IMODE((sshd.root / "site.conf").stat().st_mode) == 0o640
        assert not list((sshd.root / "tmp").iterdir())
        await session.remove("/site.conf", sudo=True)
        assert [path.name for path in sshd.root.iterdir()] == ["tmp"]


async def test_a_symbolic_link_is_not_replaced(sshd: SmallSshd, session: SshSession) -> None:
    (sshd.root / "real").write_text("old")
    (sshd.root / "link").symlink_to("real")
    with pytest.raises(GaveUp):
        await session.replace("/link", b"new", like=await session.stat("/real"))
    assert (sshd.root / "real").read_text() == "old"


async def test_a_wrong_host_key_is_never_trusted_and_its_fingerprint_is_shown(sshd: SmallSshd, tmp_path: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    wrong = tmp_path / "wrong"
    for text in (f"[127.0.0.1]:{sshd.host.ssh_port} {other}", ""):
        wrong.write_text(text)
        async with sshd.ssh(known_hosts=wrong).connections() as run:
            with pytest.raises(GaveUp) as failure:
                await run.session(sshd.host)
        assert failure.value.reason == "host-key"
        assert "SHA256:" in str(failure.value)


async def test_a_missing_file_of_host_keys_stops_before_connecting(sshd: SmallSshd, tmp_path: Path) -> None:
    async with sshd.ssh(known_hosts=tmp_path / "absent").connections() as run:
        with pytest.raises(GaveUp) as failure:
            await run.session(sshd.host)
    assert failure.value.reason == "host-key"
    assert sshd.connections == 0


async def test_a_refused_login_is_no_access(sshd: SmallSshd) -> None:
    stranger = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    async with sshd.ssh(key=stranger).connections() as run:
        with pytest.raises(GaveUp) as failure:
            await run.session(sshd.host)
    assert failure.value.reason == "no-access"


async def test_a_key_that_cannot_be_read_is_said(sshd: SmallSshd) -> None:
    async with sshd.ssh(key="/nonexistent").connections() as run:
        with pytest.raises(GaveUp) as failure:
            await run.session(sshd.host)
    assert failure.value.reason == "no-access"
    assert "key" in failure.value.fix


async def test_a_closed_port_is_unreachable_for_all_at_once(sshd: SmallSshd) -> None:
    nowhere = Host(name="web-09", address="127.0.0.1", ssh_port=1)
    async with sshd.ssh().connections() as run:
        for failure in await asyncio.gather(*(run.session(nowhere) for _ in range(3)), return_exceptions=True):
            assert isinstance(failure, TryAgain)
            assert failure.reason == "unreachable"


async def test_a_server_that_hangs_up_in_the_handshake_is_tried_again(sshd: SmallSshd) -> None:
    tries = 0

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tries
        tries += 1
        writer.close()

    busy = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with busy, sshd.ssh().connections() as run:
        with pytest.raises(TryAgain) as failure:
            await run.session(Host(name="busy", address="127.0.0.1", ssh_port=busy.sockets[0].getsockname()[1]))
    assert failure.value.reason == "unreachable"
    assert tries == 3


async def test_a_lost_connection_is_unreachable(sshd: SmallSshd) -> None:
    async with sshd.ssh().connections() as run:
        session = await run.session(sshd.host)
        await session.close()
        with pytest.raises(TryAgain) as failure:
            await session.run(["echo-words", "x"])
    assert failure.value.reason == "unreachable"


def test_nothing_in_the_program_switches_host_keys_off() -> None:
    for file in (Path(__file__).parent.parent / "bot").rglob("*.py"):
        text = file.read_text()
        assert not re.search(r"known_hosts\s*=\s*None\b", text.replace("known_hosts: Path | None = None", "")), file


def test_only_this_room_and_the_lab_know_the_library() -> None:
    top = Path(__file__).parent.parent / "bot"
    users = {path.relative_to(top).parts[0] for path in top.rglob("*.py") if "import asyncssh" in path.read_text()}
    assert users <= {"hosts.py", "lab"}


@pytest.mark.parametrize("shell", [lambda line: line.replace("\\\\", "\\"), lambda line: line.replace("!x", "exit")])
async def test_a_login_shell_that_reads_quotes_in_another_way_is_reported(
    sshd: SmallSshd, shell: Callable[[str], str]
) -> None:
    sshd.shell = shell
    async with sshd.ssh().connections() as run:
        session = await run.session(sshd.host)
        with pytest.raises(GaveUp, match="does not read quotes as POSIX says"):
            await session.run(["echo-words", "a"])


async def test_a_server_that_gives_less_than_was_asked_for_is_read_to_the_end(
    sshd: SmallSshd, session: SshSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = b"".join(b"%d\n" % n for n in range(3000))
    (sshd.root / "log").write_bytes(lines)
    whole = asyncssh.SFTPServer.read
    monkeypatch.setattr(
        asyncssh.SFTPServer, "read", lambda self, file, at, size: whole(self, file, at, min(size, 1000))
    )
    assert await session.read("/log") == lines
    assert await session.tail("/log", limit=5000) == lines[-5000:].partition(b"\n")[2]
