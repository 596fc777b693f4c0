"""list: the open incidents."""

from bot.commands import Asked, Outcome, command
from bot.ports import NotAllowed


@command("list", usage="list", order=49)
def list_open(asked: Asked) -> Outcome:
    """Show the open incidents."""
    if asked.words:
        raise NotAllowed(f"Nothing was done: say “list” alone; to open an incident: declare list {asked.words[:80]}")
    if not asked.open_incidents:
        return Outcome(text="No open incidents.")
    return Outcome(
        text="\n".join(
            f"{i.id} {i.severity} {i.status}: {i.title}" + (f" (#{i.channel})" if i.channel else "")
            for i in asked.open_incidents
        )
    )
