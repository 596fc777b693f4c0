"""Strict YAML: data as it was written, the place of every word in it, and all mistakes at once.

Nothing is constructed: the data is read off PyYAML's node tree. Only `true`, `false`, `null` (or nothing) and
decimal numbers mean something; everything else is text. PyYAML's own rules would read 22:22 as 1342, `on` as True,
0755 as 493, and the second of two equal keys without a word.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from yaml._yaml import Mark as FastMark

    Mark = yaml.Mark | FastMark

Path = tuple[str | int, ...]
"""The way to a value: keys of blocks and indexes of lists, from the top of the file."""

DEEPEST = 40  # PyYAML composes by recursion; a file of brackets must not end in a RecursionError


@dataclass(frozen=True, kw_only=True, order=True)
class Problem:
    """One mistake in one file, with its place (counted from 1) and a remedy."""

    file: str
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.text}"


class Problems(Exception):
    """A file cannot be used; `problems` holds every mistake in it, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, kw_only=True)
class Document:
    """What a file says, and where."""

    name: str = ""
    data: Mapping[str, object] = field(default_factory=dict)
    marks: Mapping[Path, tuple[int, int]] = field(default_factory=dict, repr=False)

    def place(self, path: Path) -> tuple[int, int]:
        """Line and column of a word or, when the path is not in the file, of the nearest block around it."""
        while path and path not in self.marks:
            path = path[:-1]
        return self.marks.get(path, (1, 1))

    def problem(self, path: Path, text: str) -> Problem:
        """A mistake at this path; the path opens its text."""
        line, column = self.place(path)
        where = ".".join(map(str, path))
        return Problem(file=self.name, line=line, column=column, text=f"{where}: {text}" if where else text)


def load(text: str, name: str) -> Document:
    """Read a file called `name`. Raises Problems with every mistake that YAML alone shows."""
    document, problems = scan(text, name)
    if problems:
        raise Problems(problems)
    return document


def scan(text: str, name: str) -> tuple[Document, list[Problem]]:
    """Read a file that may hold keys twice, so that a loader can report those together with its own problems.

    Raises Problems when the file cannot be read at all.
    """
    try:
        if refused := list(_refused(text, name)):
            raise Problems(refused)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise Problems([_unreadable(error, text, name)]) from error
    if root is None:
        return Document(name=name), []
    if not isinstance(root, yaml.MappingNode):
        raise Problems([_at(root.start_mark, name, "the file is a block of 'word: value' lines")])
    tree = _Tree(name)
    data = tree.block(root, ())
    return Document(name=name, data=data, marks=tree.marks), tree.problems


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that an unknown one was probably meant to be."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)), None)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown word: the nearest known one, else all of them."""
    options = list(known)
    if near := nearest(word, options):
        return f"; did you mean '{near}'?"
    return f" (one of: {', '.join(options)})" if options else ""


class _Tree:
    """Nodes become data; places and doubled keys are noted on the way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.marks: dict[Path, tuple[int, int]] = {}
        self.problems: list[Problem] = []

    def value(self, node: yaml.Node, path: Path) -> object:
        self.marks.setdefault(path, _place(node.start_mark))
        if isinstance(node, yaml.MappingNode):
            return self.block(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        raise TypeError(f"PyYAML composed an unknown node: {node!r}")

    def block(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        self.marks.setdefault(path, _place(node.start_mark))
        block: dict[str, object] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.problems.append(_at(key.start_mark, self.name, "a key must be a plain word"))
            elif key.value in block:
                first = self.marks[(*path, key.value)][0]
                text = f"'{key.value}' is given twice (first on line {first})"
                self.problems.append(_at(key.start_mark, self.name, text))
            else:
                here = (*path, key.value)
                self.marks[here] = _place(key.start_mark)
                block[key.value] = self.value(value, here)
        return block


def _scalar(node: yaml.ScalarNode) -> object:
    text: str = node.value
    if node.style is not None:  # quoted, or a block of text
        return text
    if text in ("true", "false"):
        return text == "true"
    if text in ("", "null"):
        return None
    if re.fullmatch(r"0|-?[1-9][0-9]{0,17}", text):
        return int(text)
    if re.fullmatch(r"-?[0-9]{1,17}\.[0-9]{1,17}", text):
        return float(text)
    return text


_ANCHORS = "anchors and aliases (& and *) are not used here; quote a text that starts so"


def _refused(text: str, name: str) -> Iterator[Problem]:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            yield _at(event.start_mark, name, f"blocks are nested more than {DEEPEST} deep")
            return
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            yield _at(event.start_mark, name, _ANCHORS)
        elif tag := getattr(event, "tag", None):
            yield _at(event.start_mark, name, f"tags ({tag}) are not used here; quote a text that starts with '!'")


_PLAINER = (
    ("'\\t'", "a tab: indent with spaces"),
    ("mapping values are not allowed", "a ':' where none can be; put quotes around a text that holds ': '"),
    ("could not find expected ':'", "a word without its ':'"),
    ("quoted scalar", "a quote is opened and never closed"),
    ("but found another document", "one file holds one document; remove what follows the '---'"),
    ("undefined alias", _ANCHORS),
    ("expected <block end>", "this line does not fit the lines above it; check indentation, quotes and brackets"),
    ("expected ',' or", "a bracket is not closed, or a comma is missing"),
    ("that cannot start any token", "a text that starts with this character needs quotes"),
)


def _unreadable(error: yaml.YAMLError, text: str, name: str) -> Problem:
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        column = len(before) - (before.rfind("\n") + 1) + 1
        said = f"the character U+{ord(text[error.position]):04X} cannot stand in YAML; remove it"
        return Problem(file=name, line=before.count("\n") + 1, column=column, text=said)
    said = " ".join(filter(None, [getattr(error, "context", None), getattr(error, "problem", None)]))
    plain = next((plainer for sign, plainer in _PLAINER if sign in said), said or "it cannot be read")
    opened = said.startswith(("while parsing a flow", "while scanning a quoted"))  # say where, not where it ran out
    marks = [getattr(error, "context_mark", None), getattr(error, "problem_mark", None)]
    mark = next(filter(None, marks if opened else reversed(marks)), None)
    return _at(mark, name, f"this is not YAML: {plain}")


def _place(mark: Mark) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def _at(mark: Mark | None, name: str, text: str) -> Problem:
    line, column = _place(mark) if mark else (1, 1)
    return Problem(file=name, line=line, column=column, text=text)
