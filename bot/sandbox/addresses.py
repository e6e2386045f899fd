"""Where a link leads on this machine: Slack's own addresses into the page, a pretend domain's to the app."""

import re
from urllib.parse import parse_qs, urlencode, urlsplit

from bot.sandbox.records import Person
from bot.sandbox.state import Slack

PERMALINK = re.compile(r"https://([\w-]+)\.slack\.com/archives/(\w+)(?:/p(\d{10})(\d{6}))?/?(?:\?.*)?")
DEEP_LINK = re.compile(r"slack://(app|channel|user|open)")
APP_REDIRECT = re.compile(r"https://(?:[\w-]+\.)?slack\.com/app_redirect")


class Addresses:
    """Leads one person."""

    def __init__(self, slack: Slack, person: Person) -> None:
        self._slack = slack
        self._person = person

    def __call__(self, url: str) -> str:
        """Return the address to follow instead of this one; most lead where they say."""
        if permalink := PERMALINK.fullmatch(url):
            domain, channel, seconds, micros = permalink.groups()
            known = any(one.domain == domain for one in self._slack.workspaces.values())
            return self.page(channel, f"{seconds}.{micros}" if seconds else "") if known else url
        if DEEP_LINK.match(url) or APP_REDIRECT.match(url):
            return self._deep(parse_qs(urlsplit(url).query))
        return at_home(self._slack, url)

    def page(self, at: str, ts: str = "") -> str:
        """Return the address of a conversation, or of a message in it, as this person reads it."""
        return "/?" + urlencode({"as": self._person.id, "at": at} | ({"m": ts} if ts else {}))

    def _deep(self, asked: dict[str, list[str]]) -> str:
        """Lead `slack://` to the conversation that it names; the app's own stands behind its Messages tab."""
        named = [*asked.get("channel", []), *asked.get("id", [])]
        found = next((one for one in named if one in self._slack.channels), None)
        direct = next((self._direct(one) for one in named if one in self._slack.people), None)
        if asked.get("tab") == ["messages"]:
            direct = next((self._direct(bot) for bot in self._bots(asked)), None)
        return self.page(found or direct or "home")

    def _bots(self, asked: dict[str, list[str]]) -> list[str]:
        bots = [self._slack.bot(one, self._person.workspace_id) for one in asked.get("id", [])]
        return [bot.id for bot in bots if bot]

    def _direct(self, user_id: str) -> str | None:
        channel = self._slack.direct(self._person.workspace_id, [self._person.id, user_id])
        return channel.id if channel else None


def at_home(slack: Slack, url: str) -> str:
    """Lead a pretend domain's address to the process on this machine that plays it."""
    parts = urlsplit(url)
    played_at = slack.pretend_domains.get(parts.hostname or "")
    if played_at is None:
        return url
    rest = parts._replace(scheme="", netloc="").geturl()
    return played_at.rstrip("/") + (rest if rest.startswith("/") else f"/{rest}")
