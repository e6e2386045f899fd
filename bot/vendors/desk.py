"""The vendors' desk: one page in the browser where each vendor gives out its keys, takes a webhook URL and does things.

It plays what a newcomer has no account for: the other side of each kind of source. What a button says really happens
over HTTP: a webhook is posted as the vendor posts it, or the vendor's API lists what changed.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from jinja2 import Environment, FileSystemLoader

TEMPLATES = Path(__file__).parent / "templates"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
LOOPBACK = ("127.0.0.1", "localhost")
LONGEST_URL = 500

templates = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True)


class NotPossibleError(Exception):
    """What was asked for can't be done; says why, and what to do."""


@dataclass(frozen=True)
class Webhook:
    """Where a vendor posts to, once somebody entered that."""

    http: aiohttp.ClientSession
    url: str | None

    async def post(self, body: bytes, headers: Mapping[str, str]) -> str:
        """Post as the vendor does; say what was answered. Raises NotPossibleError where there is no address yet."""
        if self.url is None:
            raise NotPossibleError("Paste the source's URL first: Runrate shows it when you add the source.")
        sent = {"Content-Type": "application/json", **headers}
        try:
            async with self.http.post(self.url, data=body, headers=sent, allow_redirects=False) as response:
                return f"Runrate answered {response.status}."
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NotPossibleError(f"Nobody answers at that URL ({type(error).__name__}).") from error


Act = Callable[[Webhook], Awaitable[str]]
"""Something that happens over there; says what came of it, in a sentence or two."""


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """One vendor as the desk shows it."""

    slug: str
    name: str
    about: str
    """What to choose in Runrate, and what then to do here."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """What its settings page gives out, by what it is called there."""
    takes_url: bool = False
    acts: Mapping[str, Act] = field(default_factory=dict)
    """By the words on the button."""
    api: Callable[[web.Request], Awaitable[web.Response]] | None = None
    """What answers below its address: its API."""


class Desk:
    """All vendors behind one port."""

    def __init__(self, vendors: Sequence[Vendor], *, back: Mapping[str, str]) -> None:
        """Take the vendors, and the addresses that the page leads back to, by what they are called."""
        self._vendors = {vendor.slug: vendor for vendor in vendors}
        self._back = dict(back)
        self._urls: dict[str, str] = {}
        self._said: dict[str, str] = {}

    @asynccontextmanager
    async def open(self, *, host: str, port: int) -> AsyncIterator[int]:
        """Listen; give the port."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
            runner = web.AppRunner(self._app(http), access_log=None)
            await runner.setup()
            try:
                await web.TCPSite(runner, host, port).start()
                yield runner.addresses[0][1]
            finally:
                await runner.cleanup()

    def _app(self, http: aiohttp.ClientSession) -> web.Application:
        app = web.Application()
        app.router.add_get("/", self._page)
        app.router.add_get("/desk.css", _style)
        app.router.add_post("/act/{slug}", partial(self._act, http))
        for vendor in self._vendors.values():
            if vendor.api is not None:
                app.router.add_route("*", f"/{vendor.slug}/{{path:.*}}", vendor.api)
        return app

    async def _page(self, _request: web.Request) -> web.Response:
        page = templates.get_template("desk.html")
        shown = page.render(vendors=self._vendors.values(), urls=self._urls, said=self._said, back=self._back)
        return web.Response(text=shown, content_type="text/html", headers=HEADERS)

    async def _act(self, http: aiohttp.ClientSession, request: web.Request) -> web.Response:
        """Do what a button says, and show the page again."""
        vendor = self._vendors.get(request.match_info["slug"])
        if vendor is None:
            raise web.HTTPNotFound
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
            raise web.HTTPForbidden(text="Only this page's own buttons work.")
        asked = await request.post()
        try:
            self._said[vendor.slug] = await self._do(http, vendor, asked)
        except NotPossibleError as error:
            self._said[vendor.slug] = str(error)
        raise web.HTTPSeeOther(f"/#{vendor.slug}")

    async def _do(self, http: aiohttp.ClientSession, vendor: Vendor, asked: Mapping[str, Any]) -> str:
        url = str(asked.get("url") or "").strip()
        if url:
            self._urls[vendor.slug] = _local(url)
        act = vendor.acts.get(str(asked.get("act") or ""))
        if act is None:
            raise NotPossibleError("The URL is kept." if url else "Choose what is to happen.")
        return await act(Webhook(http, self._urls.get(vendor.slug)))


def _local(url: str) -> str:
    """Check a webhook's URL: the desk sends to this machine only."""
    try:
        parts = urlsplit(url)
        is_local = parts.scheme == "http" and parts.hostname in LOOPBACK and len(url) <= LONGEST_URL
    except ValueError:
        is_local = False
    if not is_local:
        raise NotPossibleError("That is no URL of a source on this machine. Copy it from “Show URL” in the Home tab.")
    return url


async def _style(_request: web.Request) -> web.Response:
    return web.Response(text=(TEMPLATES / "desk.css").read_text(), content_type="text/css", headers=HEADERS)
