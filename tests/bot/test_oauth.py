"""From “Add to Slack” to an installation, and every way in which it can end otherwise."""

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import ClientSession, CookieJar
from pydantic import SecretStr
from sqlalchemy import select

from bot.sandbox import Fault, webpage
from bot.sandbox.people import ACME, ADA
from bot.sandbox.person import Browser
from bot.sandbox.webpage import Page
from models import installation, workspace
from models.audit import AuditEntry
from models.database import Database
from models.installation import Installation
from models.scope import REQUIRED
from tests.stage import Answer, Stage, staged


async def grants(stage: Stage) -> list[Installation]:
    async with stage.database.read() as session:
        return await installation.every(session)


async def asked(stage: Stage) -> tuple[Page, str]:
    """Go to Slack's page; answer it with the state that it carries."""
    page = await stage.browser.open(f"{stage.url}/slack/install")
    assert page.url.startswith(f"{stage.sandbox.url}/oauth/v2/authorize"), page.text
    return page, parse_qs(urlsplit(page.url).query)["state"][0]


async def returned(stage: Stage, **query: str) -> Page:
    """Come back to the app with whatever stands in the address."""
    async with stage.http.get(f"{stage.url}/slack/oauth_redirect", params=query) as response:
        return webpage.read(response.status, str(response.url), await response.text())


async def allowed(stage: Stage, person: str = ADA) -> str:
    """Press Allow, but don't follow the way back; answer its address."""
    page, _ = await asked(stage)
    fields = [*(one for one in page.form().fields if one[0] != "person"), ("person", person), ("decision", "allow")]
    async with stage.http.post(page.form().action, data=fields, allow_redirects=False) as response:
        assert response.status == 302
        return response.headers["Location"]


async def test_an_admin_installs_and_the_page_says_what_comes_next(stage: Stage) -> None:
    page = await stage.ada.install(stage.url)
    assert page.status == 200
    assert "Runrate is in Acme" in page.text
    assert "What you left out" not in page.text
    [grant] = await grants(stage)
    assert (grant.workspace_id, grant.installed_by, grant.bot_user_id) == (ACME, ADA, stage.bot())
    assert stage.keyring.open(grant.token_sealed) == stage.token()
    assert stage.token() not in grant.token_sealed
    async with stage.database.read() as session:
        tenant = await workspace.get(session, ACME)
    assert tenant is not None
    assert tenant.name == "Acme"


async def test_the_home_tab_is_there_without_being_opened(stage: Stage) -> None:
    """Slack may tell of its opening before there is a token, and doesn't tell again."""
    await stage.install()
    home = stage.slack.home(stage.slack_app.id, ACME, ADA)
    assert home is not None
    assert "Runrate in Acme" in str(home.body)


async def test_an_installation_stands_although_the_home_tab_cannot_be_shown(stage: Stage) -> None:
    stage.sandbox.faults.add(Fault("error", method="views.publish", code="internal_error"))
    page = await stage.ada.install(stage.url)
    assert (page.status, len(await grants(stage))) == (200, 1)


async def test_installing_again_updates_and_never_doubles(stage: Stage) -> None:
    await stage.ada.install(stage.url, without=["files:write"])
    await stage.add_destination()
    stage.clock.ahead = timedelta(hours=1)
    before = (await grants(stage))[0]
    page = await stage.ada.install(stage.url)
    assert "It was installed again" in page.text
    [grant] = await grants(stage)
    assert "files:write" in grant.scopes
    assert "files:write" not in before.scopes
    assert grant.installed_at > before.installed_at
    async with stage.database.read() as session:
        entries = list(await session.scalars(select(AuditEntry.action).where(AuditEntry.actor == ADA)))
    assert entries.count("workspace.installed") == 2
    assert "Every movement" in (await stage.home()).words


async def test_cancelling_installs_nothing_and_says_so(stage: Stage) -> None:
    page = await stage.ada.install(stage.url, allow=False)
    assert page.status == 200
    assert "You cancelled; nothing was installed" in page.text
    assert await grants(stage) == []


async def test_who_is_no_admin_gets_a_message_for_one_and_the_grant_is_given_back(stage: Stage) -> None:
    page = await stage.dana.install(stage.url)
    assert page.status == 403
    assert "Only an admin can install Runrate in Acme" in page.text
    assert f"open {stage.url}/slack/install and press Allow" in page.text
    assert "gave back the access" in page.text
    assert await grants(stage) == []
    assert stage.slack.tokens[stage.token()].ended == "token_revoked"
    page = await stage.ada.install(stage.url)
    assert page.status == 200


async def test_what_an_admin_installed_goes_on_when_somebody_else_tries(acme: Stage) -> None:
    page = await acme.dana.install(acme.url)
    assert page.status == 403
    assert "What an admin installed before goes on as it was." in page.text
    assert acme.slack.tokens[acme.token()].ended is None
    assert [grant.installed_by for grant in await grants(acme)] == [ADA]
    assert "Runrate in Acme" in (await acme.home()).words


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_where_anyone_may_install_a_member_does(database: Database, database_url: str) -> None:
    async with staged(database_url, installers="anyone") as stage:
        assert (await stage.dana.install(stage.url)).status == 200
        assert "New destination" not in (await stage.home(stage.dana)).buttons
        assert "New destination" in (await stage.home()).buttons


async def test_a_forged_state_installs_nothing(stage: Stage) -> None:
    for query in ({}, {"state": "forged"}, {"state": "forged", "code": "any"}, {"error": "access_denied"}):
        page = await returned(stage, **query)
        assert page.status == 400
        assert "This installation wasn't started here" in page.text
    assert await stage.called("oauth.v2.access") == 0
    assert await grants(stage) == []


async def test_a_state_counts_once_even_when_it_comes_five_times_at_once(stage: Stage) -> None:
    address = await allowed(stage)
    pages = await asyncio.gather(*(stage.browser.open(address) for _ in range(5)))
    assert sorted(page.status for page in pages) == [200, 400, 400, 400, 400]
    assert sum("This address was used already" in page.text for page in pages) == 4
    assert len(await grants(stage)) == 1
    assert await stage.called("oauth.v2.access") == 1


async def test_a_state_lives_ten_minutes(stage: Stage) -> None:
    address = await allowed(stage)
    stage.clock.ahead = timedelta(minutes=10, seconds=1)
    page = await stage.browser.open(address)
    assert page.status == 400
    assert "Slack's page was open for too long" in page.text
    assert await grants(stage) == []


async def test_another_browser_cannot_finish_what_this_one_began(stage: Stage) -> None:
    address = await allowed(stage)
    async with Browser(stage.sandbox.url) as another:
        page = await another.open(address)
        assert page.status == 400
        assert "This browser didn't start the installation" in page.text
    # Neither has the attempt used it up.
    assert (await stage.browser.open(address)).status == 200


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_one_browser_may_have_two_pages_open(stage: Stage) -> None:
    first, second = await allowed(stage), await allowed(stage)
    assert (await stage.browser.open(first)).status == 200
    assert (await stage.browser.open(second)).status == 200
    assert len(await grants(stage)) == 1


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_what_slack_says_against_the_exchange_becomes_a_page(stage: Stage) -> None:
    for code, status, title in (
        ("invalid_code", 400, "Slack's answer was no longer valid"),
        ("bad_client_secret", 502, "Slack refused this server's settings"),
        ("invalid_client_id", 502, "Slack refused this server's settings"),
        ("something_new", 502, "Slack refused the installation"),
    ):
        await stage.browser.fault("error", method="oauth.v2.access", code=code, times=1)
        page = await stage.ada.install(stage.url)
        assert page.status == status
        assert title in page.text
        assert stage.settings.slack_client_secret.get_secret_value() not in page.html
    assert await grants(stage) == []


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_slacks_silence_becomes_a_page_and_no_grant_is_left_behind(stage: Stage) -> None:
    for method in ("oauth.v2.access", "auth.test", "users.info"):
        for fault in ("http_500", "drop_request"):
            await stage.browser.fault(fault, method=method)
            page = await stage.ada.install(stage.url)
            await stage.browser.clear_faults()
            assert page.status == 502
            assert "Slack didn't answer" in page.text
            assert all(token.ended for token in stage.slack.tokens.values())
    assert await grants(stage) == []


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_a_made_up_code_is_refused_by_slack(stage: Stage) -> None:
    _, state = await asked(stage)
    page = await returned(stage, state=state, code="made-up")
    assert page.status == 400
    assert "Slack's answer was no longer valid" in page.text


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_what_stands_in_the_address_is_never_repeated_as_markup(stage: Stage) -> None:
    _, state = await asked(stage)
    page = await returned(stage, state=state, error="<script>alert(1)</script>")
    assert page.status == 502
    assert "<script>alert" not in page.html


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize("without", ["users:read", "chat:write"])
async def test_a_grant_that_lacks_a_needed_scope_is_refused_and_given_back(
    database: Database, database_url: str, without: str
) -> None:
    """Slack offers as optional what the Slack app's own manifest says, and that may be older than ours."""

    def make_optional(manifest: dict[str, Any]) -> None:
        manifest["oauth_config"]["scopes"]["bot_optional"].append(without)

    async with staged(database_url, edit_manifest=make_optional) as stage:
        page = await stage.ada.install(stage.url, without=[without])
        assert page.status == 403
        assert "Slack granted too few permissions" in page.text
        assert next(one.reason for one in REQUIRED if one.name == without) in page.text
        assert await grants(stage) == []
        assert all(token.ended for token in stage.slack.tokens.values())


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_optional_scopes_that_were_left_out_stand_on_the_page(stage: Stage) -> None:
    page = await stage.ada.install(stage.url, without=["groups:history"])
    assert page.status == 200
    assert "What you left out" in page.text
    assert "groups:history" in page.text


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize(
    ("setting", "empty"),
    [
        ("slack_client_id", ""),
        ("slack_client_secret", SecretStr("")),
        ("slack_signing_secret", SecretStr("")),
        ("secret_keys", ()),
    ],
)
async def test_without_its_settings_nobody_installs_and_the_set_up_page_names_them(
    database: Database, database_url: str, setting: str, empty: Any
) -> None:
    name = {"secret_keys": "RUNRATE_SECRET_KEYS"}.get(setting, setting.upper())
    async with staged(database_url, incomplete={setting: empty}) as stage:
        for path in ("/slack/install", "/slack/oauth_redirect?state=1&code=2"):
            answer = await stage.get(path)
            assert answer.status == 503
            assert name in answer.text
        page = await stage.get("/")
        assert page.status == 200
        assert f"{name}=" in page.text
        assert "Add to Slack</a>" not in page.text


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_the_cookie_is_for_this_flow_alone_and_scripts_cannot_read_it(stage: Stage) -> None:
    answer = await visited(stage, "/slack/install")
    assert answer.status == 302
    cookie = answer.headers["Set-Cookie"]
    for part in ("HttpOnly", "SameSite=Lax", "Path=/slack", "Max-Age=600"):
        assert part in cookie
    assert "Secure" not in cookie  # The stage is served over http on loopback.


async def visited(stage: Stage, path: str, **headers: str) -> Answer:
    async with (
        ClientSession(cookie_jar=CookieJar()) as session,
        session.get(stage.url + path, headers=headers, allow_redirects=False) as response,
    ):
        return Answer(response.status, await response.text(), dict(response.headers))


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_who_starts_at_another_host_is_first_sent_to_the_public_one(stage: Stage) -> None:
    """The cookie must be set where Slack sends the browser back to."""
    answer = await visited(stage, "/slack/install", Host="localhost:9999")
    assert answer.status == 302
    assert answer.headers["Location"] == f"{stage.url}/slack/install?here=1"
    assert "Set-Cookie" not in answer.headers
    again = await visited(stage, "/slack/install?here=1", Host="localhost:9999")
    assert again.headers["Location"].startswith(f"{stage.sandbox.url}/oauth/v2/authorize")
