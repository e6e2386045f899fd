"""The page in the browser, and installing from it."""

from typing import Any

import pytest

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'"


@pytest.fixture
def ready(world: Any) -> Any:
    world.install()
    world.status = 200
    return world


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


async def page(world: Any, user: str, at: str) -> Any:
    return await world.browser.open(f"{world.sandbox.url}/?as={user}&at={at}")


async def test_installing_from_the_apps_own_page(world: Any) -> None:
    ended = await world.ada.install(world.app.base_url)
    assert (ended.status, ended.text) == (200, "Installed in Acme")
    assert world.sandbox.state.installation(world.app.id, "T0ACME").installed_by == "U0ADA"


async def test_cancelling_an_installation_goes_back_with_the_reason(world: Any) -> None:
    ended = await world.ada.install(world.app.base_url, allow=False)
    assert ended.text == "Not installed: access_denied"
    assert world.sandbox.state.installation(world.app.id, "T0ACME") is None


async def test_the_page_leads_to_the_set_up_while_the_app_is_not_installed(world: Any) -> None:
    shown = await page(world, "U0ADA", "home")
    assert "Echo is not installed in Acme. Set up Echo" in shown.text


async def test_a_person_sees_only_their_channels(ready: Any) -> None:
    shown = await page(ready, "U0GUS", "C0BOARD")
    assert "general" in shown.text
    assert "board-private" not in shown.html
    assert "revenue" not in shown.html


async def test_the_first_person_is_shown_to_whoever_comes(ready: Any) -> None:
    shown = await ready.browser.open(ready.sandbox.url)
    assert 'data-as="U0ADA"' in shown.html
    assert "script-src 'self'" in (await headers(ready))["Content-Security-Policy"]


async def headers(world: Any) -> Any:
    async with world.browser.session.get(world.sandbox.url) as response:
        return response.headers


@pytest.mark.parametrize("name", ["page.js", "live.js", "pickers.js", "page.css", "kit.css", "panel.js"])
async def test_the_script_and_the_style_are_served(ready: Any, name: str) -> None:
    async with ready.browser.session.get(f"{ready.sandbox.url}/_sandbox/{name}") as response:
        assert response.status == 200
        assert len(await response.text()) > 1000


@pytest.mark.parametrize("name", ["secret.js", "page.html", "..%2fpage.py"])
async def test_nothing_else_is_served_beside_them(ready: Any, name: str) -> None:
    async with ready.browser.session.get(f"{ready.sandbox.url}/_sandbox/{name}") as response:
        assert response.status == 404


async def test_whatever_is_said_is_shown_as_typed(ready: Any) -> None:
    await ready.dana.say("#wins", HOSTILE)
    shown = await page(ready, "U0DANA", "C0WINS")
    assert HOSTILE in shown.text
    assert "<script>alert" not in shown.html
    assert "<img src=x" not in shown.html


SURFACES: list[list[dict[str, Any]]] = [
    [{"type": "header", "text": plain(HOSTILE)}],
    [{"type": "section", "text": {"type": "mrkdwn", "text": HOSTILE}}],
    [{"type": "section", "fields": [plain(HOSTILE)]}],
    [{"type": "context", "elements": [plain(HOSTILE)]}],
    [
        {
            "type": "actions",
            "elements": [{"type": "button", "action_id": "a", "text": plain(HOSTILE[:70]), "value": HOSTILE}],
        }
    ],
    [
        {
            "type": "section",
            "text": plain("x"),
            "accessory": {
                "type": "overflow",
                "action_id": "a",
                "options": [{"text": plain(HOSTILE[:70]), "value": HOSTILE}],
            },
        }
    ],
    [
        {
            "type": "actions",
            "elements": [
                {
                    "type": "static_select",
                    "action_id": "a",
                    "placeholder": plain(HOSTILE[:70]),
                    "options": [{"text": plain(HOSTILE[:70]), "value": HOSTILE}],
                    "confirm": {
                        "title": plain(HOSTILE[:70]),
                        "text": plain(HOSTILE),
                        "confirm": plain("Yes"),
                        "deny": plain("No"),
                    },
                }
            ],
        }
    ],
    [{"type": "image", "image_url": "https://example.com/x.png", "alt_text": HOSTILE}],
    [
        {
            "type": "rich_text",
            "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": HOSTILE}]}],
        }
    ],
]


@pytest.mark.parametrize("blocks", SURFACES, ids=lambda blocks: blocks[0]["type"])
async def test_no_block_lets_markup_through(ready: Any, blocks: list[dict[str, Any]]) -> None:
    client = ready.client()
    await client.conversations_join(channel="C0WINS")
    await client.chat_postMessage(channel="C0WINS", text=HOSTILE, blocks=blocks)
    shown = await page(ready, "U0DANA", "C0WINS")
    assert "alert(1)" in shown.html
    assert "<script>alert" not in shown.html
    assert "<img src=x" not in shown.html


async def test_a_modal_is_drawn_with_its_fields_values_and_errors(ready: Any) -> None:
    ready.status = None

    @ready.bolt.view("form")
    async def refuse(ack: Any) -> None:
        await ack(response_action="errors", errors={"name": HOSTILE})

    trigger = ready.sandbox.state.make_trigger(ready.app.id, "T0ACME", "U0DANA")
    kinds = ["multi_conversations_select", "users_select", "multi_channels_select", "datepicker", "datetimepicker"]
    fields = [field(kind, {"type": kind, "action_id": "a"}, optional=True) for kind in kinds]
    name = field("name", {"type": "plain_text_input", "action_id": "a", "multiline": True})
    view = {"type": "modal", "callback_id": "form", "title": plain("Form"), "submit": plain("Go")}
    await ready.client().views_open(trigger_id=trigger.id, view={**view, "blocks": [name, *fields]})
    modal = await ready.dana.modal()
    result = await modal.submit({"name": "</textarea><script>alert(3)</script>", "users_select": "@mei"})
    assert result.errors == {"name": HOSTILE}
    shown = await page(ready, "U0DANA", "home")
    assert "&lt;/textarea&gt;&lt;script&gt;alert(3)" in shown.html
    assert "<script>alert" not in shown.html
    assert 'value="Mei Tanaka"' in shown.html
    assert "deals-private private" in shown.text


def field(block_id: str, element: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "input", "block_id": block_id, "label": plain(block_id), "element": element, **more}


async def test_a_thread_stands_under_its_first_message(ready: Any) -> None:
    first = await ready.ada.say("#wins", "First")
    await ready.ada.say("#wins", "Second")
    await ready.dana.say("#wins", "Answer to the first", thread_ts=first)
    shown = await page(ready, "U0ADA", "C0WINS")
    assert shown.text.index("First") < shown.text.index("Answer to the first") < shown.text.index("Second")
