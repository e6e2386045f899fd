"""A report in the browser: signing in with Slack, and to whom it opens."""

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from bot.sandbox.people import ACME, GLOBEX
from bot.sandbox.person import Browser
from bot.sandbox.webpage import Page
from bot.signin import COOKIE, RETURN_PATH, SIGN_IN_PATH
from handlers import session
from models import report
from tests.stage import Answer, Stage, staged

"""What the engines do differently is asked of models and scheduler; here is what people read and press."""

NO_SUCH = "no such report"
FIGURES = "+$420 net (▲ 35 %)"
UNKNOWN = f"rep_{'0' * 26}"


@pytest.fixture
async def told(acme: Stage) -> Stage:
    """Give the product with one movement told, installed in Acme and Globex."""
    await acme.install(GLOBEX)
    _, webhook = await acme.add_source()
    await acme.add_destination()
    await acme.move(webhook)
    await acme.ada.message("C0REVENUE", containing="Northwind")
    return acme


async def path(stage: Stage, workspace: str = ACME) -> str:
    async with stage.database.read() as reading:
        found = await report.built_in(reading, workspace)
    assert found is not None
    return f"/reports/{found.id}"


async def opened(stage: Stage, user: str, workspace: str = ACME, *, of: str = ACME, allow: bool = True) -> Page:
    """Open a workspace's report in a browser of somebody's own."""
    async with Browser(stage.sandbox.url) as browser:
        return await browser.person(workspace, user).sign_in(stage.url + await path(stage, of), allow=allow)


async def test_a_member_signs_in_with_slack_and_sees_the_figures(told: Stage) -> None:
    page = await opened(told, "U0PAT")
    assert page.status == 200
    for words in ("MRR this month", f"{FIGURES} → $1,620", "Expansion +$420 1", "Northwind Expansion +$420", "$0 0"):
        assert words in page.text, words
    assert re.search(r"as of \d\d:\d\d · days are UTC · opens for members of Acme", page.text)
    assert '<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img"' in page.html
    assert "signed_in" not in page.url


@pytest.mark.parametrize(
    ("user", "workspace", "status", "words"),
    [
        ("U0ADA", ACME, 200, FIGURES),
        ("U0GUS", ACME, 403, "You are a guest there"),
        ("U1GINA", GLOBEX, 404, NO_SUCH),
    ],
)
async def test_a_report_opens_for_full_members_of_its_workspace(
    told: Stage, user: str, workspace: str, status: int, words: str
) -> None:
    page = await opened(told, user, workspace)
    assert page.status == status
    assert words in page.text
    assert ("$420" in page.html) is (status == 200)


async def test_another_workspace_is_told_the_same_of_a_report_as_of_none(told: Stage) -> None:
    async with Browser(told.sandbox.url) as browser:
        gina = browser.person(GLOBEX, "U1GINA")
        theirs, none = await path(told), f"/reports/{UNKNOWN}"
        pages = [await gina.sign_in(told.url + one) for one in (theirs, none)]
        assert [page.status for page in pages] == [404, 404]
        assert pages[0].html.replace(theirs.rpartition("/")[2], UNKNOWN) == pages[1].html
        own = await gina.sign_in(told.url + await path(told, GLOBEX))
    assert own.status == 200
    assert "No MRR movement yet this month" in own.text


async def test_whoever_is_deactivated_is_shut_out_though_signed_in(told: Stage) -> None:
    async with Browser(told.sandbox.url) as browser:
        pat = browser.person(ACME, "U0PAT")
        address = told.url + await path(told)
        assert (await pat.sign_in(address)).status == 200
        await told.browser.control("deactivate", workspace=ACME, user="U0PAT")

        async def refused() -> Page | None:
            page = await browser.open(address)
            return page if page.status == 403 else None

        page = await told.until(refused)
    assert "Your account in Acme is deactivated" in page.text
    assert "$420" not in page.html


async def test_a_report_opens_no_more_once_the_workspace_uninstalled(told: Stage) -> None:
    async with Browser(told.sandbox.url) as browser:
        address = told.url + await path(told)
        assert (await browser.person(ACME, "U0ADA").sign_in(address)).status == 200
        await told.browser.control("uninstall", workspace=ACME)

        async def refused() -> bool:
            return (await browser.open(address)).status == 404

        assert await told.until(refused)


async def test_where_slack_does_not_say_who_it_is_nothing_opens(told: Stage) -> None:
    told.clock.ahead = timedelta(hours=2)
    await told.browser.fault("error", method="users.info", code="internal_error")
    page = await opened(told, "U0PAT")
    assert page.status == 502
    assert "$420" not in page.html


async def test_what_is_no_report_s_address_is_not_found(acme: Stage) -> None:
    for one in (
        "/reports/1",
        "/reports/rep_x",
        f"{SIGN_IN_PATH}",
        f"{SIGN_IN_PATH}?page=//evil.example",
        RETURN_PATH,
    ):
        assert (await acme.get(one)).status == 404, one


# --- the session ---------------------------------------------------------------------------------------------------


def cookie(stage: Stage, *, user: str = "U0ADA", ago: timedelta = timedelta(), purpose: str = session.PURPOSE) -> str:
    until = int((stage.clock.now() - ago + session.LIFE).timestamp())
    return stage.keyring.sign(f"{ACME}:{user}:{until}", purpose=purpose)


async def visited(stage: Stage, value: str) -> Answer:
    return await stage.get(await path(stage), headers={"Cookie": f"{session.COOKIE}={value}"})


async def test_a_session_counts_until_it_expires_and_only_if_we_signed_it(told: Stage) -> None:
    assert (await visited(told, cookie(told))).status == 200
    for refused in (
        cookie(told, ago=session.LIFE),
        cookie(told, purpose="preview"),
        cookie(told).replace("U0ADA", "U0PAT"),
        f"{ACME}:U0ADA:9999999999",
        "",
    ):
        answer = await visited(told, refused)
        assert answer.status == 302, refused
        assert answer.headers["Location"].startswith(told.url + SIGN_IN_PATH)
        assert "420" not in answer.text


async def test_the_cookie_is_read_by_no_script_and_sent_by_no_other_site(told: Stage) -> None:
    async with Browser(told.sandbox.url) as browser:
        await browser.person(ACME, "U0ADA").sign_in(told.url + await path(told))
        kept = {one.key: one for one in browser.session.cookie_jar}
    for name, where in ((session.COOKIE, "/"), (COOKIE, SIGN_IN_PATH)):
        one = kept[name]
        assert (one["httponly"], one["samesite"], one["path"], one["secure"]) == (True, "Lax", where, "")
        assert int(one["max-age"]) > 0


async def test_a_browser_without_cookies_is_not_sent_round_and_round(told: Stage) -> None:
    answer = await told.get(f"{await path(told)}?signed_in=1")
    assert answer.status == 400
    assert "keeps no cookie" in answer.text


async def test_a_link_copied_after_signing_in_is_the_plain_one(told: Stage) -> None:
    headers = {"Cookie": f"{session.COOKIE}={cookie(told)}"}
    answer = await told.get(f"{await path(told)}?signed_in=1", headers=headers)
    assert (answer.status, answer.headers["Location"]) == (302, told.url + await path(told))


async def test_over_https_cookies_are_secure(database_url: str, database: object) -> None:
    async with staged(database_url, incomplete={"public_url": "https://runrate.example"}) as stage:
        answer = await stage.get(f"{SIGN_IN_PATH}?page={UNKNOWN}&here=1")
        assert answer.status == 302
        assert "Secure" in answer.headers["Set-Cookie"]


# --- the state -----------------------------------------------------------------------------------------------------


async def started(stage: Stage, browser: Browser) -> str:
    """Begin to sign in; answer the state that Slack was handed."""
    address = f"{stage.url}{SIGN_IN_PATH}?{urlencode({'page': (await path(stage)).rpartition('/')[2]})}"
    async with browser.session.get(address, allow_redirects=False) as response:
        asked = urlsplit(response.headers["Location"])
    assert asked.path == "/openid/connect/authorize"
    query = parse_qs(asked.query)
    assert query["scope"] == ["openid profile email"]
    return query["state"][0]


async def back(stage: Stage, browser: Browser, **query: str) -> Page:
    return await browser.open(f"{stage.url}{RETURN_PATH}?{urlencode(query)}")


async def test_a_state_counts_once(told: Stage) -> None:
    async with Browser(told.sandbox.url) as browser:
        state = await started(told, browser)
        first = await back(told, browser, state=state, error="access_denied")
        again = await back(told, browser, state=state, code="1")
    assert (first.status, again.status) == (200, 400)
    assert "You cancelled" in first.text
    assert "This address was used already" in again.text


async def test_a_state_is_bound_to_its_browser_and_its_time(told: Stage) -> None:
    async with Browser(told.sandbox.url) as browser, Browser(told.sandbox.url) as other:
        state = await started(told, browser)
        assert "This browser didn't start" in (await back(told, other, state=state, code="1")).text
        told.clock.ahead = timedelta(minutes=11)
        assert "open for too long" in (await back(told, browser, state=state, code="1")).text


async def test_a_state_that_we_never_gave_or_for_another_report_is_refused(told: Stage) -> None:
    async with Browser(told.sandbox.url) as browser:
        state = await started(told, browser)
        turned = f"{state.partition('.')[0]}.{UNKNOWN}"
        for forged in (f"x.{UNKNOWN}", turned):
            page = await back(told, browser, state=forged, code="1")
            assert (page.status, "wasn't started here" in page.text) == (400, True)


async def test_a_state_of_an_installation_signs_nobody_in(told: Stage) -> None:
    async with Browser(told.sandbox.url) as browser:
        async with browser.session.get(f"{told.url}/slack/install", allow_redirects=False) as response:
            state = parse_qs(urlsplit(response.headers["Location"]).query)["state"][0]
        assert (await back(told, browser, state=state, code="1")).status == 404


async def test_a_cancelled_sign_in_says_so_and_offers_another(told: Stage) -> None:
    page = await opened(told, "U0ADA", allow=False)
    assert "You cancelled; you aren't signed in" in page.text
    assert SIGN_IN_PATH in page.html


async def test_a_code_that_slack_does_not_know_signs_nobody_in(told: Stage) -> None:
    async with Browser(told.sandbox.url) as browser:
        page = await back(told, browser, state=await started(told, browser), code="made-up")
    assert (page.status, "invalid_code" in page.text) == (502, True)


@pytest.mark.parametrize("kind", ["drop_request", "http_500"])
async def test_where_slack_does_not_answer_the_page_says_so(told: Stage, kind: str) -> None:
    async with Browser(told.sandbox.url) as browser:
        state = await started(told, browser)
        await told.browser.fault(kind, method="openid.connect.token")
        page = await back(told, browser, state=state, code="1")
    assert page.status == 502
    assert "Slack" in page.text
