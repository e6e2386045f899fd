"""The equations after a run in which much goes wrong, counted by hand and by what the local Slack has seen."""

from typing import Any

from models import balance
from models.balance import DeliverySums
from models.delivery import OPEN, DeliveryState
from scheduler.slack import Slack
from tests.sending import OLD_NEWS, REVENUE, WINS, Sending

S = DeliveryState
MOVEMENTS = 12


async def sums_of(line: Sending) -> DeliverySums:
    async with line.database.read() as session:
        assert (await balance.events(session)).received == MOVEMENTS
        return await balance.deliveries(session)


def seen(line: Sending) -> set[str]:
    return set(line.delivery_ids(REVENUE)) | set(line.delivery_ids(WINS))


class ForgetfulSlack(Slack):
    """Believes of every other message that it was posted, and posts it not: the fault that the sums must show."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.posts = 0

    async def post(self, *args: Any, **kwargs: Any) -> tuple[str, str]:
        self.posts += 1
        return ("C1", "1.1") if self.posts % 2 else await super().post(*args, **kwargs)


async def run_into_trouble(line: Sending, slack: Slack | None = None) -> int:
    """Let messages be limited, answers be lost and a channel be archived; count by hand what was owed."""
    await line.ready(REVENUE, WINS, OLD_NEWS)
    line.fault("limit", times=1, retry_after=1)
    line.fault("lose_response", times=2)
    line.fault("http_500", times=1)
    await line.move(MOVEMENTS)
    await line.run(line.dispatcher(slack=slack), seconds=300)
    return MOVEMENTS * 3


async def test_what_is_owed_is_told_or_named_and_slack_has_seen_what_was_delivered(line: Sending) -> None:
    """Test 31: accepted = delivered + skipped + coalesced + failed + pending, always."""
    owed = await run_into_trouble(line)
    sums = await sums_of(line)
    assert sums.owed == owed
    assert sums.is_balanced
    assert sums.of(S.DELIVERED) == len(seen(line)) == 2 * MOVEMENTS
    assert sums.of(*OPEN) == MOVEMENTS, "what waits for the archived channel"


async def test_a_ledger_that_claims_more_than_slack_has_seen_is_found_out(line: Sending) -> None:
    """The broken variant of test 31."""
    owed = await run_into_trouble(line, ForgetfulSlack(line.http, base_url=f"{line.sandbox.url}/api/"))
    sums = await sums_of(line)
    assert sums.owed == owed
    assert sums.is_balanced, "it adds up, and isn't true"
    assert sums.of(S.DELIVERED) > len(seen(line))
