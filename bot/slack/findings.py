"""What the checks and the people found, as the card tells it: proved, possible, ruled out, not known. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.incident import CauseSeen, CheckSeen, Incident, Kind, Status, Verdict
from bot.slack.blocks import Block, context, cut, lasting, length, one_line, section

CAUSE = 300
"""So much of a cause stands on the card, in whole sentences; all of it is in the message's text and in the timeline."""


def proved(incident: Incident) -> list[Block]:
    """What is proved, how fast it was found and how much was asked for it."""
    asked = _asked(incident)
    blocks: list[Block] = []
    for cause in incident.proved[:2]:
        found = " · ".join(filter(None, (f"*Proved* {_found(incident, cause)}".rstrip(), asked)))
        blocks.append(section(found, sentences(one_line(cause.text, 600), CAUSE)))
        blocks += [context(because)] if (because := one_line(cause.because, 200)) else []
    return blocks


def _asked(incident: Incident) -> str:
    """How much was asked to find it."""
    last = _last_run(incident.checks)
    checks, hosts = len({c.check for c in last}), len({c.host for c in last})
    return f"{checks} check{'s' * (checks != 1)}, {hosts} host{'s' * (hosts != 1)}" if last else ""


def _proof(incident: Incident, cause: CauseSeen) -> str:
    return f"Proved {_found(incident, cause)}".rstrip()


def _explained(cause: CauseSeen) -> list[str]:
    return [one_line(cause.text, 600)] + ([one_line(cause.because, 200)] if cause.because else [])


def _found(incident: Incident, cause: CauseSeen) -> str:
    """How long after the alert it was found."""
    began = incident.detected_at
    if began is None or cause.at < began:
        return ""
    return f"{lasting((cause.at - began).total_seconds())} after the alert"


def _causes(incident: Incident, verdict: Verdict) -> list[CauseSeen]:
    return [c for c in incident.latest_causes if c.verdict is verdict]


def unproved(incident: Incident) -> list[Block]:
    """What may be the cause, and what people say that it is."""
    lines = [f"*Possible:* {one_line(c.text, 200)}" for c in _causes(incident, Verdict.POSSIBLE)[:3]]
    lines += [told] if (told := _unexplained(incident)) else []
    for kind, word in ((Kind.IMPACT, "Impact"), (Kind.FINDING, "Finding")):
        said = [e for e in incident.timeline if e.kind is kind and not e.dropped][-1:]
        lines += [f"*{word}:* {one_line(e.text, 200)}" for e in said]
    return [section(*lines)] if lines else []


def _unexplained(incident: Incident) -> str:
    """What the checks found where no cause explains it."""
    if not incident.checks or incident.proved:
        return ""
    odd = [c for c in _last_run(incident.checks) if c.state in {"fail", "warn"}]
    found = _listed([f"{c.check} on {c.host} ({c.summary or c.reason or c.state})" for c in odd], each=100, most=4)
    return f"*No cause is proved.* Checks that failed: {found or 'none'}"


def looked(incident: Incident) -> list[Block]:
    """What nobody knows, why nothing was checked, or why no repair is offered."""
    lines = [line for line in (_unknown(incident), _not_checked(incident), _not_offered(incident)) if line]
    return [section(*lines)] if lines else []


def ruled_out(incident: Incident) -> list[Block]:
    """What is not the cause, in small print."""
    told = _ruled_out(incident, each=80, most=3)
    return [context(told)] if told else []


def _ruled_out(incident: Incident, *, each: int, most: int) -> str:
    out = [c.text.partition(". ")[0].partition(": ")[0].rstrip(".") for c in _causes(incident, Verdict.RULED_OUT)]
    said = [e.text for e in incident.timeline if e.kind is Kind.RULED_OUT and not e.dropped]
    named = _listed([*said, *out], each=each, most=most)
    return f"*Ruled out:* {named}" if named else ""


def _unknown(incident: Incident) -> str:
    checks = [c for c in _last_run(incident.checks) if c.state == "unknown"]
    named = _listed([f"{c.check} on {c.host} ({c.summary or c.reason})" for c in checks], each=100, most=4)
    return f"*Could not check:* {named}" if named else ""


def _last_run(checks: Sequence[CheckSeen]) -> list[CheckSeen]:
    """The answers of the newest run of each runbook."""
    newest = {check.runbook: check.run for check in checks}
    return [check for check in checks if newest[check.runbook] == check.run]


def _not_checked(incident: Incident) -> str:
    if incident.checking:
        return f"*Checks are running:* {one_line(incident.checking, 300)}"
    if incident.checks or incident.status is Status.CLOSED:
        return ""
    told = incident.first(Kind.CHECK)
    if told:
        return f"*Not checked:* {one_line(told.text, 300)}"
    return "Checks are running." if incident.firing else ""


def _not_offered(incident: Incident) -> str:
    """Why a proved cause comes without a repair, where the record says so."""
    told = None if incident.repairs else incident.first(Kind.REMEDIATION)
    return f"*No repair offered:* {one_line(told.text, 300)}" if told else ""


def _listed(texts: Sequence[str], *, each: int, most: int) -> str:
    named = [one_line(text, each) for text in texts[:most]]
    return "; ".join(named) + (f"; and {len(texts) - most} more" if len(texts) > most else "")


def proved_in_words(incident: Incident) -> list[str]:
    """The same as `proved`, as sentences."""
    return [f"{_proof(incident, c)}: {' '.join(_explained(c))}" for c in incident.proved[:2]]


def others_in_words(incident: Incident) -> list[str]:
    """All else that was found, as sentences."""
    words = [f"Possible: {one_line(c.text, 200)}" for c in _causes(incident, Verdict.POSSIBLE)[:3]]
    out = _ruled_out(incident, each=100, most=4)
    lines = (_unexplained(incident), out, _unknown(incident), _not_checked(incident), _not_offered(incident))
    return words + [sentence(line.replace("*", "", 2)) for line in lines if line]


def sentence(text: str) -> str:
    """The text with an end."""
    return text if text.endswith((".", "…", "!", "?")) else f"{text}."


def sentences(text: str, most: int) -> str:
    """The first whole sentences that fit; if not even one does, its start."""
    if length(text) <= most:
        return text
    start = cut(text, most)
    whole, end, _ = start.rpartition(". ")
    return f"{whole}." if end else start
