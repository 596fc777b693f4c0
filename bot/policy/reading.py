"""From policy.yaml to values, with every mistake at its place."""

from __future__ import annotations

import re
from typing import Literal

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
from bot.strict_block import (
    Block,
    Cursor,
    Read,
    Wrong,
    duration,
    flag,
    line,
    many,
    name,
    named,
    one_of,
    one_or_many,
    read_document,
    text,
    version,
    whole,
)
from bot.strict_yaml import did_you_mean

SLACK_COMMAND_LENGTH = 32  # Slack's limit for a slash command, with its slash


def load(content: str, file: str) -> Policy:
    """Read policy.yaml. Raises Problems with every mistake in it."""
    return read_document(content, file, _policy)


def _policy(cursor: Cursor) -> Policy:
    std = Policy()
    with Block(cursor) as top:
        top.take("policy", version, None)
        announced: tuple[str, ...] = top.take("announce", one_or_many(_channel_name), (std.announce,))
        policy = Policy(
            command=top.take("command", _command, std.command),
            severities=top.take("severities", _distinct(line), std.severities),
            default_severity=top.take("default-severity", line, std.default_severity),
            roles=top.take("roles", _distinct(name), std.roles),
            channel=top.take("channel", _channel, std.channel),
            announce=announced[0] if announced else "",
            announce_too=announced[1:],
            operators=top.take("operators", _channel_name, std.operators),
            invite=top.take("invite", many(_invite), std.invite),
            rules=top.take("rules", many(_rule), std.rules),
            grouping=top.take("grouping", _grouping, std.grouping),
            reminders=top.take("reminders", _reminders, std.reminders),
            rehearsal=top.take("rehearsal", _rehearsal, std.rehearsal),
            repairs_per_hour=top.take("repairs-per-hour", whole(1), std.repairs_per_hour),
            approvers=top.take("approvers", one_or_many(line), std.approvers),
            postmortem=top.take("postmortem", _postmortem, std.postmortem),
            datadog=top.take("datadog", _datadog, std.datadog),
        )
        if policy.default_severity not in policy.severities:
            hint = did_you_mean(policy.default_severity, policy.severities)
            top.wrong(f"'{policy.default_severity}' is not one of the severities{hint}", at="default-severity")
    return policy


def _command(cursor: Cursor) -> str:
    command = text(cursor)
    if not re.fullmatch(rf"/[^\s/]{{1,{SLACK_COMMAND_LENGTH - 1}}}", command) or command != command.lower():
        raise Wrong(f"a Slack command starts with '/', has small letters and at most {SLACK_COMMAND_LENGTH} characters")
    return command


def _distinct(read: Read[str]) -> Read[tuple[str, ...]]:
    """A list with at least one item and none twice."""

    def read_all(cursor: Cursor) -> tuple[str, ...]:
        found = many(read)(cursor)
        for index, item in enumerate(found):
            if item in found[:index]:
                cursor.child(index, item).wrong(f"'{item}' is listed twice")
        if cursor.value == []:
            raise Wrong("at least one is needed")
        return found

    return read_all


def _channel(cursor: Cursor) -> Channel:
    std = Channel()
    with Block(cursor) as words:
        return Channel(
            name=words.take("name", _pattern("n", "slug"), std.name),
            archive_after=words.take("archive-after", duration, std.archive_after),
        )


def _pattern(*known: str) -> Read[str]:
    """A text with `{word}` places; the first is needed, since without it two incidents would share one name."""

    def read(cursor: Cursor) -> str:
        said = line(cursor)
        for word in re.findall(r"\{([^{}]*)\}", said):
            if word not in known:
                raise Wrong(f"nothing fills {{{word}}}{did_you_mean(word, known)}")
        if f"{{{known[0]}}}" not in said:
            raise Wrong(f"{{{known[0]}}} must be in it, or two incidents would share one name")
        return said

    return read


def _channel_name(cursor: Cursor) -> str:
    said = line(cursor).removeprefix("#")
    if not re.fullmatch(r"[^\s#@<>]{1,80}", said):
        raise Wrong(f"'{said}' is not a channel: its name or its id")
    return said


def _invite(cursor: Cursor) -> Invite:
    with Block(cursor) as words:
        people: tuple[str, ...] = words.take("people", one_or_many(line), (), required=True)
        return Invite(service=words.take("service", line, ""), people=people)


def _rule(cursor: Cursor) -> Rule:
    do: Read[Literal["ignore", "propose", "open"]] = one_of("ignore", "propose", "open")
    over: Read[Literal["suggest", "close"]] = one_of("suggest", "close")
    with Block(cursor) as words:
        return Rule(
            match=words.take("match", _match, Match(), required=True),
            do=words.take("do", do, "open", required=True),
            on_recovery=words.take("on-recovery", over, "suggest"),
        )


def _match(cursor: Cursor) -> Match:
    with Block(cursor) as words:
        return Match(
            title=words.take("title", text, ""),
            monitor=words.take("monitor", text, ""),
            service=words.take("service", text, ""),
            priority=words.take("priority", one_or_many(one_of("P1", "P2", "P3", "P4", "P5")), ()),
            tags=words.take("tags", named(text), {}),
        )


def _grouping(cursor: Cursor) -> Grouping:
    std = Grouping()
    with Block(cursor) as words:
        return Grouping(
            window=words.take("window", duration, std.window),
            cool_off=words.take("cool-off", duration, std.cool_off),
            flapping=words.take("flapping", _flapping, std.flapping),
            per_hour=words.take("per-hour", whole(1), std.per_hour),
        )


def _flapping(cursor: Cursor) -> Flapping:
    std = Flapping()
    with Block(cursor) as words:
        return Flapping(
            cycles=words.take("cycles", whole(1), std.cycles),
            within=words.take("within", duration, std.within),
        )


def _reminders(cursor: Cursor) -> Reminders:
    std = Reminders()
    with Block(cursor) as words:
        return Reminders(
            no_update=words.take("no-update", duration, std.no_update),
            no_commander=words.take("no-commander", duration, std.no_commander),
            postmortem=words.take("postmortem", duration, std.postmortem),
            quiet=words.take("quiet", flag, std.quiet),
        )


def _rehearsal(cursor: Cursor) -> Rehearsal:
    std = Rehearsal()
    with Block(cursor) as words:
        return Rehearsal(
            every=words.take("every", duration, std.every),
            stale_after=words.take("stale-after", duration, std.stale_after),
        )


def _postmortem(cursor: Cursor) -> Postmortem:
    std = Postmortem()
    with Block(cursor) as words:
        return Postmortem(
            template=words.take("template", line, std.template),
            brief=words.take("brief", flag, std.brief),
            publish=words.take("publish", _publish, std.publish),
        )


def _publish(cursor: Cursor) -> Publish:
    std = Publish()
    with Block(cursor) as words:
        return Publish(
            git=words.take("git", line, std.git), branch=words.take("branch", _pattern("id", "n"), std.branch)
        )


def _datadog(cursor: Cursor) -> Datadog:
    std = Datadog()
    with Block(cursor) as words:
        return Datadog(
            write_back=words.take("write-back", flag, std.write_back),
            downtime=words.take("downtime", flag, std.downtime),
            mirror_incident=words.take("mirror-incident", flag, std.mirror_incident),
            reconcile=words.take("reconcile", line, std.reconcile),
        )
