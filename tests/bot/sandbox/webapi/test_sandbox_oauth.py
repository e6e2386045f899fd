"""Installing: the authorise page, and the exchange of its code for a token."""

import re
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Sandbox, SlackApp
from bot.sandbox.people import ACME, ADA, GLOBEX, GUS, OLGA

# slack_sdk makes the Basic header with a class of aiohttp that is on its way out.
pytestmark = pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")

REDIRECT = "http://127.0.0.1:9/slack/oauth_redirect"
ASKED = {
    "client_id": "111.222",
    "scope": "chat:write,channels:read,channels:history",
    "redirect_uri": REDIRECT,
    "state": "s1",
}


class Installer:
    """A person at the authorise page, and the app behind it."""

    def __init__(self, sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        self.url = f"{sandbox.url}/oauth/v2/authorize"
        self.client = AsyncWebClient(base_url=f"{sandbox.url}/api/", session=http, retry_handlers=[])
        self._http = http

    async def see(self, **asked: str) -> tuple[int, str]:
        async with self._http.get(self.url, params={**ASKED, **asked}) as response:
            return response.status, await response.text()

    async def decide(self, decision: str, *, person: str = ADA, optional: tuple[str, ...] = (), **asked: str) -> Any:
        fields = [*({**ASKED, **asked}).items(), ("person", person), ("decision", decision)]
        fields += [("optional", scope) for scope in optional]
        async with self._http.post(self.url, data=fields, allow_redirects=False) as response:
            if response.status == 400:
                return await response.text()
            return {name: value[0] for name, value in parse_qs(urlsplit(response.headers["Location"]).query).items()}

    async def code(self, **how: Any) -> str:
        return str((await self.decide("allow", **how))["code"])

    async def exchange(self, code: str, **how: Any) -> Any:
        given = {"client_id": "111.222", "client_secret": "client-secret", "redirect_uri": REDIRECT, **how}
        return await self.client.oauth_v2_access(code=code, **given)


@pytest.fixture
def installer(sandbox: Sandbox, http: aiohttp.ClientSession) -> Installer:
    return Installer(sandbox, http)


async def test_the_page_says_in_words_what_the_app_asks_for(installer: Installer) -> None:
    status, page = await installer.see()
    assert status == 200
    assert "Send messages as @Sample" in page
    assert "View basic information about public channels in a workspace" in page
    assert re.search(r'type="checkbox" name="optional" value="channels:history" checked', page)
    assert "chat:write.customize" not in page


async def test_the_page_lets_full_members_of_each_workspace_install(installer: Installer) -> None:
    _, page = await installer.see(**{"as": "U0DANA"})
    people = re.findall(r'<option value="(\w+)"', page)
    assert {ADA, "U0DANA", "U1GINA"} <= set(people)
    assert not {GUS, OLGA, "USLACKBOT"} & set(people)
    assert re.search(r'<option value="U0DANA" selected', page)


async def test_the_page_starts_with_the_workspace_that_was_asked_for(installer: Installer) -> None:
    _, page = await installer.see(team=GLOBEX)
    assert re.search(r'<option value="U1GINA" selected', page)


async def test_allowing_gives_a_code_that_becomes_a_token(installer: Installer) -> None:
    back = await installer.decide("allow", optional=("channels:history",))
    assert back["state"] == "s1"
    answer = await installer.exchange(back["code"])
    assert answer["team"] == {"id": ACME, "name": "Acme"}
    assert answer["authed_user"] == {"id": ADA}
    assert answer["scope"] == "chat:write,channels:read,channels:history"
    installer.client.token = answer["access_token"]
    assert (await installer.client.auth_test())["user_id"] == answer["bot_user_id"]


async def test_the_workspace_is_that_of_the_person(installer: Installer) -> None:
    answer = await installer.exchange(await installer.code(person="U1GINA"))
    assert answer["team"]["id"] == GLOBEX


async def test_an_unticked_optional_scope_is_not_granted(installer: Installer) -> None:
    answer = await installer.exchange(await installer.code())
    assert answer["scope"] == "chat:write,channels:read"


async def test_cancelling_leads_back_with_access_denied(installer: Installer) -> None:
    assert await installer.decide("cancel") == {"error": "access_denied", "state": "s1"}


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"client_id": "9.9"}, "Invalid client_id"),
        ({"redirect_uri": "http://127.0.0.1:9/elsewhere"}, "did not match any configured URIs"),
        ({"redirect_uri": "http://evil.example/slack/oauth_redirect"}, "did not match any configured URIs"),
        ({"redirect_uri": f"{REDIRECT}ed"}, "did not match any configured URIs"),
        ({"scope": ""}, "No scopes requested"),
        ({"scope": "admin"}, "Invalid permissions requested: admin"),
    ],
)
async def test_a_request_that_is_not_the_apps_own_is_refused(
    installer: Installer, asked: dict[str, str], reason: str
) -> None:
    status, page = await installer.see(**asked)
    assert (status, reason in page) == (400, True)
    assert reason in await installer.decide("allow", **asked)


async def test_a_guest_may_not_install(installer: Installer) -> None:
    assert "may not install apps" in await installer.decide("allow", person=GUS)


async def test_what_the_app_sends_is_shown_as_text(installer: Installer) -> None:
    _, page = await installer.see(redirect_uri='http://127.0.0.1:9/"><script>')
    assert "<script>" not in page


async def test_a_code_works_once(installer: Installer, refused: Any) -> None:
    code = await installer.code()
    await installer.exchange(code)
    assert (await refused(installer.exchange(code)))["error"] == "invalid_code"


async def test_a_code_works_for_ten_minutes(installer: Installer, clock: Any, refused: Any) -> None:
    code = await installer.code()
    clock.advance(601)
    assert (await refused(installer.exchange(code)))["error"] == "invalid_code"


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"client_id": "9.9"}, "invalid_client_id"),
        ({"client_secret": "wrong"}, "bad_client_secret"),
        ({"redirect_uri": "http://127.0.0.1:9/other"}, "bad_redirect_uri"),
        ({"redirect_uri": ""}, "bad_redirect_uri"),
        ({"grant_type": "refresh_token"}, "invalid_grant_type"),
    ],
)
async def test_an_exchange_that_does_not_fit_is_refused(
    installer: Installer, refused: Any, how: dict[str, str], code: str
) -> None:
    answer = await refused(installer.exchange(await installer.code(), **how))
    assert answer["error"] == code


async def test_a_code_of_one_app_is_worth_nothing_to_another(
    installer: Installer, sandbox: Sandbox, slack_app: SlackApp, refused: Any
) -> None:
    manifest = slack_app.manifest | {"display_information": {"name": "Other"}}
    sandbox.add_app(replace(slack_app, client_id="333.444", manifest=manifest))
    answer = await refused(installer.exchange(await installer.code(), client_id="333.444"))
    assert answer["error"] == "invalid_code"


async def test_credentials_may_stand_in_the_form(
    installer: Installer, sandbox: Sandbox, http: aiohttp.ClientSession
) -> None:
    form = {"client_id": "111.222", "client_secret": "client-secret", "redirect_uri": REDIRECT}
    form["code"] = await installer.code()
    async with http.post(f"{sandbox.url}/api/oauth.v2.access", data=form) as response:
        assert (await response.json())["ok"]
    witnessed = sandbox.state.calls[-1]
    assert not {"client_secret", "code"} & witnessed.args.keys()
    assert witnessed.answer["access_token"] == "…"


async def test_without_a_redirect_uri_the_registered_one_is_used(installer: Installer) -> None:
    code = await installer.code(redirect_uri="")
    assert (await installer.exchange(code, redirect_uri=None))["ok"]


async def test_installing_again_keeps_the_bot_and_adds_scopes(installer: Installer) -> None:
    first = await installer.exchange(await installer.code())
    second = await installer.exchange(await installer.code(optional=("channels:history",)))
    assert second["bot_user_id"] == first["bot_user_id"]
    assert second["scope"] == "chat:write,channels:read,channels:history"
    installer.client.token = first["access_token"]
    assert (await installer.client.auth_test())["ok"]
