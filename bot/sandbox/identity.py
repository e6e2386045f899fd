"""ID tokens: what Slack says of somebody who signed in, signed so that anybody can check it."""

import base64
from functools import cached_property

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from bot.sandbox.records import Json

KEY_ID = "local-slack"
KEY_BITS = 2048


class IdTokens:
    """Signs ID tokens (RS256) with a key that is made when it is first needed and lasts as long as the process."""

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS)

    def sign(self, claims: Json) -> str:
        header = {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
        signed = ".".join(encoded(orjson.dumps(part)) for part in (header, claims))
        return f"{signed}.{encoded(self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def public_keys(self) -> Json:
        """Describe the key to check with, as a JSON Web Key Set."""
        numbers = self._key.public_key().public_numbers()
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID}
        return {"keys": [{**key, "n": encoded(_bytes(numbers.n)), "e": encoded(_bytes(numbers.e))}]}


def encoded(raw: bytes) -> str:
    """Write bytes in base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
