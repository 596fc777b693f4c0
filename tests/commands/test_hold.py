"""hold, release: the stop switch."""

from tests.talk import Talk


def test_holding_is_never_refused_and_its_reason_is_kept(say: Talk) -> None:
    assert say("hold on, not that one") == "Held: the bot changes nothing until “release”."
    assert say.incident().held
    assert say.last.text == "on, not that one"
    entries = len(say.incident().entries)
    say("hold")
    assert len(say.incident().entries) == entries


def test_only_the_word_alone_releases(say: Talk) -> None:
    say("hold")
    assert "note 2.3 went out at 10:00" in say.refused("release 2.3 went out at 10:00")
    assert say.incident().held
    assert say("release") == "Released: approved actions may run."
    assert not say.incident().held
