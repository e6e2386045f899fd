"""Modals and Home tabs: triggers, stacks, hashes and what a view may hold."""

from collections.abc import Callable
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Sandbox, SlackApp
from bot.sandbox.people import ACME, DANA, GLOBEX

Trigger = Callable[..., str]


def text(words: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": words}


def modal(**more: Any) -> dict[str, Any]:
    section = {"type": "section", "block_id": "one", "text": text("Hello")}
    return {"type": "modal", "title": text("Title"), "blocks": [section], **more}


def home(words: str = "Hello", **more: Any) -> dict[str, Any]:
    return {"type": "home", "blocks": [{"type": "section", "text": text(words)}], **more}


def field(action_id: str = "name") -> dict[str, Any]:
    element = {"type": "plain_text_input", "action_id": action_id}
    return {"type": "input", "block_id": "field", "label": text("Name"), "element": element}


@pytest.fixture
def trigger(sandbox: Sandbox, slack_app: SlackApp) -> Trigger:
    def make(*, view_id: str | None = None, workspace_id: str = ACME) -> str:
        return sandbox.state.make_trigger(slack_app.id, workspace_id, DANA, view_id=view_id).id

    return make


async def test_a_trigger_opens_one_modal(client: AsyncWebClient, trigger: Trigger, sandbox: Sandbox) -> None:
    answer = await client.views_open(trigger_id=trigger(), view=modal(callback_id="new"))
    view = answer["view"]
    assert (view["type"], view["callback_id"], view["root_view_id"]) == ("modal", "new", view["id"])
    assert [one.id for one in sandbox.state.stack(ACME, DANA)] == [view["id"]]


async def test_a_trigger_works_once(client: AsyncWebClient, trigger: Trigger, refused: Any) -> None:
    once = trigger()
    await client.views_open(trigger_id=once, view=modal())
    assert (await refused(client.views_open(trigger_id=once, view=modal())))["error"] == "exchanged_trigger_id"


async def test_a_trigger_works_for_three_seconds(
    client: AsyncWebClient, trigger: Trigger, clock: Any, refused: Any
) -> None:
    early, late = trigger(), trigger()
    clock.advance(3)
    assert (await client.views_open(trigger_id=early, view=modal()))["ok"]
    clock.advance(0.1)
    assert (await refused(client.views_open(trigger_id=late, view=modal())))["error"] == "expired_trigger_id"


async def test_a_trigger_of_another_workspace_is_unknown(
    client: AsyncWebClient, trigger: Trigger, refused: Any
) -> None:
    for foreign in (trigger(workspace_id=GLOBEX), "1.2.3"):
        assert (await refused(client.views_open(trigger_id=foreign, view=modal())))["error"] == "invalid_trigger_id"


async def test_an_invalid_view_does_not_use_the_trigger_up(
    client: AsyncWebClient, trigger: Trigger, refused: Any
) -> None:
    once = trigger()
    answer = await refused(client.views_open(trigger_id=once, view=modal(title=text("x" * 25))))
    assert answer["error"] == "invalid_arguments"
    assert "[json-pointer:/view/title/text]" in answer["response_metadata"]["messages"][-1]
    assert (await client.views_open(trigger_id=once, view=modal()))["ok"]


async def test_modals_stack_three_high(client: AsyncWebClient, trigger: Trigger, refused: Any) -> None:
    lowest = (await client.views_open(trigger_id=trigger(), view=modal()))["view"]
    middle = (await client.views_push(trigger_id=trigger(view_id=lowest["id"]), view=modal()))["view"]
    top = (await client.views_push(trigger_id=trigger(view_id=middle["id"]), view=modal()))["view"]
    assert (top["root_view_id"], top["previous_view_id"]) == (lowest["id"], middle["id"])
    fourth = client.views_push(trigger_id=trigger(view_id=top["id"]), view=modal())
    assert (await refused(fourth))["error"] == "push_limit_reached"


async def test_pushing_needs_a_modal_to_push_onto(client: AsyncWebClient, trigger: Trigger, refused: Any) -> None:
    assert (await refused(client.views_push(trigger_id=trigger(), view=modal())))["error"] == "not_found"


async def test_an_update_needs_the_hash_of_what_it_replaces(
    client: AsyncWebClient, trigger: Trigger, refused: Any
) -> None:
    view = (await client.views_open(trigger_id=trigger(), view=modal()))["view"]
    changed = (await client.views_update(view_id=view["id"], hash=view["hash"], view=modal()))["view"]
    assert changed["hash"] != view["hash"]
    stale = client.views_update(view_id=view["id"], hash=view["hash"], view=modal())
    assert (await refused(stale))["error"] == "hash_conflict"
    assert (await client.views_update(view_id=view["id"], view=modal()))["ok"]


async def test_what_was_typed_survives_an_update_where_the_ids_stay(
    client: AsyncWebClient, trigger: Trigger, sandbox: Sandbox
) -> None:
    form = {"submit": text("Save"), "blocks": [field()]}
    view_id = (await client.views_open(trigger_id=trigger(), view=modal(**form)))["view"]["id"]
    typed = {"type": "plain_text_input", "value": "Northwind"}
    sandbox.state.views[view_id].state = {"field": {"name": typed}}
    kept = (await client.views_update(view_id=view_id, view=modal(**form)))["view"]
    assert kept["state"]["values"] == {"field": {"name": typed}}
    fresh = (await client.views_update(view_id=view_id, view=modal(**form | {"blocks": [field("other")]})))["view"]
    assert fresh["state"]["values"]["field"]["other"]["value"] is None


async def test_an_external_id_names_one_view(client: AsyncWebClient, trigger: Trigger, refused: Any) -> None:
    await client.views_open(trigger_id=trigger(), view=modal(external_id="form"))
    assert (await client.views_update(external_id="form", view=modal(external_id="form")))["ok"]
    twice = client.views_publish(user_id=DANA, view=home(external_id="form"))
    assert (await refused(twice))["error"] == "duplicate_external_id"


async def test_a_closed_view_is_not_found(
    client: AsyncWebClient, trigger: Trigger, sandbox: Sandbox, refused: Any
) -> None:
    view_id = (await client.views_open(trigger_id=trigger(), view=modal()))["view"]["id"]
    sandbox.state.close_views(sandbox.state.views[view_id])
    assert (await refused(client.views_update(view_id=view_id, view=modal())))["error"] == "not_found"
    nameless = await refused(client.api_call("views.update", json={"view": modal()}))
    assert nameless["error"] == "invalid_arguments"


async def test_a_view_beyond_250_kb_is_too_large(client: AsyncWebClient, refused: Any) -> None:
    wide = home(blocks=[{"type": "section", "text": text("€" * 2_900)}] * 60)
    assert (await refused(client.views_publish(user_id=DANA, view=wide)))["error"] == "view_too_large"


async def test_a_home_tab_is_published_again_and_again(
    client: AsyncWebClient, sandbox: Sandbox, slack_app: SlackApp, refused: Any
) -> None:
    first = (await client.views_publish(user_id=DANA, view=home("One")))["view"]
    second = (await client.views_publish(user_id=DANA, view=home("Two"), hash=first["hash"]))["view"]
    assert (second["id"], second["type"]) == (first["id"], "home")
    stale = client.views_publish(user_id=DANA, view=home("Three"), hash=first["hash"])
    assert (await refused(stale))["error"] == "hash_conflict"
    shown = sandbox.state.home(slack_app.id, ACME, DANA)
    assert shown is not None
    assert shown.body["blocks"][0]["text"]["text"] == "Two"


async def test_a_home_tab_is_for_a_person_of_this_workspace(client: AsyncWebClient, refused: Any) -> None:
    for stranger in ("U404", "U1HUGO"):
        answer = await refused(client.views_publish(user_id=stranger, view=home()))
        assert answer["error"] == "invalid_arguments"


async def test_a_modal_is_no_home_tab_and_the_other_way_round(
    client: AsyncWebClient, trigger: Trigger, refused: Any
) -> None:
    assert (await refused(client.views_publish(user_id=DANA, view=modal())))["error"] == "invalid_arguments"
    assert (await refused(client.views_open(trigger_id=trigger(), view=home())))["error"] == "invalid_arguments"


async def test_a_home_tab_that_is_switched_off_cannot_be_published(
    client: AsyncWebClient, slack_app: SlackApp, refused: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(slack_app.manifest["features"], "app_home", {"home_tab_enabled": False})
    assert (await refused(client.views_publish(user_id=DANA, view=home())))["error"] == "not_enabled"
