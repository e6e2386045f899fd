"""What an app answers to a command or an interaction outside the Web API: at once, or through a `response_url`."""

from typing import Any

from bot.sandbox.arguments import Arguments
from bot.sandbox.errors import SlackError
from bot.sandbox.methods import content
from bot.sandbox.records import Channel, Json, Message, Person, ResponseUrl
from bot.sandbox.state import Slack

TRUE = (True, "true", "True", "1")


def use(slack: Slack, right: ResponseUrl | None, body: Json) -> None:
    """Answer through a `response_url`, five times within half an hour."""
    if right is None or right.expires_at < slack.now():
        raise SlackError("expired_url")
    if right.uses_left == 0:
        raise SlackError("used_url")
    reply(slack, right, body)
    right.uses_left -= 1


def reply(slack: Slack, right: ResponseUrl, body: Json) -> None:
    """Post, replace or delete as asked: for the person alone unless the answer is `in_channel`."""
    channel = slack.channels.get(right.channel_id)
    bot = slack.bot(right.app_id, right.workspace_id)
    if channel is None or bot is None:
        raise SlackError("expired_url")
    original = _original(channel, right)
    if body.get("delete_original") in TRUE and original:
        slack.erase(channel, original)
    elif body.get("replace_original") in TRUE and original:
        slack.edit(channel, original, **{"blocks": None, "attachments": None, **_said(slack, right, body)})
    else:
        _post(slack, channel, bot, right, body)


def _post(slack: Slack, channel: Channel, bot: Person, right: ResponseUrl, body: Json) -> None:
    alone = None if body.get("response_type") == "in_channel" else right.user_id
    slack.post(channel, bot, **_said(slack, right, body), ephemeral_for=alone, thread_ts=body.get("thread_ts"))


def _original(channel: Channel, right: ResponseUrl) -> Message | None:
    ts = right.message_ts or ""
    original = channel.messages.get(ts) or channel.ephemerals.get(ts)
    # Under an unfurl the message is somebody else's.
    return original if original and original.app_id == right.app_id else None


def _said(slack: Slack, right: ResponseUrl, body: Json) -> Json:
    args = Arguments(body)
    said: dict[str, Any] = {
        "text": content.text(args),
        "blocks": content.blocks(slack, args, surface="message") or None,
        "attachments": content.attachments(slack, args) or None,
    }
    content.refuse_charts(slack.workspaces[right.workspace_id], said["blocks"])
    if not any(said.values()):
        raise SlackError("no_text")
    return said
