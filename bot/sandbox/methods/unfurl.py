"""chat.unfurl: what stands under a link that a person posted."""

from urllib.parse import urlsplit

from bot.sandbox.errors import SlackError
from bot.sandbox.methods import content
from bot.sandbox.methods.method import Ask, Method
from bot.sandbox.records import Channel, Json, Message


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
    args = ask.args
    if args.text("unfurl_id") or args.text("source"):
        raise _missing_or_unknown(ask)
    if not args.text("channel"):
        raise SlackError("missing_channel")
    if not args.text("ts"):
        raise SlackError("missing_ts")
    channel = ask.slack.channel(ask.caller.workspace.id, ask.required("channel"))
    if channel is None:
        raise SlackError("cannot_find_channel")
    message = channel.messages.get(ask.required("ts"))
    if message is None:
        raise SlackError("cannot_find_message")
    if message.bot_id:
        raise SlackError("cannot_unfurl_message")
    return channel, message


def _missing_or_unknown(ask: Ask) -> SlackError:
    """Say what is wrong with an unfurl id. No composer preview is ever announced here, so none can be known."""
    if not ask.args.text("unfurl_id"):
        return SlackError("missing_unfurl_id")
    if not ask.args.text("source"):
        return SlackError("missing_source")
    known = ask.args.text("source") in ("composer", "conversations_history")
    return SlackError("invalid_unfurl_id" if known else "invalid_source")


def _drawn(ask: Ask, message: Message, url: str, unfurl: Json) -> Json:
    if url not in message.text.replace("&amp;", "&") or not _belongs(ask, url):
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


def _belongs(ask: Ask, url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return any(host == domain or host.endswith("." + domain) for domain in ask.caller.app.unfurl_domains)


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
