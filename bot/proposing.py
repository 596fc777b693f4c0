"""What people see of proposals: one card each, posted once and then edited."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot import log
from bot.policy import Policy
from bot.ports import Chat, GaveUp, TryAgain
from bot.proposal import Proposal, ProposalState
from bot.store import NO_INCIDENT, Store

PATIENCE = (2.0, 5.0, 15.0, 30.0, 60.0, 300.0, 900.0)  # seconds between tries
TRIES = 30


class Proposing:
    """Brings the card of a proposal up to what the record says."""

    def __init__(self, *, store: Store, chat: Chat, policy: Policy, now: Callable[[], datetime]) -> None:
        self._store = store
        self._chat = chat
        self._policy = policy
        self._now = now

    async def show(self, args: Mapping[str, Any]) -> None:
        """Post the card, or edit it. What the chat refuses for good is only logged; what may work later comes again."""
        try:
            shown = await self._show(args["proposal"])
            while (now := await asyncio.to_thread(self._find, args["proposal"])) and now.revision != shown:
                shown = await self._show(
                    args["proposal"]
                )  # it changed meanwhile, and the older edit may have been last
        except GaveUp as problem:
            log.event("proposal.lost", level=logging.WARNING, reason=problem.reason, proposal=args["proposal"])
        except TryAgain as problem:
            if problem.reason == "database":
                raise
            await asyncio.to_thread(self._later, args, problem)

    async def _show(self, id: str) -> int:
        """The revision that people see now."""
        proposal = await asyncio.to_thread(self._find, id)
        if proposal is None:
            return 0
        if proposal.message:
            if not (proposal.announces and proposal.state is ProposalState.OPENED):
                await self._chat.edit_proposal(proposal)
        elif proposal.state is ProposalState.WAITING:
            where = self._policy.announce
            channel, message = await self._chat.propose(proposal, where)
            await asyncio.to_thread(self._posted, id, where, channel, message)
        return proposal.revision

    def _find(self, id: str) -> Proposal | None:
        with self._store.transaction() as tx:
            return tx.proposal(id)

    def _posted(self, id: str, where: str, channel: str, message: str) -> None:
        with self._store.transaction(intake=True) as tx:
            if proposal := tx.proposal(id):
                tx.save_proposal(replace(proposal, where=where, channel=channel, message=message))

    def _later(self, args: Mapping[str, Any], problem: TryAgain) -> None:
        attempt = int(args.get("attempt", 0))
        wait = max(PATIENCE[min(attempt, len(PATIENCE) - 1)], problem.after or 0)
        not_before = (self._now() + timedelta(seconds=wait)).isoformat()
        later = {**args, "attempt": attempt + 1, "not_before": not_before}
        if attempt < TRIES:
            with self._store.transaction() as tx:
                proposal = tx.proposal(args["proposal"])
                key = f"{args['proposal']}/{proposal.revision if proposal else 0}/again/{attempt + 1}"
                tx.due(key, "propose", NO_INCIDENT, later)
