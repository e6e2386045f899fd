"""OAuth: from “Add to Slack” to an installation. Every way in which it can end is a page that says what to do."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import aiohttp
import structlog
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.settings import Settings
from handlers import home, pages, problems
from handlers.desk import Desk, Visitor
from handlers.pages import InstalledPage, OrgInstalledPage
from handlers.problems import Problem
from handlers.slack_code import slack_code
from models import installation, organisation, person, scope
from models.database import Database
from models.installation import STATE_LIFE, Grant, Granted
from models.organisation import OrgGrant
from models.secret import Keyring

log = structlog.get_logger()

INSTALL_PATH = "/slack/install"
REDIRECT_PATH = "/slack/oauth_redirect"
COOKIE = "runrate-install"
MOST_TEAMS = 1000
"""As many workspaces of an organisation Slack names at once; the hourly reconciling asks for more."""


class NotInstalledError(Exception):
    """The installation ended early; `problem` is the page for it."""

    def __init__(self, problem: Problem) -> None:
        """Take the page's content."""
        super().__init__(problem.code)
        self.problem = problem


@dataclass(frozen=True)
class Candidate:
    """What Slack granted, and who asked for it, before we decide to keep it."""

    grant: Grant | OrgGrant
    workspace_url: str
    installer: dict[str, Any]
    workspaces: Mapping[str, str]
    """Of an organisation: the names of the workspaces into which it let us already, by their ids."""

    @property
    def name(self) -> str:
        """The name of the workspace, or of the organisation."""
        return self.grant.name if isinstance(self.grant, OrgGrant) else self.grant.workspace_name


class Oauth:
    """The two addresses of the flow."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        keyring: Keyring | None,
        session: aiohttp.ClientSession,
        now: Callable[[], datetime],
    ) -> None:
        """Take what is needed; without a keyring nobody can install, and the page says what to set."""
        self._settings = settings
        self._database = database
        self._keyring = keyring
        self._now = now
        self._client = AsyncWebClient(base_url=settings.slack_api_url, session=session, retry_handlers=[])
        self._redirect_uri = settings.address + REDIRECT_PATH
        self._install_url = settings.address + INSTALL_PATH

    def routes(self) -> list[web.RouteDef]:
        """List the routes."""
        return [web.get(INSTALL_PATH, self._install), web.get(REDIRECT_PATH, self._returned)]

    async def _install(self, request: web.Request) -> web.StreamResponse:
        """Send the browser to Slack with a state that only this browser can bring back."""
        if self._settings.missing or self._keyring is None:
            return pages.problem_answer(problems.misconfigured(self._settings.missing))
        if pages.visited_address(request) != self._settings.address and "here" not in request.query:
            # The cookie must be set on the host to which Slack sends the browser back.
            raise web.HTTPFound(f"{self._install_url}?here=1")
        state, browser = secrets.token_urlsafe(32), request.cookies.get(COOKIE) or secrets.token_urlsafe(32)
        async with self._database.write() as session:
            await installation.remember_state(session, state=state, browser=browser, now=self._now())
        response = web.Response(status=302, headers={"Location": self._authorize_url(state)})
        response.set_cookie(
            COOKIE,
            browser,
            max_age=int(STATE_LIFE.total_seconds()),
            path="/slack",
            secure=self._settings.address.startswith("https:"),
            httponly=True,
            samesite="Lax",
        )
        return response

    def _authorize_url(self, state: str) -> str:
        query = {
            "client_id": self._settings.slack_client_id,
            "scope": scope.requested(),
            "redirect_uri": self._redirect_uri,
            "state": state,
        }
        return f"{self._settings.slack_authorize_url}?{urlencode(query)}"

    async def _returned(self, request: web.Request) -> web.StreamResponse:
        """Take the browser back from Slack."""
        if self._settings.missing or self._keyring is None:
            return pages.problem_answer(problems.misconfigured(self._settings.missing))
        try:
            await self._check_state(request)
            granted = await self._exchange(request.query.get("code", ""))
            candidate, again = await self._admit(granted)
        except NotInstalledError as ending:
            log.info("not_installed", problem=ending.problem.code)
            return pages.problem_answer(ending.problem)
        match candidate.grant:
            case OrgGrant() as grant:
                await self._install_organisation(grant, candidate.workspaces, self._keyring)
                return pages.answer(pages.org_installed_page(_org_installed_page(grant, candidate)))
            case Grant() as grant:
                await self._install_workspace(grant, candidate, self._keyring, again=again)
                return pages.answer(pages.installed_page(_installed_page(grant, candidate, again=again)))

    async def _install_workspace(self, grant: Grant, candidate: Candidate, keyring: Keyring, *, again: bool) -> None:
        """Keep a workspace's grant, and show the installer what to do first."""
        async with self._database.write() as session:
            await installation.save(session, grant, keyring=keyring, now=self._now())
            await person.remember(session, grant.workspace_id, candidate.installer, now=self._now())
        log.info("installed", workspace_id=grant.workspace_id, again=again)
        await self._show_home(grant, keyring)

    async def _install_organisation(self, grant: OrgGrant, workspaces: Mapping[str, str], keyring: Keyring) -> None:
        """Keep an organisation's grant, and install in the workspaces into which it let us already."""
        now = self._now()
        async with self._database.write() as session:
            await organisation.save(session, grant, keyring=keyring, now=now)
            org = await organisation.get(session, grant.enterprise_id)
            if org is not None:
                await organisation.grant_access(session, org, workspaces, keyring=keyring, now=now)
        log.info("installed_in_organisation", enterprise_id=grant.enterprise_id, workspaces=len(workspaces))

    async def _show_home(self, grant: Grant, keyring: Keyring) -> None:
        """Show the installer the Home tab: Slack may have told of its opening before we had a token to draw it with."""
        desk = Desk(database=self._database, keyring=keyring, public_url=self._settings.address, now=self._now)
        client = AsyncWebClient(
            token=grant.token,
            base_url=self._client.base_url,
            session=self._client.session,
            retry_handlers=[],
        )
        await home.refresh(desk, client, Visitor(grant.workspace_id, grant.installed_by))

    async def _check_state(self, request: web.Request) -> None:
        """Use the state up, whatever else Slack says; then see whether the person pressed Cancel."""
        state, browser = request.query.get("state", ""), request.cookies.get(COOKIE, "")
        async with self._database.write() as session:
            verdict = await installation.use_state(session, state=state, browser=browser, now=self._now())
        if verdict != "ok":
            raise NotInstalledError(problems.state_refused(verdict, install_url=self._install_url))
        match request.query.get("error"):
            case None:
                return
            case "access_denied":
                raise NotInstalledError(problems.cancelled())
            case code:
                raise NotInstalledError(problems.exchange_failed(code, install_url=self._install_url))

    async def _exchange(self, code: str) -> dict[str, Any]:
        """Change the code into what was granted."""
        with self._explained():
            answer = await self._client.oauth_v2_access(
                client_id=self._settings.slack_client_id,
                client_secret=self._settings.slack_client_secret.get_secret_value(),
                code=code,
                redirect_uri=self._redirect_uri,
            )
        return dict(answer.data)  # type: ignore[arg-type]

    async def _admit(self, granted: dict[str, Any]) -> tuple[Candidate, bool]:
        """Decide whether the grant is kept; answer who installs, and whether the workspace had installed us before.

        A grant that isn't kept is given back, unless that would end an installation which works.
        """
        async with self._database.read() as session:
            find = organisation.get if _is_org_wide(granted) else installation.get
            before: Granted | None = await find(session, _tenant(granted)["id"])
        is_installed = before is not None and before.revoked_at is None
        try:
            self._check_scopes(granted)
            candidate = await self._identify(granted)
            self._check_installer(candidate, is_installed=is_installed)
        except NotInstalledError:
            if not is_installed:
                await self._give_back(granted["access_token"])
            raise
        return candidate, before is not None

    async def _identify(self, granted: dict[str, Any]) -> Candidate:
        """Ask who we are with the new token, and who installs."""
        token = str(granted["access_token"])
        with self._explained():
            identity = await self._client.auth_test(token=token)
            installer = await self._client.users_info(token=token, user=granted["authed_user"]["id"])
            told = await self._client.auth_teams_list(token=token, limit=MOST_TEAMS) if _is_org_wide(granted) else None
        grant = _grant(granted, bot_id=str(identity["bot_id"]))
        workspaces = {team["id"]: team["name"] for team in told["teams"]} if told is not None else {}
        return Candidate(grant, str(identity.get("url") or ""), dict(installer["user"]), workspaces)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Make a page of what Slack refuses, and of its silence."""
        try:
            yield
        except SlackApiError as error:
            problem = problems.exchange_failed(slack_code(error), install_url=self._install_url)
            raise NotInstalledError(problem) from error
        except (aiohttp.ClientError, OSError) as error:
            raise NotInstalledError(problems.exchange_failed(None, install_url=self._install_url)) from error

    def _check_scopes(self, granted: dict[str, Any]) -> None:
        missing = scope.missing(scope.parse(str(granted["scope"])))
        if missing:
            raise NotInstalledError(problems.missing_scopes(missing, install_url=self._install_url))

    def _check_installer(self, candidate: Candidate, *, is_installed: bool) -> None:
        ranks = (candidate.installer, candidate.installer.get("enterprise_user") or {})
        is_admin = any(one.get(rank) for one in ranks for rank in ("is_admin", "is_owner", "is_primary_owner"))
        if self._settings.installers == "admins" and not is_admin:
            problem = problems.not_an_admin(
                candidate.name,
                install_url=self._install_url,
                setup_url=self._settings.address,
                is_installed=is_installed,
            )
            raise NotInstalledError(problem)

    async def _give_back(self, token: str) -> None:
        try:
            await self._client.auth_revoke(token=token)
        except (SlackApiError, aiohttp.ClientError, OSError) as error:
            log.warning("grant_not_given_back", error=type(error).__name__)


def _is_org_wide(granted: dict[str, Any]) -> bool:
    return bool(granted.get("is_enterprise_install"))


def _tenant(granted: dict[str, Any]) -> dict[str, Any]:
    """Say who granted it: a workspace, or a whole organisation."""
    tenant: dict[str, Any] = granted["enterprise" if _is_org_wide(granted) else "team"]
    return tenant


def _grant(answer: dict[str, Any], *, bot_id: str) -> Grant | OrgGrant:
    """Read Slack's answer."""
    tenant = _tenant(answer)
    tenant_id, name = str(tenant["id"]), str(tenant.get("name") or tenant["id"])
    bot: dict[str, Any] = {
        "app_id": str(answer["app_id"]),
        "bot_id": bot_id,
        "bot_user_id": str(answer["bot_user_id"]),
        "token": str(answer["access_token"]),
        "scopes": sorted(scope.parse(str(answer["scope"]))),
        "installed_by": str(answer["authed_user"]["id"]),
    }
    if _is_org_wide(answer):
        return OrgGrant(enterprise_id=tenant_id, name=name, **bot)
    enterprise_id = (answer.get("enterprise") or {}).get("id")
    return Grant(workspace_id=tenant_id, workspace_name=name, enterprise_id=enterprise_id, **bot)


def _org_installed_page(grant: OrgGrant, candidate: Candidate) -> OrgInstalledPage:
    return OrgInstalledPage(
        organisation=grant.name,
        enterprise_id=grant.enterprise_id,
        app_id=grant.app_id,
        slack_url=candidate.workspace_url,
        workspaces=sorted(candidate.workspaces.values()),
        left_out=scope.missing(grant.scopes, among=scope.OPTIONAL),
    )


def _installed_page(grant: Grant, candidate: Candidate, *, again: bool) -> InstalledPage:
    return InstalledPage(
        workspace=grant.workspace_name,
        workspace_id=grant.workspace_id,
        app_id=grant.app_id,
        workspace_url=candidate.workspace_url,
        again=again,
        left_out=scope.missing(grant.scopes, among=scope.OPTIONAL),
    )
