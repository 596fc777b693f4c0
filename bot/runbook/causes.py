"""How answers become causes: proved, possible or ruled out. Pure; it decides and neither asks nor acts.

A cause is *proved* when every answer that it lists is there, *ruled out* when one answer contradicts it, and
*possible* when nothing contradicts it and something could not be asked. What could not be asked (unknown, skipped,
never run) is no answer: it proves nothing and rules nothing out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from bot.incident import Verdict
from bot.runbook.inventory import Group, Host
from bot.runbook.placeholders import facts_of, fill_text, fills, plain, values_of
from bot.runbook.result import Result, State
from bot.runbook.runbook import At, Cause, Check, Runbook

ANSWERED = (State.OK, State.WARN, State.FAIL)


@dataclass(frozen=True, kw_only=True)
class JudgedCause:
    """One cause after the answers are in.

    `id` is RUNBOOK/n, `text` its filled explanation, `checks` what it rests on. `contradicted_by` names the check
    that ruled it out and `because` is what that check said; `unanswered` names what could not be asked.
    """

    id: str
    host: str
    verdict: Verdict
    text: str
    checks: tuple[str, ...]
    contradicted_by: str = ""
    because: str = ""
    unanswered: tuple[str, ...] = ()
    offer: tuple[str, ...] = ()


def judge(runbook: Runbook, host: Host, results: Iterable[Result], *, group: Group) -> list[JudgedCause]:
    """What the results say about each cause on this host of this group, in the order of the runbook.

    The results are those of one diagnosis of this host, so they hold those of the hosts asked for its sake (peers,
    balancer, primary). When a check was run twice on a host, its last result counts.
    """
    answers = _Answers(runbook, host, group, results)
    return [_judge(cause, answers) for cause in runbook.causes]


def fits(result: Result, answers: frozenset[str]) -> bool | None:
    """Whether a result is one of the answers, by its state or its reason; None when it is no answer at all."""
    if result.state not in ANSWERED:
        return None
    return result.state.value in answers or (result.state is not State.OK and result.reason in answers)


class _Answers:
    """The results about one host, by check."""

    def __init__(self, runbook: Runbook, host: Host, group: Group, results: Iterable[Result]) -> None:
        self.checks = runbook.checks
        self.host = host
        self.group = group
        self.by_check: dict[str, dict[str, Result]] = {}
        for result in results:
            self.by_check.setdefault(result.check, {})[result.host] = result
        self._facts: dict[tuple[str, str], dict[str, str]] = {}
        self._said: dict[str, str] = {}

    def of(self, check: str) -> list[Result]:
        """The results that answer this check for this host: its own, or those of the hosts that it asks."""
        found = self.by_check.get(check, {})
        return [found[name] for name in self._asked(self.checks[check].at, found) if name in found]

    def _asked(self, at: At, found: Iterable[str]) -> list[str]:
        """The names under which results of a check count for this host."""
        if at in (At.AFFECTED, At.GROUP):
            return [self.host.name]
        if at is At.PEERS:
            return [name for name in found if name != self.host.name]
        if at is At.PRIMARY:
            return [self.group.primary or self.host.name]
        elsewhere = [name for name in found if name not in self.group.hosts]
        return [self.host.name] if self.host.name in found else elsewhere

    def fits(self, check: str, answers: frozenset[str]) -> bool | None:
        """Whether all results of a check fit; one that does not decides, then one that is missing."""
        fitting = [fits(result, answers) for result in self.of(check)]
        if False in fitting:
            return False
        return None if None in fitting or not fitting else True

    def say(self, check: str) -> str:
        """What a check has to say: its own explanation where it found something, else its summary."""
        if check not in self._said:
            said = [self._say(self.checks[check], result) for result in self.of(check)]
            self._said[check] = " ".join(filter(None, said)) or f"({check}: not asked)"
        return self._said[check]

    def _say(self, check: Check, result: Result) -> str:
        if result.state not in ANSWERED:
            return f"({check.name}: not known{', ' + plain(result.summary) if result.summary else ''})"
        values = self._values(check, result)
        if result.state is not State.OK and check.explains and fills(check.explains, values):
            return fill_text(check.explains.strip(), values)
        return plain(result.summary) or f"{check.name}: {result.reason or result.state.value}"

    def _values(self, check: Check, result: Result) -> dict[str, str]:
        """`$host` is the host that the check is about: a peer speaks of itself, all else of the affected host."""
        own = check.at in (At.PEERS, At.GROUP) and result.host in self.group.hosts
        about = self.group.hosts[result.host] if own else self.host
        words = {w.replace("_", "-"): str(v) for w, v in check.words.items() if isinstance(v, str | int | float)}
        return {**words, **self._found(result), **values_of(about, self.group)}

    def _found(self, result: Result) -> dict[str, str]:
        """The facts of a result as texts, made once: causes share them."""
        key = result.check, result.host
        if key not in self._facts:
            self._facts[key] = facts_of(result)
        return self._facts[key]

    @cached_property
    def values(self) -> dict[str, str]:
        """What fills the explanation of a cause: the host, each check, and the facts of each check."""
        said = {check: self.say(check) for check in self.checks}
        facts = {
            f"{check}.{word}": value
            for check in self.checks
            for result in reversed(self.of(check))
            for word, value in self._found(result).items()
        }
        return {**said, **facts, **values_of(self.host, self.group)}


def _judge(cause: Cause, answers: _Answers) -> JudgedCause:
    fitting = {check: answers.fits(check, wanted) for check, wanted in cause.when.items()}
    against = next((check for check, fit in fitting.items() if fit is False), "")
    unanswered = tuple(check for check, fit in fitting.items() if fit is None)
    return JudgedCause(
        id=cause.id,
        host=answers.host.name,
        verdict=_verdict(against=against, proves=bool(fitting) and not unanswered),
        text=fill_text(cause.explains, answers.values),
        checks=tuple(cause.when),
        contradicted_by=against,
        because=answers.say(against) if against else "",
        unanswered=unanswered,
        offer=cause.offer,
    )


def _verdict(*, against: str, proves: bool) -> Verdict:
    if against:
        return Verdict.RULED_OUT
    return Verdict.PROVED if proves else Verdict.POSSIBLE
