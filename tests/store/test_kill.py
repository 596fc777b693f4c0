from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

from bot.incident import Kind
from bot.store import Store
from tests.store.facts import open_incident

ROOT = Path(__file__).parents[2]


def _acknowledged_until_killed(url: str, prefix: str, acknowledgements: int) -> list[str]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.store.appender", url, prefix], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        names = [child.stdout.readline().strip() for _ in range(acknowledgements)]
        child.kill()
        return names + child.stdout.read().split()


def test_whatever_was_acknowledged_before_a_kill_is_kept_once_and_whole(database_url: str) -> None:
    store = Store.open(database_url)
    open_incident(store)
    acknowledged: list[str] = []
    for run in range(4):
        acknowledged += _acknowledged_until_killed(database_url, str(run), [1, 7, 23, 60][run])
    incident = store.incident(1)
    assert incident is not None
    kept = Counter(entry.text for entry in incident.entries if entry.kind is Kind.NOTE)
    assert acknowledged
    assert set(acknowledged) <= set(kept)
    assert set(kept.values()) == {3}
    assert len(kept) <= len(acknowledged) + 4  # a commit may precede a word that was never said
    store.close()
