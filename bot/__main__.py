"""Where the process begins: run the command line; what people can mend is one sentence on standard error."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper


def main() -> None:
    """Run the command line; what people can mend is one sentence on standard error."""
    try:
        try:
            _run()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:  # whoever read has seen enough; what is left in the buffer goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None


def _run() -> None:
    # Imported here: it takes long enough for somebody to press Ctrl-C meanwhile, which deserves no traceback.
    from bot.cli import load
    from bot.ports import GaveUp, NotAllowed, TryAgain
    from bot.strict_yaml import Problems

    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # whatever the locale says, and whatever comes
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        load()()
    except Problems as problems:
        raise SystemExit(_complain(str(problems), 1)) from None
    except (NotAllowed, TryAgain) as refusal:
        raise SystemExit(_complain(str(refusal), 1)) from None
    except GaveUp as refusal:
        raise SystemExit(_complain(f"{refusal} {refusal.fix}".strip(), 1)) from None


def _complain(text: str, code: int) -> int:
    print(text, file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
