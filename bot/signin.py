"""Sign in with Slack (OpenID Connect): from a page to Slack and back, with the person's session in a cookie."""

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import aiohttp
import structlog
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.settings import Settings
from handlers import gate, pages, problems
from handlers import session as sessions
from handlers.problems import Problem
from handlers.session import Session
from handlers.slack_code import slack_code
from models import installation
from models.database import Database
from models.installation import STATE_LIFE
from models.secret import Keyring

log = structlog.get_logger()

SIGN_IN_PATH = "/slack/signin"
RETURN_PATH = "/slack/signin/callback"
COOKIE = "runrate-signin"
SCOPES = "openid profile email"
WORKSPACE, USER = "https://slack.com/team_id", "https://slack.com/user_id"


class NotSignedInError(Exception):
    """The sign-in ended early; `problem` is the page for it."""

    def __init__(self, problem: Problem) -> None:
        """Take the page's content."""
        super().__init__(problem.code)
        self.problem = problem


class SignIn:
    """The two addresses of the flow. The state names the page to go back to, and counts once."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        keyring: Keyring,
        session: aiohttp.ClientSession,
        now: Callable[[], datetime],
    ) -> None:
        """Take what is needed."""
        self._settings = settings
        self._database = database
        self._keyring = keyring
        self._now = now
        self._client = AsyncWebClient(base_url=settings.slack_api_url, session=session, retry_handlers=[])
        self._return_url = settings.address + RETURN_PATH
        self._is_encrypted = settings.address.startswith("https:")

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [web.get(SIGN_IN_PATH, self._start), web.get(RETURN_PATH, self._returned)]

    async def _start(self, request: web.Request) -> web.StreamResponse:
        """Send the browser to Slack with a state that only this browser can bring back."""
        place = request.query.get("page", "")
        if not gate.PLACE.fullmatch(place):
            raise web.HTTPNotFound
        if pages.visited_address(request) != self._settings.address and "here" not in request.query:
            # The cookie must be set on the host to which Slack sends the browser back.
            raise web.HTTPFound(f"{self._sign_in_url(place)}&here=1")
        state = f"{secrets.token_urlsafe(32)}.{place}"
        browser = request.cookies.get(COOKIE) or secrets.token_urlsafe(32)
        async with self._database.write() as session:
            await installation.remember_state(session, state=state, browser=browser, now=self._now())
        response = web.Response(status=302, headers={"Location": self._authorize_url(state)})
        response.set_cookie(
            COOKIE,
            browser,
            max_age=int(STATE_LIFE.total_seconds()),
            path=SIGN_IN_PATH,
            secure=self._is_encrypted,
            httponly=True,
            samesite="Lax",
        )
        return response

    def _authorize_url(self, state: str) -> str:
        query = {
            "response_type": "code",
            "client_id": self._settings.slack_client_id,
            "scope": SCOPES,
            "redirect_uri": self._return_url,
            "state": state,
        }
        return f"{self._settings.slack_sign_in_url}?{urlencode(query)}"

    def _sign_in_url(self, place: str) -> str:
        return f"{self._settings.address}{SIGN_IN_PATH}?{urlencode({'page': place})}"

    async def _returned(self, request: web.Request) -> web.StreamResponse:
        """Take the browser back from Slack, and lead it to the page."""
        place = request.query.get("state", "").rpartition(".")[2]
        if not gate.PLACE.fullmatch(place):
            raise web.HTTPNotFound
        sign_in_url = self._sign_in_url(place)
        try:
            await self._check_state(request, sign_in_url)
            signed_in = await self._exchange(request.query.get("code", ""), sign_in_url)
        except NotSignedInError as ending:
            log.info("not_signed_in", problem=ending.problem.code)
            return pages.problem_answer(ending.problem)
        path = gate.path_of(place)
        address = f"{self._settings.address}{path}{'&' if '?' in path else '?'}{gate.SIGNED_IN}=1"
        response = web.Response(status=302, headers={"Location": address})
        sessions.start(response, signed_in, keyring=self._keyring, now=self._now(), is_encrypted=self._is_encrypted)
        log.info("signed_in", workspace_id=signed_in.workspace_id)
        return response

    async def _check_state(self, request: web.Request, sign_in_url: str) -> None:
        """Use the state up, whatever else Slack says; then see whether the person pressed Cancel."""
        state, browser = request.query.get("state", ""), request.cookies.get(COOKIE, "")
        async with self._database.write() as session:
            verdict = await installation.use_state(session, state=state, browser=browser, now=self._now())
        if verdict != "ok":
            raise NotSignedInError(problems.sign_in_refused(verdict, sign_in_url))
        match request.query.get("error"):
            case None:
                return
            case "access_denied":
                raise NotSignedInError(problems.sign_in_cancelled(sign_in_url))
            case code:
                raise NotSignedInError(problems.sign_in_failed(code, sign_in_url))

    async def _exchange(self, code: str, sign_in_url: str) -> Session:
        """Change the code into who it is. Slack tells us directly, so that no signature has to be checked."""
        try:
            granted = await self._client.openid_connect_token(
                client_id=self._settings.slack_client_id,
                client_secret=self._settings.slack_client_secret.get_secret_value(),
                code=code,
                redirect_uri=self._return_url,
                grant_type="authorization_code",
            )
            told = await self._client.openid_connect_userInfo(token=granted["access_token"])
        except SlackApiError as error:
            raise NotSignedInError(problems.sign_in_failed(slack_code(error), sign_in_url)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise NotSignedInError(problems.sign_in_failed(None, sign_in_url)) from error
        return _session(dict(told.data))  # type: ignore[arg-type]


def _session(told: dict[str, Any]) -> Session:
    return Session(str(told[WORKSPACE]), str(told[USER]))
