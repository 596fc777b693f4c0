"""A plan survives storage, and nothing in it can change unseen."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.checks import FileStat
from bot.runbook.plan import Plan, PlannedFile

FILE = PlannedFile(
    path="/etc/a.conf",
    old=b"old \xff",
    new=b"new",
    blob="b1",
    like=FileStat(uid=1, gid=2, mode=0o640, size=3, mtime=4.5),
)
PLAN = Plan(
    runbook="web",
    digest="d1",
    action="restore",
    title="Restore",
    host="web-02",
    commit="c1",
    decided_by="HEAD",
    files=(FILE, replace(FILE, path="/etc/b.conf", old=None)),
    diff="-a\n+b\n",
    test=("nginx", "-t"),
    then=(("systemctl", "reload", "nginx"),),
    undo="put-back",
    verify=("port",),
    within=30.0,
).sealed()


def test_a_plan_comes_back_from_json_as_it_was() -> None:
    assert Plan.from_json(PLAN.to_json()) == PLAN
    undone = replace(PLAN, undo=(("systemctl", "stop", "nginx"),)).sealed()
    assert Plan.from_json(undone.to_json()) == undone


@pytest.mark.parametrize("field", sorted({f.name for f in fields(Plan)} - {"id", "shown", "files", "undo"}))
def test_every_part_counts_for_the_id(field: str) -> None:
    other: Any = {str: "else", float: 99.0, bool: True, int: 9, tuple: ("else",)}[type(getattr(PLAN, field))]
    if field == "then":
        other = (("else",),)
    assert replace(PLAN, **{field: other}).sealed().id != PLAN.id
    assert not replace(PLAN, **{field: other}).intact()


@pytest.mark.parametrize(
    "file",
    [
        replace(FILE, path="/etc/c"),
        replace(FILE, old=None),
        replace(FILE, new=b"x"),
        replace(FILE, blob="b2"),
        replace(FILE, like=replace(FILE.like, mode=0o644)),
        replace(FILE, like=replace(FILE.like, uid=0)),
    ],
)
def test_every_part_of_a_file_counts_for_the_id(file: PlannedFile) -> None:
    assert not replace(PLAN, files=(file,)).intact()


def test_the_time_of_a_file_and_the_output_of_a_preview_do_not_count() -> None:
    touched = replace(FILE, like=replace(FILE.like, mtime=9.0))
    assert replace(PLAN, files=(touched, PLAN.files[1]), shown="pid 7").intact()


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"id": 1}', json.dumps({"files": 3})])
def test_what_is_no_plan_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Plan.from_json(text)


@given(st.binary(), st.binary() | st.none())
def test_any_bytes_survive(new: bytes, old: bytes | None) -> None:
    plan = replace(PLAN, files=(replace(FILE, new=new, old=old),)).sealed()
    assert Plan.from_json(plan.to_json()) == plan
