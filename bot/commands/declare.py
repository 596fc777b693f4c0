"""declare: open an incident."""

import re

from bot.commands import Asked, Outcome, Tell, command
from bot.facts import Captured, Opened, Told
from bot.forms import declare_form
from bot.incident import Kind, Source
from bot.said import Quote

LONGEST = 200
UNTITLED = "Untitled incident"
FLAG = re.compile(r"\s*(--|[—–-])(?P<flag>private|drill)\b\s*", re.IGNORECASE)


@command("declare", usage="declare [--private] [--drill] [TITLE]", order=0)
def declare(asked: Asked) -> Outcome:
    """Open an incident. A title is enough, or not even that; everything can be said later.

    The same title of the same person within 15 seconds is taken for the same incident. A drill is marked as one
    wherever it is named.
    """
    title, flags = asked.words, set[str]()
    while flag := FLAG.match(title):
        title = title[flag.end() :]
        flags.add(flag["flag"].lower())
    if not title and not flags and asked.said.trigger:
        return Outcome(
            text="No incident was opened yet: say its title, as in: declare checkout is slow",
            form=declare_form(asked.policy),
        )
    return open_incident(asked, title, private="private" in flags, drill="drill" in flags)


def open_incident(
    asked: Asked,
    words: str,
    *,
    severity: str = "",
    service: str = "",
    private: bool = False,
    drill: bool = False,
    quote: Quote | None = None,
) -> Outcome:
    """A new incident under this title; what is too long for one is kept as a note, a quoted message as an entry."""
    said = " ".join(words.split())
    title = said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"
    opened = Opened(
        title=title or UNTITLED,
        severity=severity or asked.policy.default_severity,
        service=service,
        private=private,
        drill=drill,
    )
    whole = () if said == title else (Tell(what=Told(kind=Kind.NOTE, text=words), at=asked.now),)
    shown = "private; only those who are invited see it" if private else title or "now give it a title: title TEXT"
    return Outcome(
        text=f"{{id}} opened{', a drill' if drill else ''}: {shown}",
        tell=(Tell(what=opened, at=asked.now), *whole, *quoted(quote, asked)),
        flows=("open",),
        opens=True,
        private=private,
    )


def quoted(quote: Quote | None, asked: Asked) -> tuple[Tell, ...]:
    """The fact that captures a message, with its own time and author."""
    if quote is None:
        return ()
    told = Captured(message=quote.name, text=quote.words, by=asked.said.author)
    source = Source(type="shortcut", url=quote.url)
    return (Tell(what=told, at=quote.at, by=quote.author, source=source),)
