"""Settings are read from the environment or `.env`, checked, and never shown."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from bot import settings
from bot.settings import Settings
from models.base import UserError

NAMES = [
    "DATABASE_URL",
    "PUBLIC_URL",
    "HOST",
    "PORT",
    "SLACK_CLIENT_ID",
    "SLACK_CLIENT_SECRET",
    "SLACK_SIGNING_SECRET",
    "INSTALLERS",
    "SLACK_API_URL",
    "SLACK_AUTHORIZE_URL",
    "RUNRATE_SECRET_KEYS",
    "CHARTMOGUL_API_URL",
    "HUBSPOT_API_URL",
    "SALESFORCE_LOGIN_URL",
    "SMTP_URL",
    "EVENT_RETENTION_DAYS",
    "LOG_LEVEL",
    "LOG_FORMAT",
]


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Stand in a folder without `.env`, in an environment that sets nothing."""
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_without_anything_set_it_runs_on_this_machine_and_names_what_is_missing() -> None:
    read = settings.read()
    assert read.database_url == "sqlite+aiosqlite:///./runrate.db"
    assert (read.host, read.port, read.address) == ("127.0.0.1", 3000, "http://localhost:3000")
    assert read.installers == "admins"
    assert read.slack_api_url == "https://slack.com/api/"
    assert read.missing == ["SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_SIGNING_SECRET", "RUNRATE_SECRET_KEYS"]


def test_the_environment_comes_before_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=4000\nSLACK_CLIENT_ID=from-the-file\nUNKNOWN=ignored\n")
    monkeypatch.setenv("SLACK_CLIENT_ID", "from-the-environment")
    read = settings.read()
    assert (read.port, read.slack_client_id) == (4000, "from-the-environment")


@pytest.mark.parametrize("written", ["new,old", "new old", " new , old ", "new,\nold"])
def test_keys_are_read_newest_first_however_they_are_separated(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("RUNRATE_SECRET_KEYS", written)
    assert [key.get_secret_value() for key in settings.read().secret_keys] == ["new", "old"]


@pytest.mark.parametrize("written", ["https://mrr.acme.com", "https://mrr.acme.com/", "http://localhost:3000"])
def test_the_public_address_is_kept_without_its_last_slash(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("PUBLIC_URL", written)
    assert settings.read().address == written.rstrip("/")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "mrr.acme.com"),
        ("PUBLIC_URL", "https://mrr.acme.com/path"),
        ("PUBLIC_URL", "ftp://mrr.acme.com"),
        ("PUBLIC_URL", "https://user:pass@mrr.acme.com"),
        ("PUBLIC_URL", "https://mrr.acme.com?page=1"),
        ("PUBLIC_URL", "https://mrr.acme.com#top"),
        ("PUBLIC_URL", "https://:3000"),
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("EVENT_RETENTION_DAYS", "6"),
        ("INSTALLERS", "nobody"),
        ("CHARTMOGUL_API_URL", "api.acme.com/v1"),
        ("CHARTMOGUL_API_URL", "file:///etc/passwd"),
        ("CHARTMOGUL_API_URL", "https://user:pass@api.acme.com/v1"),
        ("CHARTMOGUL_API_URL", "https://api.acme.com/v1?key=1"),
        ("SMTP_URL", "mail.acme.com"),
        ("HUBSPOT_API_URL", "https://planted@api.hubapi.com"),
        ("SALESFORCE_LOGIN_URL", "planted"),
        ("SMTP_URL", "smtp://runrate:planted@mail.acme.com?starttls=perhaps"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_what_cannot_be_used_is_named_in_one_sentence(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("SLACK_CLIENT_SECRET", "planted-secret")
    with pytest.raises(UserError) as refused:
        settings.read()
    assert name in str(refused.value)
    assert value not in str(refused.value)
    assert "planted-secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("name", "value"), [("INSTALLERS", "Anyone"), ("LOG_LEVEL", "INFO"), ("LOG_FORMAT", "JSON")])
def test_words_may_be_written_in_any_case(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert getattr(settings.read(), name.lower()) == value.lower()


def test_secrets_are_not_shown_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLACK_CLIENT_SECRET", "SLACK_SIGNING_SECRET", "RUNRATE_SECRET_KEYS"):
        monkeypatch.setenv(name, "planted-secret")
    read = settings.read()
    assert "planted-secret" not in f"{read!r} {read} {read.model_dump_json()}"


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        settings.read().port = 1  # type: ignore[misc]


def test_the_api_address_always_ends_as_the_sdk_needs_it() -> None:
    assert Settings(slack_api_url="http://127.0.0.1:1/api").slack_api_url == "http://127.0.0.1:1/api/"
