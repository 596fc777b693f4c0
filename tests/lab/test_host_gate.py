"""What the gate makes of spellings that nginx and a careless reader would take differently."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.lab.host_files import Root
from bot.lab.host_gate import Gate

BLANKS = " \t\r\n"
FILLER = st.text(st.sampled_from(" \t\n\r#\x0c\x0b\xa0;{}\"'\\$()a"), max_size=8)


def as_nginx(text: str) -> Iterator[list[str]]:  # noqa: C901 - a state machine reads best in one piece
    """The statements that nginx would act on, up to its first syntax error: a second reader, written from its rules."""
    words: list[str] = []
    word, quote, state, escaped, variable = "", "", "blank", False, False
    for c in text:
        if state == "comment":
            state = "blank" if c == "\n" else state
        elif state == "quoted":
            if not escaped and c == quote:
                words, word, state = [*words, word], "", "closed"
            word, escaped = word + (c if state == "quoted" else ""), not escaped and c == "\\"
        elif state == "word" and (escaped or (variable and c == "{") or c not in BLANKS + ";{"):
            word, escaped, variable = word + c, not escaped and c == "\\", c == "$"
        else:
            if state == "word":
                words, word, state = [*words, word], "", "blank"
            if state == "closed" and c not in BLANKS + ";{)":
                return
            state = "blank"
            if c in ";{":
                yield words
                words = []
            elif c == "}" and words:
                return
            elif c == "#":
                state = "comment"
            elif c in "\"'":
                quote, state = c, "quoted"
            elif c not in BLANKS + "})":
                word, state, escaped, variable = c, "word", c == "\\", c == "$"


@given(before=FILLER, between=FILLER, after=FILLER)
def test_no_spelling_hides_an_include_from_the_gate(
    before: str, between: str, after: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = Root(tmp_path_factory.getbasetemp() / "gate-root")
    (root.folder / "etc/nginx").mkdir(parents=True, exist_ok=True)
    text = f"worker_processes {before}include{between} /etc/passwd{after};\n"
    (root.folder / "etc/nginx/nginx.conf").write_bytes(text.encode("latin-1"))
    reached = [s for s in as_nginx(text) if s[:1] == ["include"] and s[1:] and s[1].startswith("/")]
    refused = Gate(root=root, address="127.10.0.11").refusal()
    assert refused or not reached


def test_the_second_reader_reads_as_nginx_does() -> None:
    assert list(as_nginx("a 'b c' \"d\" # e;\n f; g { h${i;j} k; }")) == [
        ["a", "b c", "d", "f"],
        ["g"],
        ["h${i"],
        ["j}", "k"],
    ]
    assert list(as_nginx("a\x0c#b; include /etc/passwd;")) == [["a\x0c#b"], ["include", "/etc/passwd"]]
