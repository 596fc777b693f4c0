"""What failed at first, and what the same checks answer since: so that a recovery is seen, not only told. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bot.incident import CheckSeen, Incident

BAD = frozenset({"fail", "warn"})


@dataclass(frozen=True, kw_only=True)
class Answers:
    """One check on one host: its last bad answer, and its newest one."""

    before: CheckSeen
    after: CheckSeen

    @property
    def well(self) -> bool:
        """Whether it answers that all is well now. What could not be asked is not well."""
        return self.after.state == "ok"


def before_and_after(incident: Incident) -> list[Answers]:
    """The checks that failed and were asked again, those first that are not well.

    Nothing as long as alerts fire and all still fail: then there is no recovery to look at.
    """
    told: dict[tuple[str, str, str], list[CheckSeen]] = {}
    for check in incident.checks:
        told.setdefault((check.runbook, check.check, check.host), []).append(check)
    found = [pair for answers in told.values() if (pair := _compared(answers))]
    if incident.firing and not any(pair.well for pair in found):
        return []
    return sorted(found, key=lambda pair: pair.well)


def _compared(answers: list[CheckSeen]) -> Answers | None:
    """One run of a check may be recorded twice, so an answer counts as newer only where it is of another run."""
    newest = answers[-1]
    bad = [a for a in answers if a.state in BAD and a.run != newest.run]
    return Answers(before=bad[-1], after=newest) if bad else None
