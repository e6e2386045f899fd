"""Every way in which an installation fails, as words."""

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import pytest

from handlers import problems
from handlers.problems import Problem
from models import scope

INSTALL = "https://mrr.acme.com/slack/install"
SETUP = "https://mrr.acme.com/"

EVERY: dict[str, Callable[[], Problem]] = {
    "forged": lambda: problems.forged(INSTALL),
    "expired": lambda: problems.expired(INSTALL),
    "reused": lambda: problems.reused(INSTALL),
    "other browser": lambda: problems.other_browser(INSTALL),
    "cancelled": problems.cancelled,
    "not an admin": lambda: problems.not_an_admin("Acme", install_url=INSTALL, setup_url=SETUP),
    "missing scopes": lambda: problems.missing_scopes(scope.REQUIRED[:2], install_url=INSTALL),
    "misconfigured": lambda: problems.misconfigured(["SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET"]),
    "unavailable": problems.unavailable,
    "Slack is silent": lambda: problems.exchange_failed(None, install_url=INSTALL),
    "code used": lambda: problems.exchange_failed("invalid_code", install_url=INSTALL),
    "wrong secret": lambda: problems.exchange_failed("bad_client_secret", install_url=INSTALL),
    "unknown code": lambda: problems.exchange_failed("flux_capacitor_empty", install_url=INSTALL),
    "not found": problems.not_found,
    "internal error": lambda: problems.internal_error("7f3ac91d"),
    "too large": lambda: problems.refused(413),
}


@pytest.mark.parametrize("name", EVERY)
def test_each_problem_says_what_happened_what_it_means_and_what_to_press(name: str) -> None:
    problem = EVERY[name]()
    assert problem.title
    assert not problem.title.endswith(".")
    assert problem.meaning.endswith(".")
    assert problem.advice.endswith(".")
    assert problem.action.label
    assert problem.action.href.startswith(("https://mrr.acme.com/", "/", "mailto:"))
    assert "!" not in problem.title + problem.meaning + problem.advice


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        ("unknown", "unknown_state"),
        ("expired", "expired_state"),
        ("reused", "reused_state"),
        ("other browser", "other_browser"),
        ("anything else", "unknown_state"),
    ],
)
def test_each_verdict_on_a_state_has_its_page(verdict: str, code: str) -> None:
    problem = problems.state_refused(verdict, install_url=INSTALL)
    assert (problem.code, problem.status) == (code, HTTPStatus.BAD_REQUEST)
    assert problem.action.href == INSTALL


def test_who_is_no_admin_gets_a_message_with_the_link_for_their_admin() -> None:
    problem = problems.not_an_admin("Acme & Söhne", install_url=INSTALL, setup_url=SETUP)
    assert problem.status == HTTPStatus.FORBIDDEN
    assert "Could you install Runrate in our Slack workspace Acme & Söhne?" in problem.message
    assert INSTALL in problem.message
    assert SETUP in problem.message
    mail = parse_qs(urlsplit(problem.action.href).query)
    assert mail == {"subject": ["Install Runrate in Acme & Söhne"], "body": [problem.message]}


def test_pressing_cancel_is_no_error() -> None:
    assert problems.cancelled().status == HTTPStatus.OK
    assert problems.cancelled().action.href == "/#permissions"


def test_slacks_code_is_shown_and_a_known_one_is_explained() -> None:
    problem = problems.exchange_failed("bad_redirect_uri", install_url=INSTALL)
    assert problem.details == (("Slack's answer", "bad_redirect_uri"),)
    assert "/slack/oauth_redirect" in problem.advice


@pytest.mark.parametrize("code", ["Your account is locked, call +1 555 0100", "<script>", "A" * 200, ""])
def test_what_a_stranger_put_into_the_address_is_not_shown(code: str) -> None:
    problem = problems.exchange_failed(code, install_url=INSTALL)
    assert problem.details == (("Slack's answer", "unreadable"),)


def test_each_permission_that_is_missing_is_named_with_its_reason() -> None:
    one = problems.missing_scopes(scope.REQUIRED[:1], install_url=INSTALL)
    assert "can't work without this one" in one.meaning
    assert one.details == (("commands", "Answers /mrr."),)


def test_the_settings_that_are_missing_are_named() -> None:
    assert "It lacks SLACK_CLIENT_ID." in problems.misconfigured(["SLACK_CLIENT_ID"]).meaning
    assert "It lacks A, B and C." in problems.misconfigured(["A", "B", "C"]).meaning


def test_another_refusal_of_the_web_server_is_named_by_its_status() -> None:
    assert problems.refused(404) == problems.not_found()
    assert problems.refused(405).code == "method_not_allowed"
    assert "smaller parts" in problems.refused(413).meaning
    assert problems.refused(418).meaning == "The request can't be served as it was sent."
