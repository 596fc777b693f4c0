"""Everything that Muster needs, examined at the same time: its files, and the neighbours outside. Changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.checks import Output, Session
from bot.datadog import Datadog
from bot.datadog.examine import examine as examine_datadog
from bot.examined import Examined, clock, off, problem, refused, well
from bot.policy import Policy
from bot.ports import GaveUp, TryAgain
from bot.runbook.inventory import Host, SshAccess
from bot.runbook.servers import servers_of
from bot.settings import Home, Settings, read_home, read_policy
from bot.slack.examine import examine as examine_slack
from bot.store.examine import examine as examine_store
from bot.store.examine import folder
from bot.strict_yaml import Problems

WITHIN = 25.0
"""Seconds for each neighbour."""
QUOTED = r"it's $HOME `x` \\ !y"
"""What only a POSIX shell gives back as we quote it."""
Clock = Callable[[], datetime]


@dataclass(frozen=True, kw_only=True)
class Doctor:
    """Examines what these settings name."""

    settings: Settings
    now: Clock
    within: float = WITHIN

    async def examine(self) -> list[Examined]:
        """Every line of the report, in the order of the neighbours."""
        files, home, policy = self._files()
        found = await asyncio.gather(
            self._limited("Slack", self._slack(policy)),
            self._limited("Datadog", self._datadog()),
            self._limited("Servers", self._servers(home)),
            self._limited("Database", asyncio.to_thread(examine_store, self.settings.database_url)),
        )
        return [*files, *(line for lines in found for line in lines)]

    def _files(self) -> tuple[list[Examined], Home | None, Policy]:
        """What `muster check` looks at; a mistake in one file hides nothing of the others."""
        settings = self.settings
        drafts = folder("Folder of the drafts", settings.postmortems)
        try:
            home = read_home(settings.home, settings.secrets)
        except Problems as mistakes:
            return [*map(_mistake, str(mistakes).splitlines()), drafts], None, _policy(settings)
        absent = [off("Files", f"{settings.home / name} is not there: the defaults hold.") for name in home.absent]
        if not settings.home.is_dir():
            told = problem if settings.home.exists() else off
            absent.append(told("Files", f"{settings.home} is no folder.", fix="Name the right one in MUSTER_HOME."))
        absent += [off("Files", f"{remark}.") for remark in home.remarks]
        count = sum(len(group.hosts) for group in home.inventory.groups.values())
        read = well("Files", f"{settings.home}: runbooks {len(home.runbooks)}, hosts {count}.")
        return [read, *absent, drafts], home, home.policy

    async def _limited(self, about: str, examination: Awaitable[list[Examined]]) -> list[Examined]:
        try:
            async with asyncio.timeout(self.within):
                return await examination
        except TimeoutError:
            what = f"it could not be examined within {self.within:g} s."
            return [problem(about, what, fix="Look at the network on the way, then try again.")]

    async def _slack(self, policy: Policy) -> list[Examined]:
        settings = self.settings
        if not settings.slack_bot_token:
            return [off("Slack", "not configured.", fix="Set SLACK_BOT_TOKEN; “muster setup slack” prints the app.")]
        channels = {"announce": policy.announced_in, "operators": tuple(filter(None, [policy.operators]))}
        found = await examine_slack(
            token=settings.slack_bot_token,
            app_token=settings.slack_app_token,
            url=settings.slack_api_url,
            channels=channels,
            now=self.now,
        )
        if settings.slack_signing_secret or settings.slack_app_token:
            return found
        fix = "Set SLACK_SIGNING_SECRET (or SLACK_APP_TOKEN, for Socket Mode)."
        return [*found, problem("Slack signing secret", "it is not set, so Slack cannot be heard.", fix=fix)]

    async def _datadog(self) -> list[Examined]:
        settings = self.settings
        secret = [] if settings.webhook_secrets else [_NO_SECRET]
        if not (settings.dd_api_key and settings.dd_app_key):
            fix = "Set DD_API_KEY and DD_APP_KEY; alerts come without them, too."
            return [off("Datadog look-ups", "not configured.", fix=fix), *secret]
        datadog = Datadog.of(settings)
        try:
            return [*await examine_datadog(datadog, secret=bool(settings.webhook_secrets)), *secret]
        finally:
            datadog.close()

    async def _servers(self, home: Home | None) -> list[Examined]:
        if home is None:
            return [off("Servers", "not asked, because the files have mistakes.", fix="Mend those first.")]
        hosts = [host for group in home.inventory.groups.values() for host in group.hosts.values()]
        if not hosts:
            fix = f"List your hosts in {home.folder / 'inventory.yaml'}."
            return [off("Servers", "not configured: no checks can be run.", fix=fix)]
        looking, acting = home.inventory.ssh, home.inventory.ssh.acting
        found = await self._as(home, looking, hosts, self._server)
        return found if acting == looking else [*found, *await self._as(home, acting, hosts, _login)]

    async def _as(
        self,
        home: Home,
        access: SshAccess,
        hosts: list[Host],
        examine: Callable[[str, Session], Awaitable[list[Examined]]],
    ) -> list[Examined]:
        """All hosts at once, as one account."""

        async def one(host: Host) -> list[Examined]:
            about = f"Server {access.user}@{host.name}"
            try:
                return await examine(about, await run.session(host))
            except (TryAgain, GaveUp) as no:
                return [refused(about, no)]

        try:
            async with servers_of(home, access).connections() as run:
                return [line for lines in await asyncio.gather(*map(one, hosts)) for line in lines]
        except GaveUp as no_key:
            return [refused(f"SSH key of {access.user}", no_key)]

    async def _server(self, about: str, session: Session) -> list[Examined]:
        said = await session.run(["echo", QUOTED])
        asked = self.now()
        told = await session.run(["date", "+%s"])
        answered = self.now()
        return [_shell(about, said), *_clock(about, told, asked, answered)]


def missing(problems: list[str]) -> list[Examined]:
    """The settings that cannot be used."""
    return [problem("Settings", text.partition(": ")[0] + ".", fix=_sentence(text)) for text in problems]


def _sentence(text: str) -> str:
    remedy = text.partition(": ")[2]
    return remedy[:1].upper() + remedy[1:]


_NO_SECRET = off(
    "Datadog webhook",
    "not configured: DATADOG_WEBHOOK_SECRET is not set, so no alert is taken.",
    fix="Set it to a long random text.",
)


def _policy(settings: Settings) -> Policy:
    """The policy alone; where it is the one with the mistake, what holds without a file."""
    try:
        return read_policy(settings.home)
    except Problems:
        return Policy()


def _mistake(line: str) -> Examined:
    return problem("Files", f"{line}.", fix="“muster check” says when it is right.")


async def _login(about: str, _: Session) -> list[Examined]:
    return [well(about, "we can log in to carry out approved plans.")]


def _shell(about: str, said: Output) -> Examined:
    if said.exit == 0 and said.stdout.rstrip("\n").endswith(QUOTED):
        return well(about, "we can log in, its host key is the known one, its shell is POSIX.")
    told = " ".join((said.stderr or said.stdout).split())[:120] or f"exit {said.exit}"
    fix = "Give the account a POSIX login shell (chsh -s /bin/sh) without a forced command."
    return problem(about, f"its login shell changes what we ask: {told}.", fix=fix)


def _clock(about: str, told: Output, asked: datetime, answered: datetime) -> list[Examined]:
    last = told.stdout.split()[-1:]
    if told.exit or not last or not last[0].isdecimal():
        return []  # a server without date(1) is told by its checks
    theirs = datetime.fromtimestamp(int(last[0]), UTC)
    return [clock(f"Clock of {about.rpartition('@')[2]}", theirs, asked=asked, answered=answered)]
