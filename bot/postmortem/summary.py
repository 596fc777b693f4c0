"""The summary of a draft: a few sentences in the frame that readers expect, each with its entries."""

from __future__ import annotations

from bot.incident import Kind, Verdict
from bot.postmortem.intervals import Point
from bot.postmortem.markdown import escaped
from bot.postmortem.story import Story

LASTED = {
    "To mitigate, from the start of impact": "the start of impact",
    "To mitigate, from detection": "the detection",
}
"""The intervals that say how long it was, the better one first, and what they are counted from."""


def summary(story: Story) -> str:
    """Who noticed what, when, why, and what ended it: only what is recorded, each sentence with its entries."""
    parts = [_when_sentence(story), *_impact_sentences(story), _alert_sentence(story), *_cause_sentences(story)]
    parts += [_started_sentence(story), _repair_sentence(story), _end_sentence(story)]
    told = [p for p in parts if p]
    return " ".join(told) or "Nothing is recorded yet that a summary could be made of; see the open questions."


def lead(story: Story) -> str:
    """The one line for who reads no further: why or what, and how long. Empty while neither is recorded."""
    cause = next(iter(story.causes(Verdict.PROVED)), None)
    said = next(iter([*story.entries(Kind.CAUSE), *story.entries(Kind.IMPACT)]), None)
    if not (cause or said):
        return ""
    ids = list(story.of_cause(cause)) if cause else [said.id] if said else []
    gist = story.gist(cause.text if cause else said.text if said else "", ids[0])
    lasted = next((i for i in story.intervals if i.label in LASTED and (i.seconds or -1) > 0), None)
    if not (lasted and lasted.start and lasted.end):
        return f"**In short:** {gist} {story.cite(*ids)}."
    after = f"mitigated {lasted.value} after {LASTED[lasted.label]}"
    return f"**In short:** {gist}; {after} {story.cite(*ids, lasted.start.entry.id, lasted.end.entry.id)}."


def _when_sentence(story: Story) -> str:
    start = story.points.get("began") or story.points.get("detected")
    end = story.points.get("resolved") or story.points.get("mitigated")
    if not (start and end) or start.at > end.at:
        if not story.window:
            return ""
        start, end = story.window
        frame = "The recorded events run"
        first, last = (f" (“{story.gist(p.entry.text, p.entry.id)}”)" for p in (start, end))
    else:
        frame, first, last = "The incident ran", "", ""
    since = story.clock.roughly(start.at, start.precision, date=True)
    upto = story.clock.roughly(end.at, end.precision, date=story.clock.day(start.at) != story.clock.day(end.at))
    return f"{frame} from {since}{first} to {upto}{last} {story.cite(start.entry.id, end.entry.id)}."


def _at(story: Story, point: Point) -> str:
    return story.clock.roughly(point.at, point.precision, utc=False)


def _impact_sentences(story: Story) -> list[str]:
    return [f"Impact as stated: {story.sentence(e.text, e.id, e.id)}" for e in story.entries(Kind.IMPACT)[:2]]


def _alert_sentence(story: Story) -> str:
    point = story.points.get("detected")
    if not point:
        return ""
    at, cite = _at(story, point), story.cite(point.entry.id)
    if point.entry.kind is Kind.ALERT:
        alert = next(iter(story.incident.alerts), None)
        if alert:
            title = story.words(alert.title, point.entry.id)
            return f"{escaped(alert.source.capitalize())} detected it at {at} with the alert “{title}” {cite}."
    return f"It was detected at {at}{story.quoted(point.entry, before=': ')} {cite}."


def _cause_sentences(story: Story) -> list[str]:
    proved = story.causes(Verdict.PROVED)
    if proved:
        first = proved[0]
        ids = story.of_cause(first)
        return [f"Proved by checks: {story.sentence(first.text, ids[0], *ids)}"]
    return [f"Stated as the cause: {story.sentence(e.text, e.id, e.id)}" for e in story.entries(Kind.CAUSE)[:1]]


def _started_sentence(story: Story) -> str:
    point = story.points.get("acknowledged")
    if not point or story.points.get("cause") or (story.window and point.at > story.window[1].at):
        return ""
    return f"A person took it at {_at(story, point)} {story.cite(point.entry.id)}."


def _repair_sentence(story: Story) -> str:
    point = story.points.get("mitigated")
    if not point:
        return ""
    at, cite = _at(story, point), story.cite(point.entry.id)
    repair = next((r for r in story.incident.repairs if point.entry.id in r.entries), None)
    if not repair:
        return f"It was mitigated at {at} {cite}."
    by = ", approved by " + " and ".join(story.who(p) for p in repair.approved_by) if repair.approved_by else ""
    ids = story.cite(*repair.entries)
    return f"The repair “{story.words(repair.title, point.entry.id)}”{by}, was verified at {at} {ids}."


def _end_sentence(story: Story) -> str:
    point = story.points.get("resolved")
    if not point:
        return ""
    return f"It was resolved at {_at(story, point)} {story.cite(point.entry.id)}."
