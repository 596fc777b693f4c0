"""began, detected, ack, mitigated: the key times of an incident."""

from collections.abc import Mapping

from bot.commands import Asked, Outcome, Tell, add, leading_time, next_entry, optional_time
from bot.facts import Told
from bot.incident import Incident, Kind, Precision

POINTS: Mapping[str, tuple[Kind, str, str]] = {
    "began": (Kind.BEGAN, "began TIME [TEXT]", "Say since when users have noticed."),
    "detected": (Kind.DETECTED, "detected TIME [TEXT]", "Say when we first saw it (default: the first alert)."),
    "ack": (Kind.ACKNOWLEDGED, "ack [TIME] [TEXT]", "Say that you have taken it."),
    "mitigated": (Kind.MITIGATED, "mitigated [TIME] [TEXT]", "Say that users are fine again."),
}
NEEDS_TIME = {"began", "detected"}


def _point(word: str, kind: Kind, usage: str, help: str) -> None:
    def state(asked: Asked, incident: Incident) -> Outcome:
        time = optional_time(asked, asked.words, incident)
        if time is None and word == "ack" and "acknowledged" in incident.times:
            return _acknowledged(asked, incident)
        if time is None and word in NEEDS_TIME:
            time = leading_time(asked, asked.need("the time"), incident, example=f"{word} 10:30")
        text = (time.rest if time else asked.words) or kind.value.capitalize()
        told = Told(
            kind=kind,
            text=text,
            typed=time.typed if time else "",
            precision=time.precision if time else Precision.SECOND,
            ends_at=time.ends_at if time else None,
        )
        said_back = f"{next_entry(incident)}: {kind.value}" + (f" at {time.echo}" if time else ".")
        return Outcome(text=said_back, tell=(Tell(what=told, at=time.at if time else asked.now),))

    add(word, state, usage=usage, help=help, order=20)


def _acknowledged(asked: Asked, incident: Incident) -> Outcome:
    """The first one counts: a second “ack” moves nothing, but its words are kept."""
    text = f"{incident.id} is acknowledged already. To correct when: ack TIME."
    if not asked.words:
        return Outcome(text=text)
    note = Tell(what=Told(kind=Kind.NOTE, text=asked.words), at=asked.now)
    return Outcome(text=f"{text} {next_entry(incident)} noted.", tell=(note,))


for _word, (_kind, _usage, _help) in POINTS.items():
    _point(_word, _kind, _usage, _help)
