"""Block Kit on the page: rich text, tables, pictures, cards, menus and fields."""

from typing import Any

import pytest

EVERY_STYLE = dict.fromkeys(("bold", "italic", "strike", "underline"), True)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def option(text: str, **more: Any) -> dict[str, Any]:
    return {"text": plain(text), "value": text.lower(), **more}


@pytest.fixture
async def ready(world: Any) -> Any:
    world.install()
    world.status = 200
    await world.client().conversations_join(channel="C0WINS")
    return world


async def drawn(world: Any, *blocks: dict[str, Any], user: str = "U0DANA") -> Any:
    await world.client().chat_postMessage(channel="C0WINS", text="words", blocks=list(blocks))
    return await world.page(user, "C0WINS")


def rich(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": list(parts)}


def section(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": list(elements)}


async def test_rich_text_is_drawn_with_its_styles_and_references(ready: Any) -> None:
    shown = await drawn(
        ready,
        rich(
            section(
                {"type": "text", "text": "all", "style": EVERY_STYLE},
                {"type": "user", "user_id": "U0DANA"},
                {"type": "usergroup", "usergroup_id": "S0SUCCESS"},
                {"type": "channel", "channel_id": "C0BOARD"},
                {"type": "broadcast", "range": "here"},
                {"type": "team", "team_id": "T0ACME"},
                {"type": "emoji", "name": "no_such", "unicode": "1f44b-1f3fd"},
                {"type": "color", "value": "#F405B3"},
                {"type": "link", "url": "https://example.com/x", "text": "there"},
                {"type": "date", "timestamp": 1_795_176_000, "format": "{date_num} {time}", "fallback": "then"},
            )
        ),
    )  # fmt: skip
    assert "<strong><em><u><s>all</s></u></em></strong>" in shown.html
    assert '<span class="mention mine">@Dana Reyes</span>' in shown.html
    assert '<span class="mention">@success</span><span class="mention">#private channel</span>' in shown.html
    assert '<span class="mention mine">@here</span><span class="mention">@Acme</span>👋🏽' in shown.html
    assert 'fill="#F405B3"' in shown.html
    assert '<a href="https://example.com/x"' in shown.html
    assert "2026-11-20 07:00" in shown.text


async def test_lists_keep_their_depth_and_their_start(ready: Any) -> None:
    items = [section({"type": "text", "text": "c"})]
    shown = await drawn(
        ready, rich({"type": "rich_text_list", "style": "ordered", "indent": 1, "offset": 2, "elements": items})
    )
    assert '<ol class="indent1" start="3"><li>c</li></ol>' in shown.html


async def test_a_table_aligns_as_it_was_told(ready: Any) -> None:
    rows = [
        [{"type": "raw_text", "text": "A"}, {"type": "raw_text", "text": "B"}],
        [{"type": "raw_text", "text": "x"}, {"type": "raw_number", "value": 1, "text": "+$1"}],
    ]
    shown = await drawn(
        ready, {"type": "table", "rows": rows, "column_settings": [{"align": "center", "is_wrapped": True}]}
    )
    assert '<th class="center wrapped">A</th>' in shown.html
    assert '<td class="right">+$1</td>' in shown.html


async def test_a_data_table_shows_its_first_page(ready: Any) -> None:
    cells = [[{"type": "raw_text", "text": f"Row {number}"}] for number in range(1, 8)]
    head = [{"type": "raw_text", "text": "Name"}]
    shown = await drawn(ready, {"type": "data_table", "caption": "Gains", "page_size": 3, "rows": [head, *cells]})
    assert shown.html.count("<tr hidden>") == 4
    assert "1–3 of 7" in shown.text


async def test_markdown_and_charts_are_drawn(ready: Any) -> None:
    points = [{"label": "Mon", "value": 1}]
    bars = {"type": "bar", "series": [{"name": "MRR", "data": points}], "axis_config": {"categories": ["Mon"]}}
    shown = await drawn(
        ready,
        {"type": "markdown", "text": "**Bold** and [a link](https://example.com)"},
        {"type": "data_visualization", "title": "By day", "chart": bars},
    )
    assert "<strong>Bold</strong>" in shown.html
    assert 'role="img" aria-label="Bar chart: By day"' in shown.html


async def test_cards_containers_and_videos_are_drawn(ready: Any) -> None:
    card = {"type": "card", "title": plain("Northwind"), "subtitle": plain("Customer"), "body": plain("Body")}
    container = {"type": "container", "title": plain("More"), "child_blocks": [{"type": "divider"}]}
    video = {"type": "video", "alt_text": "v", "title": plain("How to"), "thumbnail_url": "https://example.com/t.png"}
    shown = await drawn(
        ready,
        {**card, "actions": [{"type": "button", "action_id": "o", "text": plain("Open")}]},
        {"type": "carousel", "elements": [card]},
        {**container, "is_collapsible": True, "default_collapsed": True},
        {**video, "video_url": "https://example.com/v", "title_url": "https://example.com/w"},
    )
    assert shown.text.count("Northwind Customer Body") == 2
    assert '<details class="container standard">' in shown.html
    assert 'href="https://example.com/w"' in shown.html
    assert "<iframe" not in shown.html


async def test_a_picture_of_slacks_own_is_fetched_from_here(ready: Any) -> None:
    client = ready.client()
    uploaded = await client.files_upload_v2(content=PNG, filename="chart.png", title="Chart")
    file = uploaded["file"]
    image = {"type": "image", "slack_file": {"id": file["id"]}, "alt_text": "A chart"}
    shown = await drawn(ready, image)
    assert f'<img class="wide" src="{file["url_private"]}" alt="A chart"' in shown.html
    async with ready.browser.session.get(file["url_private"]) as response:
        assert (response.headers["Content-Type"], await response.read()) == ("image/png", PNG)


async def test_a_shared_file_stands_in_the_channel(ready: Any) -> None:
    client = ready.client()
    await client.files_upload_v2(content=PNG, filename="chart.png", channel="C0WINS", initial_comment="Look")
    await client.files_upload_v2(content="a,b", filename="rows.csv", channel="C0WINS")
    shown = await ready.page("U0DANA", "C0WINS")
    assert "Look" in shown.text
    assert "/chart.png" in shown.html
    assert "rows.csv" in shown.text
    stored = await ready.browser.stored("T0ACME", "C0WINS")
    assert [one["files"][0]["mimetype"] for one in stored] == ["image/png", "text/csv"]


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x"])
async def test_an_icon_that_is_no_web_address_is_not_fetched(ready: Any, url: str) -> None:
    await ready.client().chat_postMessage(channel="C0WINS", text="Hi", icon_url=url)
    assert url not in (await ready.page("U0DANA", "C0WINS")).html


async def test_a_button_for_some_is_not_shown_to_others(ready: Any) -> None:
    button = {"type": "button", "action_id": "go", "text": plain("For Dana"), "visible_to_user_ids": ["U0DANA"]}
    await drawn(ready, {"type": "actions", "elements": [button]})
    assert "For Dana" in (await ready.page("U0DANA", "C0WINS")).text
    assert "For Dana" not in (await ready.page("U0LIAM", "C0WINS")).text


async def test_a_confirmation_is_kept_with_its_words(ready: Any) -> None:
    words = {
        "title": plain("Sure?"),
        "text": {"type": "mrkdwn", "text": "It is *gone* then"},
        "confirm": plain("Yes"),
        "deny": plain("No"),
        "style": "danger",
    }
    menu = {"type": "overflow", "action_id": "o", "options": [option("Delete")], "confirm": words}
    shown = await drawn(ready, {"type": "section", "text": plain("x"), "accessory": menu})
    assert "<template><h2>Sure?</h2>" in shown.html
    assert "It is <strong>gone</strong> then" in shown.html
    assert '<button type="button" data-answer="yes" class="danger">Yes</button>' in shown.html


async def test_feedback_and_icon_buttons_tell_the_app(ready: Any) -> None:
    good, bad = ({"text": plain(words), "value": words} for words in ("Good", "Bad"))
    feedback = {"type": "feedback_buttons", "action_id": "f", "positive_button": good, "negative_button": bad}
    trash = {"type": "icon_button", "icon": "trash", "action_id": "t", "text": plain("Delete")}
    await drawn(ready, {"type": "context_actions", "elements": [feedback, trash]})
    message = (await ready.dana.messages("#wins"))[-1]
    await message.click("Bad")
    await message.click("Delete")
    told = [one["actions"][0] for one in ready.payloads("block_actions")]
    assert (told[0]["type"], told[0]["value"]) == ("feedback_buttons", "Bad")
    assert told[1]["type"] == "icon_button"


# --- modals ----------------------------------------------------------------------------------------------------------


def field(block_id: str, element: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain(block_id),
        "element": {"action_id": "a", **element},
        **more,
    }


def modal(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": "form",
        "title": plain("Form"),
        "submit": plain("Go"),
        "blocks": list(blocks),
    }


async def test_a_picker_lists_what_can_be_chosen_under_its_headings(ready: Any) -> None:
    groups = [
        {"label": plain("Now"), "options": [option("Real-time")]},
        {"label": plain("Later"), "options": [option("Daily")]},
    ]
    await ready.opened(modal(field("Frequency", {"type": "static_select", "option_groups": groups})))
    shown = await ready.page("U0DANA", "home")
    assert "Now Real-time Later Daily" in shown.text
    assert 'role="option" data-value="daily" aria-selected="false"' in shown.html


async def test_what_was_picked_stands_in_the_picker(ready: Any) -> None:
    form = await ready.opened(modal(field("Channels", {"type": "multi_conversations_select", "max_selected_items": 2})))
    await form.fill({"Channels": ["#revenue", "#deals-private"]})
    shown = await ready.page("U0DANA", "home")
    assert 'aria-label="Remove revenue"' in shown.html
    assert 'data-chosen="[&#34;C0REVENUE&#34;, &#34;C0DEALS&#34;]"' in shown.html
    assert 'data-most="2"' in shown.html


async def test_a_date_and_time_is_on_the_persons_clock(ready: Any) -> None:
    form = await ready.opened(modal(field("When", {"type": "datetimepicker", "initial_date_time": 1_795_176_000})))
    assert 'value="2026-11-20T07:00"' in (await ready.page("U0DANA", "home")).html
    await form.fill({"When": "2026-11-23T09:00"})
    assert form.filled == {"When": 1_795_442_400}
    with pytest.raises(Exception, match="takes a date and a time"):
        await form.fill({"When": "soon"})


async def test_a_file_that_was_chosen_reaches_the_app(ready: Any) -> None:
    form = await ready.opened(modal(field("List", {"type": "file_input", "filetypes": ["csv"], "max_files": 1})))
    file = (await ready.dana.do("upload", name="list.txt", content="YSxi"))["file"]
    assert (await form.submit({"List": [file]})).errors == {"List": "Choose a file of this kind: csv."}
    file = (await ready.dana.do("upload", name="list.csv", content="YSxi"))["file"]
    assert (await form.submit({"List": [file]})).closed
    sent = ready.payloads("view_submission")[0]["view"]["state"]["values"]["List"]["a"]["files"][0]
    assert (sent["name"], sent["size"]) == ("list.csv", 3)


async def test_a_rich_text_is_read_back_into_its_field(ready: Any) -> None:
    form = await ready.opened(modal(field("Text", {"type": "rich_text_input"})))
    await form.fill({"Text": "first line"})
    assert "first line</textarea>" in (await ready.page("U0DANA", "home")).html


async def test_a_pushed_modal_leads_back_and_an_alert_stands_in_it(ready: Any) -> None:
    ready.status = None
    second = modal({"type": "alert", "level": "warning", "text": plain("Careful")})

    @ready.bolt.view("form")
    async def push(ack: Any) -> None:
        await ack(response_action="push", view=second)

    first = await ready.opened(modal({"type": "divider"}))
    await first.submit()
    shown = await ready.page("U0DANA", "home")
    assert 'aria-label="Back"' in shown.html
    assert '<div class="alert warning" role="note">Careful</div>' in shown.html


async def test_a_field_that_tells_the_app_says_when(ready: Any) -> None:
    config = {"trigger_actions_on": ["on_character_entered"]}
    await ready.opened(
        modal(
            field("a", {"type": "plain_text_input"}, dispatch_action=True),
            field("b", {"type": "plain_text_input", "dispatch_action_config": config}, dispatch_action=True),
            field("c", {"type": "plain_text_input"}),
        )
    )
    html = (await ready.page("U0DANA", "home")).html
    assert 'data-dispatch="on_enter_pressed"' in html
    assert 'data-dispatch="on_character_entered"' in html
    assert html.count("data-dispatch=") == 2
