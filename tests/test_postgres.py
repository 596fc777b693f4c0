"""The tests' own Postgres."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from tests.postgres import postgres

STARTER = """
import time
from tests.postgres import postgres
with postgres() as url:
    print(url, flush=True)
    time.sleep(600)
"""


def test_it_answers_and_is_gone_afterwards() -> None:
    with postgres() as url, psycopg.connect(url + "postgres") as connection:
        row = connection.execute("SHOW data_directory").fetchone()
        assert row is not None
        folder = Path(row[0])
        assert folder.exists()
    assert not folder.exists()
    assert not _answers(url)


def test_it_ends_when_its_starter_is_killed() -> None:
    root = Path(__file__).parents[1]
    with subprocess.Popen([sys.executable, "-c", STARTER], cwd=root, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        url = starter.stdout.readline().strip()
        assert _answers(url)
        starter.kill()
    while _answers(url):  # until it has noticed; the test as a whole has a time limit
        time.sleep(0.05)


def _answers(url: str) -> bool:
    assert urlsplit(url).hostname == "127.0.0.1"
    try:
        psycopg.connect(url + "postgres").close()
    except psycopg.OperationalError:
        return False
    return True
