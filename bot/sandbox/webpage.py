"""A web page as the driver's browser has it: its words, and its form to fill in and send."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

UNSEEN = frozenset({"script", "style", "template", "head"})
VOID = frozenset({"input", "br", "hr", "img", "meta", "link", "wbr", "source", "col"})


@dataclass
class Form:
    """A form with what a browser would send: hidden fields, ticked boxes, chosen options."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Page:
    """Where the browser ended up, after every redirect."""

    status: int
    url: str
    html: str
    forms: list[Form]
    text: str

    def form(self) -> Form:
        if not self.forms:
            raise LookupError(f"There is no form on {self.url}. It says: {self.text[:300]}")
        return self.forms[0]


def read(status: int, url: str, html: str) -> Page:
    reader = _Reader(url)
    reader.feed(html)
    return Page(status, url, html, reader.forms, " ".join("".join(reader.words).split()))


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.words: list[str] = []
        self._url = url
        self._open: list[str] = []
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self._open.append(tag)
        self.words.append(" ")
        self._collect(tag, {name: value or "" for name, value in attrs})

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass
        self.words.append(" ")

    def handle_data(self, data: str) -> None:
        if not UNSEEN & set(self._open):
            self.words.append(data)

    def _collect(self, tag: str, attrs: dict[str, str]) -> None:
        if tag == "form":
            self.forms.append(Form(urljoin(self._url, attrs.get("action", "")), attrs.get("method", "get").lower()))
        elif tag == "select":
            self._select = attrs.get("name")
        elif self.forms and (name := self._select if tag == "option" else attrs.get("name")):
            self._take(tag, name, attrs)

    def _take(self, tag: str, name: str, attrs: dict[str, str]) -> None:
        ticked = attrs.get("type") not in {"checkbox", "radio"} or "checked" in attrs
        if (tag == "input" and ticked) or (tag == "option" and "selected" in attrs):
            self.forms[-1].fields.append((name, attrs.get("value", "on")))
