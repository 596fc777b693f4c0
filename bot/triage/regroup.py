"""Alerts and the incidents that they belong to, put on record: opened with them, joined by them, parted from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.facts import AlertAttached, AlertsLeft, Announced, Fact, Joined, MergedInto, Opened, What
from bot.incident import AlertSeen, Incident, Person, RepairState, Source, in_order
from bot.ports import NotAllowed
from bot.store import NO_INCIDENT, Transaction
from bot.triage.proposal import Proposal, ProposalState
from bot.triage.reasons import WORDS, Why

UNANSWERED = timedelta(hours=24)
"""A proposal of which nothing was heard for so long is not waited for any more."""
UNDER_WAY = {RepairState.APPROVED, RepairState.RUNNING}


@dataclass(frozen=True, kw_only=True)
class Act:
    """Somebody's doing, or an alert's: the key under which it is kept, who did it, how it reached us, and when."""

    key: str
    now: datetime
    by: Person = field(default_factory=Person)
    source: Source = field(default_factory=Source)

    def fact(self, what: What, part: str, *, at: datetime | None = None) -> Fact:
        """The fact under this act's key."""
        return Fact(
            key=f"{self.key}/{part}",
            what=what,
            occurred_at=at or self.now,
            recorded_at=self.now,
            author=self.by,
            source=self.source,
        )


def attached(act: Act, alerts: Iterable[AlertSeen], part: str) -> list[Fact]:
    """The facts that these alerts belong to an incident, as their source told them."""
    return [
        replace(
            act.fact(AlertAttached(alert=alert), f"{part}{n}", at=alert.at),
            author=Person(),
            source=Source(type="alert", url=alert.link),
        )
        for n, alert in enumerate(alerts)
    ]


def split(tx: Transaction, act: Act, incident: Incident, delivery: str, fingerprints: Sequence[str] = ()) -> int:
    """Take a delivery's problems out of this incident into one of their own; its number. Raises NotAllowed.

    `fingerprints` are the problems where only some of the delivery's are meant.
    """
    if not incident.open:
        raise NotAllowed(f"Nothing was split: {incident.id} is closed; “reopen” it first.")
    meant = fingerprints or [a.fingerprint for a in incident.alerts if a.delivery == delivery]
    ours = {a.fingerprint for a in incident.alerts}
    gone = tuple(dict.fromkeys(f for f in meant if f and f in ours))
    if not gone:
        raise NotAllowed(
            f"Nothing was split: {incident.id} has no delivery {delivery[:40]}; “muster explain” lists them."
        )
    if not ours - set(gone):
        raise NotAllowed(f"Nothing was split: that is all that {incident.id} is about; it stays as it is.")
    moved = [replace(a, why=Why.SPLIT.value, reason=_from(incident)) for a in incident.alerts if a.fingerprint in gone]
    number = tx.new_incident()
    named = ", ".join(dict.fromkeys(f"{a.title}{f' ({a.where})' if a.where else ''}" for a in moved[:3]))
    text = f"Split: {named} went to INC-{number}, {_count(len(moved), 'alert')}"
    tx.append(incident.number, [act.fact(AlertsLeft(fingerprints=gone, into=number, text=text), "left")])
    first = min(moved, key=lambda a: a.at)
    service = _service(first) or incident.service
    opened = Opened(title=first.title, severity=incident.severity, service=service, private=incident.private)
    tx.append(number, [act.fact(opened, "opened", at=first.at), *attached(act, moved, "alert/")])
    tx.rulings.moved(gone, old=incident.number, new=number, why=Why.SPLIT, reason=_from(incident))
    return number


def merge(tx: Transaction, act: Act, incident: Incident, other: Incident) -> None:
    """Make the other incident part of this one. Raises NotAllowed."""
    _may_merge(incident, other)
    reason = f"merged from {other.id}"
    alerts = tuple(replace(a, why=Why.MERGED.value, reason=reason) for a in other.alerts)
    joined = Joined(
        other=other.number,
        alerts=alerts,
        entries=tuple(in_order(other.entries)),
        action_items=tuple(other.action_items),
    )
    tx.append(other.number, [act.fact(MergedInto(into=incident.number), "merged")])
    tx.append(incident.number, [act.fact(joined, "joined")])
    problems = {a.fingerprint for a in other.alerts}
    tx.rulings.moved(problems, old=other.number, new=incident.number, why=Why.MERGED, reason=reason)
    channel = incident.view.channel
    where = f", in #{channel.name}" if channel else ""
    text = f"{other.id} is merged into {incident.id}: {incident.title}. Please go on there{where}."
    tx.due(f"{act.key}/pointer", "report", other.number, {"key": f"{act.key}/pointer", "text": text})


def _may_merge(incident: Incident, other: Incident) -> None:
    no = "Nothing was merged:"
    if other.number == incident.number:
        raise NotAllowed(f"{no} that is this incident itself; name the other one.")
    if other.private or incident.private:
        hidden = other if other.private else incident
        raise NotAllowed(f"{no} {hidden.id} is private, and what is in it must stay there.")
    if not incident.open:
        raise NotAllowed(f"{no} {incident.id} is closed; “reopen” it first.")
    if other.merged_into:
        raise NotAllowed(f"{no} {other.id} is part of INC-{other.merged_into} already.")
    if not other.open:
        raise NotAllowed(f"{no} {other.id} is closed; “reopen” it first.")
    if any(r.state in UNDER_WAY for r in (*incident.repairs, *other.repairs)):
        raise NotAllowed(f"{no} a repair is under way; merge when it has ended.")


def answer_proposal(tx: Transaction, act: Act, *, accepted: str, dismissed: str) -> int | None:
    """Somebody answers a proposal; the number of the incident that it becomes. Raises NotAllowed."""
    proposal = tx.proposal(accepted or dismissed)
    if proposal is None:
        raise NotAllowed("Nothing was done: this proposal is not known any more; declare TITLE opens an incident.")
    if proposal.state is ProposalState.OPENED:
        raise NotAllowed(f"Nothing was done: INC-{proposal.incident} was opened for it already.")
    if accepted:
        return accept(tx, act, proposal)
    if proposal.state is not ProposalState.WAITING:
        raise NotAllowed(f"Nothing was done: the proposal is {proposal.state} already.")
    change(tx, proposal, act.now, state=ProposalState.IGNORED, by=act.by)
    return None


def accept(tx: Transaction, act: Act, proposal: Proposal, number: int = 0) -> int:
    """Make an incident of a proposal, or with `number` a part of that one; the number. Raises NotAllowed."""
    alerts = [replace(a, reason=f"{a.reason}; {WORDS[Why.ACCEPTED]}") for a in proposal.alerts]
    first = min(alerts, key=lambda a: a.at)
    facts = attached(act, alerts, "alert/")
    if not number:
        number = tx.new_incident()
        opened = Opened(title=proposal.title, severity=proposal.severity, service=proposal.service)
        facts = [act.fact(opened, "opened", at=first.at), *facts]
        if proposal.message:  # its card becomes the announcement: one message from the question to the end
            told = Announced(channel=proposal.channel, message=proposal.message, where=proposal.where)
            facts.append(act.fact(told, "announced"))
            proposal = replace(proposal, announces=True)
    tx.append(number, facts)
    tx.rulings.taken(proposal.id, new=number, why=Why.ACCEPTED, reason=WORDS[Why.ACCEPTED])
    change(tx, proposal, act.now, state=ProposalState.OPENED, incident=number, by=act.by)
    return number


def add(tx: Transaction, proposal: Proposal, alert: AlertSeen, now: datetime) -> None:
    """One more alert of a proposal: it expires when all of it has recovered, and waits again when it is back."""
    grown = replace(proposal, alerts=(*proposal.alerts, alert))
    state = proposal.state
    if state is ProposalState.WAITING and not grown.firing:
        state = ProposalState.EXPIRED
    elif state is ProposalState.EXPIRED and grown.firing:
        state = ProposalState.WAITING
    shown = [(a.fingerprint, a.bad) for a in proposal.last_words] != [(a.fingerprint, a.bad) for a in grown.last_words]
    change(tx, grown, now, state=state, shown=shown or state is not proposal.state or not proposal.revision)
    if state is ProposalState.WAITING and (proposal.state is not state or not proposal.revision):
        _look_later(tx, proposal.id, since=now)


def lapse(tx: Transaction, proposal: Proposal, now: datetime) -> None:
    """Withdraw a question that nobody answered for long enough; look again later where something was heard since."""
    if proposal.state is not ProposalState.WAITING:
        return
    if now - proposal.changed_at < UNANSWERED:
        _look_later(tx, proposal.id, since=proposal.changed_at)
    else:
        change(tx, proposal, now, state=ProposalState.EXPIRED)


def _look_later(tx: Transaction, id: str, *, since: datetime) -> None:
    at = (since + UNANSWERED).isoformat()
    tx.due(f"{id}/lapse/{at}", "propose", NO_INCIDENT, {"proposal": id, "lapse": True, "not_before": at})


def change(
    tx: Transaction,
    proposal: Proposal,
    now: datetime,
    *,
    state: ProposalState,
    incident: int | None = None,
    by: Person | None = None,
    shown: bool = True,
) -> None:
    """Keep a proposal as it is now, and see to it that people see it."""
    revision = proposal.revision + 1
    changed = replace(proposal, state=state, changed_at=now, revision=revision, incident=incident, by=by or proposal.by)
    tx.save_proposal(changed)
    if shown:
        tx.due(f"{proposal.id}/{revision}", "propose", NO_INCIDENT, {"proposal": proposal.id})


def _service(alert: AlertSeen) -> str:
    return next((w.partition(":")[2] for w in (*alert.scope, *alert.tags) if w.startswith("service:")), "")


def _from(incident: Incident) -> str:
    return f"split from {incident.id}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
