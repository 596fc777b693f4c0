"""A real Postgres primary and its replica for the tests, each on its own loopback address and the same port.

    python tests/postgres_pair.py FOLDER     runs them; ends when standard input ends

It says where they are in a line of JSON, then does what the lines of its input say: `stop NAME`, `start NAME`.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.postgres import AS_ROOT, _account, _binaries, _free_port, _run

QUICK = ("fsync=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=20", "autovacuum=off")
SETTINGS = ("wal_level=replica", "max_wal_senders=5", "hot_standby=on", "wal_retrieve_retry_interval=200ms")


@dataclass(frozen=True)
class Pair:
    """Both servers: `primary` and `replica` are their addresses; `data` is the replica's folder."""

    primary: str
    replica: str
    port: int
    data: str
    bin: str
    orders: IO[str]
    answers: IO[str]

    def dsn(self, address: str) -> str:
        """How a test's own superuser connects."""
        return f"host={address} port={self.port} user=muster dbname=postgres"

    def order(self, line: str) -> None:
        """Stop or start one of the two, and wait until that is so."""
        self.orders.write(f"{line}\n")
        self.orders.flush()
        said = self.answers.readline().strip()
        if said != "done":
            raise RuntimeError(f"{line}: {said or 'the pair is gone'}")


@contextmanager
def pair() -> Iterator[Pair]:
    """A running pair; it ends also when this process is killed."""
    folder = tempfile.mkdtemp(prefix="muster-pair-")
    keeper = subprocess.Popen(
        [sys.executable, __file__, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    try:
        described = keeper.stdout.readline()
        if not described:
            raise RuntimeError(f"The pair did not start; its log was printed above (folder {folder}).")
        yield Pair(**json.loads(described), orders=keeper.stdin, answers=keeper.stdout)
    finally:
        keeper.stdin.close()
        keeper.wait(30)
        keeper.stdout.close()


@dataclass
class _Server:
    home: Path
    folder: Path
    address: str
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def program(self, name: str, *args: str) -> subprocess.Popen[bytes]:
        return _run(self.home, self.folder / "log", name, *args)

    def start(self) -> None:
        options = [part for option in (*QUICK, *SETTINGS) for part in ("-c", option)]
        place = ("-h", self.address, "-p", str(self.port), "-k", "")
        self.process = self.program("postgres", "-D", str(self.data), *place, *options)
        for _ in range(400):
            if self.process.poll() is not None:
                raise SystemExit((self.folder / "log").read_text())
            if self.program("pg_isready", "-q", "-h", self.address, "-p", str(self.port)).wait(10) == 0:
                return
            time.sleep(0.05)
        raise SystemExit("Postgres does not take connections.")

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)  # at once, as in a crash
            self.process.wait(20)


def main(folder: Path) -> None:
    """Run both until standard input ends."""
    servers: dict[str, _Server] = {}
    try:
        folder.chmod(0o755)
        home = _binaries(folder)
        chance = random.SystemRandom()
        prefix, port = f"127.{chance.randint(10, 250)}.{chance.randint(0, 250)}", _free_port()
        for name, number in (("primary", 31), ("replica", 32)):
            own = folder / name
            own.mkdir()
            (own / "data").mkdir(mode=0o700)
            if AS_ROOT:
                os.chown(own, _account(), -1)
                os.chown(own / "data", _account(), -1)
            servers[name] = _Server(home, own, f"{prefix}.{number}", port)
        _set_up(servers["primary"], servers["replica"])
        _say(
            primary=servers["primary"].address,
            replica=servers["replica"].address,
            port=port,
            data=str(servers["replica"].data),
            bin=str(home / "bin"),
        )
        for line in sys.stdin:
            do, name = line.split()
            servers[name].stop() if do == "stop" else servers[name].start()
            print("done", flush=True)  # noqa: T201 - its starter reads it
    finally:
        for server in servers.values():
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _set_up(primary: _Server, replica: _Server) -> None:
    words = ("-U", "muster", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
    if primary.program("initdb", "-D", str(primary.data), *words).wait(60):
        raise SystemExit((primary.folder / "log").read_text())
    with (primary.data / "pg_hba.conf").open("a") as rules:
        rules.write("host all all 127.0.0.0/8 trust\nhost replication all 127.0.0.0/8 trust\n")
    primary.start()
    source = ("-h", primary.address, "-p", str(primary.port), "-U", "muster")
    if replica.program("pg_basebackup", *source, "-D", str(replica.data), "-R", "-X", "stream", "-c", "fast").wait(60):
        raise SystemExit((replica.folder / "log").read_text())
    replica.start()


def _say(**words: Any) -> None:
    print(json.dumps(words), flush=True)  # noqa: T201 - its starter reads it


if __name__ == "__main__":
    main(Path(sys.argv[1]))
