"""Forms of the desk: they read and check what was typed, and change nothing.

Days are whole days of UTC, the last one included; what actions take are moments.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar
from uuid import uuid4

from django import forms

from admin_portal.alarms import LONGEST_REASON, SHORTEST_REASON
from admin_portal.labels import label_conversations, speakers
from admin_portal.purposes import LONGEST, LONGEST_CASE, SHORTEST
from admin_portal.scopes import ExportScope, make_scope
from admin_portal.search import LONGEST_QUERY, Search
from messenger.people.errors import Invalid
from messenger.people.models import Person


def first_moment(day: date | None) -> datetime | None:
    return datetime.combine(day, time.min, tzinfo=UTC) if day else None


def moment_after(day: date | None) -> datetime | None:
    """Return the first moment after the day, so that the day itself is in; None, no bound, for the last day of all."""
    return datetime.combine(day + timedelta(days=1), time.min, tzinfo=UTC) if day and day < date.max else None


def day_field(label: str) -> forms.DateField:
    return forms.DateField(label=label, required=False, widget=forms.DateInput(attrs={"type": "date"}))


Done = TypeVar("Done")


def take(form: forms.Form, action: Callable[[], Done]) -> Done | None:
    """Run the action; a value it refuses becomes an error of the form's field."""
    try:
        return action()
    except Invalid as error:
        field = error.field if error.field in form.fields else None
        form.add_error(field, error.message)
        return None


class PurposeForm(forms.Form):
    """Why somebody looks."""

    text = forms.CharField(
        label="Why are you looking?",
        min_length=SHORTEST,
        max_length=LONGEST,
        help_text="It stands in each entry about what you search and open; those whose words you read can see it.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    case_reference = forms.CharField(label="Case reference", max_length=LONGEST_CASE, required=False)


class SearchForm(forms.Form):
    """What is searched for."""

    words = forms.CharField(
        label="Words",
        max_length=LONGEST_QUERY,
        required=False,
        help_text="All words must occur. Also “exact phrase”, begin*, this OR that, -without.",
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    speaker = forms.ChoiceField(label="Said by", required=False)
    since = day_field("From")
    until = day_field("To and with")

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: Django's own signature
        super().__init__(*args, **kwargs)
        choices = self.fields["speaker"]
        if isinstance(choices, forms.ChoiceField):
            choices.choices = [("", "Anybody"), *speakers()]

    def search(self) -> Search:
        """Return the search of a valid form."""
        values = self.cleaned_data
        return Search(
            words=values["words"],
            speaker=values["speaker"],
            since=first_moment(values["since"]),
            until=moment_after(values["until"]),
        )


class ExportForm(forms.Form):
    """What an export covers."""

    client_key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    purpose = forms.CharField(
        label="Purpose",
        min_length=SHORTEST,
        max_length=LONGEST,
        help_text="The officer who decides reads it, and it stands in the package.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    conversations = forms.MultipleChoiceField(
        label="Conversations", required=False, widget=forms.CheckboxSelectMultiple
    )
    person = forms.ChoiceField(
        label="Every conversation of", required=False, help_text="All that this person is or ever was a member of."
    )
    since = day_field("From")
    until = day_field("To and with")

    def __init__(self, *args: Any, offered: list[int], **kwargs: Any) -> None:  # Any: Django's own signature
        super().__init__(*args, **kwargs)
        labels = label_conversations(offered)
        people = [(str(pk), name) for pk, name in Person.objects.values_list("pk", "name")]
        self.fields["conversations"].choices = [(str(pk), label) for pk, label in labels.items()]  # type: ignore[attr-defined]  # a ChoiceField
        self.fields["person"].choices = [("", "Nobody in particular"), *people]  # type: ignore[attr-defined]  # a ChoiceField
        if not labels:
            del self.fields["conversations"]

    def scope(self) -> ExportScope:
        """Return the scope of a valid form; raises Invalid."""
        values = self.cleaned_data
        return make_scope(
            [int(number) for number in values.get("conversations", ())],
            person_id=int(values["person"]) if values["person"] else None,
            since=first_moment(values["since"]),
            until=moment_after(values["until"]),
        )


class AlarmForm(forms.Form):
    """What an officer says about an alarm."""

    reason = forms.CharField(
        label="What was found, and what is done about it",
        min_length=SHORTEST_REASON,
        max_length=LONGEST_REASON,
        help_text="It is recorded with your name. The alarm goes once it is over as well.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    seen = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)


class ReasonForm(forms.Form):
    """Why something was decided."""

    reason = forms.CharField(label="Reason", max_length=300, widget=forms.Textarea(attrs={"rows": 3}))
