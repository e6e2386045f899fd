"""chat.unfurl: what stands under a link that a person posted."""

from bot.sandbox import unfurling
from bot.sandbox.errors import SlackError
from bot.sandbox.methods import content
from bot.sandbox.methods.method import Ask, Method
from bot.sandbox.records import Channel, Json, Message, Posted


async def _unfurl(ask: Ask) -> Json:
    channel, message = _posted(ask)
    unfurls = ask.args.structure("unfurls", code="invalid_unfurls_format")
    if unfurls is None:
        if ask.args.flag("user_auth_required") or ask.args.text("user_auth_url") or ask.args.text("user_auth_message"):
            return {}
        raise SlackError("missing_unfurls")
    if not isinstance(unfurls, dict) or not all(isinstance(one, dict) for one in unfurls.values()):
        raise SlackError("invalid_unfurls_format")
    attachments = list(message.attachments or [])
    for url, unfurl in unfurls.items():
        _put(attachments, _drawn(ask, message, url, unfurl))
    message.attachments = attachments
    ask.slack.message_changed(channel, message)
    return {}


def _posted(ask: Ask) -> tuple[Channel, Message]:
    """Find the message; links reach the app from every conversation, so that membership does not matter here."""
    place = _by_unfurl_id(ask) if ask.args.text("unfurl_id") or ask.args.text("source") else _by_channel(ask)
    channel = ask.slack.channel(place.workspace_id, place.channel_id)
    if channel is None:
        raise SlackError("cannot_find_channel")
    message = channel.messages.get(place.ts)
    if message is None:
        raise SlackError("cannot_find_message")
    if message.bot_id:
        raise SlackError("cannot_unfurl_message")
    return channel, message


def _by_channel(ask: Ask) -> Posted:
    if not ask.args.text("channel"):
        raise SlackError("missing_channel")
    if not ask.args.text("ts"):
        raise SlackError("missing_ts")
    return Posted(ask.caller.workspace.id, ask.required("channel"), ask.required("ts"))


def _by_unfurl_id(ask: Ask) -> Posted:
    """Find what an unfurl id names. None comes from a composer here: links are not announced while they are typed."""
    if not ask.args.text("unfurl_id"):
        raise SlackError("missing_unfurl_id")
    source = ask.args.text("source")
    if not source:
        raise SlackError("missing_source")
    if source not in unfurling.SOURCES:
        raise SlackError("invalid_source")
    posted = ask.slack.shared_links.get(ask.required("unfurl_id"))
    if posted is None or posted.workspace_id != ask.caller.workspace.id or source != unfurling.HISTORY:
        raise SlackError("invalid_unfurl_id")
    return posted


def _drawn(ask: Ask, message: Message, url: str, unfurl: Json) -> Json:
    if url not in unfurling.links_in(message) or unfurling.domain_of(ask.slack, ask.caller.app, url) is None:
        raise SlackError("cannot_unfurl_url")
    caller = ask.caller
    return {
        **content.attachment(ask.slack, unfurl, surface="unfurl", pointer=f"/unfurls/{_escaped(url)}/blocks"),
        "from_url": url,
        "app_unfurl_url": url,
        "is_app_unfurl": True,
        "app_id": caller.app.id,
        "bot_id": caller.bot.bot_id,
        "bot_team_id": caller.workspace.id,
    }


def _escaped(key: str) -> str:
    """Write a key as part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def _put(attachments: list[Json], drawn: Json) -> None:
    """Replace what stood under the same link, or add."""
    for index, one in enumerate(attachments):
        if one.get("app_unfurl_url") == drawn["app_unfurl_url"] and one.get("app_id") == drawn["app_id"]:
            attachments[index] = {**drawn, "id": one["id"]}
            return
    attachments.append({**drawn, "id": len(attachments) + 1})


METHODS = [
    Method(
        "chat.unfurl",
        _unfurl,
        tier=3,
        scopes=("links:write",),
        errors=content.BLOCK_ERRORS
        | {
            "missing_channel",
            "missing_ts",
            "missing_unfurl_id",
            "missing_source",
            "missing_unfurls",
            "invalid_source",
            "invalid_unfurl_id",
            "invalid_unfurls_format",
            "cannot_find_channel",
            "cannot_find_message",
            "cannot_unfurl_message",
            "cannot_unfurl_url",
        },
    ),
]
