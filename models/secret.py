"""Secrets at rest: what is encrypted, what is only hashed, and how keys are made."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from models.base import UserError


class SecretUnreadableError(UserError):
    """A stored secret can't be read. Add the key that it was written with to the end of RUNRATE_SECRET_KEYS."""


class Keyring:
    """Encrypts with the newest key and reads with every key that is still listed."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Take Fernet keys (url-safe base 64 of 32 bytes), newest first."""
        if not keys:
            raise UserError("RUNRATE_SECRET_KEYS is empty. Make a key with: runrate keys new")
        self._keys = [key.encode() for key in keys]
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError as error:
            raise UserError(
                "RUNRATE_SECRET_KEYS holds something that is no key. Make one with: runrate keys new"
            ) from error

    @staticmethod
    def new_key() -> str:
        """Make a key for RUNRATE_SECRET_KEYS."""
        return Fernet.generate_key().decode()

    def seal(self, secret: str) -> str:
        """Encrypt a secret for storage."""
        return self._fernet.encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """Read a stored secret."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise SecretUnreadableError from error

    def rotate(self, sealed: str) -> str:
        """Encrypt a stored secret anew with the newest key."""
        try:
            return self._fernet.rotate(sealed.encode()).decode()
        except InvalidToken as error:
            raise SecretUnreadableError from error

    def sign(self, text: str, *, purpose: str) -> str:
        """Append a signature by the newest key; what is signed for one purpose counts for no other."""
        return f"{text}.{_signature(self._keys[0], purpose, text)}"

    def signed(self, written: str, *, purpose: str) -> str | None:
        """Give the text that a listed key signed for this purpose; None for anything else."""
        if not written.isascii():
            return None
        text, _, signature = written.rpartition(".")
        is_ours = [same(signature, _signature(key, purpose, text)) for key in self._keys]
        return text if any(is_ours) else None


def _signature(key: bytes, purpose: str, text: str) -> str:
    """Sign with a key of its own for each purpose, derived from the one that is listed."""
    derived = hmac.digest(base64.urlsafe_b64decode(key), f"runrate:{purpose}".encode(), "sha256")
    return base64.urlsafe_b64encode(hmac.digest(derived, text.encode(), "sha256")).rstrip(b"=").decode()


def random_secret(prefix: str) -> str:
    """Make a secret of 256 random bits whose prefix lets people and log filters recognise it."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def fingerprint(secret: str) -> str:
    """Hash a random secret for look-up. It has 256 bits, so that no salt or slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same(first: str, second: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(first.encode(), second.encode())
