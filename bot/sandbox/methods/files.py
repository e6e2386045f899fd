"""files.getUploadURLExternal, files.completeUploadExternal and files.info; between the first two come the bytes."""

import secrets
from typing import Any

from bot.sandbox import shapes
from bot.sandbox.errors import SlackError, with_messages
from bot.sandbox.methods import content
from bot.sandbox.methods.method import Ask, Method
from bot.sandbox.records import Channel, File, Json

MOST_ALT_TEXT = 1_000
MOST_BYTES = 4 * 1024 * 1024
UPLOAD_PATH = "/upload/v1"


async def _get_upload_url(ask: Ask) -> Json:
    length = ask.args.number("length", 0, most=MOST_BYTES, code="file_upload_size_restricted")
    if not length:
        raise SlackError("missing_argument")
    alt_text = ask.args.text("alt_txt") or ""
    if len(alt_text) > MOST_ALT_TEXT:
        raise SlackError("alt_txt_too_large")
    file = File(
        id=ask.slack.next_id("F"),
        ticket=secrets.token_urlsafe(32),
        workspace_id=ask.caller.workspace.id,
        user_id=ask.caller.bot.id,
        name=ask.required("filename"),
        length=length,
        created_at=ask.slack.now(),
        alt_text=alt_text,
    )
    ask.slack.files[file.id] = file
    return {"upload_url": f"{ask.slack.url}{UPLOAD_PATH}/{file.ticket}", "file_id": file.id}


async def _complete(ask: Ask) -> Json:
    given = _given(ask)
    files = [_uploaded(ask, one["id"]) for one in given]
    channel = _shared_in(ask)
    for file, one in zip(files, given, strict=True):
        file.title = str(one.get("title") or file.name)
        file.completed_at = ask.slack.now()
    if channel:
        _share(ask, channel, files)
    return {"files": [shapes.file(ask.slack, file) for file in files]}


def _given(ask: Ask) -> list[Json]:
    given: Any = ask.args.structure("files", code="invalid_arguments")
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) and "id" in one for one in given):
        raise with_messages("invalid_arguments", ["must be a list of objects with an id [json-pointer:/files]"])
    return given


def _uploaded(ask: Ask, file_id: str) -> File:
    """Find a file of this app whose bytes have come."""
    file = ask.slack.files.get(file_id)
    if file is None or file.workspace_id != ask.caller.workspace.id or file.content is None:
        raise SlackError("file_not_found")
    if file.user_id != ask.caller.bot.id:
        raise SlackError("access_denied")
    return file


def _shared_in(ask: Ask) -> Channel | None:
    named = ask.args.text("channel_id")
    if not named:
        return None
    channel = ask.slack.channel(ask.caller.workspace.id, named)
    if channel is None or not ask.slack.can_see(ask.caller.bot, channel):
        raise SlackError("channel_not_found")
    if ask.caller.bot.id not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _share(ask: Ask, channel: Channel, files: list[File]) -> None:
    comment = ask.args.text("initial_comment") or ""
    blocks = None if comment else content.blocks(ask.slack, ask.args, surface="message")
    ask.slack.post(
        channel,
        ask.caller.bot,
        text=comment,
        blocks=blocks,
        thread_ts=ask.args.text("thread_ts"),
        files=[file.id for file in files],
    )


async def _info(ask: Ask) -> Json:
    file = ask.slack.files.get(ask.required("file"))
    if file is None or file.workspace_id != ask.caller.workspace.id or file.completed_at is None:
        raise SlackError("file_not_found")
    return {"file": shapes.file(ask.slack, file), "comments": [], "response_metadata": {"next_cursor": ""}}


WRITE = ("files:write",)
METHODS = [
    Method(
        "files.getUploadURLExternal",
        _get_upload_url,
        tier=4,
        scopes=WRITE,
        required=("length", "filename"),
        errors=frozenset({"missing_argument", "alt_txt_too_large", "file_upload_size_restricted"}),
    ),
    Method(
        "files.completeUploadExternal",
        _complete,
        tier=4,
        scopes=WRITE,
        required=("files",),
        errors=frozenset({"access_denied", "channel_not_found", "file_not_found", "invalid_blocks", "not_in_channel"}),
    ),
    Method(
        "files.info",
        _info,
        tier=4,
        scopes=("files:read",),
        required=("file",),
        errors=frozenset({"file_not_found"}),
    ),
]
