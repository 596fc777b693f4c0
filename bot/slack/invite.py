"""Inviting people into a channel: words become ids, ids become outcomes, one for each person."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import islice

from bot.ports import GaveUp
from bot.slack.errors import Refused
from bot.slack.pace import Answer, First, Pace
from bot.slack.people import People

BATCH = 100
INVITED = "invited"
_THERE = frozenset({"already_in_channel", "cant_invite_self"})
WORDS = {
    "cant_invite": "Slack does not allow this person in",
    "invitee_cant_see_channel": "cannot see this channel",
    "no_such_subteam": "there is no such group",
    "org_user_not_in_team": "is not in this workspace",
    "plan_upgrade_required": "user groups need a paid Slack plan",
    "ura_max_channels": "is a guest and may be in no more channels",
    "user_is_restricted": "is a guest and may not be invited",
    "user_not_found": "is not known to Slack",
    "users_not_found": "nobody has this e-mail address",
}


async def invite(
    pace: Pace, people: People, channel: str, words: Sequence[str], *, done: Collection[str]
) -> dict[str, str]:
    """Invite everybody whom the words stand for, but not those in `done`; per person what happened.

    Raises what concerns no single person, after the others were invited.
    """
    outcome: dict[str, str] = {}
    refused: GaveUp | None = None
    wanted: dict[str, None] = {}
    for word in words:
        try:
            wanted |= dict.fromkeys(sorted(await people.lately(word)))
        except GaveUp as unknown:
            if unknown.reason in WORDS:
                outcome[word] = WORDS[unknown.reason]
            else:
                refused = unknown
    for batch in _batches([id for id in wanted if id not in done]):
        outcome |= await _invite(pace, channel, batch)
    if refused:
        raise refused
    return outcome


async def _invite(pace: Pace, channel: str, ids: Sequence[str]) -> dict[str, str]:
    try:
        answer: Answer = await pace.call(
            "conversations.invite", first=First.OPEN, channel=channel, users=",".join(ids), force=True
        )
    except Refused as refused:
        if refused.reason not in WORDS and refused.reason not in _THERE and not refused.answer.get("errors"):
            raise
        if not refused.answer.get("errors"):
            return await _one_by_one(pace, channel, ids, refused)
        failures = _failures(refused.answer)
        named = {str(error.get("user")) for error in refused.answer["errors"]}
        others = [id for id in ids if id not in named] if named & set(ids) else []
        asked = await _invite(pace, channel, others) if others else {}
        return {**dict.fromkeys(ids, INVITED), **failures, **asked}
    return {**dict.fromkeys(ids, INVITED), **_failures(answer)}


async def _one_by_one(pace: Pace, channel: str, ids: Sequence[str], refused: Refused) -> dict[str, str]:
    """Slack did not say whom it refused."""
    if len(ids) == 1:
        return {ids[0]: INVITED if refused.reason in _THERE else WORDS.get(refused.reason, refused.reason)}
    outcome: dict[str, str] = {}
    for id in ids:
        outcome |= await _invite(pace, channel, [id])
    return outcome


def _failures(answer: Answer) -> dict[str, str]:
    told = ((str(e.get("user", "")), str(e.get("error", ""))) for e in answer.get("errors") or ())
    return {user: WORDS.get(error, error) for user, error in told if user and error not in _THERE}


def _batches(ids: Sequence[str]) -> Iterator[list[str]]:
    left = iter(ids)
    while batch := list(islice(left, BATCH)):
        yield batch
