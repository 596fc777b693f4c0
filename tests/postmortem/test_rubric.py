"""The rubric: what our drafts score, and that each of its checks can fail."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from bot.postmortem.draft import draft
from tests.postmortem.incidents import ALL
from tests.postmortem.rubric import CHECKS, main, score

Spoil = Callable[[str], str]


def swapped(page: str) -> str:
    first, second = re.findall(r"^\| E[34] \|.*\n", page, re.MULTILINE)
    return page.replace(first + second, second + first)


SPOILED: dict[str, tuple[str, Spoil]] = {
    "each_entry_once": ("machine", lambda p: re.sub(r"^\| E5 \|.*\n", "", p, flags=re.MULTILINE)),
    "in_order": ("machine", swapped),
    "own_time": ("seed", lambda p: p.replace("| 11:13 EAT | 08:13 UTC |", "| 12:00 EAT | 09:00 UTC |")),
    "zones_agree": ("seed", lambda p: p.replace("| 10:45 EAT | 07:45 UTC |", "| 10:45 EAT | 08:45 UTC |")),
    "date_at_each_change": ("midnight", lambda p: p.replace("| 2026-10-25 02:30 CEST", "| 02:30 CEST")),
    "vagueness_kept": ("vague", lambda p: p.replace("about ", "")),
    "key_times_apart": ("seed", lambda p: p.replace("| Impact began | not recorded |", "| Impact began | 10:30 EAT |")),
    "intervals_recompute": ("seed", lambda p: p.replace("| 45 min |", "| 54 min |")),
    "impact_measured": ("seed", lambda p: p.replace("a responder | [E9] |", "a responder | |")),
    "detection_named": ("machine", lambda p: p.replace("](https://app.datadoghq", "](app.datadoghq")),
    "statements_cite": ("machine", lambda p: re.sub(r"(Offered at .*) \[E5\]", r"\1", p)),
    "nothing_foreign": ("seed", lambda p: p.replace("70% of requests", "71% of requests")),
    "contradictions_listed": ("seed", lambda p: re.sub(r"\d+\. Nothing is recorded for.*\n", "", p)),
    "cause_marked": ("machine", lambda p: p.replace("proved by checks", "known")),
    "no_names_no_blame": ("machine", lambda p: p.replace("by the commander", "by Ada Lovelace")),
    "dead_ends_kept": ("machine", lambda p: re.sub(r"\| nginx is not running.*\n", "", p)),
    "restoration_told": ("machine", lambda p: re.sub(r"\+    listen.*\n", "", p)),
    "actions_complete": ("machine", lambda p: p.replace("**missing** | **missing** | open", "high | tested | open")),
    "chart_with_text": ("machine", lambda p: re.sub(r"!\[.*\]\(timeline.svg\)", "![](timeline.svg)", p)),
    "marked_as_draft": ("machine", lambda p: p.replace("Draft, not reviewed", "Reviewed")),
}


def scored(name: str, spoil: Spoil = lambda page: page) -> dict[str, bool]:
    incident, zone = ALL[name]
    made = draft(incident, zone=zone)
    return score(spoil(made.markdown), json.loads(made.record_json))


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_draft_passes_all_twenty(name: str) -> None:
    marks = scored(name)
    assert len(marks) == 20
    assert [check for check, passed in marks.items() if not passed] == []


@pytest.mark.parametrize("check", [check.__name__ for check in CHECKS])
def test_each_check_fails_on_a_spoiled_draft(check: str) -> None:
    name, spoil = SPOILED[check]
    assert scored(name)[check]
    assert not scored(name, spoil)[check]


def test_it_runs_as_a_script(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    incident, zone = ALL["seed"]
    made = draft(incident, zone=zone)
    for name, data in made.files.items():
        (folder / name).write_bytes(data)
    assert main([str(folder / "postmortem.md"), str(folder / "incident.json")]) == 0
    assert "20 of 20" in capsys.readouterr().out
