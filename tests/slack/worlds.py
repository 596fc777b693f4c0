"""A SlackChat in a lab workspace, and a way to look around in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bot.lab.workspace import Workspace
from bot.lab.workspace_state import Group
from bot.slack import web_client
from bot.slack.chat import SlackChat
from tests.fakes import FakeIntents


@dataclass
class SlackWorld:
    """The workspace, the chat that talks to it, and what the chat intended."""

    workspace: Workspace
    chat: SlackChat
    session: aiohttp.ClientSession
    intents: FakeIntents = field(default_factory=FakeIntents)

    def again(self, **settings: Any) -> SlackChat:
        """The chat of a bot that was started again: the same intents, an empty memory."""
        client = web_client(self.workspace.bot_token, session=self.session, base_url=self.workspace.api_url)
        self.chat = SlackChat(client, self.session, intents=self.intents, **settings)
        return self.chat

    def add_person(self, name: str) -> str:
        return self.workspace.add_user(name)

    def add_group(self, handle: str, people: list[str]) -> None:
        known: list[Group] = [group for group in self.workspace.state.groups.values() if group.handle == handle]
        if known:
            known[0].users[:] = people
        else:
            self.workspace.add_group(handle, people)

    def take_name(self, name: str) -> None:
        self.workspace.add_channel(name, members=[self.add_person("dora")])

    def channels(self) -> list[str]:
        return [channel["name"] for channel in self.workspace.channels()]

    def texts(self, channel: str) -> list[str]:
        return [message["text"] for message in self.workspace.messages(channel)]

    def members_of(self, channel: str) -> set[str]:
        return set(self.workspace.find(channel).members) - {self.workspace.bot_user}

    def topic_of(self, channel: str) -> str:
        return self.workspace.find(channel).topic

    def delete(self, channel: str, message: str) -> None:
        self.workspace.state.delete(self.workspace.find(channel), message)

    def rename(self, channel: str, name: str) -> None:
        self.workspace.rename(self.add_person("rita"), channel, name)

    def archive(self, channel: str) -> None:
        self.workspace.archive(self.add_person("rita"), channel)

    def kick(self, channel: str) -> None:
        self.workspace.remove_the_app(channel)

    def remove(self, channel: str) -> None:
        self.workspace.delete_channel(channel)

    def seen_by(self, user: str) -> list[str]:
        return [whisper["text"] for whisper in self.workspace.ephemerals(user)]

    def methods(self) -> list[str]:
        """The Web API methods that were called, in order."""
        return [call.method for call in self.workspace.calls]


@asynccontextmanager
async def slack_world(**settings: Any) -> AsyncIterator[SlackWorld]:
    """A workspace with the channel `incidents`, and a chat in it."""
    async with await Workspace.start(**settings) as workspace, aiohttp.ClientSession() as session:
        workspace.add_channel("incidents")
        client = web_client(workspace.bot_token, session=session, base_url=workspace.api_url)
        intents = FakeIntents()
        chat = SlackChat(client, session, intents=intents)
        yield SlackWorld(workspace=workspace, chat=chat, session=session, intents=intents)
