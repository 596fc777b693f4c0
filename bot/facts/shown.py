"""Where the incident is shown, which steps of ours failed, and where the draft is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.facts.fact import Fact, What
from bot.incident import Channel, Incident, Trouble


@dataclass(frozen=True, kw_only=True)
class ChannelOpened(What):
    """The incident has a channel."""

    channel: Channel

    def add_to(self, incident: Incident, fact: Fact) -> None:
        """Another channel begins empty: nothing that was shown in the one before is there."""
        view = incident.view
        if view.channel and view.channel.id != self.channel.id:
            incident.view = view.elsewhere()
        incident.view.channel = self.channel


@dataclass(frozen=True, kw_only=True)
class CardShown(What):
    """The one card stands in the channel, as this message."""

    message: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.view.card = self.message


@dataclass(frozen=True, kw_only=True)
class Announced(What):
    """The announcement stands in a channel, as this message. `where` is how the policy names the channel."""

    channel: str
    message: str
    where: str = ""

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.view.announcements[self.where] = (self.channel, self.message)


@dataclass(frozen=True, kw_only=True)
class TopicSet(What):
    """The channel's topic says this."""

    topic: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.view.topic = self.topic


@dataclass(frozen=True, kw_only=True)
class Invited(What):
    """People were asked in; per person what happened ("invited" or the reason why not)."""

    people: Mapping[str, str]

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.view.invited.update(self.people)


@dataclass(frozen=True, kw_only=True)
class StepFailed(What):
    """A step of ours failed; the others went on. `fix` is what a person can do."""

    step: str
    text: str
    fix: str = ""

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.troubles[self.step] = Trouble(step=self.step, text=self.text, fix=self.fix, at=fact.when)


@dataclass(frozen=True, kw_only=True)
class StepDone(What):
    """A step that had failed is done after all."""

    step: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.troubles.pop(self.step, None)


@dataclass(frozen=True, kw_only=True)
class DraftWritten(What):
    """The postmortem draft stands in this folder."""

    path: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.draft_path = self.path


@dataclass(frozen=True, kw_only=True)
class DraftPosted(What):
    """The draft was handed out in the channel."""

    message: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.view.draft_posted = self.message
        incident.view.draft_at = fact.when


@dataclass(frozen=True, kw_only=True)
class DraftPushed(What):
    """The draft stands on a branch of the git repository; `link` opens a request to merge it, where one is known."""

    branch: str
    commit: str
    link: str = ""

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.view.draft_pushed = self.commit
        incident.view.draft_link = self.link
