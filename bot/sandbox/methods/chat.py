"""chat.postMessage, chat.update, chat.delete, chat.postEphemeral and chat.getPermalink."""

from bot.sandbox import shapes
from bot.sandbox.errors import SlackError
from bot.sandbox.methods import content
from bot.sandbox.methods.method import Ask, Method
from bot.sandbox.people import SLACKBOT
from bot.sandbox.records import Channel, Json, Message

MOST_TEXT = 40_000
MOST_UPDATED_TEXT = 4_000
RESTRICTIONS = frozenset(
    {
        "restricted_action",
        "restricted_action_non_threadable_channel",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
    }
)
TOLD_OF_AN_UPDATE = frozenset(
    {"type", "user", "text", "team", "bot_id", "app_id", "bot_profile", "blocks", "attachments", "metadata", "edited"}
)


async def _post_message(ask: Ask) -> Json:
    channel = _addressed(ask)
    _refuse_unless_postable(ask, channel)
    said = await _content(ask, surface="message")
    metadata = content.metadata(ask.args) or None
    thread_ts = _thread(ask, channel)
    ask.pace(channel)
    message = ask.slack.post(
        channel,
        ask.caller.bot,
        **said | {"text": said["text"][:MOST_TEXT]},
        **_customised(ask),
        metadata=metadata,
        thread_ts=thread_ts,
        reply_broadcast=thread_ts is not None and ask.args.flag("reply_broadcast"),
    )
    answer = {"channel": channel.id, "ts": message.ts, "message": shapes.message(ask.slack, message)}
    return answer | (_truncated() if len(said["text"]) > MOST_TEXT else {})


async def _post_ephemeral(ask: Ask) -> Json:
    channel = _addressed(ask)
    _refuse_unless_postable(ask, channel)
    person = ask.slack.person(ask.caller.workspace.id, ask.required("user"))
    if person is None or person.id not in channel.members:
        raise SlackError("user_not_in_channel")
    said = await _content(ask, surface="ephemeral")
    if len(said["text"]) > MOST_TEXT:
        raise SlackError("msg_too_long")
    message = ask.slack.post(
        channel,
        ask.caller.bot,
        **said,
        **_customised(ask),
        thread_ts=_thread(ask, channel),
        ephemeral_for=person.id,
    )
    return {"message_ts": message.ts}


async def _update(ask: Ask) -> Json:
    channel = ask.channel()
    message = _own(ask, channel, refusal="cant_update_message")
    if channel.is_archived:
        raise SlackError("is_inactive")
    minutes = ask.caller.workspace.edit_minutes
    if minutes is not None and ask.slack.now() - float(message.ts) >= minutes * 60:
        raise SlackError("edit_window_closed")
    changed = _edited(ask, message)
    await content.refuse_unshown(ask.slack, ask.caller.workspace, changed.get("blocks"))
    ask.slack.edit(channel, message, **changed)
    drawn = shapes.message(ask.slack, message)
    told = {name: value for name, value in drawn.items() if name in TOLD_OF_AN_UPDATE}
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": told}


def _edited(ask: Ask, message: Message) -> Json:
    """Read what is to change. What the call leaves out stays; an empty list or object takes it away."""
    said = content.text(ask.args)
    if len(said) > MOST_UPDATED_TEXT:
        raise SlackError("msg_too_long")
    changed: Json = {"text": said} if ask.args.present & {"text", "markdown_text"} else {}
    if (blocks := content.blocks(ask.slack, ask.args, surface="message")) is not None:
        changed["blocks"] = blocks or None
    if (attachments := content.attachments(ask.slack, ask.args)) is not None:
        changed["attachments"] = attachments or None
    if not any(
        {"text": message.text, "blocks": message.blocks, "attachments": message.attachments, **changed}.values()
    ):
        raise SlackError("no_text")
    if (metadata := content.metadata(ask.args)) is not None:
        changed["metadata"] = metadata or None
    return changed


async def _delete(ask: Ask) -> Json:
    channel = ask.channel()
    message = _own(ask, channel, refusal="cant_delete_message")
    ask.slack.erase(channel, message)
    return {"channel": channel.id, "ts": message.ts}


async def _get_permalink(ask: Ask) -> Json:
    channel = ask.channel()
    message = channel.messages.get(ask.required("message_ts"))
    if message is None:
        raise SlackError("message_not_found")
    return {"channel": channel.id, "permalink": shapes.permalink(ask.caller.workspace, message)}


def _addressed(ask: Ask) -> Channel:
    """Find the conversation by its id or name, or open the direct one with the person whose id was given."""
    named = ask.required("channel")
    person = ask.slack.person(ask.caller.workspace.id, named)
    if person:
        return _direct(ask, person.id)
    channel = ask.slack.channel(ask.caller.workspace.id, named)
    channel = channel or ask.slack.channel_named(ask.caller.workspace.id, named)
    if channel is None or not ask.slack.can_see(ask.caller.bot, channel):
        raise SlackError("channel_not_found")
    return channel


def _direct(ask: Ask, user_id: str) -> Channel:
    if ask.slack.people[user_id].is_bot:
        raise SlackError("channel_not_found")
    # A message with a borrowed name and icon does not land in the app's own conversation but in Slackbot's.
    sender = SLACKBOT if _customised(ask) else ask.caller.bot.id
    return ask.slack.open_direct(ask.caller.workspace.id, [sender, user_id])


def _refuse_unless_postable(ask: Ask, channel: Channel) -> None:
    if channel.kind == "im" and not ask.caller.app.messages_tab_enabled:
        raise SlackError("messages_tab_disabled")
    if channel.is_archived:
        raise SlackError("is_archived")
    if not channel.is_direct and not _may_post(ask, channel):
        raise SlackError("not_in_channel")
    if channel.restriction:
        raise SlackError(channel.restriction)


def _may_post(ask: Ask, channel: Channel) -> bool:
    return ask.caller.bot.id in channel.members or (
        channel.kind == "public" and "chat:write.public" in ask.caller.scopes
    )


async def _content(ask: Ask, *, surface: content.Surface) -> Json:
    said: Json = {
        "text": content.text(ask.args),
        "blocks": content.blocks(ask.slack, ask.args, surface=surface) or None,
        "attachments": content.attachments(ask.slack, ask.args) or None,
    }
    if not any(said.values()):
        raise SlackError("no_text")
    await content.refuse_unshown(ask.slack, ask.caller.workspace, said["blocks"])
    return said


def _customised(ask: Ask) -> Json:
    """Read the borrowed name and icon, which Slack ignores without the scope for them."""
    if "chat:write.customize" not in ask.caller.scopes:
        return {}
    given = {name: ask.args.text(name) for name in ("username", "icon_emoji", "icon_url")}
    return {name: value for name, value in given.items() if value}


def _thread(ask: Ask, channel: Channel) -> str | None:
    """Find the message that is answered; an answer to an answer joins the thread of the first."""
    asked = ask.args.text("thread_ts")
    if not asked:
        return None
    parent = channel.messages.get(asked)
    if parent is None:
        raise SlackError("cannot_reply_to_message")
    return parent.thread_ts or parent.ts


def _own(ask: Ask, channel: Channel, *, refusal: str) -> Message:
    message = channel.messages.get(ask.required("ts"))
    if message is None:
        raise SlackError("message_not_found")
    if message.bot_id != ask.caller.bot.bot_id:
        raise SlackError(refusal)
    return message


def _truncated() -> Json:
    return {"warning": "message_truncated", "response_metadata": {"warnings": ["message_truncated"]}}


POST_ERRORS = (
    RESTRICTIONS
    | content.CONTENT_ERRORS
    | {"channel_not_found", "is_archived", "not_in_channel", "messages_tab_disabled", "cannot_reply_to_message"}
)
METHODS = [
    Method(
        "chat.postMessage",
        _post_message,
        tier=None,
        scopes=("chat:write",),
        required=("channel",),
        errors=POST_ERRORS | content.METADATA_ERRORS,
    ),
    Method(
        "chat.postEphemeral",
        _post_ephemeral,
        tier=4,
        scopes=("chat:write",),
        required=("channel", "user"),
        errors=(POST_ERRORS - RESTRICTIONS) | {"restricted_action", "user_not_in_channel", "msg_too_long"},
    ),
    Method(
        "chat.update",
        _update,
        tier=3,
        scopes=("chat:write",),
        required=("channel", "ts"),
        errors=content.CONTENT_ERRORS
        | content.METADATA_ERRORS
        | {"channel_not_found", "message_not_found", "cant_update_message", "msg_too_long"}
        | {"edit_window_closed", "is_inactive"},
    ),
    Method(
        "chat.delete",
        _delete,
        tier=3,
        scopes=("chat:write",),
        required=("channel", "ts"),
        errors=frozenset({"channel_not_found", "message_not_found", "cant_delete_message"}),
    ),
    Method(
        "chat.getPermalink",
        _get_permalink,
        tier=None,
        required=("channel", "message_ts"),
        errors=frozenset({"channel_not_found", "message_not_found"}),
    ),
]
