"""timeline: what has happened so far."""

from tests.talk import Talk


def test_times_are_shown_in_the_readers_zone_no_more_exactly_than_known(say: Talk) -> None:
    say("at ~10:31 slow")
    say("at 10:32 - 10:35 slower")
    say("at 2026-11-21 deployed")
    say.zone = "Africa/Nairobi"
    assert say("timeline").splitlines() == [
        "INC-1 Web is out",
        "E4 2026-11-21 note: deployed",
        "E1 2026-11-22 13:30 EAT opened: Web is out",
        "E2 ~2026-11-22 13:31 EAT note: slow",
        "E3 2026-11-22 13:32–13:35 EAT note: slower",
    ]


def test_a_long_one_shows_its_end(say: Talk) -> None:
    for n in range(70):
        say(f"note {n}")
    lines = say("timeline").splitlines()
    assert lines[1] == "(11 earlier)"
    assert lines[-1].endswith("note: 69")


def test_words_after_it_are_not_swallowed(say: Talk) -> None:
    assert "note is wrong" in say.refused("timeline is wrong")
