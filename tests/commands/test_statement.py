"""impact, cause, factor, finding, ruled-out, update."""

import pytest

from bot.commands.statement import STATEMENTS
from tests.talk import Talk


@pytest.mark.parametrize("word", STATEMENTS)
def test_a_statement_is_kept_under_its_kind(say: Talk, word: str) -> None:
    assert say(f"{word} pages took 4 s") == f"E2: {word} recorded."
    assert (say.last.kind, say.last.text) == (STATEMENTS[word][0], "pages took 4 s")
    assert "the text is missing" in say.refused(word)
