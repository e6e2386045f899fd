"""When an event arrives from Segment, the message that a manager wrote for it is posted."""

import asyncio
import json
from typing import Any

import pytest

from bot.sandbox.people import REVENUE, WINS
from models import delivery
from models.source import SourceKind
from tests.stage import ACME, Stage

"""What the engines do differently is asked of models and scheduler; here is what people read and press."""

ORDER = "🎉 {{$.properties.name}} just completed an order for {{$.properties.total}}!"


async def make(acme: Stage, **changes: Any) -> None:
    modal = await (await acme.home()).click("New workflow")
    assert modal is not None
    choices = {
        "Name": "Orders",
        "When this event arrives": "Order Completed",
        "Post this message": ORDER,
        "To this channel": WINS,
    }
    result = await modal.submit(choices | changes)
    assert result.closed, result.errors


async def track(acme: Stage, webhook: str, event: str = "Order Completed", **properties: Any) -> None:
    body = {"userId": "u_1", "event": event, "properties": properties, "writeKey": webhook.rpartition("/")[2]}
    answer = await acme.post(f"{acme.url}/v1/track", json.dumps(body).encode(), kind="application/json")
    assert answer.status == 200


async def said(acme: Stage, channel: str = WINS) -> list[str]:
    return [one["text"] for one in await acme.browser.stored(ACME, channel) if one.get("metadata")]


async def test_an_event_is_told_under_the_chosen_name_and_icon(acme: Stage) -> None:
    _, webhook = await acme.add_source(kind=SourceKind.SEGMENT)
    await make(acme, **{"Under this name": "Order desk", "With this icon": ":tada:"})
    assert "*Orders* · when `Order Completed` arrives" in (await acme.home()).words
    await track(acme, webhook, name="Ada <!channel>", total="$120")
    message = await acme.ada.message(WINS, containing="just completed")
    assert message["text"] == "🎉 Ada &lt;!channel&gt; just completed an order for $120!"
    assert message.author == "Order desk"


async def test_what_the_event_does_not_have_is_left_out_and_noted_in_the_ledger(acme: Stage) -> None:
    _, webhook = await acme.add_source(kind=SourceKind.SEGMENT)
    await make(acme)
    await track(acme, webhook, name="Ada")
    await acme.ada.message(WINS, containing="an order for !")
    async with acme.database.read() as session:
        [told] = await delivery.of_workspace(session, ACME)
    assert told.note == "The event did not have $.properties.total."


@pytest.mark.parametrize(
    ("value", "properties", "told"),
    [
        ("enterprise", {"plan": "enterprise"}, True),
        ("enterprise", {"plan": "free"}, False),
        ("enterprise", {}, False),
        ("120", {"plan": 120}, True),
        ("true", {"plan": True}, True),
    ],
)
async def test_a_condition_compares_one_value(
    acme: Stage, value: str, properties: dict[str, Any], *, told: bool
) -> None:
    _, webhook = await acme.add_source(kind=SourceKind.SEGMENT)
    await make(acme, **{"And this property": "properties.plan", "Has this value": value})
    await make(acme, **{"Name": "All", "Post this message": "seen", "To this channel": REVENUE})
    await track(acme, webhook, **properties)
    await acme.ada.message(REVENUE, containing="seen")
    await asyncio.sleep(0.1)
    assert bool(await said(acme)) is told


async def test_events_of_other_names_and_deleted_workflows_post_nothing(acme: Stage) -> None:
    _, webhook = await acme.add_source(kind=SourceKind.SEGMENT)
    await make(acme)
    await make(acme, **{"Name": "Last", "When this event arrives": "Last", "Post this message": "the last"})
    await track(acme, webhook, event="order completed", name="Ada")
    question = await (await acme.home()).click("Delete", near="Orders")
    assert question is not None
    assert (await question.submit()).closed
    await track(acme, webhook, name="Ada")
    await track(acme, webhook, event="Last")
    await acme.ada.message(WINS, containing="the last")
    assert await said(acme) == ["the last"]


async def test_a_workflow_is_edited_from_now_on(acme: Stage) -> None:
    _, webhook = await acme.add_source(kind=SourceKind.SEGMENT)
    await make(acme)
    form = await (await acme.home()).click("Edit", near="Orders")
    assert form is not None
    assert form.filled["Post this message"] == ORDER
    assert (await form.submit({"Post this message": "order of {{properties.name}}"})).closed
    await track(acme, webhook, name="Ada")
    await acme.ada.message(WINS, containing="order of Ada")


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"Post this message": "{{$.}}"}, "Post this message", "names nothing"),
        ({"Post this message": "{{ open"}, "Post this message", "two braces on each side"),
        ({"And this property": "properties.plan"}, "Has this value", "Say which value"),
        ({"Has this value": "x"}, "And this property", "Say which property"),
        ({"And this property": "a..b", "Has this value": "x"}, "And this property", "Write a path"),
        ({"With this icon": "javascript:alert(1)"}, "With this icon", "Write an emoji"),
        ({"To this channel": "C0DEALS"}, "To this channel", "I'm not in the private channel"),
    ],
)
async def test_a_wrong_field_is_refused_under_it_and_the_rest_is_kept(
    acme: Stage, changes: dict[str, Any], field: str, sentence: str
) -> None:
    modal = await (await acme.home()).click("New workflow")
    assert modal is not None
    choices = {
        "Name": "Orders",
        "When this event arrives": "Order Completed",
        "Post this message": ORDER,
        "To this channel": WINS,
    }
    result = await modal.submit(choices | changes)
    assert sentence in result.errors[field]
    assert modal.filled["Name"] == "Orders"


async def test_a_name_is_taken_once_and_another_workspaces_workflow_does_not_exist(acme: Stage) -> None:
    await make(acme)
    modal = await (await acme.home()).click("New workflow")
    assert modal is not None
    result = await modal.submit(
        {
            "Name": "ORDERS",
            "When this event arrives": "x",
            "Post this message": "y",
            "To this channel": WINS,
        }
    )
    assert result.errors == {"Name": "“ORDERS” exists already. Choose another name."}
    answer = await acme.submit({"callback_id": "workflow_delete", "private_metadata": "wfl_of_globex"})
    assert "There is no such workflow" in answer.text
