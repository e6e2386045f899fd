"""Home tabs, clicks, modals and their submissions, as a person and the app meet in them."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from bot.sandbox.errors import NotPossibleError


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def option(text: str, value: str) -> dict[str, Any]:
    return {"text": plain(text), "value": value}


def button(text: str, action_id: str, **more: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain(text), "action_id": action_id, **more}


def field(label: str, block_id: str, element: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "input", "block_id": block_id, "label": plain(label), "element": element, **more}


NAME = field("Name", "name", {"type": "plain_text_input", "action_id": "value"})
CHANNELS = field(
    "Channels",
    "channels",
    {"type": "multi_conversations_select", "action_id": "value", "filter": {"include": ["public", "private"]}},
)
PACE = field(
    "Pace",
    "pace",
    {
        "type": "static_select",
        "action_id": "value",
        "options": [option("At once", "now"), option("Daily", "day")],
        "initial_option": option("At once", "now"),
    },
    optional=True,
    dispatch_action=True,
)


def modal(*blocks: dict[str, Any], title: str = "New", **more: Any) -> dict[str, Any]:
    submit = {"submit": plain("Save"), "callback_id": "form"}
    return {"type": "modal", "title": plain(title), "blocks": list(blocks), **submit, **more}


HOME = {
    "type": "home",
    "blocks": [
        {"type": "header", "text": plain("Sources")},
        {
            "type": "section",
            "block_id": "first",
            "text": {"type": "mrkdwn", "text": "*Billing*"},
            "accessory": button("Edit", "edit", value="1"),
        },
        {
            "type": "section",
            "block_id": "second",
            "text": {"type": "mrkdwn", "text": "*CRM*"},
            "accessory": button("Edit", "edit", value="2"),
        },
        {
            "type": "actions",
            "block_id": "more",
            "elements": [
                button("New", "new"),
                button("Docs", "docs", url="https://example.com/docs"),
                {"type": "overflow", "action_id": "menu", "options": [option("Export", "x"), option("Delete", "d")]},
            ],
        },
    ],
}


@pytest.fixture
def view() -> dict[str, Any]:
    """Give the modal that the app opens; a test may change it."""
    return modal(NAME, CHANNELS, PACE)


@pytest.fixture
def ready(world: Any, view: dict[str, Any]) -> Any:
    """Give the world with an app that publishes a Home tab and opens the modal from it."""
    world.install()
    world.clicked = []

    @world.bolt.event("app_home_opened")
    async def publish(event: dict[str, Any], client: Any) -> None:
        await client.views_publish(user_id=event["user"], view=HOME)

    @world.bolt.action("new")
    async def open_modal(ack: Any, body: dict[str, Any], client: Any) -> None:
        await client.views_open(trigger_id=body["trigger_id"], view=view)
        await ack()

    @world.bolt.action({"action_id": "value", "block_id": "pace"})
    async def note(ack: Any, body: dict[str, Any]) -> None:
        world.clicked.append(body["actions"][0])
        await ack()

    for action_id in ("edit", "docs", "menu"):

        @world.bolt.action(action_id)
        async def remember(ack: Any, body: dict[str, Any]) -> None:
            world.clicked.append(body["actions"][0])
            await ack()

    return world


def answer_submissions(world: Any, **said: Any) -> None:
    @world.bolt.view("form")
    async def submitted(ack: Any) -> None:
        await ack(**said)


async def opened(world: Any) -> Any:
    await world.dana.open_home()
    return await world.dana.click("New")


FILLED = {"Name": "Every movement", "Channels": ["#revenue", "C0DEALS"]}


async def test_opening_the_home_tab_publishes_it_and_later_openings_carry_the_view(ready: Any) -> None:
    home = await ready.dana.open_home()
    assert home.buttons == ["Edit", "Edit", "New", "Docs", "Export", "Delete"]
    assert "Billing" in home.words
    again = await ready.dana.open_home()
    first, second = ready.events("app_home_opened")
    assert "view" not in first["event"]
    assert second["event"]["view"]["id"] == home["id"] == again["id"]


async def test_a_click_tells_which_button_it_was(ready: Any) -> None:
    await ready.dana.open_home()
    await ready.dana.click("Edit", near="CRM")
    await ready.dana.click("Delete")
    assert [(one["action_id"], one.get("value")) for one in ready.clicked] == [("edit", "2"), ("menu", None)]
    assert ready.clicked[1]["selected_option"] == option("Delete", "d")


async def test_a_button_with_an_address_is_told_to_the_app_as_well(ready: Any) -> None:
    home = await ready.dana.open_home()
    answer = await ready.dana.do("click", at=home.at, action_id="docs")
    assert answer["url"] == "https://example.com/docs"
    assert ready.clicked[0]["url"] == "https://example.com/docs"


async def test_a_button_that_is_not_there_is_named_with_those_that_are(ready: Any) -> None:
    await ready.dana.open_home()
    with pytest.raises(NotPossibleError, match="no button “Add source” here; there are: “Edit”, “Edit”, “New”"):
        await ready.dana.click("Add source")
    with pytest.raises(NotPossibleError, match="There are 2 of “Edit”"):
        await ready.dana.click("Edit")


async def test_a_trigger_works_once_and_for_three_seconds(ready: Any) -> None:
    await opened(ready)
    click = ready.payloads("block_actions")[0]
    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        await ready.client().views_open(trigger_id=click["trigger_id"], view=modal(NAME))
    home = await ready.dana.home()
    await ready.dana.do("click", at=home.at, action_id="docs")
    ready.ahead += 3.1
    click = ready.payloads("block_actions")[-1]
    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        await ready.client().views_open(trigger_id=click["trigger_id"], view=modal(NAME))


async def test_what_was_filled_in_is_submitted_with_what_was_there_from_the_start(ready: Any) -> None:
    answer_submissions(ready)
    form = await opened(ready)
    result = await form.submit(FILLED)
    assert result.closed
    assert result.modal is None
    values = ready.payloads("view_submission")[0]["view"]["state"]["values"]
    assert values == {
        "name": {"value": {"type": "plain_text_input", "value": "Every movement"}},
        "channels": {
            "value": {"type": "multi_conversations_select", "selected_conversations": ["C0REVENUE", "C0DEALS"]}
        },
        "pace": {"value": {"type": "static_select", "selected_option": option("At once", "now")}},
    }


async def test_a_required_field_is_asked_for_before_anything_is_sent(ready: Any) -> None:
    form = await opened(ready)
    result = await form.submit({"Name": "Every movement"})
    assert not result.closed
    assert result.errors == {"Channels": "Please complete this required field."}
    assert ready.payloads("view_submission") == []
    assert result.modal.filled["Name"] == "Every movement"


async def test_a_field_of_an_input_that_dispatches_is_told_at_once(ready: Any) -> None:
    form = await opened(ready)
    await form.fill({"Name": "x", "Pace": "Daily"})
    assert [one["selected_option"]["value"] for one in ready.clicked] == ["day"]
    state = ready.payloads("block_actions")[-1]["view"]["state"]["values"]
    assert state["name"]["value"]["value"] == "x"


async def test_only_channels_that_the_person_sees_can_be_chosen(ready: Any) -> None:
    form = await opened(ready)
    for hidden in ("C0BOARD", "C0OLDNEWS", "C1SALES"):
        with pytest.raises(NotPossibleError, match=f"does not list {hidden}; there are: general, revenue"):
            await form.fill({"Channels": [hidden]})


async def test_the_apps_errors_stand_under_their_fields(ready: Any) -> None:
    answer_submissions(ready, response_action="errors", errors={"name": "This name is taken."})
    form = await opened(ready)
    result = await form.submit(FILLED)
    assert (result.closed, result.errors) == (False, {"Name": "This name is taken."})
    assert result.modal["errors"] == {"name": "This name is taken."}
    assert result.modal.filled["Name"] == "Every movement"


async def test_an_update_keeps_what_was_typed_where_the_ids_stayed(ready: Any) -> None:
    renamed = {**PACE, "block_id": "pace2"}
    answer_submissions(ready, response_action="update", view=modal(NAME, renamed, title="Again"))
    form = await opened(ready)
    result = await form.submit({**FILLED, "Pace": "Daily"})
    assert (result.closed, result.modal.title) == (False, "Again")
    assert result.modal["id"] == form["id"]
    assert result.modal["hash"] != form["hash"]
    assert result.modal.filled["Name"] == "Every movement"
    assert result.modal.filled["Pace"] == option("At once", "now")


async def test_a_pushed_modal_lies_on_top_and_cancelling_shows_the_one_beneath(ready: Any) -> None:
    answer_submissions(ready, response_action="push", view=modal(NAME, title="Sure?", callback_id="sure"))
    form = await opened(ready)
    result = await form.submit(FILLED)
    assert result.modal.title == "Sure?"
    assert result.modal["previous_view_id"] == result.modal["root_view_id"] == form["id"]
    with pytest.raises(NotPossibleError, match="Another modal lies on top"):
        await form.submit()
    beneath = await result.modal.close()
    assert beneath["id"] == form["id"]


async def test_clear_closes_the_whole_stack(ready: Any) -> None:
    answer_submissions(ready, response_action="push", view=modal(NAME, title="Sure?", callback_id="sure"))

    @ready.bolt.view("sure")
    async def clear(ack: Any) -> None:
        await ack(response_action="clear")

    form = await opened(ready)
    result = await (await form.submit(FILLED)).modal.submit({"Name": "yes"})
    assert (result.closed, result.modal) == (True, None)


async def test_an_empty_answer_closes_only_the_modal_on_top(ready: Any) -> None:
    answer_submissions(ready, response_action="push", view=modal(NAME, title="Sure?", callback_id="sure"))

    @ready.bolt.view("sure")
    async def close(ack: Any) -> None:
        await ack()

    form = await opened(ready)
    result = await (await form.submit(FILLED)).modal.submit({"Name": "yes"})
    assert result.closed
    assert result.modal["id"] == form["id"]


@pytest.mark.parametrize(
    "said",
    [
        {"response_action": "errors", "errors": {"no_such_block": "What?"}},
        {"response_action": "errors", "errors": {}},
        {"response_action": "update", "view": {"type": "modal", "blocks": []}},
        {"response_action": "dance"},
        {"text": "Thanks"},
    ],
)
async def test_an_answer_that_slack_does_not_understand_leaves_the_modal_open(ready: Any, said: dict[str, Any]) -> None:
    ready.install()
    form = await opened(ready)

    @ready.bolt.middleware
    async def answer(body: dict[str, Any], next: Any) -> Any:  # noqa: A002  Bolt's name for it.
        from slack_bolt import BoltResponse  # noqa: PLC0415

        return BoltResponse(status=200, body=said) if body.get("type") == "view_submission" else await next()

    result = await form.submit(FILLED)
    assert (result.closed, result.error) == (False, "We had some trouble connecting. Try again?")
    assert result.modal["trouble"] == "We had some trouble connecting. Try again?"
    assert result.modal.filled["Name"] == "Every movement"


@pytest.mark.parametrize("status", [404, 500])
async def test_a_submission_that_fails_keeps_the_input(ready: Any, status: int) -> None:
    form = await opened(ready)
    ready.status = status
    result = await form.submit(FILLED)
    assert (result.closed, result.error) == (False, "We had some trouble connecting. Try again?")
    ready.status = 200
    assert (await result.modal.submit()).closed


async def test_a_click_that_fails_is_said_beside_the_button(ready: Any) -> None:
    await ready.dana.open_home()
    ready.status = 500
    with pytest.raises(NotPossibleError, match="responded with an error"):
        await ready.dana.click("New")
    assert "responded with an error" in (await ready.dana.home())["trouble"]


async def test_a_late_answer_to_a_click_is_a_timeout(ready: Any) -> None:
    ready.sandbox.outbound.answer_seconds = 0.05

    @ready.bolt.action("slow")
    async def dawdle(ack: Any) -> None:
        import asyncio  # noqa: PLC0415

        await asyncio.sleep(0.2)
        await ack()

    actions = {"type": "actions", "elements": [button("Slow", "slow")]}
    await ready.client().views_publish(user_id="U0DANA", view={"type": "home", "blocks": [actions]})
    with pytest.raises(NotPossibleError, match="three seconds"):
        await ready.dana.click("Slow")


@pytest.mark.parametrize("view", [modal(NAME, notify_on_close=True)])
async def test_closing_is_told_where_it_was_asked_for(ready: Any, view: dict[str, Any]) -> None:
    form = await opened(ready)
    assert await form.close() is None
    closed = ready.payloads("view_closed")[0]
    assert (closed["is_cleared"], closed["view"]["id"]) == (False, form["id"])
    form = await ready.dana.click("New")
    await form.close(all_of_them=True)
    closed = ready.payloads("view_closed")[1]
    assert (closed["is_cleared"], closed["view"]["id"]) == (True, form["id"])


async def test_closing_is_not_told_otherwise(ready: Any) -> None:
    await (await opened(ready)).close()
    assert ready.payloads("view_closed") == []


async def test_a_hash_guards_an_update_against_a_later_one(ready: Any) -> None:
    form = await opened(ready)
    await form.fill({"Name": "kept"})
    client = ready.client()
    await client.views_update(view_id=form["id"], hash=form["hash"], view=modal(NAME, title="Second"))
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await client.views_update(view_id=form["id"], hash=form["hash"], view=modal(NAME, title="Third"))
    shown = await ready.dana.modal()
    assert (shown.title, shown.filled["Name"]) == ("Second", "kept")


async def test_options_of_an_external_menu_come_from_the_app(ready: Any, view: dict[str, Any]) -> None:
    menu = {"type": "external_select", "action_id": "account", "min_query_length": 2}
    view["blocks"] = [field("Account", "account", menu)]
    answer_submissions(ready)

    @ready.bolt.options("account")
    async def suggest(ack: Any, body: dict[str, Any]) -> None:
        await ack(options=[option(f"{body['value']} Ltd", "41"), option(body["value"], "42")])

    form = await opened(ready)
    await form.submit({"Account": "Northwind Traders"})
    asked = ready.payloads("block_suggestion")[0]
    assert (asked["action_id"], asked["value"], asked["view"]["id"]) == ("account", "Northwind Traders", form["id"])
    state = ready.payloads("view_submission")[0]["view"]["state"]["values"]
    assert state["account"]["account"]["selected_option"]["value"] == "42"


async def test_a_response_url_is_given_for_a_channel_menu_that_asks_for_one(ready: Any, view: dict[str, Any]) -> None:
    menu = {"type": "conversations_select", "action_id": "where", "response_url_enabled": True}
    view["blocks"] = [field("Where", "where", menu)]
    answer_submissions(ready)
    await (await opened(ready)).submit({"Where": "#wins"})
    given = ready.payloads("view_submission")[0]["response_urls"][0]
    assert (given["block_id"], given["action_id"], given["channel_id"]) == ("where", "where", "C0WINS")
    async with ready.browser.session.post(given["response_url"], json={"text": "Here"}) as response:
        assert response.status == 200
    assert (await ready.dana.messages("#wins"))[-1].words == "Here"


async def test_a_view_belongs_to_one_person(ready: Any) -> None:
    form = await opened(ready)
    with pytest.raises(NotPossibleError, match="Ada Okafor has no view"):
        await ready.ada.do("submit", view_id=form["id"])
