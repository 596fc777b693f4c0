"""What people see of proposals: one card each, posted once and then edited."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot import log
from bot.ports import Chat, GaveUp, TryAgain
from bot.steps.recorder import Recorder
from bot.steps.trying import pause
from bot.store import NO_INCIDENT
from bot.triage import regroup
from bot.triage.proposal import Proposal, ProposalState

TRIES = 30  # over about a day: nobody decides about older alerts


class Proposing:
    """Brings the card of a proposal up to what the record says."""

    def __init__(self, recorder: Recorder, chat: Chat, *, where: str) -> None:
        self._recorder = recorder
        self._chat = chat
        self._where = where

    async def show(self, args: Mapping[str, Any]) -> None:
        """Post the card, or edit it. What the chat refuses for good is only logged; what may work later comes again."""
        if args.get("lapse"):
            await asyncio.to_thread(self._lapse, args["proposal"])
            return
        try:
            shown = await self._show(args["proposal"])
            while (now := await asyncio.to_thread(self._find, args["proposal"])) and now.revision != shown:
                shown = await self._show(args["proposal"])  # it changed, and the older edit may have been last
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
            channel, message = await self._chat.propose(proposal, self._where)
            await asyncio.to_thread(self._posted, id, channel, message)
        return proposal.revision

    def _find(self, id: str) -> Proposal | None:
        with self._recorder.store.transaction() as tx:
            return tx.proposal(id)

    def _lapse(self, id: str) -> None:
        with self._recorder.store.transaction(intake=True) as tx:
            if proposal := tx.proposal(id):
                regroup.lapse(tx, proposal, self._recorder.now())

    def _posted(self, id: str, channel: str, message: str) -> None:
        with self._recorder.store.transaction(intake=True) as tx:
            if proposal := tx.proposal(id):
                tx.save_proposal(replace(proposal, where=self._where, channel=channel, message=message))

    def _later(self, args: Mapping[str, Any], problem: TryAgain) -> None:
        attempt = int(args.get("attempt", 0)) + 1
        later = {**args, "attempt": attempt, "not_before": self._recorder.after(pause(attempt, problem))}
        if attempt <= TRIES:
            with self._recorder.store.transaction() as tx:
                proposal = tx.proposal(args["proposal"])
                key = f"{args['proposal']}/{proposal.revision if proposal else 0}/again/{attempt}"
                tx.due(key, "propose", NO_INCIDENT, later)
