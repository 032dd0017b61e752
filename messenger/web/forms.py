"""Forms of the chat's pages, for those who come without JavaScript."""

from typing import Any

from django import forms

from messenger.conversations.moderation import REASONS
from messenger.people.access import contacts_list, people_list
from messenger.people.models import Person

KINDS = (
    ("direct", "Direct message"),
    ("group", "Group"),
    ("team", "Team space"),
    ("broadcast", "Broadcast space: owners post, members read"),
    ("client", "Text a client (SMS)"),
)


class PostForm(forms.Form):
    """What the composer sends."""

    body = forms.CharField(strip=False)
    client_key = forms.UUIDField(required=False)


class ReportForm(forms.Form):
    """Why a message is reported."""

    reason = forms.ChoiceField(choices=list(REASONS.items()), widget=forms.RadioSelect)
    comment = forms.CharField(required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 3}))


class NewConversationForm(forms.Form):
    """Kind, people and name of a conversation; the choices are the people and contacts that the person may see."""

    kind = forms.ChoiceField(choices=KINDS, widget=forms.RadioSelect, initial="direct")
    people = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    title = forms.CharField(required=False, max_length=80, label="Name")
    purpose = forms.CharField(required=False, max_length=200)
    contact = forms.ChoiceField(required=False)

    def __init__(self, person: Person, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        colleagues = [(one.pk, one.name) for one in people_list(person, limit=500) if one.pk != person.pk]
        contacts = [(one.pk, f"{one.name} · {one.number}") for one in contacts_list(person, limit=500)]
        people_field, contact_field = self.fields["people"], self.fields["contact"]
        if isinstance(people_field, forms.MultipleChoiceField) and isinstance(contact_field, forms.ChoiceField):
            people_field.choices = colleagues
            contact_field.choices = [("", "Choose a contact"), *contacts]

    def wish(self) -> dict[str, Any]:
        """Return the checked values as the API takes them."""
        values = self.cleaned_data
        return {
            "kind": values["kind"],
            "people": [int(one) for one in values["people"]],
            "title": values["title"],
            "purpose": values["purpose"],
            "contact": int(values["contact"]) if values["contact"] else None,
        }
