"""Which incident an alert belongs to, and why. Pure: every verdict has a named reason that people are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.alert import Alert, Condition, Word, in_turn
from bot.triage.known import Known, Limits, Past, Problem, Wanted
from bot.triage.reasons import QUIET, WORDS, Why


class Ruling(StrEnum):
    """What becomes of an alert."""

    OPEN = "open"
    ATTACH = "attach"
    REOPEN = "reopen"  # attach to a closed incident, which is open again with it
    PROPOSE = "propose"  # people are asked whether it is an incident
    IGNORE = "ignore"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The ruling, the incident or proposal that it concerns (none for a new one), and the reason by name and in words.

    `news` says whether the alert changes what is known, so that it is worth looking at the server again. An incident
    that is opened takes the `proposal` along.
    """

    ruling: Ruling
    why: Why
    reason: str
    incident: int | None = None
    proposal: str = ""
    news: bool = False


def judge(
    alert: Alert,
    known: Known,
    *,
    place: str,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    wanted: Wanted = Wanted(),  # noqa: B008 - frozen
) -> Decision:
    """Decide for one alert. `place` is what it concerns.

    The order is from the surest sameness to the vaguest: same problem, same cycle, same place in the window. What
    is unclosed comes first, because people are at work there.
    """
    if alert.test:
        return _ignore(Why.TEST)
    if alert.condition is Condition.OTHER:
        return _ignore(Why.UNKNOWN, f"unknown transition {alert.transition!r}: kept, not acted upon")
    incidents = [p for p in known.problems if not p.proposal]
    same = _same(alert, [p for p in incidents if p.open])
    at_home = same is not None and same.fingerprint == alert.fingerprint
    end = None if at_home or not alert.condition.bad else _end(alert, known.past)
    if same and not end:
        return _attach(alert, same, known, limits)
    closed = _same(alert, [p for p in incidents if not p.open])
    asked = _same(alert, [p for p in known.problems if p.proposal])
    if alert.condition is Condition.RECOVERED:
        return _recovered(alert, closed, asked, known, limits)
    if closed and late(alert, closed, known.past):
        return _attach(alert, closed, known, limits)
    if end:
        return _ignore(Why.ENDED, f"its cycle has ended already (recovered {end:%H:%M:%S} UTC)")
    if wanted.do == "ignore":
        return _ignore(Why.RULE, wanted.named)
    return _wanted(alert, known, closed, asked, place=place, limits=limits, wanted=wanted)


def _wanted(
    alert: Alert,
    known: Known,
    closed: Problem | None,
    asked: Problem | None,
    *,
    place: str,
    limits: Limits,
    wanted: Wanted,
) -> Decision:
    """An alert that something is wrong, of no open incident, that people want to hear of."""
    here = [p for p in known.problems if p.open and same_place(p.place, place)]
    if near := _near(alert, [p for p in here if not p.proposal], limits.window):
        return Decision(
            ruling=Ruling.ATTACH, why=Why.SAME_PLACE, reason=_in_place(place, limits), incident=near.incident, news=True
        )
    if closed and (again := _again(alert, closed, known, limits)):
        return again
    why = Why.AFTER_COOL_OFF if closed else Why.NEW
    if wanted.do != "propose":
        waiting = asked if asked and asked.open else _near(alert, [p for p in here if p.proposal], limits.window)
        return _open(known, limits, why, wanted, waiting.proposal if waiting else "")
    return _propose(alert, known, asked, here, place=place, limits=limits, wanted=wanted)


def _open(known: Known, limits: Limits, why: Why, wanted: Wanted, proposal: str) -> Decision:
    """A new incident; above the policy's hourly number all go into one."""
    reason = "; ".join(filter(None, (WORDS[why], wanted.named)))
    if known.opened < limits.per_hour:
        return Decision(ruling=Ruling.OPEN, why=why, reason=reason, proposal=proposal, news=True)
    storm = f"a storm: over {limits.per_hour} incidents in an hour"
    if known.storm is None:
        return Decision(ruling=Ruling.OPEN, why=Why.STORM, reason=f"{storm}; {reason}", proposal=proposal)
    return Decision(
        ruling=Ruling.ATTACH, why=Why.STORM, reason=storm, incident=known.storm, proposal=proposal, news=False
    )


def _propose(
    alert: Alert,
    known: Known,
    asked: Problem | None,
    here: Sequence[Problem],
    *,
    place: str,
    limits: Limits,
    wanted: Wanted,
) -> Decision:
    """Ask people, with one card for what belongs together."""
    if asked and _goes_on(alert, asked, limits):
        if asked.dismissed:
            return _ignore(Why.DISMISSED, f"{WORDS[Why.DISMISSED]} ({asked.proposal})")
        why = _why(alert, asked, known.past)
        return Decision(ruling=Ruling.PROPOSE, why=why, reason=WORDS[why], proposal=asked.proposal)
    waiting = [p for p in known.problems if p.proposal and p.open]
    if near := _near(alert, [p for p in here if p.proposal], limits.window):
        return Decision(
            ruling=Ruling.PROPOSE, why=Why.SAME_PLACE, reason=_in_place(place, limits), proposal=near.proposal
        )
    if known.proposed >= limits.per_hour and waiting:
        newest = max(waiting, key=lambda p: (p.last_at, p.proposal))
        reason = f"a storm: over {limits.per_hour} proposals in an hour"
        return Decision(ruling=Ruling.PROPOSE, why=Why.STORM, reason=reason, proposal=newest.proposal)
    return Decision(ruling=Ruling.PROPOSE, why=Why.NEW, reason="; ".join(filter(None, (WORDS[Why.NEW], wanted.named))))


def _goes_on(alert: Alert, asked: Problem, limits: Limits) -> bool:
    """Whether it is still what people were asked about: they are not asked twice about one problem that comes back."""
    return asked.open or asked.firing or alert.at - asked.last_at <= limits.cool_off


def _recovered(alert: Alert, closed: Problem | None, asked: Problem | None, known: Known, limits: Limits) -> Decision:
    if closed:
        return _attach(alert, closed, known, limits)
    if asked:
        why = _why(alert, asked, known.past)
        return Decision(ruling=Ruling.PROPOSE, why=why, reason=WORDS[why], proposal=asked.proposal)
    return _ignore(Why.NOTHING_OPEN)


def _again(alert: Alert, closed: Problem, known: Known, limits: Limits) -> Decision | None:
    """A problem whose incident was closed a short while ago; None when that was too long ago.

    The cool-off counts from its recovery. A reminder says nothing that people did not know when they closed the
    incident.
    """
    if alert.condition is Condition.REMINDER:
        return _attach(alert, closed, known, limits)
    if not closed.firing and alert.at - closed.last_at > limits.cool_off:
        return None
    return Decision(ruling=Ruling.REOPEN, why=Why.AGAIN, reason=WORDS[Why.AGAIN], incident=closed.incident, news=True)


def _attach(alert: Alert, same: Problem, known: Known, limits: Limits) -> Decision:
    why = _why(alert, same, known.past)
    sameness = WORDS[Why.SAME_PROBLEM if same.fingerprint == alert.fingerprint else Why.SAME_CYCLE]
    more = "" if same.open else f", {WORDS[Why.CLOSED]}"
    other = same.fingerprint != alert.fingerprint or same.firing != alert.condition.bad
    if why is Why.LATE:
        more += f", {WORDS[Why.LATE]} ({same.last_at:%H:%M:%S} UTC)"
    elif why is Why.REMINDER:
        more += f", {WORDS[Why.REMINDER]}"
    elif other and same.open and (times := _flaps(alert, known, limits)):
        why = Why.FLAPPING
        more += f", flapping: {times} times in {_minutes(limits.within)} min"
    elif not same.open:
        why = Why.CLOSED
    news = same.open and other and why not in QUIET
    return Decision(ruling=Ruling.ATTACH, why=why, reason=sameness + more, incident=same.incident, news=news)


def _why(alert: Alert, same: Problem, past: Iterable[Past]) -> Why:
    if late(alert, same, past):
        return Why.LATE
    if same.fingerprint != alert.fingerprint:
        return Why.SAME_CYCLE
    return Why.REMINDER if alert.condition is Condition.REMINDER and same.firing else Why.SAME_PROBLEM


def _flaps(alert: Alert, known: Known, limits: Limits) -> str:
    """How often it began within the time that counts, this alert included; empty when that is no flapping."""
    since = alert.at - limits.within
    times = len([at for at in starts([*known.past, _now(alert)]) if since <= at <= alert.at])
    if times < limits.cycles:
        return ""
    more = not known.all_past and min(p.at for p in known.past) >= since
    return f"at least {times}" if more else str(times)


def _now(alert: Alert) -> Past:
    return Past(at=alert.at, condition=alert.condition, cycle=alert.cycle)


def starts(words: Iterable[Word]) -> list[datetime]:
    """When the problem began, each time: what is bad after a recovery, or first of all."""
    found: list[datetime] = []
    was_bad = False
    for one in in_turn(words):
        if one.bad and not was_bad:
            found.append(one.at)
        was_bad = one.bad
    return found


def _same(alert: Alert, problems: Sequence[Problem]) -> Problem | None:
    """The same problem before the same cycle: a problem has one open incident, a cycle key may mean anything."""
    if same := next((p for p in problems if p.fingerprint == alert.fingerprint), None):
        return same
    cycle = [p for p in problems if alert.cycle and p.cycle == alert.cycle]
    return max(cycle, key=lambda p: (p.last_at, p.incident, p.proposal), default=None)


def late(alert: Alert, problem: Problem, past: Iterable[Past]) -> bool:
    """Whether something later is known already. Of one instant all that was said counts, see `bot.alert.in_turn`."""
    if problem.fingerprint != alert.fingerprint or alert.at != problem.last_at:
        return problem.fingerprint == alert.fingerprint and alert.at < problem.last_at
    last = Past(problem.last_at, Condition.FIRING if problem.firing else Condition.RECOVERED, problem.cycle)
    here = [p for p in past if p.at == alert.at]
    return in_turn([last, *here, _now(alert)])[-1].bad != alert.condition.bad


def _end(alert: Alert, past: Iterable[Past]) -> datetime | None:
    """When the cycle of this late alert ended, if it was over before we heard of it."""
    last = in_turn([*past, _now(alert)])[-1]
    return None if last.bad else last.at


def same_place(one: str, other: str) -> bool:
    """Whether two places are one: an environment that is not named may be any."""
    return bool(one and other) and (one == other or one.startswith(f"{other} ") or other.startswith(f"{one} "))


def _near(alert: Alert, problems: Sequence[Problem], window: timedelta) -> Problem | None:
    """The problem that is nearest in time, within the window."""
    found = [p for p in problems if abs(alert.at - p.last_at) <= window]
    return min(found, key=lambda p: (abs(alert.at - p.last_at), p.incident, p.proposal), default=None)


def _in_place(place: str, limits: Limits) -> str:
    return f"same place ({place}) within {_minutes(limits.window)} min"


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds() // 60)


def _ignore(why: Why, reason: str = "") -> Decision:
    return Decision(ruling=Ruling.IGNORE, why=why, reason=reason or WORDS[why])
