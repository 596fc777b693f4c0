"""Paths of a lab host, as hostile as hypothesis can spell them."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bot.lab.host_files import Root


@given(path=st.text(st.sampled_from("abe./-etcpasswd~ \0")), cwd=st.sampled_from(["/", "/etc", "/no/such", "../.."]))
def test_no_spelling_of_a_path_leaves_the_root(path: str, cwd: str) -> None:
    root = Root(Path("/nowhere/host"))
    try:
        real = root.real(path, cwd)
    except ValueError:
        assert "\0" in path
        return
    assert real == root.folder or root.folder in real.parents
    assert root.guest(real).startswith("/")
