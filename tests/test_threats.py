"""The threats that servers, alerts, repositories and people pose, and which tests prove that each is met.

The table names the tests; those that belong to no single part of the program are here.
"""

from __future__ import annotations

import ast
import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from bot import checks, log
from bot.checks.nagios import nagios
from bot.facts import ChecksAnswered, Closed
from bot.incident import RepairState
from bot.ports import TryAgain
from bot.runbook import causes
from bot.runbook.desk import _cause_seen, _check_seen
from bot.runbook.inventory import Group, Host, Inventory
from bot.runbook.result import Result, State
from bot.runbook.run import Runner
from bot.runbook.runbook import At, Cause, Check, Runbook
from bot.slack.render import announcement, card
from bot.steps.mending import Mending
from bot.steps.recorder import Recorder
from bot.store import Store
from tests.fake_servers import NOW, WEB, Asked, FolderReach, farm, said, shop, site
from tests.slack.samples import full, repair
from tests.small_sshd import small_sshd
from tests.story import PLAN, Story, story

ROOT = Path(__file__).parent
BOT = ROOT.parent / "bot"
checks.load()

THREATS = {
    "1: an alert is written by anybody": (
        "test_alert_threats.py::test_content_only_selects_a_server_and_a_runbook_of_ours",
        "test_alert_threats.py::test_an_unknown_server_is_asked_about_and_nothing_runs",
        "test_alert_threats.py::test_a_replayed_delivery_is_one_incident_and_a_large_one_is_kept_cut",
        "test_web.py::test_a_wrong_token_learns_nothing_and_leaves_nothing",
        "test_web.py::test_a_body_over_a_megabyte_is_read_no_further_and_stored_cut",
    ),
    "2: words that become templates": (
        "runbook/test_placeholders.py::test_a_hostile_value_never_gets_into_a_command",
        "runbook/test_placeholders.py::test_nothing_is_filled_twice",
        "runbook/test_placeholders.py::test_words_outside_the_list_are_unknown",
    ),
    "3: a shell on the far side": (
        "test_hosts.py::test_a_command_is_argv_and_never_a_shell_line",
        "test_hosts.py::test_any_words_arrive_as_they_were",
        "test_hosts.py::test_a_login_shell_that_reads_quotes_in_another_way_is_reported",
    ),
    "4: another server's host key": (
        "test_hosts.py::test_a_wrong_host_key_is_never_trusted_and_its_fingerprint_is_shown",
        "test_hosts.py::test_a_missing_file_of_host_keys_stops_before_connecting",
        "test_hosts.py::test_nothing_in_the_program_switches_host_keys_off",
    ),
    "5: rights that are too wide": (
        "runbook/test_eleven_states.py::test_no_check_that_only_looks_changes_a_file_of_any_host",
        "lab/test_host.py::test_nginx_takes_no_other_option",
        "lab/test_host.py::test_sudo_asks_for_nothing_and_gives_no_more_than_the_host_has",
        "checks/test_command.py::test_what_the_inventory_does_not_allow_is_not_run",
        "runbook/test_repair.py::test_only_an_approved_plan_is_carried_out_by_the_account_that_may_change_things",
    ),
    "6: checks that write after all": (
        "runbook/test_eleven_states.py::test_no_check_that_only_looks_changes_a_file_of_any_host",
        "runbook/test_run.py::test_what_touches_runs_last_and_alone",
        "runbook/test_run.py::test_nginx_touches_only_when_it_tests",
        "checks/test_drift.py::test_looking_changes_no_byte",
    ),
    "7: secrets in what is read": (
        "test_threats.py::test_secrets_of_every_source_reach_no_message_database_log_or_postmortem",
        "runbook/test_run.py::test_secrets_are_taken_out_before_the_evidence_is_cut",
        "checks/test_drift.py::test_the_content_of_a_secret_file_is_not_shown",
        "steps/test_mending.py::test_the_bytes_of_files_are_kept_only_while_a_repair_runs",
        "steps/test_mending.py::test_an_offer_that_nobody_takes_keeps_no_bytes",
    ),
    "8: words that look like ours": (
        "slack/test_render.py::test_hostile_text_is_inert_everywhere",
        "slack/test_render.py::test_any_text_stays_inert_and_within_the_limits",
        "slack/test_render.py::test_links_lead_only_to_datadog_or_this_machine",
    ),
    "9: approval by somebody else": (
        "slack/test_listeners.py::test_what_slack_did_not_sign_is_refused",
        "slack/test_listeners.py::test_a_body_changed_on_the_way_is_refused",
        "runbook/test_approval.py::test_another_channel_or_another_message",
        "runbook/test_approval.py::test_a_removed_member_is_told_who_can",
        "runbook/test_approval.py::test_a_second_click_finds_it_approved",
        "runbook/test_approval.py::test_an_offer_ends_at_its_minute",
        "runbook/test_approval.py::test_whoever_asked_may_be_excluded",
        "runbook/test_approval.py::test_without_approvers_nobody_can",
        "test_lifecycle.py::test_a_click_from_elsewhere_is_refused_and_begins_nothing",
        "test_lifecycle.py::test_who_is_in_the_group_is_asked_when_the_button_is_pressed",
        "test_clicks.py::test_no_words_approve",
        "slack/test_gestures.py::test_a_repair_is_not_approved_from_another_workspace",
        "slack/test_hearing.py::test_whoever_clicks_in_another_workspace_is_a_stranger",
        "runbook/test_shipped_actions.py::test_sessions_that_hold_replay_back_are_ended_by_two_others_than_who_asked",
    ),
    "10: something else runs than was approved": (
        "runbook/test_repair.py::test_a_file_that_changed_after_the_preview_is_not_written",
        "runbook/test_repair.py::test_a_mode_an_owner_a_runbook_or_a_commit_that_changed_refuses_too",
        "runbook/test_repair.py::test_a_plan_that_was_tampered_with_is_refused",
        "runbook/test_plan.py::test_every_part_counts_for_the_id",
    ),
    "11: two at once, or a crash in the middle": (
        "test_threats.py::test_two_processes_that_hear_two_approvals_at_once_carry_it_out_once",
        "test_lifecycle.py::test_two_clicks_at_once_carry_a_repair_out_once",
        "test_kill.py::test_killed_on_postgres_it_goes_on_in_a_new_process",
        "test_kill.py::test_killed_once_anywhere_it_does_everything_once",
        "runbook/test_repair.py::test_after_a_crash_before_any_stage_the_repair_is_finished_once",
        "runbook/test_repair.py::test_what_may_have_run_is_verified_and_not_run_again",
        "runbook/test_desk.py::test_a_group_that_another_replica_repairs_is_tried_later",
        "runbook/test_desk.py::test_an_interrupted_repair_whose_plan_is_lost_needs_a_person",
        "steps/test_mending.py::test_what_was_kept_puts_back_after_an_interruption",
    ),
    "12: a repair that spreads": (
        "runbook/test_repair.py::test_a_group_without_healthy_peers_is_not_touched",
        "runbook/test_limits.py::test_a_storm_of_repairs_stops_at_the_hours_limit",
        "runbook/test_limits.py::test_a_clock_that_was_set_back_does_not_let_an_action_run_again",
        "runbook/test_desk.py::test_an_old_alert_alone_gets_no_offer_but_a_person_does",
        "test_lifecycle.py::test_what_may_not_begin_any_more_is_refused_in_the_moment_before_the_first_stage",
        "test_lifecycle.py::test_the_stop_switch_is_asked_again_in_the_moment_before_the_first_stage",
    ),
    "13: a repair that makes it worse": (
        "runbook/test_repair.py::test_a_test_that_fails_puts_back_and_never_reloads",
        "runbook/test_repair.py::test_exit_codes_prove_nothing",
        "runbook/test_repair.py::test_a_put_back_that_fails_needs_a_person_and_is_not_repeated",
    ),
    "14: a server that attacks": (
        "test_threats.py::test_a_hostile_server_is_unknown_in_time_and_harms_no_other",
        "test_hosts.py::test_endless_output_is_cut_and_the_connection_lives_on",
        "test_hosts.py::test_invalid_text_closes_nothing",
        "test_hosts.py::test_a_file_above_the_cap_is_refused_and_not_cut",
        "runbook/test_nginx_config.py::test_includes_never_reach_this_machine",
        "runbook/test_nginx_config.py::test_deep_nesting_is_refused_and_does_not_crash",
        "checks/test_tcp.py::test_silence_is_an_answer",
    ),
    "15: a repository that runs programs": (
        "checks/test_drift.py::test_programs_planted_in_the_repository_do_not_run",
        "checks/test_drift.py::test_a_repository_that_would_fetch_is_not_asked",
        "lab/test_host.py::test_nothing_that_a_repository_names_is_started",
    ),
    "16: runbooks that run anything": (
        "runbook/test_lint.py::test_a_command_that_the_inventory_does_not_allow_is_told",
        "checks/test_command.py::test_what_the_inventory_does_not_allow_is_not_run",
        "runbook/test_schema.py::test_the_digest_changes_with_the_text",
        "test_threats.py::test_an_offer_names_the_runbook_as_it_is",
    ),
    "17: plugins on this machine": (
        "checks/test_nagios.py::test_a_plugin_on_the_bots_machine_runs_in_a_bare_environment",
        "checks/test_nagios.py::test_a_plugin_that_does_not_end_is_killed_with_its_children",
        "checks/test_nagios.py::test_endless_output_and_bytes_that_are_no_text_are_bounded",
        "test_threats.py::test_a_plugin_that_hides_a_child_holds_the_check_no_longer",
    ),
    "18: words that are meant for a language model": ("test_threats.py::test_no_language_model_is_asked_anything",),
    "a candidate of a stranger": (
        "runbook/test_preflight.py::test_a_candidate_at_work_has_no_right_to_give_it_more",
        "runbook/test_preflight.py::test_a_strangers_certificates_lead_nowhere_and_leave_nothing_behind",
        "runbook/test_preflight.py::test_nothing_is_booted_outside_of_namespaces",
        "runbook/test_boot.py::test_a_candidate_takes_no_more_memory_than_it_may",
        "runbook/test_boot.py::test_a_candidate_writes_no_larger_file_than_it_may",
        "runbook/test_boot.py::test_what_is_shown_of_this_machine_can_be_read_and_not_be_written",
        "runbook/test_candidate.py::test_a_link_that_leads_out_is_not_followed",
    ),
}
MODELS = {"openai", "anthropic", "cohere", "google", "langchain", "litellm", "mistralai", "ollama", "transformers"}


@pytest.mark.parametrize("threat", THREATS)
def test_each_threat_is_met_by_tests_that_exist(threat: str) -> None:
    for named in THREATS[threat]:
        file, _, test = named.partition("::")
        tree = ast.parse((ROOT / file).read_text())
        found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert test in found, f"{file} has no {test}"


def test_no_language_model_is_asked_anything() -> None:
    """What a log says to a model has nobody to hear it: causes are decided by rules, texts are written by us."""
    for file in BOT.rglob("*.py"):
        assert not set(re.findall(r"^\s*(?:import|from)\s+(\w+)", file.read_text(), re.MULTILINE)) & MODELS, file


# ------------------------------------------------------------------ 7: secrets in what is read

CANARIES = {
    "config": "canary-in-config",
    "ps": "canary-in-ps",
    "sql": "canary-in-sql",
    "log": "canary-in-log",
    "unit": "canary-in-unit",
    "plugin": "canary-in-plugin",
    "ours": "canary-of-our-own",
}


async def test_secrets_of_every_source_reach_no_message_database_log_or_postmortem(
    tmp_path: Path, sqlite_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    results, runbook = await _asked_for_secrets(tmp_path)
    assert {r.state for r in results} <= {State.OK, State.WARN, State.FAIL}, results
    host = Host(name="web-02", address="127.9.0.12", group="shop-web")
    verdicts = causes.judge(runbook, host, results, group=Group(name="shop-web", hosts={"web-02": host}))
    seen = ChecksAnswered(
        runbook="secrets",
        host="web-02",
        run="run/secrets",
        results=tuple(map(_check_seen, results)),
        causes=tuple(_cause_seen(v, _Diagnosis(results)) for v in verdicts),  # type: ignore[arg-type] # what it reads
    )
    store = Store.open(sqlite_url)
    async with story(store, tmp_path / "postmortems") as told:
        told.alert("open")
        told.tell("seen", seen)
        told.tell("closed", Closed())
        told.due("close", "close")
        await told.settle()
        incident = told.incident
        shown = [card(incident, now=NOW), announcement(incident), told.chat.channels]
    store.close()
    log.event("checks.told", results=[r.check for r in results])
    assert len(incident.checks) == len(results)
    places = {
        "messages": repr(shown).encode(),
        "record": repr(incident).encode(),
        "log": "".join(capfd.readouterr()).encode(),
        **_kept(tmp_path),
    }
    assert any("postmortem" in place for place in places)
    for place, content in places.items():
        assert not [name for name, canary in CANARIES.items() if canary.encode() in content], place


def _kept(folder: Path) -> dict[str, bytes]:
    """What is on disk afterwards: database and postmortem."""
    files = [*folder.glob("muster.db*"), *(folder / "postmortems").rglob("*")]
    return {os.fspath(file): file.read_bytes() for file in files if file.is_file()}


class _Diagnosis:
    """As much of a diagnosis as a cause reads."""

    def __init__(self, results: tuple[Result, ...]) -> None:
        self.results = results


async def _asked_for_secrets(folder: Path) -> tuple[tuple[Result, ...], Runbook]:
    """What checks find on a server that tells all of its secrets."""
    inventory, servers = farm(folder)
    plugin = folder / "check_secret"
    plugin.write_text(f"#!/bin/sh\necho 'CRITICAL - api_key={CANARIES['plugin']} is old'; exit 2\n")
    plugin.chmod(0o755)
    programs = {
        "ps": f"mysqld --user=x --password={CANARIES['ps']}\n{CANARIES['ours']}\n",
        "psql": f"shop|postgres://shop:{CANARIES['sql']}@db-01/shop\n",
        "journalctl": f"GET /login?token={CANARIES['log']} HTTP/1.1\nAuthorization: Bearer {CANARIES['log']}\n",
        "systemctl": "LoadState=loaded\nActiveState=failed\nSubState=failed\nMainPID=0\nNRestarts=1\n"
        f"ExecMainStartTimestamp=Environment=DB_PASSWORD={CANARIES['unit']}\n",
        "stat": "root\n",
    }
    for name, text in programs.items():
        servers["web-02"].programs[name] = lambda _, text=text: said(text)  # type: ignore[misc] # its own text
    secret = f'  proxy_set_header Authorization "Basic {CANARIES["config"]}";\n  # password={CANARIES["config"]}\n'
    servers["web-02"].put("/etc/nginx/conf.d/site.conf", site("127.9.0.12", 8081, more=secret))
    lines = (
        f'2026/11/22 10:29:59 [error] connect() failed, token={CANARIES["log"]}, upstream: "http://127.9.0.12:8080/"\n'
    )
    servers["lb-01"].put("/var/log/nginx/error.log", lines)
    asked = [
        Check(name=name, noun="command", words={"argv": (name,), "prints": "^$"})
        for name in ("ps", "psql", "journalctl")
    ]
    asked += [
        Check(name="unit", noun="unit", words={"name": "nginx"}),
        Check(name="drift", noun="drift"),
        Check(name="config", noun="nginx", words={"same": ("listen", "locations")}),
        Check(name="balancer", noun="balancer", at=At.BALANCER),
        Check(name="plugin", noun="nagios", words={"argv": (str(plugin),), "from_": "bot"}),
    ]
    allowed = (("ps",), ("psql",), ("journalctl",), (str(plugin),))
    explains = " ".join(f"${check.name}" for check in asked)
    runbook = Runbook(
        name="secrets",
        title="",
        owner="",
        checks={check.name: replace(check, explains="$summary $found $diff") for check in asked},
        causes=(Cause(id="secrets/1", when={"unit": frozenset({"fail"})}, explains=explains),),
    )
    run = Runner(
        FolderReach(servers=servers),
        replace(inventory, allow=allowed),
        clock=lambda: NOW,
        secrets=(CANARIES["ours"],),
    )
    found = await run.diagnose(runbook, inventory.groups["shop-web"].hosts["web-02"])
    return found.results, runbook


# ------------------------------------------------------------------ 11: two at once


async def test_two_processes_that_hear_two_approvals_at_once_carry_it_out_once(
    tmp_path: Path, postgres_url: str
) -> None:
    """Each has its own connections to the database, as two replicas have; one of the two clicks counts."""
    with closing(Store.open(postgres_url)) as one, closing(Store.open(postgres_url)) as two:
        async with story(one, tmp_path / "postmortems") as told:
            told.alert()
            await told.settle()
            view = told.incident.view
            assert view.channel is not None
            place = {"plan": PLAN, "channel": view.channel.id, "message": view.card}
            answers = await asyncio.gather(
                *(
                    _mending(store, told, who).decide(1, {**place, "user": who, "name": who})
                    for store, who in ((one, told.ana), (two, told.ben))
                )
            )
            assert sorted(map(bool, answers)) == [False, True]
            assert "already" in "".join(answers)
            await told.settle()
            assert (told.desk.carried_out, told.state()) == ([PLAN], RepairState.VERIFIED)
            assert len(told.repair.approved_by) == 1


def _mending(store: Store, told: Story, key: str) -> Mending:
    recorder = Recorder(store, now=lambda: told.now, key=lambda: key, wake=lambda: None)
    return Mending(recorder, told.chat, told.desk)  # type: ignore[arg-type] # a small one


# ------------------------------------------------------------------ 14: a server that attacks


async def test_a_hostile_server_is_unknown_in_time_and_harms_no_other(tmp_path: Path) -> None:
    """Endless output, no text, fifty megabytes and silence; beside them a server that answers."""
    async with small_sshd(tmp_path) as sshd, _mute() as port:
        (sshd.root / "etc").mkdir()
        with (sshd.root / "etc" / "big").open("wb") as big:
            big.truncate(50 << 20)
        (sshd.root / "etc" / "nginx.conf").write_text("include /etc/passwd;\nhttp { include /etc/big; }\n")
        mute = Host(name="web-01", address="127.0.0.1", ssh_port=port, group="web")
        evil = replace(sshd.host, group="web")
        words = {name: (name,) for name in ("endless", "bad-text", "sleeps")}
        inventory = Inventory(
            groups={"web": Group(name="web", hosts={"web-01": mute, "web-02": evil})}, allow=tuple(words.values())
        )
        asked = {
            name: Check(name=name, noun="command", words={"argv": argv}, timeout=1.0) for name, argv in words.items()
        }
        asked["big"] = Check(name="big", noun="file", words={"path": "/etc/big", "contains": "x"})
        asked["config"] = Check(name="config", noun="nginx", words={"config": "/etc/nginx.conf"})
        asked["mute"] = Check(name="mute", noun="load", at=At.PEERS, timeout=1.0)
        runbook = Runbook(name="hostile", title="", owner="", checks=asked, causes=())
        found = {r.check: r for r in (await Runner(sshd.ssh(), inventory).diagnose(runbook, evil)).results}
        assert {name: r.state.value for name, r in found.items()} == {
            "endless": "unknown",
            "bad-text": "ok",
            "sleeps": "unknown",
            "big": "unknown",
            "config": "unknown",
            "mute": "unknown",
        }
        assert found["mute"].reason == "timeout"
        assert "root:" not in repr(found)
        await sshd.idle.wait()  # the far side ended all that it had started
        assert sshd.open_now == 0


@asynccontextmanager
async def _mute() -> AsyncIterator[int]:
    """The port of a server that takes connections and says nothing; all of them have ended in the end."""
    over = asyncio.Event()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            pass
        writer.close()
        over.set()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    await over.wait()
    server.close()


# ------------------------------------------------------------------ 16 and 17: runbooks and plugins


def test_an_offer_names_the_runbook_as_it_is() -> None:
    offer = replace(repair(), runbook="web-out-of-rotation", details={"digest": "0123456789abcdef"})
    assert "0123456789a" in repr(card(replace(full(), repairs=[offer]), now=offer.at))


async def test_a_plugin_that_hides_a_child_holds_the_check_no_longer(tmp_path: Path) -> None:
    mark = f"37.{id(tmp_path)}"
    plugin = tmp_path / "check_it"
    plugin.write_text(f"#!/bin/sh\nsetsid sleep {mark} & exec sleep {mark}\n")
    plugin.chmod(0o755)
    inventory = replace(shop(), allow=((str(plugin),),))
    on = Asked(host=WEB.hosts["web-02"], inventory=inventory, within=0.3)
    with pytest.raises(TryAgain):
        await nagios(on, argv=(str(plugin),), from_="bot")
    (left,) = _running(mark)
    os.kill(left, signal.SIGKILL)  # it left the group, and our pipe with it


def _running(word: str) -> list[int]:
    """Who has this word among its arguments."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found += [int(place.parent.name)] if word.encode() in place.read_bytes() else []
    return found
