"""Texts and rich texts of Block Kit as HTML, for one reader; `templates/blocks.html` draws the blocks around them."""

import re
from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from bot.sandbox import charts, emoji, markdown, mrkdwn
from bot.sandbox.addresses import Addresses
from bot.sandbox.mrkdwn import Reader
from bot.sandbox.records import Json, Person
from bot.sandbox.shapes import file_address
from bot.sandbox.state import Slack

STYLES = (("code", "code"), ("strike", "s"), ("underline", "u"), ("italic", "em"), ("bold", "strong"))
WEB = re.compile(r"https?://", re.IGNORECASE)
COLOR = re.compile(r"#?([0-9A-Fa-f]{6})")
DEEPEST_LIST = 8


class Drawing:
    """Draws for one person: their clock, and the names of whom and what they can see."""

    def __init__(self, slack: Slack, person: Person) -> None:
        self._slack = slack
        self._person = person
        self.leads = Addresses(slack, person)
        self.reader = Reader(
            person=self._name_of,
            channel=self._name_of_channel,
            zone=ZoneInfo(person.tz),
            now=slack.now(),
            me=person.id,
            group=self._group,
            leads=self.leads,
        )

    def text(self, one: Json | None) -> Markup:
        """Draw a text object."""
        if not one:
            return Markup()
        return self.mrkdwn(one["text"]) if one.get("type") == "mrkdwn" else mrkdwn.plain(one["text"])

    def mrkdwn(self, text: str) -> Markup:
        return mrkdwn.html(text, self.reader)

    def markdown(self, text: str) -> Markup:
        """Draw the text of a `markdown` block."""
        return markdown.html(text, self.reader)

    def chart(self, block: Json) -> Markup:
        """Draw a `data_visualization` block."""
        return charts.figure(block["title"], block["chart"])

    def rich(self, block: Json) -> Markup:
        """Draw a `rich_text` block, or the value of a cell that is one."""
        return Markup().join(RICH[part["type"]](self, part) for part in block["elements"] if part["type"] in RICH)

    def link(self, url: str, words: str) -> Markup:
        return mrkdwn.link(url, words, reader=self.reader)

    def written(self, seconds: float, pattern: str) -> str:
        """Write an instant on the person's clock, by the parts of Slack's dates."""
        return mrkdwn.written_date(int(seconds), pattern, self.reader)

    def time(self, ts: str) -> str:
        return self.written(float(ts), "{time}")

    def day(self, ts: str) -> str:
        return _capital(self.written(float(ts), "{date_long_pretty}"))

    def moment(self, ts: str) -> str:
        """Write a day and a time of day, for the title of a message's time."""
        return _capital(self.written(float(ts), "{date_long_pretty} at {time_secs}"))

    def web(self, url: str | None) -> str | None:
        """Return an address if a browser may follow or fetch it."""
        return url if url and WEB.match(url) else None

    def picture(self, part: Json) -> str | None:
        """Return where the picture of an image can be fetched, if it can."""
        if "slack_file" in part:
            file = self._slack.picture(part["slack_file"])
            return file_address(self._slack.url, file) if file else None
        # A pretend domain's pictures come from the process that plays it.
        url = self.web(part.get("image_url"))
        return self.leads(url) if url else None

    # --- rich text -------------------------------------------------------------------------------------------------

    def section(self, part: Json) -> Markup:
        return Markup('<p class="rich">{}</p>').format(self._inline(part))

    def quote(self, part: Json) -> Markup:
        return Markup('<blockquote class="rich">{}</blockquote>').format(self._inline(part))

    def preformatted(self, part: Json) -> Markup:
        return Markup("<pre>{}</pre>").format(self._inline(part))

    def items(self, part: Json) -> Markup:
        tag = "ol" if part.get("style") == "ordered" else "ul"
        items = Markup().join(Markup("<li>{}</li>").format(self._inline(one)) for one in part["elements"])
        first = Markup(' start="{}"').format(int(part["offset"]) + 1) if tag == "ol" and part.get("offset") else ""
        depth = min(int(part.get("indent", 0)), DEEPEST_LIST)
        border = " bordered" if part.get("border") else ""
        return Markup('<{0} class="indent{1}{2}"{3}>{4}</{0}>').format(tag, depth, border, first, items)

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
                return self.link(one["url"], one.get("text", ""))
            case "user" | "channel" | "usergroup" | "broadcast" | "team":
                return self._mention(one)
            case "emoji":
                return escape(emoji.drawn(one["name"], one.get("unicode", "")))
            case "date":
                return self._date(one)
            case "color":
                return _color(one["value"])
        return escape(one.get("text", ""))

    def _date(self, one: Json) -> Markup:
        fallback, url = one.get("fallback", ""), one.get("url", "")
        return mrkdwn.dated(int(one["timestamp"]), one["format"], fallback, url, self.reader)

    def _mention(self, one: Json) -> Markup:
        match one["type"]:
            case "user":
                name = self._name_of(one["user_id"]) or one["user_id"]
                return mrkdwn.mention(f"@{name}", mine=one["user_id"] == self._person.id)
            case "channel":
                return mrkdwn.mention("#" + (self._name_of_channel(one["channel_id"]) or "private channel"))
            case "usergroup":
                handle, mine = self._group(one["usergroup_id"]) or (one["usergroup_id"], False)
                return mrkdwn.mention(f"@{handle}", mine=mine)
            case "team":
                team = self._slack.workspaces.get(one["team_id"])
                return mrkdwn.mention(f"@{team.name if team else one['team_id']}")
        return mrkdwn.mention(f"@{one['range']}", mine=True)

    # --- names -----------------------------------------------------------------------------------------------------

    def _name_of(self, user_id: str) -> str | None:
        person = self._slack.people.get(user_id)
        return person.real_name if person else None

    def _name_of_channel(self, channel_id: str) -> str | None:
        channel = self._slack.channels.get(channel_id)
        return channel.name if channel and self._slack.can_see(self._person, channel) else None

    def _group(self, group_id: str) -> tuple[str, bool] | None:
        group = self._slack.user_groups.get(group_id)
        return (group.handle, self._person.id in group.members) if group else None


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _color(value: str) -> Markup:
    found = COLOR.fullmatch(value)
    swatch = Markup('<svg class="swatch" aria-hidden="true"><rect width="12" height="12" rx="3" fill="#{}"/></svg> ')
    return swatch.format(found[1]) + escape(value) if found else escape(value)


RICH: Mapping[str, Callable[[Drawing, Json], Markup]] = {
    "rich_text_section": Drawing.section,
    "rich_text_quote": Drawing.quote,
    "rich_text_preformatted": Drawing.preformatted,
    "rich_text_list": Drawing.items,
}
