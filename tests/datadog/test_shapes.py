"""What we send and what the tests answer, held against the client's own description of the API.

The client takes what it does not know without a word; here that is a mistake.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from datadog_api_client import Configuration
from datadog_api_client.model_utils import ModelComposed, ModelNormal, UnparsedObject, validate_and_convert_types

from bot.datadog import Datadog
from bot.datadog.incidents import _title
from bot.datadog.install import HANDLE, recommended, webhook_to
from bot.ports import Mirrored
from tests.datadog.calls import CALLS, START, Call
from tests.datadog.recorder import Recorder
from tests.datadog.test_calls import endpoint_of

EACH = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
RECORDED = {  # told by the real API, and not by its description
    *(
        "avalanche_window",
        "muted",
        "muted_remaining",
        "muted_until_ts",
        "downtimes",
        "all_tags",
        "env_tags",
        "priority",
    ),
    *("resp_version", "creation_idempotency_key", "auth_method_id", "created_at"),
}


def read_as(value: Any, kinds: Any) -> Any:
    """The value as the client's model of it. Raises where a limit or a kind is not kept."""
    convert: Any = validate_and_convert_types
    return convert(value, kinds, ["told"], True, True, configuration=Configuration())  # type: ignore[no-untyped-call]  # upstream


def not_described(told: Any) -> Iterator[str]:
    """The words that the description does not have."""
    if isinstance(told, UnparsedObject) or getattr(told, "_unparsed", False):
        yield repr(told)
    elif isinstance(told, ModelComposed):
        for one in told._composed_instances:
            yield from not_described(one)
    elif isinstance(told, ModelNormal):
        yield from set(told._data_store) - set(told.openapi_types)
        yield from not_described(list(told._data_store.values()))
    elif isinstance(told, list | dict):
        for one in told.values() if isinstance(told, dict) else told:
            yield from not_described(one)


@EACH
def test_what_we_send_is_as_the_client_describes_it(call: Call) -> None:
    if call.body is None:
        return
    kinds = endpoint_of(call).params_map["body"]["openapi_types"]
    assert list(not_described(read_as(call.body, kinds))) == []


@EACH
def test_what_is_answered_here_is_as_the_client_describes_it_or_was_recorded(call: Call) -> None:
    kinds = endpoint_of(call).settings["response_type"]
    if call.answer is None or kinds is None:
        return
    assert set(not_described(read_as(call.answer, kinds))) <= RECORDED


@pytest.mark.parametrize("name", recommended())
def test_a_recommended_monitor_is_as_the_client_describes_it(name: str) -> None:
    kinds = endpoint_of(CALLS["new monitor"]).params_map["body"]["openapi_types"]
    assert list(not_described(read_as(dict(recommended()[name]), kinds))) == []


def test_the_webhook_and_the_rule_that_we_install_are_as_the_client_describes_them() -> None:
    hook = endpoint_of(CALLS["new webhook"]).params_map["body"]["openapi_types"]
    assert list(not_described(read_as(webhook_to("https://muster.example"), hook))) == []
    rule = endpoint_of(CALLS["new rule"]).params_map["body"]["openapi_types"]
    for about in ({"tags": ["team:shop"]}, {"scope": "env:prod AND priority:p1"}):
        attributes = {"name": "muster", "filter": about, "recipients": [HANDLE]}
        body = {"data": {"type": "monitor-notification-rule", "attributes": attributes}}
        assert list(not_described(read_as(body, rule))) == []


@pytest.mark.parametrize(("state", "told"), [("active", False), ("stable", False), ("resolved", True)])
async def test_an_end_is_only_told_of_what_is_resolved(api: Recorder, datadog: Datadog, state: str, told: bool) -> None:
    """Datadog refuses an end of what is not over, such as an incident that was opened again."""
    api.says = CALLS["imported incident"].answer
    await datadog.mirror(Mirrored(key="k", title="t", state=state, severity="P", declared_at=START, resolved_at=START))
    assert ("resolved" in api.asked[0].body["data"]["attributes"]) is told


@pytest.mark.parametrize("severity", ["SEV1", "SEV-5", "sev2", "P3", "critical", "", "SEV9"])
async def test_a_severity_is_one_of_theirs(api: Recorder, datadog: Datadog, severity: str) -> None:
    api.says = CALLS["imported incident"].answer
    await datadog.mirror(Mirrored(key="k", title="t", state="active", severity=severity, declared_at=START))
    fields = api.asked[0].body["data"]["attributes"]["fields"]
    assert fields["severity"]["value"] in {*(f"SEV-{n}" for n in range(1, 6)), "UNKNOWN"}


SITES = {
    "datadoghq.com": "https://api.datadoghq.com",
    "datadoghq.eu": "https://api.datadoghq.eu",
    "us3.datadoghq.com": "https://api.us3.datadoghq.com",
    "us5.datadoghq.com": "https://api.us5.datadoghq.com",
    "ap1.datadoghq.com": "https://api.ap1.datadoghq.com",
    "ap2.datadoghq.com": "https://api.ap2.datadoghq.com",
    "ddog-gov.com": "https://api.ddog-gov.com",
}


@pytest.mark.parametrize("site", SITES)
def test_every_site_is_asked_at_its_own_address(site: str) -> None:
    """Whatever the call: a host of its own, as some have, is not used by any of ours."""
    datadog = Datadog(api_key="a", app_key="b", site=site)
    assert datadog._api.client.configuration.host == SITES[site]
    assert {endpoint_of(call).settings.get("servers") for call in CALLS.values()} == {None}
    datadog.close()


def test_a_title_keeps_within_the_limit() -> None:
    shown = Mirrored(key="k" * 60, title="t" * 5000, state="active", severity="", declared_at=START)
    assert len(_title(shown)) <= 1024
