"""The shipped runbook of certificates, on real TLS servers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from bot import checks
from bot.incident import Verdict
from bot.runbook import inventory as inventories
from bot.runbook.causes import judge
from bot.runbook.run import Runner
from bot.runbook.schema import load
from tests.certificates import Authority
from tests.fake_servers import FolderReach

HERE = Path(__file__).parent
FILE = HERE.parents[1] / "runbooks/tls-certificate.yaml"
STATES: Mapping[str, Sequence[tuple[str, str | None]]] = json.loads((HERE / "states.json").read_text())
NAME = "shop.example.com"


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(4096):
        pass
    writer.close()


async def first_proof(folder: Path, monkeypatch: pytest.MonkeyPatch, state: str) -> tuple[str | None, str]:
    """The id of the first cause that is proved in this state, and what the checks said."""
    authority, stranger = Authority(folder / "ours"), Authority(folder / "strange")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    shown = {
        "good": lambda: authority.server(NAME),
        "expired": lambda: authority.server(NAME, days=(-90, -1)),
        "for another name": lambda: authority.server("other.test"),
        "from nobody we know": lambda: stranger.server(NAME),
    }[state]()
    server = await asyncio.start_server(silent, "127.0.0.1", 0, ssl=shown)
    port = server.sockets[0].getsockname()[1]
    known = inventories.load(
        f"inventory: 1\ngroups:\n  web: {{service: shop, port: {port}, hosts: {{web-01: 127.0.0.1}}}}\n",
        "inventory.yaml",
    )
    runbook, host = load(FILE.read_text(), FILE.name, checks.load()), known.groups["web"].hosts["web-01"]
    results = (await Runner(FolderReach(servers={}), known).diagnose(runbook, host)).results
    server.close()
    verdicts = judge(runbook, host, results, group=known.groups["web"])
    proved = [verdict.id for verdict in verdicts if verdict.verdict is Verdict.PROVED]
    return (proved[0] if proved else None), "\n".join(r.summary for r in results)


@pytest.mark.parametrize(("state", "cause"), STATES["a certificate"])
async def test_a_state_of_a_certificate_gets_its_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, cause: str | None
) -> None:
    found, said = await first_proof(tmp_path, monkeypatch, state)
    assert found == cause, said


@pytest.mark.full
@pytest.mark.parametrize(("state", "cause"), STATES["a certificate"])
async def test_a_state_of_a_certificate_gets_its_cause_twenty_times_of_twenty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, cause: str | None
) -> None:
    for n in range(20):
        found, said = await first_proof(tmp_path / str(n), monkeypatch, state)
        assert found == cause, said
