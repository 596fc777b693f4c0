"""Whatever arrives, in whatever order, twice or in company: what fires in the end is what the newest word says."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import alerts
from bot.alert import Condition, in_turn
from bot.alerts.datadog import datadog
from bot.facts import Closed, Fact
from bot.incident import AlertSeen
from bot.intake import Intake, seen
from bot.policy import Grouping, Match, Policy, Rule
from bot.store import Store
from tests.fake_servers import shop

START = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
NOW = START + timedelta(minutes=60)
TRANSITIONS = ("Triggered", "Re-Triggered", "Warn", "Re-Warn", "No Data", "Re-No Data", "Renotify", "Null")
GROUPS = (
    *(f"host:web-0{n},service:shop" for n in (1, 2, 3)),  # of one place
    *("host:web-01,host:web-02,service:shop", "role:x,role:y"),  # merged: parted, and not to be parted
    *("host:nobody-knows", "service:pay", ""),
)
POLICIES = (
    Policy(grouping=Grouping(per_hour=1000)),
    Policy(grouping=Grouping(per_hour=2)),
    Policy(rules=(Rule(match=Match(service="pay"), do="propose"),)),
)
RUNS = count()
Post = bytes

alerts.load()


@st.composite
def courses(draw: st.DrawFn, last: int) -> list[Post]:
    """What monitors tell within so many minutes: their groups come and go, alone or merged, in cycles or without."""
    told = st.tuples(
        st.integers(0, last),
        st.sampled_from("123"),
        st.sampled_from(GROUPS),
        st.one_of(st.just("Recovered"), st.sampled_from(TRANSITIONS)),
        st.sampled_from(("", "k", "z")),
    )
    return [_post(n, *words) for n, words in enumerate(draw(st.lists(told, min_size=2, max_size=12)))]


def _post(n: int, minute: int, monitor: str, scope: str, transition: str, cycle: str) -> Post:
    at = START + timedelta(minutes=minute)
    fields = {"event_id": f"event {n}", "alert_id": monitor, "alert_title": "Down", "alert_transition": transition}
    more = {"alert_scope": scope, "alert_cycle_key": cycle, "date_ms": str(int(at.timestamp() * 1000))}
    return json.dumps({**fields, **more}).encode()


def newest(posts: Iterable[Post]) -> set[str]:
    """The names of the problems that the newest word on each calls bad."""
    words: dict[str, list[AlertSeen]] = {}
    for one in (alert for post in posts for alert in datadog(post, "D", NOW).alerts):
        if one.condition is not Condition.OTHER:
            words.setdefault(one.fingerprint, []).append(seen(one, "", ""))
    return {name for name, told in words.items() if in_turn(told)[-1].bad}


class Told:
    """A store of its own, and what it says after these posts."""

    def __init__(self, folder: Path, template: Path, policy: Policy) -> None:
        self.store = Store.open(f"sqlite:///{shutil.copy(template, folder / f'{next(RUNS)}.db')}")
        self.intake = Intake(self.store, policy=policy, inventory=shop(servers=3), now=lambda: NOW)

    def take(self, posts: Sequence[Post], sizes: random.Random) -> None:
        """Some alone, some together, as they come through the door."""
        rest = list(posts)
        while rest:
            size = sizes.randint(1, 5)
            self.intake.receive_all([("datadog", post) for post in rest[:size]])
            rest = rest[size:]

    def close_all(self) -> None:
        """People close all that is open."""
        for number in [one.number for one in self.store.summaries() if one.closed_at is None]:
            with self.store.transaction(incident=number) as tx:
                fact = Fact(key=f"close {number} {next(RUNS)}", what=Closed(), occurred_at=NOW, recorded_at=NOW)
                tx.append(number, [fact])

    def firing(self) -> list[str]:
        """What fires in incidents and proposals; the table that judging reads says the same as the facts."""
        found = [incident for s in self.store.summaries() if (incident := self.store.incident(s.number))]
        by_facts = sorted((alert.fingerprint, i.number) for i in found for alert in i.firing)
        with self.store.transaction() as tx:
            problems = tx.problems(START)
            ids = dict.fromkeys(due.args["proposal"] for due in self.store.dues() if due.flow == "propose")
            asked = [proposal for id in ids if (proposal := tx.proposal(id)) and not proposal.incident]
        assert sorted((p.fingerprint, p.incident) for p in problems if p.firing) == by_facts
        homes = [p.fingerprint for p in problems if p.open]
        assert len(homes) == len(set(homes))
        open_ones = {i.number for i in found if i.open}
        return [name for name, number in by_facts if number in open_ones] + [
            alert.fingerprint for proposal in asked for alert in proposal.firing
        ]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    posts=st.sampled_from((3, 30)).flatmap(courses),
    policy=st.sampled_from(POLICIES),
    dice=st.randoms(use_true_random=False),
)
def test_in_any_order_what_fires_is_what_the_newest_words_say(
    sqlite_template: Path, tmp_path: Path, posts: list[Post], policy: Policy, dice: random.Random
) -> None:
    in_order = sorted(posts, key=lambda post: int(json.loads(post)["date_ms"]))
    twice = [*posts, *dice.sample(posts, dice.randint(0, len(posts)))]
    dice.shuffle(twice)
    for order in (in_order, twice):
        told = Told(tmp_path, sqlite_template, policy)
        told.take(order, dice)
        firing = told.firing()
        assert sorted(firing) == sorted(newest(posts))
        told.store.rebuild()
        assert told.firing() == firing
        told.store.close()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(posts=courses(30), dice=st.randoms(use_true_random=False))
def test_what_arrives_after_people_closed_it_fires_only_if_the_newest_word_says_so(
    sqlite_template: Path, tmp_path: Path, posts: list[Post], dice: random.Random
) -> None:
    """Some is late, some is again: it never fires because it is late."""
    dice.shuffle(posts)
    begin = dice.randint(0, len(posts))
    told = Told(tmp_path, sqlite_template, POLICIES[0])
    told.take(posts[:begin], dice)
    told.close_all()
    told.take(posts[begin:], dice)
    assert set(told.firing()) <= newest(posts)
    told.store.close()


@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed meanwhile"])
def test_a_group_that_was_well_before_the_message_about_it_and_others_came_does_not_fire(
    sqlite_template: Path, tmp_path: Path, closed: bool
) -> None:
    """The merged message has one cycle for all of its groups, and one of them was over when it came."""
    told = Told(tmp_path, sqlite_template, POLICIES[0])
    both = "host:a,host:b"
    told.intake.receive("datadog", _post(1, 0, "1", "host:a", "Triggered", "k"))
    told.intake.receive("datadog", _post(2, 5, "1", "host:b", "Recovered", "other"))
    if closed:
        told.close_all()
    told.intake.receive("datadog", _post(3, 1, "1", both, "Triggered", "k"))
    firing = {alert.fingerprint for s in told.store.summaries() for alert in told.store.incident(s.number).firing}  # type: ignore[union-attr] # it is there
    assert firing == {"datadog|1|host:a"}
    told.store.close()
