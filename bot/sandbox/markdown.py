"""The Markdown of a `markdown` block as HTML that is safe to show: what Slack draws of it, and no HTML.

Headings, paragraphs, emphasis, links, lists and task lists, quotes, code, tables and rules. As at Slack a picture is
only linked to, and Slack's own references (`<@U…>`, `<!date^…>`) are drawn, too.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from markupsafe import Markup, escape

from bot.sandbox import emoji, mrkdwn
from bot.sandbox.mrkdwn import LINKABLE, Held, Reader

FENCE = re.compile(r"\s{0,3}(`{3,}|~{3,})")
HEADING = re.compile(r"\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*")
RULE = re.compile(r"\s{0,3}(?:(?:\*\s*){3,}|(?:-\s*){3,}|(?:_\s*){3,})")
QUOTE = re.compile(r"\s{0,3}> ?(.*)")
ITEM = re.compile(r"(\s*)([-*+]|\d{1,9}[.)])\s+(.*)")
TASK = re.compile(r"\[([ xX])\]\s+(.*)", re.DOTALL)
DELIMITERS = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*")
BAR = re.compile(r"(?<!\\)\|")

CODE = re.compile(r"(`+)(.+?)(?<!`)\1(?!`)", re.DOTALL)
ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+\-.!~|<>])")
LINK = re.compile(r"!?\[([^\[\]]*)\]\(\s*<?([^\s<>()]*(?:\([^\s<>()]*\)[^\s<>()]*)*)>?(?:\s+\"[^\"]*\")?\s*\)")
ANGLED = re.compile(r"<((?:https?://|mailto:)[^<>\s|]+|[@#!][^<>\n]+)>")
BARE = re.compile(r"https?://[^\s<>\x00]*[^\s<>\x00.,;:!?)\]'\"*_~]")
EMPHASES = tuple(
    (re.compile(pattern, re.DOTALL), tag)
    for pattern, tag in (
        (r"\*\*(?=\S)(.+?)(?<=\S)\*\*", "strong"),
        (r"(?<!\w)__(?=\S)(.+?)(?<=\S)__(?!\w)", "strong"),
        (r"~~(?=\S)(.+?)(?<=\S)~~", "s"),
        (r"\*(?=\S)([^*]+?)(?<=\S)\*", "em"),
        (r"(?<!\w)_(?=\S)([^_]+?)(?<=\S)_(?!\w)", "em"),
    )
)
ALIGNMENTS = {(True, True): "center", (False, True): "right"}
DEEPEST = 8


def html(text: str, reader: Reader) -> Markup:
    """Draw a Markdown text for one reader."""
    return Blocks(reader).draw(text.replace(Held.MARK, "").expandtabs(4).split("\n"))


def inline(text: str, reader: Reader) -> Markup:
    """Draw what stands within one paragraph, item or cell."""
    held = Held()
    text = CODE.sub(lambda found: held.keep(Markup("<code>{}</code>").format(found[2].strip())), text)
    text = ESCAPED.sub(lambda found: held.keep(escape(found[1])), text)
    text = LINK.sub(lambda found: held.keep(_link(found[2], found[1], held, reader)), text)
    text = ANGLED.sub(lambda found: held.keep(_angled(found[0], found[1], reader)), text)
    text = BARE.sub(lambda found: held.keep(mrkdwn.link(found[0], reader=reader)), text)
    return held.put_back(_emphasised(text))


def _link(url: str, words: str, held: Held, reader: Reader) -> Markup:
    # The words may hold what is drawn already, such as code.
    drawn = held.put_back(_emphasised(words or url))
    return mrkdwn.link(url, drawn, reader=reader) if LINKABLE.match(url) else drawn


def _angled(written: str, inside: str, reader: Reader) -> Markup:
    return mrkdwn.token(written, reader) if inside[0] in "@#!" else mrkdwn.link(inside, reader=reader)


def _emphasised(text: str) -> str:
    drawn = str(escape(text))
    for pattern, tag in EMPHASES:
        drawn = pattern.sub(rf"<{tag}>\1</{tag}>", drawn)
    return emoji.with_pictures(drawn)


@dataclass
class Lines:
    """The lines still to be read."""

    rest: list[str]
    at: int = 0

    @property
    def here(self) -> str | None:
        return self.rest[self.at] if self.at < len(self.rest) else None

    def take(self) -> str:
        self.at += 1
        return self.rest[self.at - 1]

    def take_while(self, wanted: Callable[[str], object]) -> Iterator[str]:
        while self.here is not None and wanted(self.here):
            yield self.take()


@dataclass
class Item:
    """An item of a list, with the lines that belong to it."""

    lines: list[str] = field(default_factory=list)


class Blocks:
    """Draws the blocks of a text one after another."""

    def __init__(self, reader: Reader, depth: int = 0) -> None:
        self._reader = reader
        self._depth = depth

    def draw(self, lines: list[str]) -> Markup:
        left = Lines(lines)
        drawn = []
        while left.here is not None:
            if left.here.strip():
                drawn.append(self._block(left))
            else:
                left.take()
        return Markup().join(drawn)

    def _block(self, left: Lines) -> Markup:
        line = left.here or ""
        if found := FENCE.match(line):
            return self._code(left, found[1])
        if found := HEADING.fullmatch(line):
            left.take()
            return Markup('<p class="heading h{}">{}</p>').format(len(found[1]), inline(found[2], self._reader))
        if RULE.fullmatch(line):
            left.take()
            return Markup("<hr>")
        if self._depth < DEEPEST and QUOTE.match(line):
            return self._quote(left)
        if self._depth < DEEPEST and ITEM.match(line):
            return self._list(left)
        return self._table(left) if _is_table(left) else self._paragraph(left)

    def _code(self, left: Lines, fence: str) -> Markup:
        left.take()
        inside = list(left.take_while(lambda line: not line.strip().startswith(fence)))
        if left.here is not None:
            left.take()
        return Markup("<pre>{}</pre>").format("\n".join(inside))

    def _quote(self, left: Lines) -> Markup:
        inside = [QUOTE.sub(r"\1", line, count=1) for line in left.take_while(QUOTE.match)]
        return Markup("<blockquote>{}</blockquote>").format(self._inside(inside))

    def _list(self, left: Lines) -> Markup:
        found = ITEM.match(left.here or "")
        marker = found[2] if found else "-"
        items = Markup().join(self._item(one) for one in _items(left, ordered=marker[0].isdigit()))
        if not marker[0].isdigit():
            return Markup("<ul>{}</ul>").format(items)
        first = int(marker[:-1])
        return Markup("<ol{}>{}</ol>").format(Markup(' start="{}"').format(first) if first != 1 else "", items)

    def _item(self, item: Item) -> Markup:
        task = TASK.fullmatch(item.lines[0])
        box = Markup()
        if task:
            ticked = Markup(" checked") if task[1] != " " else ""
            box = Markup('<input type="checkbox" disabled{}> ').format(ticked)
        words = [task[2] if task else item.lines[0], *item.lines[1:]]
        return Markup("<li{}>{}{}</li>").format(Markup(' class="task"') if task else "", box, self._inside(words))

    def _inside(self, lines: list[str]) -> Markup:
        """Draw what a quote or an item holds; a single paragraph goes without its own space around it."""
        drawn = Blocks(self._reader, self._depth + 1).draw(lines)
        if drawn.startswith("<p>") and drawn.count("<p>") == 1:
            return Markup(drawn[3:].replace("</p>", "", 1))  # noqa: S704  It was drawn here.
        return drawn

    def _table(self, left: Lines) -> Markup:
        head, delimiters = _cells(left.take()), _cells(left.take())
        sides = [ALIGNMENTS.get((one.startswith(":"), one.endswith(":")), "left") for one in delimiters]
        rows = [_cells(line) for line in left.take_while(lambda line: line.strip() and "|" in line)]
        drawn = [self._row("th", head, sides), *(self._row("td", row[: len(head)], sides) for row in rows)]
        return Markup('<div class="scroll" tabindex="0"><table>{}</table></div>').format(Markup().join(drawn))

    def _row(self, tag: str, cells: list[str], sides: list[str]) -> Markup:
        drawn = [
            Markup('<{0} class="{1}">{2}</{0}>').format(tag, side, inline(cell, self._reader))
            for cell, side in zip(cells, [*sides, *["left"] * len(cells)], strict=False)
        ]
        return Markup("<tr>{}</tr>").format(Markup().join(drawn))

    def _paragraph(self, left: Lines) -> Markup:
        lines = [left.take(), *left.take_while(_goes_on)]
        return Markup("<p>{}</p>").format(inline("\n".join(line.strip() for line in lines), self._reader))


def _goes_on(line: str) -> bool:
    """Tell whether a line belongs to the paragraph above it."""
    starts = (FENCE.match(line), HEADING.fullmatch(line), RULE.fullmatch(line), QUOTE.match(line), ITEM.match(line))
    return bool(line.strip()) and not any(starts)


def _items(left: Lines, *, ordered: bool) -> list[Item]:
    """Take the items of one list; lines that are indented deeper than an item's marker belong to the item."""
    items: list[Item] = []
    indent = 0
    for line in left.take_while(lambda one: bool(one.strip()) or _is_indented(left)):
        found = ITEM.match(line)
        if found and (not items or len(found[1]) < indent) and found[2][0].isdigit() == ordered:
            items.append(Item([found[3]]))
            indent = len(found[1]) + len(found[2]) + 1
        elif items and (not line.strip() or line.startswith(" " * min(indent, 2)) or _goes_on(line)):
            items[-1].lines.append(line[min(indent, len(line) - len(line.lstrip())) :])
        else:
            left.at -= 1
            break
    return items


def _is_indented(left: Lines) -> bool:
    """Tell whether after this empty line something follows that still belongs to an item."""
    following = next((line for line in left.rest[left.at :] if line.strip()), "")
    return following.startswith("  ") or bool(ITEM.match(following))


def _is_table(left: Lines) -> bool:
    following = left.rest[left.at + 1] if left.at + 1 < len(left.rest) else ""
    return "|" in (left.here or "") and "-" in following and bool(DELIMITERS.fullmatch(following))


def _cells(line: str) -> list[str]:
    """Split a row of a table; a bar after a backslash belongs to its cell."""
    inside = line.strip().removeprefix("|")
    inside = inside[:-1] if inside.endswith("|") and not inside.endswith("\\|") else inside
    return [cell.strip().replace("\\|", "|") for cell in BAR.split(inside)]
