"""What is wrong with runbooks beyond one file."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.runbook import inventory
from bot.runbook.inventory import Inventory
from bot.runbook.lint import lint, remarks
from bot.runbook.schema import load
from tests.runbook.fake_nouns import NOUNS

EXAMPLES = Path(__file__).parent / "examples"
HEAD = "runbook: 1\nname: web\ntitle: Web\nowner: me\nwhen: {service: shop}\n"
INVENTORY = inventory.load(
    """\
inventory: 1
groups:
  shop-web: {service: shop, role: web, port: 8080, behind: lb-01, hosts: {web-01: 10.0.0.11, web-02: 10.0.0.12}}
  shop-lb: {service: shop, role: balancer, port: 80, hosts: {lb-01: 10.0.0.10}}
  shop-db: {service: shop-db, role: replica, primary: db-01, hosts: {db-01: 10.0.1.11, db-02: 10.0.1.12}}
  queue: {service: queue, hosts: {queue-01: 10.0.2.11}}
allow:
  - [psql, -AtX, "*"]
  - [find, /var/log, "*"]
  - [lsof, -nP, +L1, -F, pns]
""",
    "inventory.yaml",
)


def problems_of(content: str, inventory: Inventory = INVENTORY) -> list[str]:
    return [str(problem) for problem in lint([load(content, "r.yaml", NOUNS)], inventory, NOUNS)]


def remarks_of(content: str) -> list[str]:
    """What stops nothing; such a runbook has no problems."""
    runbook = load(content, "r.yaml", NOUNS)
    assert lint([runbook], INVENTORY, NOUNS) == []
    return [str(remark) for remark in remarks([runbook], INVENTORY)]


def test_the_examples_are_clean() -> None:
    runbooks = [load(file.read_text(), file.name, NOUNS) for file in sorted(EXAMPLES.glob("*.yaml"))]
    assert [runbook.name for runbook in runbooks] == ["disk-full", "replica-lag", "web-out-of-rotation"]
    assert lint(runbooks, INVENTORY, NOUNS) == []


def test_two_runbooks_of_one_name_are_told() -> None:
    text = HEAD + "checks: {port: {tcp: {port: 80}}}\n"
    problems = lint([load(text, name, NOUNS) for name in ("a.yaml", "b.yaml")], INVENTORY, NOUNS)
    assert list(map(str, problems)) == ["b.yaml:2:1: name: another runbook is called 'web' too: a.yaml"]


def test_a_command_that_the_inventory_does_not_allow_is_told() -> None:
    assert problems_of(HEAD + "checks: {who: {command: {argv: [whoami]}}}\n") == [
        "r.yaml:6:26: checks.who.command.argv: the inventory's 'allow' has no entry for this command: whoami",
    ]


@pytest.mark.parametrize("noun", ["command", "nagios"])
def test_a_command_outside_the_inventory_s_list_is_told(noun: str) -> None:
    said = problems_of(HEAD + f"checks:\n  all: {{{noun}: {{argv: [rm, -rf, /]}}}}\n")
    assert said == [
        f"r.yaml:7:{len(noun) + 12}: checks.all.{noun}.argv: "
        "the inventory's 'allow' has no entry for this command: rm -rf /"
    ]


def test_a_cause_that_asks_whom_nobody_names_is_told() -> None:
    text = HEAD.replace("shop", "queue") + (
        "checks:\n  others: {at: peers, tcp: {port: 80}}\n  lb: {at: balancer, tcp: {port: 80}}\n"
        "  main: {at: primary, tcp: {port: 80}}\n"
        "causes:\n  - {when: {others: ok, lb: ok, main: ok}, explains: So.}\n"
    )
    assert [said.partition(": can never be proved: ")[2] for said in problems_of(text)] == [
        "no group that this runbook covers has a second host",
        "no group that this runbook covers has a balancer ('behind')",
        "no group that this runbook covers has a primary ('primary')",
    ]


@pytest.mark.parametrize(
    ("earlier", "later", "hidden"),
    [
        ("{port: ok}", "{port: ok, page: fail}", True),
        ("{port: fail}", "{port: refused}", True),
        ("{port: [ok, fail]}", "{port: fail}", True),
        ("{port: ok}", "{port: ok}", True),
        ("{port: ok, page: fail}", "{port: ok}", False),
        ("{port: fail}", "{port: slow}", False),
        ("{port: refused}", "{port: fail}", False),
    ],
)
def test_a_cause_behind_a_wider_one_is_told(earlier: str, later: str, hidden: bool) -> None:
    checks = 'checks:\n  port: {tcp: {port: 80}}\n  page: {http: {url: "http://$host/"}}\n'
    causes = f"causes:\n  - {{when: {earlier}, explains: A.}}\n  - {{when: {later}, explains: B.}}\n"
    said = problems_of(HEAD + checks + causes)
    text = "causes.1.when: can never come first: web/1 is proved whenever this is; put the narrower cause first"
    assert said == ([f"r.yaml:11:6: {text}"] if hidden else [])


def test_a_placeholder_that_the_inventory_leaves_empty_is_a_remark() -> None:
    text = HEAD.replace("shop", "queue") + "checks:\n  port: {tcp: {port: $host.port}}\n"
    assert remarks_of(text) == [
        "r.yaml:7:16: checks.port.tcp.port: nothing fills $host.port: give the group a 'port' in the inventory (queue)"
    ]


def test_a_runbook_for_nobody_is_a_remark() -> None:
    text = HEAD.replace("shop", "shpo") + "checks:\n  port: {tcp: {port: 80}}\n"
    assert remarks_of(text) == [
        "r.yaml:5:1: when: no group of the inventory fits, so no host can be asked; did you mean 'shop'?"
    ]


def test_a_cause_that_these_servers_cannot_prove_is_a_remark_where_only_monitors_choose_the_runbook() -> None:
    text = HEAD.replace("{service: shop}", '{monitor: "*replica*"}')
    text += "checks: {main: {at: primary, tcp: {port: 3306}}}\ncauses: [{when: {main: fail}, explains: So.}]\n"
    assert remarks_of(text) == []
    alone = inventory.load("inventory: 1\ngroups: {web: {hosts: {web-01: 10.0.0.11}}}\n", "inventory.yaml")
    runbook = load(text, "r.yaml", NOUNS)
    assert lint([runbook], alone, NOUNS) == []
    assert "no group that this runbook covers has a primary" in str(remarks([runbook], alone)[0])


def test_a_noun_that_is_gone_is_told() -> None:
    runbook = load(HEAD + "checks:\n  port: {tcp: {port: 80}}\n", "r.yaml", NOUNS)
    rest = {name: noun for name, noun in NOUNS.items() if name != "tcp"}
    assert "'tcp' is not a kind of check" in str(lint([runbook], INVENTORY, rest)[0])


def test_without_an_inventory_only_commands_are_told() -> None:
    assert problems_of(HEAD + "checks:\n  port: {tcp: {port: $host.port}}\n", Inventory()) == []
    assert len(problems_of(HEAD + "checks:\n  who: {command: {argv: [whoami]}}\n", Inventory())) == 1
