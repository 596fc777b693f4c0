"""list: the open incidents."""

from tests.talk import Talk, open_incident


def test_the_open_ones_are_listed_and_private_ones_are_not(say: Talk) -> None:
    open_incident(say.store, title="Second", channel="")
    open_incident(say.store, title="Secret", channel="C3", private=True)
    assert say("list") == "INC-1 SEV3 investigating: Web is out (#inc-1)\nINC-2 SEV3 investigating: Second"
    say("close")
    say("INC-2 close")
    assert say("list") == "No open incidents."


def test_a_title_that_begins_with_list_is_asked_about(say: Talk) -> None:
    say.channel = "CGENERAL"
    assert "declare list page is broken" in say.refused("list page is broken")
