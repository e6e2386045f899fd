"""Secrets at rest: sealed with the newest key, read with any that is listed."""

import pytest

from models import secret
from models.base import UserError, new_id
from models.secret import Keyring, SecretUnreadableError
from tests.seeds import NOW


def test_a_secret_is_sealed_anew_each_time_and_read_with_any_listed_key() -> None:
    old, new = Keyring.new_key(), Keyring.new_key()
    sealed = Keyring([old]).seal("xoxb-1")
    assert "xoxb" not in sealed
    assert Keyring([old]).seal("xoxb-1") != sealed
    assert Keyring([new, old]).open(sealed) == "xoxb-1"
    with pytest.raises(SecretUnreadableError):
        Keyring([new]).open(sealed)


def test_rotation_leaves_the_newest_key_sufficient() -> None:
    old, new = Keyring.new_key(), Keyring.new_key()
    rotated = Keyring([new, old]).rotate(Keyring([old]).seal("xoxb-1"))
    assert Keyring([new]).open(rotated) == "xoxb-1"
    with pytest.raises(SecretUnreadableError):
        Keyring([new]).rotate(Keyring([old]).seal("xoxb-1"))


@pytest.mark.parametrize("keys", [[], ["short"], ["ключ"], [""]])
def test_keys_that_are_none_are_refused_without_being_quoted(keys: list[str]) -> None:
    with pytest.raises(UserError, match="RUNRATE_SECRET_KEYS") as refused:
        Keyring(keys)
    assert not [key for key in keys if key and key in str(refused.value)]


def test_secrets_are_long_and_recognisable() -> None:
    made = {secret.random_secret("rrk") for _ in range(100)}
    assert len(made) == 100
    assert all(one.startswith("rrk_") and len(one) > 44 for one in made)


def test_identifiers_made_one_after_the_other_are_in_order() -> None:
    made = [new_id("del", NOW) for _ in range(5000)]
    assert made == sorted(made)
    assert len(set(made)) == 5000
    assert all(len(one) == len("del_") + 26 for one in made)


def test_a_signature_counts_for_its_text_and_its_purpose_and_outlives_a_rotation() -> None:
    old, new = Keyring.new_key(), Keyring.new_key()
    signed = Keyring([old]).sign("T0ACME.1", purpose="preview")
    rotated = Keyring([new, old])
    assert rotated.signed(signed, purpose="preview") == "T0ACME.1"
    assert rotated.signed(signed, purpose="session") is None
    assert Keyring([new]).signed(signed, purpose="preview") is None
    for forged in (signed[:-1], f"{signed}x", signed.replace("ACME", "EVIL"), "T0ACME.1", "", ".", "ключ", "\udcff.x"):
        assert rotated.signed(forged, purpose="preview") is None
