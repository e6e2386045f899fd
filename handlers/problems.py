"""What goes wrong in the browser, each as a page: what happened, what it means, and the one thing to do."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from models.scope import Scope

SETUP_PATH = "/"
INSTALL_PATH = "/slack/install"

_SLACK_CODE = re.compile(r"[a-z][a-z0-9_]{1,60}")
_NOTHING_INSTALLED = "Nothing was installed or changed."
_TELL_THE_OPERATOR = "If you don't run this server, send that sentence to the person who does."


@dataclass(frozen=True, slots=True)
class Action:
    """The one thing to press."""

    label: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A page about something that didn't work. `code` is its name for programs, `message` a text ready to copy."""

    status: HTTPStatus
    code: str
    title: str
    meaning: str
    advice: str
    action: Action
    details: tuple[tuple[str, str], ...] = ()
    message: str = ""


def state_refused(verdict: str, *, install_url: str) -> Problem:
    """Explain why a state didn't count: `unknown`, `expired`, `reused` or `other browser`."""
    return {"expired": expired, "reused": reused, "other browser": other_browser}.get(verdict, forged)(install_url)


def forged(install_url: str) -> Problem:
    """Somebody came back from Slack with a state that we never gave out."""
    return Problem(
        status=HTTPStatus.BAD_REQUEST,
        code="unknown_state",
        title="This installation wasn't started here",
        meaning=f"Slack sent you back without the mark that Runrate gives out at the start. {_NOTHING_INSTALLED}",
        advice="Start on this server's own page.",
        action=Action("Start again", install_url),
    )


def expired(install_url: str) -> Problem:
    """The person took longer on Slack's page than a state lives."""
    return Problem(
        status=HTTPStatus.BAD_REQUEST,
        code="expired_state",
        title="Slack's page was open for too long",
        meaning=f"It has to be answered within 10 minutes, and this took longer. {_NOTHING_INSTALLED}",
        advice="Start again; Slack asks you once more.",
        action=Action("Start again", install_url),
    )


def reused(install_url: str) -> Problem:
    """The page was reloaded, or the address opened again."""
    return Problem(
        status=HTTPStatus.BAD_REQUEST,
        code="reused_state",
        title="This address was used already",
        meaning="Slack's answer counts once, so that reloading the page or pressing Back does nothing. If you saw "
        "“Runrate is in …” before, the installation is complete.",
        advice="If you didn't see that, start again. It updates what is there and never doubles it.",
        action=Action("Start again", install_url),
    )


def other_browser(install_url: str) -> Problem:
    """The cookie of the start is missing: another browser, or a trick to make somebody finish what others began."""
    return Problem(
        status=HTTPStatus.BAD_REQUEST,
        code="other_browser",
        title="This browser didn't start the installation",
        meaning="The cookie from the start is missing: the address was opened in another browser or a private window, "
        f"or cookies are blocked. {_NOTHING_INSTALLED}",
        advice=f"Start again in this browser, at {install_url}, with cookies allowed for this site.",
        action=Action("Start again in this browser", install_url),
    )


def cancelled() -> Problem:
    """The person pressed Cancel on Slack's page."""
    return Problem(
        status=HTTPStatus.OK,
        code="access_denied",
        title="You cancelled; nothing was installed",
        meaning="Runrate got no access to your workspace.",
        advice="If a permission made you hesitate, the set-up page says what each one is for.",
        action=Action("See what each permission is for", f"{SETUP_PATH}#permissions"),
    )


def not_an_admin(workspace: str, *, install_url: str, setup_url: str, is_installed: bool = False) -> Problem:
    """A member who is no admin wanted to install; the grant was given back, or what an admin installed before stays."""
    message = (
        f"Could you install Runrate in our Slack workspace {workspace}? It posts changes in our recurring revenue to "
        "the channels we choose, and it runs on our own server.\n\n"
        f"What it asks for, and why: {setup_url}\n"
        f"To install it, open {install_url} and press Allow."
    )
    return Problem(
        status=HTTPStatus.FORBIDDEN,
        code="not_an_admin",
        title=f"Only an admin can install Runrate in {workspace}",
        meaning="On this server that is for admins and owners of the workspace. "
        + (
            "What an admin installed before goes on as it was."
            if is_installed
            else "Nothing was installed; Runrate gave back the access that Slack had granted."
        ),
        advice="Send this message to one of your admins.",
        action=Action("Send it by e-mail", _mail(f"Install Runrate in {workspace}", message)),
        message=message,
    )


def missing_scopes(scopes: Sequence[Scope], *, install_url: str) -> Problem:
    """Slack granted less than what Runrate can work with."""
    return Problem(
        status=HTTPStatus.FORBIDDEN,
        code="missing_scope",
        title="Slack granted too few permissions",
        meaning=f"Runrate can't work without {_these(len(scopes))}. Nothing was installed.",
        advice="Install again and allow all that are not optional. If Slack doesn't offer them, the Slack app was made "
        "from an older manifest: add them there first.",
        action=Action("Install again", install_url),
        details=tuple((one.name, one.reason) for one in scopes),
    )


def misconfigured(missing_settings: Sequence[str]) -> Problem:
    """The server lacks what it needs to talk to Slack."""
    return Problem(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        code="not_configured",
        title="This server isn't ready to install yet",
        meaning=f"It lacks {_listed(missing_settings)}. {_NOTHING_INSTALLED}",
        advice="The set-up page says where each value is found.",
        action=Action("Open the set-up page", SETUP_PATH),
    )


_NOT_OPENED = "The page was not opened."


def sign_in_refused(verdict: str, sign_in_url: str) -> Problem:
    """A state of a sign-in that didn't count: `unknown`, `expired`, `reused` or `other browser`."""
    title, meaning = _SIGN_INS.get(verdict, _SIGN_INS["unknown"])
    return Problem(
        status=HTTPStatus.BAD_REQUEST,
        code=f"sign_in_{verdict.replace(' ', '_')}",
        title=title,
        meaning=f"{meaning} {_NOT_OPENED}",
        advice="Sign in again, in this browser.",
        action=Action("Sign in with Slack", sign_in_url),
    )


_SIGN_INS = {
    "unknown": ("This sign-in wasn't started here", "Slack sent you back without the mark that Runrate gives out."),
    "expired": ("Slack's page was open for too long", "It has to be answered within 10 minutes."),
    "reused": ("This address was used already", "Slack's answer counts once, so that going back does nothing."),
    "other browser": ("This browser didn't start the sign-in", "The cookie from the start is missing."),
}


def sign_in_cancelled(sign_in_url: str) -> Problem:
    """The person pressed Cancel on Slack's page."""
    return Problem(
        status=HTTPStatus.OK,
        code="sign_in_cancelled",
        title="You cancelled; you aren't signed in",
        meaning=f"Runrate shows reports and recaps only to members of their workspace. {_NOT_OPENED}",
        advice="Runrate learns your name, your e-mail address and your workspace, nothing else.",
        action=Action("Sign in with Slack", sign_in_url),
    )


def sign_in_failed(code: str | None, sign_in_url: str) -> Problem:
    """Slack didn't say who it is. `code` is its error, or `None` where it gave no answer."""
    known = code if code is None or _SLACK_CODE.fullmatch(code) else "unreadable"
    return Problem(
        status=HTTPStatus.BAD_GATEWAY,
        code="sign_in_failed",
        title="Slack didn't answer" if known is None else "Slack refused the sign-in",
        meaning=f"Runrate couldn't learn who you are. {_NOT_OPENED}",
        advice="Sign in again. If it stays like this, tell the person who runs this server.",
        action=Action("Sign in with Slack", sign_in_url),
        details=(("Slack's answer", known),) if known else (),
    )


def no_cookies(sign_in_url: str) -> Problem:
    """Somebody came back signed in, and their browser kept nothing of it."""
    return Problem(
        status=HTTPStatus.BAD_REQUEST,
        code="no_cookies",
        title="This browser keeps no cookie from this site",
        meaning=f"Without one Runrate can't know that you signed in. {_NOT_OPENED}",
        advice="Allow cookies for this site, then sign in again.",
        action=Action("Sign in with Slack", sign_in_url),
    )


def no_page(sign_in_url: str) -> Problem:
    """There is no such report or recap, or it is another workspace's: the same to whoever asks."""
    return Problem(
        status=HTTPStatus.NOT_FOUND,
        code="no_page",
        title="There is no such report or recap in your workspace",
        meaning="It opens only for members of the workspace that it belongs to.",
        advice="If you are a member of that workspace too, sign in there.",
        action=Action("Sign in to another workspace", sign_in_url),
    )


def guest(workspace: str, sign_in_url: str) -> Problem:
    """A guest of the workspace followed the link."""
    return Problem(
        status=HTTPStatus.FORBIDDEN,
        code="guest",
        title=f"Reports and recaps open for full members of {workspace}",
        meaning=f"You are a guest there, and they show revenue. {_NOT_OPENED}",
        advice="Ask whoever sent you the link for the figures that you need.",
        action=Action("Sign in as somebody else", sign_in_url),
    )


def deactivated(workspace: str, sign_in_url: str) -> Problem:
    """Somebody whose account was deactivated still has a session."""
    return Problem(
        status=HTTPStatus.FORBIDDEN,
        code="deactivated",
        title=f"Your account in {workspace} is deactivated",
        meaning=f"Reports and recaps open only for its present members. {_NOT_OPENED}",
        advice=f"If that is a mistake, ask an admin of {workspace}.",
        action=Action("Sign in as somebody else", sign_in_url),
    )


def membership_unknown() -> Problem:
    """Slack didn't say whether the person is still a member."""
    return Problem(
        status=HTTPStatus.BAD_GATEWAY,
        code="membership_unknown",
        title="Slack didn't say whether you may see this page",
        meaning=f"Runrate asks Slack whether you are a member. {_NOT_OPENED}",
        advice="Try again in a minute.",
        action=Action("Open the set-up page", SETUP_PATH),
    )


def unavailable() -> Problem:
    """The database can't be reached, so nothing may be promised."""
    return Problem(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        code="unavailable",
        title="Runrate can't reach its database",
        meaning=f"It can't keep what you do right now. {_NOTHING_INSTALLED}",
        advice="Try again in a minute. If it stays like this, the person who runs this server finds the cause in its "
        "log.",
        action=Action("Open the set-up page", SETUP_PATH),
    )


def exchange_failed(code: str | None, *, install_url: str) -> Problem:
    """Slack didn't turn the code into a token. `code` is its error, or `None` where it gave no answer.

    The code may come from the address bar, so only what looks like one of Slack's is shown.
    """
    if code is None:
        return _exchange(_SILENT, install_url, ())
    known = code if _SLACK_CODE.fullmatch(code) else "unreadable"
    return _exchange(_EXCHANGES.get(known, _UNKNOWN), install_url, (("Slack's answer", known),))


def not_found() -> Problem:
    """Nothing is at this address."""
    return Problem(
        status=HTTPStatus.NOT_FOUND,
        code="not_found",
        title="There is no page at this address",
        meaning="It may have been mistyped, or what it showed is gone.",
        advice="Runrate's first page is the set-up page.",
        action=Action("Open the set-up page", SETUP_PATH),
    )


def internal_error(reference: str) -> Problem:
    """A bug of ours; the log has the rest."""
    return Problem(
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        code="internal_error",
        title="This didn't work, and the fault is Runrate's",
        meaning="The cause stands in this server's log, under the reference below.",
        advice="Try once more. If it happens again, send the reference to the person who runs this server.",
        action=Action("Open the set-up page", SETUP_PATH),
        details=(("Reference", reference),),
    )


def refused(status: int) -> Problem:
    """Explain any other answer of the web server, by its status."""
    known = HTTPStatus(status)
    if known is HTTPStatus.NOT_FOUND:
        return not_found()
    return Problem(
        status=known,
        code=re.sub(r"[^a-z]+", "_", known.phrase.lower()),
        title=f"This server answered: {known.phrase}",
        meaning=_REFUSALS.get(known, "The request can't be served as it was sent."),
        advice="Nothing was changed.",
        action=Action("Open the set-up page", SETUP_PATH),
    )


_REFUSALS = {
    HTTPStatus.METHOD_NOT_ALLOWED: "This address takes requests of another kind.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The request is larger than this address takes. Send it in smaller parts.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests came in a short time. Wait a minute.",
    HTTPStatus.SERVICE_UNAVAILABLE: "It can't keep what was sent right now. Send it again in a minute.",
}


@dataclass(frozen=True, slots=True)
class _Exchange:
    status: HTTPStatus
    title: str
    meaning: str
    advice: str


_STALE = _Exchange(
    HTTPStatus.BAD_REQUEST,
    "Slack's answer was no longer valid",
    "The code in the address works once and for 10 minutes.",
    "Start again; Slack asks you once more.",
)
_SILENT = _Exchange(
    HTTPStatus.BAD_GATEWAY,
    "Slack didn't answer",
    "Runrate asked Slack for access and got no answer.",
    "Try again in a minute.",
)
_UNKNOWN = _Exchange(
    HTTPStatus.BAD_GATEWAY,
    "Slack refused the installation",
    "Slack gave the reason below.",
    f"Start again. If the same comes back, look the reason up in Slack's documentation. {_TELL_THE_OPERATOR}",
)


def _operator(meaning: str, advice: str) -> _Exchange:
    """A refusal that only the person who runs the server can mend."""
    return _Exchange(
        HTTPStatus.BAD_GATEWAY, "Slack refused this server's settings", meaning, f"{advice} {_TELL_THE_OPERATOR}"
    )


_EXCHANGES = {
    "invalid_code": _STALE,
    "code_expired": _STALE,
    "code_already_used": _STALE,
    "bad_client_secret": _operator(
        "The Client Secret isn't the one of this Slack app.",
        "Copy it from Basic Information into SLACK_CLIENT_SECRET and restart.",
    ),
    "invalid_client_id": _operator(
        "Slack knows no app with this Client ID.",
        "Copy it from Basic Information into SLACK_CLIENT_ID and restart.",
    ),
    "bad_redirect_uri": _operator(
        "The address that Slack sends people back to isn't registered with the Slack app.",
        "Under OAuth & Permissions, add PUBLIC_URL followed by /slack/oauth_redirect as a Redirect URL.",
    ),
    "invalid_scope": _operator(
        "The Slack app doesn't offer a permission that Runrate asks for.",
        "Replace the Slack app's manifest with the one from the set-up page.",
    ),
    "invalid_team_for_non_distributed_app": _operator(
        "The Slack app may be installed only in the workspace where it was made.",
        "Under Manage Distribution, activate public distribution; it stays unlisted.",
    ),
    "cannot_install_an_org_installed_app": _Exchange(
        HTTPStatus.CONFLICT,
        "Your organisation has this app already",
        "It was installed for the whole organisation, so Slack doesn't install it in one workspace too.",
        "Ask an organisation admin to add it to this workspace.",
    ),
    "user_email_unverified": _Exchange(
        HTTPStatus.FORBIDDEN,
        "Slack wants your e-mail address confirmed first",
        "Slack lets nobody install apps before that.",
        "Open Slack's confirmation e-mail, press its button, then start again.",
    ),
}


def _exchange(why: _Exchange, install_url: str, details: tuple[tuple[str, str], ...]) -> Problem:
    return Problem(
        status=why.status,
        code="exchange_failed",
        title=why.title,
        meaning=f"{why.meaning} {_NOTHING_INSTALLED}",
        advice=why.advice,
        action=Action("Start again", install_url),
        details=details,
    )


def _mail(subject: str, body: str) -> str:
    return f"mailto:?subject={quote(subject)}&body={quote(body)}"


def _these(count: int) -> str:
    return "this one" if count == 1 else f"these {count}"


def _listed(names: Sequence[str]) -> str:
    *rest, last = names
    return f"{', '.join(rest)} and {last}" if rest else last
