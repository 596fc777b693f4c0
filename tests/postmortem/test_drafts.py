"""Drafts as an installation wants them: its command, its own template."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bot.policy import Policy, Postmortem
from bot.postmortem.drafts import Drafts
from tests.postmortem.incidents import machine_run


def drafts(folder: Path, policy: Policy) -> Drafts:
    return Drafts(folder / "postmortems", home=folder / "home", zone="UTC", policy=policy)


def test_the_template_lies_beside_the_policy_wherever_muster_was_started(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "ours.md.j2").write_text("# Ours: {{ title }}\n")
    policy = Policy(postmortem=Postmortem(template="ours.md.j2"))
    assert drafts(tmp_path, policy).make(machine_run()).markdown.startswith("# Ours: ")
    elsewhere = replace(policy, postmortem=Postmortem(template=str(tmp_path / "home" / "ours.md.j2")))
    assert drafts(tmp_path, elsewhere).make(machine_run()).markdown.startswith("# Ours: ")


def test_a_template_that_is_not_there_is_said_in_the_draft(tmp_path: Path) -> None:
    page = drafts(tmp_path, Policy(postmortem=Postmortem(template="gone.md.j2"))).make(machine_run()).markdown
    assert "your template was not used" in page
    assert page.startswith("# Postmortem: ")


def test_people_are_told_to_type_the_command_of_the_policy(tmp_path: Path) -> None:
    page = drafts(tmp_path, Policy(command="/outage")).make(machine_run()).markdown
    assert "`/outage " in page
    assert "/incident " not in page
