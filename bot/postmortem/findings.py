"""The sections of a draft about why and what then: investigation, cause, resolution, measures, review."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.before_after import Answers, before_and_after
from bot.incident import CauseSeen, CheckSeen, Entry, Kind, Repair, RepairState, Verdict
from bot.postmortem.clock import span
from bot.postmortem.intervals import STATE_WORDS
from bot.postmortem.markdown import code, escaped, fence, link, table
from bot.postmortem.story import Story
from bot.postmortem.timeline import longest_gap
from bot.postmortem.wording import Reading

MOST = 40
"""Rows of one table of checks or facts; what is left out is counted and stays in incident.json."""
INNER = frozenset({"results", "stage", "affected"})
"""Details of a repair that its steps tell already."""
_AGAIN = ("Check", "Host", "At first", "At last", "Entries")
OF_CAUSES = re.compile(
    r"\b(because|due to|caus\w+|found|realiz\w+|realis\w+|identif\w+|misconfig\w+|bug|fault|wrong|broke|chang\w+)\b",
    re.IGNORECASE,
)
OF_REPAIRS = re.compile(
    r"\b(fix\w*|restor\w+|revert\w*|roll\w* back|rollback|restart\w*|reboot\w*|mitigat\w+|resolved|recover\w*)\b",
    re.IGNORECASE,
)
"""Words of notes that may tell why, and what ended it. They choose what is shown beside a question, no more."""
SHORT = 160
"""Signs of a fact's value that the draft shows."""


def investigation(story: Story) -> str:
    """What was looked at, and what it turned out not to be. Empty when there was nothing of the kind."""
    parts = []
    paths = _ruled_out(story)
    if paths:
        parts.append(table(("Ruled out", "Because", "Entry"), paths))
    found = _bullets(story, Kind.FINDING)
    if found:
        parts += ["Found on the way:", "\n".join(found)]
    return "\n\n".join([*parts, *_checks(story)])


def _ruled_out(story: Story) -> list[tuple[str, str, str]]:
    """Causes that the same answer rules out share a row, the telling ones first."""
    alike: dict[tuple[str, str], list[str]] = {}
    for cause in story.causes(Verdict.RULED_OUT):
        ids = story.of_cause(cause)
        why = (story.words(cause.because.rstrip("."), ids[0]), story.cite(*ids))
        alike.setdefault(why, []).append(story.gist(cause.text, ids[0]))
    shared = sorted(alike.items(), key=lambda row: len(row[1]))
    rows = [(" · ".join(gists), because, cite) for (because, cite), gists in shared]
    told = story.entries(Kind.RULED_OUT)
    return rows + [(story.said(e), f"stated by {story.who(e.author)}", story.cite(e.id)) for e in told]


def _bullets(story: Story, kind: Kind) -> list[str]:
    return [f"- {story.said(e)} {story.cite(e.id)}" for e in story.entries(kind)]


def _checks(story: Story) -> list[str]:
    runs = [run for run, entry in story.run_entry.items() if entry in story.by_id]
    if not runs:
        told: dict[str, list[str]] = {}
        for entry in story.entries(Kind.CHECK):
            told.setdefault(story.said(entry), []).append(entry.id)
        return ["\n".join(f"- {said} {story.cite(*ids)}" for said, ids in told.items()) or "No runbook was run."]
    proved = [c.run for c in story.causes(Verdict.PROVED) if c.run in runs]
    main = proved[0] if proved else runs[0]
    others = [story.run_entry[r] for r in runs if r != main]
    further = [f"Further runs of checks: {story.cite(*others[:12])}."] if others else []
    return [_run_lead(story, main), _check_table(story, story.run(main)), *further]


def _run_lead(story: Story, run: str) -> str:
    entry = story.by_id[story.run_entry[run]]
    return f"The checks answered at {story.clock.when(entry)} {story.cite(entry.id)}:"


def _check_table(story: Story, checks: list[CheckSeen]) -> str:
    order = {"fail": 0, "warn": 1, "unknown": 2, "ok": 3, "skipped": 4}
    ranked = sorted(checks, key=lambda c: order.get(c.state, 9))
    return _cut_table(("Check", "Host", "Answer", "What it found", "Took"), [_check_row(story, c) for c in ranked])


def _cut_table(heads: tuple[str, ...], rows: Sequence[Sequence[str]]) -> str:
    more = f"\n\n{len(rows) - MOST} further answers are in `incident.json`." if len(rows) > MOST else ""
    return table(heads, rows[:MOST]) + more


def _check_row(story: Story, check: CheckSeen) -> tuple[str, str, str, str, str]:
    found = story.words(check.summary, check.entry)
    return code(check.check), code(check.host), _answer(check), found, f"{check.took_ms} ms"


def _answer(check: CheckSeen) -> str:
    answer = escaped(f"{check.state}: {check.reason}" if check.reason else check.state)
    return f"**{answer}**" if check.state in {"fail", "unknown"} else answer


def root_cause(story: Story) -> str:
    """The cause as checks proved it or as people stated it; nothing else counts as one."""
    parts = [block for cause in story.causes(Verdict.PROVED) for block in _proved(story, cause)]
    stated = [e for e in story.entries(Kind.CAUSE) if e.source.type not in {"check", "bot"}]
    if stated:
        parts += ["Stated by people:", "\n".join(_stated(story, e) for e in stated)]
    possible = story.causes(Verdict.POSSIBLE)
    if possible and not story.causes(Verdict.PROVED):
        parts += ["Possible, neither proved nor ruled out:", "\n".join(_possible(story, c) for c in possible)]
    return "\n\n".join(parts or [_no_cause(story)])


def _proved(story: Story, cause: CauseSeen) -> list[str]:
    ids = story.of_cause(cause)
    told = "\n".join(f"- {s}" for s in story.sentences(cause.text, ids[0], *ids))
    hosts = sorted({c.host for c in story.run(cause.run) if c.host})
    compared = f"Hosts asked: {', '.join(code(h) for h in hosts)} {story.cite(*ids)}." if hosts else ""
    on = f" on {code(cause.host)}" if cause.host else ""
    blocks = [f"The cause was **proved by checks**{on} {story.cite(*ids)}:", told, compared, _facts(story, cause)]
    return [b for b in blocks if b]


def _facts(story: Story, cause: CauseSeen) -> str:
    well = {c.check for c in story.run(cause.run) if c.state == "ok" and c.host == cause.host}
    telling = {name: value for name, value in cause.facts.items() if name not in well}
    rows = [(code(k), _value(v)) for k, v in _flat(telling, "") if v not in ("", None)]
    if not rows:
        return ""
    more = f"\n\n{len(rows) - MOST} further facts are in `incident.json`." if len(rows) > MOST else ""
    return f"What this rests on ({code(cause.id)}):\n\n" + table(("Fact", "Value"), rows[:MOST]) + more


def _flat(value: Any, name: str) -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [pair for k, v in value.items() for pair in _flat(v, f"{name}.{k}" if name else str(k))]
    if isinstance(value, (list, tuple)):
        if all(not isinstance(v, (Mapping, list, tuple)) for v in value):
            return [(name, ", ".join(str(v) for v in value))]
        return [pair for n, v in enumerate(value) for pair in _flat(v, f"{name}.{n}")]
    return [(name, value)]


def _value(value: Any) -> str:
    said = str(value).lower() if isinstance(value, bool) else str(value)
    return escaped(said if len(said) <= SHORT else said[:SHORT] + "…")


def _stated(story: Story, entry: Entry) -> str:
    return f"- {story.who(entry.author).split(' ', 1)[1].capitalize()}: {story.said(entry)} {story.cite(entry.id)}"


def _possible(story: Story, cause: CauseSeen) -> str:
    ids = story.of_cause(cause)
    return f"- {story.words(cause.text, ids[0])} {story.cite(*ids)}"


def _no_cause(story: Story) -> str:
    near = story.entries(Kind.FINDING) or _telling(story.entries(Kind.NOTE), OF_CAUSES)
    why = "No cause is recorded. What made it break at that time and not earlier?"
    asked = f"{why} Add it with {story.typed('cause')}."
    if not near:
        return asked
    lines = "\n".join(f"- {story.said(e)} {story.cite(e.id)}" for e in near[-3:])
    return f"{asked}\n\nThe nearest entries:\n\n{lines}"


def _telling(notes: list[Entry], words: re.Pattern[str]) -> list[Entry]:
    """The notes with such words in them, else all of them."""
    return [e for e in notes if words.search(e.text)] or notes


def factors(story: Story) -> str:
    """What people named as having helped the trigger along. Only people name factors."""
    told = _bullets(story, Kind.FACTOR)
    if told:
        return "\n".join(told)
    return (
        "None is recorded; only people name factors. What let the change reach production? "
        f"What would have shown it earlier? Add them with {story.typed('factor')}."
    )


def resolution(story: Story) -> str:
    """What restored service, what was tried, who approved it by role, with the diff and the verification."""
    parts = [block for repair in story.incident.repairs for block in _repair(story, repair)]
    told = [_told(story, e) for e in story.entries(Kind.MITIGATED, Kind.RECOVERED, Kind.RESOLVED)]
    if told:
        parts.append("\n".join(told))
    if again := [_again(story, pair) for pair in before_and_after(story.incident)]:
        parts += ["What failed, and what the same checks answered last:", _cut_table(_AGAIN, again)]
    if not parts:
        notes = _telling(story.entries(Kind.NOTE, Kind.FINDING), OF_REPAIRS)
        nearest = notes[-1] if notes else None
        last = f" The nearest note is {story.cite(nearest.id)}: {story.said(nearest)}" if nearest else ""
        parts.append(f"What restored service is not recorded. Add it with {story.typed('mitigated TIME TEXT')}.{last}")
    return "\n\n".join(parts)


def _again(story: Story, pair: Answers) -> tuple[str, str, str, str, str]:
    before, after = pair.before, pair.after
    cite = story.cite(before.entry, after.entry)
    return code(after.check), code(after.host), _answer(before), _answer(after), cite


def _told(story: Story, entry: Entry) -> str:
    word = entry.kind.value.capitalize()
    said = word if entry.kind is Kind.RECOVERED else story.said(entry)
    more = "" if said.casefold().rstrip(".") == word.casefold() else f": {said}"
    return f"- {word} at {story.clock.when(entry)}{more} {story.cite(entry.id)}"


def _repair(story: Story, repair: Repair) -> list[str]:
    steps = [e for e in story.citing(repair.entries) if e.kind is Kind.REMEDIATION]
    if not steps:
        return []
    title = story.words(repair.title or repair.name, steps[0].id)
    cite = story.cite(steps[-1].id)
    lead = f"**{title}** on {code(repair.host) or 'a host'}, ended as **{repair.state.value}** {cite}:"
    lines = "\n".join(_step(story, repair, e) for e in _told_once(steps))
    diff = ["The change that was shown for approval:", fence(repair.diff, "diff")] if repair.diff.strip() else []
    return [lead, lines, *diff, *_details(repair)]


def _told_once(steps: list[Entry]) -> list[Entry]:
    """Without repetitions: a repair says at each of its stages that it is running."""
    return [e for n, e in enumerate(steps) if n == 0 or e.text != steps[n - 1].text]


def _step(story: Story, repair: Repair, entry: Entry) -> str:
    at, cite = story.clock.when(entry), story.cite(entry.id)
    state = next((s for s, word in STATE_WORDS.items() if entry.text.startswith(word)), None)
    if state is RepairState.APPROVED:
        return f"- Approved by {story.who(entry.author)} at {at} {cite}"
    rest = entry.text.partition(f"{repair.title}. ")[2] if repair.title else ""
    more = f": {story.words(rest, entry.id)}" if rest else ""
    word = state.value.replace("-", " ").capitalize() if state else story.said(entry)
    return f"- {word} at {at}{more} {cite}"


def _details(repair: Repair) -> list[str]:
    told = {name: value for name, value in repair.details.items() if name not in INNER}
    rows = [(code(k), _value(v)) for k, v in _flat(told, "") if v not in ("", None)]
    return ["How it was done:", table(("Fact", "Value"), rows[:MOST])] if rows else []


def measures(story: Story) -> str:
    """What is to be done so that it does not happen again; what an action lacks stands in bold."""
    items = story.incident.action_items
    parts = []
    if items:
        tickets = ("Ticket",) if any(item.ticket for item in items) else ()
        heads = ("#", "Action", "Type", "Owner", "Due", "Priority", "Done when", *tickets, "State", "Entry")
        rows = [
            (
                item.id,
                story.words(item.text, item.entry, lessons=True),
                escaped(item.type) or "**missing**",
                story.owner(item.owner, item.id) or "**missing**",
                escaped(item.due) or "**missing**",
                escaped(item.priority) or "**missing**",
                story.words(item.done_when, item.entry, lessons=True) or "**missing**",
                *(_ticket(item.ticket) for _ in tickets),
                item.state,
                story.cite(item.entry),
            )
            for item in items
        ]
        done = sum(item.state == "done" for item in items)
        parts += [table(heads, rows), f"Actions recorded: {len(items)}, done: {done}."]
    else:
        parts.append("No action is recorded. What would have stopped this before production?")
    return "\n\n".join([*parts, *_preflight(story)])


def _ticket(ticket: str) -> str:
    return link(ticket.rpartition("/")[2] or ticket, ticket) if "://" in ticket else escaped(ticket)


def _preflight(story: Story) -> list[str]:
    lines = []
    for cause in story.causes(Verdict.PROVED)[:3]:
        ids = story.of_cause(cause)
        lines.append(
            f"- Proposed by the checks that proved the cause: run the same checks before a change reaches production "
            f"{story.cite(*ids)}"
        )
    return ["\n".join(lines)] if lines else []


def lessons(story: Story) -> str:
    """Facts for the review to start from. The judgement is left to people."""
    facts = [_fact(story, name) for name in ("To prove the cause", "To mitigate, from detection")]
    gap = longest_gap(story)
    if gap and gap[2] >= 60:
        a, b, seconds = gap
        facts.append(f"- The longest time without an entry: {span(seconds)} {story.cite(a.id, b.id)}")
    ruled = len(story.causes(Verdict.RULED_OUT)) + len(story.entries(Kind.RULED_OUT))
    if ruled:
        ids = [c.entry for c in story.causes(Verdict.RULED_OUT)] + [e.id for e in story.entries(Kind.RULED_OUT)]
        facts.append(f"- Causes ruled out: {ruled} {story.cite(*ids[:6])}")
    told = [f for f in facts if f]
    return "For the review. Facts to start from:\n\n" + "\n".join(told) if told else "For the review."


def _fact(story: Story, label: str) -> str:
    interval = next((i for i in story.intervals if i.label == label), None)
    if not interval or not interval.start or not interval.end:
        return ""
    ids = story.cite(interval.start.entry.id, interval.end.entry.id)
    return f"- {interval.start.label} to {interval.end.label.lower()}: {interval.value} {ids}"


def wording(story: Story) -> str:
    """What was flagged in recorded words and what is proposed. Empty when nothing was."""
    rows = [(story.cite(at) or at, *_flagged(reading)) for at, reading in story.flagged.values()]
    more = f"\n\n{len(rows) - MOST * 5} more were flagged." if len(rows) > MOST * 5 else ""
    return table(("Where", "Recorded words", "Why flagged", "Proposed"), rows[: MOST * 5]) + more if rows else ""


def _flagged(reading: Reading) -> tuple[str, str, str]:
    why = dict.fromkeys(f"{flag.rule}: {flag.why}" for flag in reading.flags)
    words = "a name" if all(flag.rule == "B8" for flag in reading.flags) else reading.recorded
    return escaped(_cut(words)), escaped("; ".join(why)), escaped(_cut(reading.text))


def _cut(text: str) -> str:
    return text if len(text) <= 2 * SHORT else text[: 2 * SHORT] + "…"
