"""Block Kit as the local Slack takes it, held against Slack's recorded sentences and against slack_sdk's models."""

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models import blocks as sdk
from slack_sdk.models import views
from slack_sdk.models.basic_objects import JsonObject
from slack_sdk.models.blocks import basic_components, block_elements, blocks
from slack_sdk.models.blocks.basic_components import DispatchActionConfig, FeedbackButtonObject
from slack_sdk.models.blocks.block_elements import FileInputElement, WorkflowButtonElement
from slack_sdk.models.views import View

from bot.sandbox.blocks import InvalidBlocks, Surface, catalog, validate_blocks, validate_view

Json = dict[str, Any]

# ---- Good payloads, built with Slack's own models wherever they have one ----

TITLE = sdk.PlainTextObject(text="Northwind", emoji=True)
NOTE = sdk.MarkdownTextObject(text="*Northwind* +$420", verbatim=True)
CONFIRM = sdk.ConfirmObject(title="Delete?", text="*Gone* for good", confirm="Delete", deny="Keep", style="danger")
OPTIONS = [sdk.Option(value="day", text="Daily", description="At nine"), sdk.Option(value="week", text="Weekly")]
MRKDWN_OPTIONS = [sdk.Option(value="a", text=sdk.MarkdownTextObject(text="*A*")), sdk.Option(value="b", text="B")]
GROUPS = [sdk.OptionGroup(label="Recaps", options=OPTIONS)]
FILTER = sdk.ConversationFilter(include=["public", "private"], exclude_bot_users=True)
ON_ENTER = DispatchActionConfig(trigger_actions_on=["on_enter_pressed", "on_character_entered"])
PICTURE = sdk.ImageElement(image_url="https://example.com/a.png", alt_text="A")
FILED_PICTURE = sdk.ImageElement(slack_file={"id": "F0123"}, alt_text="A")
PARTS = sdk.RichTextElementParts
BOLD = {"bold": True, "italic": True, "strike": True, "underline": True, "code": False}
INLINE = [
    PARTS.Text(text="New", style=BOLD),
    PARTS.Link(url="https://example.com", text="here", style={"bold": True}),
    PARTS.User(user_id="U0DANA"),
    PARTS.UserGroup(usergroup_id="S0SALES"),
    PARTS.Channel(channel_id="C0REVENUE"),
    PARTS.Team(team_id="T0ACME"),
    PARTS.Broadcast(range="here"),
    PARTS.Emoji(name="wave", skin_tone=2),
    PARTS.Date(timestamp=1_720_710_212, format="{date_num}", fallback="a day"),
    PARTS.Color(value="#FF00FF"),
]
LINE = sdk.RichTextSectionElement(elements=[PARTS.Text(text="a")])
RICH_TEXT = sdk.RichTextBlock(
    elements=[
        sdk.RichTextSectionElement(elements=INLINE),
        sdk.RichTextListElement(style="ordered", indent=1, offset=2, border=1, elements=[LINE]),
        sdk.RichTextQuoteElement(elements=INLINE),
        sdk.RichTextPreformattedElement(elements=[PARTS.Text(text="a")], border=0),
    ]
)
RICH_TEXT_VALUE = sdk.RichTextBlock(elements=[LINE])
BUTTON = sdk.ButtonElement(
    text="Open", action_id="open", value="1", style="primary", confirm=CONFIRM, accessibility_label="Open the report"
)
LINK_BUTTON = sdk.LinkButtonElement(text="Open", url="https://example.com", action_id="link")
OVERFLOW = sdk.OverflowMenuElement(
    options=[sdk.Option(value="why", text="Why", url="https://example.com"), sdk.Option(value="mute", text="Mute")],
    confirm=CONFIRM,
)
STATIC = sdk.StaticSelectElement(placeholder="When", action_id="when", options=OPTIONS, initial_option=OPTIONS[0])
GROUPED = sdk.StaticSelectElement(placeholder="When", option_groups=GROUPS, initial_option=OPTIONS[1])
SELECTS = [
    STATIC,
    GROUPED,
    sdk.ExternalDataSelectElement(placeholder="Account", min_query_length=2, initial_option=OPTIONS[0]),
    sdk.UserSelectElement(placeholder="Who", initial_user="U0DANA", confirm=CONFIRM, focus_on_load=True),
    sdk.ConversationSelectElement(placeholder="Where", initial_conversation="C0REVENUE", filter=FILTER),
    sdk.ChannelSelectElement(placeholder="Where", initial_channel="C0REVENUE"),
    sdk.StaticMultiSelectElement(options=OPTIONS, initial_options=OPTIONS, max_selected_items=2),
    sdk.StaticMultiSelectElement(option_groups=GROUPS, initial_options=OPTIONS[:1]),
    sdk.ExternalDataMultiSelectElement(min_query_length=0, initial_options=OPTIONS, max_selected_items=1),
    sdk.UserMultiSelectElement(initial_users=["U0DANA", "U0LIAM"]),
    sdk.ConversationMultiSelectElement(initial_conversations=["C0REVENUE"], filter=FILTER, max_selected_items=20),
    sdk.ChannelMultiSelectElement(initial_channels=["C0REVENUE"]),
]
PICKERS = [
    sdk.CheckboxesElement(options=MRKDWN_OPTIONS, initial_options=MRKDWN_OPTIONS[:1], confirm=CONFIRM),
    sdk.RadioButtonsElement(options=MRKDWN_OPTIONS, initial_option=MRKDWN_OPTIONS[0]),
    sdk.DatePickerElement(placeholder="Day", initial_date="2026-11-20"),
    sdk.TimePickerElement(placeholder="Time", initial_time="23:59", timezone="Europe/Berlin"),
]
DATETIME = sdk.DateTimePickerElement(initial_date_time=1_628_633_820, confirm=CONFIRM)
MODAL_INPUTS = [
    sdk.EmailInputElement(placeholder="Mail", initial_value="dana@acme.com"),
    sdk.UrlInputElement(placeholder="Link", initial_value="https://example.com"),
    sdk.NumberInputElement(is_decimal_allowed=True, min_value=-1, initial_value=2.5, max_value=10),
    FileInputElement(filetypes=["csv"], max_files=10),
    sdk.ConversationSelectElement(response_url_enabled=True, default_to_current_conversation=True),
    sdk.ConversationMultiSelectElement(default_to_current_conversation=True),
    sdk.ChannelSelectElement(response_url_enabled=True),
]
RICH_INPUT = sdk.RichTextInputElement(action_id="rich", initial_value=RICH_TEXT_VALUE, min_lines=1, max_lines=3)
LINE_INPUT = sdk.PlainTextInputElement(
    placeholder="Name", initial_value="", multiline=True, min_length=1, max_length=3000, dispatch_action_config=ON_ENTER
)
WORKFLOW = WorkflowButtonElement(
    text="Run",
    action_id="run",
    style="danger",
    workflow={"trigger": {"url": "https://slack.com/shortcuts/Ft0/1", "customizable_input_parameters": []}},
)
FEEDBACK = sdk.FeedbackButtonsElement(
    positive_button={"text": TITLE.to_dict(), "value": "+", "accessibility_label": "Good"},
    negative_button={"text": TITLE.to_dict(), "value": "-"},
)
TRASH = sdk.IconButtonElement(icon="trash", text="Delete", visible_to_user_ids=["U0DANA"], confirm=CONFIRM)
CARD = sdk.CardBlock(title="Northwind", subtitle="Scale", body="+$420", hero_image=PICTURE, actions=[BUTTON])
CELLS = [
    {"type": "raw_text", "text": "Northwind"},
    {"type": "raw_number", "value": -420.5, "text": "−$420.50"},
    {"type": "rich_text", "elements": RICH_TEXT_VALUE.to_dict()["elements"]},
]
TABLE = sdk.TableBlock(rows=[CELLS[:2], CELLS], column_settings=[{"align": "right", "is_wrapped": True}, None])


def section(accessory: JsonObject) -> JsonObject:
    return sdk.SectionBlock(text=NOTE, accessory=accessory)


def inputs(element: JsonObject) -> JsonObject:
    return sdk.InputBlock(label="Label", element=element, hint="Hint", optional=True, dispatch_action=False)


def chart(kind: str, **parts: Any) -> Json:
    return {"type": "data_visualization", "block_id": "chart", "title": "MRR", "chart": {"type": kind, **parts}}


def points(*labels: str) -> list[Json]:
    return [{"label": label, "value": -1.5} for label in labels]


AXES = {"categories": ["Mon", "Tue"], "x_label": "Day", "y_label": "USD"}
SERIES = [{"name": "New", "data": points("Mon", "Tue")}, {"name": "Lost", "data": points("Tue", "Mon")}]
CHARTS = [
    chart("pie", segments=[{"label": "New", "value": 1}, {"label": "Lost", "value": 0.5}]),
    *(chart(kind, series=SERIES, axis_config=AXES) for kind in ("bar", "line", "area")),
    chart("line", series=[{"name": "MRR", "data": points("Mon")}], axis_config={"categories": ["Mon"]}),
]
DATA_TABLE = {
    "type": "data_table",
    "caption": "Movements",
    "rows": [CELLS[:2], CELLS[1:]],
    "page_size": 100,
    "row_header_column_index": 1,
}

MESSAGE: tuple[Surface, ...] = ("message", "ephemeral")
VIEWS: tuple[Surface, ...] = ("modal", "home")
NOT_UNFURLED: tuple[Surface, ...] = (*MESSAGE, *VIEWS)
EVERYWHERE: tuple[Surface, ...] = (*NOT_UNFURLED, "unfurl")

GOOD: list[tuple[JsonObject | Json, tuple[Surface, ...]]] = [
    (sdk.DividerBlock(block_id="line"), EVERYWHERE),
    (sdk.HeaderBlock(text="MRR"), EVERYWHERE),
    (sdk.SectionBlock(text=NOTE, fields=[NOTE, TITLE] * 5, expand=True), EVERYWHERE),
    (sdk.SectionBlock(fields=[NOTE]), EVERYWHERE),
    *((section(element), EVERYWHERE) for element in (BUTTON, LINK_BUTTON, OVERFLOW, PICTURE, FILED_PICTURE)),
    *((section(element), EVERYWHERE) for element in (*SELECTS, *PICKERS)),
    (section(WORKFLOW), MESSAGE),
    (sdk.ImageBlock(image_url="https://example.com/a.png", alt_text="A", title="Chart"), EVERYWHERE),
    (sdk.ImageBlock(slack_file={"url": "https://files.slack.com/files-pri/T0-F0/a.png"}, alt_text="A"), EVERYWHERE),
    (sdk.ContextBlock(elements=[NOTE, TITLE, PICTURE, FILED_PICTURE]), EVERYWHERE),
    (sdk.ActionsBlock(elements=[BUTTON, LINK_BUTTON, OVERFLOW, *SELECTS, *PICKERS]), EVERYWHERE),
    (sdk.ActionsBlock(elements=[DATETIME]), (*MESSAGE, "modal")),
    (sdk.ActionsBlock(elements=[WORKFLOW]), MESSAGE),
    *((inputs(element), NOT_UNFURLED) for element in (LINE_INPUT, *SELECTS, *PICKERS)),
    *((inputs(element), ("modal",)) for element in MODAL_INPUTS),
    (inputs(DATETIME), (*MESSAGE, "modal")),
    (inputs(RICH_INPUT), VIEWS),
    (RICH_TEXT, NOT_UNFURLED),
    (sdk.RichTextBlock(elements=[sdk.RichTextSectionElement(elements=[])]), NOT_UNFURLED),
    (sdk.MarkdownBlock(text="# MRR"), MESSAGE),
    (
        sdk.VideoBlock(
            alt_text="V",
            title="Video",
            video_url="https://example.com/v",
            thumbnail_url="https://example.com/t.png",
            title_url="https://example.com",
            description="Short",
            provider_name="Example",
            provider_icon_url="https://example.com/i.png",
            author_name="Dana",
        ),
        EVERYWHERE,
    ),
    (sdk.FileBlock(external_id="F-1"), MESSAGE),
    (sdk.AlertBlock(text="Careful", level="warning"), ("modal",)),
    (CARD, NOT_UNFURLED),
    (sdk.CarouselBlock(elements=[CARD, CARD]), (*MESSAGE, "home")),
    (sdk.ContextActionsBlock(elements=[FEEDBACK, TRASH]), MESSAGE),
    (TABLE, (*MESSAGE, "home")),
    (
        sdk.ContainerBlock(
            title="Sources",
            subtitle="Three",
            rich_text_title=RICH_TEXT_VALUE,
            icon=PICTURE,
            width="wide",
            is_collapsible=True,
            default_collapsed=True,
            child_blocks=[sdk.SectionBlock(text=NOTE), TABLE, inputs(LINE_INPUT)],
        ),
        (*MESSAGE, "home"),
    ),
    ({"type": "card", "slack_icon": {"type": "icon", "name": "star"}, "body": NOTE.to_dict()}, NOT_UNFURLED),
    (DATA_TABLE, (*MESSAGE, "home")),
    *((block, MESSAGE) for block in CHARTS),
]
PAYLOADS = [(block.to_dict() if isinstance(block, JsonObject) else block, surfaces) for block, surfaces in GOOD]


def named(payloads: list[tuple[Json, tuple[Surface, ...]]]) -> list[Any]:
    """Name each case by the block and its first element."""
    cases = []
    for block, surfaces in payloads:
        inner = block.get("element") or block.get("accessory") or block.get("chart") or {}
        cases.append(pytest.param(block, surfaces, id=f"{block['type']}-{inner.get('type', '')}"))
    return cases


def errors_of(blocks: Any, surface: Surface = "message") -> list[str]:
    try:
        validate_blocks(blocks, surface=surface)
    except InvalidBlocks as refused:
        return refused.errors
    return []


def view_errors(view: Any) -> list[str]:
    try:
        validate_view(view)
    except InvalidBlocks as refused:
        return refused.errors
    return []


def objects(value: Any, pointer: str) -> Iterator[tuple[Json, str]]:
    """List every object in a payload, with its pointer."""
    if isinstance(value, dict):
        yield value, pointer
    for key, content in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(content, dict | list):
            yield from objects(content, f"{pointer}/{key}")


@pytest.mark.parametrize(("block", "surfaces"), named(PAYLOADS))
def test_a_good_block_passes_on_its_surfaces_and_is_unsupported_on_the_others(
    block: Json, surfaces: tuple[Surface, ...]
) -> None:
    for surface in EVERYWHERE:
        errors = errors_of([block], surface)
        if surface in surfaces:
            assert errors == []
        else:
            assert errors
            assert "unsupported type: " in errors[0] or "invalid additional property: " in errors[0]


def test_the_good_payloads_hold_every_type_that_the_catalog_knows() -> None:
    offered: list[Mapping[str, Any]] = [
        catalog.BLOCKS,
        catalog.ACTIONS,
        catalog.ACCESSORIES,
        catalog.INPUTS,
        catalog.CONTEXT,
    ]
    offered += [catalog.CONTEXT_ACTIONS, catalog.RICH_TEXT, catalog.INLINE, catalog.CELL.shapes, catalog.CHART.shapes]
    used = {found["type"] for block, _ in PAYLOADS for found, _ in objects(block, "") if "type" in found}
    assert {name for shapes in offered for name in shapes} <= used


@pytest.mark.parametrize(("block", "surfaces"), named(PAYLOADS))
def test_a_field_that_slack_does_not_know_is_refused_in_any_object(block: Json, surfaces: tuple[Surface, ...]) -> None:
    for index in range(len(list(objects([block], "")))):
        blocks = [copy.deepcopy(block)]
        target, pointer = list(objects(blocks, "/blocks"))[index]
        target["surprise"] = 1
        assert f"invalid additional property: surprise [json-pointer:{pointer}]" in errors_of(blocks, surfaces[0])


@pytest.mark.parametrize(("block", "surfaces"), named(PAYLOADS))
def test_null_is_no_value_for_any_field(block: Json, surfaces: tuple[Surface, ...]) -> None:
    for index, (found, pointer) in enumerate(objects([block], "/blocks")):
        for name in found:
            blocks = [copy.deepcopy(block)]
            list(objects(blocks, ""))[index][0][name] = None
            assert any(error.endswith(f"[json-pointer:{pointer}/{name}]") for error in errors_of(blocks, surfaces[0]))


# ---- What Slack refuses, and its words ----


def plain(length: int = 1) -> Json:
    return {"type": "plain_text", "text": "x" * length}


def mrkdwn(length: int = 1) -> Json:
    return {"type": "mrkdwn", "text": "x" * length}


def option(value: str = "a", length: int = 1, **more: Any) -> Json:
    return {"text": plain(length), "value": value, **more}


def button(**more: Any) -> Json:
    return {"type": "button", "text": plain(), **more}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def select(kind: str = "static_select", **more: Any) -> Json:
    return {"type": kind, **more}


def field(element: Json, **more: Any) -> Json:
    return {"type": "input", "label": plain(), "element": element, **more}


def text_section(**more: Any) -> Json:
    return {"type": "section", "text": mrkdwn(), **more}


def picture(**more: Any) -> Json:
    return {"type": "image", "alt_text": "A", "image_url": "https://example.com/a.png", **more}


def cell(length: int = 1) -> Json:
    return {"type": "raw_text", "text": "x" * length}


def table(rows: int = 1, columns: int = 1, length: int = 1, **more: Any) -> Json:
    return {"type": "table", "rows": [[cell(length)] * columns] * rows, **more}


def data_table(*rows: list[Json], **more: Any) -> Json:
    return {"type": "data_table", "caption": "C", "rows": list(rows), **more}


def rich_text(*elements: Json) -> Json:
    return {"type": "rich_text", "elements": list(elements)}


def rich_section(*elements: Json) -> Json:
    return {"type": "rich_text_section", "elements": list(elements)}


def line_chart(**changed: Any) -> Json:
    return chart("line", **{"series": SERIES, "axis_config": AXES, **changed})


def one_series(count: int) -> Json:
    labels = [str(number) for number in range(count)]
    return line_chart(series=[{"name": "a", "data": points(*labels)}], axis_config={"categories": labels})


def many_series(count: int) -> Json:
    return line_chart(series=[{"name": str(number), "data": points("Mon", "Tue")} for number in range(count)])


FILED = {"id": "F0"}
ANY_OF = "failed to match all allowed schemas"
# Each: what is sent, and the errors, their pointers in brackets as they continue `/blocks`.
BAD: dict[Surface, dict[str, tuple[Any, ...]]] = {
    "message": {
        "no list": ({"type": "divider"}, "must provide an array []"),
        "a string": ("[]", "must provide an array []"),
        "51 blocks": ([{"type": "divider"}] * 51, "no more than 50 items allowed []"),
        "block is a string": (["hello"], "must provide an object [/0]"),
        "block without type": ([{}], "missing required field: type [/0]"),
        "type is a list": ([{"type": []}], "must provide a string [/0/type]"),
        "unknown block": ([{"type": "divider"}, {"type": "foo"}], "unsupported type: foo [/1/type]"),
        "task card": ([{"type": "task_card"}], "unsupported type: task_card [/0/type]"),
        "header without text": ([{"type": "header"}], "missing required field: text [/0]"),
        "header in mrkdwn": ([{"type": "header", "text": mrkdwn()}], "unsupported type: mrkdwn [/0/text/type]"),
        "long section": (
            [text_section(text=mrkdwn(3001))],
            f"{ANY_OF} [/0/text]",
            "must be less than 3001 characters [/0/text/text]",
        ),
        "empty text": (
            [text_section(text=mrkdwn(0))],
            f"{ANY_OF} [/0/text]",
            "must be more than 0 characters [/0/text/text]",
        ),
        "emoji in mrkdwn": (
            [text_section(text={**mrkdwn(), "emoji": True})],
            f"{ANY_OF} [/0/text]",
            "invalid additional property: emoji [/0/text]",
        ),
        "verbatim in plain": (
            [text_section(text={**plain(), "verbatim": True})],
            f"{ANY_OF} [/0/text]",
            "invalid additional property: verbatim [/0/text]",
        ),
        "text is a string": ([text_section(text="hi")], "must provide an object [/0/text]"),
        "empty section": ([{"type": "section"}], "must define either `text` or `fields` [/0/type]"),
        "11 fields": ([text_section(fields=[plain()] * 11)], "no more than 10 items allowed [/0/fields]"),
        "no fields": ([text_section(fields=[])], "must provide at least 1 items [/0/fields]"),
        "long field": (
            [text_section(fields=[mrkdwn(2001)])],
            f"{ANY_OF} [/0/fields/0]",
            "must be less than 2001 characters [/0/fields/0/text]",
        ),
        "text on a divider": ([{"type": "divider", "text": plain()}], "invalid additional property: text [/0]"),
        "empty block_id": ([text_section(block_id="")], "must be more than 0 characters [/0/block_id]"),
        "twin block_ids": (
            [text_section(block_id="a"), {"type": "divider", "block_id": "a"}],
            '`block_id` "a" already exists [/1/block_id]',
        ),
        "twin in a container": (
            [
                text_section(block_id="a"),
                {"type": "container", "title": plain(), "child_blocks": [{"type": "divider", "block_id": "a"}]},
            ],
            '`block_id` "a" already exists [/1/child_blocks/0/block_id]',
        ),
        "twin action_ids": (
            [actions(button(action_id="a"), button(action_id="a"))],
            '`action_id` "a" already exists [/0/elements/1/action_id]',
        ),
        "26 actions": ([actions(*[button()] * 26)], "no more than 25 items allowed [/0/elements]"),
        "no actions": ([actions()], "must provide at least 1 items [/0/elements]"),
        "image as action": ([actions(picture())], "unsupported type: image [/0/elements/0/type]"),
        "datetime accessory": (
            [text_section(accessory=select("datetimepicker"))],
            "unsupported type: datetimepicker [/0/accessory/type]",
        ),
        "button style": ([actions(button(style="big"))], "must be a valid enum value [/0/elements/0/style]"),
        "button style null": ([actions(button(style=None))], "must provide a string [/0/elements/0/style]"),
        "disabled button": ([actions(button(disabled=True))], "invalid additional property: disabled [/0/elements/0]"),
        "button text": ([actions(button(text=plain(76)))], "must be less than 76 characters [/0/elements/0/text/text]"),
        "button in mrkdwn": ([actions(button(text=mrkdwn()))], "unsupported type: mrkdwn [/0/elements/0/text/type]"),
        "relative link": (
            [actions(button(url="/reports/1"))],
            r"input must match regex pattern: ^[A-Za-z][A-Za-z0-9+.-]*:\S+$ [/0/elements/0/url]",
        ),
        "confirm without deny": (
            [actions(button(confirm={"title": plain(), "text": mrkdwn(), "confirm": plain()}))],
            "missing required field: deny [/0/elements/0/confirm]",
        ),
        "6 in overflow": (
            [text_section(accessory={"type": "overflow", "options": [option()] * 6})],
            "no more than 5 items allowed [/0/accessory/options]",
        ),
        "11 checkboxes": (
            [actions(select("checkboxes", options=[option()] * 11))],
            "no more than 10 items allowed [/0/elements/0/options]",
        ),
        "11 radio buttons": (
            [actions(select("radio_buttons", options=[option()] * 11))],
            "no more than 10 items allowed [/0/elements/0/options]",
        ),
        "long description": (
            [actions(select(options=[option(description=plain(76))]))],
            "must be less than 76 characters [/0/elements/0/options/0/description/text]",
        ),
        "link in a select": (
            [actions(select(options=[option(url="https://example.com")]))],
            "invalid additional property: url [/0/elements/0/options/0]",
        ),
        "mrkdwn in a select": (
            [actions(select(options=[{"text": mrkdwn(), "value": "a"}]))],
            "unsupported type: mrkdwn [/0/elements/0/options/0/text/type]",
        ),
        "no options": (
            [text_section(accessory=select(options=[]))],
            "must provide at least 1 items [/0/accessory/options]",
        ),
        "options missing": ([text_section(accessory=select())], "missing required field: options [/0/accessory]"),
        "options and groups": (
            [
                text_section(
                    accessory=select(options=[option()], option_groups=[{"label": plain(), "options": [option()]}])
                )
            ],
            "must define only one of `options` or `option_groups` [/0/accessory]",
        ),
        "initial option elsewhere": (
            [text_section(accessory=select(options=[option("a")], initial_option=option("b")))],
            "must be one of the provided options [/0/accessory/initial_option]",
        ),
        "initial option null": (
            [text_section(accessory=select(options=[option("a")], initial_option=None))],
            "must provide an object [/0/accessory/initial_option]",
        ),
        "initial option not in a group": (
            [
                text_section(
                    accessory=select(
                        option_groups=[{"label": plain(), "options": [option("a")]}], initial_option=option("a", 2)
                    )
                )
            ],
            "must be one of the provided options [/0/accessory/initial_option]",
        ),
        "no initial options": (
            [actions(select("checkboxes", options=[option()], initial_options=[]))],
            "must be one of the provided options [/0/elements/0/initial_options]",
        ),
        "none may be selected": (
            [actions(select("multi_users_select", max_selected_items=0))],
            "must be greater than 1 [/0/elements/0/max_selected_items]",
        ),
        "empty filter": (
            [text_section(accessory=select("conversations_select", filter={}))],
            (
                "must define either `include`, `exclude_external_shared_channels` or `exclude_bot_users`"
                " [/0/accessory/filter]"
            ),
        ),
        "filter of a channels select": (
            [actions(select("channels_select", filter={"exclude_bot_users": True}))],
            "invalid additional property: filter [/0/elements/0]",
        ),
        "twice in a filter": (
            [actions(select("conversations_select", filter={"include": ["im", "im"]}))],
            "Input contains duplicate items [/0/elements/0/filter/include]",
        ),
        "current conversation in a message": (
            [field(select("multi_conversations_select", default_to_current_conversation=True))],
            "invalid additional property: default_to_current_conversation [/0/element]",
        ),
        "wrong date": (
            [actions(select("datepicker", initial_date="2026-13-01"))],
            f"input must match regex pattern: ^{catalog.DATE.pattern}$ [/0/elements/0/initial_date]",
        ),
        "wrong time": (
            [actions(select("timepicker", initial_time="24:00"))],
            "input must match regex pattern: ^([01][0-9]|2[0-3]):[0-5][0-9]$ [/0/elements/0/initial_time]",
        ),
        "time in words": (
            [actions(select("datetimepicker", initial_date_time="now"))],
            "must provide an integer [/0/elements/0/initial_date_time]",
        ),
        "files in a message": ([field(select("file_input"))], "unsupported type: file_input [/0/element/type]"),
        "image without alt": (
            [{"type": "image", "image_url": "https://example.com/a.png"}],
            "missing required field: alt_text [/0]",
        ),
        "image without source": ([{"type": "image", "alt_text": "A"}], "missing required field: image_url [/0]"),
        "image from two sources": (
            [picture(slack_file=FILED)],
            "must define only one of `image_url` or `slack_file` [/0]",
        ),
        "slack icon without name": (
            [{"type": "card", "title": plain(), "slack_icon": {"type": "icon"}}],
            "missing required field: name [/0/slack_icon]",
        ),
        "11 in context": (
            [{"type": "context", "elements": [mrkdwn()] * 11}],
            "no more than 10 items allowed [/0/elements]",
        ),
        "button in context": (
            [{"type": "context", "elements": [button()]}],
            "unsupported type: button [/0/elements/0/type]",
        ),
        "alert in a message": ([{"type": "alert", "text": plain()}], "unsupported type: alert [/0/type]"),
        "rich text unknown": (
            [rich_text(rich_section({"type": "mention"}))],
            "unsupported type: mention [/0/elements/0/elements/0/type]",
        ),
        "rich text empty": (
            [rich_text(rich_section({"type": "text", "text": ""}))],
            "must be more than 0 characters [/0/elements/0/elements/0/text]",
        ),
        "list in a list": (
            [rich_text({"type": "rich_text_list", "style": "bullet", "elements": [{"type": "rich_text_list"}]})],
            "unsupported type: rich_text_list [/0/elements/0/elements/0/type]",
        ),
        "markdown in all": (
            [{"type": "markdown", "text": "x" * 6000}, {"type": "markdown", "text": "x" * 6001}],
            "must be less than 12001 characters [/1/text]",
        ),
        "two tables": ([table(), table()], "only_one_table_allowed [/1]"),
        "101 rows": ([table(101)], "no more than 100 items allowed [/0/rows]"),
        "21 cells": ([table(1, 21)], "no more than 20 items allowed [/0/rows/0]"),
        "empty cell": ([table(length=0)], "must be more than 0 characters [/0/rows/0/0/text]"),
        "long table": ([table(2, 1, 5001)], "must be less than 10001 characters [/0/rows]"),
        "21 column settings": (
            [table(column_settings=[None] * 21)],
            "no more than 20 items allowed [/0/column_settings]",
        ),
        "header only": ([data_table([cell()])], "must provide at least 2 items [/0/rows]"),
        "uneven rows": (
            [data_table([cell()], [cell(), cell()])],
            "must have as many cells as the header: 1 [/0/rows/1]",
        ),
        "rich header": ([data_table([rich_text()], [cell()])], "unsupported type: rich_text [/0/rows/0/0/type]"),
        "row header beyond": (
            [data_table([cell()], [cell()], row_header_column_index=1)],
            "must be less than 1 [/0/row_header_column_index]",
        ),
        "column settings of a data table": (
            [data_table([cell()], [cell()], column_settings=[])],
            "invalid additional property: column_settings [/0]",
        ),
        "number without text": (
            [table(rows=0) | {"rows": [[{"type": "raw_number", "value": 1}]]}],
            "missing required field: text [/0/rows/0/0]",
        ),
        "three charts": (
            [{**line_chart(), "block_id": str(number)} for number in range(3)],
            "no more than 2 data_visualization blocks allowed [/2]",
        ),
        "long chart title": ([{**line_chart(), "title": "x" * 51}], "must be less than 51 characters [/0/title]"),
        "unknown chart": ([chart("donut")], "unsupported type: donut [/0/chart/type]"),
        "7 series": ([many_series(7)], "no more than 6 items allowed [/0/chart/series]"),
        "7 segments": (
            [chart("pie", segments=[{"label": "a", "value": 1}] * 7)],
            "no more than 6 items allowed [/0/chart/segments]",
        ),
        "21 points": (
            [one_series(21)],
            "no more than 20 items allowed [/0/chart/series/0/data]",
            "no more than 20 items allowed [/0/chart/axis_config/categories]",
        ),
        "long label": (
            [chart("pie", segments=[{"label": "x" * 21, "value": 1}])],
            "must be less than 21 characters [/0/chart/segments/0/label]",
        ),
        "nothing of a pie": (
            [chart("pie", segments=[{"label": "a", "value": 0}])],
            "must be greater than 0 [/0/chart/segments/0/value]",
        ),
        "value in words": (
            [chart("pie", segments=[{"label": "a", "value": "1"}])],
            "must provide a number [/0/chart/segments/0/value]",
        ),
        "value not finite": (
            [chart("pie", segments=[{"label": "a", "value": float("nan")}])],
            "must provide a number [/0/chart/segments/0/value]",
        ),
        "a point missing": (
            [line_chart(series=[{"name": "New", "data": points("Mon")}])],
            "must have one value for each of `axis_config.categories` [/0/chart/series/0/data]",
        ),
        "a point twice": (
            [line_chart(series=[{"name": "New", "data": points("Mon", "Mon")}])],
            "must have one value for each of `axis_config.categories` [/0/chart/series/0/data]",
        ),
        "series of one name": (
            [line_chart(series=[SERIES[0], SERIES[0]])],
            "Input contains duplicate items [/0/chart/series]",
        ),
        "chart without axes": ([chart("bar", series=SERIES)], "missing required field: axis_config [/0/chart]"),
        "empty card": ([{"type": "card"}], "must define either `hero_image`, `title`, `actions` or `body` [/0/type]"),
        "card of two icons": (
            [{"type": "card", "title": plain(), "icon": picture(), "slack_icon": {"type": "icon", "name": "star"}}],
            "must define only one of `icon` or `slack_icon` [/0]",
        ),
        "no cards": ([{"type": "carousel", "elements": []}], "must provide at least 1 items [/0/elements]"),
        "divider in a carousel": (
            [{"type": "carousel", "elements": [{"type": "divider"}]}],
            "unsupported type: divider [/0/elements/0/type]",
        ),
        "container in a container": (
            [{"type": "container", "title": plain(), "child_blocks": [{"type": "container"}]}],
            "unsupported type: container [/0/child_blocks/0/type]",
        ),
        "two things wrong": (
            [{"type": "header", "text": plain(151)}, {"type": "foo"}],
            "must be less than 151 characters [/0/text/text]",
            "unsupported type: foo [/1/type]",
        ),
    },
    "ephemeral": {"51 ephemeral": ([{"type": "divider"}] * 51, "no more than 50 items allowed []")},
    "home": {
        "101 in a view": ([{"type": "divider"}] * 101, "no more than 100 items allowed []"),
        "response_url on home": (
            [field(select("channels_select", response_url_enabled=True))],
            "invalid additional property: response_url_enabled [/0/element]",
        ),
        "files on home": ([field(select("file_input"))], "unsupported type: file_input [/0/element/type]"),
        "chart on home": ([line_chart()], "unsupported type: data_visualization [/0/type]"),
    },
    "modal": {
        "none in a view": ([], "must provide at least 1 items []"),
        "input as action": (
            [actions(select("plain_text_input"))],
            "unsupported type: plain_text_input [/0/elements/0/type]",
        ),
        "button as input": ([field(button())], "unsupported type: button [/0/element/type]"),
        "overflow as input": (
            [field({"type": "overflow", "options": [option()]})],
            "unsupported type: overflow [/0/element/type]",
        ),
        "response_url in actions": (
            [actions(select("conversations_select", response_url_enabled=True))],
            "invalid additional property: response_url_enabled [/0/elements/0]",
        ),
        "lengths crossed": (
            [field(select("plain_text_input", min_length=5, max_length=4))],
            "must not be greater than `max_length` [/0/element/min_length]",
        ),
        "numbers crossed": (
            [field(select("number_input", is_decimal_allowed=False, min_value="10", max_value="9"))],
            "must not be greater than `max_value` [/0/element/min_value]",
        ),
        "number as a number": (
            [field(select("number_input", is_decimal_allowed=False, initial_value=1))],
            "must provide a string [/0/element/initial_value]",
        ),
        "flag in words": (
            [field(select("plain_text_input", multiline="yes"))],
            "must be a boolean [/0/element/multiline]",
        ),
        "11 files": ([field(select("file_input", max_files=11))], "must be less than 10 [/0/element/max_files]"),
        "files dispatched": (
            [field(select("file_input"), dispatch_action=True)],
            "must not be true for a `file_input` [/0/dispatch_action]",
        ),
        "label in mrkdwn": ([field(select("datepicker"), label=mrkdwn())], "unsupported type: mrkdwn [/0/label/type]"),
        "markdown in a modal": ([{"type": "markdown", "text": "a"}], "unsupported type: markdown [/0/type]"),
        "long alert": (
            [{"type": "alert", "text": plain(201)}],
            f"{ANY_OF} [/0/text]",
            "must be less than 201 characters [/0/text/text]",
        ),
    },
    "unfurl": {"rich text unfurled": ([rich_text()], "unsupported type: rich_text [/0/type]")},
}


def framed(errors: tuple[str, ...], pointer: str) -> list[str]:
    """Write `words [/0]` as Slack does: `words [json-pointer:/blocks/0]`."""
    return [f"[json-pointer:{pointer}".join(error.rsplit("[", 1)) for error in errors]


@pytest.mark.parametrize(("surface", "name"), [(surface, name) for surface, rows in BAD.items() for name in rows])
def test_a_bad_payload_is_refused_in_slacks_words(surface: Surface, name: str) -> None:
    blocks, *expected = BAD[surface][name]
    assert errors_of(blocks, surface) == framed(tuple(expected), "/blocks")


def test_the_limits_themselves_are_allowed() -> None:
    assert errors_of([{"type": "divider"}] * 50) == []
    assert errors_of([{"type": "divider"}] * 100, "modal") == []
    assert errors_of([]) == []
    assert errors_of([table(100, 20) | {"rows": [[cell()] * 20] * 100}]) == []
    assert errors_of([data_table(*[[cell()]] * 101)]) == []
    assert errors_of([many_series(6), {**one_series(20), "block_id": "b"}]) == []
    assert errors_of([{"type": "markdown", "text": "x" * 6000}] * 2) == []
    assert errors_of([actions(button(action_id="a")), actions(button(action_id="a"))]) == []


def test_a_pointer_starts_where_the_blocks_stand_in_the_call() -> None:
    with pytest.raises(InvalidBlocks) as refused:
        validate_blocks([{"type": "foo"}], surface="unfurl", pointer="/attachments/0/blocks")
    assert refused.value.errors == ["unsupported type: foo [json-pointer:/attachments/0/blocks/0/type]"]
    assert str(refused.value) == refused.value.errors[0]


# ---- Views ----


def modal(*blocks: Json, **more: Any) -> Json:
    return {"type": "modal", "title": plain(), "blocks": list(blocks) or [{"type": "divider"}], **more}


def home(*blocks: Json, **more: Any) -> Json:
    return {"type": "home", "blocks": list(blocks) or [{"type": "divider"}], **more}


NAME = field(select("plain_text_input"))
FOCUSED = field(select("plain_text_input", focus_on_load=True))

GOOD_VIEWS = {
    "a form": View(
        type="modal",
        title="New destination",
        submit="Save",
        close="Cancel",
        callback_id="destination",
        external_id="one",
        private_metadata='{"id": 1}',
        clear_on_close=True,
        notify_on_close=True,
        blocks=[sdk.InputBlock(label="Name", element=LINE_INPUT)],
    ).to_dict(),
    "nothing to submit": modal(),
    "a home tab": View(
        type="home", callback_id="home", private_metadata="x", blocks=[sdk.HeaderBlock(text="MRR")]
    ).to_dict(),
    "an input on home": home(NAME),
    "one focus": modal(FOCUSED, NAME, submit=plain()),
}
# Each: the view, and the errors likewise, continuing `/view`; a view that matches neither kind is announced first.
BAD_VIEWS: dict[str, tuple[Any, ...]] = {
    "no object": ([], "must provide an object []"),
    "no type": ({"blocks": []}, "missing required field: type []"),
    "another type": ({"type": "workflow_step"}, "unsupported type: workflow_step [/type]"),
    "no title": (
        {"type": "modal", "blocks": [{"type": "divider"}]},
        f"{ANY_OF} []",
        "missing required field: title []",
    ),
    "no blocks": ({"type": "home"}, f"{ANY_OF} []", "missing required field: blocks []"),
    "long title": (modal(title=plain(25)), f"{ANY_OF} []", "must be less than 25 characters [/title/text]"),
    "title in mrkdwn": (modal(title=mrkdwn()), f"{ANY_OF} []", "unsupported type: mrkdwn [/title/type]"),
    "long submit": (modal(submit=plain(25)), f"{ANY_OF} []", "must be less than 25 characters [/submit/text]"),
    "long close": (modal(close=plain(25)), f"{ANY_OF} []", "must be less than 25 characters [/close/text]"),
    "long metadata": (
        modal(private_metadata="x" * 3001),
        f"{ANY_OF} []",
        "must be less than 3001 characters [/private_metadata]",
    ),
    "long callback": (modal(callback_id="x" * 256), f"{ANY_OF} []", "must be less than 256 characters [/callback_id]"),
    "submit on home": (home(submit=plain()), f"{ANY_OF} []", "invalid additional property: submit []"),
    "close on home": (home(close=plain()), f"{ANY_OF} []", "invalid additional property: close []"),
    "title on home": (home(title=plain()), f"{ANY_OF} []", "invalid additional property: title []"),
    "state sent back": (modal(state={}), f"{ANY_OF} []", "invalid additional property: state []"),
    "101 blocks": (modal(*[{"type": "divider"}] * 101), f"{ANY_OF} []", "no more than 100 items allowed [/blocks]"),
    "a chart": (modal(line_chart()), f"{ANY_OF} []", "unsupported type: data_visualization [/blocks/0/type]"),
    "11 fields": (
        modal({"type": "divider"}, text_section(fields=[plain()] * 11)),
        f"{ANY_OF} []",
        "no more than 10 items allowed [/blocks/1/fields]",
    ),
    "no submit": (
        modal({"type": "divider"}, NAME),
        "must define `submit` to use an `input` block in modals [/blocks/1/input]",
    ),
    "two focused": (
        modal(FOCUSED, FOCUSED, submit=plain()),
        "can only be true for one element [/blocks/1/element/focus_on_load]",
    ),
    "twin block_ids": (
        modal({**NAME, "block_id": "a"}, {**NAME, "block_id": "a"}, submit=plain()),
        '`block_id` "a" already exists [/blocks/1/block_id]',
    ),
}


@pytest.mark.parametrize("name", GOOD_VIEWS)
def test_a_good_view_passes(name: str) -> None:
    assert view_errors(GOOD_VIEWS[name]) == []


@pytest.mark.parametrize("name", BAD_VIEWS)
def test_a_bad_view_is_refused_in_slacks_words(name: str) -> None:
    view, *expected = BAD_VIEWS[name]
    assert view_errors(view) == framed(tuple(expected), "/view")


# ---- Anything else ----

NAMES = ["type", "text", "elements", "element", "accessory", "fields", "options", "initial_option", "rows", "blocks"]
NAMES += ["label", "value", "chart", "series", "data", "axis_config", "categories", "action_id", "block_id", "title"]
TYPES = [*catalog.BLOCKS, *catalog.ACTIONS, *catalog.INPUTS, *catalog.RICH_TEXT, "plain_text", "mrkdwn", "pie", "line"]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(TYPES)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), inner),
    max_leaves=25,
)


@given(value=ANYTHING, surface=st.sampled_from(EVERYWHERE))
def test_whatever_is_sent_is_taken_or_refused_but_never_breaks(value: Any, surface: Surface) -> None:
    errors_of(value, surface)
    errors_of([value], surface)
    view_errors(value)
    view_errors({"type": "modal", "title": plain(), "blocks": [value]})


@given(data=st.data(), value=ANYTHING)
def test_a_good_payload_with_one_thing_replaced_never_breaks(data: st.DataObject, value: Any) -> None:
    block, surfaces = data.draw(st.sampled_from(PAYLOADS))
    blocks = [copy.deepcopy(block)]
    target, _ = data.draw(st.sampled_from(list(objects(blocks, ""))))
    target[data.draw(st.sampled_from(sorted(target)))] = value
    errors_of(blocks, surfaces[0])


# ---- The same limits as Slack's own models ----


def in_section(element: Json) -> list[Json]:
    return [text_section(accessory=element)]


def in_input(element: Json) -> list[Json]:
    return [field(element)]


def as_option(one: Json) -> list[Json]:
    return in_section(select(options=[one]))


def as_group(group: Json) -> list[Json]:
    return in_section(select(option_groups=[group]))


def as_confirm(confirm: Json) -> list[Json]:
    return in_section(button(confirm=confirm))


def as_feedback(one: Json) -> list[Json]:
    buttons = {"positive_button": one, "negative_button": one}
    return [{"type": "context_actions", "elements": [{"type": "feedback_buttons", **buttons}]}]


def confirm(**lengths: int) -> Json:
    sizes = {"title": 1, "text": 1, "confirm": 1, "deny": 1, **lengths}
    return {name: plain(length) for name, length in sizes.items()}


def group(label: int = 1, options: int = 1) -> Json:
    return {"label": plain(label), "options": [option()] * options}


def video(title: int = 1, **more: Any) -> Json:
    urls = {"video_url": "https://example.com/v", "thumbnail_url": "https://example.com/t.png"}
    return {"type": "video", "alt_text": "V", "title": plain(title), **urls, **more}


def url(length: int) -> str:
    return "https://example.com/".ljust(length, "x")


Limit = tuple[type[JsonObject], str, Callable[[int], Json], Callable[[Json], list[Json]] | None]


def selects(model: type[JsonObject], kind: str) -> list[Limit]:
    return [
        (model, "options_max_length", lambda n: select(kind, options=[option()] * n), in_section),
        (model, "option_groups_max_length", lambda n: select(kind, option_groups=[group()] * n), in_section),
    ]


def itself(block: Json) -> list[Json]:
    return [block]


# Each: the model, its limit, a payload of that size, and how it stands in blocks.
LIMITS: list[Limit] = [
    (sdk.Block, "block_id_max_length", lambda n: {"type": "divider", "block_id": "x" * n}, itself),
    (sdk.SectionBlock, "text_max_length", lambda n: {"type": "section", "text": plain(n)}, itself),
    (sdk.SectionBlock, "fields_max_length", lambda n: {"type": "section", "fields": [plain()] * n}, itself),
    (sdk.ImageBlock, "image_url_max_length", lambda n: picture(image_url=url(n)), itself),
    (sdk.ImageBlock, "alt_text_max_length", lambda n: picture(alt_text="x" * n), itself),
    (sdk.ImageBlock, "title_max_length", lambda n: picture(title=plain(n)), itself),
    (sdk.ActionsBlock, "elements_max_length", lambda n: actions(*[button()] * n), itself),
    (sdk.ContextBlock, "elements_max_length", lambda n: {"type": "context", "elements": [plain()] * n}, itself),
    (
        sdk.ContextActionsBlock,
        "elements_max_length",
        lambda n: {"type": "context_actions", "elements": [TRASH.to_dict()] * n},
        itself,
    ),
    (sdk.InputBlock, "label_max_length", lambda n: field(select("datepicker"), label=plain(n)), itself),
    (sdk.InputBlock, "hint_max_length", lambda n: field(select("datepicker"), hint=plain(n)), itself),
    (sdk.HeaderBlock, "text_max_length", lambda n: {"type": "header", "text": plain(n)}, itself),
    (sdk.MarkdownBlock, "text_max_length", lambda n: {"type": "markdown", "text": "x" * n}, itself),
    (sdk.VideoBlock, "title_max_length", video, itself),
    (sdk.VideoBlock, "author_name_max_length", lambda n: video(author_name="x" * n), itself),
    (sdk.CardBlock, "title_max_length", lambda n: {"type": "card", "title": plain(n)}, itself),
    (sdk.CardBlock, "subtitle_max_length", lambda n: {"type": "card", "body": plain(), "subtitle": plain(n)}, itself),
    (sdk.CardBlock, "body_max_length", lambda n: {"type": "card", "body": plain(n)}, itself),
    (
        sdk.CarouselBlock,
        "elements_max_length",
        lambda n: {"type": "carousel", "elements": [{"type": "card", "body": plain()}] * n},
        itself,
    ),
    (
        sdk.ContainerBlock,
        "title_max_length",
        lambda n: {"type": "container", "title": plain(n), "child_blocks": [{"type": "divider"}]},
        itself,
    ),
    (
        sdk.ContainerBlock,
        "subtitle_max_length",
        lambda n: {"type": "container", "title": plain(), "subtitle": plain(n), "child_blocks": [{"type": "divider"}]},
        itself,
    ),
    (
        sdk.ContainerBlock,
        "child_blocks_max_length",
        lambda n: {"type": "container", "title": plain(), "child_blocks": [{"type": "divider"}] * n},
        itself,
    ),
    (sdk.InteractiveElement, "action_id_max_length", lambda n: button(action_id="x" * n), in_section),
    (
        sdk.InputInteractiveElement,
        "placeholder_max_length",
        lambda n: select("datepicker", placeholder=plain(n)),
        in_input,
    ),
    (sdk.ButtonElement, "text_max_length", lambda n: button(text=plain(n)), in_section),
    (sdk.ButtonElement, "url_max_length", lambda n: button(url=url(n)), in_section),
    (sdk.ButtonElement, "value_max_length", lambda n: button(value="x" * n), in_section),
    (sdk.ButtonElement, "agent_prompt_max_length", lambda n: button(agent_prompt="x" * n), in_section),
    (sdk.ImageElement, "image_url_max_length", lambda n: picture(image_url=url(n)), in_section),
    (sdk.ImageElement, "alt_text_max_length", lambda n: picture(alt_text="x" * n), in_section),
    (sdk.OverflowMenuElement, "options_max_length", lambda n: select("overflow", options=[option()] * n), in_section),
    *selects(sdk.StaticSelectElement, "static_select"),
    *selects(sdk.StaticMultiSelectElement, "multi_static_select"),
    *selects(sdk.SelectElement, "static_select"),
    (sdk.Option, "label_max_length", lambda n: option(length=n), as_option),
    (sdk.Option, "value_max_length", lambda n: option("x" * n), as_option),
    (sdk.OptionGroup, "label_max_length", group, as_group),
    (sdk.OptionGroup, "options_max_length", lambda n: group(options=n), as_group),
    (sdk.ConfirmObject, "title_max_length", lambda n: confirm(title=n), as_confirm),
    (sdk.ConfirmObject, "text_max_length", lambda n: confirm(text=n), as_confirm),
    (sdk.ConfirmObject, "confirm_max_length", lambda n: confirm(confirm=n), as_confirm),
    (sdk.ConfirmObject, "deny_max_length", lambda n: confirm(deny=n), as_confirm),
    (FeedbackButtonObject, "text_max_length", lambda n: {"text": plain(n), "value": "a"}, as_feedback),
    (FeedbackButtonObject, "value_max_length", lambda n: {"text": plain(), "value": "x" * n}, as_feedback),
    (View, "title_max_length", lambda n: modal(title=plain(n)), None),
    (View, "submit_max_length", lambda n: modal(submit=plain(n)), None),
    (View, "close_max_length", lambda n: modal(close=plain(n)), None),
    (View, "blocks_max_length", lambda n: modal(*[{"type": "divider"}] * n), None),
    (View, "private_metadata_max_length", lambda n: modal(private_metadata="x" * n), None),
    (View, "callback_id_max_length", lambda n: modal(callback_id="x" * n), None),
]
# The base classes are tried by one of those that inherit the limit.
TRIED_BY = {sdk.Block: sdk.DividerBlock, sdk.InteractiveElement: sdk.ButtonElement}
TRIED_BY |= {sdk.InputInteractiveElement: sdk.DatePickerElement}
NOT_OFFERED = {sdk.AuthProviderBlock}


def slack_sdk_takes(model: type[JsonObject], payload: Json) -> bool:
    fields = {name: value for name, value in payload.items() if name != "type" or model is View}
    try:
        TRIED_BY.get(model, model)(**copy.deepcopy(fields)).to_dict()
    except SlackObjectFormationError:
        return False
    return True


@pytest.mark.parametrize("limit", LIMITS, ids=[f"{model.__name__}.{name}" for model, name, _, _ in LIMITS])
def test_a_limit_is_where_slacks_own_models_have_it(limit: Limit) -> None:
    model, name, sized, placed = limit
    most = getattr(model, name)
    for length in (most - 1, most, most + 1):
        payload = sized(length)
        errors = errors_of(placed(payload)) if placed else view_errors(payload)
        assert (not errors) == slack_sdk_takes(model, payload)
    assert slack_sdk_takes(model, sized(most - 1))
    assert not slack_sdk_takes(model, sized(most + 1))


def test_no_limit_of_slacks_models_is_left_out() -> None:
    modules = (basic_components, block_elements, blocks, views)
    models = {model for module in modules for _, model in inspect.getmembers(module, inspect.isclass)}
    limits = {(model, name) for model in models for name in vars(model) if name.endswith("_max_length")}
    known = {(model, name) for model, name in limits if model not in NOT_OFFERED and not name.startswith("_")}
    assert known == {(model, name) for model, name, _, _ in LIMITS}
