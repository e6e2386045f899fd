"""Fixtures for tests that need the whole product, or logging as it is outside of tests."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from bot import logs
from tests.stage import acme, stage

__all__ = ["acme", "own_logging", "stage"]


@pytest.fixture
def own_logging() -> Iterator[None]:
    """Let a test configure logging, which is the whole process's, and put it back as it was."""
    root = logging.getLogger()
    configured = structlog.get_config()
    handlers, level, levels = root.handlers, root.level, {name: logging.getLogger(name).level for name in logs.NOISY}
    yield
    root.handlers = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    structlog.configure(**configured)
