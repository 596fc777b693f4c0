"""The inventory: the only hosts that are ever touched, found by their own names alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.runbook.inventory import Inventory, load
from bot.runbook.placeholders import SAFE
from bot.strict_yaml import Problems

EXAMPLE = """\
inventory: 1
ssh: {user: muster, key: secret:ssh-key, known-hosts: known_hosts}
groups:
  shop-web:
    service: shop
    role: web
    port: 8080
    behind: lb-01
    config: {repo: /etc, paths: [nginx]}
    hosts: {web-01: 10.0.0.11, web-02: 10.0.0.12, web-03: {address: 10.0.0.13, ssh-port: 2222, aliases: [i-0abc, W3.example.com]}}
  shop-lb: {service: shop, role: balancer, port: 80, hosts: {lb-01: {address: 10.0.0.10, aliases: [lb]}}}
  shop-db: {service: shop-db, role: replica, primary: db-01, hosts: {db-01: 10.0.1.11, db-02: 10.0.1.12}}
allow:
  - [psql, -AtX, "*"]
  - [uptime]
  - [ping, -c, "*", "10.0.*"]
"""  # noqa: E501 - the line is as long as people write it


def problems_of(text: str) -> list[str]:
    with pytest.raises(Problems) as caught:
        load(text, "inventory.yaml")
    return [str(problem).removeprefix("inventory.yaml:") for problem in caught.value.problems]


def hosts(line: str) -> str:
    return f"inventory: 1\ngroups:\n  web: {{hosts: {{{line}}}}}\n"


def test_the_example_is_read_whole() -> None:
    inventory = load(EXAMPLE, "inventory.yaml")
    web = inventory.groups["shop-web"]
    assert (web.service, web.role, web.port, web.behind) == ("shop", "web", 8080, "lb-01")
    assert (web.config_repo, web.config_paths) == ("/etc", ("nginx",))
    assert [host.name for host in web.hosts.values()] == ["web-01", "web-02", "web-03"]
    assert web.hosts["web-03"].ssh_port == 2222
    assert {host.group for host in web.hosts.values()} == {"shop-web"}
    assert inventory.ssh.key == "secret:ssh-key"
    assert inventory.groups["shop-db"].primary == "db-01"


@pytest.mark.parametrize("word", ["web-03", "WEB-03", " web-03 ", "10.0.0.13", "i-0abc", "w3.example.com"])
def test_a_host_is_found_by_name_alias_and_address(word: str) -> None:
    found = load(EXAMPLE, "inventory.yaml").find(word)
    assert found is not None
    assert found.name == "web-03"


def test_no_host_is_found_by_anything_else() -> None:
    inventory = load(EXAMPLE, "inventory.yaml")
    assert [inventory.find(word) for word in ("", "web-0", "web-04", "*", "10.0.0.1", "shop-web")] == [None] * 6


def test_a_balancer_may_be_named_by_its_alias() -> None:
    inventory = load(EXAMPLE.replace("behind: lb-01", "behind: LB"), "inventory.yaml")
    assert inventory.groups["shop-web"].behind == "lb-01"


@pytest.mark.parametrize(
    ("argv", "allowed"),
    [
        (["psql", "-AtX", "-c", "select 1"], True),
        (["psql", "-AtX"], True),
        (["psql", "-c", "select 1"], False),
        (["psql"], False),
        (["/usr/bin/psql", "-AtX"], False),
        (["uptime"], True),
        (["uptime", "-p"], False),
        (["ping", "-c", "1", "10.0.0.11"], True),
        (["ping", "-c", "1", "192.168.0.1"], False),
        (["ping", "-c", "1", "10.0.0.11", "-f"], False),
        ([], False),
    ],
)
def test_only_listed_commands_are_allowed(argv: list[str], allowed: bool) -> None:
    assert load(EXAMPLE, "inventory.yaml").allows(argv) is allowed


def test_nothing_is_allowed_by_default() -> None:
    assert not Inventory().allows(["true"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("groups: {}\n", ["1:1: the word 'inventory' is missing"]),
        ("inventory: 2\n", ["1:1: inventory: only version 1 is known; write 'inventory: 1'"]),
        ("inventory: 1\ngroup: {}\n", ["2:1: group: 'group' is not a word of this block; did you mean 'groups'?"]),
        (
            "inventory: 1\nssh: {host-keys: false}\n",
            ["2:7: ssh.host-keys: 'host-keys' is not a word of this block (one of: user, key, known-hosts, act)"],
        ),
        (
            'inventory: 1\nssh: {key: "-----BEGIN OPENSSH PRIVATE KEY-----"}\n',
            ["2:7: ssh.key: a key does not belong in this file; write secret:ssh-key, or the path of a file"],
        ),
        (hosts("a: 10.0.0.1, a: 10.0.0.2"), ["3:30: 'a' is given twice (first on line 3)"]),
        (
            hosts("a: 10.0.0.1, b: 10.0.0.1"),
            [
                "3:30: groups.web.hosts.b: '10.0.0.1' already finds a of web; "
                "every name, alias and address belongs to one host"
            ],
        ),
        (
            hosts("a: 10.0.0.1, b: {address: 10.0.0.2, aliases: [A]}"),
            ["3:30: groups.web.hosts.b: 'a' already finds a of web; every name, alias and address belongs to one host"],
        ),
        (
            hosts("a: 10.0.0.256"),
            ["3:17: groups.web.hosts.a: '10.0.0.256' is not an address: 10.0.0.11, fd00::11 or web-01.example.com"],
        ),
        (
            hosts("a: -oProxyCommand=x"),
            [
                "3:17: groups.web.hosts.a: '-oProxyCommand=x' is not an address: "
                "10.0.0.11, fd00::11 or web-01.example.com"
            ],
        ),
        (
            hosts('"-a": 10.0.0.1'),
            [
                "3:17: groups.web.hosts.-a: '-a' is not a host's name: letters, digits, '.', '_' and '-', "
                "a letter or digit first"
            ],
        ),
        (hosts("a: {ssh-port: 22}"), ["3:17: groups.web.hosts.a: the word 'address' is missing"]),
        ("inventory: 1\ngroups:\n  web: {port: 80}\n", ["3:3: groups.web: the word 'hosts' is missing"]),
        (
            "inventory: 1\ngroups:\n  web: {behind: lb-1, hosts: {lb-01: 10.0.0.1}}\n",
            ["3:9: groups.web.behind: no host is called 'lb-1'; did you mean 'lb-01'?"],
        ),
        (
            "inventory: 1\ngroups:\n  web: {primary: db, hosts: {lb-01: 10.0.0.1}}\n",
            ["3:9: groups.web.primary: no host is called 'db' (one of: lb-01)"],
        ),
        (
            'inventory: 1\nallow:\n  - ["*"]\n  - uptime\n',
            [
                "3:5: allow.0: the program itself is written out; '*' stands for arguments only",
                '4:5: allow.1: a command is a list: [psql, -AtX, "*"]',
            ],
        ),
    ],
)
def test_each_mistake_has_its_place_and_remedy(text: str, expected: list[str]) -> None:
    assert problems_of(text) == expected


@settings(deadline=None)
@given(st.text(max_size=30))
def test_an_address_that_is_accepted_is_safe_in_a_command(address: str) -> None:
    quoted = address.encode("ascii", "backslashreplace").decode().replace('"', "")
    try:
        inventory = load(hosts(f"'a': '{quoted}'"), "inventory.yaml")
    except Problems:
        return
    assert SAFE.fullmatch(inventory.groups["web"].hosts["a"].address) or ":" in quoted


def test_the_neighbours_of_a_host_are_known() -> None:
    inventory = load(EXAMPLE, "inventory.yaml")
    web_02 = inventory.groups["shop-web"].hosts["web-02"]
    balancer = inventory.balancer_of(web_02)
    assert [host.name for host in inventory.peers(web_02)] == ["web-01", "web-03"]
    assert balancer is not None
    assert balancer.name == "lb-01"
    assert inventory.balancer_of(balancer) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ssh: {user: -oProxyCommand}\n", "is not the name of an account"),
        ("ssh: {key: 'secret:../x'}\n", "a secret is named by small letters"),
        ("groups: {web: {hosts: {a: {address: 10.0.0.1, aliases: [a b]}}}}\n", "it has a space in it"),
    ],
)
def test_a_word_that_could_mean_something_else_is_refused(text: str, said: str) -> None:
    assert said in problems_of("inventory: 1\n" + text)[0]


def test_the_account_that_carries_out_plans_may_be_another_one() -> None:
    both = load(
        "inventory: 1\nssh: {user: probe, key: secret:look, act: {user: hands, key: secret:act}}\n", "i.yaml"
    ).ssh
    assert (both.user, both.key) == ("probe", "secret:look")
    assert (both.acting.user, both.acting.key, both.acting.known_hosts) == ("hands", "secret:act", "known_hosts")
    one = load("inventory: 1\nssh: {user: muster, key: secret:look}\n", "i.yaml").ssh
    assert one.acting == one
