"""The runbooks that are shipped: they load, have an owner, and lint finds nothing in a fitting inventory."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot import checks
from bot.runbook import inventory
from bot.runbook.lint import lint
from bot.runbook.schema import load

FILES = sorted((Path(__file__).parents[2] / "runbooks").glob("*.yaml"))
RUNBOOKS = [load(file.read_text(), file.name, checks.load()) for file in FILES]
INVENTORY = inventory.load(
    """\
inventory: 1
groups:
  shop-web:
    {service: shop, role: web, port: 8080, behind: lb-01, hosts: {web-01: 10.0.0.11, web-02: 10.0.0.12}}
  shop-lb: {service: shop, role: balancer, port: 80, hosts: {lb-01: 10.0.0.10}}
  shop-db: {service: shop-db, role: replica, port: 5432, primary: db-01, hosts: {db-02: 10.0.1.12}}
  shop-db-primary: {service: shop-db, role: primary, port: 5432, hosts: {db-01: 10.0.1.11}}
""",
    "inventory.yaml",
)


def test_the_shipped_runbooks_are_clean() -> None:
    assert {"web-out-of-rotation", "replica-lag", "replica-lag-mysql", "disk-full", "tls-certificate"} <= {
        runbook.name for runbook in RUNBOOKS
    }
    assert lint(RUNBOOKS, INVENTORY, checks.NOUNS) == []


EXAMPLE = (Path(__file__).parents[1] / "data" / "inventory.example.yaml").read_text()
README = """\
inventory: 1
groups:
  shop-web: {service: shop, role: web, port: 8080, behind: lb-01, hosts: {web-01: 10.0.0.11, web-02: 10.0.0.12}}
  shop-lb: {service: shop, role: balancer, port: 80, hosts: {lb-01: 10.0.0.10}}
"""
OTHER = README.replace("shop", "billing")


@pytest.mark.parametrize("text", [EXAMPLE, README, OTHER], ids=["the example", "the README", "another service"])
def test_they_stop_nobody_whose_servers_are_others(text: str) -> None:
    assert lint(RUNBOOKS, inventory.load(text, "inventory.yaml"), checks.NOUNS) == []


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda runbook: runbook.name)
def test_each_has_an_owner_numbered_causes_and_a_way_back_or_says_that_there_is_none(runbook: object) -> None:
    found = next(each for each in RUNBOOKS if each is runbook)
    assert found.owner
    assert found.name == Path(found.source.name).stem
    assert [cause.id for cause in found.causes] == [f"{found.name}/{n + 1}" for n in range(len(found.causes))]
    assert all(action.undo and action.verify.checks for action in found.actions.values())


def test_none_holds_a_secret_or_a_shell_line() -> None:
    for file in FILES:
        assert not re.search(r"password|://[^/\s]+:[^/\s]+@|\bsh, -c|\bbash\b", file.read_text()), file.name
