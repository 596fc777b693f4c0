"""Run by Alembic inside the one transaction that bot/store/migrate.py has opened; there is no alembic.ini."""

from __future__ import annotations

from alembic import context

from bot.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
