"""Who may do what. Speaking is open to everybody who is here; acting is for those who belong here. Pure.

The whole matrix is `MAY`. A refusal is one sentence that names the rule and who can.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from bot.incident import Incident
from bot.ports import NotAllowed, PersonKind


class Act(StrEnum):
    """What somebody is about to do, as far as it matters who it is; the words say it in a refusal."""

    SPEAK = "speaking"
    DECLARE = "opening an incident"
    LOOK_AROUND = "seeing other incidents"
    CHECK = "running checks on servers"
    HOLD = "stopping actions"
    RELEASE = "releasing actions"
    REGROUP = "merging and splitting incidents"
    CLOSE = "closing and reopening"
    PRIVATE = "making an incident private"
    APPROVE = "approving a repair"
    HAPPEN = "what happens by itself"


_PRESENT = frozenset({PersonKind.MEMBER, PersonKind.GUEST, PersonKind.SINGLE_CHANNEL_GUEST, PersonKind.STRANGER})
_OURS = frozenset({PersonKind.MEMBER, PersonKind.GUEST, PersonKind.SINGLE_CHANNEL_GUEST})
_MEMBERS = frozenset({PersonKind.MEMBER})

MAY: Mapping[Act, frozenset[PersonKind]] = {
    Act.SPEAK: _PRESENT | {PersonKind.UNKNOWN},
    Act.DECLARE: _OURS | {PersonKind.UNKNOWN},
    Act.LOOK_AROUND: frozenset({PersonKind.MEMBER, PersonKind.GUEST}),
    Act.CHECK: _OURS,
    Act.HOLD: _OURS | {PersonKind.UNKNOWN},
    Act.RELEASE: _MEMBERS,
    Act.REGROUP: _MEMBERS,
    Act.CLOSE: _MEMBERS,
    Act.PRIVATE: _MEMBERS,
    Act.APPROVE: _MEMBERS,
    Act.HAPPEN: frozenset(PersonKind),
}
"""Stopping is easier than starting: whoever is at home here may hold. Nobody may act whom the chat cannot name."""

ACTS: Mapping[str, Act] = {
    "approve_repair": Act.APPROVE,
    "channel_changed": Act.HAPPEN,
    "check": Act.CHECK,
    "close": Act.CLOSE,
    "declare": Act.DECLARE,
    "declare_form": Act.DECLARE,
    "declare_from_message": Act.DECLARE,
    "declare_incident": Act.DECLARE,
    "hold": Act.HOLD,
    "ignore_proposal": Act.DECLARE,
    "list": Act.LOOK_AROUND,
    "merge": Act.REGROUP,
    "message_changed": Act.HAPPEN,
    "message_deleted": Act.HAPPEN,
    "open_listed": Act.REGROUP,
    "open_proposal": Act.DECLARE,
    "private": Act.PRIVATE,
    "release": Act.RELEASE,
    "reopen": Act.CLOSE,
    "run_checks": Act.CHECK,
    "split": Act.REGROUP,
}
"""The words and buttons that act; all others only speak."""

_WHO = {
    PersonKind.MEMBER: "a member of this workspace",
    PersonKind.GUEST: "a guest",
    PersonKind.SINGLE_CHANNEL_GUEST: "a single-channel guest",
    PersonKind.STRANGER: "from another workspace",
    PersonKind.BOT: "a bot",
    PersonKind.DEACTIVATED: "deactivated",
}


def act_of(word: str) -> Act:
    """What saying this word or pressing this button amounts to."""
    return ACTS.get(word, Act.SPEAK)


def may(kind: PersonKind, act: Act) -> bool:
    """Whether somebody of this kind may do it."""
    return kind in MAY[act]


def allow(kind: PersonKind, act: Act, incident: Incident | None = None, *, lead: str = "commander") -> None:
    """Nothing, if they may. Raises NotAllowed naming the rule and who can; `lead` is the role that is asked first."""
    if may(kind, act):
        return
    if kind is PersonKind.UNKNOWN:
        raise NotAllowed(
            f"Nothing was done: {act} is for {_group(act)}, and Slack does not tell who you are just now; "
            f"say it again in a minute, or at the terminal: muster say"
        )
    raise NotAllowed(
        f"Nothing was done: {act} is for {_group(act)}, and you are {_WHO[kind]}; ask {_ask(incident, lead)}."
    )


def _group(act: Act) -> str:
    """Who may, in words."""
    allowed = MAY[act]
    if allowed == _MEMBERS:
        return "members of this workspace"
    if PersonKind.STRANGER in allowed:
        return "people who are active in Slack"
    if PersonKind.SINGLE_CHANNEL_GUEST in allowed:
        return "members and guests of this workspace"
    return "members and multi-channel guests of this workspace"


def _ask(incident: Incident | None, lead: str) -> str:
    roles = incident.roles if incident else {}
    role = lead if lead in roles else next(iter(roles), "")
    return f"{roles[role].name or roles[role].id} ({role}), or any member" if role else "any member"
