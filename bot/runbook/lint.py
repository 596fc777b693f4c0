"""What is wrong with runbooks beyond one file: against each other, the inventory and its list of commands.

A runbook may be for servers that this inventory does not have, or not yet: that is a remark, and stops nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bot.checks import Noun
from bot.runbook.inventory import Group, Inventory
from bot.runbook.placeholders import words_in
from bot.runbook.runbook import At, Cause, Check, Runbook
from bot.runbook.select import covers_group
from bot.strict_yaml import Path, Problem, did_you_mean

GROUP_TAGS = frozenset({"service", "role", "env", "group"})
"""The tags that every alert about a host has from the host's group."""


def lint(runbooks: Sequence[Runbook], inventory: Inventory, nouns: Mapping[str, Noun]) -> list[Problem]:
    """Problems of runbooks that have been read, in the order of files and lines."""
    found = list(_doubled(runbooks))
    for runbook in runbooks:
        found += _unknown_nouns(runbook, nouns)
        found += _not_allowed(runbook, inventory)
        found += _shadowed(runbook)
        if _for_certain_groups(runbook):
            found += _never_answered(runbook, _covered(runbook, inventory))
    return sorted(found)


def remarks(runbooks: Sequence[Runbook], inventory: Inventory) -> list[Problem]:
    """Where the inventory does not fit: those checks are answered with unknown, those causes are never proved."""
    found: list[Problem] = []
    for runbook in runbooks:
        groups = _covered(runbook, inventory)
        found += _unfilled(runbook, groups) if groups else _nowhere(runbook, inventory)
        if not _for_certain_groups(runbook):
            found += _never_answered(runbook, groups)
    return sorted(found)


def _for_certain_groups(runbook: Runbook) -> bool:
    """Whether it says of itself which groups it is for, instead of by the names of monitors only."""
    return any(when.service or GROUP_TAGS & when.tags.keys() for when in runbook.when)


def _covered(runbook: Runbook, inventory: Inventory) -> list[Group]:
    groups = inventory.groups.values()
    return [g for g in groups if not runbook.when or any(covers_group(when, g) for when in runbook.when)]


def _nowhere(runbook: Runbook, inventory: Inventory) -> Iterable[Problem]:
    if inventory.groups and any(check.at is not At.BOT for check in runbook.checks.values()):
        services = dict.fromkeys(group.service for group in inventory.groups.values() if group.service)
        hint = did_you_mean(runbook.when[0].service, services)
        yield runbook.source.problem(("when",), f"no group of the inventory fits, so no host can be asked{hint}")


def _doubled(runbooks: Sequence[Runbook]) -> Iterable[Problem]:
    first: dict[str, Runbook] = {}
    for runbook in runbooks:
        other = first.setdefault(runbook.name, runbook)
        if other is not runbook:
            text = f"another runbook is called '{runbook.name}' too: {other.source.name}"
            yield runbook.source.problem(("name",), text)


def _unknown_nouns(runbook: Runbook, nouns: Mapping[str, Noun]) -> Iterable[Problem]:
    for check in runbook.checks.values():
        if check.noun not in nouns:
            text = f"'{check.noun}' is not a kind of check{did_you_mean(check.noun, sorted(nouns))}"
            yield runbook.source.problem(("checks", check.name, check.noun), text)


def _not_allowed(runbook: Runbook, inventory: Inventory) -> Iterable[Problem]:
    """Whoever edits runbooks does not thereby own the servers: commands are listed in the inventory."""
    for check in runbook.checks.values():
        argv = check.words.get("argv")
        if isinstance(argv, list | tuple) and not inventory.allows([str(part) for part in argv]):
            text = f"the inventory's 'allow' has no entry for this command: {' '.join(map(str, argv))}"
            yield runbook.source.problem(("checks", check.name, check.noun, "argv"), text)


def _shadowed(runbook: Runbook) -> Iterable[Problem]:
    for index, cause in enumerate(runbook.causes):
        for earlier in runbook.causes[:index]:
            if _implies(cause, earlier):
                text = f"can never come first: {earlier.id} is proved whenever this is; put the narrower cause first"
                yield runbook.source.problem(("causes", index, "when"), text)
                break


def _implies(cause: Cause, earlier: Cause) -> bool:
    return all(check in cause.when and _within(cause.when[check], fit) for check, fit in earlier.when.items())


def _within(answers: frozenset[str], others: frozenset[str]) -> bool:
    """Refused and timeout are always failures, so 'fail' holds them too."""
    return answers <= (others | {"refused", "timeout"} if "fail" in others else others)


def _never_answered(runbook: Runbook, groups: Sequence[Group]) -> Iterable[Problem]:
    if not groups:
        return
    for index, cause in enumerate(runbook.causes):
        for name in cause.when:
            check = runbook.checks[name]
            if not any(_has_whom_to_ask(check, group) for group in groups):
                text = f"can never be proved: no group that this runbook covers has {_MISSING[check.at]}"
                yield runbook.source.problem(("causes", index, "when", name), text)


_MISSING = {
    At.PEERS: "a second host",
    At.GROUP: "a host",
    At.AFFECTED: "a host",
    At.BOT: "a host",
    At.BALANCER: "a balancer ('behind')",
    At.PRIMARY: "a primary ('primary')",
}


def _has_whom_to_ask(check: Check, group: Group) -> bool:
    match check.at:
        case At.PEERS:
            return len(group.hosts) > 1
        case At.BALANCER:
            return group.behind is not None
        case At.PRIMARY:
            return group.primary is not None
        case At.AFFECTED | At.GROUP | At.BOT:
            return bool(group.hosts)


_GIVEN_BY = {"host.port": "port", "host.service": "service", "host.role": "role"}


def _unfilled(runbook: Runbook, groups: Sequence[Group]) -> Iterable[Problem]:
    """Placeholders that the inventory could fill and does not, for no group that the runbook covers."""
    for path, text in _texts(runbook.source.data, ()):
        for word in dict.fromkeys(words_in(text)):
            key = _GIVEN_BY.get(word)
            if key and not any(getattr(group, key) for group in groups):
                names = ", ".join(group.name for group in groups)
                said = f"nothing fills ${word}: give the group a '{key}' in the inventory ({names})"
                yield runbook.source.problem(path, said)


def _texts(value: object, path: Path) -> Iterable[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, (*path, index))
