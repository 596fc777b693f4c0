"""Postgres advisory locks by name. SQLite has one writer at a time and needs none."""

from __future__ import annotations

from hashlib import blake2b

from sqlalchemy import Connection, text


def lock_key(name: str) -> int:
    """The signed 64-bit number that stands for this name in Postgres."""
    return int.from_bytes(blake2b(f"muster/{name}".encode(), digest_size=8).digest(), signed=True)


def lock_for_transaction(connection: Connection, name: str, *, patience: str = "") -> None:
    """Wait for this name and keep it until the transaction ends; `patience` replaces the usual lock_timeout."""
    if connection.dialect.name != "postgresql":
        return
    if patience:
        connection.execute(text("SELECT set_config('lock_timeout', :patience, true)"), {"patience": patience})
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock_key(name)})
