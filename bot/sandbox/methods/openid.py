"""openid.connect.token and openid.connect.userInfo: Sign in with Slack."""

import base64
import hashlib
import secrets

from bot.sandbox import shapes
from bot.sandbox.errors import SlackError
from bot.sandbox.methods import oauth
from bot.sandbox.methods.method import OpenAsk, OpenMethod
from bot.sandbox.records import Json, Person, SignIn, SignInCode
from bot.sandbox.state import Slack

ISSUER = "https://slack.com"
ID_TOKEN_SECONDS = 300
PERSON_SIZES = (24, 32, 48, 72, 192, 512)
TEAM_SIZES = (34, 44, 68, 88, 102, 132, 230)


async def _token(ask: OpenAsk) -> Json:
    app = oauth.client(ask)
    if (ask.args.text("grant_type") or "authorization_code") != "authorization_code":
        raise SlackError("invalid_grant_type")
    code = oauth.take_code(ask, app)
    if not isinstance(code, SignInCode):
        raise SlackError("oauth_authorization_url_mismatch")
    if code.challenge and code.challenge != _challenge(ask.args.text("code_verifier") or ""):
        raise SlackError("invalid_grant")
    token = f"xoxp-{ask.slack.next_id('')}-{secrets.token_urlsafe(18)}"
    sign_in = SignIn(token, app.id, code.workspace_id, code.user_id, code.scopes)
    ask.slack.sign_ins[token] = sign_in
    id_token = ask.slack.id_tokens.sign(_claims(ask.slack, sign_in, app.client_id, code.nonce))
    return {"access_token": token, "token_type": "Bearer", "id_token": id_token}


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _claims(slack: Slack, sign_in: SignIn, client_id: str, nonce: str | None) -> Json:
    now = int(slack.now())
    digest = hashlib.sha256(sign_in.token.encode()).digest()
    return {
        "iss": ISSUER,
        "aud": client_id,
        "exp": now + ID_TOKEN_SECONDS,
        "iat": now,
        "auth_time": now,
        "at_hash": base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode(),
        **({"nonce": nonce} if nonce else {}),
        **_known(slack, sign_in),
    }


async def _user_info(ask: OpenAsk) -> Json:
    if not ask.args.token:
        raise SlackError("not_authed")
    sign_in = ask.slack.sign_ins.get(ask.args.token)
    if sign_in is None:
        # A bot's token is a token all the same, for other things.
        raise SlackError("missing_scope" if ask.args.token in ask.slack.tokens else "invalid_auth")
    if ask.slack.people[sign_in.user_id].deleted:
        raise SlackError("account_inactive")
    return _known(ask.slack, sign_in)


def _known(slack: Slack, sign_in: SignIn) -> Json:
    """Tell what the granted scopes allow."""
    person, team = slack.people[sign_in.user_id], slack.workspaces[sign_in.workspace_id]
    known: Json = {
        "sub": person.id,
        "https://slack.com/user_id": person.id,
        "https://slack.com/team_id": team.id,
    }
    if "email" in sign_in.scopes:
        known |= {"email": person.email, "email_verified": True, "date_email_verified": int(person.updated_at)}
    return known | (_profile(slack, person) if "profile" in sign_in.scopes else {})


def _profile(slack: Slack, person: Person) -> Json:
    team, drawn = slack.workspaces[person.workspace_id], shapes.profile(person)
    face, badge = (f"{slack.url}/avatars/{name}.svg" for name in (person.id, team.id))
    return {
        "name": person.real_name,
        "picture": face,
        "given_name": drawn["first_name"],
        "family_name": drawn["last_name"],
        "locale": person.locale,
        "https://slack.com/team_name": team.name,
        "https://slack.com/team_domain": team.domain,
        **{f"https://slack.com/user_image_{size}": face for size in PERSON_SIZES},
        **{f"https://slack.com/team_image_{size}": badge for size in TEAM_SIZES},
        "https://slack.com/team_image_default": True,
    }


OPEN_METHODS = [
    OpenMethod(
        "openid.connect.token",
        _token,
        errors=frozenset(
            {
                "bad_client_secret",
                "bad_redirect_uri",
                "invalid_client_id",
                "invalid_code",
                "invalid_grant",
                "invalid_grant_type",
                "oauth_authorization_url_mismatch",
            }
        ),
    ),
    OpenMethod("openid.connect.userInfo", _user_info),
]
