"""A local Slack with a small real Bolt app before it, as its receiver: real HTTP, real signatures."""

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import UNLIMITED, Sandbox, SlackApp
from bot.sandbox.person import Browser, Modal, Person
from bot.sandbox.reading import Reading, Row
from bot.sandbox.webpage import Page

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
URL = "https://example.com/slack/events"
SCOPES = [
    "commands",
    "chat:write",
    "chat:write.customize",
    "channels:read",
    "groups:read",
    "channels:join",
    "app_mentions:read",
    "users:read",
    "links:read",
    "links:write",
    "files:read",
    "files:write",
    "im:write",
    "mpim:write",
]
MANIFEST = {
    "display_information": {"name": "Echo"},
    "features": {
        "app_home": {"home_tab_enabled": True, "messages_tab_enabled": True, "messages_tab_read_only_enabled": True},
        "bot_user": {"display_name": "Echo"},
        "slash_commands": [
            {
                "command": "/echo",
                "url": URL,
                "should_escape": True,
                "description": "Says it again",
                "usage_hint": "words",
            },
            {"command": "/raw", "url": URL, "should_escape": False},
        ],
        "unfurl_domains": ["example.test"],
    },
    "oauth_config": {"redirect_urls": ["https://example.com/slack/oauth_redirect"], "scopes": {"bot": SCOPES}},
    "settings": {
        "event_subscriptions": {
            "request_url": URL,
            "bot_events": ["app_home_opened", "app_mention", "member_joined_channel", "app_uninstalled", "link_shared"],
        },
        "interactivity": {"is_enabled": True, "request_url": URL, "message_menu_options_url": URL},
    },
}


@dataclass
class Received:
    """One request that reached the app."""

    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        if self.headers["content-type"] == "application/json":
            return dict(json.loads(self.raw))
        form = {name: values[0] for name, values in parse_qs(self.raw.decode(), keep_blank_values=True).items()}
        return dict(json.loads(form["payload"])) if "payload" in form else form


@dataclass
class World:
    """The sandbox, the app, and a clock that can be turned forward."""

    sandbox: Sandbox
    app: SlackApp
    bolt: AsyncApp
    browser: Browser
    received: list[Received] = field(default_factory=list)
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    ahead: float = 0.0
    pulled: int = 0

    async def page(self, user: str, at: str, **more: str) -> Page:
        """Open somebody's page in the browser."""
        return await self.browser.open(f"{self.sandbox.url}/?{urlencode({'as': user, 'at': at, **more})}")

    async def opened(self, view: dict[str, Any], user: str = "U0DANA") -> Modal:
        """Have the app open a modal for somebody."""
        trigger = self.sandbox.state.make_trigger(self.app.id, "T0ACME", user)
        await self.client().views_open(trigger_id=trigger.id, view=view)
        return await self.browser.person("T0ACME", user).modal()

    @property
    def ada(self) -> Person:
        return self.browser.person("T0ACME", "U0ADA")

    @property
    def dana(self) -> Person:
        return self.browser.person("T0ACME", "U0DANA")

    @property
    def bot(self) -> str:
        return self.sandbox.state.installations[self.app.id, "T0ACME"].bot_user_id

    def install(self, workspace: str = "T0ACME", by: str = "U0ADA") -> str:
        return self.sandbox.state.install(self.app, workspace, by, SCOPES).token

    def client(self, workspace: str = "T0ACME") -> AsyncWebClient:
        token = self.sandbox.state.installations[self.app.id, workspace].token
        return AsyncWebClient(token=token, base_url=f"{self.sandbox.url}/api/", session=self.browser.session)

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [one.body for one in self.received if one.body.get("event", {}).get("type") == kind]

    def payloads(self, kind: str) -> list[dict[str, Any]]:
        return [one.body for one in self.received if one.body.get("type") == kind]


async def take_reading(workspace_id: str) -> Reading:
    """Show what an owner may show."""
    rows = (Row("1", (datetime(2026, 11, 20, 14, 2, tzinfo=UTC), "<b>bold</b>"), "bad"),)
    return Reading(("All is well.",), (("in", workspace_id),), ("At", "What"), rows)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Give a sandbox and a Bolt app that are wired to each other; the app is not installed yet."""
    async with aiohttp.ClientSession() as session:
        holder: list[World] = []

        async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
            installation = holder[0].sandbox.state.installations[holder[0].app.id, team_id or ""]
            return AuthorizeResult(
                enterprise_id=enterprise_id,
                team_id=team_id,
                bot_token=installation.token,
                bot_id=installation.bot_id,
                bot_user_id=installation.bot_user_id,
            )

        client = AsyncWebClient(session=session)
        # Without a name, Bolt reads the sources of its callers for one, which takes longer than most of these tests.
        bolt = AsyncApp(
            name="echo", signing_secret=SECRET, authorize=authorize, client=client, process_before_response=True
        )

        async def receive(request: web.Request) -> web.Response:
            here = holder[0]
            headers = {name.lower(): value for name, value in request.headers.items()}
            here.received.append(Received(headers, await request.read()))
            if here.status is not None:
                return web.Response(status=here.status, headers=here.headers)
            return await to_aiohttp_response(await bolt.async_dispatch(await to_bolt_request(request)))

        def way_back() -> str:
            return f"{holder[0].app.base_url}/slack/oauth_redirect"

        async def ask_to_install(_request: web.Request) -> web.Response:
            asked = {"client_id": "1.2", "scope": ",".join(SCOPES), "state": "once", "redirect_uri": way_back()}
            raise web.HTTPFound(f"{holder[0].sandbox.url}/oauth/v2/authorize?{urlencode(asked)}")

        async def installed(request: web.Request) -> web.Response:
            if "code" not in request.query:
                return web.Response(text=f"Not installed: {request.query['error']}", content_type="text/html")
            answer = await client.oauth_v2_access(
                client_id="1.2", client_secret="client-secret", code=request.query["code"], redirect_uri=way_back()
            )
            return web.Response(text=f"<h1>Installed in {answer['team']['name']}</h1>", content_type="text/html")

        async def travel(to: datetime) -> None:
            holder[0].ahead = to.timestamp() - time.time()

        async def pull() -> str:
            holder[0].pulled += 1
            return "It was pulled."

        web_app = web.Application()
        web_app.router.add_post("/slack/events", receive)
        web_app.router.add_get("/slack/install", ask_to_install)
        web_app.router.add_get("/slack/oauth_redirect", installed)
        runner = web.AppRunner(web_app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        app = SlackApp("1.2", "client-secret", SECRET, MANIFEST, f"http://127.0.0.1:{runner.addresses[0][1]}")
        sandbox = Sandbox(
            apps=[app],
            now=lambda: time.time() + (holder[0].ahead if holder else 0),
            limits=UNLIMITED,
            retry_scale=0.0005,
            travel=travel,
            levers={"Pull me": pull},
            readings={"The owner": take_reading},
            links={"The app’s own page": "http://127.0.0.1:9/own"},
            pretend_domains={"pretend.example.com": "http://127.0.0.1:9"},
        )
        browser = Browser("")
        holder.append(World(sandbox, app, bolt, browser))
        await sandbox.start()
        browser.url = sandbox.url
        client.base_url = f"{sandbox.url}/api/"
        async with browser:
            yield holder[0]
        await sandbox.stop()
        await runner.cleanup()
