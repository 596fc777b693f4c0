"""Causes: proved by all answers, ruled out by one, possible while something could not be asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.incident import Verdict
from bot.runbook.causes import fits, judge
from bot.runbook.inventory import Group, Host
from bot.runbook.result import JSON, Result, State
from bot.runbook.runbook import ANSWERS, At, Cause, Check, Runbook
from bot.runbook.schema import load
from tests.runbook.fake_nouns import NOUNS

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
HOSTS = {n: Host(name=n, address=f"10.0.0.1{n[-1]}", group="shop-web") for n in ("web-01", "web-02", "web-03")}
WEB_02 = HOSTS["web-02"]
GROUP = Group(name="shop-web", service="shop", role="web", port=8080, behind="lb-01", primary="web-01", hosts=HOSTS)
WEB = load((Path(__file__).parent / "examples" / "web-out-of-rotation.yaml").read_text(), "web.yaml", NOUNS)


def answer(
    check: str, state: str, reason: str = "", *, host: str = "web-02", summary: str = "", **facts: JSON
) -> Result:
    return Result(check=check, host=host, state=State(state), reason=reason, summary=summary, facts=facts, at=NOW)


SEED = (
    answer("port", "fail", "refused", port=8080),
    answer("answers", "fail", "refused"),
    answer("in-rotation", "fail", "error", host="lb-01"),
    answer("process", "ok", summary="nginx is active"),
    answer("sockets", "fail", "differs", found="8081"),
    answer("config", "ok", host="web-01", summary="like its peers"),
    answer("config", "fail", "differs", found="8081", expected="8080", file="conf.d/site.conf", line=2),
    answer("history", "fail", "drifted", file="conf.d/site.conf", change="uncommitted, written 15:10"),
    answer("loads", "ok", summary="nginx -t is content"),
    answer("disk", "ok"),
)


def runbook(*causes: Cause, **at: At) -> Runbook:
    checks = {n: Check(name=n, noun="tcp", at=at.get(n, At.AFFECTED), explains=f"{n} on $host: $found.") for n in "abc"}
    return Runbook(name="r", title="R", owner="o", checks=checks, causes=causes)


def cause(explains: str = "It is so.", **when: str | list[str]) -> Cause:
    answers = {check: frozenset([said] if isinstance(said, str) else said) for check, said in when.items()}
    return Cause(id="r/1", when=answers, explains=explains)


def standing(one: Cause, *results: Result, **at: At) -> Verdict:
    return judge(runbook(one, **at), WEB_02, results, group=GROUP)[0].verdict


def test_the_seed_incident_is_proved_and_told() -> None:
    first, *others = judge(WEB, WEB_02, SEED, group=GROUP)
    assert (first.id, first.verdict) == ("web-out-of-rotation/1", Verdict.PROVED)
    assert first.text == (
        "web-02 runs nginx on another port than its peers: web-02 has 8081 where its peers and the load balancer "
        "have 8080 (conf.d/site.conf:2). The load balancer keeps sending to 8080, gets a refusal and uses the other "
        "servers, so users see slow pages, not errors. conf.d/site.conf differs from the last known good commit: "
        "uncommitted, written 15:10."
    )
    assert first.checks == ("port", "process", "config")
    assert first.offer == ("restore-config",)
    assert [(v.id[-1], v.verdict) for v in others] == [(n, Verdict.RULED_OUT) for n in "23456"]


def test_what_ruled_a_cause_out_is_named() -> None:
    process_down = judge(WEB, WEB_02, SEED, group=GROUP)[1]
    assert process_down.verdict is Verdict.RULED_OUT
    assert process_down.contradicted_by == "process"
    assert process_down.because == "nginx is active"


def test_without_an_answer_every_cause_is_possible() -> None:
    verdicts = judge(WEB, WEB_02, (), group=GROUP)
    assert {v.verdict for v in verdicts} == {Verdict.POSSIBLE}
    assert verdicts[0].unanswered == ("port", "process", "config")


@pytest.mark.parametrize("state", ["unknown", "skipped"])
@pytest.mark.parametrize("said", ANSWERS)
@pytest.mark.parametrize("reason", ["", "timeout", "error", "no-access"])
def test_unknown_and_skipped_prove_nothing_and_rule_nothing_out(state: str, said: str, reason: str) -> None:
    assert standing(cause(a=said), answer("a", state, reason)) is Verdict.POSSIBLE


@pytest.mark.parametrize(
    ("said", "result", "fitting"),
    [
        ("ok", answer("a", "ok"), True),
        ("fail", answer("a", "fail", "refused"), True),
        ("refused", answer("a", "fail", "refused"), True),
        ("slow", answer("a", "warn", "slow"), True),
        ("refused", answer("a", "fail", "timeout"), False),
        ("warn", answer("a", "fail"), False),
        ("fail", answer("a", "warn"), False),
        ("stale", answer("a", "ok", "stale"), False),
        ("timeout", answer("a", "unknown", "timeout"), None),
    ],
)
def test_an_answer_is_a_state_or_a_reason(said: str, result: Result, fitting: bool | None) -> None:
    assert fits(result, frozenset([said])) is fitting


def test_one_contradiction_outweighs_what_is_unknown() -> None:
    one = cause(a="ok", b="ok")
    assert standing(one, answer("a", "unknown"), answer("b", "fail")) is Verdict.RULED_OUT


def test_a_cause_without_answers_is_never_proved() -> None:
    assert standing(cause(), answer("a", "ok")) is Verdict.POSSIBLE


def test_the_last_answer_of_a_check_counts() -> None:
    assert standing(cause(a="ok"), answer("a", "fail"), answer("a", "ok")) is Verdict.PROVED


def test_results_of_other_hosts_say_nothing_about_this_one() -> None:
    assert standing(cause(a="ok"), answer("a", "ok", host="web-01")) is Verdict.POSSIBLE
    assert standing(cause(a="ok"), answer("a", "ok", host="web-01"), a=At.GROUP) is Verdict.POSSIBLE


def test_peers_must_all_say_the_same() -> None:
    peers = [answer("a", "fail", host="web-01"), answer("a", "fail", host="web-03"), answer("a", "ok")]
    assert standing(cause(a="fail"), *peers, a=At.PEERS) is Verdict.PROVED
    mixed = [peers[0], answer("a", "ok", host="web-03")]
    assert standing(cause(a="fail"), *mixed, a=At.PEERS) is Verdict.RULED_OUT
    assert standing(cause(a="ok"), *mixed, a=At.PEERS) is Verdict.RULED_OUT
    unsure = [peers[0], answer("a", "unknown", host="web-03")]
    assert standing(cause(a="fail"), *unsure, a=At.PEERS) is Verdict.POSSIBLE


@pytest.mark.parametrize(("at", "host"), [(At.BALANCER, "lb-01"), (At.PRIMARY, "web-01"), (At.BOT, "web-02")])
def test_who_is_asked_for_the_host_s_sake_answers_for_it(at: At, host: str) -> None:
    assert standing(cause(a="ok"), answer("a", "ok", host=host), a=at) is Verdict.PROVED
    assert standing(cause(a="ok"), answer("a", "ok", host="web-03"), a=at) is Verdict.POSSIBLE


def test_a_check_explains_only_what_it_found() -> None:
    one = cause("So: $a $b $c", a="fail")
    results = [
        answer("a", "fail", found="8081"),
        answer("b", "ok", summary="b is fine"),
        answer("c", "unknown", summary="no SSH"),
    ]
    [verdict] = judge(runbook(one), WEB_02, results, group=GROUP)
    assert verdict.text == "So: a on web-02: 8081. b is fine (c: not known, no SSH)"


def test_an_explanation_that_lacks_a_fact_gives_way_to_the_summary() -> None:
    [verdict] = judge(runbook(cause("$a $b", a="fail")), WEB_02, [answer("a", "fail", summary="refused")], group=GROUP)
    assert verdict.text == "refused (b: not asked)"


def test_a_peer_speaks_of_itself() -> None:
    book = runbook(cause("$a", a="fail"), a=At.PEERS)
    [verdict] = judge(book, WEB_02, [answer("a", "fail", host="web-03", found="80")], group=GROUP)
    assert verdict.text == "a on web-03: 80."


def test_a_fact_can_be_named_by_its_check() -> None:
    [verdict] = judge(runbook(cause("Port $a.found.", a="fail")), WEB_02, [answer("a", "fail", found="1")], group=GROUP)
    assert verdict.text == "Port 1."


def test_a_fact_that_looks_like_a_placeholder_stays_text() -> None:
    results = [answer("a", "fail", found="$b $host ${c}"), answer("b", "fail", found="secret")]
    [verdict] = judge(runbook(cause("$a", a="fail")), WEB_02, results, group=GROUP)
    assert verdict.text == "a on web-02: $b $host ${c}."


STATES = st.sampled_from([s.value for s in State])
REASONS = st.sampled_from(["", "refused", "timeout", "differs", "drifted", "stale", "slow", "error", "no-access"])
RESULTS = st.lists(
    st.builds(answer, st.sampled_from("abc"), STATES, REASONS, host=st.sampled_from(sorted(HOSTS))), max_size=8
)
CAUSES = st.dictionaries(
    st.sampled_from("abc"), st.frozensets(st.sampled_from(ANSWERS), min_size=1, max_size=4), min_size=1
).map(lambda when: Cause(id="r/1", when=when, explains="It is so: $a"))
PLACES = st.fixed_dictionaries({check: st.sampled_from(At) for check in "abc"})


def verdict_of(one: Cause, at: dict[str, At], results: Sequence[Result]) -> Verdict:
    return standing(one, *results, **at)


@settings(deadline=None)
@given(CAUSES, PLACES, RESULTS, st.data())
def test_losing_an_answer_never_proves_and_never_rules_out(
    one: Cause, at: dict[str, At], results: list[Result], data: st.DataObject
) -> None:
    before = verdict_of(one, at, results)
    lost = data.draw(st.sets(st.integers(0, max(0, len(results) - 1))))
    state = data.draw(st.sampled_from([State.UNKNOWN, State.SKIPPED]))
    fewer = [replace(r, state=state) if i in lost else r for i, r in enumerate(results)]
    after = verdict_of(one, at, fewer)
    assert after in (before, Verdict.POSSIBLE)


@settings(deadline=None)
@given(CAUSES, PLACES, RESULTS, st.sampled_from("abc"), st.sampled_from(sorted(HOSTS)), REASONS)
def test_adding_an_unknown_never_proves(
    one: Cause, at: dict[str, At], results: list[Result], check: str, host: str, reason: str
) -> None:
    before = verdict_of(one, at, results)
    after = verdict_of(one, at, [*results, answer(check, "unknown", reason, host=host)])
    assert after is not Verdict.PROVED or before is Verdict.PROVED


@settings(deadline=None)
@given(CAUSES, PLACES, RESULTS)
def test_a_proved_cause_rests_on_answers_alone(one: Cause, at: dict[str, At], results: list[Result]) -> None:
    [verdict] = judge(runbook(one, **at), WEB_02, results, group=GROUP)
    if verdict.verdict is Verdict.PROVED:
        assert verdict.unanswered == ()
        assert verdict.contradicted_by == ""
        assert set(one.when) <= {r.check for r in results if r.state in (State.OK, State.WARN, State.FAIL)}


@settings(deadline=None)
@given(CAUSES, PLACES, RESULTS)
def test_ruled_out_names_the_check_and_what_it_said(one: Cause, at: dict[str, At], results: list[Result]) -> None:
    [verdict] = judge(runbook(one, **at), WEB_02, results, group=GROUP)
    assert (verdict.verdict is Verdict.RULED_OUT) is bool(verdict.contradicted_by)
    assert bool(verdict.because) is bool(verdict.contradicted_by)


@settings(deadline=None)
@given(CAUSES, RESULTS)
def test_the_order_of_different_answers_does_not_matter(one: Cause, results: list[Result]) -> None:
    once = list({(r.check, r.host): r for r in results}.values())
    assert verdict_of(one, {}, once) is verdict_of(one, {}, once[::-1])
