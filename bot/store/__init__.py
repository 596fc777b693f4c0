"""Where everything is kept. Nothing outside this folder knows which database it is."""

from bot.store.lease import Lease
from bot.store.rows import Delivery, Due, KnownGood, Summary
from bot.store.store import Store
from bot.store.transaction import NO_INCIDENT, Transaction, no_incident

__all__ = ["NO_INCIDENT", "Delivery", "Due", "KnownGood", "Lease", "Store", "Summary", "Transaction", "no_incident"]
