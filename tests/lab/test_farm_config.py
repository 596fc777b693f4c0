"""The configuration files of the farm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.lab import farm_config


@given(port=st.integers(1, 65535), other=st.integers(1, 65535))
def test_moving_a_site_there_and_back_changes_nothing(port: int, other: int) -> None:
    site = farm_config.web_files("web-01", "127.10.0.11", port)[farm_config.SITE]
    moved = farm_config.with_port(site, other)
    assert farm_config.port_of(moved) == other
    assert farm_config.with_port(moved, port) == site


def test_a_site_without_a_listen_line_is_not_moved() -> None:
    with pytest.raises(ValueError, match="no listen line"):
        farm_config.with_port("server {}", 8081)
    with pytest.raises(ValueError, match="no listen line"):
        farm_config.port_of("server {}")
