"""Texts and rich texts of Block Kit as HTML, for one reader; `templates/blocks.html` draws the blocks around them."""

import re
from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from bot.sandbox import mrkdwn
from bot.sandbox.mrkdwn import PICTURES, Reader
from bot.sandbox.records import Json, Person
from bot.sandbox.state import Slack

STYLES = (("code", "code"), ("strike", "s"), ("italic", "em"), ("bold", "strong"))
WEB = re.compile(r"https?://", re.IGNORECASE)


class Drawing:
    """Draws for one person: their clock, and the names of whom and what they can see."""

    def __init__(self, slack: Slack, person: Person) -> None:
        self._slack = slack
        self._person = person
        self.reader = Reader(self._name_of, self._name_of_channel, ZoneInfo(person.tz), slack.now())

    def text(self, one: Json | None) -> Markup:
        """Draw a text object."""
        if not one:
            return Markup()
        return self.mrkdwn(one["text"]) if one.get("type") == "mrkdwn" else mrkdwn.plain(one["text"])

    def mrkdwn(self, text: str) -> Markup:
        return mrkdwn.html(text, self.reader)

    def rich(self, block: Json) -> Markup:
        """Draw a `rich_text` block, or the value of a cell that is one."""
        return Markup().join(RICH[part["type"]](self, part) for part in block["elements"] if part["type"] in RICH)

    def time(self, ts: str) -> str:
        return mrkdwn.written_date(int(float(ts)), "{time}", self.reader)

    def day(self, ts: str) -> str:
        return mrkdwn.written_date(int(float(ts)), "{date_long_pretty}", self.reader).capitalize()

    def web(self, url: str | None) -> str | None:
        """Return an address if a browser may follow or fetch it."""
        return url if url and WEB.match(url) else None

    def section(self, part: Json) -> Markup:
        return Markup('<p class="rich">{}</p>').format(self._inline(part))

    def quote(self, part: Json) -> Markup:
        return Markup("<blockquote>{}</blockquote>").format(self._inline(part))

    def preformatted(self, part: Json) -> Markup:
        return Markup("<pre>{}</pre>").format(self._inline(part))

    def items(self, part: Json) -> Markup:
        tag = "ol" if part.get("style") == "ordered" else "ul"
        items = Markup().join(Markup("<li>{}</li>").format(self._inline(one)) for one in part["elements"])
        return Markup("<{0} class=indent{1}>{2}</{0}>").format(tag, int(part.get("indent", 0)), items)

    def _inline(self, part: Json) -> Markup:
        return Markup().join(self._styled(one) for one in part["elements"])

    def _styled(self, one: Json) -> Markup:
        drawn = self._element(one)
        for name, tag in STYLES:
            if one.get("style", {}).get(name):
                drawn = Markup("<{0}>{1}</{0}>").format(tag, drawn)
        return drawn

    def _element(self, one: Json) -> Markup:
        match one["type"]:
            case "link":
                return mrkdwn.link(one["url"], one.get("text", ""))
            case "user" | "channel" | "usergroup" | "broadcast":
                return mrkdwn.mention(self._mentioned(one))
            case "emoji":
                return escape(PICTURES.get(one["name"], f":{one['name']}:"))
            case "date":
                return escape(mrkdwn.written_date(one["timestamp"], one.get("format", "{date}"), self.reader))
        return escape(one.get("text", ""))

    def _mentioned(self, one: Json) -> str:
        match one["type"]:
            case "user":
                return "@" + (self._name_of(one["user_id"]) or one["user_id"])
            case "channel":
                return "#" + (self._name_of_channel(one["channel_id"]) or "private channel")
            case "usergroup":
                group = self._slack.user_groups.get(one["usergroup_id"])
                return "@" + (group.handle if group else one["usergroup_id"])
        return f"@{one['range']}"

    def _name_of(self, user_id: str) -> str | None:
        person = self._slack.people.get(user_id)
        return person.real_name if person else None

    def _name_of_channel(self, channel_id: str) -> str | None:
        channel = self._slack.channels.get(channel_id)
        return channel.name if channel and self._slack.can_see(self._person, channel) else None


RICH: Mapping[str, Callable[[Drawing, Json], Markup]] = {
    "rich_text_section": Drawing.section,
    "rich_text_quote": Drawing.quote,
    "rich_text_preformatted": Drawing.preformatted,
    "rich_text_list": Drawing.items,
}
