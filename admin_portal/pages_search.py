"""Search pages. Words that are searched for may name people, so they travel in the body and are kept in the session,
never in an address that logs and histories keep.
"""

from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from admin_portal import status
from admin_portal.doors import cursor_of, portal_page, purpose_of, render_page
from admin_portal.forms import SearchForm
from admin_portal.labels import conversation_id_of, label_conversations
from admin_portal.search import Search, open_message, read_search, run_search
from admin_portal.snippets import pieces
from archive.search import Page
from messenger.people.errors import Invalid
from messenger.web.gates import person_of

_KEPT = "portal_searches"
_MOST_KEPT = 10


@portal_page("record.search")
@require_http_methods(["GET", "POST"])
def search(request: HttpRequest) -> HttpResponseBase:
    """The search form and, for a search that was kept, one page of its hits."""
    purpose = purpose_of(request)
    if purpose is None:
        return redirect(purpose_url(request))
    if request.method == "POST":
        return _keep_or_complain(request)
    kept = request.session.get(_KEPT, {}).get(request.GET.get("s", ""))
    form = SearchForm(initial=kept["typed"] if kept else None)
    context: dict[str, Any] = {"form": form, "purpose": purpose}
    if kept:
        context |= _results(request, read_search(kept["search"]), purpose=str(purpose))
    return render_page(request, "search.html", context, here="search")


def purpose_url(request: HttpRequest) -> str:
    """Return the address of the purpose page that comes back here."""
    return f"{reverse('portal_purpose')}?{urlencode({'next': request.get_full_path()})}"


def _keep_or_complain(request: HttpRequest) -> HttpResponseBase:
    """Keep what was typed and go to its results, so that going back and reloading work; or show what is wrong."""
    form = SearchForm(request.POST)
    if not form.is_valid():
        context = {"form": form, "purpose": purpose_of(request)}
        return render_page(request, "search.html", context, here="search")
    key = uuid4().hex[:12]
    kept = dict(list(request.session.get(_KEPT, {}).items())[1 - _MOST_KEPT :])
    typed = {name: str(value or "") for name, value in form.cleaned_data.items()}
    request.session[_KEPT] = kept | {key: {"typed": typed, "search": form.search().as_json()}}
    return redirect(f"{reverse('portal_search')}?s={key}")


def _results(request: HttpRequest, search: Search, *, purpose: str) -> dict[str, Any]:  # Any: context of a template
    after, key = cursor_of(request, "after"), request.GET["s"]
    try:
        page = run_search(person_of(request), purpose=purpose, search=search, after=after)
    except Invalid as error:
        return {"problem": error.message}
    older = f"?{urlencode({'s': key, 'after': page.next})}" if page.next is not None else ""
    newest = f"?{urlencode({'s': key})}" if after is not None else ""
    return {"page": page, "hits": hit_rows(page), "older_url": older, "newest_url": newest}


def hit_rows(page: Page) -> list[dict[str, Any]]:  # Any: context of a template
    """Return the hits with the names of their conversations and their snippets in pieces."""
    ids = {hit.seq: conversation_id_of(hit.stream) for hit in page.hits}
    labels = label_conversations(number for number in ids.values() if number is not None)
    return [
        {"hit": hit, "pieces": pieces(hit.snippet), "where": labels.get(ids[hit.seq] or 0, "")} for hit in page.hits
    ]


@portal_page("record.open")
@require_GET
def entry(request: HttpRequest, seq: int) -> HttpResponseBase:
    """One message of the record with two before and after it."""
    purpose = purpose_of(request)
    if purpose is None:
        return redirect(purpose_url(request))
    by = person_of(request)
    look = open_message(by, purpose=str(purpose), seq=seq)
    labels = label_conversations([look.conversation_id] if look.conversation_id else [])
    context = {
        "look": look,
        "purpose": purpose,
        "where": labels.get(look.conversation_id or 0, ""),
        "evidence": status.evidence_of(seq),
    }
    return render_page(request, "entry.html", context, here="search")
