"""title: a better one."""

from tests.talk import Talk


def test_a_better_title(say: Talk) -> None:
    assert say("title web-02  listens\non 8081") == "Title: web-02 listens on 8081"
    assert say.incident().title == "web-02 listens on 8081"
    assert "the title is missing" in say.refused("title")


def test_of_a_long_title_nothing_is_lost(say: Talk) -> None:
    long = "Pages " + "very " * 60 + "slow"
    say(f"title {long}")
    assert len(say.incident().title) == 200
    assert say.last.text == long
