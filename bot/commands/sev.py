"""sev: how bad it is."""

import re
from collections.abc import Sequence

from bot.commands import Asked, Outcome, Tell, command
from bot.facts import SeveritySet, Told
from bot.incident import Incident, Kind
from bot.ports import NotAllowed

NUMBERED = re.compile(r"(?:SEV|P)?([0-9]{1,3})")


@command("sev", usage="sev N [WHY]", order=40)
def sev(asked: Asked, incident: Incident) -> Outcome:
    """Set how bad it is; 1 is worst."""
    choices = asked.policy.severities
    word, why = [*asked.words.split(maxsplit=1), "", ""][:2]
    wanted = _severity(word, choices)
    if wanted is None:
        why_not = f"“{asked.words[:80]}” is none; " if asked.words else ""
        raise NotAllowed(f"The severity stays {incident.severity}: {why_not}say one of {', '.join(choices)}.")
    note = (Tell(what=Told(kind=Kind.NOTE, text=why), at=asked.now),) if why else ()
    if wanted == incident.severity:
        return Outcome(text=f"It is {wanted} already.", tell=note)
    return Outcome(
        text=f"Severity {incident.severity} → {wanted}.",
        tell=(Tell(what=SeveritySet(severity=wanted), at=asked.now), *note),
    )


def _severity(word: str, choices: Sequence[str]) -> str | None:
    """The severity of this name; or by a number, in whatever way the policy names it, or by its place from the worst.

    Names that carry numbers are taken at their word: with SEV0 as the worst, 1 is SEV1.
    """
    bare = {_bare(choice): choice for choice in choices}
    if (said := _bare(word)) in bare:
        return bare[said]
    if not (number := NUMBERED.fullmatch(said)):
        return None
    carried = {int(found[0]): choice for choice in choices if (found := re.search(r"[0-9]{1,3}$", choice))}
    if not carried:
        carried = dict(enumerate(choices, 1))
    return carried.get(int(number[1]))


def _bare(name: str) -> str:
    return "".join(letter for letter in name.upper() if letter.isalnum())
