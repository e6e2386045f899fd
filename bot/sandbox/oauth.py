"""The authorise page: who installs which app, with which scopes, and the way back to the app."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from aiohttp import web
from jinja2 import Environment, FileSystemLoader

from bot.sandbox import scopes
from bot.sandbox.app import SlackApp
from bot.sandbox.people import SLACKBOT
from bot.sandbox.records import OAuthCode, Person
from bot.sandbox.remembered import remember, remembered
from bot.sandbox.state import Slack
from bot.sandbox.world import World

PATH = "/oauth/v2/authorize"
CODE_SECONDS = 10 * 60.0
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

_templates = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)


class RefusedError(Exception):
    """What the page says instead of asking for consent."""


@dataclass(frozen=True)
class Request:
    """What the app asks for, already checked. `redirect_uri` is None where the app named none."""

    app: SlackApp
    scopes: list[str]
    redirect_uri: str | None
    state: str

    @property
    def optional(self) -> list[str]:
        return [scope for scope in self.scopes if scope in self.app.optional_scopes]

    @property
    def required(self) -> list[str]:
        return [scope for scope in self.scopes if scope not in self.app.optional_scopes]

    def way_back(self, **params: str) -> str:
        """Return the address that the browser is sent to."""
        url = self.redirect_uri or self.app.redirect_urls[0]
        told = params | ({"state": self.state} if self.state else {})
        return f"{url}{'&' if '?' in url else '?'}{urlencode(told)}"


def add_routes(web_app: web.Application, world: World) -> None:
    page = AuthorisePage(world.state)
    web_app.router.add_get(PATH, page.show)
    web_app.router.add_post(PATH, page.decide)


class AuthorisePage:
    """Shows what an app asks for, and takes the answer.

    The form posts what came in the query (`client_id`, `scope`, `redirect_uri`, `state`) together with `person` (a
    user id), `optional` (a ticked optional scope, any number of times), `organisation` (the id of the one for all of
    which it is installed, or nothing) and `decision` (`allow` or `cancel`).
    """

    def __init__(self, slack: Slack) -> None:
        self._slack = slack

    async def show(self, request: web.Request) -> web.Response:
        try:
            asked = self._read(dict(request.query))
        except RefusedError as refused:
            return _refusal(str(refused))
        return _html(
            "authorize.html",
            asked=asked,
            bot=asked.app.bot_name,
            in_words=scopes.in_words,
            workspaces=[
                (workspace, [person for person in self._installers() if person.workspace_id == workspace.id])
                for workspace in self._slack.workspaces.values()
            ],
            chosen=self._chosen(request.query.get("as") or remembered(request), request.query.get("team")),
            given=dict(request.query),
            organisations=self._slack.organisations.values() if asked.app.org_deploy_enabled else (),
            path=PATH,
        )

    async def decide(self, request: web.Request) -> web.Response:
        form = await request.post()
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        try:
            asked = self._read(fields)
            person = self._installer(fields.get("person", ""))
            enterprise_id = self._organisation(person, fields.get("organisation"))
        except RefusedError as refused:
            return _refusal(str(refused))
        if fields.get("decision") != "allow":
            raise web.HTTPFound(asked.way_back(error="access_denied"))
        ticked = {str(value) for value in form.getall("optional", [])}
        granted = [scope for scope in asked.scopes if scope in asked.required or scope in ticked]
        allowed = web.HTTPFound(asked.way_back(code=self._new_code(asked, person, granted, enterprise_id).value))
        remember(allowed, person.id)
        raise allowed

    def _read(self, given: dict[str, str]) -> Request:
        app = self._slack.app_by_client_id(given.get("client_id", ""))
        if app is None:
            raise RefusedError("Invalid client_id parameter. No app has this client id.")
        redirect_uri = given.get("redirect_uri") or None
        if redirect_uri and not is_registered(app, redirect_uri):
            raise RefusedError(f"redirect_uri did not match any configured URIs. Passed URI: {redirect_uri}")
        if not redirect_uri and not app.redirect_urls:
            raise RefusedError("The app has no redirect URL. Add one to its manifest.")
        asked = [scope for scope in given.get("scope", "").replace(" ", ",").split(",") if scope]
        _refuse_unknown(app, asked)
        return Request(app, list(dict.fromkeys(asked)), redirect_uri, given.get("state", ""))

    def _installers(self) -> list[Person]:
        """List those whom Slack lets install an app: members, neither guests nor bots."""
        return [
            person
            for person in self._slack.people.values()
            if not (person.is_bot or person.deleted or person.is_restricted or person.id == SLACKBOT)
        ]

    def _installer(self, user_id: str) -> Person:
        person = next((one for one in self._installers() if one.id == user_id), None)
        if person is None:
            raise RefusedError("This person may not install apps. Go back and choose a full member.")
        return person

    def _chosen(self, user_id: str | None, workspace_id: str | None) -> str:
        people = self._installers()
        there = [one for one in people if workspace_id in (None, one.workspace_id)]
        wanted = [one for one in there if one.id == user_id] or there
        return (wanted or people)[0].id

    def _organisation(self, person: Person, enterprise_id: str | None) -> str | None:
        """Say for which organisation it is installed, if for a whole one: only its admins may."""
        if enterprise_id and not (person.is_org_admin and person.enterprise_id == enterprise_id):
            raise RefusedError("Only an admin of the organisation may install an app for all of it.")
        return enterprise_id or None

    def _new_code(self, asked: Request, person: Person, granted: list[str], enterprise_id: str | None) -> OAuthCode:
        code = OAuthCode(
            value=f"{self._slack.next_id('')}.{secrets.token_hex(24)}",
            app_id=asked.app.id,
            workspace_id=person.workspace_id,
            user_id=person.id,
            scopes=granted,
            redirect_uri=asked.redirect_uri,
            expires_at=self._slack.now() + CODE_SECONDS,
            enterprise_id=enterprise_id,
        )
        self._slack.codes[code.value] = code
        return code


def is_registered(app: SlackApp, url: str) -> bool:
    """Slack takes a registered address or one below it, over https; on loopback http does as well."""
    secure = urlsplit(url).scheme == "https" or urlsplit(url).hostname in LOOPBACK
    return secure and any(url == one or url.startswith((f"{one}/", f"{one}?")) for one in app.redirect_urls)


def _refuse_unknown(app: SlackApp, asked: list[str]) -> None:
    if not asked:
        raise RefusedError("No scopes requested. Name the scopes that the app needs.")
    unknown = [scope for scope in asked if scope not in app.scopes]
    if unknown:
        raise RefusedError(f"Invalid permissions requested: {', '.join(unknown)}. Add them to the app's manifest.")


def _refusal(reason: str) -> web.Response:
    return _html("authorize_refused.html", status=400, reason=reason)


def _html(template: str, *, status: int = 200, **values: object) -> web.Response:
    text = _templates.get_template(template).render(**values)
    return web.Response(text=text, status=status, content_type="text/html")
