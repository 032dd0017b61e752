"""The phone simulator: what an outside person sees and answers. Embedded mode only, and never with a real carrier.

Nobody signs in here, as nobody signs in to a phone that lies on the table: whoever reaches the page holds the phone.
That is why urls.py leaves these pages out of production. They must show nothing that a phone would not show.
"""

from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from messenger.conversations.texts import receive_text
from messenger.people.doors import coming_in_by
from messenger.people.models import Contact
from messenger.sms.phone import phone_of, phones, texts_on
from messenger.sms.transports.simulator import Simulator

QUICK_ANSWERS = ("STOP", "HELP", "START")


class AnswerForm(forms.Form):
    """A text from the phone. `key` makes it one text however often it is posted; `quick` is a ready answer."""

    key = forms.UUIDField()
    body = forms.CharField(max_length=1600, required=False)
    quick = forms.ChoiceField(choices=[(word, word) for word in QUICK_ANSWERS], required=False)

    def words(self) -> str:
        return str(self.cleaned_data["quick"] or self.cleaned_data["body"])


@never_cache
@require_GET
def choose(request: HttpRequest) -> HttpResponse:
    """All phones; one is picked up by its address."""
    return render(request, "messenger/phone/page.html", _context(None))


@never_cache
@require_GET
def phone(request: HttpRequest, contact_id: int) -> HttpResponse:
    """One phone with its texts and a field to answer in."""
    return render(request, "messenger/phone/page.html", _context(_phone_or_404(contact_id)))


@never_cache
@require_GET
def texts(request: HttpRequest, contact_id: int) -> JsonResponse:
    """The texts for the page's script."""
    shown = [
        {"id": text.id, "body": text.body, "at": text.at.isoformat(), "is_sent": text.is_sent}
        for text in texts_on(_phone_or_404(contact_id))
    ]
    return JsonResponse({"texts": shown})


@require_POST
def answer(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Text the firm from this phone."""
    contact = _phone_or_404(contact_id)
    form = AnswerForm(request.POST)
    if not form.is_valid() or not form.words():
        context = _context(contact) | {"error": "Write up to 1,600 characters."}
        return render(request, "messenger/phone/page.html", context, status=422)
    key: UUID = form.cleaned_data["key"]
    with coming_in_by(None):  # whoever is signed in beside it: the text is the client's
        receive_text(
            carrier=Simulator.name,
            carrier_id=f"phone-{key.hex}",
            number=contact.number,
            to=settings.ONRECORD_SMS_SENDER,
            body=form.words(),
        )
    return redirect("phone", contact_id=contact.pk)


def _context(contact: Contact | None) -> dict[str, Any]:
    return {
        "contact": contact,
        "phones": phones(),
        "texts": texts_on(contact) if contact else [],
        "sender": settings.ONRECORD_SMS_SENDER,
        "quick_answers": QUICK_ANSWERS,
        "key": uuid4(),
    }


def _phone_or_404(contact_id: int) -> Contact:
    contact = phone_of(contact_id)
    if contact is None:
        raise Http404
    return contact
