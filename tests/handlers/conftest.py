"""Fixtures for tests that need the whole product."""

from tests.stage import acme, stage

__all__ = ["acme", "stage"]
