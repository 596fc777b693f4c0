"""A workspace to try the bot in: Slack's Web API, the people in it, and a live page, on this machine alone.

    workspace = await Workspace.start(request_url="http://127.0.0.1:3000/slack/events")
    ana = workspace.add_user("ana", "Ana Duarte", tz="Europe/Lisbon")
    reply = await workspace.command(ana, "ops", "/incident checkout is slow")

It is not Slack: nothing leaves the machine, and it forgets everything when it stops.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Callable, Iterable
from typing import Any, Self, TypeVar

from aiohttp import web

from bot.lab.workspace_api import Call, WebApi
from bot.lab.workspace_cast import EVENTS, SCOPES, bring_in_the_cast
from bot.lab.workspace_clock import Clock
from bot.lab.workspace_conversations import archive_channel, delete_channel, remove_the_app, rename_channel
from bot.lab.workspace_extras import react, share_file, unreact
from bot.lab.workspace_faults import Fault, FaultKind, Faults
from bot.lab.workspace_feed import Feed
from bot.lab.workspace_hands import Hands
from bot.lab.workspace_limits import Limits
from bot.lab.workspace_outgoing import Outgoing, Sent
from bot.lab.workspace_socket import Socket
from bot.lab.workspace_state import JSON, Channel, Group, State, User, shown
from bot.lab.workspace_web import Web, only_from_here

BOT_TOKEN = "xoxb-lab"  # noqa: S105  (opens nothing but this workspace)
APP_TOKEN = "xapp-lab"  # noqa: S105 - opens the lab only
SIGNING_SECRET = "lab-signing-secret"  # noqa: S105 - opens the lab only
SHORTCUTS = (
    {"name": "Declare an incident", "type": "global", "callback_id": "declare_incident"},
    {"name": "Add to timeline", "type": "message", "callback_id": "add_to_timeline"},
    {"name": "Declare from message", "type": "message", "callback_id": "declare_from_message"},
)
SYSTEM_LINES = (
    "channel_join",
    "channel_topic",
    "channel_purpose",
    "channel_name",
    "channel_archive",
    "channel_unarchive",
)
LARGEST_BODY = 32 * 1024 * 1024
Seen = TypeVar("Seen")


class Workspace:
    """A running workspace. Channels may be named by id or by name wherever one is asked for."""

    def __init__(
        self,
        *,
        request_url: str | None = None,
        signing_secret: str = SIGNING_SECRET,
        bot_token: str = BOT_TOKEN,
        scopes: Iterable[str] = SCOPES,
        events: Iterable[str] = EVENTS,
        commands: Iterable[str] = ("/incident",),
        limits: bool = True,
        clock: Clock | None = None,
        socket_mode: bool = False,
    ) -> None:
        self.clock = clock or Clock()
        self.bot_token = bot_token
        self.app_token = APP_TOKEN
        self.signing_secret = signing_secret
        self.commands = frozenset(commands)
        self.shortcuts = [dict(shortcut) for shortcut in SHORTCUTS]
        self.state = State(self.clock)
        self.state.tokens[bot_token] = frozenset(scopes)
        self.state.tokens[APP_TOKEN] = frozenset({"connections:write"})
        self.socket = Socket(self.clock)
        self.state.new_ticket = self.socket.ticket
        self.feed = Feed()
        self.faults = Faults()
        self.limits = Limits(self.clock, on=limits)
        self.outgoing = Outgoing(
            self.state, self.socket, request_url=request_url, signing_secret=signing_secret, events=frozenset(events)
        )
        self.outgoing.socket_mode = socket_mode
        self.api = WebApi(self.state, self.outgoing, limits=self.limits, faults=self.faults)
        self.hands = Hands(self.state, self.outgoing, self.feed)
        self.state.changed = self.feed.tell
        self.state.happened = self.outgoing.event
        self.state.use_trigger = self.outgoing.use_trigger
        self.api.recorded = self.outgoing.recorded = self.feed.stir
        self._runner: web.AppRunner | None = None

    @classmethod
    async def start(cls, port: int = 0, *, cast: bool = False, **settings: Any) -> Self:
        """A workspace that listens on 127.0.0.1; `cast` brings the demo's people and channels in."""
        workspace = cls(**settings)
        await workspace.listen(port)
        if cast:
            bring_in_the_cast(workspace)
        return workspace

    async def listen(self, port: int = 0) -> None:
        """Serve the API and the page; port 0 takes a free one."""
        app = web.Application(middlewares=[only_from_here], client_max_size=LARGEST_BODY)
        app.add_routes([*self.api.routes(), web.get("/link", self.socket.link), *Web(self).routes()])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.state.base_url = self.socket.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        await self.outgoing.start()

    async def stop(self) -> None:
        """Close every connection and forget everything."""
        self.feed.close()
        await self.outgoing.stop()
        self.socket.cut()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """The page's address."""
        return self.state.base_url

    @property
    def api_url(self) -> str:
        """The base of the Web API, for `SLACK_API_URL`."""
        return f"{self.state.base_url}/api/"

    @property
    def request_url(self) -> str | None:
        """Where commands, clicks and events go."""
        return self.outgoing.request_url

    @request_url.setter
    def request_url(self, url: str | None) -> None:
        self.outgoing.request_url = url

    @property
    def socket_mode(self) -> bool:
        """Whether everything goes through connections of the app instead."""
        return self.outgoing.socket_mode

    @socket_mode.setter
    def socket_mode(self, on: bool) -> None:
        self.outgoing.socket_mode = on

    @property
    def bot_user(self) -> str:
        """The bot's user id."""
        return self.state.bot.id

    @property
    def calls(self) -> list[Call]:
        """Every call that the app made, in order."""
        return self.api.calls

    @property
    def sent(self) -> list[Sent]:
        """Every request to the app, in order of their answers."""
        return self.outgoing.sent

    def called(self, method: str) -> list[Call]:
        """The calls of one method."""
        return [call for call in self.calls if call.method == method]

    def fault(self, method: str, kind: FaultKind | str, *, times: int | None = 1, **more: Any) -> None:
        """Let the next `times` calls of `method` (`*`: any) fail; `code`, `status` or `seconds` say how."""
        self.faults.add(Fault(method=method, kind=FaultKind(kind), times=times, **more))

    def revoke(self, token: str | None = None) -> None:
        """Take the bot's token back."""
        self.state.revoked.add(token or self.bot_token)

    def add_user(
        self,
        name: str,
        real_name: str = "",
        tz: str = "UTC",
        *,
        email: str | None = None,
        title: str = "",
        guest: bool = False,
        single_channel: bool = False,
        stranger: bool = False,
        connected: bool = False,
        deactivated: bool = False,
        bot: bool = False,
    ) -> str:
        """A person's id; without an address it is NAME@lab.example."""
        user = User(
            id=self.state.next_id("U"),
            name=name,
            real_name=real_name or name.capitalize(),
            tz=tz,
            email=email if email is not None else f"{name}@lab.example",
            title=title,
            guest=guest,
            single_channel=single_channel,
            stranger=stranger,
            connected=connected,
            deactivated=deactivated,
            bot=bot,
        )
        return self.state.add_user(user).id

    def add_channel(
        self,
        name: str,
        *,
        members: Iterable[str] = (),
        private: bool = False,
        with_bot: bool = True,
        purpose: str = "",
    ) -> str:
        """A channel's id; the bot is in it unless told otherwise. Joining writes no lines here."""
        creator, *others = [*members] or [self.bot_user]
        channel = self.state.add_channel(name, creator=creator, private=private)
        channel.messages.clear()
        channel.members.extend(member for member in others if member not in channel.members)
        if with_bot and self.bot_user not in channel.members:
            channel.members.append(self.bot_user)
        channel.purpose = purpose
        self.state.channel_changed(channel)
        return channel.id

    def add_group(self, handle: str, users: Iterable[str]) -> str:
        """A user group's id."""
        group = Group(id=self.state.next_id("S"), handle=handle, name=handle, users=list(users))
        self.state.groups[group.id] = group
        return group.id

    def find(self, name_or_id: str) -> Channel:
        """A channel by id or name. Raises SlackError `channel_not_found`."""
        return self.state.named(name_or_id) or self.state.channel(name_or_id)

    def channels(self) -> list[JSON]:
        """Every channel: id, name, topic, members and what hangs on it."""
        return [shown(channel) for channel in self.state.channels.values()]

    def messages(self, channel: str, *, system: bool = False) -> list[JSON]:
        """A channel's messages, oldest first; `system` adds the lines that Slack writes itself."""
        found = self.find(channel).messages
        return [message for message in found if system or message.get("subtype") not in SYSTEM_LINES]

    def ephemerals(self, user: str) -> list[JSON]:
        """What was shown to this person only, oldest first."""
        return [whisper for whisper in self.state.whispers if whisper["to"] == user]

    async def say(self, user: str, channel: str, text: str, thread: str | None = None) -> str:
        """Write a message as a person, who joins if need be; the message's ts."""
        return await self.hands.say(user, self.find(channel), text, thread=thread)

    async def share(self, user: str, channel: str, text: str, *, name: str, content: bytes = b"image") -> str:
        """Write a message with a file on it; the message's ts."""
        file = share_file(self.state, name, content)
        return await self.hands.say(user, self.find(channel), text, thread=None, files=[file])

    def edit(self, user: str, channel: str, ts: str, text: str) -> None:
        """Change a message of one's own."""
        self.hands.edit(user, self.find(channel), ts, text)

    def delete(self, user: str, channel: str, ts: str) -> None:
        """Take a message of one's own away."""
        self.hands.delete(user, self.find(channel), ts)

    async def mention(self, user: str, channel: str, text: str, thread: str | None = None) -> str:
        """Write a message that begins with the bot's name."""
        return await self.say(user, channel, f"@{self.state.bot.name} {text}", thread)

    async def command(self, user: str, channel: str, text: str, *, within: float = 2.0) -> str:
        """Type a slash command; the text that the person sees, which may come `within` seconds after the ack."""
        return await self.hands.command(user, self.find(channel), text, known=self.commands, within=within)

    async def click(
        self, user: str, channel: str, ts: str, action_id: str, value: Any = None, *, block_id: str | None = None
    ) -> str:
        """Press a button or choose in a menu (`value`); empty when the app took it, else what the person sees."""
        return await self.hands.click(user, self.find(channel), ts, action_id, value=value, block_id=block_id)

    async def click_in_view(
        self, user: str, view_id: str, action_id: str, value: Any = None, *, block_id: str | None = None
    ) -> str:
        """Press a button in a modal or the Home tab; empty when the app took it."""
        return await self.hands.click_in_view(user, view_id, action_id, value=value, block_id=block_id)

    def home(self, user: str) -> JSON | None:
        """The Home tab that the app published for a person."""
        return self.state.homes.get(user)

    async def react(self, user: str, channel: str, ts: str, name: str) -> None:
        """Add an emoji to a message. Raises SlackError as `reactions.add` does."""
        react(self.state, self.find(channel), ts, name.strip(":"), user=user)

    async def unreact(self, user: str, channel: str, ts: str, name: str) -> None:
        """Take an emoji of one's own off a message. Raises SlackError as `reactions.remove` does."""
        unreact(self.state, self.find(channel), ts, name.strip(":"), user=user)

    async def shortcut(self, user: str, callback_id: str, channel: str | None = None, ts: str | None = None) -> str:
        """Use a shortcut, on a message if `ts` is given; empty when the app took it."""
        return await self.hands.shortcut(user, callback_id, self.find(channel) if channel else None, ts)

    async def submit(self, user: str, view_id: str, values: JSON) -> JSON:
        """Submit a modal with `values` by block_id; the errors that the person sees, by block_id."""
        return await self.hands.submit(user, view_id, values)

    async def close_view(self, user: str, view_id: str) -> None:
        """Close a modal without submitting it."""
        await self.hands.close_view(user, view_id)

    async def open_home(self, user: str) -> None:
        """Look at the app's Home tab."""
        self.outgoing.event({"type": "app_home_opened", "user": user, "channel": "", "tab": "home"})

    def views(self, user: str) -> list[JSON]:
        """The modals that are open in front of a person, the top one last."""
        return [view for view in self.state.views.values() if view["user"] == user]

    def rename(self, user: str, channel: str, name: str) -> None:
        """Rename a channel as a person. Raises SlackError for a bad or taken name."""
        rename_channel(self.state, self.find(channel), name, by=user)

    def archive(self, user: str, channel: str, *, back: bool = False) -> None:
        """Archive a channel as a person, or bring it `back`."""
        archive_channel(self.state, self.find(channel), by=user, archived=not back)

    def delete_channel(self, channel: str) -> None:
        """Take a channel away for good."""
        delete_channel(self.state, self.find(channel))

    def remove_the_app(self, channel: str) -> None:
        """Take the app's user out of a channel."""
        remove_the_app(self.state, self.find(channel))

    def notices(self, user: str) -> list[str]:
        """How the app made a person's device ring: `invite`, `mention`, `thread`, `direct`, `ephemeral`, in order."""
        return [str(one["kind"]) for one in self.state.notices if one["user"] == user]

    async def wait_for(self, predicate: Callable[[], Seen], within: float = 10.0) -> Seen:
        """What `predicate` answers once it is true; asked again at each change. Raises TimeoutError."""
        async with asyncio.timeout(within):
            while not (seen := predicate()):
                await self.feed.changed()
        return seen


async def _serve(options: argparse.Namespace) -> None:
    workspace = await Workspace.start(
        options.port,
        cast=options.cast,
        request_url=options.request_url,
        signing_secret=options.signing_secret,
        bot_token=options.bot_token,
        limits=not options.no_limits,
        socket_mode=options.socket_mode,
    )
    where = {"url": workspace.url, "api_url": workspace.api_url, "bot_token": workspace.bot_token}
    where["app_token"] = workspace.app_token
    sys.stdout.write(json.dumps({**where, "signing_secret": workspace.signing_secret}) + "\n")
    sys.stdout.flush()
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()
    await workspace.stop()


def main() -> None:
    """Run a workspace by itself; its address is printed as one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m bot.lab.workspace", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--request-url", default=None, help="where the app listens")
    parser.add_argument("--signing-secret", default=SIGNING_SECRET)
    parser.add_argument("--bot-token", default=BOT_TOKEN)
    parser.add_argument("--no-limits", action="store_true", help="answer as often as asked")
    parser.add_argument("--socket-mode", action="store_true", help="reach the app through its own connections")
    parser.add_argument("--cast", action="store_true", help="bring the demo's people and channels in")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
