"""An alert selects the runbooks whose `when` fits it and its host's place in the inventory."""

from __future__ import annotations

import pytest

from bot.runbook.inventory import Group
from bot.runbook.runbook import Runbook, Status, When
from bot.runbook.select import covering, covers_group

WEB = Group(name="shop-web", service="shop", role="web", env="prod")


def book(*when: When) -> Runbook:
    return Runbook(name="r", title="R", owner="o", checks={}, when=when)


@pytest.mark.parametrize(
    ("when", "covered"),
    [
        (When(service="shop"), True),
        (When(service="SHOP"), True),
        (When(service="shop-db"), False),
        (When(tags={"role": "web"}), True),
        (When(tags={"role": "web", "team": "a"}), True),
        (When(tags={"role": "db"}), False),
        (When(tags={"zone": "x"}), False),
        (When(tags={"env": "prod"}), True),
        (When(monitor="shop latency*"), True),
        (When(monitor="*p50*"), True),
        (When(monitor="Shop"), False),
        (When(service="shop", monitor="Disk*"), False),
        (When(service="shop", status=(Status.WARN,)), False),
        (When(service="shop", status=(Status.WARN, Status.ALERT)), True),
    ],
)
def test_all_that_a_block_says_must_match(when: When, covered: bool) -> None:
    found = covering([book(when)], service="shop", tags={"team": "a"}, monitor="Shop latency p50", group=WEB)
    assert bool(found) is covered


def test_any_block_is_enough_and_the_order_is_kept() -> None:
    one = book(When(service="other"), When(monitor="*"))
    two = book(When(service="shop"))
    assert covering([two, one], service="shop", monitor="x") == [two, one]


def test_a_runbook_without_when_never_applies_by_itself() -> None:
    assert covering([book()], service="shop", group=WEB) == []


@pytest.mark.parametrize(
    "title", ["[Triggered] Shop latency", "[Triggered on {host:web-02}] Shop latency", "[Re-Triggered] Shop latency"]
)
def test_the_transition_that_opens_a_title_is_looked_past(title: str) -> None:
    assert covering([book(When(monitor="Shop latency"))], monitor=title)


def test_the_inventory_is_right_where_the_alert_says_otherwise() -> None:
    assert not covering([book(When(tags={"role": "db"}))], tags={"role": "db"}, group=WEB)


def test_a_group_is_covered_unless_its_own_words_contradict() -> None:
    assert covers_group(When(monitor="x"), WEB)
    assert covers_group(When(service="shop", tags={"role": "web", "zone": "x"}), WEB)
    assert not covers_group(When(service="shop-db"), WEB)
    assert not covers_group(When(tags={"role": "db"}), WEB)
