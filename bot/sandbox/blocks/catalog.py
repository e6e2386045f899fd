"""Block Kit as data: every block, element and composition object with its fields, lengths, places and surfaces.

Read `Shape({required fields}, {optional fields}, (rules between them), surfaces=…)`: it has these fields and, beside
`type`, no others. A number is the most characters of a string, or the most items of a list; without `surfaces` it may
stand on every one. The dictionaries that map a `type` to its shape are what may stand in one place.

Sources: docs.slack.dev/reference/block-kit, slack_sdk.models, @slack/types. Where they disagree the narrower limit
stands, so that what passes here passes at Slack. Not offered: `auth_provider`, `call`, `plan`, `task_card`.
"""

from bot.sandbox.blocks.kinds import (
    EVERYWHERE,
    HOMES,
    MESSAGES,
    MODALS,
    UNFURLS,
    Flag,
    Integer,
    Items,
    Kind,
    Number,
    OrNull,
    Shape,
    String,
    Typed,
    one_of,
)
from bot.sandbox.blocks.rules import (
    among_options,
    cell_characters,
    distinct_action_ids,
    distinct_series_names,
    either,
    equal_rows,
    exactly_one,
    files_wait_for_submit,
    in_order,
    not_both,
    one_point_a_category,
    only_on,
    plain_header,
    row_header_is_a_column,
)

Fields = dict[str, Kind]

VIEWS = MODALS | HOMES

ID = String(255)
FLAG = Flag()
URL = String(3000, pattern=r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
WEB_URL = String(3000, pattern=r"https?://\S+")
HTTPS_URL = String(3000, pattern=r"https://\S+")
DATE = String(pattern=r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
TIME = String(pattern=r"([01][0-9]|2[0-3]):[0-5][0-9]")
DECIMAL = String(pattern=r"-?[0-9]+(\.[0-9]+)?")

# ---- Composition objects ----


def plain(most: int) -> Typed:
    return Typed({"plain_text": Shape({"text": String(most)}, {"emoji": FLAG})})


def text(most: int) -> Typed:
    mrkdwn = Shape({"text": String(most)}, {"verbatim": FLAG})
    return Typed({**plain(most).shapes, "mrkdwn": mrkdwn}, announced=True)


STYLE = one_of("primary", "danger")

CONFIRM = Shape({"title": plain(100), "text": text(300), "confirm": plain(30), "deny": plain(30)}, {"style": STYLE})

OPTION = Shape({"text": plain(75), "value": String(150)}, {"description": plain(75)})
MRKDWN_OPTION = Shape({"text": text(75), "value": String(150)}, {"description": text(75)})
LINK_OPTION = Shape(OPTION.required, {**OPTION.optional, "url": URL})
OPTION_GROUP = Shape({"label": plain(75), "options": Items(OPTION, 100)})

CONVERSATION_FILTER = Shape(
    optional={
        "include": Items(one_of("im", "mpim", "private", "public"), distinct=True),
        "exclude_external_shared_channels": FLAG,
        "exclude_bot_users": FLAG,
    },
    rules=(either("include", "exclude_external_shared_channels", "exclude_bot_users"),),
)
DISPATCH_ACTION = Shape(
    {"trigger_actions_on": Items(one_of("on_enter_pressed", "on_character_entered"), 2, distinct=True)}
)
SLACK_FILE = Shape(optional={"id": ID, "url": HTTPS_URL}, rules=(exactly_one("id", "url"),))
WORKFLOW_PARAMETER = Shape({"name": String(), "value": String(least=0)})
WORKFLOW = Shape(
    {"trigger": Shape({"url": HTTPS_URL}, {"customizable_input_parameters": Items(WORKFLOW_PARAMETER, least=0)})}
)
FEEDBACK = Shape({"text": plain(75), "value": String(2000)}, {"accessibility_label": String(75)})

# ---- Rich text ----

INLINE_STYLE = Shape(optional=dict.fromkeys(("bold", "italic", "strike", "underline", "code"), FLAG))
MENTION_STYLE = Shape(
    optional={**INLINE_STYLE.optional, **dict.fromkeys(("highlight", "client_highlight", "unlink"), FLAG)}
)

INLINE = {
    "text": Shape({"text": String()}, {"style": INLINE_STYLE}),
    "link": Shape({"url": URL}, {"text": String(), "unsafe": FLAG, "style": INLINE_STYLE}),
    "user": Shape({"user_id": ID}, {"style": MENTION_STYLE}),
    "usergroup": Shape({"usergroup_id": ID}, {"style": MENTION_STYLE}),
    "channel": Shape({"channel_id": ID}, {"style": MENTION_STYLE}),
    "team": Shape({"team_id": ID}, {"style": MENTION_STYLE}),
    "broadcast": Shape({"range": one_of("here", "channel", "everyone")}, {"style": INLINE_STYLE}),
    "emoji": Shape({"name": String()}, {"skin_tone": Integer(1, 6), "unicode": String(), "style": INLINE_STYLE}),
    "date": Shape(
        {"timestamp": Integer(0), "format": String()}, {"url": URL, "fallback": String(), "style": INLINE_STYLE}
    ),
    "color": Shape({"value": String(pattern="#?[0-9A-Fa-f]{6}")}, {"style": INLINE_STYLE}),
}
IN_CODE = {name: INLINE[name] for name in ("text", "link")}

RICH_SECTION = Shape({"elements": Items(Typed(INLINE), least=0)})
BORDER: Fields = {"border": Integer(0, 1)}

RICH_TEXT = {
    "rich_text_section": RICH_SECTION,
    "rich_text_list": Shape(
        {"style": one_of("bullet", "ordered"), "elements": Items(Typed({"rich_text_section": RICH_SECTION}), least=0)},
        {**BORDER, "indent": Integer(0), "offset": Integer(0)},
    ),
    "rich_text_quote": Shape({"elements": Items(Typed(INLINE), least=0)}, BORDER),
    "rich_text_preformatted": Shape({"elements": Items(Typed(IN_CODE), least=0)}, BORDER),
}
RICH_TEXT_ELEMENTS: Fields = {"elements": Items(Typed(RICH_TEXT), least=0)}
RICH_TEXT_BLOCK = Shape(RICH_TEXT_ELEMENTS, {"block_id": ID}, surfaces=EVERYWHERE - UNFURLS)

# ---- Elements ----

INTERACTIVE: Fields = {"action_id": ID}
CONFIRMED: Fields = {**INTERACTIVE, "confirm": CONFIRM}
FOCUSED: Fields = {**CONFIRMED, "focus_on_load": FLAG}
PICKED: Fields = {**FOCUSED, "placeholder": plain(150)}
PICKED_MANY: Fields = {**PICKED, "max_selected_items": Integer(1)}
TYPED_IN: Fields = {
    **INTERACTIVE,
    "focus_on_load": FLAG,
    "placeholder": plain(150),
    "dispatch_action_config": DISPATCH_ACTION,
}
STATIC: Fields = {"options": Items(OPTION, 100), "option_groups": Items(OPTION_GROUP, 100)}
STATIC_RULE = exactly_one("options", "option_groups")
MIN_QUERY: Fields = {"min_query_length": Integer(0)}
FILTER: Fields = {"filter": CONVERSATION_FILTER}

BUTTON = Shape(
    {"text": plain(75)},
    {
        **CONFIRMED,
        "url": URL,
        "value": String(2000),
        "style": STYLE,
        "accessibility_label": String(75),
        "agent_prompt": String(4000),
        "agent_prompt_display": String(),
        "visible_to_user_ids": Items(ID),
    },
)
IMAGE_SOURCE: Fields = {"image_url": WEB_URL, "slack_file": SLACK_FILE}
IMAGE = Shape({"alt_text": String(2000)}, IMAGE_SOURCE, (exactly_one("image_url", "slack_file"),))
SLACK_ICON = Typed({"icon": Shape({"name": String()})})

PICKERS = {
    "checkboxes": Shape(
        {"options": Items(MRKDWN_OPTION, 10)},
        {**FOCUSED, "initial_options": Items(MRKDWN_OPTION, 10, least=0)},
        (among_options("initial_options"),),
    ),
    "radio_buttons": Shape(
        {"options": Items(MRKDWN_OPTION, 10)},
        {**FOCUSED, "initial_option": MRKDWN_OPTION},
        (among_options("initial_option"),),
    ),
    "datepicker": Shape({}, {**PICKED, "initial_date": DATE}),
    "timepicker": Shape({}, {**PICKED, "initial_time": TIME, "timezone": String()}),
}
DATETIMEPICKER = Shape({}, {**FOCUSED, "initial_date_time": Integer(0, 9_999_999_999)}, surfaces=MESSAGES | MODALS)

SELECTS = {
    "static_select": Shape(
        {}, {**PICKED, **STATIC, "initial_option": OPTION}, (STATIC_RULE, among_options("initial_option"))
    ),
    "external_select": Shape({}, {**PICKED, **MIN_QUERY, "initial_option": OPTION}),
    "users_select": Shape({}, {**PICKED, "initial_user": ID}),
    "conversations_select": Shape({}, {**PICKED, **FILTER, "initial_conversation": ID}),
    "channels_select": Shape({}, {**PICKED, "initial_channel": ID}),
}
MULTI_SELECTS = {
    "multi_static_select": Shape(
        {},
        {**PICKED_MANY, **STATIC, "initial_options": Items(OPTION, least=0)},
        (STATIC_RULE, among_options("initial_options")),
    ),
    "multi_external_select": Shape({}, {**PICKED_MANY, **MIN_QUERY, "initial_options": Items(OPTION)}),
    "multi_users_select": Shape({}, {**PICKED_MANY, "initial_users": Items(ID)}),
    "multi_conversations_select": Shape({}, {**PICKED_MANY, **FILTER, "initial_conversations": Items(ID)}),
    "multi_channels_select": Shape({}, {**PICKED_MANY, "initial_channels": Items(ID)}),
}


def in_modal_inputs(select: Shape, *names: str) -> Shape:
    """Add what a select knows only in an input block of a modal."""
    more = dict.fromkeys(names, FLAG)
    return Shape(select.required, {**select.optional, **more}, (*select.rules, only_on(MODALS, *names)))


INPUTS = {
    "plain_text_input": Shape(
        {},
        {
            **TYPED_IN,
            "initial_value": String(3000, least=0),
            "multiline": FLAG,
            "min_length": Integer(0, 3000),
            "max_length": Integer(1, 3000),
        },
        (in_order("min_length", "max_length"),),
    ),
    "email_text_input": Shape({}, {**TYPED_IN, "initial_value": String(least=0)}, surfaces=MODALS),
    "url_text_input": Shape({}, {**TYPED_IN, "initial_value": String(least=0)}, surfaces=MODALS),
    "number_input": Shape(
        {"is_decimal_allowed": FLAG},
        {**TYPED_IN, "initial_value": DECIMAL, "min_value": DECIMAL, "max_value": DECIMAL},
        (
            in_order("min_value", "max_value"),
            in_order("min_value", "initial_value"),
            in_order("initial_value", "max_value"),
        ),
        surfaces=MODALS,
    ),
    "rich_text_input": Shape(
        {"action_id": ID},
        {
            **TYPED_IN,
            "initial_value": Typed({"rich_text": Shape(RICH_TEXT_ELEMENTS)}),
            "min_lines": Integer(1),
            "max_lines": Integer(1),
        },
        (in_order("min_lines", "max_lines"),),
        surfaces=VIEWS,
    ),
    "file_input": Shape(
        {}, {**INTERACTIVE, "filetypes": Items(String()), "max_files": Integer(1, 10)}, surfaces=MODALS
    ),
    **PICKERS,
    "datetimepicker": DATETIMEPICKER,
    **SELECTS,
    "conversations_select": in_modal_inputs(
        SELECTS["conversations_select"], "response_url_enabled", "default_to_current_conversation"
    ),
    "channels_select": in_modal_inputs(SELECTS["channels_select"], "response_url_enabled"),
    **MULTI_SELECTS,
    "multi_conversations_select": in_modal_inputs(
        MULTI_SELECTS["multi_conversations_select"], "default_to_current_conversation"
    ),
}
BUTTONS = {
    "button": BUTTON,
    "workflow_button": Shape(
        {"text": plain(75), "workflow": WORKFLOW, "action_id": ID},
        {"style": STYLE, "accessibility_label": String(75)},
        surfaces=MESSAGES,
    ),
    "overflow": Shape({"options": Items(LINK_OPTION, 5)}, CONFIRMED),
}
ACTIONS = {**BUTTONS, **PICKERS, "datetimepicker": DATETIMEPICKER, **SELECTS, **MULTI_SELECTS}
ACCESSORIES = {**BUTTONS, **PICKERS, **SELECTS, **MULTI_SELECTS, "image": IMAGE}
CONTEXT = {"image": IMAGE, **text(3000).shapes}
CONTEXT_ACTIONS = {
    "feedback_buttons": Shape({"positive_button": FEEDBACK, "negative_button": FEEDBACK}, INTERACTIVE),
    "icon_button": Shape(
        {"icon": one_of("trash"), "text": plain(75)},
        {
            **CONFIRMED,
            "value": String(2000),
            "accessibility_label": String(75),
            "visible_to_user_ids": Items(ID, 10),
        },
    ),
}

# ---- Tables and charts ----

RAW_CELLS = {
    "raw_text": Shape({"text": String()}),
    "raw_number": Shape({"value": Number(), "text": String()}),
}
CELL = Typed({**RAW_CELLS, "rich_text": Shape(RICH_TEXT_ELEMENTS)})
COLUMN = Shape(optional={"align": one_of("left", "center", "right"), "is_wrapped": FLAG})

# Slack's pages have named 6 and 12; the smaller number passes under either.
SERIES = 6
POINTS = 20
LABEL = String(20)
SEGMENT = Shape({"label": LABEL, "value": Number(above=0)})
POINT = Shape({"label": LABEL, "value": Number()})
AXES = Shape(
    {"categories": Items(LABEL, POINTS, distinct=True)},
    {"x_label": String(50, least=0), "y_label": String(50, least=0)},
)
SERIES_CHART = Shape(
    {"series": Items(Shape({"name": LABEL, "data": Items(POINT, POINTS)}), SERIES), "axis_config": AXES},
    rules=(distinct_series_names, one_point_a_category),
)
CHART = Typed(
    {
        "pie": Shape({"segments": Items(SEGMENT, SERIES)}),
        "bar": SERIES_CHART,
        "line": SERIES_CHART,
        "area": SERIES_CHART,
    }
)

# ---- Blocks ----

BLOCK: Fields = {"block_id": ID}

CARD = Shape(
    {},
    {
        **BLOCK,
        "hero_image": Typed({"image": IMAGE}),
        "icon": Typed({"image": IMAGE}),
        "slack_icon": SLACK_ICON,
        "title": text(150),
        "subtitle": text(150),
        "body": text(200),
        "subtext": text(200),
        "actions": Items(Typed({"button": BUTTON}), 3),
    },
    (
        either("hero_image", "title", "actions", "body", at="type"),
        not_both("icon", "slack_icon"),
        distinct_action_ids("actions"),
    ),
    surfaces=EVERYWHERE - UNFURLS,
)

PLAIN_BLOCKS = {
    "section": Shape(
        {},
        {
            **BLOCK,
            "text": text(3000),
            "fields": Items(text(2000), 10),
            "accessory": Typed(ACCESSORIES),
            "expand": FLAG,
        },
        (either("text", "fields", at="type"),),
    ),
    "divider": Shape({}, BLOCK),
    "header": Shape({"text": plain(150)}, BLOCK),
    "image": Shape(IMAGE.required, {**BLOCK, **IMAGE_SOURCE, "title": plain(2000)}, IMAGE.rules),
    "context": Shape({"elements": Items(Typed(CONTEXT), 10)}, BLOCK),
    "actions": Shape({"elements": Items(Typed(ACTIONS), 25)}, BLOCK, (distinct_action_ids("elements"),)),
    "input": Shape(
        {"label": plain(2000), "element": Typed(INPUTS)},
        {**BLOCK, "hint": plain(2000), "optional": FLAG, "dispatch_action": FLAG},
        (files_wait_for_submit,),
        surfaces=EVERYWHERE - UNFURLS,
    ),
    "rich_text": RICH_TEXT_BLOCK,
    "video": Shape(
        {"alt_text": String(), "title": plain(199), "thumbnail_url": WEB_URL, "video_url": HTTPS_URL},
        {
            **BLOCK,
            "title_url": HTTPS_URL,
            "description": plain(199),
            "provider_icon_url": WEB_URL,
            "provider_name": String(),
            "author_name": String(49),
        },
    ),
    "file": Shape({"external_id": String(), "source": one_of("remote")}, BLOCK, surfaces=MESSAGES),
    "table": Shape(
        {"rows": Items(Items(CELL, 20), 100)},
        {**BLOCK, "column_settings": Items(OrNull(COLUMN), 20, least=0)},
        (cell_characters(10_000),),
        surfaces=MESSAGES | HOMES,
    ),
}

BLOCKS = {
    **PLAIN_BLOCKS,
    "markdown": Shape({"text": String(12_000)}, BLOCK, surfaces=MESSAGES),
    "context_actions": Shape(
        {"elements": Items(Typed(CONTEXT_ACTIONS), 5)}, BLOCK, (distinct_action_ids("elements"),), surfaces=MESSAGES
    ),
    "data_table": Shape(
        {"caption": String(), "rows": Items(Items(CELL, 20), 101, least=2)},
        {**BLOCK, "page_size": Integer(1, 100), "row_header_column_index": Integer(0, 19)},
        (equal_rows, plain_header, row_header_is_a_column, cell_characters(20_000)),
        surfaces=MESSAGES | HOMES,
    ),
    "data_visualization": Shape({"title": String(50), "chart": CHART}, BLOCK, surfaces=MESSAGES),
    "alert": Shape(
        {"text": text(200)},
        {**BLOCK, "level": one_of("default", "info", "warning", "error", "success")},
        surfaces=MODALS,
    ),
    "card": CARD,
    "carousel": Shape({"elements": Items(Typed({"card": CARD}), 10)}, BLOCK, surfaces=MESSAGES | HOMES),
    "container": Shape(
        {"child_blocks": Items(Typed(PLAIN_BLOCKS), 10)},
        {
            **BLOCK,
            "title": plain(150),
            "rich_text_title": Typed({"rich_text": RICH_TEXT_BLOCK}),
            "subtitle": text(150),
            "icon": Typed({"image": IMAGE}),
            "width": one_of("narrow", "standard", "wide", "full"),
            "is_collapsible": FLAG,
            "default_collapsed": FLAG,
            "has_header_divider": FLAG,
        },
        (either("title", "rich_text_title", at="type"),),
        surfaces=MESSAGES | HOMES,
    ),
}

# ---- Whole payloads ----

MESSAGE_BLOCKS = Items(Typed(BLOCKS), 50, least=0)
VIEW_BLOCKS = Items(Typed(BLOCKS), 100)

VIEW: Fields = {
    "private_metadata": String(3000, least=0),
    "callback_id": String(255, least=0),
    "external_id": String(255, least=0),
}
VIEW_TYPES = Typed(
    {
        "modal": Shape(
            {"title": plain(24), "blocks": VIEW_BLOCKS},
            {**VIEW, "submit": plain(24), "close": plain(24), "clear_on_close": FLAG, "notify_on_close": FLAG},
        ),
        "home": Shape({"blocks": VIEW_BLOCKS}, VIEW),
    },
    announced=True,
)
