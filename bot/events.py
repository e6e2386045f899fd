"""`/slack/events`: what Slack sends, checked and handed to Bolt; and what its signatures tell of our set-up."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_sdk.signature import Clock, SignatureVerifier

from handlers import checklist
from handlers.envelope import workspace_of

log = structlog.get_logger()

EVENTS_PATH = "/slack/events"


@dataclass
class Heard:
    """What this process knows of Slack's requests, for the set-up page's checklist."""

    refused_at: datetime | None = None
    skew: timedelta | None = None
    anything: bool = False


class Events:
    """The one address for events, commands, interactivity and options."""

    def __init__(self, app: AsyncApp, *, signing_secret: str, now: Callable[[], datetime]) -> None:
        """Take the Bolt app that handles what was checked."""
        self._app = app
        self._verifier = SignatureVerifier(signing_secret, clock=_OurClock(now))
        self._now = now
        self.heard = Heard()

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [web.post(EVENTS_PATH, self._receive)]

    async def _receive(self, request: web.Request) -> web.Response:
        """Refuse what isn't signed by Slack, with nothing of it in the log; hand the rest to Bolt."""
        body = await request.read()
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not self._is_signed(body, timestamp, signature):
            if body.startswith(b"ssl_check=1"):  # Slack looks at our certificate, unsigned; nothing is asked for.
                return web.Response()
            self.heard.refused_at = self._now()
            log.warning("slack_signature_refused")
            return web.json_response({"error": "invalid_signature"}, status=401)
        self.heard.anything = True
        self.heard.skew = checklist.skew_from_timestamp(timestamp, now=self._now())
        asked = await to_bolt_request(request)
        context = asked.context
        context["team_id"] = workspace_of(asked.body, read=context.team_id, enterprise_id=context.enterprise_id)
        response: web.Response = await to_aiohttp_response(await self._app.async_dispatch(asked))
        return response

    def _is_signed(self, body: bytes, timestamp: str, signature: str) -> bool:
        """Check the signature and that it is at most five minutes old."""
        try:
            return self._verifier.is_valid(body, timestamp, signature)
        except (ValueError, OverflowError, TypeError):
            # A timestamp that is no number, or a body or signature in characters that Slack never sends.
            return False


class _OurClock(Clock):
    """Tells the SDK the time by the clock that was handed to us."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def now(self) -> float:
        return self._now().timestamp()
