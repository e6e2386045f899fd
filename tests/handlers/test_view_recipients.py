"""Recipients in words, and how people are chosen in a form."""

import pytest

from bot.sandbox.blocks import validate_view
from bot.sandbox.elements import placed_in
from handlers.views import destination_answers as answers
from handlers.views import destination_form as forms
from handlers.views import recipients
from handlers.views.destination_answers import DestinationForm
from handlers.views.destination_form import Offer
from handlers.views.destinations import DestinationRow, what
from handlers.views.recipients import Unfit
from models.filter import Forecast
from models.recipient import RecipientKind, To, together
from tests.handlers.test_view_destination_form import submitted
from tests.seeds import channels

DANA, PAIR = To(RecipientKind.PERSON, "U0DANA"), together(["U0MEI", "U0PAT"])
LABELS = ["People", "Tell them"]


def test_a_row_names_channels_people_and_groups_and_who_of_them_left() -> None:
    row = DestinationRow(
        id="dst_1",
        name="Board",
        recipients=(*channels("C0REVENUE"), DANA, PAIR),
        remarks={"U0DANA": "left", "U0PAT": "a guest"},
    )
    assert what(row) == (
        "*Board* · Real-time to <#C0REVENUE>, <@U0DANA> (left) and the group DM of <@U0MEI> and <@U0PAT> (a guest)"
    )


@pytest.mark.parametrize(
    ("form", "labels", "told_to"),
    [
        (DestinationForm(channel_ids=("C0WINS",)), LABELS[:1], channels("C0WINS")),
        (DestinationForm(user_ids=("U0DANA",)), LABELS[:1], (DANA,)),
        (DestinationForm(user_ids=("U0DANA",), is_together=True), LABELS, (DANA,)),
        (
            DestinationForm(channel_ids=("C0WINS",), user_ids=("U0DANA", "U0MEI")),
            LABELS,
            (*channels("C0WINS"), DANA, To(RecipientKind.PERSON, "U0MEI")),
        ),
        (DestinationForm(user_ids=("U0PAT", "U0MEI"), is_together=True), LABELS, (PAIR,)),
    ],
    ids=["a channel", "one person", "one of several", "each of two", "two together"],
)
def test_several_people_are_asked_whether_they_hear_together(
    form: DestinationForm, labels: list[str], told_to: tuple[To, ...]
) -> None:
    view = forms.form(form, Offer())
    validate_view(view)
    assert [one.label for one in placed_in(view["blocks"]) if one.label in LABELS] == labels
    read = answers.read(submitted(view), otherwise=form)
    assert (read, read.recipients) == (form, told_to)
    assert recipients.unchosen(told_to) == (form.channel_ids, tuple(sorted(form.user_ids)), told_to == (PAIR,))


def test_channels_have_to_be_chosen_until_somebody_is() -> None:
    for user_ids in ((), ("U0DANA",)):
        view = forms.form(DestinationForm(user_ids=user_ids), Offer())
        [where] = [one for one in placed_in(view["blocks"]) if one.label == "Channels"]
        assert where.required is not bool(user_ids)


@pytest.mark.parametrize(
    ("form", "each"),
    [
        (DestinationForm(user_ids=("U1",)), "."),
        (DestinationForm(user_ids=("U1", "U2"), is_together=True), "."),
        (DestinationForm(user_ids=("U1", "U2")), " to each person."),
        (DestinationForm(channel_ids=("C1", "C2")), " in each channel."),
        (DestinationForm(channel_ids=("C1",), user_ids=("U1",)), " to each of them."),
    ],
)
def test_the_forecast_counts_for_each_recipient(form: DestinationForm, each: str) -> None:
    view = forms.form(form, Offer(forecast=Forecast(told=3, happened=3)))
    assert f"would have been *3 messages*{each}" in str(view["blocks"])


@pytest.mark.parametrize(
    ("because", "names", "said"),
    [
        (Unfit.LEFT, ["Olga Petrov"], "Olga Petrov has left this workspace. Choose somebody else."),
        (Unfit.APP, ["Deploys", "Slackbot"], "Deploys and Slackbot are apps. Choose people."),
        (Unfit.GUEST, ["Gus\nVale"], "Gus Vale is a guest here. MRR is told to full members only."),
        (Unfit.ELSEWHERE, ["Gina"], "Gina isn't in this workspace. MRR is told to its own people."),
    ],
)
def test_who_can_t_be_chosen_is_refused_by_name(because: Unfit, names: list[str], said: str) -> None:
    assert recipients.unfit_people(because, names) == said
