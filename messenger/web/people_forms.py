"""The forms about people. They hold labels and lengths; what a value may be is decided by the actions."""

from functools import partial
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from messenger.people import roles
from messenger.people.errors import Denial, NotFound


def _control(kind: type[forms.Widget], **attrs: Any) -> forms.Widget:
    return kind(attrs=attrs)


NAME = partial(forms.CharField, max_length=80)
EMAIL = partial(forms.CharField, max_length=254, widget=_control(forms.EmailInput, autocomplete="off"))
NEW_PASSWORD = partial(
    forms.CharField,
    max_length=1024,
    strip=False,
    widget=_control(forms.PasswordInput, autocomplete="new-password"),
    help_text=_("At least 12 characters, and not one of the common ones. A sentence is good."),
)
REASON = partial(
    forms.CharField, label=_("Reason"), max_length=300, help_text=_("It goes to the record, with your name.")
)


class InvitationForm(forms.Form):
    """Whom to invite."""

    name = NAME(label=_("Name"))
    email = EMAIL(label=_("Email"))
    is_examiner = forms.BooleanField(
        label=_("Outside examiner"),
        required=False,
        help_text=_("An examiner cannot chat, and reads only after two people have granted the role."),
    )


class AcceptanceForm(forms.Form):
    """The first password of somebody who was invited."""

    password = NEW_PASSWORD(label=_("Choose a password"))
    again = forms.CharField(
        label=_("The same password again"),
        max_length=1024,
        strip=False,
        widget=_control(forms.PasswordInput, autocomplete="new-password"),
    )

    def clean(self) -> dict[str, Any] | None:
        values = super().clean()
        if "password" in self.cleaned_data and self.cleaned_data.get("again") != self.cleaned_data["password"]:
            self.add_error("again", _("The two passwords differ."))
        return values


class ReasonForm(forms.Form):
    """Why somebody is deactivated, comes back or loses a role."""

    reason = REASON()


class RoleForm(forms.Form):
    """Which role is asked for, and why."""

    role = forms.ChoiceField(
        label=_("Role"),
        choices=[(role, name) for role, name in roles.ROLE_NAMES.items() if role in roles.PRIVILEGED_ROLES],
    )
    reason = REASON()


class TokenForm(forms.Form):
    """What a personal token is for."""

    name = forms.CharField(
        label=_("What is it for?"), max_length=60, help_text=_("For example: the calendar's reminders.")
    )


def show_error(form: forms.Form, error: Denial) -> None:
    """Say beside the field what an action refused, or above the form when it was no field of it.

    Raises what is said of nothing: who came by a session that has ended, or asks for what is absent, sees no form.
    """
    if isinstance(error, NotFound):
        raise error
    form.add_error(error.field if error.field in form.fields else None, error.message)


def is_done(form: forms.Form, *, act: Any) -> bool:
    """Run an action with the form's values; False when they, or the action, say no (the form then says why)."""
    if not form.is_valid():
        return False
    try:
        act(**form.cleaned_data)
    except Denial as error:
        show_error(form, error)
        return False
    return True
