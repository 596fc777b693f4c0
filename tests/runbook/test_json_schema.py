"""The published shape of runbooks: what it takes and what it refuses, beside the loader's own judgement."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from bot import checks
from bot.runbook.json_schema import json_schema

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
GOOD = [*sorted((ROOT / "runbooks").glob("*.yaml")), *sorted((HERE / "examples").glob("*.yaml"))]
NOT_RUNBOOKS = {"policy.yaml", "inventory.yaml"}
SHAPES = [
    *("a_choice_in_a_list", "a_command_as_text", "a_duration_without_unit", "a_list_instead_of_a_runbook"),
    *("a_misspelt_word", "a_missing_owner", "a_name_with_capitals", "a_port_out_of_range", "a_run_without_preview"),
    *("a_share_without_percent", "a_shell_line", "a_verify_without_checks", "a_word_that_a_noun_needs"),
    *("an_action_at_the_peers", "an_action_that_does_nothing", "an_action_without_undo", "an_empty_command"),
    *("an_unknown_answer", "an_unknown_choice", "an_unknown_noun", "an_unknown_place", "an_unknown_status"),
    *("another_version", "no_checks", "no_question", "restore_and_run", "two_questions"),
]
"""Mistakes of shape among those that the loader refuses; the others need more than a schema can know."""


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json_schema(checks.load())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("file", [f for f in GOOD if f.name not in NOT_RUNBOOKS], ids=lambda f: f.stem)
def test_every_shipped_runbook_fits(file: Path, validator: Draft202012Validator) -> None:
    assert [error.message for error in validator.iter_errors(yaml.safe_load(file.read_text()))] == []


@pytest.mark.parametrize("mistake", SHAPES)
def test_a_mistake_of_shape_is_seen_by_an_editor_too(mistake: str, validator: Draft202012Validator) -> None:
    written = yaml.safe_load((HERE / "bad" / f"{mistake}.yaml").read_text())
    assert not validator.is_valid(written)


def test_the_published_schema_is_the_one_of_the_code() -> None:
    published = json.loads((ROOT / "docs" / "runbook.schema.json").read_text())
    assert published == json_schema(checks.load()), "renew it: muster runbook schema > docs/runbook.schema.json"
