"""A preview's address: signed by us, for four days, and for nothing else."""

from dataclasses import replace
from datetime import timedelta

import pytest

from models import preview
from models.preview import KEPT, Preview
from tests.seeds import ACME, KEYRING, NOW

REPORT = Preview(workspace_id=ACME, subject_id="rep_1", as_of=NOW)
RECAP = Preview(workspace_id=ACME, subject_id="rcp_1", figures="USD", as_of=NOW)


def signed(one: Preview) -> str:
    address = preview.address(one, keyring=KEYRING, public_url="https://r.io")
    return address.removeprefix("https://r.io/previews/").removesuffix(".png")


@pytest.mark.parametrize("one", [REPORT, RECAP])
def test_what_was_signed_is_read_back(one: Preview) -> None:
    assert preview.read(signed(one), keyring=KEYRING) == one


@pytest.mark.parametrize(
    "change", [("T0ACME", "T0GLOBEX"), ("rcp_1", "rcp_2"), ("USD", "EUR"), ("USD", ""), (":", "."), (".", "")]
)
def test_whatever_was_changed_is_not_ours(change: tuple[str, str]) -> None:
    assert preview.read(signed(RECAP).replace(*change), keyring=KEYRING) is None


def test_a_later_instant_has_another_signature() -> None:
    later = signed(replace(REPORT, as_of=NOW + timedelta(days=9)))
    forged = f"{later.rpartition('.')[0]}.{signed(REPORT).rpartition('.')[2]}"
    assert preview.read(forged, keyring=KEYRING) is None


def test_a_preview_expires_after_four_days() -> None:
    assert not REPORT.is_expired(now=NOW + KEPT - timedelta(seconds=1))
    assert REPORT.is_expired(now=NOW + KEPT)
