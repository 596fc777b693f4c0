"""What a runbook would ask, without asking it."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot import checks
from bot.checks import NOUNS
from bot.runbook import schema
from bot.runbook.desk import Desk
from bot.runbook.runbook import Runbook
from bot.settings import Home
from bot.store import Store
from tests.fake_servers import shop

checks.load()
FILE = Path(__file__).parents[2] / "runbooks" / "web-out-of-rotation.yaml"


@pytest.fixture
def dry(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The lines of a dry run about web-02 (or another host), while nothing can be reached and no key is there."""

    def refuse(*_: object) -> None:
        raise AssertionError("a dry run reached out")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    inventory, store = shop(servers=2), Store.open(sqlite_url)
    desk = Desk(Home(folder=FILE.parent, inventory=inventory), store, now=lambda: datetime(2026, 11, 22, tzinfo=UTC))

    def lines(runbook: Runbook, host: str = "web-02") -> list[str]:
        found = inventory.find(host)
        assert found is not None
        return desk.dry(runbook, found)

    yield lines
    store.close()


def load(text: str) -> Runbook:
    return schema.load(text, "x.yaml", NOUNS)


def test_each_check_names_its_target_and_what_runs_there(dry: Any) -> None:
    lines = dry(load(FILE.read_text()))
    assert "port: tcp port=8080 on web-02 (127.9.0.12 from here, within 1 s)" in lines
    asked = "page-of-peers: http url=http://127.9.0.11:8080/ under=0.4 times=3 on web-01"
    assert f"{asked} (127.9.0.11 from here, within 0.7 s)" in lines
    at = lines.index("process: unit name=nginx on web-02 (muster@127.9.0.12:22 by SSH, within 5 s)")
    assert lines[at + 1].startswith("  run systemctl show -p LoadState,")
    at = lines.index("loads: nginx test=True on web-02 (muster@127.9.0.12:22 by SSH, within 5 s, touches the server)")
    assert lines[at + 1].startswith("  run nginx -t")
    assert "  run df -P -k /" in lines
    assert "  run df -P -i /" in lines
    assert "  run ss -Hltn" in lines
    assert "  read /etc/nginx/nginx.conf" in lines


def test_a_host_without_a_balancer_skips_that_check(dry: Any) -> None:
    lines = dry(load(FILE.read_text()), "lb-01")
    assert "in-rotation: skipped, the inventory names no balancer of lb-01" in lines


FROM_THE_BOT = {"tcp", "http", "tls", "dns", "nagios", "replication", "metric", "logs", "monitor"}


def test_every_noun_either_works_over_ssh_or_is_not_asked_at_all() -> None:
    ours = [noun for noun in NOUNS.values() if noun.ask.__module__.startswith("bot.checks.")]
    assert {noun.name for noun in ours if not noun.over_ssh} == FROM_THE_BOT
