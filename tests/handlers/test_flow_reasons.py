"""Why something was not sent: each reason comes about as people bring it about, and is said where they look.

Test 31, for what is skipped; what fails, waits or is merged is told in the tests of deliveries, notices and merges.
"""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.sandbox.people import ACME, ADA, REVENUE, WINS
from models import delivery, mute, workflow
from models.delivery import DeliveryState, SkipReason
from models.mute import Muted
from models.source import SourceKind
from models.workflow import WorkflowWish
from tests.stage import Stage


async def send(acme: Stage, webhook: str, *records: dict[str, Any]) -> None:
    answer = await acme.post(webhook, json.dumps(list(records)).encode(), kind="application/json")
    assert (answer.status, answer.json["refused"]) == (200, []), answer.text


def hire(acme: Stage) -> dict[str, Any]:
    at = acme.clock.now().isoformat()
    account = {"external_id": "contoso", "name": "Contoso"}
    return {"type": "signal", "kind": "new_hire", "person": "Sofia Marín", "occurred_at": at, "account": account}


async def pause(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    await acme.add_destination()
    question = await (await acme.home()).click("Pause", near="Every movement")
    assert question is not None
    assert (await question.submit({"For how long?": "1 week"})).closed
    await acme.move(webhook)


async def stay_below_a_threshold(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    form = await acme.destination_form(more=True)
    choices = {"Name": "Large ones", "Channels": [REVENUE], "Minimum gain": "500"}
    assert (await form.submit(choices)).closed
    await acme.move(webhook)


async def delete_a_destination(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    await acme.add_destination()
    await acme.browser.fault("error", method="chat.postMessage", code="is_archived", times=99)
    await acme.move(webhook)
    await acme.until(lambda: acme.called("chat.postMessage"))
    question = await (await acme.home()).click("Delete", near="Every movement")
    assert question is not None
    assert (await question.submit({})).closed


async def mute_signals(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    async with acme.database.write() as session:
        await mute.add(session, ACME, ADA, Muted.SIGNALS, now=acme.clock.now())
    owner = {"type": "role", "account_external_id": "contoso", "role": "owner", "email": "ada@acme.com"}
    await send(acme, webhook, owner, hire(acme))


async def have_no_owner(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    await send(acme, webhook, hire(acme))


async def have_nothing_to_say(acme: Stage) -> None:
    _, webhook = await acme.add_source(kind=SourceKind.SEGMENT)
    wish = WorkflowWish(name="Orders", event="Order Completed", channel_id=WINS, template="{{$.properties.name}}")
    async with acme.database.write() as session:
        await workflow.create(session, ACME, wish, by=ADA, now=acme.clock.now())
    body = {"userId": "u_1", "event": "Order Completed", "writeKey": webhook.rpartition("/")[2]}
    answer = await acme.post(f"{acme.url}/v1/track", json.dumps(body).encode(), kind="application/json")
    assert answer.status == 200


async def be_away_for_days(acme: Stage) -> None:
    await acme.add_source()
    form = await acme.destination_form()
    await form.fill({"Name": "Every day", "Frequency": "Daily: a recap of the day before", "Channels": [REVENUE]})
    assert (await form.submit({})).closed
    await acme.browser.travel(to=(acme.clock.now() + timedelta(days=3)).isoformat())


@pytest.mark.parametrize(
    ("bring_about", "reason", "words"),
    [
        (pause, SkipReason.PAUSED, "paused"),
        (stay_below_a_threshold, SkipReason.BELOW_THRESHOLD, "below the threshold"),
        (delete_a_destination, SkipReason.DELETED, "not asked for any more"),
        (mute_signals, SkipReason.MUTED, "1 muted"),
        (have_no_owner, SkipReason.NO_RECIPIENT, "nobody to tell"),
        (have_nothing_to_say, SkipReason.EMPTY, "nothing was left to say"),
        (be_away_for_days, SkipReason.STALE, "too old to be news"),
    ],
)
async def test_each_reason_for_sending_nothing_comes_about_and_is_said(
    acme: Stage, bring_about: Callable[[Stage], Awaitable[None]], reason: SkipReason, words: str
) -> None:
    await bring_about(acme)

    async def is_skipped() -> bool:
        async with acme.database.read() as session:
            found = await delivery.of_workspace(session, ACME, state=DeliveryState.SKIPPED)
        return reason in {one.reason for one in found}

    await acme.until(is_skipped)
    assert words in (await acme.ada.run("/mrr deliveries", channel=REVENUE)).words
