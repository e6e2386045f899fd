"""Links that apps may unfurl: whose domain one is on, what an app is told of it, and where it was posted."""

import re
import secrets
from urllib.parse import urlsplit

from bot.sandbox.app import SlackApp
from bot.sandbox.mrkdwn import unescaped
from bot.sandbox.records import Channel, Json, Message, Posted
from bot.sandbox.state import Slack

LINK = re.compile(r"<(https?://[^<>|]+)(?:\|[^<>]*)?>", re.IGNORECASE)
CODE = re.compile(r"```.+?```|`[^`\n]+`", re.DOTALL)
EVENT, SCOPE = "link_shared", "links:read"
HISTORY = "conversations_history"
SOURCES = ("composer", HISTORY)


def domain_of(slack: Slack, app: SlackApp, url: str) -> str | None:
    """Return the domain under which an app may unfurl this address: one of its own, or a pretend one."""
    host = (urlsplit(url).hostname or "").lower()
    domains = [*app.unfurl_domains, *slack.pretend_domains]
    return next((one for one in domains if host == one or host.endswith("." + one)), None)


def links_in(message: Message) -> list[str]:
    """List the addresses in a message, each once; what stands in code is no link."""
    found = LINK.finditer(CODE.sub("", message.text))
    return list(dict.fromkeys(unescaped(one[1]) for one in found))


async def announce(slack: Slack, channel: Channel, message: Message) -> None:
    """Tell the apps of the author's workspace about links on their domains, whether or not they are in the channel."""
    for installation in list(slack.installations.values()):
        app = slack.apps[installation.app_id]
        here = installation.active and installation.workspace_id == message.workspace_id
        if not here or EVENT not in app.bot_events or SCOPE not in installation.scopes:
            continue
        named = [(domain_of(slack, app, url), url) for url in links_in(message)]
        links = [{"domain": domain, "url": url} for domain, url in named if domain]
        if links:
            event = _event(slack, channel, message, links)
            is_member = installation.bot_user_id in channel.members
            await slack.emit(app, slack.workspaces[message.workspace_id], {**event, "is_bot_user_member": is_member})


def _event(slack: Slack, channel: Channel, message: Message, links: list[Json]) -> Json:
    return {
        "type": EVENT,
        "channel": channel.id,
        "user": message.user_id,
        "message_ts": message.ts,
        **({"thread_ts": message.thread_ts} if message.thread_ts else {}),
        "links": links,
        "unfurl_id": remember(slack, message),
        "source": HISTORY,
        "event_ts": slack.next_ts(),
    }


def remember(slack: Slack, message: Message) -> str:
    """Make an id by which an app can name the message."""
    unfurl_id = f"{message.channel_id}.{message.ts}.{secrets.token_hex(32)}"
    slack.shared_links[unfurl_id] = Posted(message.workspace_id, message.channel_id, message.ts)
    return unfurl_id
