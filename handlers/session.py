"""Who is signed in, in a cookie of our own: signed, for a limited time, read by no script."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from aiohttp import web

from models.secret import Keyring

COOKIE = "runrate-session"
LIFE = timedelta(hours=12)
PURPOSE = "session"


@dataclass(frozen=True)
class Session:
    """A person of a workspace who signed in with Slack."""

    workspace_id: str
    user_id: str


def read(request: web.Request, *, keyring: Keyring, now: datetime) -> Session | None:
    """Say who is signed in; None where nobody is, or the time is up."""
    text = keyring.signed(request.cookies.get(COOKIE, ""), purpose=PURPOSE)
    if text is None:
        return None
    workspace_id, user_id, until = text.split(":")
    return Session(workspace_id, user_id) if now.timestamp() < int(until) else None


def start(
    response: web.StreamResponse, session: Session, *, keyring: Keyring, now: datetime, is_encrypted: bool
) -> None:
    """Sign a person in, in the browser that gets this answer."""
    until = int((now + LIFE).timestamp())
    text = f"{session.workspace_id}:{session.user_id}:{until}"
    response.set_cookie(
        COOKIE,
        keyring.sign(text, purpose=PURPOSE),
        max_age=int(LIFE.total_seconds()),
        path="/",
        secure=is_encrypted,
        httponly=True,
        samesite="Lax",
    )
