"""What a candidate at work is kept from, each tried in namespaces like its own.

On a machine that gives a process no namespaces nothing is booted, and nothing is tried.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from bot.ports import GaveUp
from bot.runbook.boot import FILE_SIZE, INSIDE, MEMORY, UNPRIVILEGED, Boot, Place, clear
from tests.runbook.test_preflight import BOOTS, ROOT


def inside(folder: Path, tried: str) -> list[str]:
    """The lines that this program prints there, on the folders `here` and `root`."""
    for name in ("here", "root"):
        (folder / name).mkdir(mode=0o777)
        (folder / name).chmod(0o777)  # the candidate is nobody
    program = (
        "import errno, os, pathlib, resource, subprocess\nfrom pathlib import Path\nfrom bot.runbook import boot\n"
    )
    program += f"here, root = Path({str(folder / 'here')!r}), Path({str(folder / 'root')!r})\n{textwrap.dedent(tried)}"
    enter = [*INSIDE, *(() if os.geteuid() == 0 else UNPRIVILEGED), sys.executable, "-c", program]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(enter, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 or not BOOTS, done.stderr
    return done.stdout.splitlines()


def test_a_candidate_takes_no_more_memory_than_it_may(tmp_path: Path) -> None:
    tried = """
        boot._enter(root)
        print(resource.getrlimit(resource.RLIMIT_AS))
        try: bytearray(boot.MEMORY)
        except MemoryError: print("refused")
    """
    assert inside(tmp_path, tried) == ([f"({MEMORY}, {MEMORY})", "refused"] if BOOTS else [])


def test_a_candidate_writes_no_larger_file_than_it_may(tmp_path: Path) -> None:
    tried = """
        boot._enter(root)
        file = open("/filled", "wb")
        file.truncate(boot.FILE_SIZE)
        try: file.truncate(boot.FILE_SIZE + 1)
        except OSError as refused: print(errno.errorcode[refused.errno])
        print(os.stat("/filled").st_size)
    """
    assert inside(tmp_path, tried) == (["EFBIG", str(FILE_SIZE)] if BOOTS else [])


def test_what_is_shown_of_this_machine_can_be_read_and_not_be_written(tmp_path: Path) -> None:
    tried = """
        (here / "program").write_text("as it was")
        boot._show(here, root / "usr")
        print((root / "usr/program").read_text())
        for write in (lambda: (root / "usr/program").write_text("x"), lambda: (root / "usr/more").touch()):
            try: write()
            except OSError as refused: print(errno.errorcode[refused.errno])
    """
    assert inside(tmp_path, tried) == (["as it was", "EROFS", "EROFS"] if BOOTS else [])
    assert not list((tmp_path / "root").glob("usr/*")), "what was mounted is gone with the namespace"


def test_what_may_hold_no_programs_and_devices_may_not_when_it_is_shown_either(tmp_path: Path) -> None:
    """Without these marks a user namespace may not mount it again at all."""
    tried = """
        subprocess.run(["mount", "-t", "tmpfs", "-o", "nosuid,nodev,noexec", "tmpfs", here], check=True)
        boot._show(here, root / "tmpfs")
        marks = os.statvfs(root / "tmpfs").f_flag
        print(bool(marks & os.ST_RDONLY), marks & boot.MS_KEPT == boot.MS_KEPT)
    """
    assert inside(tmp_path, tried) == (["True True"] if BOOTS else [])


def test_a_link_is_shown_as_a_link(tmp_path: Path) -> None:
    tried = """
        (here / "lib").symlink_to("usr/lib")
        boot._show(here / "lib", root / "lib")
        boot._show(here / "missing", root / "missing")
        print((root / "lib").readlink(), (root / "missing").exists())
    """
    assert inside(tmp_path, tried) == (["usr/lib False"] if BOOTS else [])


def test_a_folder_that_still_shows_something_is_not_deleted(tmp_path: Path) -> None:
    tried = """
        (here / "ours").touch()
        boot._show(here, root / "usr")
        boot.clear(root)
        print((here / "ours").exists(), root.exists())
    """
    assert inside(tmp_path, tried) == (["True True"] if BOOTS else [])
    clear(tmp_path / "root")
    assert not (tmp_path / "root").exists()
    assert (tmp_path / "here").exists()


async def test_nothing_is_mounted_by_a_process_that_is_not_alone(tmp_path: Path) -> None:
    place = Place(folder=tmp_path, repo="/etc", paths=("nginx",))
    with pytest.raises(GaveUp, match="first process of its own namespaces"):
        await Boot(place, root=tmp_path / "root", nginx=Path("/bin/true"), address="127.0.0.1").start()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("said", "lacks"),
    [
        ('nginx: [emerg] open() "/etc/nginx/conf.d/x.conf" failed (2: No such file)', ""),
        ('nginx: [emerg] open() "/etc/ssl/dh.pem" failed (2: No such file)', "/etc/ssl/dh.pem is not part of"),
        ('nginx: [emerg] host not found in upstream "app" in /etc/nginx/x:1', "names are not resolved here"),
        ("nginx: [emerg] bind() to 10.0.0.9:80 failed (99: Cannot assign requested address)", "Cannot assign"),
        ('nginx: [emerg] unknown directive "lsten" in /etc/nginx/x:1', ""),
        ("", ""),
    ],
)
def test_what_this_machine_lacks_is_told_from_what_is_wrong(tmp_path: Path, said: str, lacks: str) -> None:
    place = Place(folder=tmp_path, repo="/etc", paths=("nginx",))
    found = Boot(place, root=tmp_path, nginx=Path("/bin/true"), address="127.0.0.1").not_ours(said)
    assert found.startswith(lacks) if not lacks else lacks in found
    assert bool(found) == bool(lacks)
