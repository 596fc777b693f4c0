"""Pages, changes and earlier incidents on the card: there when known, inert, and within one line each."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.datadog.links import around as pages
from bot.incident import Change, Incident
from bot.slack.around import around, around_in_words

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


def incident() -> Incident:
    made = Incident(number=7, opened_at=NOW)
    found = pages("https://app.datadoghq.eu", monitor_id="4711", host="web-02", start=NOW, end=NOW)
    made.watched.links = dict(found)
    made.watched.changes = (Change(at=NOW, title="Deployed <!channel> shop 1.2.3"),)
    made.watched.earlier = ("INC-3 Web is out",)
    return made


def test_five_links_lead_to_the_host_at_that_time() -> None:
    links, _, _ = (block["elements"][0]["text"] for block in around(incident()))
    assert links.count("<https://app.datadoghq.eu/") == 5
    assert links.count("web-02") == 5
    assert links.count("from_ts=1795343400000") == 5


def test_what_outsiders_wrote_is_inert() -> None:
    assert "<!channel>" not in str(around(incident())) + str(around_in_words(incident()))


def test_what_is_not_known_takes_no_room() -> None:
    nothing = Incident(number=7, opened_at=NOW)
    assert around(nothing) == []
    assert around_in_words(nothing) == []


def test_a_page_that_is_not_datadogs_is_left_out() -> None:
    odd = incident()
    odd.watched.links = {"Monitor": "https://evil.example/", "Logs": "javascript:alert(1)"}
    assert len(around(odd)) == 2


def test_words_say_the_same_without_links() -> None:
    changed, before = around_in_words(incident())
    assert changed.startswith("Changed shortly before: Deployed")
    assert before == "The same monitor alerted before: INC-3 Web is out."
