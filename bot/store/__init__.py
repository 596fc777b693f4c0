"""Where everything is kept. Nothing outside this folder knows which database it is."""

from bot.store.gathered import no_incident
from bot.store.lease import Lease
from bot.store.rows import Delivery, Due, KnownGood, Summary
from bot.store.rulings import Ruled
from bot.store.store import Store
from bot.store.transaction import CAPTURED_IN, NO_INCIDENT, Transaction, capture_keys

__all__ = [
    "CAPTURED_IN",
    "NO_INCIDENT",
    "Delivery",
    "Due",
    "KnownGood",
    "Lease",
    "Ruled",
    "Store",
    "Summary",
    "Transaction",
    "capture_keys",
    "no_incident",
]
