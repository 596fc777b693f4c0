"""impact, cause, factor, finding, ruled-out, update: statements that fill the postmortem's sections."""

from collections.abc import Mapping

from bot.commands import Asked, Outcome, Tell, add, next_entry
from bot.facts import Told
from bot.forms import update_form
from bot.incident import Incident, Kind

STATEMENTS: Mapping[str, tuple[Kind, str]] = {
    "impact": (Kind.IMPACT, "Say who and what was affected, best with a number and its unit."),
    "cause": (Kind.CAUSE, "Say what caused it, in your own words."),
    "factor": (Kind.FACTOR, "Say what helped it to happen or to last."),
    "finding": (Kind.FINDING, "Say what you found."),
    "ruled-out": (Kind.RULED_OUT, "Say what it was not."),
    "update": (Kind.UPDATE, "Tell those outside how it stands."),
}


def _statement(word: str, kind: Kind, help: str) -> None:
    def state(asked: Asked, incident: Incident) -> Outcome:
        if kind is Kind.UPDATE and not asked.words and asked.said.trigger:
            return Outcome(text="Nothing was told yet; say: update TEXT", form=update_form(incident))
        told = Told(kind=kind, text=asked.need("the text"))
        return Outcome(text=f"{next_entry(incident)}: {word} recorded.", tell=(Tell(what=told, at=asked.now),))

    add(word, state, usage=f"{word} TEXT", help=help, order=30)


for _word, (_kind, _help) in STATEMENTS.items():
    _statement(_word, _kind, _help)
