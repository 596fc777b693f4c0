"""What an alert says may be written by anybody: it selects from our own files, and changes nothing of what is asked.

One test for each threat of an alert: its content as target, as command, as template, as markup, as identity, as load.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import alerts
from bot.alerts.datadog import datadog
from bot.incident import Incident
from bot.intake import LARGEST, Intake, seen
from bot.policy import Policy
from bot.runbook.desk import Desk
from bot.settings import Home, read_home
from bot.slack import render
from bot.slack.proposal import proposal_card
from bot.store import Store
from bot.triage.proposal import Proposal, ProposalState
from bot.triage.target import LABELS, place, target
from tests.fake_servers import shop
from tests.test_intake import START, World

alerts.load()
NOW = datetime(2026, 11, 22, 10, 31, tzinfo=UTC)
HOSTILE = [
    *("$(reboot)", "`id`", "; rm -rf /", "| sh", "&& curl evil.example", "-oProxyCommand=id", "--help", "\n", "\x00"),
    *("../../etc/passwd", "/etc/shadow", "file:///etc/passwd", "http://evil.example/", "http://169.254.169.254/latest"),
    *("{{7*7}}", "{0.__class__}", "${IFS}", "%s%n", "$host", "' or 1=1 --", '"; drop table fact; --', "\u202e", "*"),
    *("<!channel>", "<https://evil.example|Approve>", "<@U0MUSTER>", "web-02@evil.example", "web-02.evil.example"),
    *("evil.example/web-02", "http://web-02@evil.example/", "web-02;id", "web-02 ", "web-0?", "web-*", "web-02\n"),
]
WORDS = st.sampled_from([*HOSTILE, "web-01", "web-02", "lb-01", "shop-web", "127.9.0.11"]) | st.text(max_size=12)
KEYS = st.sampled_from(["host", *LABELS, "service", "env", "role", "runbook", "query", "command"])
TAGS = st.lists(st.builds("{}:{}".format, KEYS, WORDS), max_size=5).map(",".join)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("alert_scope", "tags"), TAGS),
        **dict.fromkeys(("hostname", "alert_title", "event_title", "event_msg", "text_only_msg", "alert_query"), WORDS),
        **dict.fromkeys(("alert_status", "link", "snapshot", "logs_sample", "tag_service", "tag_runbook"), WORDS),
    },
)
FIXTURES = Path(__file__).parent / "alerts" / "fixtures" / "datadog"


def payload(**instead: Any) -> bytes:
    return json.dumps({**json.loads((FIXTURES / "triggered.json").read_text()), **instead}).encode()


@cache
def home() -> Home:
    """The runbooks that come with Muster, and the shop's inventory."""
    found = read_home(Path(__file__).parents[1] / "runbooks")
    return Home(**{**{name: getattr(found, name) for name in found.__dataclass_fields__}, "inventory": shop(servers=3)})


@cache
def desk() -> Desk:
    return Desk(home(), Store.__new__(Store), now=lambda: NOW)


@cache
def lines(runbook: str, host: str) -> tuple[str, ...]:
    """Every exact target and command of a runbook on a host of the inventory: made without any alert."""
    chosen = next(r for r in home().runbooks if r.name == runbook)
    where = home().inventory.find(host)
    assert where is not None
    return tuple(desk().dry(chosen, where))


def incident_of(body: bytes) -> list[Incident]:
    """An incident for each alert in it."""
    found = []
    for one in datadog(body, "D1", NOW).alerts:
        incident = Incident(number=1, title=one.title, service=one.tag("service"), opened_at=NOW)
        incident.alerts.append(seen(one, "", ""))
        found.append(incident)
    return found


@given(FIELDS)
def test_content_only_selects_a_server_and_a_runbook_of_ours(instead: dict[str, str]) -> None:
    """Whatever is in it: what would be asked is what is asked of that server without any alert."""
    known = {host.name for group in home().inventory.groups.values() for host in group.hosts.values()}
    for incident in incident_of(payload(**instead)):
        asked = desk().questions(incident)
        assert asked.host is None or asked.host.name in known
        for runbook in asked.runbooks:
            assert runbook in home().runbooks
            assert asked.host is not None
            assert tuple(desk().dry(runbook, asked.host)) == lines(runbook.name, asked.host.name)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_hostile_word_names_a_server(hostile: str) -> None:
    for key in ("host", *LABELS):
        body = payload(alert_scope=f"{key}:{hostile}", hostname="", tags="", event_msg=f"{key}:web-02")
        for incident in incident_of(body):
            found = target(incident.alerts[0], home().inventory)
            assert found.host is None or hostile.strip() == "web-02", (key, hostile)


def test_the_text_of_a_message_names_no_server() -> None:
    told = "restart web-02, host:web-02, http://web-02/"
    fields = ("event_msg", "text_only_msg", "alert_title", "event_title", "alert_query", "alert_status", "logs_sample")
    body = payload(**dict.fromkeys(fields, told), alert_scope="", hostname="", tags="", tag_service="")
    (incident,) = incident_of(body)
    assert target(incident.alerts[0], home().inventory).host is None


def test_an_unknown_server_is_asked_about_and_nothing_runs(sqlite_url: str) -> None:
    store = Store.open(sqlite_url)
    World(store, Policy()).deliver(alert_scope="host:evil.example", hostname="evil.example", tags="")
    checks = [dict(due.args) for due in store.dues() if due.flow == "check"]
    assert checks == [{}]
    incident = store.incident(1)
    assert incident is not None
    asked = desk().questions(incident)
    assert (asked.host, asked.runbooks) == (None, ())
    assert "does not know evil.example" in asked.reason
    store.close()


@given(FIELDS)
def test_places_and_due_flows_hold_nothing_but_names_of_ours_and_tags(instead: dict[str, str]) -> None:
    for incident in incident_of(payload(**instead)):
        alert = incident.alerts[0]
        found = target(alert, home().inventory)
        assert found.group in {"", *home().inventory.groups}
        where = place("", "", found, home().inventory)
        assert where.name in {"", "service shop", "group shop-lb"}


@given(FIELDS)
def test_nothing_in_it_is_live_where_people_read_it(instead: dict[str, str]) -> None:
    """Slack reads marks in mrkdwn and in the text of a message; plain text and code it shows as they are."""
    for incident in incident_of(payload(**instead)):
        for message in (render.card(incident, now=NOW), render.announcement(incident), proposal_card(_asked(incident))):
            read = "\n".join([message.text, *_read(message.blocks)])
            for live in ("<!channel", "<!here", "<!everyone", "<@U0MUSTER", "<https://evil", "<http://evil", "\u202e"):
                assert live not in read


def _read(blocks: Any) -> Iterator[str]:
    """The texts in which Slack reads marks."""
    if isinstance(blocks, list):
        for block in blocks:
            yield from _read(block)
    elif isinstance(blocks, dict):
        if blocks.get("type") == "mrkdwn":
            yield blocks["text"]
        yield from _read(list(blocks.values()))


def _asked(incident: Incident) -> Proposal:
    return Proposal(
        id="P1",
        title=incident.title,
        state=ProposalState.WAITING,
        at=NOW,
        changed_at=NOW,
        alerts=tuple(incident.alerts),
    )


@given(st.lists(FIELDS, min_size=1, max_size=3))
def test_nothing_that_comes_in_is_an_error_or_is_lost(many: list[dict[str, str]]) -> None:
    store = _memory()
    intake = Intake(store, policy=Policy(), inventory=shop(servers=3), now=lambda: START)
    for n, instead in enumerate(many):
        receipt = intake.receive("datadog", payload(**{"event_id": f"{n} {hash(str(many))}", **instead}))
        kept = store.delivery(receipt.delivery)
        assert kept is not None
        assert kept.ruling
        for ruled in store.ruled(delivery=receipt.delivery):
            assert ruled.why
            assert ruled.reason


@cache
def _memory() -> Store:
    """One database for all examples: what came before must not matter."""
    return Store.open(f"sqlite:///{tempfile.mkdtemp()}/muster.db")


def test_a_replayed_delivery_is_one_incident_and_a_large_one_is_kept_cut(sqlite_url: str) -> None:
    store = Store.open(sqlite_url)
    world = World(store, Policy())
    receipts = [world.deliver() for _ in range(3)]
    assert [r.duplicate for r in receipts] == [False, True, True]
    assert store.delivery(receipts[0].delivery).repeats == 2  # type: ignore[union-attr] # it is there
    assert world.numbers() == [1]
    huge = world.intake.receive("datadog", payload(event_msg="x" * 2 * LARGEST))
    kept = store.delivery(huge.delivery)
    assert kept is not None
    assert (len(kept.body), kept.cut) == (LARGEST, True)
    store.close()
