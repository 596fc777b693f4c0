"""Who is who in the workspace: members, groups, e-mail addresses. Looks people up one by one, never all of them."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.ports import ChatPerson, GaveUp, PersonKind, TryAgain
from bot.slack.errors import fix_for
from bot.slack.pace import Answer, First, Pace

PERSON_FOR = 900.0
"""Seconds for which we believe what we know of a person."""
GROUP_FOR = 60.0
"""Seconds for which a group's members are believed when they are invited; never when they approve."""

_USER = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>|([UW][A-Z0-9]{2,})")
_GROUP = re.compile(r"<!subteam\^(S[A-Z0-9]+)(?:\|[^>]*)?>|(S[A-Z0-9]{2,})")
_MAIL = re.compile(r"(?:<mailto:)?([^<>@|\s]+@[^<>@|\s]+\.[^<>@|\s]+)(?:\|[^>]*>|>)?")


@dataclass(frozen=True, kw_only=True)
class Known:
    """What was looked up, and until when it holds."""

    ids: frozenset[str]
    until: float


class People:
    """Looks people up, and remembers them for a while. `team` asks for the id of our workspace."""

    def __init__(
        self, pace: Pace, *, team: Callable[[], Awaitable[str]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pace = pace
        self._team = team
        self._clock = clock
        self._people: dict[str, tuple[ChatPerson, float]] = {}
        self._words: dict[str, Known] = {}

    async def person(self, id: str) -> ChatPerson:
        """Who this is. Raises TryAgain or GaveUp."""
        known = self._people.get(id)
        if known and known[1] > self._clock():
            return known[0]
        try:
            team = await self._team()
            answer = await self._pace.call("users.info", first=First.RESULTS, user=id)
        except TryAgain:
            if known:  # better what was true a while ago than nobody
                return known[0]
            raise
        found = _person(answer, team)
        if len(self._people) > 10_000:
            self._people.clear()
        self._people[id] = (found, self._clock() + PERSON_FOR)
        return found

    async def members(self, word: str) -> frozenset[str]:
        """The ids that `@group`, an e-mail address or an id stands for, now. Raises TryAgain or GaveUp."""
        word = word.strip()
        if user := _USER.fullmatch(word):
            return frozenset({user[1] or user[2]})
        if mail := _MAIL.fullmatch(word):
            found = await self._pace.call("users.lookupByEmail", first=First.RESULTS, email=mail[1])
            return frozenset({str(found["user"]["id"])})
        group = await self._group(word)
        listed = await self._pace.call("usergroups.users.list", first=First.RESULTS, usergroup=group)
        return frozenset(str(id) for id in listed.get("users", ()))

    async def in_channel(self, channel: str) -> frozenset[str]:
        """The ids of those who were in this channel within the last minute. Raises TryAgain or GaveUp."""
        known = self._words.get(f"#{channel}")
        if known is None or known.until <= self._clock():
            listed = await self._pace.call("conversations.members", first=First.DECORATION, channel=channel, limit=999)
            ids = frozenset(str(id) for id in listed.get("members", ()))
            known = self._remember(f"#{channel}", ids)
        return known.ids

    async def lately(self, word: str) -> frozenset[str]:
        """The same as members, as it was within the last minute: many incidents invite the same people."""
        known = self._words.get(word)
        if known is None or known.until <= self._clock():
            known = self._remember(word, await self.members(word))
        return known.ids

    def _remember(self, word: str, ids: frozenset[str]) -> Known:
        """Keep it for a while, and let go of what is outdated: there is a new channel for every incident."""
        now = self._clock()
        self._words = {word: known for word, known in self._words.items() if known.until > now}
        self._words[word] = known = Known(ids=ids, until=now + GROUP_FOR)
        return known

    async def _group(self, word: str) -> str:
        if group := _GROUP.fullmatch(word):
            return group[1] or group[2]
        handle = word.removeprefix("@").lower()
        listed = await self._pace.call("usergroups.list", first=First.RESULTS)
        for group_seen in listed.get("usergroups", ()):
            if handle in {str(group_seen.get("handle", "")).lower(), str(group_seen.get("name", "")).lower()}:
                return str(group_seen["id"])
        raise GaveUp(f"Slack has no group {word}.", reason="no_such_subteam", fix=fix_for("no_such_subteam", {}))


def _person(answer: Answer, team: str) -> ChatPerson:
    user = answer["user"]
    profile = user.get("profile") or {}
    names = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"), user.get("name"))
    return ChatPerson(
        id=str(user["id"]),
        name=str(next(filter(None, names), user["id"])),
        zone=str(user.get("tz") or "UTC"),
        kind=_kind(user, team),
    )


def _kind(user: Answer, team: str) -> PersonKind:
    """The gravest that is true of them."""
    true = {
        PersonKind.DEACTIVATED: user.get("deleted"),
        PersonKind.BOT: user.get("is_bot"),
        PersonKind.STRANGER: user.get("is_stranger") or _elsewhere(user, team),
        PersonKind.SINGLE_CHANNEL_GUEST: user.get("is_ultra_restricted"),
        PersonKind.GUEST: user.get("is_restricted"),
    }
    return next((kind for kind, so in true.items() if so), PersonKind.MEMBER)


def _elsewhere(user: Answer, team: str) -> bool:
    """Whether they belong to another workspace. Slack calls nobody a stranger who shares a channel with the app."""
    organisation = user.get("enterprise_user") or {}
    theirs = {user.get("team_id"), organisation.get("enterprise_id"), *(organisation.get("teams") or ())} - {None}
    return bool(theirs) and team not in theirs
