"""What a team wants done with which alerts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.alert import Alert, Condition
from bot.policy import Match, Policy, Rule
from bot.triage.rules import rule_for

ALERT = Alert(
    delivery="D1",
    source="datadog",
    title="Latency is high",
    heading="[P2] [Triggered on {host:web-02}] Latency is high",
    at=datetime(2026, 11, 22, 10, 30, tzinfo=UTC),
    condition=Condition.FIRING,
    monitor_id="4711",
    priority="P2",
    scope=("host:web-02",),
    tags=("env:staging", "service:shop", "team:pay", "team:web"),
)


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        ({}, True),
        ({"title": "Latency*"}, True),
        ({"title": "[P2]*"}, True),  # the heading as people see it in Datadog
        ({"title": "latency*"}, False),
        ({"title": "Latency"}, False),
        ({"monitor": "4711"}, True),
        ({"monitor": "Latency is *"}, True),
        ({"monitor": "471"}, False),
        ({"service": "shop"}, True),
        ({"service": "sho"}, False),
        ({"priority": ("P2",)}, True),
        ({"priority": ("P1", "P2")}, True),
        ({"priority": ("P1", "P3")}, False),
        ({"priority": ("P2",), "service": "pay"}, False),
        ({"tags": {"env": "staging"}}, True),
        ({"tags": {"env": "prod"}}, False),
        ({"tags": {"team": "web"}}, True),  # the second of two values
        ({"tags": {"team": "web", "env": "prod"}}, False),
        ({"tags": {"host": "web-02"}}, True),
        ({"title": "Latency*", "service": "pay"}, False),
    ],
)
def test_all_that_a_rule_names_must_fit(match: dict[str, Any], fits: bool) -> None:
    rule = Rule(match=Match(**match), do="ignore")
    found, _ = rule_for(ALERT, [rule])
    assert (found is rule) is fits


def test_the_first_rule_that_fits_decides_and_is_named() -> None:
    rules = [
        Rule(match=Match(service="pay"), do="ignore"),
        Rule(match=Match(tags={"env": "staging"}), do="propose"),
        Rule(do="open"),
    ]
    assert rule_for(ALERT, rules) == (rules[1], "rule 2 of the policy (propose)")


def test_without_a_rule_that_fits_an_alert_opens() -> None:
    rule, named = rule_for(ALERT, [])
    assert (rule.do, named) == ("open", "no rule of the policy (open)")


def test_the_usual_policy_ignores_tests_and_opens_for_the_rest() -> None:
    rules = Policy().rules
    assert rule_for(ALERT, rules)[0].do == "open"
    assert rule_for(replace(ALERT, heading="[TEST] [Triggered] x"), rules)[0].do == "ignore"


def test_a_pattern_is_matched_in_linear_time() -> None:
    rule = Rule(match=Match(title="*a" * 50 + "b"), do="ignore")
    assert rule_for(replace(ALERT, title="a" * 300, heading=""), [rule])[0].do == "open"
