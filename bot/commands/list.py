"""list: the open incidents."""

from bot.commands import Asked, Outcome, command


@command("list", usage="list", order=49)
def list_open(asked: Asked) -> Outcome:
    """Show the open incidents."""
    if not asked.open_incidents:
        return Outcome(text="No open incidents.")
    return Outcome(
        text="\n".join(
            f"{i.id} {i.severity} {i.status}: {i.title}" + (f" (#{i.channel})" if i.channel else "")
            for i in asked.open_incidents
        )
    )
