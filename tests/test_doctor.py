"""What `muster doctor` finds: all well in the lab, each failing part named with its fix, nothing changed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.datadog import Datadog, install
from bot.doctor import Doctor, missing
from bot.examined import Examined, Sign, clock
from bot.lab.datadog_api import DatadogApi
from bot.lab.farm import Farm
from bot.lab.workspace import APP_TOKEN, BOT_TOKEN, Workspace
from bot.lab.workspace_faults import Fault, FaultKind
from bot.settings import Settings
from bot.slack.manifest import optional_scopes, scopes
from bot.store import Store
from tests.datadog.lab import lab_api
from tests.small_sshd import small_sshd

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


@dataclass(kw_only=True)
class Ward:
    """Neighbours in a lab, and the settings that name them."""

    workspace: Workspace
    api: DatadogApi
    settings: Settings

    async def report(self, **changed: object) -> list[Examined]:
        """What the doctor says, with some settings changed."""
        doctor = Doctor(settings=replace(self.settings, **changed), now=lambda: datetime.now(UTC))  # type: ignore[arg-type]
        return await doctor.examine()

    async def problems(self, **changed: object) -> list[str]:
        """The problems alone, each as its one line."""
        return [f"{one.about}: {one.what} {one.fix}" for one in await self.report(**changed) if one.sign == "problem"]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@asynccontextmanager
async def ward(folder: Path, home: Path) -> AsyncIterator[Ward]:
    """Slack and Datadog, set up as they should be."""
    workspace = await Workspace.start(cast=True, scopes=scopes() | optional_scopes(), socket_mode=True)
    async with workspace, lab_api() as (api, url):
        settings = Settings(
            slack_bot_token=BOT_TOKEN,
            slack_app_token=APP_TOKEN,
            slack_api_url=workspace.api_url,
            dd_api_key="a",
            dd_app_key="b",
            dd_api_url=url,
            webhook_secrets=("s",),
            database_url=f"sqlite:///{folder / 'muster.db'}",
            home=home,
            postmortems=folder / "postmortems",
        )
        datadog = Datadog(api_key="a", app_key="b", site="datadoghq.com", url=url)
        try:
            told = install.install_webhook(datadog.webhooks, url="https://muster.example.com", secret="s")
            assert len([line async for line in told]) == 2
        finally:
            datadog.close()
        yield Ward(workspace=workspace, api=api, settings=settings)


@pytest_asyncio.fixture
async def bare(tmp_path: Path) -> AsyncIterator[Ward]:
    """Without servers."""
    async with ward(tmp_path, tmp_path / "home") as found:
        yield found


async def test_all_is_well_in_the_lab_and_nothing_is_changed(tmp_path: Path) -> None:
    async with await Farm.start(tmp_path / "farm", servers=2) as farm:
        home = farm.write_home(tmp_path / "home", approvers=["@oncall-web"])
        async with ward(tmp_path, home) as found:
            before = names_in(tmp_path)
            asked = len(found.api.asked)
            report = await found.report()
            assert [one for one in report if one.sign is Sign.PROBLEM] == []
            about = [one.about for one in report if one.sign is Sign.OK]
            assert {"Slack token", "Slack scopes", "Slack channel #incidents (announce)"} <= {*about}
            assert {"Slack app-level token", "Clock of Slack", "Datadog API key"} <= {*about}
            assert {"Datadog webhook muster", "Datadog webhook secret MUSTER_TOKEN", "Database"} <= {*about}
            hosts = ("lb-01", "web-01", "web-02")
            assert {f"Server muster@{name}" for name in hosts} | {f"Clock of {name}" for name in hosts} <= {*about}
            assert {method for method, _ in found.api.asked[asked:]} == {"GET"}
            assert names_in(tmp_path) == before


async def test_with_nothing_configured_everything_is_said_to_be_off(tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path / "none", database_url=f"sqlite:///{tmp_path / 'x' / 'm.db'}", postmortems=tmp_path
    )
    report = await Doctor(settings=settings, now=lambda: NOW).examine()
    assert [one.about for one in report if one.sign is Sign.PROBLEM] == []
    off = {one.about: one.what for one in report if one.sign is Sign.OFF}
    assert {"Slack", "Datadog look-ups", "Datadog webhook", "Servers"} <= set(off)
    assert all("not configured" in off[about] for about in ("Slack", "Datadog look-ups", "Servers"))
    assert names_in(tmp_path) == []


SLACK: list[tuple[Callable[[Ward], object], str]] = [
    (
        lambda w: w.workspace.state.tokens.update({BOT_TOKEN: (scopes() | optional_scopes()) - {"reactions:read"}}),
        "Slack scope reactions:read: it is missing. Add the scope reactions:read to the app and reinstall it.",
    ),
    (
        lambda w: w.workspace.state.tokens.pop(BOT_TOKEN),
        "Slack token: Slack refused auth.test: invalid_auth. Reinstall",
    ),
    (lambda w: w.workspace.state.tokens.pop(APP_TOKEN), "Put an app-level token (xapp-…) with the scope"),
    (lambda w: _incidents(w).members.remove(w.workspace.bot_user), ""),
    (lambda w: _nobody_may_write_anywhere(w), "Slack channel #incidents (announce): we are not in it. /invite the bot"),
    (lambda w: setattr(_incidents(w), "archived", True), "#incidents (announce): it is archived. Unarchive it"),
    (lambda w: setattr(_incidents(w), "name", "other"), "#incidents (announce): we can see no such channel. Create it"),
    (
        lambda w: w.workspace.faults.add(Fault(method="auth.test", kind=FaultKind.HTML)),
        "Slack token: What answered auth.test was not Slack.",
    ),
]


def _incidents(ward: Ward):  # type: ignore[no-untyped-def]  # the lab's own channel
    return ward.workspace.find("incidents")


def _nobody_may_write_anywhere(ward: Ward) -> None:
    ward.workspace.state.tokens[BOT_TOKEN] = (scopes() | optional_scopes()) - {"chat:write.public"}
    _incidents(ward).members.remove(ward.workspace.bot_user)


@pytest.mark.parametrize(("break_it", "said"), SLACK)
async def test_a_slack_that_refuses_is_named_with_the_fix(
    bare: Ward, break_it: Callable[[Ward], object], said: str
) -> None:
    break_it(bare)
    found = await bare.problems()
    assert len(found) == bool(said)
    assert said in "".join(found)


DATADOG: list[tuple[Callable[[DatadogApi], object], str]] = [
    (
        lambda api: setattr(api, "fault", 403),
        "Datadog API key: Datadog refuses our keys for this. Check DD_API_KEY and DD_SITE.",
    ),
    (lambda api: setattr(api, "fault", 500), "Datadog API key: Datadog answers 500."),
    (lambda api: api.webhooks.clear(), "it is not there, so no alert reaches us. Run: muster setup datadog --url"),
    (lambda api: api.variables.clear(), "secret MUSTER_TOKEN: it is not there, so Muster refuses every alert."),
    (lambda api: api.webhooks["muster"].update(custom_headers=None), "not as this Muster needs it (custom_headers)"),
    (lambda api: api.webhooks["muster"].update(url="https://x.example/"), "https://x.example/, which does not end in"),
]


@pytest.mark.parametrize(("break_it", "said"), DATADOG)
async def test_a_datadog_that_will_not_call_is_named_with_the_fix(
    bare: Ward, break_it: Callable[[DatadogApi], object], said: str
) -> None:
    break_it(bare.api)
    (found,) = await bare.problems()
    assert said in found


async def test_declined_scopes_missing_secrets_and_broken_files_are_told_apart(bare: Ward) -> None:
    bare.workspace.state.tokens[BOT_TOKEN] = frozenset(scopes())
    bare.workspace.state.tokens[BOT_TOKEN] |= {"chat:write.public"}
    off = {one.about for one in await bare.report() if one.sign is Sign.OFF}
    assert "Slack scope files:write" in off
    (deaf,) = await bare.problems(slack_app_token="")
    assert deaf.startswith("Slack signing secret: it is not set")
    bare.settings.home.mkdir()
    (bare.settings.home / "policy.yaml").write_text("policy: 1\nannuonce: x\n")
    (broken,) = await bare.problems()
    assert "policy.yaml:2:1:" in broken


@pytest.mark.parametrize("url", ["mysql://x/y", "postgresql://nobody@127.0.0.1:1/x"])
async def test_a_database_that_cannot_be_used(bare: Ward, url: str) -> None:
    (found,) = await bare.problems(database_url=url)
    assert found.startswith("Database: ")
    assert "DATABASE_URL" in found


async def test_a_database_is_looked_at_and_not_upgraded(bare: Ward, tmp_path: Path) -> None:
    Store.open(bare.settings.database_url).close()
    assert any("is up to date" in one.what for one in await bare.report())
    (tmp_path / "odd.db").write_text("no database" * 100)
    (found,) = await bare.problems(database_url=f"sqlite:///{tmp_path / 'odd.db'}")
    assert "is not a database that can be used" in found


async def _no_key(home: Path) -> None:
    (home / "key").unlink()


async def _stranger(home: Path) -> None:
    (home / "known_hosts").write_text("")


async def _closed(home: Path) -> None:
    (home / "inventory.yaml").write_text((home / "inventory.yaml").read_text().replace("ssh-port: ", "ssh-port: 1 # "))


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (None, "Server muster@web-02: its login shell changes what we ask: echo: command not found. Give the account"),
        (_no_key, "SSH key of muster: The secret in"),
        (_stranger, "The host key of web-02 is not the known one"),
        (_closed, "web-02 (127.0.0.1:1) cannot be reached by SSH"),
    ],
)
async def test_a_server_that_cannot_be_asked(
    bare: Ward, tmp_path: Path, break_it: Callable[[Path], Awaitable[None]] | None, said: str
) -> None:
    async with small_sshd(tmp_path) as server:
        home = bare.settings.home
        home.mkdir()
        (home / "key").write_text(server.key)
        (home / "known_hosts").write_text(server.known_hosts.read_text())
        (home / "inventory.yaml").write_text(
            "inventory: 1\nssh: {key: key}\ngroups:\n  web:\n    hosts:\n      web-02:\n"
            f"        address: 127.0.0.1\n        ssh-port: {server.host.ssh_port}\n"
        )
        if break_it:
            await break_it(home)
        (found,) = await bare.problems()
        assert said in found


async def test_a_neighbour_that_never_answers_is_named_and_the_others_are_examined(bare: Ward) -> None:
    bare.api.delay = 60
    doctor = Doctor(settings=bare.settings, now=lambda: datetime.now(UTC), within=0.5)
    report = await doctor.examine()
    (late,) = [one for one in report if one.sign is Sign.PROBLEM]
    assert (late.about, "within 0.5 s" in late.what) == ("Datadog", True)
    assert "Slack token" in {one.about for one in report}


@pytest.mark.parametrize(("seconds", "said"), [(0, "goes with"), (4, "goes with"), (60, "ahead of"), (-60, "behind")])
def test_clocks_that_differ_are_named(seconds: int, said: str) -> None:
    theirs = NOW + timedelta(seconds=seconds)
    assert said in clock("Clock", theirs, asked=NOW, answered=NOW + timedelta(seconds=0.3)).what


def test_a_setting_that_cannot_be_used_is_a_problem() -> None:
    _, problems = Settings.inspect({"PORT": "x"})
    (found,) = missing(problems)
    assert (found.sign, found.what) == (Sign.PROBLEM, "PORT is 'x'.")
    assert json.dumps(found.fix)
