"""A command line for tests: commands run in this process, in an empty folder and with settings of their own."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog
from click.testing import CliRunner

from bot import logs
from bot.cli import main
from models import installation
from models.database import Database
from models.installation import Grant
from models.secret import Keyring

KEY = "vXKbGbN8n5lsWlpXtn3YX7gzn6gVtdm3c0Jb2N0mZ5E="


@dataclass(frozen=True)
class Ran:
    """What came of a command."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout, of a command that did what it was asked for."""
        assert self.exit_code == 0, self.stderr
        return orjson.loads(self.stdout)

    @property
    def words(self) -> str:
        """What a person reads on stdout, of a command that did what it was asked for."""
        assert self.exit_code == 0, self.stderr
        return self.stdout


Run = Callable[..., Awaitable[Ran]]
Install = Callable[..., Awaitable[str]]


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Take back what a command did to the logging of this process."""
    configured, names = structlog.get_config(), ["", *logs.NOISY]
    before = [(logging.getLogger(name).level, list(logging.getLogger(name).handlers)) for name in names]
    yield
    for name, (level, handlers) in zip(names, before, strict=True):
        logging.getLogger(name).setLevel(level)
        logging.getLogger(name).handlers = handlers
    structlog.configure(**configured)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder: no `.env`, no database, no demo."""
    empty = tmp_path / "here"
    empty.mkdir()
    monkeypatch.chdir(empty)
    return empty


@pytest.fixture
def settings(database_url: str) -> dict[str, str]:
    """Give the environment of the commands."""
    return {
        "DATABASE_URL": database_url,
        "PUBLIC_URL": "https://runrate.test",
        "RUNRATE_SECRET_KEYS": KEY,
        "SLACK_CLIENT_ID": "1.2",
        "SLACK_CLIENT_SECRET": "planted-client-secret",
        "SLACK_SIGNING_SECRET": "planted-signing-secret",
        "SLACK_API_URL": "http://127.0.0.1:9/api/",
    }


@pytest.fixture
def run(settings: dict[str, str]) -> Run:
    """Give what runs a command as `runrate …` would; the keyword arguments are environment variables."""

    async def run_command(*args: str, **env: str) -> Ran:
        result = await asyncio.to_thread(CliRunner().invoke, main, args, env={**settings, **env})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    return run_command


@pytest.fixture
def install(database: Database, now: datetime) -> Install:
    """Give what installs Runrate into a workspace."""

    async def installed(workspace_id: str, name: str, token: str = "xoxb-planted-token") -> str:
        grant = Grant(
            workspace_id=workspace_id,
            workspace_name=name,
            enterprise_id=None,
            app_id="A1",
            bot_id="B1",
            bot_user_id="U0BOT",
            token=token,
            scopes=["chat:write"],
            installed_by="U0ADA",
        )
        async with database.write() as session:
            await installation.save(session, grant, keyring=Keyring([KEY]), now=now)
        return workspace_id

    return installed


@pytest.fixture
async def acme(install: Install) -> str:
    """Give a workspace that installed Runrate."""
    return await install("T0ACME", "Acme")


@pytest.fixture
def keyring() -> Keyring:
    """Give the keys that the commands use."""
    return Keyring([KEY])
