"""at: write a line into the timeline at the time when it happened, or many lines with a time each."""

from bot.commands import Asked, Outcome, Tell, command, leading_time, next_entry
from bot.facts import Told
from bot.incident import Incident, Kind, Person, Precision
from bot.ports import NotAllowed
from bot.spoken_time import NoTime, Understood, echo
from bot.timeline_file import Row, read


@command("at", usage="at TIME TEXT", order=11)
def at(asked: Asked, incident: Incident) -> Outcome:
    """Write a line into the timeline at the time when it happened: at 11:13 found the wrong port. Many lines: paste."""
    words = asked.need("the time")
    if rows := _pasted(asked, words, incident):
        return _many(rows, incident)
    time = leading_time(asked, words, incident, example="at 11:13 found the wrong port")
    if not time.rest:
        raise NotAllowed(f"Nothing was recorded: what happened at {time.typed}? Try: at {time.typed} what happened")
    told = Told(kind=Kind.NOTE, text=time.rest, typed=time.typed, precision=time.precision, ends_at=time.ends_at)
    return Outcome(text=f"{next_entry(incident)} at {time.echo}", tell=(Tell(what=told, at=time.at),))


def told(row: Row) -> Tell:
    """The entry of a row; one that cannot be placed is kept as typed, without an instant."""
    heard = row.heard
    placed = heard if isinstance(heard, Understood) else None
    what = Told(
        kind=row.kind,
        text=row.text,
        typed=row.typed,
        precision=placed.precision if placed else Precision.UNKNOWN,
        ends_at=placed.ends_at if placed else None,
    )
    return Tell(what=what, at=row.at, by=Person(name=row.author) if row.author else None)


def understood(row: Row) -> str:
    """How a row was understood, in words: its time with date, zone and UTC, and what is odd about it."""
    if not isinstance(row.heard, Understood):
        return "kept as typed, without a time"
    return f"at {echo(row.heard)}" + "".join(f" ({warning})" for warning in row.heard.warnings)


def _pasted(asked: Asked, words: str, incident: Incident) -> tuple[Row, ...]:
    """The rows of a paste: several lines of which at least two begin with a time."""
    if "\n" not in words:
        return ()
    timeline = read(words, zone=asked.zone, now=asked.now, started=incident.opened_at)
    if sum(not isinstance(row.heard, NoTime) for row in timeline.rows) < 2:
        return ()
    if timeline.questions:
        raise NotAllowed(f"Nothing was recorded: {timeline.questions[0]}; name it and paste it again.")
    if not timeline.title:
        return timeline.rows
    first = Row(number=1, typed="", text=timeline.title, heard=NoTime())
    return (first, *timeline.rows)


def _many(rows: tuple[Row, ...], incident: Incident) -> Outcome:
    count = len(incident.entries)
    said = [f"E{count + n} {understood(row)}: {row.text}" for n, row in enumerate(rows, 1)]
    asked = [f"E{count + n}: {row.question} fix E{count + n} at TIME" for n, row in enumerate(rows, 1) if row.question]
    text = "\n".join([*said, *(["Still to be said:", *asked] if asked else [])])
    return Outcome(text=text, tell=tuple(told(row) for row in rows))
