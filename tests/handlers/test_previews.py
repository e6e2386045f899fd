"""A preview's address: signed by us, for four days, and for nothing else."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from handlers import previews
from handlers.previews import KEPT, Preview
from models import report
from scheduler.messages.report import EXPIRED, expired
from tests.seeds import ACME, GLOBEX, KEYRING, NOW
from tests.stage import Stage

PREVIEW = Preview(workspace_id=ACME, report_id="rep_1", as_of=NOW)

Fetch = Callable[[Preview], Awaitable[bytes]]


def signed(preview: Preview) -> str:
    address = previews.address(preview, keyring=KEYRING, public_url="https://r.io")
    return address.removeprefix("https://r.io/previews/").removesuffix(".png")


def test_what_was_signed_is_read_back() -> None:
    assert previews.read(signed(PREVIEW), keyring=KEYRING) == PREVIEW


@pytest.mark.parametrize("change", [("T0ACME", "T0GLOBEX"), ("rep_1", "rep_2"), (":", "."), (".", ""), ("rep", "REP")])
def test_whatever_was_changed_is_not_ours(change: tuple[str, str]) -> None:
    assert previews.read(signed(PREVIEW).replace(*change), keyring=KEYRING) is None


def test_a_later_instant_has_another_signature() -> None:
    later = signed(replace(PREVIEW, as_of=NOW + timedelta(days=9)))
    forged = f"{later.rpartition('.')[0]}.{signed(PREVIEW).rpartition('.')[2]}"
    assert previews.read(forged, keyring=KEYRING) is None


def test_a_preview_expires_after_four_days() -> None:
    assert not PREVIEW.is_expired(now=NOW + KEPT - timedelta(seconds=1))
    assert PREVIEW.is_expired(now=NOW + KEPT)


def test_the_stock_picture_says_what_to_do() -> None:
    assert EXPIRED == ("This preview has expired.", "Open the report to see it as it is now.")
    assert all(words in expired() for words in EXPIRED)


@pytest.fixture
async def fetch(acme: Stage) -> Fetch:
    """Fetch a preview's picture from the product."""

    async def picture(preview: Preview) -> bytes:
        address = previews.address(preview, keyring=acme.keyring, public_url=acme.url)
        async with acme.http.get(address) as response:
            assert (response.status, response.content_type) == (200, "image/png")
            return await response.read()

    return picture


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_an_expired_picture_gives_way_to_the_stock_one(acme: Stage, fetch: Fetch) -> None:
    async with acme.database.read() as session:
        found = await report.built_in(session, ACME)
    assert found is not None
    now = acme.clock.now()
    fresh = Preview(workspace_id=ACME, report_id=found.id, as_of=now)
    stock = await fetch(replace(fresh, as_of=now - KEPT))
    assert await fetch(fresh) != stock
    assert await fetch(replace(fresh, report_id="rep_gone")) == stock
    assert await fetch(replace(fresh, workspace_id=GLOBEX)) == stock
    acme.clock.ahead = KEPT
    assert await fetch(fresh) == stock


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_a_forged_address_is_not_found(acme: Stage) -> None:
    for name in ("x", "T0ACME:rep_1:1.x", acme.keyring.sign("T0ACME:U0ADA:1", purpose="session"), "%ff", "%D0%BA"):
        assert (await acme.get(f"/previews/{name}.png")).status == 404, name
