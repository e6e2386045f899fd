"""A body: what is read, what is inflated, what is refused."""

import gzip
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.body import MOST_BYTES, CallRefusedError, decode, inflate

TEXT = b'{"a": 1}'
ZIPPED = gzip.compress(TEXT, mtime=0)


def refused(body: bytes) -> tuple[int, str]:
    with pytest.raises(CallRefusedError) as caught:
        decode(body)
    return caught.value.status, caught.value.error


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b"[]", []),
        (b"null", None),
        ('"Ünï 🎉"'.encode(), "Ünï 🎉"),
        (b'"\\ud83c\\udf89"', "🎉"),
        (b'["\\ud83c", 1]', ["\ud83c", 1]),
        (b'["\\ud83c", 123456789012345678901234567890]', ["\ud83c", 1.2345678901234568e29]),
        (b"[" * 64 + b"]" * 64, None),
        (b"[" + b"[]," * 200 + b"[]]", [[]] * 201),
    ],
)
def test_json_is_decoded(body: bytes, value: Any) -> None:
    decoded = decode(body)
    assert value is None or decoded == value


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "not_json"),
        (b"hello", "not_json"),
        (b"{'a': 1}", "not_json"),
        (b'{"a": NaN}', "not_json"),
        (b'["\\ud83c", NaN]', "not_json"),
        (b'["\\ud83c"', "not_json"),
        (b'"\xff"', "not_json"),
        ('"é"'.encode("latin-1"), "not_json"),
        (b"[" * 65 + b"]" * 65, "nested_too_deep"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "nested_too_deep"),
        (b"[" * 500 + b"]" * 500, "nested_too_deep"),
        (b"[" * 5_000 + b"]" * 5_000, "not_json"),
        (b'["\\ud83c",' + b"[" * 100_000 + b"]" * 100_000 + b"]", "not_json"),
    ],
)
def test_what_is_no_json_is_refused(body: bytes, error: str) -> None:
    assert refused(body) == (400, error)


@pytest.mark.parametrize("compressed", [ZIPPED, zlib.compress(TEXT)])
def test_gzip_and_deflate_are_inflated(compressed: bytes) -> None:
    assert inflate(compressed) == TEXT


@pytest.mark.parametrize(
    "broken",
    [
        b"\x1f\x8b junk",
        ZIPPED[:-6],
        ZIPPED[:-8] + b"\0" * 8,
        ZIPPED + b"more",
        b"xjunk",
    ],
)
def test_broken_compression_is_refused(broken: bytes) -> None:
    with pytest.raises(CallRefusedError) as caught:
        inflate(broken)
    assert (caught.value.status, caught.value.error) == (400, "broken_compression")


def test_the_limit_counts_after_inflation() -> None:
    assert len(inflate(gzip.compress(b"0" * MOST_BYTES))) == MOST_BYTES
    with pytest.raises(CallRefusedError) as caught:
        inflate(gzip.compress(b"0" * (MOST_BYTES + 1)))
    assert (caught.value.status, caught.value.error) == (413, "too_large")


WORDS = (
    """{ } [ ] , : "a" "a":1 "\\ud83d" "\\ude00\\ud83d" "\\u0000" NaN -Infinity 1e999 -0 .5 00 true null "\\x" 'a'"""
)
ODD = ["9" * 400, "[" * 70, '{"a":' * 70, "\x00", "\x7f", "\ufeff", " ", '"', "\N{LINE SEPARATOR}"]
JSON_LIKE = st.lists(st.sampled_from([*WORDS.split(), *ODD]), max_size=12).map(lambda pieces: "".join(pieces).encode())


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60) | JSON_LIKE)
def test_whatever_comes_is_decoded_or_refused(body: bytes) -> None:
    assert what_becomes(decode, body) in {"taken", "400 not_json", "400 nested_too_deep"}


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=60), st.integers(0, len(ZIPPED)))
def test_whatever_comes_is_inflated_or_refused(more: bytes, kept: int) -> None:
    assert what_becomes(inflate, ZIPPED[:kept] + more) in {"taken", "400 broken_compression"}


def what_becomes(read: Callable[[bytes], Any], body: bytes) -> str:
    try:
        read(body)
    except CallRefusedError as refusal:
        return f"{refusal.status} {refusal.error}"
    return "taken"
