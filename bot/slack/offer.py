"""The part of the card that offers a repair: what would change, who must approve, what became of it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from bot.facts import REPAIR_WORDS
from bot.incident import Incident, Repair, RepairState, Status
from bot.slack.blocks import (
    Block,
    actions,
    button,
    code,
    context,
    in_utc,
    length,
    one_line,
    person,
    section,
    sure,
    when,
)

APPROVE = "approve_repair"
NOT_THE_CAUSE = "not_the_cause"
RUN_CHECKS = "run_checks"
UPDATE = "update_incident"
RETRY = "try_again"

DIFF = 2_500
REPAIRS = 3
"""So many repairs are shown, the newest first."""

_UNDER_WAY = {RepairState.APPROVED, RepairState.RUNNING}
_SAID = REPAIR_WORDS | {RepairState.OFFERED: "Offered repair", RepairState.EXPIRED: "Offer expired"}


def shown(incident: Incident) -> list[Repair]:
    """The repairs that the card shows: the newest ones, those that expired only where there is room."""
    newest = sorted(incident.repairs, key=lambda r: (r.state is not RepairState.EXPIRED, r.at), reverse=True)
    return newest[:REPAIRS]


def open_for_approval(incident: Incident, repair: Repair, *, now: datetime) -> bool:
    """Whether a click could still approve it."""
    in_time = repair.expires_at is None or now < repair.expires_at
    return repair.state is RepairState.OFFERED and in_time and not incident.held and incident.open


def repair_blocks(incident: Incident, repair: Repair, *, now: datetime, diff: int) -> list[Block]:
    """What one repair would do or did; its diff takes at most `diff` characters."""
    blocks = [section(*_lines(incident, repair, now=now))]
    if repair.diff and repair.state is not RepairState.EXPIRED:
        blocks.append(code(_start_of(repair.diff, diff).rstrip(), diff))
        if length(repair.diff) > diff:
            blocks.append(context(_shortened(repair, diff)))
    return blocks


def buttons(incident: Incident, repairs: Sequence[Repair], *, now: datetime) -> list[Block]:
    """A row of buttons for each repair that waits, and those to look again and to tell how it stands."""
    rows = [_ask(repair) for repair in repairs if open_for_approval(incident, repair, now=now)]
    again = [_look_again(incident)] if _may_look_again(incident) else []
    again += [button("Try again", action=RETRY, value=incident.id)] if incident.troubles else []
    again += [button("Update", action=UPDATE, value=incident.id)] if incident.open else []
    if rows:
        return [actions(*rows[0], *again), *(actions(*row) for row in rows[1:])]
    return [actions(*again)] if again else []


def in_words(incident: Incident, repair: Repair, *, now: datetime) -> str:
    """One repair in a sentence, for those who get no blocks."""
    told = f"{_said(repair, now)}: {one_line(repair.title, 150)} ({one_line(repair.host, 80)})"
    if open_for_approval(incident, repair, now=now):
        until = f", until {in_utc(repair.expires_at)}" if repair.expires_at else ""
        return f"{told}; needs {_needed(repair)}{until}."
    return f"{told}. {one_line(repair.text, 150)}".rstrip()


def _lines(incident: Incident, repair: Repair, *, now: datetime) -> list[str]:
    title, host = one_line(repair.title or repair.name, 150), one_line(repair.host, 80)
    lines = [f"*{_said(repair, now)}:* {title}" + ("" if repair.host in repair.title else f" on {host}")]
    if repair.text:
        lines.append(one_line(repair.text, 250))
    if repair.approved_by:
        lines.append("Approved by " + ", ".join(person(p.id, p.name) for p in repair.approved_by[:5]))
    if open_for_approval(incident, repair, now=now):
        until = f", until {when(repair.expires_at)}" if repair.expires_at else ""
        lines.append(f"Needs {_needed(repair)}{until}.")
        if digest := str(repair.details.get("digest", "")):
            lines.append(f"By the runbook {one_line(repair.runbook, 60)} as it is now: sha256 {one_line(digest, 12)}")
    elif repair.state is RepairState.OFFERED and incident.held:
        lines.append("Actions are on hold; nobody can approve until “release”.")
    return lines


def _said(repair: Repair, now: datetime) -> str:
    late = repair.state is RepairState.OFFERED and repair.expires_at is not None and now >= repair.expires_at
    return _SAID[RepairState.EXPIRED if late else repair.state]


def _needed(repair: Repair) -> str:
    who = one_line(", ".join(repair.approvers), 200)
    if not who:
        return "an approver, and the policy names none"
    return f"{'one' if repair.count == 1 else repair.count} of {who}"


def _start_of(diff: str, most: int) -> str:
    """The first whole lines that fit."""
    if length(diff) <= most:
        return diff
    start = diff[: most // 2 if length(diff[:most]) > most else most - 2]
    return start.rpartition("\n")[0] or start


def _shortened(repair: Repair, most: int) -> str:
    digest = hashlib.sha256(repair.diff.encode("utf-8", "replace")).hexdigest()[:16]
    seen = len(_start_of(repair.diff, most))
    return f"Shortened: {seen} of {len(repair.diff)} characters; sha256 of the whole diff `{digest}…`"


def _ask(repair: Repair) -> list[Block]:
    question = sure(
        title="Approve this repair?",
        text=f"{repair.title} – this changes {repair.host}.",
        yes="Approve",
    )
    label = f"{repair.title or 'Restore ' + repair.host} …"
    if len(label) > 75:
        label = f"Restore {repair.host} …"
    return [
        button(label, action=APPROVE, value=repair.plan, style="danger", confirm=question),
        button("Not the cause", action=NOT_THE_CAUSE, value=repair.cause or repair.plan),
    ]


def _look_again(incident: Incident) -> Block:
    return button("Run checks again", action=RUN_CHECKS, value=incident.id)


def _may_look_again(incident: Incident) -> bool:
    over = incident.status in {Status.RESOLVED, Status.CLOSED}
    states = {repair.state for repair in incident.repairs}
    done = RepairState.VERIFIED in states or bool(states & _UNDER_WAY)
    return bool(incident.alerts or incident.checks) and not over and not done
