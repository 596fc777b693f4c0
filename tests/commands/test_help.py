"""help: what can be said."""

from bot.commands import COMMANDS
from tests.talk import Talk


def test_help_shows_every_word_once(say: Talk) -> None:
    lines = say("help").splitlines()
    assert lines[0].startswith("declare [--private] [--drill] [TITLE]: Open an incident.")
    assert len(lines) == len(COMMANDS)
    assert say("") == say("help")


def test_help_about_one_word(say: Talk) -> None:
    assert say("help SEV please").splitlines()[0] == "sev N [WHY]"
    assert "There is no word “checkout”;" in say.refused("help checkout is down")
