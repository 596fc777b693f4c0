"""One person's page: what is open, what is theirs, what is left to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.incident import ActionItem, Incident, Person, Status
from bot.overview import ToDo, overview
from tests.talk import NOW

ANA = Person(id="UANA", name="ana")


def incident(number: int, **more: object) -> Incident:
    made = Incident(number=number, title=f"T{number}", severity="SEV3", opened_at=NOW + timedelta(minutes=number))
    return replace(made, **more)  # type: ignore[arg-type]


def test_ones_own_come_first_then_the_newest() -> None:
    mine = incident(1, roles={"commander": ANA, "scribe": Person(id="UBEN", name="ana")})
    page = overview([mine, incident(2), incident(3), incident(4, status=Status.CLOSED)], ANA, sees=())
    assert [(i.id, i.roles) for i in page.incidents] == [("INC-1", ("commander",)), ("INC-3", ()), ("INC-2", ())]


def test_a_role_given_by_name_alone_is_theirs_who_is_called_so() -> None:
    page = overview([incident(1, roles={"scribe": Person(name="ana")})], ANA, sees=())
    assert page.incidents[0].roles == ("scribe",)


def test_private_ones_are_on_it_only_for_those_who_are_in_them() -> None:
    hidden = incident(1, private=True, action_items=[ActionItem(id="A1", text="x", owner="ana")])
    assert overview([hidden], ANA, sees=()).incidents == ()
    assert overview([hidden], ANA, sees=()).to_do == ()
    assert overview([hidden], ANA, sees={1}).incidents[0].private


def test_what_is_left_to_do_is_there_also_when_the_incident_is_closed_and_what_is_due_comes_first() -> None:
    items = [
        ActionItem(id="A1", text="one", owner="ana"),
        ActionItem(id="A2", text="two", owner="UANA", due="2026-12-01"),
        ActionItem(id="A3", text="three", owner="ben"),
        ActionItem(id="A4", text="four", owner="ana", state="done"),
        ActionItem(id="A5", text="five"),
    ]
    page = overview([incident(1, status=Status.CLOSED, action_items=items)], ANA, sees=())
    assert page.to_do == (
        ToDo(incident="INC-1", id="A2", text="two", due="2026-12-01"),
        ToDo(incident="INC-1", id="A1", text="one"),
    )
