"""What a message says: text, blocks, attachments and metadata, read and checked as Slack does."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias

import orjson

from bot.sandbox.arguments import Arguments
from bot.sandbox.blocks import InvalidBlocks, validate_blocks
from bot.sandbox.errors import SlackError, with_messages
from bot.sandbox.fetching import can_fetch
from bot.sandbox.records import Json, Workspace
from bot.sandbox.state import Slack

Surface: TypeAlias = Literal["message", "ephemeral", "unfurl"]

NOT_SHOWN: Mapping[str, frozenset[str]] = {
    "charts": frozenset(),
    "pictures": frozenset({"data_visualization"}),
    "words": frozenset({"data_visualization", "table"}),
}
"""The blocks that a workspace does not have yet, by what its messages show."""
MOST_ATTACHMENTS = 100
MOST_METADATA = 8_000
MOST_MARKDOWN = 12_000
BLOCK_ERRORS = frozenset({"invalid_blocks", "invalid_blocks_format"})
METADATA_ERRORS = frozenset({"invalid_metadata_format", "invalid_metadata_schema", "metadata_too_large"})
INTERACTIVE_LISTS = {"actions": ("elements",), "context_actions": ("elements",), "card": ("actions",)}
BLOCK_LISTS = {"container": ("child_blocks",), "carousel": ("elements",)}
CONTENT_ERRORS = BLOCK_ERRORS | {"no_text", "markdown_text_conflict", "too_many_attachments"}


def text(args: Arguments) -> str:
    """Read the text, or the Markdown that stands in its place."""
    markdown = args.text("markdown_text")
    if not markdown:
        return args.text("text") or ""
    if args.text("text") or args.present & {"blocks"}:
        raise SlackError("markdown_text_conflict")
    if len(markdown) > MOST_MARKDOWN:
        raise with_messages("invalid_arguments", [f"must be less than {MOST_MARKDOWN + 1} characters"])
    return markdown


def blocks(slack: Slack, args: Arguments, *, surface: Surface) -> list[Json] | None:
    """Read and check the blocks; None when there are none."""
    given = args.structure("blocks", code="invalid_blocks_format")
    return None if given is None else _checked(slack, given, surface=surface, pointer="/blocks")


def _checked(slack: Slack, given: Any, *, surface: Surface, pointer: str) -> list[Json]:
    try:
        validate_blocks(given, surface=surface, pointer=pointer)
    except InvalidBlocks as refused:
        raise with_messages("invalid_blocks", refused.errors) from refused
    refuse_unknown_files(slack, given, pointer=pointer)
    return with_ids(slack, given)


def refuse_unknown_files(slack: Slack, given: list[Json], *, pointer: str, code: str = "invalid_blocks") -> None:
    """Raise `code` where an image names a file of Slack's that is none, is no picture, or is not uploaded yet."""
    wrong = [
        f"invalid slack file [json-pointer:{place}]"
        for place, one in _named(given, "slack_file", pointer)
        if not slack.picture(one)
    ]
    if wrong:
        raise with_messages(code, wrong)


async def refuse_unshown(slack: Slack, workspace: Workspace, given: list[Json] | None) -> None:
    """Raise `invalid_blocks` for a block that the workspace does not have, and for a picture that can't be fetched."""
    wrong = _missing(workspace, given)
    for place, url in _named(given, "image_url", "/blocks"):
        if workspace.shows == "words" or not await can_fetch(slack, url):
            wrong.append(f"downloading image failed [json-pointer:{place}]")
    if wrong:
        raise with_messages("invalid_blocks", wrong)


def refuse_pictures(workspace: Workspace, given: list[Json]) -> None:
    """Raise `invalid_arguments` for a picture in a view where the workspace shows none. Slack may not look for it."""
    wrong = [place for place, _ in _named(given, "image_url", "/view/blocks") if workspace.shows == "words"]
    if wrong:
        raise with_messages(
            "invalid_arguments", [f"downloading image failed [json-pointer:{place}]" for place in wrong]
        )


def refuse_charts(workspace: Workspace, given: list[Json] | None) -> None:
    """Raise `invalid_blocks` for a chart or a table where the workspace has none."""
    wrong = _missing(workspace, given)
    if wrong:
        raise with_messages("invalid_blocks", wrong)


def _missing(workspace: Workspace, given: list[Json] | None) -> list[str]:
    lacks = NOT_SHOWN[workspace.shows]
    return [
        f"unsupported type: {block['type']} [json-pointer:/blocks/{index}/type]"
        for index, block in enumerate(given or ())
        if block["type"] in lacks
    ]


def _named(drawn: Any, sought: str, pointer: str) -> Iterator[tuple[str, Any]]:
    """Walk over what has this name, such as the files and addresses of images, wherever they stand."""
    if isinstance(drawn, list):
        for index, one in enumerate(drawn):
            yield from _named(one, sought, f"{pointer}/{index}")
    elif isinstance(drawn, dict):
        for name, value in drawn.items():
            if name == sought:
                yield f"{pointer}/{name}", value
            else:
                yield from _named(value, sought, f"{pointer}/{name}")


def attachments(slack: Slack, args: Arguments) -> list[Json] | None:
    given = args.structure("attachments", code="invalid_arguments")
    if given is None:
        return None
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise with_messages("invalid_arguments", ["must be a list of objects [json-pointer:/attachments]"])
    if len(given) > MOST_ATTACHMENTS:
        raise SlackError("too_many_attachments")
    pointer = "/attachments/{}/blocks"
    return [
        {**attachment(slack, one, surface="message", pointer=pointer.format(index)), "id": index + 1}
        for index, one in enumerate(given)
    ]


def attachment(slack: Slack, given: Json, *, surface: Surface, pointer: str) -> Json:
    """Check an attachment's blocks, and give it the words for where it cannot be shown."""
    if "blocks" not in given:
        return {"fallback": given.get("text", ""), **given}
    blocks = _checked(slack, given["blocks"], surface=surface, pointer=pointer)
    return {"fallback": "[no preview available]", **given, "blocks": blocks}


def metadata(args: Arguments) -> Json | None:
    """Read the metadata; an empty object, which takes earlier metadata away, is answered as it is."""
    given = args.structure("metadata", code="invalid_metadata_format")
    if not given:
        return given if given is None or isinstance(given, dict) else {}
    if not isinstance(given, dict) or not {"event_type", "event_payload"} <= given.keys():
        raise SlackError("invalid_metadata_format")
    if not isinstance(given["event_type"], str) or not isinstance(given["event_payload"], dict):
        raise SlackError("invalid_metadata_schema")
    if len(orjson.dumps(given)) > MOST_METADATA:
        raise SlackError("metadata_too_large")
    return {"event_type": given["event_type"], "event_payload": given["event_payload"]}


def with_ids(slack: Slack, given: list[Json]) -> list[Json]:
    """Fill in the block and action ids that are missing."""
    return [_with_ids(slack, block) for block in given]


def _with_ids(slack: Slack, block: Json) -> Json:
    filled = {**block, "block_id": block.get("block_id") or slack.next_id("b")}
    for part in ("element", "accessory"):
        if part in block:
            filled[part] = _with_action_id(slack, block[part])
    for part in INTERACTIVE_LISTS.get(block["type"], ()):
        if part in block:
            filled[part] = [_with_action_id(slack, element) for element in block[part]]
    for part in BLOCK_LISTS.get(block["type"], ()):
        filled[part] = with_ids(slack, block[part])
    return filled


def _with_action_id(slack: Slack, element: Json) -> Json:
    if element.get("action_id") or element["type"] == "image":
        return element
    return {**element, "action_id": slack.next_id("a")}
