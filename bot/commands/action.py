"""action, actions, done: what is to be done so that it does not happen again."""

import re
from dataclasses import dataclass, field

from bot.commands import Asked, Outcome, Tell, command
from bot.commands.role import MENTION, person_named
from bot.facts import ActionAdded, ActionChanged, ActionDone
from bot.incident import ActionItem, Incident
from bot.ports import NotAllowed
from bot.spoken_time import Context, Understood, understand_date

TYPES = ("prevent", "detect", "mitigate", "process")
ITEM = re.compile(r"(?P<id>a\d+)\b[:,]?\s*", re.IGNORECASE)
PRIORITY = re.compile(r"(?P<priority>p[0-4])\b[:,]?\s*", re.IGNORECASE)
DONE_WHEN = re.compile(r"(?:^|[\s;,.–—-]+)done[ -]when:?\s+(?P<done_when>\S.*)$", re.IGNORECASE | re.DOTALL)
TICKET = re.compile(r"(?:^|[\s;,]+)ticket:?\s+(?P<ticket>(?=\S*\d)\S+)$", re.IGNORECASE)


@dataclass
class _Parts:
    """What was said of an action, by field, and the words that are left."""

    text: str
    said: dict[str, str] = field(default_factory=dict)

    def take(self, pattern: re.Pattern[str]) -> bool:
        """Take what fits out of the words."""
        found = pattern.match(self.text) if pattern is PRIORITY else pattern.search(self.text)
        if found:
            self.said |= found.groupdict()
            self.text = (self.text[: found.start()] + self.text[found.end() :]).strip()
        return found is not None


@command("action", usage="action [A1] [@owner] [by DATE] [P1] TEXT [; done when TEXT]", order=32)
def action(asked: Asked, incident: Incident) -> Outcome:
    """Name something to be done afterwards, if you can with owner, date, priority and test; or say what A1 lacks."""
    words = asked.need("what is to be done")
    if named := ITEM.match(words):
        return _change(asked, _item(incident, named["id"].upper()), words[named.end() :])
    parts = _read(asked, words)
    if not parts.text:
        raise NotAllowed("No action was added: what is to be done? Try: action @ana by friday test every config")
    told = ActionAdded(text=parts.text, **{"type": "prevent", **parts.said})
    later = _lacks(told.owner, told.due)
    owner, by = f" for {told.owner}" if told.owner else "", f" by {told.due}" if told.due else ""
    return Outcome(
        text=f"A{len(incident.action_items) + 1}{owner}{by}: {told.text}.{later}",
        tell=(Tell(what=told, at=asked.now),),
    )


def _lacks(owner: str, due: str) -> str:
    missing = [word for word, value in (("owner", owner), ("date", due)) if not value]
    return f" It has no {' and no '.join(missing)} yet." if missing else ""


def _change(asked: Asked, item: ActionItem, words: str) -> Outcome:
    parts = _read(asked, words)
    told = parts.said | ({"text": parts.text} if parts.text else {})
    if not told:
        raise NotAllowed(f"Nothing was changed: say what {item.id} lacks, as in: action {item.id} @ana by friday P1")
    changed = ActionChanged(item=item.id, **told)
    same = all(getattr(item, name) == value for name, value in told.items())
    tell = () if same else (Tell(what=changed, at=asked.now),)
    now = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in told.items())
    return Outcome(text=f"{item.id}: {now}.", tell=tell)


def _read(asked: Asked, words: str) -> _Parts:
    """What stands before the text in any order, and what stands behind it."""
    parts = _Parts(text=words.strip())
    parts.take(DONE_WHEN)
    parts.take(TICKET)
    while _owner(parts) or _due(asked, parts) or _type(parts) or parts.take(PRIORITY):
        pass
    if priority := parts.said.get("priority"):
        parts.said["priority"] = priority.upper()
    return parts


def _owner(parts: _Parts) -> bool:
    first, rest = [*parts.text.split(maxsplit=1), "", ""][:2]
    if "owner" in parts.said or not (MENTION.fullmatch(first) or re.fullmatch(r"@[\w.-]+", first)):
        return False
    person = person_named(first)
    parts.said["owner"], parts.text = person.name or person.id, rest
    return True


def _due(asked: Asked, parts: _Parts) -> bool:
    """`by DATE`; words that do not go on with a date are text."""
    if "due" in parts.said or not parts.text.lower().startswith("by "):
        return False
    heard = understand_date(parts.text, Context(now=asked.now, zone=asked.zone))
    if not (isinstance(heard, Understood) and heard.on):
        return False
    parts.said["due"], parts.text = heard.on.isoformat(), heard.rest.lstrip(" ,:-").strip()
    return True


def _type(parts: _Parts) -> bool:
    first, colon, rest = parts.text.partition(":")
    if "type" in parts.said or not colon or first.lower() not in TYPES:
        return False
    parts.said["type"], parts.text = first.lower(), rest.strip()
    return True


@command("actions", usage="actions", order=33)
def actions(asked: Asked, incident: Incident) -> Outcome:
    """Show what is to be done."""
    asked.alone("actions")
    if not incident.action_items:
        return Outcome(text="No actions yet. Add one: action @ana by friday test every config")
    return Outcome(text="\n".join(_shown(item) for item in incident.action_items))


def _shown(item: ActionItem) -> str:
    done_when = f"done when {item.done_when}" if item.done_when else ""
    told = [item.owner or "no owner", item.due or "no date", item.priority, done_when, item.ticket]
    return f"{item.id} {item.state}: {item.text} ({', '.join(filter(None, told))})"


@command("done", usage="done A1", order=34)
def done(asked: Asked, incident: Incident) -> Outcome:
    """Say that an action is done."""
    item = _item(incident, asked.need("the action's id").upper())
    if item.state == "done":
        return Outcome(text=f"{item.id} is done already.")
    return Outcome(text=f"{item.id} done: {item.text}", tell=(Tell(what=ActionDone(item=item.id), at=asked.now),))


def _item(incident: Incident, wanted: str) -> ActionItem:
    item = next((a for a in incident.action_items if a.id == wanted), None)
    if item is None:
        known = ", ".join(a.id for a in incident.action_items) or "none yet"
        raise NotAllowed(f"Nothing was changed: there is no action {wanted} here; there is {known}.")
    return item
