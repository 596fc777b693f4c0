"""action, actions, done: what is to be done so that it does not happen again."""

import re

from bot.commands import Asked, Outcome, Tell, command
from bot.commands.role import MENTION, person_named
from bot.facts import ActionAdded, ActionDone
from bot.incident import Incident
from bot.ports import NotAllowed
from bot.spoken_time import Context, Understood, understand_date

TYPES = ("prevent", "detect", "mitigate", "process")


@command("action", usage="action [@owner] [by DATE] TEXT", order=32)
def action(asked: Asked, incident: Incident) -> Outcome:
    """Name something to be done afterwards, if you can with owner and date."""
    words = asked.need("what is to be done")
    owner, words = _owner(words)
    due, words = _due(asked, words)
    type, words = _type(words)
    if not words:
        raise NotAllowed("No action was added: what is to be done? Try: action @ana by friday test every config")
    told = ActionAdded(text=words, owner=owner, due=due, type=type)
    missing = [word for word, value in (("owner", owner), ("date", due)) if not value]
    later = f" It has no {' and no '.join(missing)} yet." if missing else ""
    by = f" by {due}" if due else ""
    return Outcome(
        text=f"A{len(incident.action_items) + 1}{f' for {owner}' if owner else ''}{by}: {words}.{later}",
        tell=(Tell(what=told, at=asked.now),),
    )


def _owner(words: str) -> tuple[str, str]:
    first, rest = [*words.split(maxsplit=1), ""][:2]
    if MENTION.fullmatch(first) or re.fullmatch(r"@[\w.-]+", first):
        person = person_named(first)
        return person.name or person.id, rest
    return "", words


def _due(asked: Asked, words: str) -> tuple[str, str]:
    """`by DATE` at the start; words that do not begin with a date are all text."""
    if not words.lower().startswith("by "):
        return "", words
    heard = understand_date(words, Context(now=asked.now, zone=asked.zone))
    if isinstance(heard, Understood) and heard.on:
        return heard.on.isoformat(), heard.rest.lstrip(" ,:-").strip()
    return "", words


def _type(words: str) -> tuple[str, str]:
    first, colon, rest = words.partition(":")
    return (first.lower(), rest.strip()) if colon and first.lower() in TYPES else ("prevent", words)


@command("actions", usage="actions", order=33)
def actions(asked: Asked, incident: Incident) -> Outcome:
    """Show what is to be done."""
    asked.alone("actions")
    if not incident.action_items:
        return Outcome(text="No actions yet. Add one: action @ana by friday test every config")
    return Outcome(
        text="\n".join(
            f"{a.id} {a.state}: {a.text} ({a.owner or 'no owner'}, {a.due or 'no date'})" for a in incident.action_items
        )
    )


@command("done", usage="done A1", order=34)
def done(asked: Asked, incident: Incident) -> Outcome:
    """Say that an action is done."""
    wanted = asked.need("the action's id").upper()
    item = next((a for a in incident.action_items if a.id == wanted), None)
    if item is None:
        known = ", ".join(a.id for a in incident.action_items) or "none yet"
        raise NotAllowed(f"Nothing was changed: there is no action {wanted} here; there is {known}.")
    if item.state == "done":
        return Outcome(text=f"{item.id} is done already.")
    return Outcome(text=f"{item.id} done: {item.text}", tell=(Tell(what=ActionDone(item=item.id), at=asked.now),))
