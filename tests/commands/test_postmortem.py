"""postmortem: draft again."""

from tests.talk import Talk


def test_it_is_drafted_again_once_closed(say: Talk) -> None:
    assert "“close” drafts it" in say.refused("postmortem")
    say("close")
    assert say("postmortem") == "The postmortem is being drafted again."
    assert say.flows()[-1] == ("draft", 1)
    assert "note is tomorrow at nine" in say.refused("postmortem is tomorrow at nine")
