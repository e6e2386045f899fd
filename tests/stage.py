"""The product on a stage: the app and a local Slack in one process, over real HTTP, as people and Slack meet it."""

import asyncio
import contextlib
import itertools
import json
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

import aiohttp
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from bot import manifest
from bot.app import Runrate
from bot.chaos import Chaos
from bot.clock import Clock
from bot.sandbox import UNLIMITED, Limits, Sandbox, SlackApp
from bot.sandbox.people import ACME, ADA, GLOBEX
from bot.sandbox.person import Browser, Home, Modal, Person
from bot.sandbox.signing import signed_headers
from bot.sandbox.state import Slack
from bot.settings import Settings
from handlers import channels, home, listening, recipients
from models import source
from models.database import Database
from models.secret import Keyring
from models.source import SourceKind
from models.wakeup import Topic
from scheduler import dispatch

T = TypeVar("T")

HOST = "127.0.0.1"
RETRIES_AT_ONCE = 0.0005
"""Makes 30 milliseconds of the minute after which Slack sends an event again."""
PATIENCE = 30.0
"""Seconds that this Slack waits for an answer or a trigger, not three, and we nearly as long for all that we do:
machines that run tests are busy."""
NOT_FOR_GUESTS = f"What Runrate tells is for members of this workspace, not for guests. Ask <@{ADA}> or a Slack admin."
both_engines = pytest.mark.parametrize("engine_name", ["sqlite", "postgresql"])
WITHOUT_A_WORKER = 2.0
"""Seconds until another worker starts in the place of a killed one: long enough to be seen."""


@dataclass(frozen=True)
class Answer:
    """What the app answered to a request that a test made by hand."""

    status: int
    text: str
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Stage:
    """Everything that is running, and short ways to what most tests need first."""

    sandbox: Sandbox
    app: Runrate
    settings: Settings
    browser: Browser
    clock: Clock
    keyring: Keyring
    logs: Sequence[MutableMapping[str, Any]]
    sent: int = field(default=0)

    @property
    def url(self) -> str:
        return self.settings.address

    @property
    def database(self) -> Database:
        return self.app.database

    @property
    def http(self) -> aiohttp.ClientSession:
        return self.browser.session

    def person(self, user: str, workspace: str = ACME) -> Person:
        return self.browser.person(workspace, user)

    @property
    def ada(self) -> Person:
        return self.person("U0ADA")

    @property
    def dana(self) -> Person:
        return self.person("U0DANA")

    @property
    def gina(self) -> Person:
        return self.person("U1GINA", GLOBEX)

    @property
    def slack_app(self) -> SlackApp:
        return next(iter(self.slack.apps.values()))

    @property
    def slack(self) -> Slack:
        """What the local Slack knows."""
        return self.sandbox.state

    def bot(self, workspace: str = ACME) -> str:
        return self.slack.installations[self.slack_app.id, workspace].bot_user_id

    def token(self, workspace: str = ACME) -> str:
        return self.slack.installations[self.slack_app.id, workspace].token

    # --- what most tests need first --------------------------------------------------------------------------------

    async def install(self, *workspaces: str) -> None:
        """Install into Acme, or into these workspaces, as their admins do it. What that called is forgotten."""
        admins = {ACME: self.ada, GLOBEX: self.gina}
        for workspace in workspaces or (ACME,):
            page = await admins[workspace].install(self.url)
            assert page.status == 200, page.text
        self.slack.calls.clear()

    async def add_source(
        self, workspace: str = ACME, *, kind: SourceKind = SourceKind.API, name: str = "Billing"
    ) -> tuple[str, str]:
        """Add a source without a form; answer its id and its webhook URL."""
        async with self.database.write() as session:
            added, key = await source.add(
                session, workspace, kind=kind, name=name, keyring=self.keyring, by="U0ADA", now=self.clock.now()
            )
        return added.id, f"{self.url}/in/{key}"

    async def destination_form(
        self, person: Person | None = None, *, channel: str = "C0REVENUE", more: bool = False
    ) -> Modal:
        """Open the form of a new destination; with `more` the one that asks for everything."""
        answered = await (person or self.ada).run("/mrr new", channel=channel)
        assert answered.modal is not None, answered.error or answered.words
        form = await answered.modal.click("More options") if more else answered.modal
        assert form is not None
        return form

    async def add_destination(
        self, name: str = "Every movement", channels: list[str] | None = None, *, person: Person | None = None
    ) -> None:
        channels = channels or ["C0REVENUE"]
        form = await self.destination_form(person, channel="C1SALES" if channels[0].startswith("C1") else "C0REVENUE")
        result = await form.submit({"Name": name, "Channels": channels})
        assert result.closed, result.errors or result.error

    async def home(self, person: Person | None = None) -> Home:
        """Open the Home tab, as it is now."""
        return await (person or self.ada).open_home()

    async def until(self, look: Callable[[], Awaitable[T]], *, seconds: float = PATIENCE) -> T:
        """Look again and again until there is something; for what no person in Slack could wait for."""
        ends = time.monotonic() + seconds
        while not (found := await look()):
            assert time.monotonic() < ends, "it never came"
            await asyncio.sleep(0.01)
        return found

    async def called(self, method: str) -> int:
        """Count the calls of a method that the local Slack took."""
        return len(await self.browser.calls(method))

    # --- what a source and Slack send ------------------------------------------------------------------------------

    async def move(self, webhook: str, name: str = "Northwind", **changes: Any) -> None:
        """Send a movement of the account with this name to a webhook."""
        answer = await self.try_to_move(webhook, name, **changes)
        assert (answer.status, answer.json["refused"]) == (200, []), answer.text

    async def try_to_move(self, webhook: str, name: str = "Northwind", **changes: Any) -> Answer:
        self.sent += 1
        movement = {
            "type": "movement",
            "id": f"move-{self.sent}",
            "kind": "expansion",
            "amount_minor": 42_000,
            "mrr_before_minor": 120_000,
            "currency": "USD",
            "occurred_at": self.clock.now().isoformat(),
            "account": {"external_id": name, "name": name},
        }
        return await self.post(webhook, json.dumps(movement | changes).encode(), kind="application/json")

    async def post(self, url: str, body: bytes, *, kind: str, headers: dict[str, str] | None = None) -> Answer:
        sent = {"Content-Type": kind, **(headers or {})}
        async with self.http.post(url, data=body, headers=sent) as response:
            return Answer(response.status, await response.text(), dict(response.headers))

    async def get(self, path: str, *, headers: dict[str, str] | None = None) -> Answer:
        async with self.http.get(self.url + path, headers=headers, allow_redirects=False) as response:
            return Answer(response.status, await response.text(), dict(response.headers))

    async def slack_sends(
        self, body: bytes, *, kind: str, headers: dict[str, str] | None = None, url: str | None = None
    ) -> Answer:
        """Send what nobody in the local Slack would: signed with the right secret all the same."""
        signed = signed_headers(self.slack_app.signing_secret, body, now=self.clock.seconds())
        return await self.post(
            url or f"{self.url}/slack/events", body, kind=kind, headers={**signed, **(headers or {})}
        )

    async def event(
        self,
        event: dict[str, Any],
        *,
        event_id: str | None = None,
        headers: dict[str, str] | None = None,
        **envelope: Any,
    ) -> Answer:
        workspace = envelope.get("team_id", ACME)
        body = {
            "type": "event_callback",
            "team_id": workspace,
            "api_app_id": self.slack_app.id,
            "event": {"event_ts": f"{self.clock.seconds():.6f}", **event},
            "event_id": event_id or f"Ev{secrets.token_hex(5)}",
            "event_time": int(self.clock.seconds()),
            "authorizations": [{"team_id": workspace, "user_id": "U0BOT", "is_bot": True}],
            **envelope,
        }
        return await self.slack_sends(json.dumps(body).encode(), kind="application/json", headers=headers)

    async def interaction(
        self, payload: dict[str, Any], *, user: str = "U0ADA", workspace: str = ACME, team: str | None = None
    ) -> Answer:
        """Send an interaction. `workspace` is where the app is installed, `team` where the user is at home."""
        whole = {
            "user": {"id": user, "username": user.lower(), "team_id": team or workspace},
            "team": {"id": workspace, "domain": "here"},
            "api_app_id": self.slack_app.id,
            "is_enterprise_install": False,
            **payload,
        }
        body = urlencode({"payload": json.dumps(whole)}).encode()
        return await self.slack_sends(body, kind="application/x-www-form-urlencoded")

    async def press(self, action: dict[str, Any], *, place: str = "home", **who: Any) -> Answer:
        """Press something that nobody could see: in the Home tab, or in a message in #revenue."""
        user, workspace = who.get("user", "U0ADA"), who.get("workspace", ACME)
        payload: dict[str, Any] = {
            "type": "block_actions",
            "trigger_id": self.trigger(user, workspace),
            "actions": [{"type": "button", "block_id": "b", "action_ts": "1.1", **action}],
        }
        if place == "message":
            payload["response_url"] = self.response_url(user, workspace)
            payload["container"] = {"type": "message", "channel_id": "C0REVENUE", "message_ts": "1.1"}
            payload["channel"] = {"id": "C0REVENUE", "name": "revenue"}
        else:
            payload["view"] = {"id": "V1", "type": "home", "team_id": workspace, "blocks": [], "state": {"values": {}}}
        return await self.interaction(payload, **who)

    async def submit(self, view: dict[str, Any], **who: Any) -> Answer:
        """Submit a form that nobody could have been shown."""
        workspace = who.get("workspace", ACME)
        view_id = f"V{secrets.token_hex(5)}"
        whole = {"id": view_id, "type": "modal", "team_id": workspace, "blocks": [], "state": {"values": {}}, **view}
        trigger = self.trigger(who.get("user", "U0ADA"), workspace)
        return await self.interaction({"type": "view_submission", "trigger_id": trigger, "view": whole}, **who)

    def trigger(self, user: str = "U0ADA", workspace: str = ACME) -> str:
        return self.slack.make_trigger(self.slack_app.id, workspace, user).id

    def response_url(self, user: str = "U0ADA", workspace: str = ACME, *, channel: str = "C0REVENUE") -> str:
        place = self.slack.channels[channel]
        right = self.slack.make_response_url(self.slack_app.id, place, user, workspace_id=workspace)
        return f"{self.sandbox.url}/actions/{workspace}/{right.id}"

    async def command(self, text: str, *, command: str = "/mrr", **fields: str) -> Answer:
        form = {
            "command": command,
            "text": text,
            "team_id": ACME,
            "user_id": "U0ADA",
            "channel_id": "C0REVENUE",
            "channel_name": "revenue",
            "api_app_id": self.slack_app.id,
            "trigger_id": self.trigger(fields.get("user_id", "U0ADA"), fields.get("team_id", ACME)),
            "response_url": self.response_url(),
            **fields,
        }
        return await self.slack_sends(urlencode(form).encode(), kind="application/x-www-form-urlencoded")


def free_port() -> int:
    """Find a port that nobody uses, nor is given: those from which machines begin connections lie above.

    Each of the processes that run tests side by side has ports of its own, and takes one after the other.
    """
    first = 10_000 + PORTS_EACH * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 22)
    while True:
        port = first + next(TAKEN) % PORTS_EACH
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port


PORTS_EACH = 1_000
TAKEN = itertools.count(secrets.randbelow(PORTS_EACH))


def settings_for(database_url: str, *, slack_port: int, **changes: Any) -> Settings:
    port = free_port()
    return Settings(
        _env_file=None,
        **{
            "database_url": database_url,
            "public_url": f"http://{HOST}:{port}",
            "host": HOST,
            "port": port,
            "slack_client_id": "1000000000.2000000000",
            "slack_client_secret": SecretStr(secrets.token_hex(16)),
            "slack_signing_secret": SecretStr(secrets.token_hex(16)),
            "slack_api_url": f"http://{HOST}:{slack_port}/api/",
            "slack_authorize_url": f"http://{HOST}:{slack_port}/oauth/v2/authorize",
            "secret_keys": (SecretStr(Keyring.new_key()),),
            "installers": "admins",
            "log_level": "debug",
            "log_format": "json",
            **changes,
        },
    )


@asynccontextmanager
async def staged(
    database_url: str,
    *,
    limits: Limits = UNLIMITED,
    edit_manifest: Callable[[dict[str, Any]], None] = lambda _manifest: None,
    incomplete: dict[str, Any] | None = None,
    keeps_logs: bool = True,
    **changes: Any,
) -> AsyncIterator[Stage]:
    """Start the local Slack and the app beside it, over the database of this URL.

    `changes` are settings; `incomplete` are those that the app alone reads differently. Where the stage doesn't keep
    the log lines, they go where logging is configured to send them.
    """
    slack_port, clock = free_port(), Clock()
    settings = settings_for(database_url, slack_port=slack_port, **changes)
    described = manifest.load(settings.address)
    edit_manifest(described)
    slack_app = SlackApp(
        client_id=settings.slack_client_id,
        client_secret=settings.slack_client_secret.get_secret_value(),
        signing_secret=settings.slack_signing_secret.get_secret_value(),
        manifest=described,
        base_url=settings.address,
    )
    app = Runrate(settings.model_copy(update=incomplete or {}), now=clock.now)
    chaos = Chaos(app, now=clock.now, pause=WITHOUT_A_WORKER)

    async def travel(to: datetime) -> None:
        clock.jump(to)
        await app.database.wakeups.notify(*Topic)

    sandbox = Sandbox(
        apps=[slack_app],
        now=clock.seconds,
        limits=limits,
        retry_scale=RETRIES_AT_ONCE,
        travel=travel,
        levers=chaos.levers,
        readings=chaos.readings,
        pretend_domains={HOST: settings.address},
    )
    sandbox.outbound.answer_seconds = sandbox.state.trigger_seconds = PATIENCE
    listening.TIME_LIMIT, listening.LAST_WORDS = PATIENCE - 1, PATIENCE
    home.PICTURE_LIMIT = home.REFRESH_LIMIT = PATIENCE
    channels.CHECK_LIMIT = recipients.CHECK_LIMIT = PATIENCE
    dispatch.ASKED_WITHIN = PATIENCE
    keyring = Keyring([key.get_secret_value() for key in settings.secret_keys])
    async with AsyncExitStack() as stack:
        logs = stack.enter_context(capture_logs()) if keeps_logs else []
        await sandbox.start(host=HOST, port=slack_port)
        stack.push_async_callback(sandbox.stop)
        browser = await stack.enter_async_context(Browser(sandbox.url))
        stack.push_async_callback(app.stop)
        stack.push_async_callback(chaos.stop)
        await app.start()
        yield Stage(sandbox, app, settings, browser, clock, keyring, logs)


@pytest.fixture
async def stage(database: Database, database_url: str) -> AsyncIterator[Stage]:  # the database is empty at the start
    """Give the product, installed nowhere yet."""
    async with staged(database_url) as stage:
        yield stage


@pytest.fixture
async def acme(stage: Stage) -> Stage:
    """Give the product, installed in Acme."""
    await stage.install()
    return stage
