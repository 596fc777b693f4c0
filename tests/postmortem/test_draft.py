"""The whole draft: golden files that were read like code, and what holds for every draft."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.facts import ActionAdded, DraftWritten, Opened, RoleGiven, SeveritySet, Told
from bot.incident import Incident, Kind, Person
from bot.postmortem.draft import draft
from bot.postmortem.own_template import rendered
from bot.record import from_record
from tests.postmortem.incidents import (
    ADA,
    ALL,
    HOSTILE,
    Facts,
    at,
    everything,
    hostile,
    long,
    machine_run,
    seed_by_hand,
)
from tests.postmortem.markdown_lint import problems
from tests.postmortem.rubric import score

GOLDEN = Path(__file__).parent / "golden"
HASH = re.compile(r"(?<=sha256 )[0-9a-f]{64}|(?<=fingerprint `)[0-9a-f]{16}")
"""What changes with every field that the record gets, and says nothing to a reader."""
SECTIONS = ("Issue summary", "Timeline", "Root cause and resolution", "Corrective and preventive measures")


def page(incident: Incident, zone: str = "Africa/Nairobi", *, brief: bool = False) -> str:
    return draft(incident, zone=zone, brief=brief).markdown


@pytest.mark.parametrize("name", sorted(ALL))
def test_the_draft_reads_as_it_was_reviewed(name: str) -> None:
    incident, zone = ALL[name]
    made = draft(incident, zone=zone)
    for suffix, text in (("md", made.markdown), ("svg", made.svg)):
        kept, text = GOLDEN / f"{name}.{suffix}", HASH.sub("…", text)
        if os.environ.get("REVIEWED"):
            kept.write_text(text, "utf-8")
        assert text == kept.read_text("utf-8"), f"read the new {kept.name}, then keep it with REVIEWED=1"


@pytest.mark.parametrize("name", sorted(ALL))
@pytest.mark.parametrize("brief", [False, True])
def test_the_sections_of_the_seed_are_there_and_none_is_empty(name: str, *, brief: bool) -> None:
    incident, zone = ALL[name]
    text = page(incident, zone, brief=brief)
    assert all(f"\n## {section}\n" in text for section in SECTIONS)
    assert not re.search(r"^#+ .*\n+(?=## )", text, re.MULTILINE)


@pytest.mark.parametrize("name", [*sorted(ALL), "hostile"])
def test_the_markdown_is_clean(name: str) -> None:
    incident, zone = (hostile(), "Asia/Kolkata") if name == "hostile" else ALL[name]
    assert problems(page(incident, zone)) == []
    assert problems(page(incident, zone, brief=True)) == []


@pytest.mark.parametrize("name", sorted(ALL))
def test_the_same_record_gives_the_same_bytes(name: str) -> None:
    incident, zone = ALL[name]
    first = draft(incident, zone=zone)
    again = draft(from_record(json.loads(first.record_json)), zone=zone)
    assert first == again


def test_noting_where_the_draft_went_does_not_change_it() -> None:
    facts = Facts()
    facts.told(Kind.NOTE, "x", at("10:00:00"))
    before = facts.incident()
    facts.add(DraftWritten(path="postmortems/x"), at("11:00:00"))
    assert page(before) == page(facts.incident())


def test_the_machine_run_names_what_the_reader_needs() -> None:
    text = page(machine_run())
    for wanted in (
        "web-02 does not answer",
        "13:30:00 EAT (10:30:00 UTC)",
        "The cause was **proved by checks** on `web-02` [E3, E4]",
        "| `port.found` | 8081 |",
        "| `port.expected` | 8080 |",
        "conf.d/site.conf:2, uncommitted",
        "| `compared` | web-01, web-02, lb-01 |",
        "| nginx is not running on web-02 | process is ok | [E3] |",
        "- Approved by the commander at 13:31:20 EAT (10:31:20 UTC) [E7]",
        "-    listen 127.0.0.12:8081;\n+    listen 127.0.0.12:8080;",
        "- Verified at 13:31:26 EAT (10:31:26 UTC): web-02 answers through the load balancer again [E9]",
        "| To mitigate, from detection | Detected [E2] | Mitigated [E9] | 1 min 26 s |",
        "Run the same checks on every web server config before production",
        "run the same checks before a change reaches production",
    ):
        assert wanted in text


def test_names_stand_in_the_roster_only() -> None:
    narrative, roster = page(machine_run()).split("## Roster")
    assert "Ada" not in narrative
    assert "| commander | Ada Lovelace |" in roster


def test_nobody_is_blamed_in_the_seed_and_the_words_are_kept_beside() -> None:
    text = page(seed_by_hand())
    story, kept = text.split("## Wording")
    assert "junior" not in story
    assert "caused by a junior developer" in kept
    assert "✎" in story


def test_the_contradictions_of_the_seed_are_found() -> None:
    asked = page(seed_by_hand()).split("## Open questions")[1]
    assert "70% is of “users” in one statement and of “requests” in another [E9, E10]" in asked
    assert "“11:45am” in a statement is 25 min after the last event [E7, E8]" in asked
    assert "“server block” in one statement, “http block” in another [E5, E11]" in asked
    assert "One statement speaks of “database” and “replication” [E8]" in asked
    assert "Nothing is recorded for 28 min" in asked


def test_brief_leaves_out_what_is_for_the_review() -> None:
    text = page(machine_run(), brief=True)
    assert "## Evidence" not in text
    assert "## Timeline" in text
    assert len(text.split()) < len(page(machine_run()).split())


def test_an_incident_without_entries_asks_instead_of_showing_nothing() -> None:
    empty = Incident(number=1, opened_at=at("10:00:00"))
    text = page(empty)
    assert "No entry is recorded. What happened first, and when?" in text
    assert problems(text) == []


def test_the_first_line_says_in_short_what_happened_and_how_long_it_was() -> None:
    first = draft(machine_run(), zone="UTC").markdown.splitlines()[2]
    assert first.startswith("**In short:** web-02 runs nginx on another port than its peers")
    assert first.endswith("mitigated 1 min 26 s after the detection [E2, E3, E4, E9].")
    assert "In short" not in draft(Incident(number=1, opened_at=at("10:00:00")), zone="UTC").markdown


def test_a_key_time_without_words_is_not_quoted_and_one_update_was_told_once() -> None:
    facts = Facts()
    facts.add(Opened(title="x", severity="SEV1"), at("10:00:00"), by=ADA)
    facts.told(Kind.DETECTED, "Detected", at("10:00:00"))
    facts.told(Kind.UPDATE, "We are on it", at("10:05:00"))
    facts.add(SeveritySet(severity="SEV2"), at("10:06:00"), by=ADA)
    text = draft(facts.incident(), zone="UTC").markdown
    assert "“Detected”" not in text
    assert "| Detected by | as stated [E2] |" in text
    assert "Stakeholders were told once, first at 10:05:00 UTC [E3]" in text
    assert "| Severity | SEV2, changed [E4] |" in text


def test_what_an_impact_speaks_of_is_not_called_unrecorded() -> None:
    facts = Facts()
    facts.add(Opened(title="x", severity="SEV3"), at("10:00:00"), by=ADA)
    facts.told(Kind.IMPACT, "14 support tickets, 3 % of requests failed", at("10:00:00"))
    assert "| Data lost | not recorded |" in draft(facts.incident(), zone="UTC").markdown


def test_a_role_that_another_gave_is_given_and_owners_among_many_responders_are_in_the_roster() -> None:
    facts = Facts()
    facts.add(Opened(title="x", severity="SEV3"), at("10:00:00"), by=ADA)
    facts.add(RoleGiven(role="commander", person=Person(id="U9", name="cleo")), at("10:01:00"), by=ADA)
    for name in ("bob", "dan"):
        facts.add(Told(kind=Kind.NOTE, text="looked"), at("10:02:00"), by=Person(id=name, name=name))
    facts.add(ActionAdded(text="test it", owner="bob"), at("10:03:00"), by=ADA)
    text = draft(facts.incident(), zone="UTC").markdown
    assert "The role of commander was given" in text
    assert "| owner of A1 | bob |" in text


def test_what_is_to_be_typed_begins_with_the_teams_own_command() -> None:
    text = draft(Incident(number=1, opened_at=at("10:00:00")), zone="UTC", command="/outage").markdown
    assert "`/outage began TIME`" in text
    assert "/incident" not in text


def test_a_template_of_ones_own_is_used() -> None:
    made = draft(machine_run(), zone="UTC", template="# {{ id }}\n\n{{ timeline }}\n")
    assert made.markdown.startswith("# INC-7\n\nTimes are UTC.")


@pytest.mark.parametrize(
    "template",
    [
        *("{% if %}", "{{ nobody_knows_this }}", "{{ ''.__class__.__mro__ }}", "{{ 1 / 0 }}"),
        *("{% include '/etc/passwd' %}", "{{ 'x' * 10000000000 }}", "{{ 'x'|center(10000000000) }}"),
    ],
)
def test_a_broken_template_falls_back_with_a_warning(template: str) -> None:
    text = draft(machine_run(), zone="UTC", template=template).markdown
    assert "**Warning: your template was not used.**" in text
    assert "## Timeline" in text
    assert problems(text) == []


def test_a_template_without_an_end_falls_back_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.postmortem.draft.rendered", partial(rendered, limit=0.7))
    endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    text = draft(machine_run(), zone="UTC", template=endless).markdown
    assert "**Warning: your template was not used.** It did not end within 1 s." in text
    assert "## Timeline" in text


def test_ten_thousand_entries_are_each_there_once() -> None:
    text = page(long(10_000), "UTC")
    ids = re.findall(r"^\| (E\d+) \|", text, re.MULTILINE)
    assert ids == [f"E{n}" for n in range(1, 10_001)]


def test_hostile_text_stays_text() -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(page(hostile(), "Asia/Kolkata"))
    inside = [child for token in tokens for child in token.children or []]
    assert not [
        t for t in (*tokens, *inside) if t.type in {"html_inline", "image"} and "timeline.svg" not in str(t.attrs)
    ]
    assert not [t for t in tokens if t.type == "html_block" and not t.content.startswith("<!-- muster: draft")]
    links = {str(t.attrs["href"]) for t in inside if t.type == "link_open"}
    assert links == {"https://chat.example/archives/C1/p1"}
    assert next(t.content for t in tokens if t.type == "fence").count("\n") == 5


@settings(max_examples=25, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(HOSTILE.split()), max_size=8).map(" ".join)))
def test_any_text_in_every_field_leaves_a_clean_draft(text: str) -> None:
    made = draft(hostile(text), zone="Europe/Berlin")
    assert problems(made.markdown) == []
    assert made.files["postmortem.md"]
    ids = re.findall(r"^\| (E\d+) \|", made.markdown, re.MULTILINE)
    assert sorted(ids) == sorted(e.id for e in hostile(text).entries)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(-100_000, 100_000)), min_size=1, max_size=12))
def test_entries_stand_in_order_of_happening_whatever_order_they_were_told_in(minutes: list[int | None]) -> None:
    facts = Facts()
    start = at("12:00:00")
    for minute in minutes:
        facts.told(
            Kind.NOTE, "x", None if minute is None else start.replace(minute=0) + minute * (at("12:01:00") - start)
        )
    incident = facts.incident()
    ids = re.findall(r"^\| (E\d+) \|", page(incident, "Australia/Lord_Howe"), re.MULTILINE)
    assert ids == [e.id for e in incident.timeline]


def test_every_citation_exists() -> None:
    for _, incident, zone in everything():
        known = {e.id for e in incident.entries if not e.dropped}
        text = page(incident, zone).replace("like [E1]", "")
        cited = {id for found in re.findall(r"\[(E[\dE, ]+)\]", text) for id in found.split(", ")}
        assert cited <= known


def test_an_owner_who_is_not_known_is_named_in_the_roster_only() -> None:
    incident = machine_run()
    incident.action_items[0] = replace(incident.action_items[0], owner="@grace")
    narrative, roster = page(incident).split("## Roster")
    assert "grace" not in narrative
    assert "| owner of A1 | grace |" in roster


SAID = st.lists(
    st.tuples(
        st.sampled_from(
            [Kind.NOTE, Kind.IMPACT, Kind.CAUSE, Kind.FINDING, Kind.MITIGATED, Kind.UPDATE, Kind.RULED_OUT]
        ),
        st.from_regex(
            r"[a-z]{3,8} [a-z]{3,9}-[0-9]{2} saw [0-9]{1,4}(%| ms| users)( of all [a-z]{4,8})?", fullmatch=True
        ),
        st.integers(0, 100_000),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=20, deadline=None)
@given(SAID)
def test_no_number_and_no_name_is_in_the_draft_that_is_not_in_the_record(said: list[tuple[Kind, str, int]]) -> None:
    facts = Facts()
    for kind, text, seconds in said:
        facts.told(kind, text, at("10:00:00") + timedelta(seconds=seconds))
    made = draft(facts.incident(), zone="Africa/Nairobi")
    marks = score(made.markdown, json.loads(made.record_json))
    assert [name for name in ("nothing_foreign", "statements_cite", "each_entry_once") if not marks[name]] == []
    words = set(re.findall(r"[a-z]+-\d\d", made.markdown.split("## Roster")[0])) - {"inc-07"}
    assert {word for word in words if word not in made.record_json} == set()
