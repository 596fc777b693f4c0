"""What the terminal can do, on each kind of database."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.facts import AlertAttached
from bot.incident import AlertSeen, Person
from bot.policy import Policy
from bot.ports import NotAllowed
from bot.settings import Settings
from bot.store import Delivery, Store
from bot.strict_yaml import Problems
from bot.terminal import Terminal, Voice, lines_for, read_records
from tests.talk import fact
from tests.test_intake import World

NOW = datetime(2026, 11, 22, 10, 45, tzinfo=UTC)
Open = Callable[[str], Terminal]


class Clock:
    """Every look at it is a minute later."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        self.at += timedelta(minutes=1)
        return self.at


def voice(now: str = "", *, zone: str = "", name: str = "ana") -> Voice:
    return Voice.of(name, zone, now, default_zone="UTC", clock=NOW)


@pytest.fixture
def terminal(database_url: str, tmp_path: Path) -> Iterator[Terminal]:
    """A terminal on an empty database, with nothing else set up."""
    found = Terminal(_settings(database_url, tmp_path), now=Clock())
    yield found
    found.close()


def _settings(url: str, folder: Path) -> Settings:
    folders = {"MUSTER_HOME": str(folder / "home"), "MUSTER_POSTMORTEMS": str(folder / "postmortems")}
    return Settings.read({"DATABASE_URL": url, **folders})


# Saying things


def test_one_thing_said(terminal: Terminal) -> None:
    assert terminal.say("declare Pages are slow", voice()).text == "INC-1 opened: Pages are slow"
    assert terminal.say("note hi", voice()).text == "E2 noted."
    entry = terminal.incident("inc-1").entries[-1]
    assert (entry.author, entry.source.type) == (Person(name="ana"), "cli")


def test_now_is_when_it_was_said(terminal: Terminal) -> None:
    terminal.say("declare Pages are slow", voice("2026-11-22T10:30Z"))
    terminal.say("note hi", voice("13:35", zone="Africa/Nairobi"))
    terminal.say("at T+2 looked", voice("10:40"))
    incident = terminal.incident("INC-1")
    minutes = [e.occurred_at.minute for e in incident.entries if e.occurred_at]
    assert (incident.opened_at.minute, minutes) == (30, [30, 35, 32])
    assert incident.acknowledged_at == incident.opened_at


def test_lines_are_said_one_after_the_other_each_at_its_time(terminal: Terminal) -> None:
    lines = ["declare Pages are slow", "", "note one", "nonsense here", "sev 9", "  note two  "]
    replies = list(terminal.say_lines(iter(lines), voice(), None))
    assert [reply.ok for reply in replies] == [True, True, False, False, True]
    at = [e.occurred_at for e in terminal.incident("INC-1").entries]
    assert len(set(at)) == 3


def test_only_declare_changes_the_incident_of_the_lines_after_it(terminal: Terminal) -> None:
    lines = ["declare First", "declare Second", "note a", "INC-1 note b", "note c", "list", "INC-9 note d", "note e"]
    replies = list(terminal.say_lines(iter(lines), voice(), None))
    assert [reply.ok for reply in replies] == [True, True, True, True, True, True, False, True]
    assert [e.text for e in terminal.incident("INC-2").entries] == ["Second", "a", "c", "e"]


def test_lines_for_a_named_incident(terminal: Terminal) -> None:
    terminal.say("declare First", voice())
    terminal.say("declare Second", voice())
    list(terminal.say_lines(iter(["note a"]), voice(), 1))
    assert terminal.incident("INC-1").entries[-1].text == "a"


@pytest.mark.parametrize(
    ("text", "lines"),
    [("-", ""), ("INC-1 -", "INC-1"), ("inc-1  -", "inc-1 "), ("note -", None), ("note", None), ("", None)],
)
def test_only_a_dash_alone_reads_lines(text: str, lines: str | None) -> None:
    assert lines_for(text) == lines


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        ("soon", "it is no time"),
        ("10:30 and more", "it is no time"),
        ("2026-11-21", "it is no time"),
        ("10:30 - 10:40", "it is no time"),
        ("25:00", "--now '25:00'"),
        ("5", "--now '5'"),
    ],
)
def test_a_now_that_is_no_instant_is_refused(now: str, reason: str) -> None:
    with pytest.raises(NotAllowed, match="Nothing was recorded, --now") as refused:
        voice(now)
    assert reason in str(refused.value)


@pytest.mark.parametrize("zone", ["Mars", "Africa", "x" * 300])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(NotAllowed, match=r"Nothing was recorded, --zone: .* is not a time zone I know"):
        voice(zone=zone)


def test_without_a_name_the_account_speaks() -> None:
    assert voice(name="").name


def test_a_broken_runbook_hinders_nobody_a_broken_policy_is_said(terminal: Terminal) -> None:
    home = terminal.settings.home
    home.mkdir()
    (home / "a.yaml").write_text("nonsense")
    assert terminal.say("declare Pages are slow", voice()).ok
    (home / "policy.yaml").write_text("policy: 1\nseverty: x\n")
    with pytest.raises(Problems, match=r"policy\.yaml:2:1"):
        terminal.say("note hi", voice())


# Drafts


def test_what_is_closed_is_drafted_though_no_bot_runs(terminal: Terminal) -> None:
    terminal.say("declare Pages are slow", voice())
    assert terminal.say("close", voice()).ok
    folder = terminal.settings.postmortems / "2026-11-22-inc-1-pages-are-slow"
    assert {"postmortem.md", "timeline.svg", "incident.json"} <= {file.name for file in folder.iterdir()}
    list(terminal.say_lines(iter(["note it was the port"]), voice(), 1))
    assert "it was the port" in (folder / "postmortem.md").read_text()


def test_a_draft_that_cannot_be_written_is_said_and_the_incident_is_closed(terminal: Terminal) -> None:
    terminal.settings.postmortems.write_text("no folder")
    terminal.say("declare Pages are slow", voice())
    reply = terminal.say("close", voice())
    assert not reply.ok
    assert reply.text.startswith("INC-1 closed.")
    assert "The postmortem of INC-1 was not written" in reply.text
    assert terminal.incident("INC-1").closed_at


# Records


def _story(terminal: Terminal) -> None:
    lines = [
        "declare Pages are slow",
        "lead @ben",
        "at 10:31 found\tthe wrong port",
        "at ~10:20 - 10:25 users complained",
        "fix E3 found port 8081",
        "drop E4",
        "mitigated 10:44",
        "action @ana by 2026-12-01 test every config",
        "hold",
        "close",
        "declare Ünicode — “quotes” 🔥",
    ]
    assert all(reply.ok for reply in terminal.say_lines(iter(lines), voice(), None))


def test_export_import_export_is_identical(terminal: Terminal, tmp_path: Path) -> None:
    _story(terminal)
    out = terminal.records("")
    text = "\n".join(json.dumps(record, ensure_ascii=False) for record in out)
    other = Terminal(_settings(f"sqlite:///{tmp_path / 'other.db'}", tmp_path), now=Clock())
    try:
        assert other.bring_in(read_records(text)) == ["INC-1", "INC-2"]
        assert other.records("") == out
        assert other.records("INC-1") == out[:1]
        assert other.incidents(open_only=False) == terminal.incidents(open_only=False)
        assert other.say("declare Third", voice()).incident == 3
        assert other.say("INC-2 note more", voice()).text == "E2 noted."
        with pytest.raises(NotAllowed, match="INC-1 is here already"):
            other.bring_in(read_records(text))
    finally:
        other.close()


def test_one_bad_record_brings_in_none(terminal: Terminal) -> None:
    _story(terminal)
    record = {**terminal.records("INC-1")[0], "id": "INC-7"}
    with pytest.raises(NotAllowed, match="cannot be read"):
        terminal.bring_in([record, {**record, "id": "seven"}])
    with pytest.raises(NotAllowed, match="INC-7 is here already"):
        terminal.bring_in([record, record])
    assert [s.id for s in terminal.incidents(open_only=False)] == ["INC-1", "INC-2"]


def test_records_may_stand_in_lines_in_a_list_or_pretty() -> None:
    records = [{"id": "INC-1"}, {"id": "INC-2"}]
    for text in (
        "\n".join(map(json.dumps, records)) + "\n\n",
        json.dumps(records),
        "\n".join(json.dumps(record, indent=2) for record in records),
    ):
        assert read_records(text) == records


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no record"),
        ("[]", "no record"),
        ('{"id": 1}\n{"id": ', "line 2"),
        ('{"a": NaN}', "NaN is no number"),
        ("[" * 100_000, "not what “muster export” prints"),
        ("hello", "line 1"),
    ],
)
def test_a_file_that_is_no_record_is_refused_with_its_place(text: str, reason: str) -> None:
    with pytest.raises(NotAllowed, match="Nothing was imported") as refused:
        read_records(text)
    assert reason in str(refused.value)


@pytest.mark.parametrize("id", ["INC-9", "INC-" + "9" * 5000, "seven", "", "INC-1x"])
def test_an_incident_that_is_not_there(terminal: Terminal, id: str) -> None:
    with pytest.raises(NotAllowed, match="“muster list” shows all"):
        terminal.incident(id)


# Looking


def test_a_draft_of_an_open_incident(terminal: Terminal) -> None:
    _story(terminal)
    assert "Pages are slow" in terminal.draft("INC-1", brief=False)
    assert len(terminal.draft("INC-1", brief=True)) < len(terminal.draft("INC-1", brief=False))


def test_explaining_a_delivery_and_an_incident(terminal: Terminal, database_url: str) -> None:
    terminal.say("declare Pages are slow", voice())
    assert terminal.explain("INC-1") == []
    store = Store.open(database_url)
    seen = AlertSeen(delivery="D1", source="datadog", transition="Triggered", at=NOW)
    with store.transaction() as tx:
        tx.deliver(Delivery(id="D1", source="datadog", dedupe="d", received_at=NOW, body=b"{}"))
        tx.append(1, [fact(AlertAttached(alert=seen))])
        tx.ruled("D1", incident=1, ruling="attach", reason="same monitor")
    store.close()
    (row,) = terminal.explain("INC-1")
    assert terminal.explain("D1") == [row]
    assert (row["incident"], row["ruling"], row["reason"]) == ("INC-1", "attach", "same monitor")
    for word in ("D9", "INC-9"):
        with pytest.raises(NotAllowed):
            terminal.explain(word)


def test_every_alert_of_a_delivery_is_explained(terminal: Terminal, database_url: str) -> None:
    store = Store.open(database_url)
    world = World(store, Policy())
    receipt = world.deliver(alert_scope="host:web-01,host:web-02", tags="service:shop")
    assert world.deliver(alert_scope="host:web-01,host:web-02", tags="service:shop").duplicate
    odd = world.intake.receive("datadog", b"{")
    rows = terminal.explain(receipt.delivery)
    assert [(row["alert"], row["incident"], row["why"], row["repeats"]) for row in rows] == [
        (0, "INC-1", "new", 1),
        (1, "INC-1", "same-cycle", 1),
    ]
    assert terminal.explain("INC-1") == rows
    ((why, reason),) = [(row["why"], row["reason"]) for row in terminal.explain(odd.delivery)]
    assert (why, reason) == ("not-understood", "the body is not a JSON object")
    store.close()


def test_a_runbook_or_host_that_is_not_there(terminal: Terminal) -> None:
    with pytest.raises(NotAllowed, match=r"there is no runbook web; there is none\."):
        terminal.runbook("web", "web-02")
