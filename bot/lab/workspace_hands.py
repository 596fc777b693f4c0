"""What people do in the workspace: say, type commands, click, use shortcuts, fill in modals."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from bot.lab.workspace_feed import Feed
from bot.lab.workspace_outgoing import Ack, Outgoing, ResponseUrl
from bot.lab.workspace_payloads import action, as_sent, command_form, container, interaction, view_state
from bot.lab.workspace_responses import respond
from bot.lab.workspace_state import JSON, Channel, SlackError, State
from bot.lab.workspace_views import add_view, close_view, replace_view

TROUBLE = "We had some trouble connecting. Try again?"


class Hands:
    """The people's side of the workspace."""

    def __init__(self, state: State, outgoing: Outgoing, feed: Feed) -> None:
        self.state = state
        self.outgoing = outgoing
        self.feed = feed

    async def say(
        self, user: str, channel: Channel, text: str, *, thread: str | None, files: Iterable[JSON] = ()
    ) -> str:
        """Write a message, with files that are there already; the ts."""
        self.state.user(user)
        if channel.archived:
            raise SlackError("is_archived")
        if user not in channel.members:
            self.state.join(channel, user)
        held = list(files)
        more: JSON = {"files": held, "subtype": "file_share"} if held else {}
        message = self.state.post(channel, user=user, text=as_sent(self.state, text), thread_ts=thread, **more)
        event = {**message, "channel": channel.id, "event_ts": message["ts"]}
        self.state.happened({**event, "channel_type": "group" if channel.private else "channel"})
        if f"<@{self.state.bot.id}>" in message["text"]:
            self._mentioned(user, channel, event)
        return str(message["ts"])

    def edit(self, user: str, channel: Channel, ts: str, text: str) -> None:
        """Change a message of one's own. Raises SlackError as `chat.update` does."""
        message = self._own(user, channel, ts)
        before = dict(message)
        message["text"] = as_sent(self.state, text)
        message["edited"] = {"user": user, "ts": f"{self.state.clock.now():.6f}"}
        self.state.edited(channel, message, before)

    def delete(self, user: str, channel: Channel, ts: str) -> None:
        """Take a message of one's own away."""
        self.state.delete(channel, str(self._own(user, channel, ts)["ts"]))

    def _own(self, user: str, channel: Channel, ts: str) -> JSON:
        message = channel.message(ts)
        if message is None:
            raise SlackError("message_not_found")
        if message["user"] != user:
            raise SlackError("cant_update_message")
        return message

    def _mentioned(self, user: str, channel: Channel, event: JSON) -> None:
        if self.state.bot.id in channel.members:
            self.state.happened({**event, "type": "app_mention"})
        else:
            text = f"<@{self.state.bot.id}> is not in this channel, so it cannot read this. Invite it first."
            self.state.whisper(channel, to=user, text=text)

    async def command(self, user: str, channel: Channel, text: str, *, known: Iterable[str], within: float) -> str:
        """Type a slash command; what the person sees."""
        name = text.strip().partition(" ")[0]
        if name not in known:
            return self._whisper(channel, user, f"{name} is not a valid command.")
        trigger = self.outgoing.new_trigger(user)
        address = self.outgoing.new_response_url(user=user, channel=channel.id)
        url = self.outgoing.response_urls[address.rpartition("/")[2]]
        form = command_form(self.state, user=user, channel=channel, text=text, trigger=trigger, response_url=address)
        seen = len(self.state.whispers)
        ack = await self.outgoing.command(form)
        if not ack.ok:
            why = "operation_timeout" if ack.problem == "http_timeout" else "dispatch_failed"
            return self._whisper(channel, user, f'{name} failed with the error "{why}"')
        return self._shown(url, ack) or await self._later(user, url, trigger, seen=seen, within=within)

    def _whisper(self, channel: Channel, user: str, text: str) -> str:
        self.state.whisper(channel, to=user, text=text)
        return text

    def _shown(self, url: ResponseUrl, ack: Ack) -> str:
        said = ack.value()
        if not said.get("text") and not said.get("blocks"):
            return ""
        try:
            respond(self.state, url, said)
        except SlackError as error:
            return self._whisper(self.state.channels[url.channel], url.user, f'the command failed: "{error.code}"')
        return str(said.get("text", ""))

    async def _later(self, user: str, url: ResponseUrl, trigger: str, *, seen: int, within: float) -> str:
        """Wait for an answer that comes after the ack: through the response URL, as a whisper, or as a modal."""

        def whispered() -> list[str]:
            return [whisper["text"] for whisper in self.state.whispers[seen:] if whisper["to"] == user]

        try:
            async with asyncio.timeout(within):
                while not (whispered() or url.used or self.outgoing.exchanged(trigger)):
                    await self.feed.changed()
        except TimeoutError:
            return ""
        return next(iter(whispered()), "")

    async def click(
        self, user: str, channel: Channel, ts: str, action_id: str, *, value: Any, block_id: str | None
    ) -> str:
        """Press or choose; empty when the app took it."""
        message = channel.message(ts) or self._whispered(user, ts)
        now = self.state.clock.now()
        done = action(message.get("blocks", []), action_id, value=value, now=now, block_id=block_id)
        address = self.outgoing.new_response_url(user=user, channel=channel.id, message=message)
        payload = interaction(
            self.state,
            "block_actions",
            user=user,
            trigger=self.outgoing.new_trigger(user),
            container=container(channel, message),
            channel={"id": channel.id, "name": channel.name},
            message=message,
            actions=[done],
            state={"values": {}},
            response_url=address,
        )
        return self._problem(await self.outgoing.interact(payload))

    async def click_in_view(self, user: str, view_id: str, action_id: str, *, value: Any, block_id: str | None) -> str:
        """Press or choose in a modal or the Home tab; empty when the app took it."""
        home = self.state.homes.get(user, {})
        view = home if home.get("id") == view_id else self._view(user, view_id)
        now = self.state.clock.now()
        payload = interaction(
            self.state,
            "block_actions",
            user=user,
            trigger=self.outgoing.new_trigger(user),
            container={"type": "view", "view_id": view_id},
            view=view,
            actions=[action(view["blocks"], action_id, value=value, now=now, block_id=block_id)],
        )
        return self._problem(await self.outgoing.interact(payload))

    def _whispered(self, user: str, ts: str) -> JSON:
        for whisper in self.state.whispers:
            if whisper["ts"] == ts and whisper["to"] == user:
                return whisper
        raise SlackError("message_not_found")

    def _problem(self, ack: Ack) -> str:
        return "" if ack.ok else TROUBLE

    async def shortcut(self, user: str, callback_id: str, channel: Channel | None, ts: str | None) -> str:
        """Use a global shortcut, or one on a message."""
        trigger = self.outgoing.new_trigger(user)
        about: JSON = {"callback_id": callback_id, "action_ts": f"{self.state.clock.now():.6f}"}
        kind = "shortcut"
        if channel is not None and ts is not None:
            message = channel.message(ts)
            if message is None:
                raise SlackError("message_not_found")
            kind = "message_action"
            about |= {"message": message, "message_ts": ts, "channel": {"id": channel.id, "name": channel.name}}
            about["response_url"] = self.outgoing.new_response_url(user=user, channel=channel.id)
        payload = interaction(self.state, kind, user=user, trigger=trigger, **about)
        return self._problem(await self.outgoing.interact(payload))

    async def submit(self, user: str, view_id: str, values: JSON) -> JSON:
        """Submit a modal; the errors by block_id, `*` for the modal as a whole."""
        view = self._view(user, view_id)
        filled, absent = view_state(view, values)
        if absent:
            return absent
        payload = interaction(
            self.state,
            "view_submission",
            user=user,
            trigger=self.outgoing.new_trigger(user),
            view={**view, "state": {"values": filled}},
            response_urls=[],
        )
        ack = await self.outgoing.interact(payload)
        return self._after_submit(user, view, ack) if ack.ok else {"*": TROUBLE}

    def _after_submit(self, user: str, view: JSON, ack: Ack) -> JSON:
        said = ack.value()
        match said.get("response_action"):
            case "errors":
                errors: JSON = dict(said.get("errors", {}))
                return errors
            case "update":
                replace_view(self.state, view, said["view"])
            case "push":
                add_view(self.state, said["view"], user=user, under=view)
            case "clear":
                close_view(self.state, view, whole_stack=True)
            case None if not said:
                close_view(self.state, view)
            case _:
                return {"*": TROUBLE}
        return {}

    async def close_view(self, user: str, view_id: str) -> None:
        """Close a modal; the app hears of it if it asked to."""
        view = self._view(user, view_id)
        close_view(self.state, view)
        if view.get("notify_on_close"):
            payload = interaction(self.state, "view_closed", user=user, trigger=None, view=view, is_cleared=False)
            await self.outgoing.interact(payload)

    def _view(self, user: str, view_id: str) -> JSON:
        view = self.state.views.get(view_id)
        if view is None or view["user"] != user:
            raise SlackError("not_found")
        return view
