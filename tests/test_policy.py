"""The policy: every key is optional, and a slip in one is told with its place."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.policy import Channel, Invite, Match, Policy, Publish, Rule, load
from bot.strict_yaml import Problems

DEFAULTS = """\
policy: 1
command: /incident
severities: [SEV1, SEV2, SEV3, SEV4, SEV5]
default-severity: SEV3
roles: [commander, scribe, communications]
channel: {name: "inc-{n}-{slug}", archive-after: 7d}
announce: incidents
rules:
  - {match: {title: "[TEST]*"}, do: ignore}
  - {match: {}, do: open}
grouping:
  window: 15m
  cool-off: 30m
  flapping: {cycles: 3, within: 15m}
  per-hour: 20
reminders: {no-update: 30m, no-commander: 10m, postmortem: 3d}
postmortem:
  template: null
  brief: false
  publish: {git: null, branch: "postmortem/{id}"}
datadog: {write-back: true, downtime: false, mirror-incident: false}
"""

EXAMPLES = """\
operators: "#ops"
invite:
  - {service: shop, people: ["@oncall-web", "commander@example.com"]}
rules:
  - {match: {tags: {env: staging}}, do: propose}
approvers: ["@oncall-web"]
"""


@pytest.mark.parametrize("text", ["", "policy: 1\n", "# nothing\n", DEFAULTS])
def test_what_is_documented_as_default_is_the_default(text: str) -> None:
    assert load(text, "policy.yaml") == Policy()


def test_what_a_team_writes_holds() -> None:
    policy = load(EXAMPLES, "policy.yaml")
    assert policy.operators == "ops"
    assert policy.invite == (Invite(service="shop", people=("@oncall-web", "commander@example.com")),)
    assert policy.rules == (Rule(match=Match(tags={"env": "staging"}), do="propose"),)
    assert policy.approvers == ("@oncall-web",)


def test_only_a_rule_that_says_so_closes_on_recovery() -> None:
    policy = load("rules: [{match: {service: pay}, do: open, on-recovery: close}, {match: {}, do: open}]\n", "p.yaml")
    assert [rule.on_recovery for rule in policy.rules] == ["close", "suggest"]


def test_nobody_may_approve_by_default() -> None:
    assert Policy().approvers == ()


def test_troubles_go_to_the_operators_or_where_incidents_are_announced() -> None:
    assert Policy().troubles == "incidents"
    assert Policy(operators="ops").troubles == "ops"


def test_a_block_keeps_the_defaults_of_what_it_leaves_out() -> None:
    policy = load("channel: {archive-after: 12h}\npostmortem: {publish: {git: 'x.git'}}\n", "policy.yaml")
    assert policy.channel == Channel(archive_after=timedelta(hours=12))
    assert policy.postmortem.publish == Publish(git="x.git")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("policy: 2\n", "1:1: policy: only version 1 is known; write 'policy: 1'"),
        ("severitys: [a]\n", "1:1: severitys: 'severitys' is not a word of this block; did you mean 'severities'?"),
        ("severities: []\n", "1:1: severities: at least one is needed"),
        ("severities: [SEV3, SEV3]\n", "1:20: severities.1: 'SEV3' is listed twice"),
        ("default-severity: SEV9\n", "1:1: default-severity: 'SEV9' is not one of the severities; did you mean"),
        ("severities: [P1, P2]\n", "1:1: default-severity: 'SEV3' is not one of the severities (one of: P1, P2)"),
        ("command: incident\n", "1:1: command: a Slack command starts with '/'"),
        ("command: /\n", "1:1: command: a Slack command starts with '/'"),
        ("command: /Incident\n", "1:1: command: a Slack command starts with '/'"),
        (f"command: /{'x' * 32}\n", "1:1: command: a Slack command starts with '/'"),
        ("channel: {name: incident}\n", "1:11: channel.name: {n} must be in it"),
        ("channel: {name: 'inc-{n}-{title}'}\n", "1:11: channel.name: nothing fills {title}"),
        ("roles: [Lead]\n", "1:9: roles.0: 'Lead' is not a name"),
        ("announce: my channel\n", "1:1: announce: 'my channel' is not a channel"),
        ("rules: [{match: {titel: x}, do: open}]\n", "1:18: rules.0.match.titel: 'titel' is not a word of this"),
        ("rules: [{match: {priority: P9}, do: open}]\n", "1:18: rules.0.match.priority: 'P9' cannot stand here"),
        ("rules: [{match: {}, do: opne}]\n", "1:21: rules.0.do: 'opne' cannot stand here; did you mean 'open'?"),
        ("rules: [{do: open}]\n", "1:9: rules.0: the word 'match' is missing"),
        ("invite: [{service: shop}]\n", "1:10: invite.0: the word 'people' is missing"),
        ("grouping: {window: 15}\n", "1:12: grouping.window: a duration is a number and a unit"),
        ("grouping: {per-hour: 0}\n", "1:12: grouping.per-hour: here stands a whole number of 1 or more"),
        ("postmortem: {brief: no}\n", "1:14: postmortem.brief: write true or false"),
        ("datadog: {writeback: true}\n", "1:11: datadog.writeback: 'writeback' is not a word of this block; did you"),
    ],
)
def test_each_mistake_has_its_place_and_a_hint(text: str, said: str) -> None:
    with pytest.raises(Problems) as caught:
        load(text, "policy.yaml")
    [problem] = caught.value.problems
    assert str(problem).startswith(f"policy.yaml:{said}")


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(Problems) as caught:
        load("command: x\ncommand: y\nroles: 3\nextra: 1\n", "policy.yaml")
    assert [p.line for p in caught.value.problems] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("written", "channels", "troubles"),
    [("incidents", ("incidents",), "incidents"), ("[a, b]", ("a", "b"), "a"), ("[]", (), "")],
)
def test_incidents_are_announced_in_one_channel_or_several(
    written: str, channels: tuple[str, ...], troubles: str
) -> None:
    policy = load(f"policy: 1\nannounce: {written}\n", "policy.yaml")
    assert (policy.announced_in, policy.troubles) == (channels, troubles)
