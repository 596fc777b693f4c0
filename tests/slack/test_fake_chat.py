"""The fake that other tests use behaves as Slack does."""

from __future__ import annotations

import pytest

from bot.incident import Room
from bot.ports import Chat
from tests.fakes import FakeChat
from tests.slack.chat_contract import ChatContract, World


class FakeWorld:
    """Eyes and hands in the memory."""

    def __init__(self) -> None:
        self.fake = FakeChat()
        self.chat: Chat = self.fake

    def add_person(self, name: str) -> str:
        return self.fake.add_person(name)

    def add_group(self, handle: str, people: list[str]) -> None:
        self.fake.groups[handle] = frozenset(people)

    def take_name(self, name: str) -> None:
        self.fake.add_channel(name)

    def channels(self) -> list[str]:
        return [channel.name for channel in self.fake.channels.values()]

    def texts(self, channel: str) -> list[str]:
        return list(self.fake.channels[channel].messages.values())

    def members_of(self, channel: str) -> set[str]:
        return self.fake.channels[channel].members

    def topic_of(self, channel: str) -> str:
        return self.fake.channels[channel].topic

    def delete(self, channel: str, message: str) -> None:
        del self.fake.channels[channel].messages[message]

    def rename(self, channel: str, name: str) -> None:
        self.fake.channels[channel].name = name

    def archive(self, channel: str) -> None:
        self.fake.channels[channel].room = Room.ARCHIVED

    def kick(self, channel: str) -> None:
        self.fake.channels[channel].room = Room.LEFT

    def remove(self, channel: str) -> None:
        del self.fake.channels[channel]

    def seen_by(self, user: str) -> list[str]:
        return [text for to, text in self.fake.whispers if to == user]


class TestFakeChat(ChatContract):
    """The contract, in memory."""

    @pytest.fixture
    def world(self) -> World:
        return FakeWorld()
