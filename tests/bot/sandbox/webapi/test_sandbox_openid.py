"""Sign in with Slack: the page, the exchange of its code, and who somebody is."""

import base64
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Sandbox
from bot.sandbox.people import ACME, GUS, OLGA

# slack_sdk makes the Basic header with a class of aiohttp that is on its way out.
pytestmark = pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")

REDIRECT = "http://127.0.0.1:9/slack/oauth_redirect"
ASKED = {
    "client_id": "111.222",
    "response_type": "code",
    "scope": "openid profile email",
    "redirect_uri": REDIRECT,
    "state": "s1",
    "nonce": "n1",
}
CREDENTIALS = {"client_id": "111.222", "client_secret": "client-secret"}


class Visitor:
    """Somebody at the sign-in page, and the app behind it."""

    def __init__(self, sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.client = AsyncWebClient(base_url=f"{sandbox.url}/api/", session=http, retry_handlers=[])
        self._http = http

    async def see(self, **asked: str) -> tuple[int, str]:
        async with self._http.get(
            f"{self.sandbox.url}/openid/connect/authorize", params={**ASKED, **asked}
        ) as response:
            return response.status, await response.text()

    async def decide(self, decision: str = "allow", *, person: str = "U0DANA", **asked: str) -> dict[str, str]:
        form = {**ASKED, **asked, "person": person, "decision": decision}
        url = f"{self.sandbox.url}/openid/connect/authorize"
        async with self._http.post(url, data=form, allow_redirects=False) as response:
            if response.status == 400:
                return {"refused": await response.text()}
            return {name: value[0] for name, value in parse_qs(urlsplit(response.headers["Location"]).query).items()}

    async def exchange(self, code: str, **more: Any) -> Any:
        return await self.client.openid_connect_token(code=code, **CREDENTIALS, **{"redirect_uri": REDIRECT, **more})

    async def sign_in(self, **asked: str) -> Any:
        return await self.exchange((await self.decide(**asked))["code"])

    async def who(self, token: str) -> Any:
        return await self.client.api_call("openid.connect.userInfo", json={"token": token})


@pytest.fixture
def visitor(sandbox: Sandbox, http: aiohttp.ClientSession) -> Visitor:
    return Visitor(sandbox, http)


async def test_the_page_says_what_is_asked_and_lets_everybody_sign_in(visitor: Visitor) -> None:
    status, page = await visitor.see()
    assert status == 200
    assert "Sign in to Sample with Slack" in page
    assert "View your email address" in page
    assert GUS in page
    assert OLGA not in page


async def test_the_person_whose_page_was_open_is_suggested(visitor: Visitor, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{visitor.sandbox.url}/?as=U0MEI", headers={"Cookie": ""}) as response:
        cookie = response.cookies["local-slack-as"].value
    url = f"{visitor.sandbox.url}/openid/connect/authorize"
    async with http.get(url, params=ASKED, headers={"Cookie": f"local-slack-as={cookie}"}) as response:
        assert '<option value="U0MEI" selected>' in await response.text()


async def test_signing_in_tells_who_it_is(visitor: Visitor) -> None:
    back = await visitor.decide()
    assert back["state"] == "s1"
    token = await visitor.exchange(back["code"])
    assert token["token_type"] == "Bearer"
    known = await visitor.who(token["access_token"])
    assert (known["sub"], known["https://slack.com/team_id"]) == ("U0DANA", ACME)
    assert (known["email"], known["email_verified"], known["given_name"]) == ("dana@acme.com", True, "Dana")


async def test_less_is_told_where_less_was_asked(visitor: Visitor) -> None:
    token = await visitor.sign_in(scope="openid")
    known = await visitor.who(token["access_token"])
    assert known["https://slack.com/user_id"] == "U0DANA"
    assert not {"email", "name"} & set(known.data)


async def test_the_id_token_can_be_checked_with_the_published_key(
    visitor: Visitor, http: aiohttp.ClientSession
) -> None:
    token = (await visitor.sign_in())["id_token"]
    async with http.get(f"{visitor.sandbox.url}/.well-known/openid-configuration") as response:
        configuration = await response.json()
    async with http.get(configuration["jwks_uri"]) as response:
        [key] = (await response.json())["keys"]
    public = rsa.RSAPublicNumbers(number(key["e"]), number(key["n"])).public_key()
    signed, _, signature = token.rpartition(".")
    public.verify(decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    claims = json.loads(decoded(signed.split(".")[1]))
    assert (claims["iss"], claims["aud"], claims["nonce"]) == ("https://slack.com", "111.222", "n1")
    assert (claims["sub"], claims["exp"] - claims["iat"]) == ("U0DANA", 300)


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(text: str) -> int:
    return int.from_bytes(decoded(text), "big")


async def test_a_challenge_must_be_met(visitor: Visitor, refused: Any) -> None:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(b"verifier").digest()).rstrip(b"=").decode()
    code = (await visitor.decide(code_challenge=challenge, code_challenge_method="S256"))["code"]
    assert (await visitor.exchange(code, code_verifier="verifier"))["ok"]
    code = (await visitor.decide(code_challenge=challenge))["code"]
    assert (await refused(visitor.exchange(code, code_verifier="another")))["error"] == "invalid_grant"


async def test_cancelling_leads_back_with_access_denied(visitor: Visitor) -> None:
    assert await visitor.decide("cancel") == {"error": "access_denied", "state": "s1"}


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"client_id": "9.9"}, "Invalid client_id"),
        ({"redirect_uri": "http://evil.example/"}, "did not match any configured URIs"),
        ({"response_type": "token"}, "Invalid response_type"),
        ({"scope": "profile"}, "Invalid scopes"),
        ({"scope": "openid admin"}, "Invalid scopes"),
        ({"code_challenge": "x", "code_challenge_method": "plain"}, "Invalid code_challenge_method"),
    ],
)
async def test_a_request_that_slack_would_not_take_is_refused(
    visitor: Visitor, asked: dict[str, str], reason: str
) -> None:
    status, page = await visitor.see(**asked)
    assert status == 400
    assert reason in page
    assert reason in (await visitor.decide(**asked))["refused"]


async def test_a_deactivated_person_cannot_sign_in(visitor: Visitor) -> None:
    assert "cannot sign in" in (await visitor.decide(person=OLGA))["refused"]


async def test_a_code_is_good_once_and_only_for_its_purpose(visitor: Visitor, sandbox: Sandbox, refused: Any) -> None:
    code = (await visitor.decide())["code"]
    installing = visitor.client.oauth_v2_access(code=code, redirect_uri=REDIRECT, **CREDENTIALS)
    assert (await refused(installing))["error"] == "invalid_code"
    assert (await refused(visitor.exchange(code)))["error"] == "invalid_code"
    assert (await refused(visitor.exchange("404")))["error"] == "invalid_code"
    code = (await visitor.decide())["code"]
    assert (await refused(visitor.exchange(code, redirect_uri="http://127.0.0.1:9/x")))["error"] == "bad_redirect_uri"
    form = {
        "client_id": "111.222",
        "scope": "chat:write",
        "redirect_uri": REDIRECT,
        "person": "U0ADA",
        "decision": "allow",
    }
    session = visitor.client.session
    assert session is not None
    async with session.post(f"{sandbox.url}/oauth/v2/authorize", data=form, allow_redirects=False) as response:
        code = parse_qs(urlsplit(response.headers["Location"]).query)["code"][0]
    assert (await refused(visitor.exchange(code)))["error"] == "oauth_authorization_url_mismatch"


async def test_only_the_token_of_a_sign_in_tells_who_it_is(
    visitor: Visitor, client: AsyncWebClient, refused: Any
) -> None:
    assert (await refused(visitor.who("xoxp-404")))["error"] == "invalid_auth"
    assert (await refused(visitor.who(str(client.token))))["error"] == "missing_scope"
    assert (await refused(visitor.who("")))["error"] == "not_authed"
    token = await visitor.sign_in()
    visitor.sandbox.state.people["U0DANA"].deleted = True
    assert (await refused(visitor.who(token["access_token"])))["error"] == "account_inactive"


async def test_the_witness_keeps_no_secret_of_a_sign_in(visitor: Visitor) -> None:
    await visitor.sign_in()
    [call] = [one for one in visitor.sandbox.state.calls if one.method == "openid.connect.token"]
    assert (call.answer["access_token"], call.answer["id_token"]) == ("…", "…")
    assert not {"code", "client_secret"} & set(call.args)


async def test_everybody_has_a_picture(visitor: Visitor, http: aiohttp.ClientSession) -> None:
    token = await visitor.sign_in()
    async with http.get((await visitor.who(token["access_token"]))["picture"]) as response:
        assert response.content_type == "image/svg+xml"
        assert ">D</text>" in await response.text()
