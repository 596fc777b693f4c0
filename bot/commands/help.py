"""help: what can be said."""

from bot.commands import COMMANDS, Asked, Outcome, command
from bot.ports import NotAllowed


@command("help", usage="help [WORD]", order=99)
def help(asked: Asked) -> Outcome:
    """Show what can be said, or what one word does."""
    word = next(iter(asked.words.lower().split()), "")
    if not word:
        lines = [f"{c.usage}: {c.help.splitlines()[0]}" for c in sorted(COMMANDS.values(), key=lambda c: c.order)]
        return Outcome(text="\n".join(lines))
    if found := COMMANDS.get(word):
        return Outcome(text=f"{found.usage}\n{found.help}")
    raise NotAllowed(f"There is no word “{word}”; “help” alone shows all of them.")
