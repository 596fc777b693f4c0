"""What the monitoring system adds to the card: pages set to host and time, changes, earlier incidents."""

from __future__ import annotations

from bot.incident import Incident
from bot.slack.blocks import Block, context, in_utc, link, one_line, when

SHOWN = 3
"""Changes and earlier incidents that the card has room for."""


def around(incident: Incident) -> list[Block]:
    """A line of each that there is."""
    pages = [link(url, one_line(name, 30)) for name, url in incident.watched.links.items()]
    newest = sorted(incident.watched.changes, key=lambda c: c.at)[-SHOWN:]
    changes = [f"{one_line(c.title, 120)} ({when(c.at)})" for c in newest]
    earlier = [one_line(title, 100) for title in incident.watched.earlier[:SHOWN]]
    told = {"Look at": " · ".join(filter(None, pages)), "Changed": "; ".join(changes), "Before": "; ".join(earlier)}
    return [context(f"*{name}:* {text}") for name, text in told.items() if text]


def around_in_words(incident: Incident) -> list[str]:
    """The same without links, for whoever hears the card."""
    changes = [f"{one_line(c.title, 120)} at {in_utc(c.at)}" for c in incident.watched.changes[:SHOWN]]
    earlier = [one_line(title, 100) for title in incident.watched.earlier[:SHOWN]]
    said = [f"Changed shortly before: {'; '.join(changes)}."] if changes else []
    return said + ([f"The same monitor alerted before: {'; '.join(earlier)}."] if earlier else [])
