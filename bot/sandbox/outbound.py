"""What Slack sends to an app: signed events with their retries, and requests whose answer a person waits for."""

import asyncio
import hashlib
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson

from bot.sandbox.app import SlackApp
from bot.sandbox.records import Json, Workspace
from bot.sandbox.signing import signed_headers
from bot.sandbox.state import Slack

ANSWER_SECONDS = 3.0
RETRY_DELAYS = (0.0, 60.0, 300.0)
REDIRECTS = 2
DELIVERIES_KEPT = 10_000
AGENT = "Slackbot 1.0 (+https://api.slack.com/robots)"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
# aiohttp counts the request that is refused, too.
MAX_REDIRECTS = REDIRECTS + 1
FAILURES: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, "http_timeout"),
    (aiohttp.TooManyRedirects, "too_many_redirects"),
    (aiohttp.ClientSSLError, "ssl_error"),
    (aiohttp.ClientConnectionError, "connection_failed"),
    (aiohttp.ClientError, "unknown_error"),
)


@dataclass(frozen=True)
class Answer:
    """What came of one request to the app. `failure` is a reason in the words of `x-slack-retry-reason`."""

    status: int | None = None
    body: bytes = b""
    failure: str | None = None
    no_retry: bool = False

    @property
    def ok(self) -> bool:
        return self.failure is None

    @property
    def timed_out(self) -> bool:
        return self.failure == "http_timeout"

    def json(self) -> Any:
        """Read the body: None when it is empty, the text itself when it is no JSON."""
        if not self.body.strip():
            return None
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return self.body.decode(errors="replace")


@dataclass
class Delivery:
    """One event on its way to one app, with what came of each attempt."""

    app_id: str
    workspace_id: str
    envelope: Json
    answers: list[Answer] = field(default_factory=list)
    tried: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def delivered(self) -> bool:
        return any(answer.ok for answer in self.answers)


class Outbound:
    """Delivers to apps. `time_scale` shortens the waits between retries, `answer_seconds` what an app may take."""

    def __init__(self, slack: Slack, *, time_scale: float = 1.0, answer_seconds: float = ANSWER_SECONDS) -> None:
        self.deliveries: deque[Delivery] = deque(maxlen=DELIVERIES_KEPT)
        self.time_scale = time_scale
        self.answer_seconds = answer_seconds
        self._slack = slack
        self._session: aiohttp.ClientSession | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        # A connection kept alive could be one that a restarted app has long forgotten.
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))

    async def stop(self) -> None:
        """Forget the retries still to come and close the connections."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        if self._session:
            await self._session.close()
            self._session = None

    async def settled(self) -> None:
        """Wait until nothing is under way, the retries included."""
        while self._under_way:
            await asyncio.gather(*self._under_way)

    async def tried(self) -> None:
        """Wait until each event under way was sent once, whatever came of it."""
        await asyncio.gather(*(one.tried.wait() for one in self.deliveries if not one.tried.is_set()))

    async def emit(self, app: SlackApp, workspace: Workspace, event: Json) -> None:
        """Put an event on its way; the caller does not wait for it."""
        self.send(app, workspace, event)

    def send(self, app: SlackApp, workspace: Workspace, event: Json) -> Delivery:
        delivery = Delivery(app.id, workspace.id, self._envelope(app, workspace, event))
        self.deliveries.append(delivery)
        task = asyncio.create_task(self._deliver(app, delivery))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return delivery

    async def verify_url(self, app: SlackApp) -> bool:
        """Ask the app to repeat a challenge, as Slack does when a request URL is entered."""
        challenge = self._slack.next_id("challenge")
        asked = {"token": verification_token(app), "challenge": challenge, "type": "url_verification"}
        answer = await self._post(app, app.events_url, orjson.dumps(asked), JSON)
        said = answer.json()
        return answer.ok and challenge in (said, said.get("challenge") if isinstance(said, dict) else None)

    async def command(self, app: SlackApp, url: str | None, form: dict[str, str]) -> Answer:
        return await self._post(app, url, urlencode(form).encode(), FORM)

    async def interaction(self, app: SlackApp, payload: Json) -> Answer:
        return await self._post(app, app.interactivity_url, _payload_form(payload), FORM)

    async def options(self, app: SlackApp, payload: Json) -> Answer:
        return await self._post(app, app.options_url, _payload_form(payload), FORM)

    async def _deliver(self, app: SlackApp, delivery: Delivery) -> None:
        body = orjson.dumps(delivery.envelope)
        answer = await self._attempt(app, delivery, body, {})
        for number, delay in enumerate(RETRY_DELAYS, start=1):
            if answer.no_retry or (answer.ok and number >= self._slack.event_copies):
                return
            await asyncio.sleep(delay * self.time_scale if not answer.ok else 0)
            again = {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": answer.failure or "http_timeout"}
            answer = await self._attempt(app, delivery, body, again)

    async def _attempt(self, app: SlackApp, delivery: Delivery, body: bytes, headers: dict[str, str]) -> Answer:
        answer = await self._post(app, app.events_url, body, JSON, headers)
        delivery.answers.append(answer)
        delivery.tried.set()
        self._slack.changes.add("delivery", delivery.workspace_id, event=delivery.envelope["event"]["type"])
        return answer

    async def _post(
        self, app: SlackApp, url: str | None, body: bytes, kind: str, headers: dict[str, str] | None = None
    ) -> Answer:
        if url is None:
            return Answer(failure="connection_failed")
        signed = signed_headers(app.signing_secret, body, now=self._slack.now())
        sent = {"User-Agent": AGENT, "Accept": "*/*", "Content-Type": kind, **signed, **(headers or {})}
        try:
            async with (
                asyncio.timeout(self.answer_seconds),
                self._connections().post(url, data=body, headers=sent, max_redirects=MAX_REDIRECTS) as response,
            ):
                return _answer(response.status, await response.read(), dict(response.headers))
        except (TimeoutError, aiohttp.ClientError) as error:
            return Answer(failure=next(reason for kind, reason in FAILURES if isinstance(error, kind)))

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("The sandbox sends nothing before it is started.")
        return self._session

    def _envelope(self, app: SlackApp, workspace: Workspace, event: Json) -> Json:
        installation = self._slack.installations.get((app.id, workspace.id))
        channel = self._slack.channels.get(_channel_id(event))
        org = self._slack.organisation_of(app.id, workspace.id)
        enterprise_id = org.id if org else None
        authorization = {
            "enterprise_id": enterprise_id,
            "team_id": None if org else workspace.id,
            "user_id": installation.bot_user_id if installation else "",
            "is_bot": True,
            "is_enterprise_install": org is not None,
        }
        # What concerns a whole organisation happened in no workspace of it.
        team_id = None if org and org.id == workspace.id else workspace.id
        return {
            "token": verification_token(app),
            "team_id": team_id,
            **({"enterprise_id": enterprise_id} if org else {}),
            "context_team_id": team_id,
            "context_enterprise_id": enterprise_id,
            "api_app_id": app.id,
            "event": event,
            "type": "event_callback",
            "event_id": self._slack.next_id("Ev"),
            "event_time": int(self._slack.now()),
            "authorizations": [authorization],
            "is_ext_shared_channel": bool(channel and channel.is_ext_shared),
            "event_context": f"4-{self._slack.next_id('')}",
        }


def verification_token(app: SlackApp) -> str:
    """The app's deprecated verification token: Slack still sends it, nobody should look at it."""
    return hashlib.sha256(app.client_id.encode()).hexdigest()[:24]


def _answer(status: int, body: bytes, headers: dict[str, str]) -> Answer:
    no_retry = any(name.lower() == "x-slack-no-retry" and value == "1" for name, value in headers.items())
    failure = None if status in range(200, 300) else "http_error"
    return Answer(status, body, failure, no_retry)


def _payload_form(payload: Json) -> bytes:
    return urlencode({"payload": orjson.dumps(payload).decode()}).encode()


def _channel_id(event: Json) -> str:
    channel = event.get("channel")
    return str(channel["id"] if isinstance(channel, dict) else channel)
