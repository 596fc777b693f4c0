"""The summary of a draft: a few sentences in the frame that readers expect, each with its entries."""

from __future__ import annotations

from bot.incident import Kind, Verdict
from bot.postmortem.intervals import Point
from bot.postmortem.markdown import escaped
from bot.postmortem.story import Story


def summary(story: Story) -> str:
    """Who noticed what, when, why, and what ended it: only what is recorded, each sentence with its entries."""
    parts = [_when_sentence(story), *_impact_sentences(story), _alert_sentence(story), *_cause_sentences(story)]
    parts += [_started_sentence(story), _repair_sentence(story), _end_sentence(story)]
    told = [p for p in parts if p]
    return " ".join(told) or "Nothing is recorded yet that a summary could be made of; see the open questions."


def _when_sentence(story: Story) -> str:
    start = story.points.get("began") or story.points.get("detected")
    end = story.points.get("resolved") or story.points.get("mitigated")
    if not (start and end) or start.at > end.at:
        if not story.window:
            return ""
        start, end = story.window
        frame = "The recorded events run from {} to {} {}."
    else:
        frame = "The incident ran from {} to {} {}."
    last = story.clock.at(end.at, end.precision, date=story.clock.day(start.at) != story.clock.day(end.at))
    return frame.format(
        story.clock.at(start.at, start.precision, date=True), last, story.cite(start.entry.id, end.entry.id)
    )


def _at(story: Story, point: Point) -> str:
    return story.clock.at(point.at, point.precision, utc=False)


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
    return f"It was detected at {at}: “{story.said(point.entry)}” {cite}."


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
