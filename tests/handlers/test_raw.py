"""What is kept of a refused record."""

from typing import Any

import pytest

from handlers.raw import keepable, redacted
from models.base import json_bytes


@pytest.mark.parametrize(
    ("record", "kept"),
    [
        ({"id": 1, "name": "Acme"}, {"id": 1, "name": "Acme"}),
        ("text", {"value": "text"}),
        ([1], {"value": [1]}),
        (None, {"value": None}),
        ({"writeKey": "wk_1"}, {"writeKey": "[hidden]"}),
        ({"write_key": "wk_1", "API-Key": {"a": 1}}, {"write_key": "[hidden]", "API-Key": "[hidden]"}),
        ({"a": [{"password": "hunter2"}]}, {"a": [{"password": "[hidden]"}]}),
        ({"note": "use xoxb-12-abc now"}, {"note": "use [hidden] now"}),
        ({"note": "sk_live_51Habc or whsec_abc"}, {"note": "[hidden] or [hidden]"}),
        ({"url": "https://hooks.slack.com/services/T0/B0/x"}, {"url": "[hidden]"}),
        ({"url": "https://a.example/in/rrk_abc-DEF_1"}, {"url": "https://a.example/in/[hidden]"}),
        ({"h": "Bearer abcdefghijklmnop"}, {"h": "[hidden]"}),
        ({"plan": "Basic yearly"}, {"plan": "Basic yearly"}),
        ({"nul\0": "half \ud83d"}, {"nul�": "half ?"}),
        ({"n": 2**70}, {"n": str(2**70)}),
    ],
)
def test_secrets_and_unstorable_texts_are_replaced(record: Any, kept: dict[str, Any]) -> None:
    assert keepable(record) == kept


@pytest.mark.parametrize(
    ("record", "kept"),
    [
        ({"id": 1, "name": "Acme", "currency": "dollars"}, {"id": 1, "name": "[hidden]", "currency": "dollars"}),
        ({"first_name": "Sofia", "lastName": "Marín", "Account Name": "A"}, dict.fromkeys(
            ("first_name", "lastName", "Account Name"), "[hidden]"
        )),
        ({"email": "a@a.io", "workEmail": "b@a.io", "phone": None}, {
            "email": "[hidden]", "workEmail": "[hidden]", "phone": None,
        }),
        ({"userId": "sofia@northwind.example", "note": "ask a@a.io, soon"}, {
            "userId": "[hidden]", "note": "ask [hidden], soon",
        }),
        ({"traits": [{"address": {"city": "Rome"}, "plan": "scale"}]}, {
            "traits": [{"address": "[hidden]", "plan": "scale"}],
        }),
        ({"a@a.io": True, "token": "xoxb-1"}, {"[hidden]": True, "token": "[hidden]"}),
    ],
)  # fmt: skip
def test_of_what_a_source_sent_nothing_is_kept_that_says_who_a_person_is(record: Any, kept: dict[str, Any]) -> None:
    assert redacted(record) == kept


def test_a_large_record_is_cut_after_its_secrets_are_gone() -> None:
    kept = keepable({"a": '"' * 20_000, "b": 1, "token": "xoxb-1"})
    assert list(kept) == ["cut"]
    assert len(json_bytes(kept)) <= 8 * 1024
    assert keepable({"a": "é" * 20_000})["cut"].startswith('{"a":"éé')
