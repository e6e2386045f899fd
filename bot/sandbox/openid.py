"""Sign in with Slack: the page on which a person says who they are, the keys of ID tokens, and everybody's picture."""

import secrets
from pathlib import Path
from urllib.parse import urlencode

from aiohttp import web
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from bot.sandbox.app import SlackApp
from bot.sandbox.methods.openid import ISSUER
from bot.sandbox.oauth import CODE_SECONDS, RefusedError, is_registered
from bot.sandbox.people import SLACKBOT
from bot.sandbox.records import Person, SignInCode
from bot.sandbox.remembered import remembered
from bot.sandbox.state import Slack
from bot.sandbox.world import World

PATH = "/openid/connect/authorize"
KEYS_PATH = "/openid/connect/keys"
SCOPES = {"openid": "Confirm who you are", "profile": "View your name and picture", "email": "View your email address"}
PASSED_ON = (
    "client_id",
    "scope",
    "redirect_uri",
    "response_type",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
)
AVATAR = Markup(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="14" fill="#0b6e4f"/>'
    '<text x="32" y="44" font-family="sans-serif" font-size="34" fill="#fff" text-anchor="middle">{}</text></svg>'
)

_templates = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)


def add_routes(web_app: web.Application, world: World) -> None:
    page = SignInPage(world.state)
    web_app.add_routes(
        [
            web.get(PATH, page.show),
            web.post(PATH, page.decide),
            web.get(KEYS_PATH, page.keys),
            web.get("/.well-known/openid-configuration", page.configuration),
            web.get("/avatars/{name}.svg", page.avatar),
        ]
    )


class SignInPage:
    """Shows what an app wants to know, and takes the answer: `person` (a user id), `decision` (`allow`, `cancel`)."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack

    async def show(self, request: web.Request) -> web.Response:
        given = dict(request.query)
        try:
            app, scopes = self._read(given)
        except RefusedError as refused:
            return _html("authorize_refused.html", status=400, reason=str(refused))
        return _html(
            "sign_in.html",
            app=app,
            scopes=[SCOPES[one] for one in scopes],
            workspaces=self._people(),
            chosen=self._chosen(request),
            given={name: given[name] for name in PASSED_ON if name in given},
            path=PATH,
        )

    async def decide(self, request: web.Request) -> web.Response:
        form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        try:
            app, scopes = self._read(form)
            if form.get("decision") != "allow":
                raise web.HTTPFound(_way_back(form, error="access_denied"))
            person = self._person(form.get("person", ""))
        except RefusedError as refused:
            return _html("authorize_refused.html", status=400, reason=str(refused))
        raise web.HTTPFound(_way_back(form, code=self._new_code(app, person, scopes, form).value))

    def _read(self, given: dict[str, str]) -> tuple[SlackApp, list[str]]:
        app = self._slack.app_by_client_id(given.get("client_id", ""))
        if app is None:
            raise RefusedError("Invalid client_id parameter. No app has this client id.")
        if not is_registered(app, given.get("redirect_uri", "")):
            raise RefusedError(
                f"redirect_uri did not match any configured URIs. Passed URI: {given.get('redirect_uri')}"
            )
        if given.get("response_type") != "code":
            raise RefusedError("Invalid response_type. Sign in with Slack takes only “code”.")
        if given.get("code_challenge") and given.get("code_challenge_method", "S256") != "S256":
            raise RefusedError("Invalid code_challenge_method. Slack takes only “S256”.")
        scopes = given.get("scope", "").replace(",", " ").split()
        if "openid" not in scopes or not SCOPES.keys() >= set(scopes):
            raise RefusedError(
                "Invalid scopes. Sign in with Slack takes “openid”, and “profile” and “email” beside it."
            )
        return app, scopes

    def _people(self) -> list[tuple[str, list[Person]]]:
        return [
            (workspace.name, [one for one in self._slack.people_of(workspace.id) if _can_sign_in(one)])
            for workspace in self._slack.workspaces.values()
        ]

    def _chosen(self, request: web.Request) -> str:
        """Guess who it is: the person whose page was looked at last in this browser, if they are where they should."""
        team = request.query.get("team")
        people = [one for _, some in self._people() for one in some if team in (None, "", one.workspace_id)]
        wanted = [one for one in people if one.id == remembered(request)]
        return (wanted or people)[0].id if people else ""

    def _person(self, user_id: str) -> Person:
        person = self._slack.people.get(user_id)
        if person is None or not _can_sign_in(person):
            raise RefusedError("This person cannot sign in. Go back and choose somebody else.")
        return person

    def _new_code(self, app: SlackApp, person: Person, scopes: list[str], asked: dict[str, str]) -> SignInCode:
        code = SignInCode(
            value=f"{self._slack.next_id('')}.{secrets.token_hex(24)}",
            app_id=app.id,
            workspace_id=person.workspace_id,
            user_id=person.id,
            scopes=scopes,
            redirect_uri=asked["redirect_uri"],
            expires_at=self._slack.now() + CODE_SECONDS,
            nonce=asked.get("nonce"),
            challenge=asked.get("code_challenge"),
        )
        self._slack.codes[code.value] = code
        return code

    async def keys(self, _request: web.Request) -> web.Response:
        return web.json_response(self._slack.id_tokens.public_keys())

    async def configuration(self, _request: web.Request) -> web.Response:
        """Describe all this as OpenID Connect Discovery wants it."""
        at = self._slack.url
        return web.json_response(
            {
                "issuer": ISSUER,
                "authorization_endpoint": at + PATH,
                "token_endpoint": f"{at}/api/openid.connect.token",
                "userinfo_endpoint": f"{at}/api/openid.connect.userInfo",
                "jwks_uri": at + KEYS_PATH,
                "scopes_supported": list(SCOPES),
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def avatar(self, request: web.Request) -> web.Response:
        """Draw somebody's initial, or a workspace's."""
        name = request.match_info["name"]
        person, workspace = self._slack.people.get(name), self._slack.workspaces.get(name)
        if person is None and workspace is None:
            return web.Response(status=404)
        words = person.real_name if person else workspace.name if workspace else ""
        return web.Response(text=AVATAR.format(words[:1]), content_type="image/svg+xml")


def _can_sign_in(person: Person) -> bool:
    return not (person.is_bot or person.deleted or person.id == SLACKBOT)


def _way_back(asked: dict[str, str], **told: str) -> str:
    url, state = asked["redirect_uri"], asked.get("state")
    return f"{url}{'&' if '?' in url else '?'}{urlencode(told | ({'state': state} if state else {}))}"


def _html(template: str, *, status: int = 200, **values: object) -> web.Response:
    text = _templates.get_template(template).render(**values)
    return web.Response(text=text, status=status, content_type="text/html")
