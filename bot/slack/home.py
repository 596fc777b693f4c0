"""The app's Home tab: what one person sees at a glance. Pure.

https://docs.slack.dev/surfaces/app-home
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.overview import OpenIncident, Overview, ToDo
from bot.slack.blocks import Block, actions, button, channel, context, header, one_line, section, when
from bot.slack.hearing import Payload

DECLARE = "declare_incident"
INCIDENTS = 20
TO_DO = 20


def view(overview: Overview, *, command: str = "/incident") -> Block:
    """The tab of one person."""
    blocks = [
        header("Open incidents"),
        *_incidents(overview),
        header("For you to do"),
        *_to_do(overview),
        actions(button("Declare an incident", action=DECLARE, value="home", style="primary")),
        context(f"`{one_line(command, 32)} help` shows all words"),
    ]
    return {"type": "home", "blocks": blocks}


def _incidents(overview: Overview) -> Iterator[Block]:
    for incident in overview.incidents[:INCIDENTS]:
        yield section(*_lines(incident))
    if not overview.incidents:
        yield section("None. All is well.")
    elif len(overview.incidents) > INCIDENTS:
        yield context(f"and {len(overview.incidents) - INCIDENTS} more: say “list”")


def _lines(incident: OpenIncident) -> tuple[str, ...]:
    title = one_line(incident.title, 300)
    at = f" in {channel(incident.channel.id, incident.channel.name)}" if incident.channel else ""
    state = f"{one_line(incident.severity, 40)} · {incident.status} · since {when(incident.since)}{at}"
    mine = f"You are {one_line(', '.join(incident.roles), 100)}." if incident.roles else ""
    return tuple(filter(None, (f"*{incident.id} · {title}*" + (" (private)" if incident.private else ""), state, mine)))


def _to_do(overview: Overview) -> Iterator[Block]:
    for todo in overview.to_do[:TO_DO]:
        yield section(_line(todo))
    if not overview.to_do:
        yield section("Nothing.")
    elif len(overview.to_do) > TO_DO:
        yield context(f"and {len(overview.to_do) - TO_DO} more")


def _line(todo: ToDo) -> str:
    due = f" (by {one_line(todo.due, 40)})" if todo.due else ""
    return f"*{todo.incident} {todo.id}*{due}: {one_line(todo.text, 500)}"


def opened(body: Payload) -> str:
    """Who has opened the Home tab; empty for the other tabs."""
    event = body["event"]
    return str(event.get("user") or "") if event.get("tab") == "home" else ""
