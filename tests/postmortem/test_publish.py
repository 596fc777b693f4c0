"""The folder that a closed incident leaves."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from bot.incident import Incident, Kind
from bot.ports import GaveUp
from bot.postmortem.draft import Draft, draft
from bot.postmortem.merge import BASE
from bot.postmortem.publish import UNFINISHED, edited, folder_name, publish
from tests.postmortem.incidents import HOSTILE, Facts, at, machine_run, over_midnight
from tests.postmortem.markdown_lint import problems

NAME = "2026-11-22-inc-7-web-02-is-out-of-rotation"


def made(incident: Incident) -> Draft:
    return draft(incident, zone="Africa/Nairobi")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def later() -> Incident:
    incident = machine_run()
    incident.entries[0].text = "web-02 is back"
    return incident


def test_the_folder_holds_page_picture_and_record(tmp_path: Path) -> None:
    incident = machine_run()
    done = publish(incident, made(incident), into=tmp_path / "new" / "postmortems")
    assert done.folder.name == NAME
    assert sorted(contents(done.folder)) == [BASE, "incident.json", "postmortem.md", "timeline.svg"]
    assert json.loads((done.folder / "incident.json").read_text())["id"] == "INC-7"
    assert not done.kept


def test_publishing_the_same_again_changes_nothing(tmp_path: Path) -> None:
    incident = machine_run()
    publish(incident, made(incident), into=tmp_path)
    before = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in tmp_path.rglob("*")}
    publish(incident, made(incident), into=tmp_path)
    assert {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in tmp_path.rglob("*")} == before


def test_a_newer_record_replaces_a_page_that_nobody_touched(tmp_path: Path) -> None:
    publish(machine_run(), made(machine_run()), into=tmp_path)
    done = publish(later(), made(later()), into=tmp_path)
    assert "web-02 is back" in done.page.read_text()
    assert done.page.name == "postmortem.md"
    assert not list(tmp_path.glob(f"{UNFINISHED}*"))


def test_what_people_wrote_stays_and_what_the_record_changed_elsewhere_comes_in(tmp_path: Path) -> None:
    done = publish(machine_run(), made(machine_run()), into=tmp_path)
    page = done.page.read_text()
    theirs = page.replace("None is recorded; only people name factors.", "Nobody looked at the port.")
    done.page.write_text(theirs.replace("## Review\n", "## Our own section\n\nMine.\n\n## Review\n"))
    again = publish(later(), made(later()), into=tmp_path)
    text = again.page.read_text()
    assert (again.kept, again.disputed, again.page.name) == (True, (), "postmortem.md")
    assert "Nobody looked at the port." in text
    assert "## Our own section\n\nMine.\n\n## Review" in text
    assert "web-02 is back" in text
    assert problems(text) == []
    before = contents(tmp_path)
    assert publish(later(), made(later()), into=tmp_path) == again
    assert contents(tmp_path) == before


def test_where_both_changed_a_line_people_win_and_the_difference_stands_below(tmp_path: Path) -> None:
    done = publish(machine_run(), made(machine_run()), into=tmp_path)
    done.page.write_text(re.sub(r"(\| E1 \|.*) web-02 is out of rotation", r"\1 It broke", done.page.read_text()))
    again = publish(later(), made(later()), into=tmp_path)
    text = again.page.read_text()
    assert again.disputed == ("## Timeline",)
    assert "| opened | It broke |" in text
    assert re.search(r"Kept as edited.*\n+```diff\n-.*web-02 is out of rotation.*\n\+.*web-02 is back", text)
    assert problems(text) == []
    before = contents(tmp_path)
    publish(later(), made(later()), into=tmp_path)
    assert contents(tmp_path) == before


def test_a_section_that_people_deleted_stays_deleted(tmp_path: Path) -> None:
    done = publish(machine_run(), made(machine_run()), into=tmp_path)
    page = done.page.read_text()
    done.page.write_text(page[: page.index("## Timeline")] + page[page.index("## Detection") :])
    text = publish(later(), made(later()), into=tmp_path).page.read_text()
    assert "## Timeline" not in text
    assert "## Detection" in text


@pytest.mark.parametrize("theirs", ["Mine.", "Mine.\n", "", "```\nan open fence\n# x"])
def test_even_a_page_of_another_kind_is_kept(tmp_path: Path, theirs: str) -> None:
    done = publish(machine_run(), made(machine_run()), into=tmp_path)
    done.page.write_text(theirs)
    assert theirs.strip() in publish(later(), made(later()), into=tmp_path).page.read_text()


def test_without_the_last_draft_nothing_that_people_wrote_is_lost(tmp_path: Path) -> None:
    done = publish(machine_run(), made(machine_run()), into=tmp_path)
    (done.folder / BASE).unlink()
    done.page.write_text(done.page.read_text().replace("## Review", "Mine.\n\n## Review"))
    assert "Mine." in publish(later(), made(later()), into=tmp_path).page.read_text()


def test_a_page_that_went_is_written_again(tmp_path: Path) -> None:
    done = publish(machine_run(), made(machine_run()), into=tmp_path)
    done.page.unlink()
    assert publish(machine_run(), made(machine_run()), into=tmp_path).page.read_text() == made(machine_run()).markdown


def test_files_of_others_stay(tmp_path: Path) -> None:
    done = publish(machine_run(), made(machine_run()), into=tmp_path)
    (done.folder / "latency.svg").write_text("<svg/>")
    publish(later(), made(later()), into=tmp_path)
    assert (done.folder / "latency.svg").read_text() == "<svg/>"


def test_a_new_title_keeps_the_folder(tmp_path: Path) -> None:
    incident = machine_run()
    first = publish(incident, made(incident), into=tmp_path).folder
    incident.title = "Another name"
    assert publish(incident, made(incident), into=tmp_path).folder == first


def test_incidents_do_not_share_a_folder(tmp_path: Path) -> None:
    night = over_midnight()
    day = replace(night, number=1, title="2 things")
    assert publish(night, made(night), into=tmp_path).folder != publish(day, made(day), into=tmp_path).folder


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("", "2026-11-22-inc-7"),
        ("Überlauf: 100% voll!", "2026-11-22-inc-7-uberlauf-100-voll"),
        ("../../etc/passwd", "2026-11-22-inc-7-etc-passwd"),
        ("日本", "2026-11-22-inc-7"),
        ("a" * 200, "2026-11-22-inc-7-" + "a" * 50),
        (HOSTILE, "2026-11-22-inc-7-a-b-heading-x-script-alert-1-script-i-http-evil-ex"),
    ],
)
def test_the_folder_is_named_after_day_number_and_title(title: str, name: str) -> None:
    assert folder_name(replace(machine_run(), title=title)) == name


def test_a_disk_that_refuses_is_said_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GaveUp, match="INC-7 was not written") as said:
        publish(machine_run(), made(machine_run()), into=tmp_path / "file")
    assert "writable" in said.value.fix


def test_two_at_the_same_time_leave_one_whole_folder(tmp_path: Path) -> None:
    facts = Facts()
    facts.told(Kind.NOTE, "x", at("10:00:00"))
    incident = facts.incident()
    drafted = made(incident)
    both = [threading.Thread(target=publish, args=(incident, drafted), kwargs={"into": tmp_path}) for _ in range(8)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    (folder,) = tmp_path.iterdir()
    assert contents(folder) == dict(drafted.files) | {BASE: drafted.markdown.encode()}


def test_our_own_pages_do_not_count_as_edited() -> None:
    page = made(machine_run()).markdown
    assert not edited(page)
    assert edited(page.replace("commander", "lead"))
    assert edited("")
