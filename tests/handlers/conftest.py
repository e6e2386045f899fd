"""Fixtures for tests that need the whole product."""

import pytest

from bot.sandbox.people import REVENUE
from tests.stage import Stage, acme, stage

__all__ = ["acme", "posting", "stage"]


@pytest.fixture(params=["sqlite"])
def engine_name(request: pytest.FixtureRequest) -> str:
    """Run the test on one engine: nearly all SQL that it leads to is tested on both in `models` and `scheduler`.

    What is only asked for from here, or depends on who comes first, says `both_engines`.
    """
    return str(request.param)


@pytest.fixture
async def posting(acme: Stage) -> tuple[Stage, str]:
    """Give a workspace in which every movement is posted to #revenue, and the webhook to send one to."""
    await acme.add_destination()

    async def joined() -> bool:
        return acme.bot() in acme.slack.channels[REVENUE].members

    await acme.until(joined)
    await acme.sandbox.outbound.settled()
    _, webhook = await acme.add_source()
    return acme, webhook
