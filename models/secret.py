"""Secrets at rest: what is encrypted, what is only hashed, and how keys are made."""

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


def random_secret(prefix: str) -> str:
    """Make a secret of 256 random bits whose prefix lets people and log filters recognise it."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def fingerprint(secret: str) -> str:
    """Hash a random secret for look-up. It has 256 bits, so that no salt or slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same(first: str, second: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(first.encode(), second.encode())
