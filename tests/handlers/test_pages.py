"""The pages in the browser: what they say, that they are safe, and that everybody can read them."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request
from structlog.testing import capture_logs

from handlers import checklist, pages, problems
from handlers.checklist import Checklist
from handlers.pages import InstalledPage, OrgInstalledPage, SetupPage
from models import scope

NOW = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
CREATE_APP = "https://api.slack.com/apps?new_app=1&manifest_json=%7B%7D"
INSTALL = "https://mrr.acme.com/slack/install"
NASTY = '<script>alert(1)</script> & "Söhne" \' شركة 🚀'
STYLE = (Path(pages.__file__).parent / "static" / "pages.css").read_text()

Client = TestClient[web.Request, web.Application]


class Reader(HTMLParser):
    """Reads a page as a person does: its visible text, its links, and whether its tags are balanced."""

    VOID = frozenset({"meta", "link", "img", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: dict[str, str] = {}
        self.words: list[str] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._href = ""
        self.feed(page)
        self.close()

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        self.ids += [name for key, name in attrs if key == "id" and name]
        if tag == "a":
            self._href = attributes["href"] or ""
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"title", "style", "script"}:
            self.words.append(data)
        if "a" in self.open and data.strip():
            self.links[data.strip()] = self._href


def a_checklist() -> Checklist:
    return Checklist(
        address=checklist.address("https://mrr.acme.com", reached=True),
        scopes=checklist.scopes(None),
        events=checklist.events(None, now=NOW, refused_at=NOW - timedelta(minutes=3)),
        clock=checklist.clock(timedelta(seconds=1)),
    )


def a_setup(**changes: object) -> SetupPage:
    values: dict[str, object] = {
        "public_url": "https://mrr.acme.com",
        "create_app_url": CREATE_APP,
        "checklist": a_checklist(),
    }
    return SetupPage(**(values | changes))  # type: ignore[arg-type]


def read(page: str) -> Reader:
    reader = Reader(page)
    assert reader.open == []
    assert len(reader.ids) == len(set(reader.ids))
    return reader


# What the pages say


def test_the_setup_page_says_what_it_is_and_has_add_to_slack() -> None:
    page = read(pages.setup_page(a_setup()))
    assert "posts each movement of your monthly recurring revenue to the channels you choose" in page.text
    assert page.links["Add to Slack"] == "/slack/install"
    assert page.links["How to send"] == "/api"
    assert "this app is not approved by Slack" in page.text


def test_the_setup_page_gives_a_reason_for_every_scope() -> None:
    page = read(pages.setup_page(a_setup()))
    for one in (*scope.REQUIRED, *scope.OPTIONAL):
        assert f"{one.name} " in page.text
        assert one.reason in page.text
        assert one.brings in page.text
    assert page.words.count("optional") == len(scope.OPTIONAL)


def test_the_checklist_reads_without_a_script_as_words() -> None:
    page = read(pages.setup_page(a_setup()))
    assert "Public address OK Requests arrive at https://mrr.acme.com over HTTPS." in page.text
    assert "Permissions Waiting No workspace has installed Runrate yet. Press Add to Slack." in page.text
    assert "Events from Slack Problem A request came 3 minutes ago, but its signature was wrong. Copy" in page.text
    assert "1 of 4 needs you." in page.text


def test_the_script_finds_each_item_that_the_server_sends() -> None:
    page = read(pages.setup_page(a_setup()))
    drawn = [attributes["data-item"] for _, attributes in page.tags if "data-item" in attributes]
    sent = json.loads(json.dumps(a_checklist().as_json()))
    assert drawn == [item["key"] for item in sent["items"]] == ["address", "scopes", "events", "clock"]
    assert set(sent["items"][0]) == {"key", "state", "word", "sentence", "fix"}


def test_before_the_slack_app_exists_creating_it_is_the_first_step() -> None:
    missing = ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_SIGNING_SECRET")
    page = read(pages.setup_page(a_setup(missing_settings=missing)))
    assert page.links["Create the Slack app"] == CREATE_APP
    assert "Add to Slack" not in page.links
    assert (
        "PUBLIC_URL=https://mrr.acme.com SLACK_CLIENT_ID= SLACK_CLIENT_SECRET= SLACK_SIGNING_SECRET= Copy" in page.text
    )
    assert "Set PUBLIC_URL to your https address first" not in page.text


def test_an_address_without_https_is_to_be_changed_before_the_app_is_created() -> None:
    page = read(pages.setup_page(a_setup(public_url="http://127.0.0.1:3000", missing_settings=("SLACK_CLIENT_ID",))))
    assert "Set PUBLIC_URL to your https address first" in page.text


def test_a_missing_encryption_key_comes_with_the_way_to_make_one() -> None:
    assert a_setup(missing_settings=("RUNRATE_SECRET_KEYS",)).environment.splitlines()[1:] == [
        "# Encrypts Slack's tokens. Make one: openssl rand -base64 32 | tr '+/' '-_'",
        "RUNRATE_SECRET_KEYS=",
    ]


def test_the_link_to_slacks_page_for_a_new_app_stays_after_set_up() -> None:
    assert CREATE_APP in read(pages.setup_page(a_setup())).links.values()


def test_who_may_install_is_said_only_where_it_is_limited() -> None:
    assert "For admins and owners of a workspace." in pages.setup_page(a_setup())
    assert "For admins and owners of a workspace." not in pages.setup_page(a_setup(admins_only=False))


def test_the_installed_page_leads_to_the_home_tab_and_says_what_is_next() -> None:
    page = read(pages.installed_page(InstalledPage(workspace="Acme", workspace_id="T0ACME", app_id="A1")))
    assert "Runrate is in Acme" in page.text
    assert page.links["Open Slack"] == "slack://app?team=T0ACME&id=A1&tab=home"
    assert page.links["or in the browser"] == "https://app.slack.com/client/T0ACME"
    assert "Add a source" in page.text
    assert "/mrr new" in page.text
    assert "What you left out" not in page.text


def test_installing_again_says_that_the_settings_stayed() -> None:
    page = InstalledPage(workspace="Acme", workspace_id="T0ACME", app_id="A1", again=True)
    assert "sources, destinations and settings are as they were" in read(pages.installed_page(page)).text


def test_what_was_left_out_is_shown_with_what_it_would_bring() -> None:
    page = InstalledPage(workspace="Acme", workspace_id="T1", app_id="A1", left_out=scope.OPTIONAL[:1])
    text = read(pages.installed_page(page)).text
    assert "What you left out" in text
    assert scope.OPTIONAL[0].brings in text


@pytest.mark.parametrize(
    ("workspace_url", "app_link", "web_link"),
    [
        ("https://acme.slack.com/", "slack://app?team=T1&id=A1&tab=home", "https://app.slack.com/client/T1"),
        ("http://127.0.0.1:4000/T1", "", "http://127.0.0.1:4000/T1"),
        ("https://notslack.com/", "", "https://notslack.com/"),
        ("javascript:alert(1)", "slack://app?team=T1&id=A1&tab=home", "https://app.slack.com/client/T1"),
    ],
)
def test_a_workspace_outside_slack_com_is_opened_at_its_own_address(
    workspace_url: str, app_link: str, web_link: str
) -> None:
    page = InstalledPage(workspace="Acme", workspace_id="T1", app_id="A1", workspace_url=workspace_url)
    assert (page.app_link, page.web_link) == (app_link, web_link)
    assert read(pages.installed_page(page)).links["Open Slack"] == (app_link or web_link)


def test_a_problem_page_has_the_message_ready_to_copy_and_one_main_button() -> None:
    problem = problems.not_an_admin("Acme", install_url=INSTALL, setup_url="https://mrr.acme.com/")
    page = read(pages.problem_page(problem))
    assert " ".join(problem.message.split()) in page.text
    assert [label for label in page.links if label != "Runrate"] == ["Send it by e-mail"]


# That they are safe


@pytest.mark.parametrize(
    "page",
    [
        pages.problem_page(problems.not_an_admin(NASTY, install_url=INSTALL, setup_url=NASTY)),
        pages.installed_page(InstalledPage(workspace=NASTY, workspace_id=NASTY, app_id=NASTY)),
        pages.setup_page(a_setup(public_url=NASTY, missing_settings=(NASTY,))),
    ],
)
def test_whatever_people_wrote_is_shown_as_typed_and_runs_nothing(page: str) -> None:
    reader = read(page)
    assert "<script>alert" not in page
    assert NASTY in unescape(page)
    assert [tag for tag, _ in reader.tags].count("script") == 1


def test_no_page_needs_what_the_content_policy_forbids() -> None:
    for page in (
        pages.setup_page(a_setup(missing_settings=("SLACK_CLIENT_ID",))),
        pages.problem_page(problems.not_an_admin("Acme", install_url=INSTALL, setup_url=INSTALL)),
    ):
        for tag, attributes in read(page).tags:
            assert tag != "style"
            assert not any(name == "style" or name.startswith("on") for name in attributes)
            assert tag != "script" or (attributes["src"] or "").startswith("/static/")


class Served:
    """The pages behind a server whose set-up can be made to fail."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.app = web.Application(
            middlewares=[pages.answer_errors(is_unavailable=lambda error: isinstance(error, ConnectionError))]
        )
        pages.register(self.app, setup=self.setup)
        self.app.router.add_post("/in/{source_key}", self.refuse)
        self.app.router.add_get("/away", self.away)

    async def setup(self, _request: web.Request) -> SetupPage:
        if self.failure:
            raise self.failure
        return a_setup()

    async def refuse(self, _request: web.Request) -> web.Response:
        if self.failure:
            raise self.failure
        raise web.HTTPNotFound(text='{"error": "unknown_source"}', content_type="application/json")

    async def away(self, _request: web.Request) -> web.Response:
        raise web.HTTPFound("/")


@pytest.fixture
def served() -> Served:
    return Served()


@pytest.fixture
async def client(served: Served) -> AsyncIterator[Client]:
    async with TestClient(TestServer(served.app)) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/setup/checklist.json", "/static/pages.css", "/nothing/here"])
async def test_every_answer_carries_the_security_headers(client: Client, path: str) -> None:
    async with client.get(path) as response:
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "aiohttp" not in response.headers["Server"]


async def test_the_checklist_is_served_as_it_is_now(client: Client) -> None:
    async with client.get(pages.CHECKLIST_PATH) as response:
        assert response.headers["Cache-Control"] == "no-store"
        assert await response.json() == a_checklist().as_json()


async def test_each_file_that_a_page_names_is_served(client: Client) -> None:
    page = read(pages.setup_page(a_setup()))
    named = {attributes.get("src") or attributes.get("href") for tag, attributes in page.tags if tag in {"link", "img"}}
    named |= {attributes["src"] for tag, attributes in page.tags if tag == "script"}
    assert len(named) == 3
    for path in named:
        async with client.get(str(path)) as response:
            assert response.status == 200


async def test_an_unknown_address_gets_a_page_and_a_program_gets_json(client: Client) -> None:
    async with client.get("/nothing/here") as response:
        assert (response.status, response.content_type) == (404, "text/html")
        assert "There is no page at this address" in await response.text()
    async with client.get("/nothing/here", headers={"Accept": "application/json"}) as response:
        assert (response.status, response.content_type) == (404, "application/problem+json")
        assert (await response.json())["type"] == "/api#not_found"


@pytest.mark.parametrize("path", ["/in", "/in/", "/in/key/more", "/v1", "/v1/nothing"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS"])
async def test_every_address_under_the_intake_s_answers_a_problem(client: Client, method: str, path: str) -> None:
    async with client.request(method, path) as response:
        answer = await response.json()
        assert (response.status, response.content_type) == (404, "application/problem+json")
        assert (answer["type"], answer["error"]) == ("/api#not_found", "not_found")


async def test_a_refusal_keeps_the_header_that_says_what_to_do(client: Client) -> None:
    async with client.get("/in/key") as response:
        assert response.status == 405
        assert response.headers["Allow"] == "POST"
        answer = await response.json()
    assert answer["error"] == "method_not_allowed"
    assert answer["type"] == "/api#method_not_allowed"
    assert answer["detail"] == answer["message"]


async def test_an_answer_that_a_handler_wrote_itself_is_kept(client: Client) -> None:
    async with client.post("/in/key") as response:
        assert response.status == 404
        assert await response.json() == {"error": "unknown_source"}
    async with client.get("/away", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (302, "/")


async def test_a_bug_shows_a_reference_and_nothing_of_what_is_inside(client: Client, served: Served) -> None:
    served.failure = RuntimeError("xoxb-1234-secret in /srv/runrate/models/installation.py")
    async with client.get("/") as response:
        text = await response.text()
        assert response.status == 500
    assert "the fault is Runrate" in text
    assert re.search(r"<code>Reference</code></dt>\s*<dd>[0-9a-f]{8}</dd>", text)
    for inside in ("xoxb", "srv", "RuntimeError", "Traceback"):
        assert inside not in text


async def test_a_bug_in_the_intake_answers_json_and_its_log_line_holds_no_key(client: Client, served: Served) -> None:
    served.failure = RuntimeError("broken")
    with capture_logs() as lines:
        async with client.post("/in/sk_live_planted") as response:
            body = await response.json()
    assert (response.status, body["error"]) == (500, "internal_error")
    [line] = lines
    assert (line["event"], line["route"]) == ("request_failed", "/in/{source_key}")
    assert line["reference"] == body["details"]["reference"]
    assert "sk_live_planted" not in str(line)


@pytest.mark.parametrize("path", ["/", "/setup/checklist.json"])
async def test_a_database_that_is_away_is_no_bug(client: Client, served: Served, path: str) -> None:
    served.failure = ConnectionRefusedError("postgresql://runrate:hunter2@db")
    async with client.get(path) as response:
        assert response.status == 503
        assert response.headers["Retry-After"] == "5"
        assert "hunter2" not in await response.text()


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({"Host": "mrr.acme.com"}, "http://mrr.acme.com"),
        ({"Host": "10.0.0.7:3000", "X-Forwarded-Proto": "https"}, "https://10.0.0.7:3000"),
        (
            {"Host": "app:3000", "X-Forwarded-Proto": "https, http", "X-Forwarded-Host": "mrr.acme.com, proxy"},
            "https://mrr.acme.com",
        ),
    ],
)
def test_the_address_of_a_visit_is_told_by_the_nearest_proxy(headers: dict[str, str], address: str) -> None:
    assert pages.visited_address(make_mocked_request("GET", "/", headers=headers)) == address


# That everybody can read them


def colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+):\s*(#[0-9a-f]{6});", block))


def schemes() -> dict[str, dict[str, str]]:
    light, dark = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    return {"light": colours(light), "dark": colours(dark)}


def luminance(colour: str) -> float:
    """Weigh a colour as WCAG 2 does."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_the_contrast_formula_gives_the_known_figures() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("front", "back", "least"),
    [
        ("ink", "paper", 4.5),
        ("ink", "panel", 4.5),
        ("quiet", "paper", 4.5),
        ("quiet", "panel", 4.5),
        ("accent", "paper", 4.5),
        ("accent", "panel", 4.5),
        ("problem", "panel", 4.5),
        ("on-accent", "accent", 4.5),
        ("edge", "paper", 3),
        ("edge", "panel", 3),
    ],
)
def test_text_and_controls_stand_out_as_wcag_aa_asks(scheme: str, front: str, back: str, least: float) -> None:
    palette = schemes()[scheme]
    assert contrast(palette[front], palette[back]) >= least


def test_every_colour_is_named_in_both_schemes_and_written_nowhere_else() -> None:
    light, dark = schemes().values()
    assert light.keys() == dark.keys()
    assert len(re.findall(r"#[0-9a-f]{3,8}\b", STYLE)) == len(light) + len(dark)
    assert set(re.findall(r"var\(--([a-z-]+)\)", STYLE)) == light.keys()


def test_a_state_is_never_told_by_colour_alone() -> None:
    for state in checklist.State:
        assert f'[data-state="{state}"] .shape::before {{ content:' in STYLE
    assert all(item.word for item in a_checklist().items)


def test_an_organisation_adds_workspaces_on_a_page_of_slacks() -> None:
    page = OrgInstalledPage(
        organisation="Umbrella", enterprise_id="E1", app_id="A1", slack_url="https://umbrella.enterprise.slack.com/"
    )
    drawn = pages.org_installed_page(page)
    assert 'href="https://app.slack.com/manage/E1/integrations/profile/A1/workspaces/add"' in drawn
    assert "Slack lets it into no workspace yet." in drawn
    assert "It works in Acme, Globex." in pages.org_installed_page(replace(page, workspaces=["Acme", "Globex"]))
