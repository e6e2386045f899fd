from datetime import UTC, datetime
from typing import Any

import pytest

from models.fact import SignalKind
from scheduler.messages.signal import SignalMessage, draw

SOFIA = {"person": "Sofia Marín", "title": "VP Finance"}


def signal(kind: SignalKind, **fields: Any) -> SignalMessage:
    told = {"account_name": "Contoso", "account_status": "lead", "source_name": "CRM", "why": "Told here."}
    return SignalMessage(kind=kind, occurred_at=datetime(2026, 11, 20, tzinfo=UTC), is_direct=False, **told, **fields)


@pytest.mark.parametrize(
    ("kind", "who", "said"),
    [
        (SignalKind.JOB_CHANGE, SOFIA, "Sofia Marín changed jobs and joined Contoso as VP Finance"),
        (SignalKind.NEW_HIRE, SOFIA, "Sofia Marín joined Contoso as VP Finance"),
        (SignalKind.PROMOTION, SOFIA, "Sofia Marín was promoted at Contoso to VP Finance"),
        (SignalKind.PROMOTION, {"person": "Sofia Marín"}, "Sofia Marín was promoted at Contoso"),
        (SignalKind.FUNDING, SOFIA, "Sofia Marín at Contoso, VP Finance — funding"),
        (SignalKind.FUNDING, {}, "Contoso raised money"),
        (SignalKind.CUSTOM, SOFIA, "Sofia Marín at Contoso, VP Finance — signal"),
        (SignalKind.JOB_CHANGE, {}, "Contoso — job change"),
    ],
)
def test_a_signal_says_its_kind_once(kind: SignalKind, who: dict[str, str], said: str) -> None:
    drawn = draw(signal(kind, **who))
    assert drawn["text"] == said
    first = drawn["blocks"][0]["text"]["text"].splitlines()[0]
    assert first.replace("*", "") == said
