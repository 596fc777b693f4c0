"""The given incidents from the file to the draft: brought in as a timeline, read back, drafted and scored."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from bot.postmortem.draft import draft
from bot.postmortem.wording import Wording
from bot.settings import Settings
from bot.terminal import Terminal, Voice
from tests.postmortem.markdown_lint import problems
from tests.postmortem.rubric import score
from tests.test_timeline_file import headed

CORPUS = sorted((Path(__file__).parents[1] / "data" / "corpus").glob("*.json"))
NAMES = [path.stem for path in CORPUS]
TOLD = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@cache
def story_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CORPUS[0].parent / f"{name}.json").read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """One database for all of them: an incident each."""
    folder = tmp_path_factory.mktemp("corpus")
    settings = {"DATABASE_URL": f"sqlite:///{folder}/muster.db", "MUSTER_HOME": str(folder / "home")}
    return Terminal(Settings.read(settings), now=lambda: TOLD)


@pytest.fixture(scope="module")
def brought(terminal: Terminal) -> dict[str, str]:
    """Each incident's id by its name."""
    return {name: _bring(terminal, story_of(name)) for name in NAMES}


def _bring(terminal: Terminal, story: dict[str, Any]) -> str:
    known = story["date"] or next((e["time"][:10] for e in story["events"] if e["utc"]), "")
    offset = story["utc_offset"]
    text = "\n".join([f"# {story['title']}", *headed(story)])
    zone = f"UTC{offset:+}" if offset is not None else ""
    return terminal.bring_in_timeline(text, file="report", into="", date=known, zone=zone, now="").incident


@pytest.mark.parametrize("name", NAMES)
def test_every_row_has_its_instant_precision_and_place(terminal: Terminal, brought: dict[str, str], name: str) -> None:
    story = story_of(name)
    (record,) = terminal.records(brought[name])
    assert record["title"] == story["title"]
    rows = [e for e in record["timeline"] if e["kind"] != "opened"]
    numbers = {entry["id"]: n for n, entry in enumerate(sorted(rows, key=lambda e: int(e["id"][1:])), 1)}
    assert [numbers[entry["id"]] for entry in rows] == story["expected_order"]
    for entry in rows:
        event = story["events"][numbers[entry["id"]] - 1]
        assert (entry["text"], entry["typed"] or event["time_raw"]) == (event["text"], event["time_raw"])
        assert (entry["source"]["type"], entry["recorded_at"]) == ("import", "2026-11-22T12:00:00Z")
        if "typo-date" not in story["tags"]:
            assert entry["precision"] == event["precision"]
            assert event["utc"] in {None, entry["occurred_at"]}


def test_the_drafts_of_the_given_incidents_score_eighteen_on_average(
    terminal: Terminal, brought: dict[str, str]
) -> None:
    marks = {name: _scored(terminal, brought[name]) for name in NAMES}
    assert mean(sum(found.values()) for found in marks.values()) >= 18
    assert sum(marks["seed_web2_port"].values()) >= 19
    assert {name: found for name, found in marks.items() if not found["each_entry_once"]} == {}


def _scored(terminal: Terminal, id: str) -> dict[str, bool]:
    made = draft(terminal.incident(id), zone="Africa/Nairobi")
    assert problems(made.markdown) == []
    return score(made.markdown, json.loads(made.record_json))


def test_what_people_say_about_it_afterwards_is_in_the_draft(terminal: Terminal, brought: dict[str, str]) -> None:
    id, story = brought["alx_lb_misconfig_utc"], story_of("alx_lb_misconfig_utc")
    for words in (
        f"impact {story['impact']}",
        f"cause {story['root_cause']}",
        "began 08:20 UTC on 2024-08-19",
        f"mitigated 10:15 UTC on 2024-08-19 {story['resolution']}",
        "action @ana by friday test each config",
    ):
        voice = Voice.of("ana", "UTC", "", default_zone="UTC", clock=TOLD + timedelta(days=1))
        assert terminal.say(f"{id} {words}", voice).ok
    marks = _scored(terminal, id)
    assert [name for name, passed in marks.items() if not passed] == []
    assert date(2024, 8, 19).isoformat() in draft(terminal.incident(id), zone="UTC").markdown


@pytest.mark.parametrize("name", NAMES)
def test_blame_in_the_given_incidents_is_flagged_and_nothing_else(name: str) -> None:
    wording, story = Wording(), story_of(name)
    by_rule = [b["text"] for b in story.get("blame", ()) if b["kind"] != "omission-passive"]
    assert [text for text in by_rule if not wording.read(text).flags] == []
    told = [*(e["text"] for e in story["events"]), story["impact"], story["root_cause"], story["resolution"]]
    flagged = {text for text in told if wording.read(text).flags}
    assert {text for text in flagged if "junior" not in text and "intern" not in text} == set()
