"""health: how the bot itself is."""

from bot.commands import Asked, Outcome, command


@command("health", usage="health", order=53)
def health(asked: Asked) -> Outcome:
    """Show how the bot itself is: what it hears, what it still has to do, what it could not do."""
    asked.alone("health")
    told = [*asked.health()]
    return Outcome(text="\n".join(told) or "The record can be read and written.", private=True)
