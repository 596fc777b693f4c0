"""How a team runs its incidents: policy.yaml. Every key is optional; `Policy()` is what holds without a file."""

from __future__ import annotations

from bot.policy.reading import SLACK_COMMAND_LENGTH, load
from bot.policy.values import (
    Channel,
    Datadog,
    Flapping,
    Grouping,
    Invite,
    Match,
    Policy,
    Postmortem,
    Publish,
    Rehearsal,
    Reminders,
    Rule,
)

__all__ = [
    "SLACK_COMMAND_LENGTH",
    "Channel",
    "Datadog",
    "Flapping",
    "Grouping",
    "Invite",
    "Match",
    "Policy",
    "Postmortem",
    "Publish",
    "Rehearsal",
    "Reminders",
    "Rule",
    "load",
]
