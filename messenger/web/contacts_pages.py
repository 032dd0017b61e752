"""The page of clients: who they are, whether they may be texted and why, and threads that wait for somebody."""

import json
from typing import Any

from django import forms
from django.contrib import messages as notices
from django.contrib.auth.decorators import login_required
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from messenger.conversations import membership, queries, texts
from messenger.conversations.access import access_conversation
from messenger.conversations.models import Conversation
from messenger.people import errors
from messenger.people.access import access_contact, contacts_list
from messenger.people.actions import add_contact
from messenger.people.models import Contact, Person
from messenger.sms import consent
from messenger.sms.consent import CHANNELS
from messenger.sms.models import ConsentEvent, ConsentHead
from messenger.sms.states import CONSENT_BASES
from messenger.spaces.models import Membership
from messenger.web.gates import person_of

_BASES = [(basis, basis.replace("_", " ").capitalize()) for basis in CONSENT_BASES]
_CHANNELS = [(channel, channel.replace("_", " ").capitalize()) for channel in CHANNELS if channel != "carrier"]


class ContactForm(forms.Form):
    """A new client."""

    name = forms.CharField(max_length=80)
    number = forms.CharField(max_length=40, label="Mobile number", help_text="With country code, like +1 212 555 0142.")
    time_zone = forms.CharField(max_length=64, required=False, help_text="If you know it, like America/Chicago.")


class ConsentForm(forms.Form):
    """A consent with its evidence."""

    basis = forms.ChoiceField(choices=_BASES)
    evidence = forms.CharField(
        max_length=2000, widget=forms.Textarea(attrs={"rows": 3}), help_text="What was said or signed, when and where."
    )


class OptOutForm(forms.Form):
    """A wish to be left alone that came by voice, letter or in person."""

    channel = forms.ChoiceField(choices=_CHANNELS)
    words_used = forms.CharField(max_length=500, required=False, label="Their words")


@login_required
@require_http_methods(["GET", "POST"])
def contacts(request: HttpRequest) -> HttpResponse:
    """The list, and the form that adds to it."""
    person = _texter(request)
    form = ContactForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            contact = add_contact(person, **form.cleaned_data)
            notices.success(request, f"{contact.name} was added. Record a consent before you text them first.")
            return redirect("contact", contact_id=contact.pk)
        except (errors.Invalid, errors.Conflict) as error:
            form.add_error(error.field if error.field in form.fields else None, error.message)
    rows = _rows(person, contacts_list(person, request.GET.get("q", "")[:80]))
    unclaimed = queries.unclaimed_threads() if person.can("threads.take") else []
    context = {"form": form, "rows": rows, "q": request.GET.get("q", ""), "unclaimed": unclaimed}
    return render(request, "messenger/contacts/list.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def contact(request: HttpRequest, contact_id: int) -> HttpResponse:
    """One client: the thread, what they agreed to with the evidence, and two forms."""
    person = _texter(request)
    found = _contact_or_404(person, contact_id)
    form = ConsentForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _grant(request, person, found, form.cleaned_data)
    row = _rows(person, [found])[0]
    context = {
        "contact": found,
        "row": row,
        "history": _history(person, found, thread=row["thread"]),
        "consent_form": form,
        "opt_out_form": OptOutForm(),
    }
    return render(request, "messenger/contacts/contact.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def opt_out(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Record that the client asked to be left alone."""
    person = _texter(request)
    found = _contact_or_404(person, contact_id)
    form = OptOutForm(request.POST)
    if form.is_valid():
        texts.opt_out(person, contact=found, **form.cleaned_data)
        notices.success(request, f"{found.name} will get no more texts from anybody here.")
    else:
        notices.error(request, "Choose how they told you.")
    return redirect("contact", contact_id=found.pk)


@login_required
@require_POST
def take(request: HttpRequest, conversation_id: int) -> HttpResponse:
    """Take a thread that nobody holds."""
    membership.take_thread(_texter(request), conversation_id=conversation_id)
    return redirect("conversation", conversation_id=conversation_id)


def _texter(request: HttpRequest) -> Person:
    person = person_of(request)
    if not person.can("chat"):
        raise Http404
    return person


def _contact_or_404(person: Person, contact_id: int) -> Contact:
    try:
        return access_contact(person, contact_id)
    except errors.NotFound as error:
        raise Http404 from error


def _may_read(person: Person, thread: Conversation) -> bool:
    """Say whether the words of the thread's texts may be shown."""
    try:
        access_conversation(person, thread.pk)
    except errors.NotFound:
        return False
    return True


def _grant(request: HttpRequest, person: Person, contact: Contact, values: dict[str, Any]) -> HttpResponse:
    evidence = {"words": values["evidence"], "attested_by": person.name}
    try:
        consent.grant(
            contact,
            by=person,
            basis=values["basis"],
            message_class="conversational",
            evidence=evidence,
            at=timezone.now(),
        )
        notices.success(request, f"The consent of {contact.name} is on record.")
    except (errors.Invalid, errors.Conflict) as error:
        notices.error(request, error.message)
    return redirect("contact", contact_id=contact.pk)


def _rows(person: Person, contacts: list[Contact]) -> list[dict[str, Any]]:
    """Return contacts with their consent, and their thread with who holds it: two queries, however many contacts."""
    holders = Membership.objects.filter(roster=OuterRef("roster"), until_n=None)
    threads = {
        thread.contact_id: thread
        for thread in Conversation.objects.filter(contact__in=contacts).annotate(
            is_held=Exists(holders), is_mine=Exists(holders.filter(person=person))
        )
    }
    heads = {head.contact_id: head for head in ConsentHead.objects.filter(contact__in=contacts)}
    return [
        {
            "contact": contact,
            "consent": heads.get(contact.pk) or ConsentHead(contact=contact),
            "thread": threads.get(contact.pk),
        }
        for contact in contacts
    ]


def _history(person: Person, contact: Contact, *, thread: Conversation | None) -> list[dict[str, Any]]:
    """Return the steps of the consent. The words of a text are the thread's: others are told that there was one."""
    may_read_texts = thread is not None and _may_read(person, thread)
    steps = consent.history(contact)
    return [_step(event, shows_words=may_read_texts or event.recorded_by is not None) for event in steps]


def _step(event: ConsentEvent, *, shows_words: bool) -> dict[str, Any]:
    """Return one step of the consent history in words; the evidence was kept as JSON."""
    evidence = json.loads(event.evidence) if event.evidence else {}
    is_grant = event.event == "grant"
    return {
        "at": event.at,
        "seq": event.seq,
        "what": _("Agreed to texts") if is_grant else _("Asked to be left alone"),
        "how": (event.basis if is_grant else f"{event.channel}, {event.rule}").replace("_", " "),
        "words": evidence.get("words", "") if shows_words else _("In a text, for those who hold the thread."),
        "by": event.recorded_by.name if event.recorded_by else event.contact.name,
    }
