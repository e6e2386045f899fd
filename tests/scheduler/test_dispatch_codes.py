"""Each of Slack's codes, answered to a real post, ends as the contract says: in the ledger and in words."""

import tomllib
from pathlib import Path

import pytest

from models.delivery import DeliveryState
from scheduler.decisions import SLACK_CODES, Class
from tests.sending import Sending

S = DeliveryState
CODES = {
    code: Class(what)
    for what, codes in tomllib.loads((Path(__file__).parent / "answers.toml").read_text())["codes"].items()
    for code in codes.split()
}
ENDS = {
    Class.RETRY: S.RETRYING,
    Class.WAIT: S.RETRYING,
    Class.JOIN: S.RETRYING,
    Class.FIX: S.RETRYING,
    Class.HOLD: S.RETRYING,
    Class.AMBIGUOUS: S.AMBIGUOUS,
    Class.PLAIN: S.FAILED,
    Class.OVER: S.FAILED,
    Class.PERMANENT: S.FAILED,
}
"""Where a delivery stands after the first refusal, before anything has been tried again."""


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize("what", Class)
async def test_each_code_is_kept_with_its_reason_and_fix(line: Sending, what: Class) -> None:
    """Test 9, from Slack's answer to what a manager reads."""
    await line.ready()
    sends = line.dispatcher()
    codes = sorted(code for code, meant in CODES.items() if meant is what)
    for code in codes:
        await line.move()
        line.fault("error", code=code)
        await sends.drain()
        owed, decision = (await line.ledger())[-1], SLACK_CODES[code]
        assert (owed.state, owed.reason, owed.fix) == (ENDS[what], decision.reason, decision.fix), code
        line.sandbox.faults.clear()
        if what is Class.HOLD:
            await line.install()
        line.clock.turn(100)
        await line.run(sends, seconds=10)
        line.clock.turn(2)
    ends = S.FAILED if ENDS[what] is S.FAILED else S.DELIVERED
    assert [one.state for one in await line.ledger()] == [ends] * len(codes)
    assert len(line.messages()) == (0 if ends is S.FAILED else len(codes))
