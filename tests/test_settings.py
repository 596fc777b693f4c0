"""Settings: all problems at once, each with its remedy."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.policy import Policy
from bot.ports import NotAllowed
from bot.settings import Settings, environment, read_home, read_policy
from bot.strict_yaml import Problems

SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-very-secret",
    "SLACK_SIGNING_SECRET": "sign-very-secret",
    "DATADOG_WEBHOOK_SECRET": "old-very-secret, new-very-secret,",
    "DD_API_KEY": "api-very-secret",
    "DD_APP_KEY": "app-very-secret",
    "MUSTER_SECRET_SSH_KEY": "key-very-secret",
}


def test_nothing_set_means_the_defaults() -> None:
    settings = Settings.read({"PATH": "/bin", "PORT": " ", "DATABASE_URL": ""})
    assert (settings.port, settings.host, settings.zone) == (3000, "0.0.0.0", "UTC")  # noqa: S104 - compared only
    assert settings.database_url == "sqlite:///var/muster.db"
    assert (settings.home, settings.postmortems) == (Path("runbooks"), Path("postmortems"))
    assert (settings.slack_api_url, settings.dd_site) == ("https://slack.com/api/", "datadoghq.com")
    assert (settings.log_level, settings.log_format) == ("info", "json")


def test_everything_can_be_set() -> None:
    settings = Settings.read({"PORT": "0", "MUSTER_TZ": "Africa/Nairobi", "LOG_LEVEL": "DEBUG", **SECRETS})
    assert (settings.port, settings.zone, settings.log_level) == (0, "Africa/Nairobi", "debug")
    assert settings.webhook_secrets == ("old-very-secret", "new-very-secret")
    assert settings.missing_to_serve() == []


def test_secrets_are_not_in_the_repr() -> None:
    assert "very-secret" not in repr(Settings.read(SECRETS))


def test_all_problems_are_said_at_once() -> None:
    wrong = {
        "PORT": "80a",
        "MUSTER_TZ": "Mars/Olympus",
        "LOG_LEVEL": "loud",
        "LOG_FORMAT": "xml",
        "SLACK_API_URL": "slack.com",
        "DD_API_URL": "https://",
    }
    with pytest.raises(NotAllowed) as refused:
        Settings.read(wrong)
    problems = str(refused.value).splitlines()
    assert len(problems) == len(wrong)
    assert all(any(line.startswith(name) for line in problems) for name in wrong)
    assert all("it must" in line for line in problems)


@pytest.mark.parametrize("port", ["-1", "65536", "9" * 5000, "²", "3000.0"])
def test_a_port_that_is_none(port: str) -> None:
    with pytest.raises(NotAllowed, match="PORT is"):
        Settings.read({"PORT": port})


@pytest.mark.parametrize(
    "site", ["https://app.datadoghq.com", "app.datadoghq.eu", "api.datadoghq.com", "us3", "a b.c", "/"]
)
def test_a_site_that_is_none(site: str) -> None:
    with pytest.raises(NotAllowed, match="DD_SITE is"):
        Settings.read({"DD_SITE": site})


@pytest.mark.parametrize(
    "site", ["datadoghq.com", "datadoghq.eu", "us3.datadoghq.com", "ddog-gov.com", "US5.datadoghq.com"]
)
def test_a_site_that_is_one(site: str) -> None:
    assert Settings.read({"DD_SITE": site}).dd_site == site.lower()


@pytest.mark.parametrize("zone", ["Africa", "../../etc/passwd", "x" * 300])
def test_a_zone_that_is_none(zone: str) -> None:
    with pytest.raises(NotAllowed, match="MUSTER_TZ is"):
        Settings.read({"MUSTER_TZ": zone})


def test_with_problems_the_defaults_stand_in() -> None:
    settings, problems = Settings.inspect({"PORT": "x", "MUSTER_TZ": "x", "LOG_LEVEL": "x"})
    assert (settings.port, settings.zone, settings.log_level, len(problems)) == (3000, "UTC", "info", 3)


def test_what_serve_misses_is_named_with_its_remedy() -> None:
    missing = Settings.read({"DATADOG_WEBHOOK_SECRET": " , "}).missing_to_serve()
    assert [line.split()[0] for line in missing] == [
        "SLACK_BOT_TOKEN",
        "SLACK_SIGNING_SECRET",
        "DATADOG_WEBHOOK_SECRET",
    ]


def test_the_env_file_stands_behind_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PORT", "4000")
    (tmp_path / ".env").write_text(
        "\ufeff# a comment=no\nPORT=5000\nexport HOST = 127.0.0.1  # here\n"
        "MUSTER_TZ='Africa/Nairobi' # there\nMUSTER_SECRET_A=\"a#b 'c'\"\nMUSTER_SECRET_B=a#b\n"
        "EMPTY= # nothing\n#X=1\nnonsense\n",
        "utf-8",
    )
    found = environment()
    assert (found["PORT"], found["HOST"], found["MUSTER_TZ"]) == ("4000", "127.0.0.1", "Africa/Nairobi")
    assert (found["MUSTER_SECRET_A"], found["MUSTER_SECRET_B"], found["EMPTY"]) == ("a#b 'c'", "a#b", "")
    assert not {"#X", "X", "nonsense", "# a comment"} & set(found)


def test_an_env_file_that_is_no_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes(b"PORT=\xff\xfe")
    with pytest.raises(NotAllowed, match="mend it or move it away"):
        environment()


def test_a_folder_that_is_not_there_means_defaults(tmp_path: Path) -> None:
    home = read_home(tmp_path / "none")
    assert (home.policy, home.runbooks) == (Policy(), ())
    assert home.absent == ("inventory.yaml", "policy.yaml")
    assert read_policy(tmp_path / "none") == Policy()


BAD_RUNBOOK = "runbook: 1\nname: a\nowner: x\nchecks:\n  port: {tpc: {port: 80}}\n"


def test_every_mistake_of_every_file_has_its_place(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("policy: 1\nseverty: SEV1\n")
    (tmp_path / "inventory.yaml").write_text("inventory: 1\ngrups: {}\n")
    (tmp_path / "a.yaml").write_text(BAD_RUNBOOK)
    (tmp_path / "b.yaml").mkdir()
    with pytest.raises(Problems) as found:
        read_home(tmp_path)
    places = [f"{Path(p.file).name}:{p.line}:{p.column}" for p in found.value.problems]
    assert {"policy.yaml:2:1", "inventory.yaml:2:1", "b.yaml:1:1"} <= set(places)
    assert any(place.startswith("a.yaml:5:") for place in places)


def test_a_broken_inventory_blames_no_runbook_for_its_commands(tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text("inventory: 1\ngrups: {}\n")
    good = Path(__file__).parents[1] / "runbooks" / "web-out-of-rotation.yaml"
    (tmp_path / good.name).write_text(good.read_text())
    with pytest.raises(Problems) as found:
        read_home(tmp_path)
    assert {Path(p.file).name for p in found.value.problems} == {"inventory.yaml"}


def test_what_no_person_has_written_is_refused_and_nothing_is_left_out_silently(tmp_path: Path) -> None:
    (tmp_path / "web.yml").write_text("runbook: 1\n")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "large.yaml").write_bytes(b"#" * 1_000_001)
    (tmp_path / "link.yaml").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(Problems) as refused:
        read_home(tmp_path)
    told = {Path(problem.file).name: problem.text for problem in refused.value.problems}
    assert told == {
        "web.yml": "is not read: call it web.yaml",
        "folder.yaml": "cannot be read (Is a directory): make it a file that this user may read",
        "large.yaml": "is larger than a megabyte, so it is not read: is it the right file?",
        "link.yaml": "is no plain file, or a link that leads nowhere",
        "pipe.yaml": "is no plain file, or a link that leads nowhere",
    }


def test_named_runbooks_stand_in_for_those_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("runbook: 2\n")
    shipped = Path(__file__).parents[1] / "runbooks"
    assert len(read_home(tmp_path, runbooks=[shipped]).runbooks) == len(list(shipped.glob("*.yaml")))
    one = shipped / "disk-full.yaml"
    assert [found.name for found in read_home(tmp_path, runbooks=[one, one]).runbooks] == ["disk-full"]
    with pytest.raises(Problems, match=r"gone\.yaml:1:1: is not there"):
        read_home(tmp_path, runbooks=[tmp_path / "gone.yaml"])


def test_the_policy_alone_minds_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("policy: 1\ndefault-severity: SEV1\n")
    (tmp_path / "a.yaml").write_text(BAD_RUNBOOK)
    assert read_policy(tmp_path).default_severity == "SEV1"
    (tmp_path / "policy.yaml").write_text("policy: 1\ndefault-severity: SEV9\n")
    with pytest.raises(Problems):
        read_policy(tmp_path)
