from bot.sandbox.blocks import validate_view
from bot.sandbox.elements import placed_in, starting
from handlers.views import managers
from handlers.views.managers import ManagersForm


def test_managers_are_named_beside_the_admins() -> None:
    view = managers.form(ManagersForm(("U0DANA",)))
    validate_view(view)
    values = starting(view["blocks"])
    assert managers.read({"state": {"values": values}}) == ManagersForm(("U0DANA",))
    (people,) = placed_in(view["blocks"])
    values[people.block_id][people.action_id] = people.choose(["U0LIAM", "U0MEI"])
    assert managers.read({"state": {"values": values}}) == ManagersForm(("U0LIAM", "U0MEI"))
    assert managers.errors("No.") == {people.block_id: "No."}


def test_nobody_may_be_named() -> None:
    view = managers.form(ManagersForm())
    validate_view(view)
    assert managers.read({"state": {"values": starting(view["blocks"])}}) == ManagersForm()
