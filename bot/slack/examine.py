"""Whether Slack lets us do what we do: token, scopes, the channels of the policy, app-level token, clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

import aiohttp

from bot.examined import Examined, clock, off, problem, refused, well
from bot.ports import GaveUp, TryAgain
from bot.slack import web_client
from bot.slack.chat import identity_of
from bot.slack.manifest import optional_scopes, scopes
from bot.slack.messages import PAGES, is_id
from bot.slack.pace import Answer, First, Pace
from bot.slack.socket import TOKEN

PAGE = 500
ANYWHERE = "chat:write.public"
Clock = Callable[[], datetime]


async def examine(
    *, token: str, app_token: str, url: str, channels: Mapping[str, Collection[str]], now: Clock
) -> list[Examined]:
    """Ask Slack, and change nothing. `channels` are names or ids by the key of the policy that names them."""
    async with aiohttp.ClientSession() as session:
        pace = Pace(web_client(token, session=session, base_url=url), session)
        app, rest = await asyncio.gather(_app(pace, app_token), _bot(pace, channels, now))
    return [*rest, app]


async def _bot(pace: Pace, channels: Mapping[str, Collection[str]], now: Clock) -> list[Examined]:
    asked = now()
    try:
        answer = await pace.call("auth.test", first=First.OPEN)
    except (TryAgain, GaveUp) as no:
        return [refused("Slack token", no)]
    answered, granted = now(), identity_of(answer).scopes
    return [
        well("Slack token", f"we are @{answer.get('user')} in {answer.get('team')}."),
        *_scopes(granted),
        *_clock(answer, asked, answered),
        *await _channels(pace, channels, granted),
    ]


def _scopes(granted: Collection[str]) -> list[Examined]:
    if not granted:
        fix = "Check SLACK_API_URL and the proxies on the way to Slack."
        return [problem("Slack scopes", "the answer does not name them.", fix=fix)]
    lacking, declined = sorted(scopes().difference(granted)), sorted(optional_scopes().difference(granted))
    missing = [
        problem(f"Slack scope {scope}", "it is missing.", fix=f"Add the scope {scope} to the app and reinstall it.")
        for scope in lacking
    ]
    optional = [off(f"Slack scope {scope}", "it was declined, and what needs it is left out.") for scope in declined]
    return [*(missing or [well("Slack scopes", f"all {len(scopes())} that we need are granted.")]), *optional]


def _clock(answer: Answer, asked: datetime, answered: datetime) -> list[Examined]:
    told = next((value for name, value in answer.get("headers", {}).items() if name.lower() == "date"), "")
    try:
        theirs = parsedate_to_datetime(told)
    except ValueError:
        return []  # whoever leaves it out or garbles it is no clock
    return [clock("Clock of Slack", theirs, asked=asked, answered=answered)] if theirs.tzinfo else []


async def _channels(pace: Pace, channels: Mapping[str, Collection[str]], granted: Collection[str]) -> list[Examined]:
    wanted = [(key, word) for key, words in channels.items() for word in words]
    try:
        named = await _by_name(pace, {word for _, word in wanted if not is_id(word)}, granted)
        return [
            _channel(key, word, await _by_id(pace, word) if is_id(word) else named.get(word), granted)
            for key, word in wanted
        ]
    except (TryAgain, GaveUp) as no:
        return [refused("Slack channels", no)]


async def _by_name(pace: Pace, names: Collection[str], granted: Collection[str]) -> Mapping[str, Answer]:
    """Those of the channels that we can see."""
    found: dict[str, Answer] = {}
    if names:
        async for channel in _all(pace, private="groups:read" in granted):
            if channel.get("name") in names:
                found[str(channel["name"])] = channel
            if len(found) == len(names):
                break
    return found


async def _all(pace: Pace, *, private: bool) -> AsyncIterator[Answer]:
    types, cursor = "public_channel,private_channel" if private else "public_channel", ""
    for _ in range(PAGES):
        answer = await pace.call(
            "conversations.list",
            first=First.DECORATION,
            types=types,
            limit=PAGE,
            **({"cursor": cursor} if cursor else {}),
        )
        for channel in answer.get("channels", ()):
            yield channel
        cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
        if not cursor:
            return


async def _by_id(pace: Pace, id: str) -> Answer | None:
    try:
        found: Answer = (await pace.call("conversations.info", first=First.DECORATION, channel=id))["channel"]
    except GaveUp as refusal:
        if refusal.reason == "channel_not_found":
            return None
        raise
    return found


def _channel(key: str, word: str, channel: Answer | None, granted: Collection[str]) -> Examined:
    about = f"Slack channel {word if is_id(word) else '#' + word} ({key})"
    if channel is None:
        fix = f"Create it, /invite the bot if it is private, or name another under '{key}' in policy.yaml."
        return problem(about, "we can see no such channel.", fix=fix)
    if channel.get("is_archived"):
        return problem(about, "it is archived.", fix=f"Unarchive it, or name another under '{key}' in policy.yaml.")
    if channel.get("is_member"):
        return well(about, "we are in it.")
    if ANYWHERE in granted and not channel.get("is_private"):
        return well(about, "we are not in it, and may write there all the same.")
    return problem(about, "we are not in it.", fix="/invite the bot into it.")


async def _app(pace: Pace, token: str) -> Examined:
    about = "Slack app-level token"
    if not token:
        return off(about, "not configured, so Slack is heard over HTTP.", fix="Set SLACK_APP_TOKEN for Socket Mode.")
    try:
        await pace.call("apps.connections.open", first=First.OPEN, app_token=token)
    except TryAgain as away:
        return refused(about, away)
    except GaveUp as no:
        return problem(about, str(no), fix=TOKEN)
    return well(about, "Slack lets us hear over Socket Mode.")
