"""Appends facts until it is killed, and says each time afterwards what was acknowledged.

python -m tests.store.appender URL PREFIX
"""

from __future__ import annotations

import sys
from itertools import count

from bot.store import Store
from tests.store.facts import note


def main(url: str, prefix: str) -> None:
    """Three facts a transaction, all under one name."""
    store = Store.open(url)
    for n in count():
        name = f"{prefix}/{n}"
        with store.transaction(incident=1) as transaction:
            transaction.append(1, [note(f"{name}/{part}", name) for part in "abc"])
        print(name, flush=True)  # noqa: T201 - this is the acknowledgement


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
