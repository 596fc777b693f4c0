"""What others know of an incident: as much as there is, from words of our own inventory only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.datadog import Datadog
from bot.facts import AlertAttached, Fact, Opened
from bot.incident import AlertSeen, Change, Incident
from bot.ports import GaveUp, TryAgain
from bot.steps.enrichment import Enrichment
from bot.steps.recorder import Recorder
from bot.store import Store
from tests.fake_metrics import FakeMetrics
from tests.fake_servers import NOW, shop


class Known:
    """A store with incidents, and who looks them up."""

    def __init__(self, store: Store) -> None:
        self.store, self.metrics, self.steps = store, FakeMetrics(), 0
        self.recorder = Recorder(store, now=lambda: NOW, key=self._key, wake=lambda: None)
        self.look = Enrichment(self.recorder, metrics=self.metrics, inventory=shop())

    def _key(self) -> str:
        return f"step/{self.steps}"

    def alert(self, **words: Any) -> int:
        known = {"monitor_id": "7", "scope": ("host:web-02", "service:shop"), "fingerprint": "datadog|7|x", **words}
        with self.store.transaction(intake=True) as tx:
            number = tx.new_incident()
            alert = AlertSeen(delivery=f"D{number}", source="datadog", transition="Triggered", at=NOW, **known)
            for n, what in enumerate((Opened(title="Web is out", severity="SEV2"), AlertAttached(alert=alert))):
                fact = Fact(key=f"{number}/{n}", what=what, occurred_at=NOW, recorded_at=NOW)
                tx.append(number, [fact])
        return number

    async def looked_up(self, number: int = 1, **args: str) -> Incident:
        self.steps += 1
        await (self.look.joined(number, args) if args else self.look.look_up(number, args))
        return self.of(number)

    def joined(self, monitor: str) -> None:
        """An alert of this monitor comes to the first incident."""
        alert = AlertSeen(
            delivery=f"J{monitor}", source="datadog", transition="Warn", at=NOW, monitor_id=monitor, why="same-place"
        )
        with self.store.transaction(incident=1) as tx:
            tx.append(1, [Fact(key=monitor, what=AlertAttached(alert=alert), occurred_at=NOW, recorded_at=NOW)])

    def of(self, number: int = 1) -> Incident:
        found = self.store.incident(number)
        assert found
        return found


@pytest.fixture
def known(store: Store) -> Known:
    return Known(store)


async def test_state_links_and_changes_are_on_record(known: Known) -> None:
    known.alert()
    known.metrics.deployed = [Change(at=NOW - timedelta(minutes=3), title="Deployed shop 1.2.3", kind="deployment")]
    incident = await known.looked_up()
    assert incident.monitors["7"]["state"] == "Alert"
    assert incident.watched.links == {"Monitor": "https://monitors.example/7", "Logs": "https://logs.example/web-02"}
    assert [change.title for change in incident.watched.changes] == ["Deployed shop 1.2.3"]
    assert known.metrics.asked("changes") == ["(service:shop OR host:web-02) -source:alert"]


async def test_five_pages_are_set_to_the_host_and_a_quarter_of_an_hour_around_the_start(known: Known) -> None:
    known.alert()
    datadog = Datadog(api_key="", app_key="", site="datadoghq.eu")
    known.look = Enrichment(known.recorder, metrics=datadog, inventory=shop())
    pages = (await known.looked_up()).watched.links
    datadog.close()
    assert list(pages) == ["Monitor", "Dashboard", "Logs", "Events", "Host"]
    for page in pages.values():
        asked = parse_qs(urlsplit(page).query)
        assert "host:web-02" in next(iter(asked.values()))
        begin, end = (datetime.fromtimestamp(int(asked[name][0]) / 1000, UTC) for name in ("from_ts", "to_ts"))
        assert (NOW - begin, end - NOW) == (timedelta(minutes=15), timedelta(minutes=15))


async def test_the_last_incidents_of_this_monitor_are_named_newest_first(known: Known) -> None:
    for n in range(5):
        known.alert(fingerprint=f"datadog|7|host:h{n}")
    known.alert(fingerprint="datadog|77|host:a", monitor_id="77")
    incident = await known.looked_up(known.alert(fingerprint="datadog|7|host:z"))
    assert incident.watched.earlier == ("INC-5 Web is out", "INC-4 Web is out", "INC-3 Web is out")


async def test_an_incident_without_alert_asks_nobody(known: Known) -> None:
    with known.store.transaction(intake=True) as tx:
        opened = Opened(title="Declared", severity="SEV1")
        tx.append(tx.new_incident(), [Fact(key="o", what=opened, occurred_at=NOW, recorded_at=NOW)])
    await known.looked_up()
    assert known.metrics.calls == []


AWAY = TryAgain("Datadog does not answer.", reason="datadog-away")
NO = GaveUp("Datadog refuses our keys for this.", reason="datadog-refused", fix="Give the scope events_read.")


@pytest.mark.parametrize("problem", [AWAY, NO])
@pytest.mark.parametrize("part", ["monitor", "changes"])
async def test_one_missing_part_is_told_and_the_others_are_there(
    known: Known, part: str, problem: TryAgain | GaveUp
) -> None:
    known.alert()
    known.metrics.deployed = [Change(at=NOW, title="Deployed")]
    known.metrics.fail[part] = [problem]
    with pytest.raises(type(problem)):
        await known.looked_up()
    incident = known.of()
    assert incident.watched.links
    assert bool(incident.monitors) is (part != "monitor")
    assert bool(incident.watched.changes) is (part != "changes")
    assert (await known.looked_up()).watched.changes


async def test_without_keys_there_are_links_and_nobody_is_told(known: Known) -> None:
    known.alert()
    off = GaveUp("Datadog look-ups are off.", reason="no-keys")
    known.metrics.fail = {"monitor": [off], "changes": [off]}
    assert (await known.looked_up()).watched.links


HOSTILE = ['web-02" OR env:prod', "../../x", "web-09", "web-02&query=x", "*", "$(id)"]


@pytest.mark.parametrize("word", HOSTILE)
async def test_no_word_of_an_alert_goes_into_a_search_or_an_address(known: Known, word: str) -> None:
    known.alert(scope=(f"host:{word}", f"service:{word}"), tags=(f"service:{word}",), hostname=word, monitor_id=word)
    await known.looked_up()
    assert known.metrics.asked("changes") == []
    assert known.of().watched.links == {}


async def test_a_monitor_that_joins_later_is_looked_at_once(known: Known) -> None:
    known.alert()
    assert (await known.looked_up(monitor="7")).monitors == {}, "the first one is looked at with the opening"
    known.joined("8")
    assert list((await known.looked_up(monitor="8")).monitors) == ["8"]
    await known.looked_up(monitor="8")
    assert len(known.metrics.asked("monitor")) == 1


async def test_a_monitor_that_joins_hides_no_other_that_could_not_be_looked_at(known: Known) -> None:
    known.alert()
    for monitor in ("8", "9"):
        known.joined(monitor)
    known.metrics.fail["monitor"] = [AWAY]
    with pytest.raises(TryAgain):
        await known.looked_up(monitor="8")
    known.metrics.fail["monitor"] = [AWAY]
    with pytest.raises(TryAgain):
        await known.looked_up(monitor="9")
    assert list((await known.looked_up(monitor="9")).monitors) == ["9", "8"]


async def test_a_monitor_that_joins_is_not_looked_at_without_keys(known: Known) -> None:
    known.alert()
    known.joined("8")
    known.metrics.fail["monitor"] = [GaveUp("Datadog look-ups are off.", reason="no-keys"), TryAgain("Away.")]
    assert (await known.looked_up(monitor="8")).monitors == {}
    with pytest.raises(TryAgain):
        await known.looked_up(monitor="8")
