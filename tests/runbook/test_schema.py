"""Runbooks from YAML: the examples of the documentation load, and each bad file is refused in its own words."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.runbook.runbook import At, Limits, Restore, Severity, Status, Verify, When
from bot.runbook.schema import load
from bot.strict_yaml import Problems
from tests.runbook.fake_nouns import NOUNS

HERE = Path(__file__).parent
BAD = sorted((HERE / "bad").glob("*.yaml"))
GOOD = sorted((HERE / "examples").glob("*.yaml"))
WEB = (HERE / "examples" / "web-out-of-rotation.yaml").read_text()


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_a_bad_runbook_is_refused_with_the_words_it_expects(file: Path) -> None:
    content = file.read_text()
    expected = [line.removeprefix("# expect: ") for line in content.splitlines() if line.startswith("# expect: ")]
    with pytest.raises(Problems) as caught:
        load(content, file.name, NOUNS)
    assert [str(problem).removeprefix(f"{file.name}:") for problem in caught.value.problems] == expected


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.stem)
def test_an_example_loads(file: Path) -> None:
    assert load(file.read_text(), file.name, NOUNS).name == file.stem


def test_there_are_bad_files_and_examples() -> None:
    assert len(BAD) >= 45
    assert len(GOOD) == 3


def test_what_is_written_is_what_the_runbook_says() -> None:
    web = load(WEB, "web.yaml", NOUNS)
    assert web.owner == "team-web"
    assert web.when == (
        When(service="shop", tags={"role": "web"}),
        When(service="shop", monitor="Shop latency*"),
    )
    assert web.checks["port"].words == {"port": "$host.port"}
    assert web.checks["port"].timeout == 1.0
    assert web.checks["answers"].words["under"] == 0.5
    assert web.checks["disk"].severity is Severity.WARNING
    assert web.checks["in-rotation"].at is At.BALANCER
    assert web.checks["config"].words == {"same": ["listen", "server-names", "locations"]}
    assert [cause.id for cause in web.causes] == [f"web-out-of-rotation/{n}" for n in range(1, 7)]
    assert web.causes[5].when == {"port": {"ok"}, "answers": {"fail", "slow"}}


def test_an_action_holds_what_a_person_approves() -> None:
    action = load(WEB, "web.yaml", NOUNS).actions["restore-config"]
    assert action.restore == Restore(repo="/etc", paths=("nginx",), to="known-good")
    assert action.test == ("nginx", "-t")
    assert action.then == (("systemctl", "reload", "nginx"),)
    assert action.verify == Verify(checks=("sockets", "port", "answers", "in-rotation"), within=30.0, hold=10.0)
    assert action.undo == "put-back"
    assert action.approve.by == ("@oncall-web",)
    assert action.approve.expires == 900.0
    assert action.limits == Limits(hosts=1, healthy_peers=1, once_every=600.0)


def test_defaults_are_those_of_the_documentation() -> None:
    start = load(WEB, "web.yaml", NOUNS).actions["start-nginx"]
    assert (start.at, start.timeout, start.sudo, start.undo) == (At.AFFECTED, 60.0, True, "none")
    assert (start.approve.count, start.approve.requester) == (1, "may-approve")
    lag = load((HERE / "examples" / "replica-lag.yaml").read_text(), "lag.yaml", NOUNS)
    assert lag.when[0].status == (Status.ALERT, Status.WARN)
    assert lag.checks["lag"].timeout == 5.0


def test_the_digest_changes_with_the_text() -> None:
    assert load(WEB, "a.yaml", NOUNS).digest != load(WEB + "# \n", "a.yaml", NOUNS).digest


def test_numbers_in_a_command_stay_what_was_typed() -> None:
    text = (HERE / "bad" / "a_verify_of_no_check.yaml").read_text().replace("[prot]", "[port]")
    text = text.replace("start, nginx", "start, 5, -0, nginx")
    assert load(text, "a.yaml", NOUNS).actions["start"].run == (("systemctl", "start", "5", "-0", "nginx"),)


def test_undo_may_be_commands_and_verify_may_name_one_check() -> None:
    text = (HERE / "bad" / "an_empty_command.yaml").read_text()
    text = text.replace("[]", "[uptime]", 1).replace("[[]]", "[[uptime]]").replace("$hots", "$host")
    action = load(text, "a.yaml", NOUNS).actions["start"]
    assert action.undo == (("systemctl", "stop", "$host"),)
    assert action.verify.checks == ("port",)


@settings(deadline=None)
@given(st.data())
def test_a_damaged_runbook_loads_or_is_refused_and_nothing_else(data: st.DataObject) -> None:
    lines = WEB.splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    damage = data.draw(
        st.sampled_from(["", "x", "  - y: 1\n", "checks:\n", "  {", "when: 3\n", "name:\n", "causes: {a: b}\n"])
    )
    kept = data.draw(st.booleans())
    text = "".join([*lines[:at], damage, *(lines[at:] if kept else lines[at + 1 :])])
    try:
        said = [load(text, "web.yaml", NOUNS).source.name]
    except Problems as found:
        said = [str(problem) for problem in found.problems]
    assert said
    assert all(each.startswith("web.yaml") for each in said)
