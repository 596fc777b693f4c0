"""Who is who in the workspace: members, groups, e-mail addresses. Looks people up one by one, never all of them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
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
    """Looks people up, and remembers them for a while."""

    def __init__(self, pace: Pace, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = pace
        self._clock = clock
        self._people: dict[str, tuple[ChatPerson, float]] = {}
        self._words: dict[str, Known] = {}

    async def person(self, id: str) -> ChatPerson:
        """Who this is. Raises TryAgain or GaveUp."""
        known = self._people.get(id)
        if known and known[1] > self._clock():
            return known[0]
        try:
            answer = await self._pace.call("users.info", first=First.RESULTS, user=id)
        except TryAgain:
            if known:  # better what was true a while ago than nobody
                return known[0]
            raise
        found = _person(answer)
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
            known = Known(ids=ids, until=self._clock() + GROUP_FOR)
            self._words[f"#{channel}"] = known
        return known.ids

    async def lately(self, word: str) -> frozenset[str]:
        """The same as members, as it was within the last minute: many incidents invite the same people."""
        known = self._words.get(word)
        if known is None or known.until <= self._clock():
            known = Known(ids=await self.members(word), until=self._clock() + GROUP_FOR)
            self._words[word] = known
        return known.ids

    async def _group(self, word: str) -> str:
        if group := _GROUP.fullmatch(word):
            return group[1] or group[2]
        handle = word.removeprefix("@").lower()
        listed = await self._pace.call("usergroups.list", first=First.RESULTS)
        for group_seen in listed.get("usergroups", ()):
            if handle in {str(group_seen.get("handle", "")).lower(), str(group_seen.get("name", "")).lower()}:
                return str(group_seen["id"])
        raise GaveUp(f"Slack has no group {word}.", reason="no_such_subteam", fix=fix_for("no_such_subteam", {}))


def _person(answer: Answer) -> ChatPerson:
    user = answer["user"]
    profile = user.get("profile") or {}
    names = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"), user.get("name"))
    return ChatPerson(
        id=str(user["id"]),
        name=str(next(filter(None, names), user["id"])),
        zone=str(user.get("tz") or "UTC"),
        kind=_kind(user),
    )


def _kind(user: Answer) -> PersonKind:
    """The gravest that is true of them. A stranger is somebody of another workspace in a shared channel."""
    kinds = {
        PersonKind.DEACTIVATED: "deleted",
        PersonKind.BOT: "is_bot",
        PersonKind.STRANGER: "is_stranger",
        PersonKind.SINGLE_CHANNEL_GUEST: "is_ultra_restricted",
        PersonKind.GUEST: "is_restricted",
    }
    return next((kind for kind, word in kinds.items() if user.get(word)), PersonKind.MEMBER)
