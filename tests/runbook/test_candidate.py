"""A folder that is asked like a server: what stands in it counts as it would there, and nothing around it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.ports import GaveUp
from bot.runbook.candidate import Folder
from bot.runbook.inventory import Host

HOST = Host(name="web-02", address="10.0.0.12")


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    folder = tmp_path / "etc"
    (folder / "nginx" / "sites-available").mkdir(parents=True)
    (folder / "nginx" / "sites-enabled").mkdir()
    (folder / "nginx" / "sites-available" / "shop").write_text("listen 8080;")
    (tmp_path / "secret").write_text("not yours")
    return folder


def asked(etc: Path) -> Folder:
    return Folder(HOST, etc, "/etc")


@pytest.mark.parametrize(
    "target", ["/etc/nginx/sites-available/shop", "../sites-available/shop", "/etc/../etc/nginx/x"]
)
async def test_a_link_means_what_it_would_mean_on_the_server(etc: Path, target: str) -> None:
    (etc / "nginx" / "x").symlink_to("sites-available/shop")
    (etc / "nginx" / "sites-enabled" / "shop").symlink_to(target)
    assert await asked(etc).read("/etc/nginx/sites-enabled/shop") == b"listen 8080;"
    assert await asked(etc).names("/etc/nginx/sites-enabled") == ["shop"]


@pytest.mark.parametrize("target", ["/etc/../secret", "../../secret", "/secret", "/home/ana/.ssh/id_rsa", "/"])
async def test_a_link_that_leads_out_is_not_followed(etc: Path, target: str) -> None:
    (etc / "nginx" / "out").symlink_to(target)
    for path in ("/etc/nginx/out", "/etc/nginx/out/more", "/secret", "/etc/../secret"):
        with pytest.raises(GaveUp) as refused:
            await asked(etc).read(path)
        assert refused.value.reason == "no-access"


async def test_links_in_a_circle_end(etc: Path) -> None:
    (etc / "nginx" / "a").symlink_to("b")
    (etc / "nginx" / "b").symlink_to("/etc/nginx/a")
    with pytest.raises(GaveUp):
        await asked(etc).read("/etc/nginx/a")


async def test_a_pipe_and_a_folder_are_no_files_and_are_not_waited_for(etc: Path) -> None:
    os.mkfifo(etc / "nginx" / "pipe")
    for name in ("pipe", "sites-enabled", "absent"):
        with pytest.raises(FileNotFoundError):
            await asked(etc).read(f"/etc/nginx/{name}")


async def test_a_candidate_is_not_written(etc: Path) -> None:
    like = await asked(etc).stat("/etc/nginx/sites-available/shop")
    for refused in (asked(etc).replace("/etc/nginx/x", b"", like=like), asked(etc).remove("/etc/nginx/x")):
        with pytest.raises(GaveUp):
            await refused
