"""A local Slack for the tests of its Web API: its clock stands still, and what it tells the app is written down."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import UNLIMITED, Limits, Sandbox, SlackApp
from bot.sandbox.people import ACME, ADA

REQUIRED = [
    "commands",
    "chat:write",
    "chat:write.customize",
    "channels:read",
    "groups:read",
    "channels:join",
    "app_mentions:read",
    "links:read",
    "links:write",
    "users:read",
    "users:read.email",
    "im:write",
    "mpim:write",
    "usergroups:read",
]
OPTIONAL = ["channels:history", "groups:history", "im:history", "mpim:history"]
EXTRA = [
    "files:read",
    "files:write",
    "im:read",
    "mpim:read",
    "team:read",
    "users.profile:read",
    "channels:manage",
    "groups:write",
]
EVENTS = [
    "app_uninstalled",
    "tokens_revoked",
    "member_joined_channel",
    "member_left_channel",
    "channel_archive",
    "channel_unarchive",
    "channel_rename",
    "channel_deleted",
    "channel_id_changed",
    "channel_shared",
    "channel_unshared",
    "channel_left",
    "group_archive",
    "group_rename",
    "group_left",
    "user_change",
    "team_join",
    "team_rename",
]
MANIFEST: dict[str, Any] = {
    "display_information": {"name": "Sample"},
    "features": {
        "app_home": {"home_tab_enabled": True, "messages_tab_enabled": True, "messages_tab_read_only_enabled": True},
        "bot_user": {"display_name": "Sample"},
        "slash_commands": [{"command": "/sample", "url": "{PUBLIC_URL}/slack/events", "description": "Says hello"}],
        "unfurl_domains": ["example.test"],
    },
    "oauth_config": {
        "redirect_urls": ["{PUBLIC_URL}/slack/oauth_redirect"],
        "scopes": {"bot": [*REQUIRED, *EXTRA], "bot_optional": OPTIONAL},
    },
    "settings": {
        "event_subscriptions": {"request_url": "{PUBLIC_URL}/slack/events", "bot_events": EVENTS},
        "interactivity": {"is_enabled": True, "request_url": "{PUBLIC_URL}/slack/events"},
    },
}


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    at: float = 1_763_283_600.0

    def __call__(self) -> float:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += seconds


@dataclass
class Told:
    """What the app was told: (workspace id, event)."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def emit(self, _app: SlackApp, workspace: Any, event: dict[str, Any]) -> None:
        self.events.append((workspace.id, event))

    def types(self, workspace_id: str = ACME) -> list[str]:
        return [event["type"] for told, event in self.events if told == workspace_id]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits() -> Limits:
    return UNLIMITED


@pytest.fixture
def slack_app() -> SlackApp:
    return SlackApp("111.222", "client-secret", "signing-secret", MANIFEST, "http://127.0.0.1:9")


@pytest.fixture
async def sandbox(clock: Clock, limits: Limits, slack_app: SlackApp) -> AsyncIterator[Sandbox]:
    sandbox = Sandbox(apps=[slack_app], now=clock, limits=limits)
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


@pytest.fixture
def told(sandbox: Sandbox) -> Told:
    """Write down what the app would be told."""
    told = Told()
    sandbox.state.emit = told.emit
    return told


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def client_for(
    sandbox: Sandbox, slack_app: SlackApp, told: Told, http: aiohttp.ClientSession
) -> Callable[..., AsyncWebClient]:
    """Install the app with some scopes into a workspace, and give Slack's own client for it."""

    def build(workspace_id: str = ACME, *, scopes: list[str] | None = None, by: str = ADA) -> AsyncWebClient:
        granted = [*REQUIRED, *OPTIONAL, *EXTRA] if scopes is None else scopes
        token = sandbox.state.install(slack_app, workspace_id, by, granted).token
        return AsyncWebClient(token=token, base_url=f"{sandbox.url}/api/", session=http, retry_handlers=[])

    return build


@pytest.fixture
def client(client_for: Callable[..., AsyncWebClient]) -> AsyncWebClient:
    return client_for()


@pytest.fixture
def refused() -> Callable[[Awaitable[Any]], Awaitable[Any]]:
    """Wait for a call that Slack refuses, and give its answer."""

    async def answer(call: Awaitable[Any]) -> Any:
        with pytest.raises(SlackApiError) as caught:
            await call
        return caught.value.response

    return answer
