"""The import contracts hold, and are seen to fail on a planted violation."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("bot", "handlers", "models", "scheduler")


def contracts_in(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy the code to where a violation may be planted."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_hold(copy: Path) -> None:
    result = contracts_in(copy)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("models/account.py", "import handlers.home", "Imports point down"),
        ("handlers/home.py", "import scheduler.dispatch", "Imports point down"),
        ("scheduler/apply.py", "import handlers.desk", "Imports point down"),
        ("scheduler/messages/movement.py", "import models.database", "Posted messages are pure"),
        ("handlers/views/home.py", "import slack_sdk", "Views are pure"),
        ("models/delivery.py", "import slack_sdk", "Models know neither Slack nor the web"),
        ("bot/sandbox/state.py", "import bot.settings", "The local Slack imports nothing of the app"),
        ("bot/vendors/chartmogul.py", "import bot.settings", "The local vendors import nothing of the app"),
        ("bot/oauth.py", "import bot.sandbox", "The app imports nothing of the local Slack or vendors"),
    ],
)
def test_a_planted_violation_is_found(copy: Path, file: str, line: str, contract: str) -> None:
    planted = copy / file
    planted.write_text(f"{planted.read_text()}\n{line}\n")
    result = contracts_in(copy)
    assert result.returncode == 1, result.stdout
    broken = [text for text in result.stdout.splitlines() if "BROKEN" in text]
    assert any(contract in text for text in broken), broken
