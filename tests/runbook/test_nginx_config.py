"""Facts of nginx configurations, with includes followed on their own server only."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ports import GaveUp
from bot.runbook.inventory import Host
from bot.runbook.nginx_config import Config, as_self, expected_port, normal_listen, read_config
from tests.fake_servers import FolderServer, farm

HOST = Host(name="web-02", address="10.0.0.12", aliases=("i-0abc",))
ROOT = "/etc/nginx/nginx.conf"


async def read(folder: Path, **files: str) -> Config:
    server = FolderServer(folder)
    for name, text in files.items():
        server.put({"main": ROOT}.get(name, f"/etc/nginx/{name.replace('__', '/')}.conf"), text)
    return await read_config(server, ROOT)


async def test_facts_have_the_file_and_line_that_says_them(tmp_path: Path) -> None:
    found = await read(
        tmp_path,
        main="events { }\nhttp {\n  include conf.d/*.conf;\n}\n",
        conf_d__x="",
        **{"conf.d__site": "server {\n  listen 8080 default_server;\n  server_name a b;\n  location = /x { }\n}\n"},
    )
    file = "/etc/nginx/conf.d/site.conf"
    assert [(fact.kind, fact.value, fact.file, fact.line) for fact in found.facts] == [
        ("listen", "*:8080", file, 2),
        ("listen", "*:8080 default_server", file, 2),
        ("server-names", "a", file, 3),
        ("server-names", "b", file, 3),
        ("locations", "= /x", file, 4),
    ]
    assert not found.errors


async def test_an_include_inside_of_a_server_belongs_to_it(tmp_path: Path) -> None:
    found = await read(tmp_path, main="http { server { include listen.conf; } }", listen="listen 81;")
    assert [fact.value for fact in found.of("listen")] == ["*:81"]


async def test_a_server_without_listen_is_on_port_80(tmp_path: Path) -> None:
    assert (await read(tmp_path, main="http { server { } }")).of("listen")[0].value == "*:80"


async def test_includes_never_reach_this_machine(tmp_path: Path) -> None:
    secret = tmp_path / "secret.conf"
    secret.write_text("server { listen 6666; }")
    (tmp_path / "server").mkdir()
    found = await read(
        tmp_path / "server", main=f"http {{ include /etc/passwd; include {secret}; server {{ listen 1; }} }}"
    )
    assert [fact.value for fact in found.of("listen")] == ["*:1"]
    assert len(found.errors) == 2
    assert "root:" not in repr(found)


async def test_hidden_files_do_not_match_a_wildcard(tmp_path: Path) -> None:
    found = await read(
        tmp_path, main="http { include conf.d/*; server { } }", **{"conf.d__.site": "server { listen 1; }"}
    )
    assert len(found.of("listen")) == 1


async def test_an_include_of_itself_ends(tmp_path: Path) -> None:
    with pytest.raises(GaveUp):
        await read(tmp_path, main="http { include nginx.conf; include a.conf; }", a="include a.conf;")


async def test_too_many_files_are_refused(tmp_path: Path) -> None:
    server = FolderServer(tmp_path)
    server.put(ROOT, "http { include many/*.conf; }")
    for number in range(201):
        server.put(f"/etc/nginx/many/{number}.conf", "")
    with pytest.raises(GaveUp) as failure:
        await read_config(server, ROOT)
    assert failure.value.reason == "cut"


async def test_deep_nesting_is_refused_and_does_not_crash(tmp_path: Path) -> None:
    assert "recursion" in (await read(tmp_path, main="a {" * 3000 + "}" * 3000)).errors[0]
    with pytest.raises(GaveUp):
        await read(tmp_path, main="a {" * 100 + "}" * 100)


@pytest.mark.parametrize(
    "text",
    ["http { server {", "http { server { server_name a\nlocation / { } } }", "http { } }", 'http { server_name "a; }'],
)
async def test_what_cannot_be_understood_is_said_with_its_place(tmp_path: Path, text: str) -> None:
    found = await read(tmp_path, main=text)
    assert found.errors
    assert found.errors[0].startswith(f"{ROOT}:")


async def test_invalid_bytes_are_read_over(tmp_path: Path) -> None:
    server = FolderServer(tmp_path)
    server.put(ROOT, b"http { # \xff\xfe\nserver { listen 81; } }")
    assert (await read_config(server, ROOT)).of("listen")[0].line == 2


async def test_upstream_servers_have_their_options(tmp_path: Path) -> None:
    found = await read(
        tmp_path,
        main="http { upstream shop { server 10.0.0.12:8081 fail_timeout=1m max_fails=0; server i-0ABC down; "
        "server unix:/x; } server { location / { proxy_pass http://shop; } "
        "location /d { proxy_pass http://web-02:9; } } }",
    )
    ours = found.leading_to(HOST)
    assert [(each.address, each.port, each.down) for each in ours] == [
        ("10.0.0.12", 8081, False),
        ("i-0ABC", 80, True),
        ("web-02", 9, False),
    ]
    assert (ours[0].fail_timeout, ours[0].max_fails) == (60.0, 0)
    assert [each.port for each in found.leading_to(HOST, upstream="shop")] == [8081, 80]


async def test_the_balancers_config_says_where_a_server_is_expected(tmp_path: Path) -> None:
    inventory, servers = farm(tmp_path)
    host = inventory.groups["shop-web"].hosts["web-02"]

    async def session(of: Host) -> FolderServer:
        return servers[of.name]

    servers["lb-01"].put(ROOT, "http { upstream shop { server 127.9.0.12:9999; } }")
    assert await expected_port(session, inventory, host) == 9999
    (tmp_path / "lb-01/etc/nginx/nginx.conf").unlink()
    assert await expected_port(session, inventory, host) == 8080


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("8080", "*:8080"),
        ("*:8080", "*:8080"),
        ("0.0.0.0:8080", "*:8080"),
        ("[::]:8080", "*:8080"),
        ("10.0.0.12", "10.0.0.12:80"),
        ("[::1]", "[::1]:80"),
        ("[::1]:81", "[::1]:81"),
        ("localhost", "localhost:80"),
        ("unix:/run/x.sock", "unix:/run/x.sock"),
    ],
)
def test_a_listen_has_one_form(written: str, normal: str) -> None:
    assert normal_listen(written) == normal
    assert normal_listen(normal) == normal


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("10.0.0.12:8080", "self:8080"),
        ("web-02.shop.test", "self.shop.test"),
        ("web-021", "web-021"),
        ("10.0.0.120:80", "10.0.0.120:80"),
        ("110.0.0.12:80", "110.0.0.12:80"),
        ("I-0abc", "self"),
    ],
)
def test_a_host_calls_itself_self(value: str, shown: str) -> None:
    assert as_self(value, HOST) == shown


@given(st.text())
def test_any_address_has_a_form(text: str) -> None:
    assert isinstance(normal_listen(text), str)
