"""How an incident's channel is called. Pure."""

from __future__ import annotations

import re

from bot.incident import Incident

LONGEST = 80
_SUFFIX = 4


def channel_name(template: str, incident: Incident, *, attempt: int = 1) -> str:
    """The name from a template with {n} and {slug}, as Slack allows it; later attempts end in -2, -3, …"""
    slug = "" if incident.private else incident.slug
    name = _allowed(template.replace("{n}", str(incident.number)).replace("{slug}", slug))
    name = name[: LONGEST - _SUFFIX].strip("-") or f"inc-{incident.number}"
    return name if attempt == 1 else f"{name}-{attempt}"


def could_be(template: str, incident: Incident, name: str) -> bool:
    """Whether a channel of this name may have been made for this incident, under whatever title it had then."""
    if "{n}" not in template:
        return name.startswith(channel_name(template, incident))
    parts = re.split(r"(\{n\}|\{slug\})", template)
    known = {"{n}": str(incident.number), "{slug}": "[a-z0-9-]*"}
    pattern = "".join(known.get(part) or re.escape(_spelled(part)) for part in parts)
    bare = channel_name(template.replace("{slug}", ""), incident)
    return re.fullmatch(rf"{pattern}|{re.escape(bare)}(-\d)?", name) is not None


def _allowed(name: str) -> str:
    return re.sub(r"-{2,}", "-", _spelled(name)).strip("-")


def _spelled(name: str) -> str:
    return re.sub(r"[^a-z0-9_-]", "-", name.lower())
