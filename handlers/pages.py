"""The pages in the browser: set-up, installed, and whatever went wrong. Everything in them is escaped.

A page is drawn by a function from a value to HTML. `register` adds the routes, `answer_errors` turns a failure into a
page, or into JSON where a program asked, and neither ever shows what is inside.
"""

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import orjson
import structlog
from aiohttp import web
from aiohttp.hdrs import SERVER
from aiohttp.typedefs import Handler, Middleware
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from multidict import istr

from handlers import problem_json, problems
from handlers.checklist import Checklist
from handlers.problems import INSTALL_PATH, Problem
from models import scope
from models.scope import Scope
from scheduler.messages.recap import Step

CHECKLIST_PATH = "/setup/checklist.json"
STATIC_PATH = "/static"

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""On every answer. No referrer: the address that Slack sends people back to carries a code."""
_HEADERS = [(istr(name), value) for name, value in HEADERS.items()]
"""Ready to be compared, which takes most of the time that setting one does."""

ENCRYPTION_HINT = "# Encrypts Slack's tokens. Make one: openssl rand -base64 32 | tr '+/' '-_'"

_STATIC = Path(__file__).parent / "static"
_WEB_CLIENT = "https://app.slack.com/client/"

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupPage:
    """What the set-up page shows. `missing_settings` names what is not set yet; while any is, nobody can install."""

    public_url: str
    create_app_url: str
    checklist: Checklist
    missing_settings: Sequence[str] = ()
    admins_only: bool = True

    @property
    def is_encrypted(self) -> bool:
        return urlsplit(self.public_url).scheme == "https"

    @property
    def environment(self) -> str:
        """Write the lines that are still to be set."""
        lines = [f"{name}=" for name in self.missing_settings]
        if "RUNRATE_SECRET_KEYS" in self.missing_settings:
            lines.insert(lines.index("RUNRATE_SECRET_KEYS="), ENCRYPTION_HINT)
        return "\n".join([f"PUBLIC_URL={self.public_url}", *lines])


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledPage:
    """What a person sees after Allow. `workspace_url` is the workspace's own address, as `auth.test` gives it."""

    workspace: str
    workspace_id: str
    app_id: str
    workspace_url: str = ""
    again: bool = False
    left_out: Sequence[Scope] = ()

    @property
    def app_link(self) -> str:
        """Open the Home tab in Slack's own program; empty for a workspace that isn't on slack.com."""
        if _is_elsewhere(self.workspace_url):
            return ""
        return f"slack://app?team={quote(self.workspace_id)}&id={quote(self.app_id)}&tab=home"

    @property
    def web_link(self) -> str:
        """Open the workspace in the browser."""
        if _is_elsewhere(self.workspace_url):
            return self.workspace_url
        return _WEB_CLIENT + quote(self.workspace_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgInstalledPage:
    """What an admin of an organisation sees after Allow: it is installed, and in the workspaces of these names."""

    organisation: str
    enterprise_id: str
    app_id: str
    slack_url: str = ""
    workspaces: Sequence[str] = ()
    left_out: Sequence[Scope] = ()

    @property
    def add_link(self) -> str:
        """Open the page of Slack's on which an app is added to workspaces."""
        slack = self.slack_url.rstrip("/") if _is_elsewhere(self.slack_url) else "https://app.slack.com"
        return f"{slack}/manage/{quote(self.enterprise_id)}/integrations/profile/{quote(self.app_id)}/workspaces/add"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPart:
    """A report's figures in one currency, in words. `now` is None where the MRR isn't known."""

    currency: str
    net: str
    now: str | None
    chart: Markup
    sums: tuple[tuple[str, str, str, int], ...]
    """Shape, word, amount and count of each kind."""
    largest: tuple[tuple[str, str, str], ...]
    """Account, kind and amount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPage:
    """A report for somebody who may see it. `as_of` is the time on their clock."""

    title: str
    workspace: str
    period: str
    as_of: str
    parts: tuple[ReportPart, ...]
    nothing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecapPart:
    """A period in one currency, or in all together, in words. `end` is None where the MRR isn't known."""

    name: str
    currency: str
    is_total: bool
    has_moved: bool
    net: str
    share: str | None
    end: str | None
    compared: Sequence[str]
    steps: Sequence[tuple[Step, float, float]]
    """What leads from the start to the end, each with where its bar begins and how long it is, in percent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecapLine:
    """A movement in the list. `day` and `time` are the recap's zone's."""

    day: str
    time: str
    account: str
    shape: str
    word: str
    amount: str
    before: str
    after: str
    plan: str
    is_late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecapPage:
    """A page of a recap for somebody who may see it. `as_of` is the time on their clock."""

    title: str
    workspace: str
    zone: str
    as_of: str
    parts: tuple[RecapPart, ...]
    lines: tuple[RecapLine, ...]
    count: str
    """How many movements there are on all pages, in words."""
    number: int
    pages: int
    is_by_size: bool
    path: str
    csv_path: str

    def link(self, number: int = 1, *, is_by_size: bool | None = None) -> str:
        """Lead to one of its pages, in the same order or in another."""
        is_by_size = self.is_by_size if is_by_size is None else is_by_size
        asked = {"by": "size"} if is_by_size else {}
        query = urlencode({**asked, "page": number} if number > 1 else asked)
        return f"{self.path}{'?' if query else ''}{query}#movements"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiField:
    """A field that senders fill: what it takes, in words, and what it means."""

    name: str
    takes: str
    meaning: str
    is_required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiEntry:
    """A record, or a call of the tracking API, with its fields and a line for a terminal."""

    name: str
    meaning: str
    needs: str
    """Which of several fields one is needed of; empty where there is no such choice."""
    fields: tuple[ApiField, ...]
    curl: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiPage:
    """What the reference of the intake shows."""

    public_url: str
    document_path: str
    records: tuple[ApiEntry, ...]
    calls: tuple[ApiEntry, ...]
    several: str
    """A line for a terminal that sends several records."""
    taken: str
    """An answer where one record of three was refused."""
    problem: str
    """An answer where nothing was taken."""
    errors: Mapping[str, problem_json.Known]


ShowSetup = Callable[[web.Request], Awaitable[SetupPage]]


def setup_page(page: SetupPage) -> str:
    """Draw the first page: what Runrate is, Add to Slack, the checklist, each permission with its reason."""
    return _draw("setup.html", page=page, required=scope.REQUIRED, optional=scope.OPTIONAL, install_path=INSTALL_PATH)


def installed_page(page: InstalledPage) -> str:
    """Draw the page after a successful installation."""
    return _draw("installed.html", page=page)


def org_installed_page(page: OrgInstalledPage) -> str:
    """Draw the page after a successful installation in an organisation."""
    return _draw("org_installed.html", page=page)


def report_page(page: ReportPage) -> str:
    """Draw a report."""
    return _draw("report.html", page=page)


def recap_page(page: RecapPage) -> str:
    """Draw a recap with a part of its list."""
    return _draw("recap.html", page=page)


def api_page(page: ApiPage) -> str:
    """Draw the reference of the intake."""
    return _draw("api.html", page=page)


def problem_page(problem: Problem) -> str:
    """Draw what happened, what it means and the one thing to do."""
    return _draw("problem.html", problem=problem)


def answer(page: str, *, status: int = 200) -> web.Response:
    """Send a page. It is never kept by a cache: it says how things are now."""
    return web.Response(text=page, status=status, content_type="text/html", headers={"Cache-Control": "no-store"})


def problem_answer(problem: Problem, *, as_json: bool = False) -> web.Response:
    """Send a problem with its status, as a page or, to a program, as JSON."""
    if not as_json:
        return answer(problem_page(problem), status=problem.status)
    message = f"{problem.title}. {problem.meaning} {problem.advice}"
    details = {name.lower(): value for name, value in problem.details}
    return problem_json.answer(problem.status, problem.code, message, **({"details": details} if details else {}))


def register(app: web.Application, *, setup: ShowSetup) -> None:
    """Add `/`, its live checklist and the static files, and put the security headers on every answer."""

    async def show_setup(request: web.Request) -> web.Response:
        return answer(setup_page(await setup(request)))

    async def show_checklist(request: web.Request) -> web.Response:
        page = await setup(request)
        return json_answer(page.checklist.as_json())

    app.router.add_get("/", show_setup)
    app.router.add_get(CHECKLIST_PATH, show_checklist)
    app.router.add_static(STATIC_PATH, _STATIC)
    app.on_response_prepare.append(_secure)


def answer_errors(*, is_unavailable: Callable[[Exception], bool]) -> Middleware:
    """Make the middleware that answers failures; `is_unavailable` knows those which mean that the database is away."""

    @web.middleware
    async def answer_error(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            return _refused(request, error)
        except Exception as error:  # noqa: BLE001 - every failure is answered, and logged with its place
            return _unavailable(request, error) if is_unavailable(error) else _failed(request, error)

    return answer_error


def wants_json(request: web.Request) -> bool:
    """Say whether a program asks: on the intake's addresses, or where it says that it takes JSON."""
    accepted = request.headers.get("Accept", "")
    is_intake = f"{request.path}/".startswith(("/in/", "/v1/"))
    return is_intake or "application/json" in accepted or problem_json.CONTENT_TYPE in accepted


def visited_address(request: web.Request) -> str:
    """Say at which scheme and host the request came in, as the nearest proxy tells it."""
    scheme = request.headers.get("X-Forwarded-Proto", request.scheme).split(",")[0].strip()
    host = request.headers.get("X-Forwarded-Host", request.host).split(",")[0].strip()
    return f"{scheme}://{host}"


def _refused(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    """Keep redirects and answers that a handler wrote as JSON; draw the rest."""
    if error.status < HTTPStatus.BAD_REQUEST or error.content_type in {"application/json", problem_json.CONTENT_TYPE}:
        raise error
    response = problem_answer(problems.refused(error.status), as_json=wants_json(request))
    for name in ("Allow", "Retry-After"):
        if name in error.headers:
            response.headers[name] = error.headers[name]
    return response


def _unavailable(request: web.Request, error: Exception) -> web.Response:
    logger.warning("database_unreachable", route=_route(request), exc_info=error)
    response = problem_answer(problems.unavailable(), as_json=wants_json(request))
    response.headers["Retry-After"] = str(problem_json.RETRY_AFTER_SECONDS)
    return response


def _failed(request: web.Request, error: Exception) -> web.Response:
    reference = secrets.token_hex(4)
    logger.error("request_failed", reference=reference, route=_route(request), exc_info=error)
    return problem_answer(problems.internal_error(reference), as_json=wants_json(request))


async def _secure(_request: web.Request, response: web.StreamResponse) -> None:
    for name, value in _HEADERS:
        response.headers.setdefault(name, value)
    response.headers[SERVER] = "Runrate"


def _route(request: web.Request) -> str:
    """Name the route without what is in it: a source's address holds its key."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else "none"


def _is_elsewhere(workspace_url: str) -> bool:
    """Say whether the workspace has an address of its own outside slack.com, where slack:// leads nowhere."""
    url = urlsplit(workspace_url)
    host = url.hostname or ""
    return url.scheme in {"http", "https"} and host != "slack.com" and not host.endswith(".slack.com")


def json_answer(body: dict[str, object]) -> web.Response:
    """Send JSON that says how things are now."""
    headers = {"Cache-Control": "no-store"}
    return web.Response(body=orjson.dumps(body), content_type="application/json", headers=headers)


def _static_url(name: str) -> str:
    """Address a static file by its content, so that a browser fetches it anew when it changed."""
    digest = hashlib.sha256((_STATIC / name).read_bytes()).hexdigest()[:12]
    return f"{STATIC_PATH}/{name}?v={digest}"


def _draw(template: str, **values: object) -> str:
    return _templates.get_template(template).render(**values)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("handlers"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {name: _static_url(f"pages.{name}") for name in ("css", "js")}
    environment.globals |= {
        "icon": _static_url("icon.svg"),
        "checklist_path": CHECKLIST_PATH,
        "api_path": problem_json.API_PATH,
    }
    return environment


_templates = _environment()
