"""Setting Datadog up: once, again, after a change by hand, and refused."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from typer.testing import CliRunner

from bot.cli import load
from bot.datadog import Datadog, install
from bot.lab.datadog_api import DatadogApi
from bot.ports import GaveUp, NotAllowed
from tests.datadog.lab import lab_and_client

URL = "https://muster.example"
Both = tuple[DatadogApi, Datadog]


@pytest_asyncio.fixture
async def both() -> AsyncIterator[Both]:
    async with lab_and_client() as both:
        yield both


async def lines(made: AsyncIterator[str]) -> list[str]:
    return [line async for line in made]


async def test_the_webhook_is_created_then_unchanged(both: Both) -> None:
    api, client = both
    assert await lines(install.install_webhook(client.webhooks, url=URL, secret="s3cret")) == [
        "secret variable MUSTER_TOKEN: created",
        "webhook muster: created, it calls https://muster.example/datadog/webhook",
    ]
    assert await lines(install.install_webhook(client.webhooks, url=f"{URL}/datadog/webhook/", secret="n3w")) == [
        "secret variable MUSTER_TOKEN: set again",
        "webhook muster: unchanged, it calls https://muster.example/datadog/webhook",
    ]
    assert api.variables["MUSTER_TOKEN"] == {"name": "MUSTER_TOKEN", "value": "n3w", "is_secret": True}
    webhook = api.webhooks["muster"]
    assert json.loads(webhook["custom_headers"]) == {"X-Muster-Token": "$MUSTER_TOKEN"}
    assert json.loads(webhook["payload"])["alert_cycle_key"] == "$ALERT_CYCLE_KEY"


async def test_what_was_changed_by_hand_is_named_and_put_right(both: Both) -> None:
    api, client = both
    await lines(install.install_webhook(client.webhooks, url=URL, secret="s"))
    api.webhooks["muster"] |= {"payload": "{}", "url": "https://old.example"}
    _, told = await lines(install.install_webhook(client.webhooks, url=URL, secret="s"))
    assert told == "webhook muster: updated (url, payload), it calls https://muster.example/datadog/webhook"
    assert api.webhooks["muster"]["payload"] == install.payload()


async def test_a_rule_is_created_kept_and_changed_without_losing_others(both: Both) -> None:
    api, client = both
    rules = client.webhooks
    assert await lines(install.install_rule(rules, tag="team:shop")) == [
        "notification rule muster: created for team:shop"
    ]
    assert await lines(install.install_rule(rules, tag="team:shop")) == [
        "notification rule muster: unchanged, for team:shop"
    ]
    (id,) = api.rules
    api.rules[id]["recipients"] = ["slack-ops", "webhook-muster"]
    assert await lines(install.install_rule(rules, scope="env:prod")) == [
        "notification rule muster: updated, for env:prod"
    ]
    assert api.rules[id]["filter"] == {"scope": "env:prod"}
    assert api.rules[id]["recipients"] == ["slack-ops", "webhook-muster"]


async def test_the_recommended_monitors_are_created_once_and_left_to_people(both: Both) -> None:
    api, client = both
    first = await lines(install.install_monitors(client.monitors))
    assert all("created" in line for line in first)
    assert len(api.monitors) == len(install.recommended())
    for monitor in api.monitors.values():
        monitor["options"]["thresholds"] = {"critical": 99}
    assert all("left as it is" in line for line in await lines(install.install_monitors(client.monitors)))
    assert {m["options"]["thresholds"]["critical"] for m in api.monitors.values()} == {99}


@pytest.mark.parametrize("name", install.recommended())
def test_a_recommended_monitor_names_the_host_in_each_group_and_calls_us(name: str) -> None:
    monitor = install.recommended()[name]
    grouped = re.search(r"by(?: \{|\()([^)}]+)[)}]", monitor["query"])
    assert grouped
    assert "host" in grouped[1].replace('"', "").split(",")
    assert monitor["message"].rstrip().endswith("@webhook-muster")
    assert "{{#" not in monitor["message"]  # a handle inside of a condition would miss recoveries
    assert f"muster:{name}" in monitor["tags"]
    thresholds = monitor["options"]["thresholds"]
    if monitor["type"] == "query alert":
        assert monitor["query"].endswith(f"> {thresholds['critical']:g}")


async def test_a_missing_scope_is_named(both: Both) -> None:
    api, client = both
    api.fault = 403
    with pytest.raises(GaveUp) as no:
        await lines(install.install_webhook(client.webhooks, url=URL, secret="s"))
    assert "integrations_read" in no.value.fix


# ------------------------------------------------------------------ the command


class Served:
    """The stand-in in a thread of its own, because the command has a loop of its own."""

    def __init__(self) -> None:
        self.api = DatadogApi(described=list)
        self._ready, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        import asyncio

        async def serve() -> None:
            runner = web.AppRunner(self.api.application(), access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            self._ready.set()
            while not self._ended.is_set():  # noqa: ASYNC110 - ended from another thread
                await asyncio.sleep(0.01)
            await runner.cleanup()

        asyncio.run(serve())

    def __enter__(self) -> Served:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(10)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Served]:
    with Served() as served:
        keys = {"DD_API_KEY": "a", "DD_APP_KEY": "b", "DD_API_URL": served.url, "DATADOG_WEBHOOK_SECRET": "new, old"}
        for name, value in keys.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        yield served


def muster(*words: str) -> Any:
    return CliRunner().invoke(load(), ["setup", "datadog", *words])


def test_the_command_sets_up_all_that_is_asked_for(served: Served) -> None:
    done = muster("--url", URL, "--monitor-tag", "team:shop", "--monitors")
    assert done.exit_code == 0, done.output
    assert len(done.stdout.splitlines()) == 3 + len(install.recommended())
    assert served.api.variables["MUSTER_TOKEN"]["value"] == "new"
    assert "new" not in done.output.split()


def test_the_command_prints_without_asking(served: Served) -> None:
    done = muster("--print")
    shown = json.loads(done.stdout)
    assert set(shown["monitors"]) == set(install.recommended())
    assert shown["webhook"]["payload"] == install.payload()
    assert served.api.asked == []


@pytest.mark.parametrize(
    "words", [[], ["--monitor-tag", "a:b"], ["--url", URL, "--monitor-tag", "a:b", "--notification-rule", "env:prod"]]
)
def test_what_cannot_be_meant_is_wrong_usage(served: Served, words: list[str]) -> None:
    assert muster(*words).exit_code == 2
    assert served.api.asked == []


@pytest.mark.parametrize(
    "url",
    [
        *("http://muster.example", "http://127.evil.example", "http://localhost.evil.example", "muster.example"),
        *("https://", "https:///datadog/webhook", "https://muster.example?a=1", "https://muster.example/#x"),
        *("https://muster.example:port", "https://[::1", "https://mus ter.example", "ftp://muster.example"),
    ],
)
def test_a_secret_is_not_sent_without_encryption_or_to_nowhere(served: Served, url: str) -> None:
    refused = muster("--url", url).exception
    assert isinstance(refused, NotAllowed)
    assert "is no address that can be called" in str(refused)
    assert served.api.asked == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:3000", "http://localhost:3000/", "http://[::1]:3000"])
def test_a_test_on_this_machine_may_do_without_encryption(served: Served, url: str) -> None:
    assert muster("--url", url).exit_code == 0
    assert served.api.webhooks["muster"]["url"] == f"{url.rstrip('/')}/datadog/webhook"


def test_a_secret_is_not_made_up(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATADOG_WEBHOOK_SECRET", "")
    assert "DATADOG_WEBHOOK_SECRET is not set" in str(muster("--url", URL).exception)
    assert served.api.asked == []


def test_done_again_it_changes_nothing_and_a_new_address_only_the_address(served: Served) -> None:
    words = ("--monitor-tag", "team:shop", "--monitors")
    muster("--url", URL, *words)
    kept = [dict(served.api.webhooks), dict(served.api.rules), dict(served.api.monitors)]
    again = muster("--url", URL, *words)
    assert [line.partition(": ")[2].partition(",")[0].partition(" (")[0] for line in again.stdout.splitlines()] == [
        *("set again", "unchanged", "unchanged"),
        *["is there already"] * len(install.recommended()),
    ]
    assert kept == [dict(served.api.webhooks), dict(served.api.rules), dict(served.api.monitors)]
    assert "webhook muster: updated (url)" in muster("--url", "https://new.example").stdout


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DD_API_URL", "http://127.0.0.1:9", "Check DD_API_URL (http://127.0.0.1:9), or do it again later"),
        ("DD_API_URL", "", "Check DD_SITE (no-such-site.invalid), or do it again later"),
        ("DD_API_KEY", "", "Set DD_API_KEY and DD_APP_KEY."),
        ("DD_APP_KEY", "", "Set DD_API_KEY and DD_APP_KEY."),
    ],
    ids=["nobody listens", "wrong site", "no API key", "no application key"],
)
def test_where_nobody_can_be_asked_it_says_what_to_look_at(
    served: Served, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setenv("DD_SITE", "no-such-site.invalid")
    monkeypatch.setenv(name, value)
    refused = muster("--url", URL).exception
    assert isinstance(refused, NotAllowed)
    assert told in str(refused)
    assert served.api.asked == []


@pytest.mark.parametrize(("fault", "told"), [(403, "the scope integrations_read"), (503, "do it again later")])
def test_a_refusal_is_one_sentence_with_what_to_do(served: Served, fault: int, told: str) -> None:
    served.api.fault = fault
    refused = muster("--url", URL).exception
    assert isinstance(refused, NotAllowed)
    assert told in str(refused)
    assert "\n" not in str(refused)
