"""The card of a proposal: is this an incident? Pure."""

from __future__ import annotations

from bot.incident import AlertSeen
from bot.slack.blocks import actions, button, context, in_utc, link, one_line, person, section, when
from bot.slack.render import Message
from bot.triage.proposal import Proposal, ProposalState

OPEN_PROPOSAL = "open_proposal"
IGNORE_PROPOSAL = "ignore_proposal"
PROBLEMS = 5
"""So many problems of a proposal are named."""


def proposal_card(proposal: Proposal) -> Message:
    """The question, or what became of it."""
    title = one_line(proposal.title, 200) or "An alert"
    if proposal.state is ProposalState.WAITING:
        return _question(proposal, title)
    ended = _ended(proposal)
    return Message(text=f"{title}: {ended}", blocks=[context(f"~{title}~ {ended}")])


def _question(proposal: Proposal, title: str) -> Message:
    problems = proposal.firing
    lines = [f"*Is this an incident?* {title}", *(_line(a) for a in problems[:PROBLEMS])]
    if len(problems) > PROBLEMS:
        lines.append(f"and {len(problems) - PROBLEMS} more")
    since = min(a.at for a in proposal.alerts)
    words = f"Is this an incident? {title}, since {in_utc(since)}, {_alerts(len(proposal.alerts))}."
    return Message(
        text=words,
        blocks=[
            section(*lines),
            context(f"Since {when(since)} · {_alerts(len(proposal.alerts))}"),
            actions(
                button("Open incident", action=OPEN_PROPOSAL, value=proposal.id, style="primary"),
                button("Ignore", action=IGNORE_PROPOSAL, value=proposal.id),
            ),
        ],
    )


def _ended(proposal: Proposal) -> str:
    who = f" by {person(proposal.by.id, proposal.by.name)}" if proposal.by.id or proposal.by.name else ""
    match proposal.state:
        case ProposalState.OPENED:
            return f"opened as INC-{proposal.incident}{who}."
        case ProposalState.IGNORED:
            return f"ignored{who}."
        case _ if proposal.firing:
            return "nobody answered within a day, and no recovery came. `declare` opens an incident for it."
        case _:
            return "recovered before anybody answered."


def _line(alert: AlertSeen) -> str:
    label = one_line(alert.source.capitalize(), 30) or "Alert"
    where = f" {one_line(alert.where, 80)}" if alert.where else ""
    return f"{link(alert.link, label) or label} {one_line(alert.transition, 30)}{where}"


def _alerts(count: int) -> str:
    return f"{count} alert{'s' * (count != 1)}"
