"""The policy's rules: what a team wants done with which alerts. Pure; the first rule that matches wins."""

from __future__ import annotations

from collections.abc import Sequence

from bot.alert import Alert
from bot.pattern import matches
from bot.policy import Match, Rule

OPEN = Rule(do="open")


def rule_for(alert: Alert, rules: Sequence[Rule]) -> tuple[Rule, str]:
    """The rule that decides for this alert, and how people name it."""
    for number, rule in enumerate(rules, start=1):
        if _fits(alert, rule.match):
            return rule, f"rule {number} of the policy ({rule.do})"
    return OPEN, "no rule of the policy (open)"


def _fits(alert: Alert, match: Match) -> bool:
    titles = (alert.heading, alert.title)
    return (
        (not match.title or any(matches(match.title, title) for title in titles))
        and (not match.monitor or any(matches(match.monitor, title) for title in (*titles, alert.monitor_id)))
        and (not match.service or alert.tagged("service", match.service))
        and (not match.priority or alert.priority in match.priority)
        and all(alert.tagged(key, value) for key, value in match.tags.items())
    )
