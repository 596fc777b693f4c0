"""Secrets by reference: the inventory names them, the environment or a file holds them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bot.ports import GaveUp
from bot.runbook.inventory import SshAccess


def resolve_secret(reference: str, *, home: Path, environ: Mapping[str, str]) -> str:
    """The value behind `secret:NAME` or behind the path of a file, relative to MUSTER_HOME.

    `secret:ssh-key` is the variable MUSTER_SECRET_SSH_KEY (the value itself, or the path of a file), else the file
    secrets/ssh-key. Raises GaveUp when there is neither.
    """
    if not reference.startswith("secret:"):
        return _file(home / reference, f"Put the secret into {home / reference}.")
    called = reference.removeprefix("secret:")
    variable = "MUSTER_SECRET_" + called.upper().replace("-", "_").replace(".", "_")
    path = home / "secrets" / called
    fix = f"Set {variable}, or put the secret into {path}."
    given = environ.get(variable, "")
    if given and "\n" not in given and given.startswith("/"):
        return _file(Path(given), fix)
    return given or _file(path, fix)


def resolve_key(access: SshAccess, *, home: Path, environ: Mapping[str, str]) -> str:
    """The private key of the SSH access, as text. Raises GaveUp with the remedy when there is none."""
    if not access.key:
        fix = "Add 'ssh: {key: secret:ssh-key}' to inventory.yaml."
        raise GaveUp("The inventory names no SSH key.", reason="no-secret", fix=fix)
    return resolve_secret(access.key, home=home, environ=environ)


def _file(path: Path, fix: str) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise GaveUp(f"The secret in {path} cannot be read: {why}.", reason="no-secret", fix=fix) from error
