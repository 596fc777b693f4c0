"""Which server an alert is about: only what our inventory knows, and never a guess."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.alerts.datadog import datadog
from bot.incident import AlertSeen
from bot.intake import seen
from bot.runbook.inventory import Group, Host, Inventory
from bot.triage.target import Target, place, target

NOW = datetime(2026, 11, 22, 10, 31, tzinfo=UTC)
FIXTURES = Path(__file__).parents[1] / "alerts" / "fixtures" / "datadog"
HOSTS = {
    "web-01": Host(name="web-01", address="10.0.0.11", group="shop-web"),
    "web-02": Host(name="web-02", address="2001:db8::12", aliases=("i-0abc", "web-02.example.com"), group="shop-web"),
}
BALANCER = Host(name="lb-01", address="10.0.0.10", group="shop-lb")
INVENTORY = Inventory(
    groups={
        "shop-web": Group(name="shop-web", service="shop", behind="lb-01", hosts=HOSTS),
        "shop-db": Group(name="shop-db", hosts={"db-01": Host(name="db-01", address="10.0.1.11", group="shop-db")}),
        "shop-lb": Group(name="shop-lb", hosts={"lb-01": BALANCER}),
    }
)


def alert(**words: Any) -> AlertSeen:
    return AlertSeen(delivery="D1", source="datadog", transition="Triggered", at=NOW, **words)


def name(found: Target) -> str:
    return found.host.name if found.host else ""


@pytest.mark.parametrize(
    ("situation", "host"),
    [
        ("triggered", "web-02"),
        ("ipv6_host", "web-02"),
        ("recovered", "web-02"),
        ("huge_message", "web-02"),
        ("missing_tags", ""),
        ("literal_variables", ""),
        ("empty_variables", ""),
        ("hostile_strings", ""),
        ("simple_alert_without_scope", ""),
        ("service_grouped", ""),
        ("log_monitor", ""),
        ("composite", ""),
        ("synthetics", ""),
        ("no_data", "web-02"),
        ("upstream_label", ""),
        ("url_label", "web-01"),
    ],
)
def test_recorded_payloads_name_their_server_or_none(situation: str, host: str) -> None:
    for found in datadog((FIXTURES / f"{situation}.json").read_bytes(), "D1", NOW).alerts:
        assert name(target(seen(found, "", ""), INVENTORY)) == host


def test_each_group_of_a_merged_delivery_names_its_own_server() -> None:
    payload = json.loads((FIXTURES / "many_groups.json").read_text())
    payload |= {"alert_scope": "host:web-01,host:web-02,host:x"}
    alerts = datadog(json.dumps(payload).encode(), "D1", NOW).alerts
    assert [name(target(seen(found, "", ""), INVENTORY)) for found in alerts] == ["web-01", "web-02", ""]


@pytest.mark.parametrize(
    ("words", "host", "evidence"),
    [
        pytest.param({"tags": ("server:web-02",)}, "web-02", "server of the alert: web-02", id="server"),
        pytest.param({"scope": ("instance:web-02:8080",)}, "web-02", "instance of", id="an address with a port"),
        pytest.param({"scope": ("url:http://10.0.0.11:8080/x",)}, "web-01", "url of", id="a URL with an address"),
        pytest.param({"scope": ("url:https://WEB-02.example.com/",)}, "web-02", "url of", id="a URL with an alias"),
        pytest.param({"scope": ("instance:[2001:db8:0:0::12]:80",)}, "web-02", "instance of", id="IPv6 with a port"),
        pytest.param({"scope": ("host:2001:DB8:0::12",)}, "web-02", "scope of", id="IPv6 as others write it"),
        pytest.param({"tags": ("balancer:lb-01",)}, "lb-01", "balancer of", id="only the balancer"),
        pytest.param(
            {"tags": ("balancer:lb-01", "server:web-01")}, "web-01", "server of", id="the server before its balancer"
        ),
        pytest.param({"tags": ("instance:shop_check", "url:http://web-01/")}, "web-01", "url of", id="no host"),
        pytest.param({"tags": ("upstream:shop-web",)}, "", "several servers (web-01, web-02)", id="a whole group"),
        pytest.param({"tags": ("url:http://web-01/", "url:http://web-02/")}, "", "several servers", id="two"),
        pytest.param({"tags": ("server:web-02",), "hostname": "lb-01"}, "lb-01", "hostname of", id="a host first"),
        pytest.param({"tags": ("server:web-02",), "hostname": "x"}, "", "does not know x", id="even an unknown one"),
        pytest.param({"tags": ("url:http://shop.example.com/",)}, "", "names no host", id="a URL that is not ours"),
        pytest.param({"tags": ("url:http://[::1/", "server:]:/@")}, "", "names no host", id="broken addresses"),
        pytest.param({"tags": ("service:SHOP",)}, "", "SHOP runs on web-01, web-02. Say", id="a service's servers"),
    ],
)
def test_labels_select_what_is_ours(words: dict[str, Any], host: str, evidence: str) -> None:
    found = target(alert(**words), INVENTORY)
    assert name(found) == host
    assert evidence.lower() in found.evidence.lower()


@pytest.mark.parametrize(
    ("words", "service", "env", "where"),
    [
        ({"scope": ("host:web-01",)}, "", "", "service shop"),
        ({"scope": ("host:web-01",)}, "another", "prod", "service shop prod"),  # the inventory is right
        ({"scope": ("host:lb-01",)}, "", "", "service shop"),  # of the servers behind it
        ({"tags": ("upstream:shop-web",)}, "", "", "service shop"),
        ({}, "Shop", "prod", "service shop prod"),
        ({"scope": ("host:web-99",)}, "shop", "", "service shop"),
        ({"scope": ("host:web-01", "host:lb-01")}, "", "prod", ""),
        ({}, "", "prod", ""),
        ({"scope": ("host:db-01",)}, "", "prod", "group shop-db"),
    ],
)
def test_alerts_meet_at_the_service_of_their_servers(words: dict[str, Any], service: str, env: str, where: str) -> None:
    assert str(place(service, env, target(alert(**words), INVENTORY), INVENTORY)) == where


def test_the_only_environment_of_a_service_is_the_one_that_is_meant() -> None:
    groups = {name: replace(group, env="prod" if group.service else "") for name, group in INVENTORY.groups.items()}
    assert str(place("shop", "", target(alert(), INVENTORY), Inventory(groups=groups))) == "service shop prod"


@pytest.mark.parametrize(
    ("words", "host", "evidence"),
    [
        pytest.param({"scope": ("host:web-02",)}, "web-02", "scope of the alert: web-02", id="scope"),
        pytest.param({"scope": ("host:WEB-02",)}, "web-02", "scope of the alert: WEB-02", id="in any case"),
        pytest.param({"scope": ("host:i-0abc",)}, "web-02", "scope of the alert: i-0abc", id="by an alias"),
        pytest.param({"hostname": "10.0.0.11"}, "web-01", "hostname of the alert: 10.0.0.11", id="by its address"),
        pytest.param({"tags": ("env:x", "host:lb-01")}, "lb-01", "tags of the alert: lb-01", id="tags"),
        pytest.param(
            {"scope": ("host:i-0abc", "host:web-02")}, "web-02", "scope of the alert: i-0abc, web-02", id="two names"
        ),
        pytest.param(
            {"scope": ("host:web-02",), "hostname": "lb-01", "tags": ("host:web-01",)},
            "web-02",
            "scope of the alert: web-02",
            id="the scope comes first",
        ),
        pytest.param(
            {"hostname": "web-01", "tags": ("host:lb-01",)},
            "web-01",
            "hostname of the alert: web-01",
            id="then the host",
        ),
    ],
)
def test_the_surest_place_that_names_a_server_decides(words: dict[str, Any], host: str, evidence: str) -> None:
    found = target(alert(**words), INVENTORY)
    assert (name(found), found.evidence) == (host, evidence)


@pytest.mark.parametrize(
    ("words", "evidence"),
    [
        pytest.param({}, "the alert names no host", id="nothing"),
        pytest.param(
            {"title": "web-01 is down", "status": "web-01", "query": "host:web-01"}, "names no host", id="text"
        ),
        pytest.param({"scope": ("service:web-01", "hostname:web-01")}, "names no host", id="another label"),
        pytest.param({"scope": ("host:",)}, "names no host", id="an empty label"),
        pytest.param({"scope": ("host:web-99",)}, "does not know web-99", id="unknown"),
        pytest.param(
            {"scope": ("host:web-99",), "hostname": "lb-01"}, "does not know web-99", id="not the prober instead"
        ),
        pytest.param({"hostname": "web-99", "tags": ("host:web-01",)}, "does not know web-99", id="nor a tag"),
        pytest.param({"scope": ("host:web-0",)}, "does not know web-0.", id="the beginning of a name"),
        pytest.param({"scope": ("host:web-*",)}, "does not know web-*", id="a pattern"),
        pytest.param({"scope": ("host:a;rm -rf /",)}, "does not know a;rm -rf /", id="a command"),
        pytest.param({"tags": ("host:lb-01", "host:web-02")}, "several servers (lb-01, web-02)", id="two servers"),
    ],
)
def test_no_server_is_ever_guessed(words: dict[str, Any], evidence: str) -> None:
    found = target(alert(**words), INVENTORY)
    assert found.host is None
    assert evidence in found.evidence
    assert found.evidence.startswith("No checks were run: ")
    assert "check on HOST" in found.evidence


def test_hundreds_of_names_make_a_short_sentence() -> None:
    found = target(alert(scope=tuple(f"host:w{n}" for n in range(200))), INVENTORY)
    assert found.evidence.endswith("does not know w0, w1, w2, w3 and 196 more. Say “check on HOST”.")


WORDS = st.text(max_size=20) | st.sampled_from(["web-01", "lb-01", "host:web-01", "web-01 ", "web-01\n", "i-0abc"])


@settings(deadline=None)
@given(st.lists(WORDS.map("host:".__add__), max_size=4), WORDS, st.lists(WORDS, max_size=4))
def test_what_comes_out_is_a_host_of_the_inventory_that_was_named_in_full(
    scope: list[str], hostname: str, tags: list[str]
) -> None:
    found = target(alert(scope=tuple(scope), hostname=hostname, tags=tuple(tags)), INVENTORY)
    if found.host:
        assert found.host in {*HOSTS.values(), BALANCER}
        known = {found.host.name, found.host.address, *found.host.aliases}
        said = {w.partition(":")[2].strip().lower() for w in (*scope, *tags)} | {hostname.strip().lower()}
        assert known & said
