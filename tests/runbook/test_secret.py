"""Secrets are found by reference: the variable first, then the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.ports import GaveUp
from bot.runbook.inventory import Inventory, SshAccess
from bot.runbook.secret import resolve_key, resolve_secret

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "ssh-key").write_text("from the folder")
    (tmp_path / "probe_key").write_text("from the path")
    return tmp_path


def test_the_variable_comes_first(home: Path) -> None:
    assert resolve_secret("secret:ssh-key", home=home, environ={"MUSTER_SECRET_SSH_KEY": KEY}) == KEY


def test_the_variable_may_name_a_file(home: Path) -> None:
    environ = {"MUSTER_SECRET_SSH_KEY": str(home / "probe_key")}
    assert resolve_secret("secret:ssh-key", home=home, environ=environ) == "from the path"


def test_else_it_is_the_file_in_secrets(home: Path) -> None:
    assert resolve_secret("secret:ssh-key", home=home, environ={}) == "from the folder"


def test_a_path_is_relative_to_the_home_or_from_the_root(home: Path) -> None:
    assert resolve_secret("probe_key", home=home, environ={}) == "from the path"
    assert resolve_secret(str(home / "probe_key"), home=Path("/elsewhere"), environ={}) == "from the path"


def test_a_missing_secret_is_told_with_both_remedies(home: Path) -> None:
    with pytest.raises(GaveUp) as caught:
        resolve_secret("secret:shop-db", home=home, environ={})
    assert "MUSTER_SECRET_SHOP_DB" in caught.value.fix
    assert str(home / "secrets" / "shop-db") in caught.value.fix


def test_a_file_that_is_not_text_is_told(home: Path) -> None:
    (home / "probe_key").write_bytes(b"\xff\xfe")
    with pytest.raises(GaveUp, match="it is not text"):
        resolve_secret("probe_key", home=home, environ={})


def test_the_key_of_the_inventory_is_resolved(home: Path) -> None:
    inventory = Inventory(ssh=SshAccess(key="secret:ssh-key"))
    assert resolve_key(inventory.ssh, home=home, environ={}) == "from the folder"


def test_an_inventory_without_a_key_says_so(home: Path) -> None:
    with pytest.raises(GaveUp, match="names no SSH key"):
        resolve_key(Inventory().ssh, home=home, environ={})
