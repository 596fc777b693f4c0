"""Any monitoring plugin: exit code 0, 1, 2 or 3, one line, and figures after a bar."""

from __future__ import annotations

import re
from typing import Literal

from bot.checks import Answer, Output, Target, noun
from bot.checks.command import run_allowed
from bot.ports import GaveUp, TryAgain
from bot.runbook.plugin import run_plugin
from bot.runbook.result import JSON, State

STATES = {0: State.OK, 1: State.WARN, 2: State.FAIL, 3: State.UNKNOWN}
FIGURE = re.compile(r"(?:'([^'=]{1,100})'|([^\s'=]{1,100}))=(-?[0-9.]{1,30})([A-Za-z%]{0,8})")
LINE = 300
"""Characters of the plugin's line that are kept."""


@noun("nagios", touches="touches")
async def nagios(
    on: Target,
    *,
    argv: tuple[str, ...],
    from_: Literal["server", "bot"] = "server",
    touches: bool = False,  # noqa: ARG001 - the runner looks at it
) -> Answer:
    """What a monitoring plugin says. The inventory's `allow` must list it, with its absolute path.

    argv: plugin and arguments. from: the `server` runs it (default), or the `bot` does. touches: the plugin is
    not read-only, so it runs last and alone.
    """
    if not argv[0].startswith("/"):
        raise GaveUp(f"{argv[0]} is not an absolute path.", reason="error", fix="Write the plugin's whole path.")
    said = await (_on_the_bot(on, argv) if from_ == "bot" else run_allowed(on, argv))
    if said.cut:
        raise GaveUp(f"{argv[0]} prints more than can be read.", reason="cut")
    state = STATES.get(said.exit, State.UNKNOWN)
    text, figures = parse_plugin(said.stdout)
    reason = {State.OK: "", State.UNKNOWN: "no-access" if said.exit == 126 else "error"}.get(state, "error")
    return Answer(
        state=state,
        reason=reason,
        summary=f"{argv[0].rpartition('/')[2]}: {text or said.stderr.strip()[:LINE] or f'exit {said.exit}'}",
        facts={"text": text, "exit": said.exit, "found": text, "figures": dict(figures)},
        evidence="\n".join(filter(None, [said.stdout, said.stderr])),
    )


async def _on_the_bot(on: Target, argv: tuple[str, ...]) -> Output:
    if not on.inventory.allows(list(argv)):
        raise GaveUp(f"The inventory does not allow {argv[0]} with these arguments.", reason="no-access")
    said = await run_plugin(argv, within=on.within)
    if said.exit == 124:
        raise TryAgain(f"{argv[0]} did not end in time.", reason="timeout")
    return said


def parse_plugin(output: str) -> tuple[str, dict[str, JSON]]:
    """The plugin's line, cut, and its figures with their units, by label; at most fifty."""
    first = output.lstrip().partition("\n")[0]
    text, _, figures = first.partition("|")
    found: dict[str, JSON] = {}
    for match in FIGURE.finditer(figures[:4_000]):
        if len(found) < 50:
            found[match[1] or match[2]] = f"{match[3]}{match[4]}"
    return text.strip()[:LINE], found
