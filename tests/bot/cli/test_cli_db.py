"""The database's commands, and the manifest's."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from models import migrations
from models.database import Database
from models.migrations import Standing

on_one_engine = pytest.mark.parametrize("engine_name", ["sqlite"])
"""For what does not depend on the database."""

ROOT = Path(__file__).resolve().parents[3]


async def test_an_upgrade_brings_the_newest_tables_and_may_be_repeated(run: Any, database_url: str) -> None:
    for _ in range(2):
        assert (await run("db", "upgrade", "--json")).document["standing"] == "newest"
    database = Database(database_url)
    assert await migrations.standing(database) is Standing.NEWEST
    await database.close()
    assert "planted" not in (await run("db", "upgrade")).words


@on_one_engine
async def test_the_migrations_are_complete(run: Any) -> None:
    assert (await run("db", "check", "--json")).document == {"ok": True, "differences": []}


@pytest.fixture
def drifted(tmp_path: Path) -> Path:
    """Give a copy of the code in which a table has a column that no migration makes."""
    copy = tmp_path / "copy"
    for package in ("bot", "models"):
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__", "sandbox"))
    account = copy / "models" / "account.py"
    column = "    planted: Mapped[str | None] = mapped_column(String(9))\n"
    account.write_text(account.read_text().replace("    name: Mapped", f"{column}    name: Mapped", 1))
    return copy


def runrate(where: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-c", "from bot.cli import main; main()", *args]
    env = {**os.environ, "PYTHONPATH": str(where)}
    return subprocess.run(command, cwd=where, env=env, capture_output=True, text=True, check=False)


def test_a_column_without_a_migration_is_found_and_a_migration_written_for_it(drifted: Path) -> None:
    found = runrate(drifted, "db", "check")
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith("The migrations don't make the tables in the code.")
    assert "planted" in found.stderr
    assert "Traceback" not in found.stderr

    assert runrate(drifted, "db", "revision", "Add planted").returncode == 0
    [written] = (drifted / "models" / "migrations" / "versions").glob("*_add_planted.py")
    assert "planted" in written.read_text()
    assert runrate(drifted, "db", "check").returncode == 0


@on_one_engine
async def test_the_manifest_carries_the_address(run: Any) -> None:
    args = ("manifest", "--public-url", "https://mrr.acme.com")
    document = (await run(*args, "--json")).document
    assert document["oauth_config"]["redirect_urls"] == [
        "https://mrr.acme.com/slack/oauth_redirect",
        "https://mrr.acme.com/slack/signin/callback",
    ]
    assert document["features"]["unfurl_domains"] == ["mrr.acme.com"]
    assert yaml.safe_load((await run(*args)).words) == document
