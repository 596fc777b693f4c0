"""A gate's report as JUnit XML, which every CI shows."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from bot.runbook.preflight import Report
from bot.runbook.result import Result, State

NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: Report, *, strict: bool) -> str:
    """One suite; a check that fails is a failure, one that could not be asked an error (strictly) or skipped."""
    states = [result.state for result in report.results]
    unknown = states.count(State.UNKNOWN)
    suite = ElementTree.Element(
        "testsuite",
        name=f"muster preflight {report.host}",
        tests=str(len(states)),
        failures=str(states.count(State.FAIL)),
        errors=str(unknown if strict else 0),
        skipped=str(states.count(State.SKIPPED) + (0 if strict else unknown)),
        time=f"{sum(result.took_ms for result in report.results) / 1000:.3f}",
    )
    for result in report.results:
        suite.append(_case(result, strict=strict))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(suite, encoding="unicode")}\n'


def _case(result: Result, *, strict: bool) -> ElementTree.Element:
    took = f"{result.took_ms / 1000:.3f}"
    case = ElementTree.Element("testcase", classname=f"preflight.{result.host}", name=result.check, time=took)
    unknown = "error" if strict else "skipped"
    kind = {State.FAIL: "failure", State.UNKNOWN: unknown, State.SKIPPED: "skipped"}.get(result.state)
    if kind:
        told = ElementTree.SubElement(case, kind, message=NO_XML.sub("\ufffd", result.summary))
        told.text = NO_XML.sub("\ufffd", result.evidence)
    return case
