"""The folder that a closed incident leaves."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from bot.incident import Incident, Kind
from bot.ports import GaveUp
from bot.postmortem.draft import Draft, draft
from bot.postmortem.publish import edited, folder_name, publish
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
    assert sorted(contents(done.folder)) == ["incident.json", "postmortem.md", "timeline.svg"]
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
    assert not list(tmp_path.glob(".draft-*"))


@pytest.mark.parametrize("where", ["top", "end", "without the stamp"])
def test_what_a_person_wrote_is_kept_and_the_newer_draft_stands_beside_it(tmp_path: Path, where: str) -> None:
    done = publish(machine_run(), made(machine_run()), into=tmp_path)
    page = done.page.read_text()
    theirs = {"top": "Mine.\n" + page, "end": page + "\nMine.\n", "without the stamp": "Mine."}[where]
    done.page.write_text(theirs)
    again = publish(later(), made(later()), into=tmp_path)
    assert (done.folder / "postmortem.md").read_text() == theirs
    assert (again.kept, again.page.name) == (True, "postmortem.new.md")
    assert "A newer draft" in again.page.read_text()
    assert problems(again.page.read_text()) == []
    assert publish(later(), made(later()), into=tmp_path) == again


def test_the_newer_draft_goes_when_the_page_is_ours_again(tmp_path: Path) -> None:
    done = publish(machine_run(), made(machine_run()), into=tmp_path)
    done.page.write_text("Mine.")
    publish(later(), made(later()), into=tmp_path)
    done.page.unlink()
    publish(later(), made(later()), into=tmp_path)
    assert not (done.folder / "postmortem.new.md").exists()


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
    assert contents(folder) == dict(drafted.files)


def test_our_own_pages_do_not_count_as_edited() -> None:
    page = made(machine_run()).markdown
    assert not edited(page)
    assert edited(page.replace("commander", "lead"))
    assert edited("")
