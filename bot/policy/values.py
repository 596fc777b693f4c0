"""What a policy says, and what holds where it says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Channel:
    """Name of an incident's channel (`{n}`, `{slug}`), and how long after closing it is archived."""

    name: str = "inc-{n}-{slug}"
    archive_after: timedelta = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Invite:
    """Who is invited to incidents of a service: groups (@name), addresses or ids. No service means every one."""

    service: str = ""
    people: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Match:
    """Alerts that a rule is about; all that is given must match. `title` and `monitor` are patterns with `*`.

    `priority`: P1 to P5, any of which will do. An alert without one is in none.
    """

    title: str = ""
    monitor: str = ""
    service: str = ""
    priority: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What to do with the alerts that match, and whether their incident is over when all of it has recovered."""

    match: Match = Match()
    do: Literal["ignore", "propose", "open"]
    on_recovery: Literal["suggest", "close"] = "suggest"


@dataclass(frozen=True, kw_only=True)
class Flapping:
    """A problem that comes and goes so many times within this time is flapping."""

    cycles: int = 3
    within: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """When alerts belong to one incident; `per_hour` is the number of new incidents that makes a storm."""

    window: timedelta = timedelta(minutes=15)
    cool_off: timedelta = timedelta(minutes=30)
    flapping: Flapping = Flapping()
    per_hour: int = 20


@dataclass(frozen=True, kw_only=True)
class Reminders:
    """How long Muster waits before it reminds; `quiet`: it never does."""

    no_update: timedelta = timedelta(minutes=30)
    no_commander: timedelta = timedelta(minutes=10)
    postmortem: timedelta = timedelta(days=3)
    quiet: bool = False


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """How often runbooks are asked while all is well, and when a check that is not green counts as stale."""

    every: timedelta = timedelta(days=1)
    stale_after: timedelta = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Publish:
    """A git repository to push drafts to, and the branch (`{id}`)."""

    git: str | None = None
    branch: str = "postmortem/{id}"


@dataclass(frozen=True, kw_only=True)
class Postmortem:
    """How drafts are written; `template` is the path of a Jinja template."""

    template: str | None = None
    brief: bool = False
    publish: Publish = Publish()


@dataclass(frozen=True, kw_only=True)
class Datadog:
    """What Muster writes to Datadog. `reconcile` finds the monitors whose alerts must not be missed; `off` for none."""

    write_back: bool = True
    downtime: bool = False
    mirror_incident: bool = False
    reconcile: str = "notification:webhook-muster"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The whole policy. Severities are listed from the worst; rules are tried in order, the first match wins."""

    command: str = "/incident"
    severities: tuple[str, ...] = ("SEV1", "SEV2", "SEV3", "SEV4", "SEV5")
    default_severity: str = "SEV3"
    roles: tuple[str, ...] = ("commander", "scribe", "communications")
    channel: Channel = Channel()
    announce: str = "incidents"
    announce_too: tuple[str, ...] = ()
    operators: str = ""
    invite: tuple[Invite, ...] = ()
    rules: tuple[Rule, ...] = (Rule(match=Match(title="[TEST]*"), do="ignore"), Rule(do="open"))
    grouping: Grouping = Grouping()
    reminders: Reminders = Reminders()
    rehearsal: Rehearsal = Rehearsal()
    repairs_per_hour: int = 6
    approvers: tuple[str, ...] = ()
    postmortem: Postmortem = Postmortem()
    datadog: Datadog = Datadog()

    @property
    def announced_in(self) -> tuple[str, ...]:
        """The channels in which every incident that is not private is announced."""
        return tuple(filter(None, (self.announce, *self.announce_too)))

    @property
    def troubles(self) -> str:
        """The channel for Muster's own troubles; empty means only the log."""
        return self.operators or self.announce
