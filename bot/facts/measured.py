"""What was measured while it lasted, kept because graphs elsewhere go after a while."""

from __future__ import annotations

from dataclasses import dataclass

from bot.facts.fact import Fact, What
from bot.incident import Incident, Measurement


@dataclass(frozen=True, kw_only=True)
class Measured(What):
    """Lines were fetched from where the alert came from. A later look at the same query takes the place of this."""

    lines: tuple[Measurement, ...]

    def add_to(self, incident: Incident, fact: Fact) -> None:
        known = {(line.query, line.about): line for line in (*incident.measurements, *self.lines)}
        incident.measurements = list(known.values())
