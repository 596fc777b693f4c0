"""What people changed meets a newer draft."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.postmortem.merge import NOTE, merge

LINE = st.sampled_from(["a", "b", "c", "", "## One", "## Two", "```", "| x |", "- y"])
PAGES = st.lists(LINE, max_size=12).map("\n".join)


def clean(page: str) -> str:
    return page.rstrip("\n") + "\n"


@given(PAGES, PAGES)
def test_a_page_that_nobody_touched_becomes_the_new_draft_section_by_section(base: str, new: str) -> None:
    merged = merge(base, base, new)
    assert merged.disputed == ()
    assert set(new.split("\n")) <= set(merged.page.split("\n")) | {""}


@given(PAGES, PAGES)
def test_a_record_that_did_not_change_changes_nothing(base: str, theirs: str) -> None:
    assert merge(base, theirs, base).page == clean(theirs)


@given(PAGES, PAGES, PAGES)
def test_no_line_that_people_added_is_ever_lost(base: str, theirs: str, new: str) -> None:
    page = merge(base, theirs, new).page.split("\n")
    assert {line for line in theirs.split("\n") if line not in base.split("\n")} <= {*page, ""}


@given(PAGES, PAGES, PAGES)
def test_merging_again_changes_nothing(base: str, theirs: str, new: str) -> None:
    once = merge(base, theirs, new).page
    assert NOTE in once or merge(new, once, new).page == once


def test_lines_far_apart_come_together_and_the_same_line_is_shown_both_ways() -> None:
    base, theirs, new = "## T\nx\n\nmiddle\n\ny", "## T\nmine\n\nmiddle\n\ny", "## T\nx\n\nmiddle\n\nz"
    assert merge(base, theirs, new).page == "## T\nmine\n\nmiddle\n\nz\n"
    both = merge(base, theirs, "## T\nother\n\nmiddle\n\ny")
    assert both.disputed == ("## T",)
    assert "mine" in both.page
    assert "```diff\n-x\n+other\n```" in both.page
    taken_over = merge("## T\nother\n\nmiddle\n\ny", both.page.replace("mine", "other"), "## T\nother\n\nmiddle\n\ny")
    assert NOTE not in taken_over.page.replace(NOTE, "", 1)
