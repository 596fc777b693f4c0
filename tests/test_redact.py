"""What is hidden, what stays, and that hiding twice is hiding once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.redact import HIDDEN, cut, is_secret_file, redact, redact_all

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIICanary\nlines\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    "text",
    [
        "password=canary",
        "DB_PASSWORD: 'canary'",
        'api_key = "canary with blanks"',
        '{"client_secret": "canary"}',
        "aws_secret_access_key=canary",
        "token:canary;",
        "+    secure_link_secret canary;",
        "  proxy_set_header Authorization 'Bearer canary';",
        "Authorization: Basic canary",
        "curl -H 'authorization: canary' x",
        "postgresql://muster:canary@db-01/muster",
        "https://canary@example.com/",
        "bearer canarycanarycanary",
        f"ssl_certificate_key inline\n{PEM.replace('MIICanary', 'canary')}",
        "-----BEGIN PRIVATE KEY-----\ncanary cut off",
        "xoxb-123456789-canary",
        "xapp-1-A0-canary",
        "https://hooks.slack.com/services/T0/B0/canary",
        "ghp_canarycanarycanarycanary",
        "eyJhbGciOiJIUzI1.eyJzdWIi_canary.sig",
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str) -> None:
    assert "canary" not in redact(text)
    assert HIDDEN in redact(text)


@pytest.mark.parametrize("text", ["AKIAIOSFODNN7EXAMPLE", "0123456789abcdef0123456789abcdef"])
def test_keys_are_known_by_their_form(text: str) -> None:
    assert redact(f"key {text} end") == f"key {HIDDEN} end"


@pytest.mark.parametrize(
    "text",
    [
        "-  listen 10.0.0.12:8081;\n+  listen 10.0.0.12:8080;",
        "committed as 3d3a16c4f0e1d2c3b4a5968778695a4b3c2d1e0f",
        "the token expired and the password was wrong",
        "upstream: http://10.0.0.12:8080/, host: shop.example.com",
        "ss -Hltn: 3 sockets",
        "",
    ],
)
def test_what_a_reader_needs_stays(text: str) -> None:
    assert redact(text) == text


def test_known_secrets_are_hidden_wherever_they_stand() -> None:
    assert redact("ahunter22b", secrets=("hunter2", "hunter22")) == f"a{HIDDEN}b"
    assert redact("a red fox", secrets=("red",)) == "a red fox"  # too short to be looked for


def test_texts_inside_of_facts_are_hidden_too() -> None:
    found = redact_all({"a": ["password=canary", 7, {"b": "token=canary"}], "c": None})
    assert "canary" not in repr(found)
    assert found["c"] is None


@pytest.mark.parametrize("path", ["/etc/nginx/tls.key", "/etc/.htpasswd", "/etc/x/client-secret.txt", "a/server.pem"])
def test_secret_files_are_known_by_their_names(path: str) -> None:
    assert is_secret_file(path)


def test_an_ordinary_config_is_no_secret_file() -> None:
    assert not is_secret_file("/etc/nginx/conf.d/site.conf")


def test_a_text_is_cut_with_a_word_about_the_rest() -> None:
    assert cut("x" * 3000) == "x" * 3000
    assert cut("x" * 3001).endswith("3001 characters in all")


@given(st.text())
def test_hiding_twice_is_hiding_once(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@given(st.text(), st.text(st.characters(categories=["L", "N"]), min_size=6), st.text())
def test_a_known_secret_never_survives(before: str, secret: str, after: str) -> None:
    if secret not in HIDDEN:
        assert secret not in redact(f"{before}{secret}{after}", secrets=(secret,)).replace(HIDDEN, "")


@given(st.text(), st.integers(min_value=40, max_value=100))
def test_a_cut_text_is_never_longer_than_its_limit(text: str, limit: int) -> None:
    assert len(cut(text * 3, limit=limit)) <= limit
