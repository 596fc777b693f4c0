"""The forms that people can fill in: which fields each has and what it lets choose. Pure; how they look is the chat's.

A form is opened by a word, a button or a shortcut, comes back as a click under its own name, and can always be said
in words instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bot.incident import Incident, Status
from bot.policy import Policy
from bot.said import Form, Said

if TYPE_CHECKING:
    from bot.commands import Listed

DECLARE = "declare_form"
UPDATE = "update_form"
CAPTURE = "capture_form"
SETTABLE = (Status.INVESTIGATING, Status.IDENTIFIED, Status.MONITORING)
"""What a person may set by itself; the others are said with words of their own, so that they get their time."""


def declare_form(policy: Policy, *, title: str = "", carries: Mapping[str, str] | None = None) -> Form:
    """Opens an incident."""
    return Form(
        name=DECLARE,
        filled={"title": title, "severity": policy.default_severity},
        choices={"severity": tuple((s, s) for s in policy.severities)},
        carries=carries or {},
    )


def update_form(incident: Incident) -> Form:
    """Tells how it stands. Where it is over there is nothing to choose."""
    over = incident.status not in SETTABLE
    return Form(
        name=UPDATE,
        filled={"status": "" if over else incident.status.value},
        choices={"status": () if over else tuple((s.value, s.value) for s in SETTABLE)},
        carries={"incident": incident.id},
    )


def capture_form(incidents: Sequence[Listed], *, quote: str) -> Form:
    """Asks into which incident's timeline a message belongs; the newest ones come first."""
    newest = sorted(incidents, key=lambda i: int(i.id.removeprefix("INC-")), reverse=True)
    return Form(
        name=CAPTURE,
        choices={"incident": tuple((i.id, f"{i.id} {i.title}") for i in newest)},
        carries={"quote": quote},
    )


_OPENERS = frozenset({"add_to_timeline", "declare_from_message", "declare_incident", "update_incident"})


def asks_for_form(said: Said) -> bool:
    """Whether a form may be the answer: then there is no time for looking anybody up."""
    return bool(said.trigger) and (said.button in _OPENERS or said.text.strip().lower() in {"declare", "update"})
