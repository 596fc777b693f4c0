"""Whether a click approves a repair. Pure: every refusal is one sentence that names the rule and who can."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from bot.incident import Incident, Person, Repair, RepairState
from bot.ports import NotAllowed


@dataclass(frozen=True, kw_only=True)
class Click:
    """Who pressed the button of which plan, on which message in which channel."""

    plan: str
    person: Person
    channel: str
    message: str


def may_approve(incident: Incident, click: Click, *, members: Collection[str], now: datetime) -> Repair:
    """The repair that this click approves. Raises NotAllowed with the rule that forbids it.

    `members` are the people who may approve at this moment, with their groups expanded.
    """
    repair = incident.repair(click.plan)
    if repair is None:
        raise NotAllowed("Nothing was approved: this offer is not of this incident; run the checks again.")
    _right_place(incident, click)
    _still_offered(incident, repair, now)
    _right_person(incident, repair, click.person, members)
    return repair


def _right_place(incident: Incident, click: Click) -> None:
    channel = incident.view.channel
    if channel is None or channel.id != click.channel or incident.view.card != click.message:
        raise NotAllowed("Nothing was approved: a repair is approved on the card in the incident's own channel only.")


def _still_offered(incident: Incident, repair: Repair, now: datetime) -> None:
    if not incident.open:
        raise NotAllowed(f"Nothing was approved: {incident.id} is closed; reopen it first.")
    if incident.held:
        raise NotAllowed("Nothing was approved: actions are on hold; “release” ends that.")
    if repair.state is not RepairState.OFFERED:
        raise NotAllowed(f"Nothing more was approved: this repair is {repair.state} already.")
    if repair.expires_at and now >= repair.expires_at:
        raise NotAllowed("Nothing was approved: this offer has expired; “check” makes a new one.")


def _right_person(incident: Incident, repair: Repair, person: Person, members: Collection[str]) -> None:
    if person.id not in members:
        who = ", ".join(repair.approvers) or "nobody, because no approvers are set in the policy"
        raise NotAllowed(f"Nothing was approved: it needs one of {who}.")
    if person.id in {p.id for p in repair.approved_by}:
        raise NotAllowed("You have approved this already; it needs somebody else, too.")
    if repair.requester == "may-not-approve" and person.id == requester(incident, repair):
        raise NotAllowed("Nothing was approved: whoever asked for a repair may not approve it; ask somebody else.")


def requester(incident: Incident, repair: Repair) -> str:
    """The id of the person whose words led to the offer; empty when an alert did."""
    offered = incident.entry(repair.entries[0]) if repair.entries else None
    return offered.author.id if offered else ""
