"""check: the checks again."""

from pathlib import Path

import pytest

from bot.runbook.desk import Desk
from bot.settings import read_home
from tests.talk import Talk

ROOT = Path(__file__).parents[2]
INVENTORY = """\
inventory: 1
groups:
  shop-web:
    {service: shop, role: web, port: 8080, behind: lb-01, hosts: {web-01: 127.9.0.11, web-02: 127.9.0.12}}
  shop-lb: {role: balancer, port: 80, hosts: {lb-01: 127.9.0.10}}
"""


@pytest.mark.parametrize(
    ("words", "runbook", "host"),
    [
        ("check", "", ""),
        ("check web-out-of-rotation", "web-out-of-rotation", ""),
        ("check on web-02", "", "web-02"),
        ("check web-out-of-rotation on 10.0.0.2", "web-out-of-rotation", "10.0.0.2"),
    ],
)
def test_a_check_makes_the_flow_due_and_says_nothing_else(say: Talk, words: str, runbook: str, host: str) -> None:
    assert say(words) == "The checks are running; the card shows what they find."
    due = say.store.dues()[-1]
    assert (due.flow, due.args["runbook"], due.args["host"]) == ("check", runbook, host)


def test_where_it_is_known_that_nothing_can_be_asked_the_answer_says_so_at_once(say: Talk, tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    (tmp_path / "web.yaml").write_text((ROOT / "runbooks" / "web-out-of-rotation.yaml").read_text())
    say.no_checks = Desk(read_home(tmp_path, {}), say.store, now=lambda: say.now).refusal
    assert say.refused("check on web-9") == (
        "No checks were run: the inventory does not know web-9; there is web-01, web-02, lb-01."
    )
    assert "there is no runbook nosuch; there is web-out-of-rotation" in say.refused("check nosuch on web-02")
    assert say.refused("check") == "No checks were run: say “check on HOST”."
    assert say.flows() == []
    assert say("check on web-02") == "The checks are running; the card shows what they find."


@pytest.mark.parametrize("words", ["check on", "check the port please", "check on web-02 now"])
def test_other_words_run_nothing(say: Talk, words: str) -> None:
    assert say.refused(words).startswith("No check was run:")
    assert say.flows() == []
