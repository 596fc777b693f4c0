"""An incident with a channel, and ana who talks in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.store import Store
from tests.talk import Talk, open_incident


@pytest.fixture
def say(sqlite_url: str) -> Iterator[Talk]:
    """Ana in the channel of INC-1."""
    store = Store.open(sqlite_url)
    open_incident(store)
    yield Talk(store)
    store.close()
