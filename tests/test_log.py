"""Named events, one a line."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from bot import log


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("muster")
    before = root.handlers, root.level, ours.level
    yield
    root.handlers = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


def lines(captured: pytest.CaptureFixture[str]) -> list[str]:
    return captured.readouterr().err.splitlines()


def test_an_event_is_one_json_object_with_the_incident(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(level="info", format="json")
    token = log.incident.set("INC-7")
    log.event("check.finished", check="disk", text="two\nlines", at_all=object)
    log.incident.reset(token)
    log.event("swept")
    first, second = (json.loads(line) for line in lines(capsys))
    assert (first["event"], first["incident"], first["check"]) == ("check.finished", "INC-7", "disk")
    assert (first["level"], first["text"]) == ("info", "two\nlines")
    assert "incident" not in second


def test_what_is_below_the_level_is_not_said(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(level="warning", format="json")
    log.event("small")
    log.event("big", level=logging.WARNING)
    assert [json.loads(line)["event"] for line in lines(capsys)] == ["big"]


def test_the_console_is_readable_and_one_line_an_event(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(level="info", format="console")
    log.event("check.finished", host="web-02", text='a b\n12:00:00Z info forged x="y"', nothing="")
    (line,) = lines(capsys)
    assert line.endswith('check.finished host=web-02 text="a b\\n12:00:00Z info forged x=\\"y\\"" nothing=""')


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_mistake_of_ours_keeps_its_traceback(capsys: pytest.CaptureFixture[str], form: str) -> None:
    log.configure(level="info", format=form)
    try:
        raise ValueError("ours")
    except ValueError:
        logging.getLogger("elsewhere").exception("task.failed")
    said = capsys.readouterr().err
    assert "ValueError: ours" in said
    assert "task.failed" in said


def test_others_only_warn(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(level="debug", format="json")
    logging.getLogger("elsewhere").info("chatter")
    logging.getLogger("elsewhere").warning("trouble")
    logging.getLogger("slack_bolt").warning("a whole request body")
    said = [json.loads(line) for line in lines(capsys)]
    assert [(line["event"], line["logger"]) for line in said] == [("trouble", "elsewhere")]
