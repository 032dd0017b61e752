"""The pages about people: the directory, one person, invitations, requests for roles. They only call actions."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from messenger.people import access, actions, roles
from messenger.people.errors import Denial, NotFound
from messenger.people.models import Person
from messenger.web.gates import person_of
from messenger.web.people_forms import AcceptanceForm, InvitationForm, ReasonForm, RoleForm, is_done, show_error


@never_cache
@login_required
@require_safe
def people(request: HttpRequest) -> HttpResponse:
    """Show the directory to who manages people, and waiting requests to who decides about roles."""
    return _people_page(request)


@never_cache
@login_required
@require_POST
def invite(request: HttpRequest) -> HttpResponse:
    """Invite somebody and show the link, this once: it is kept nowhere."""
    by, form, link = person_of(request), InvitationForm(request.POST), ""
    if form.is_valid():
        try:
            invitation, secret = actions.invite(by, **form.cleaned_data)
        except Denial as error:
            show_error(form, error)
        else:
            link = request.build_absolute_uri(reverse("invitation", args=[secret]))
            return _people_page(request, invited=invitation, link=link)
    return _people_page(request, invitation_form=form)


def _people_page(request: HttpRequest, **more: Any) -> HttpResponse:
    viewer = person_of(request)
    may_manage, may_decide = viewer.can("people.manage"), viewer.can("roles.approve")
    if not (may_manage or may_decide):
        raise NotFound
    context: dict[str, Any] = {"may_manage": may_manage, "requests": _waiting(viewer)}
    if may_manage:
        context |= _directory(viewer, q=request.GET.get("q", "")[:80], page=_page_number(request))
        context |= {
            "invitation_form": InvitationForm(),
            "pending": access.pending_invitations(viewer, at=timezone.now()),
        }
    return render(request, "messenger/people/people.html", context | more)


def _waiting(viewer: Person) -> list[dict[str, Any]]:
    """Return the waiting requests, each with whether this viewer may decide it."""
    may_decide = viewer.can("roles.approve")
    return [
        {
            "row": row,
            "role": roles.ROLE_NAMES[row.role],
            "may_decide": may_decide and viewer.pk not in (row.person_id, row.asked_by_id),
        }
        for row in access.waiting_role_requests(viewer)
    ]


def _page_number(request: HttpRequest) -> int:
    page = request.GET.get("page", "1")
    return max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 6 else 1


def _directory(viewer: Person, *, q: str, page: int) -> dict[str, Any]:
    """Return one page of everybody; one row more than shown says whether there is another page."""
    rows = access.directory(viewer, q, offset=(page - 1) * access.PAGE, limit=access.PAGE + 1)
    query = {"q": q} if q else {}
    return {
        "people": [_line(person) for person in rows[: access.PAGE]],
        "q": q,
        "newer_url": _page_url(query, page - 1) if page > 1 else "",
        "older_url": _page_url(query, page + 1) if len(rows) > access.PAGE else "",
        "page": page,
    }


def _page_url(query: dict[str, str], page: int) -> str:
    return reverse("people", query=query | {"page": str(page)})


def _line(person: Person) -> dict[str, Any]:
    open_grants = getattr(person, "open_grants", ())
    return {"person": person, "roles": [roles.ROLE_NAMES[grant.role] for grant in open_grants]}


@never_cache
@login_required
@require_safe
def person(request: HttpRequest, person_id: int) -> HttpResponse:
    """Show one person to who manages people."""
    return _person_page(request, _managed(request, person_id))


def _managed(request: HttpRequest, person_id: int) -> Person:
    viewer = person_of(request)
    if not viewer.can("people.manage"):
        raise NotFound
    return access.access_person(viewer, person_id)


def _person_page(request: HttpRequest, who: Person, **forms: Any) -> HttpResponse:
    held = [(role, roles.ROLE_NAMES[role]) for role in sorted(who.roles & roles.PRIVILEGED_ROLES)]
    context = {
        "who": who,
        "is_self": who == person_of(request),
        "held": held,
        "waiting": [(row, roles.ROLE_NAMES[row.role]) for row in access.role_requests_for(person_of(request), who)],
        "reason_form": ReasonForm(auto_id="state_%s"),
        "role_form": RoleForm(auto_id="role_%s"),
        "end_form": ReasonForm(auto_id="end_%s"),
    }
    return render(request, "messenger/people/person.html", context | forms)


@never_cache
@login_required
@require_POST
def deactivate(request: HttpRequest, person_id: int) -> HttpResponse:
    """Take every access of a person away."""
    who, form = _managed(request, person_id), ReasonForm(request.POST, auto_id="state_%s")
    if not is_done(form, act=partial(actions.deactivate, person_of(request), person=who)):
        return _person_page(request, who, reason_form=form)
    messages.success(request, _("%(name)s can no longer sign in.") % {"name": who.name})
    return redirect("person", person_id=who.pk)


@never_cache
@login_required
@require_POST
def reactivate(request: HttpRequest, person_id: int) -> HttpResponse:
    """Let a person sign in again."""
    who, form = _managed(request, person_id), ReasonForm(request.POST, auto_id="state_%s")
    if not is_done(form, act=partial(actions.reactivate, person_of(request), person=who)):
        return _person_page(request, who, reason_form=form)
    messages.success(request, _("%(name)s can sign in again, without any role.") % {"name": who.name})
    return redirect("person", person_id=who.pk)


@never_cache
@login_required
@require_POST
def request_role(request: HttpRequest, person_id: int) -> HttpResponse:
    """Ask that a person be given a role; somebody else decides."""
    who, form = _managed(request, person_id), RoleForm(request.POST, auto_id="role_%s")
    if not is_done(form, act=partial(actions.request_role, person_of(request), person=who)):
        return _person_page(request, who, role_form=form)
    messages.success(request, _("Asked for. Another person must approve it."))
    return redirect("person", person_id=who.pk)


@never_cache
@login_required
@require_POST
def end_role(request: HttpRequest, person_id: int, role: str) -> HttpResponse:
    """End a role that a person holds."""
    who, form = _managed(request, person_id), ReasonForm(request.POST, auto_id="end_%s")
    if not is_done(form, act=partial(actions.revoke_role, person_of(request), person=who, role=role)):
        return _person_page(request, who, end_form=form)
    messages.success(request, _("The role has ended."))
    return redirect("person", person_id=who.pk)


@never_cache
@login_required
@require_POST
def grant_role(request: HttpRequest, request_id: int) -> HttpResponse:
    """Approve a request for a role."""
    return _decide(request, request_id, act=actions.grant_role, words=_("Granted."))


@never_cache
@login_required
@require_POST
def refuse_role(request: HttpRequest, request_id: int) -> HttpResponse:
    """Turn a request for a role down."""
    return _decide(request, request_id, act=actions.refuse_role, words=_("Refused."))


def _decide(request: HttpRequest, request_id: int, *, act: Any, words: str) -> HttpResponse:
    viewer = person_of(request)
    try:
        act(viewer, request=access.access_role_request(viewer, request_id))
    except NotFound:
        raise
    except Denial as error:
        messages.error(request, error.message)
    else:
        messages.success(request, words)
    return redirect("people")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password", "again")
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Let somebody who was invited choose a password and join."""
    row = access.access_invitation(secret, at=timezone.now())
    form = AcceptanceForm(request.POST or None)
    if request.method == "POST" and _accepted(form, secret):
        messages.success(request, _("Welcome. Sign in with your email address and the password you chose."))
        return redirect("account_login")
    return render(request, "messenger/people/invitation.html", {"form": form, "invitation": row})


def _accepted(form: AcceptanceForm, secret: str) -> bool:
    if not form.is_valid():
        return False
    try:
        actions.accept_invitation(secret, password=form.cleaned_data["password"])
    except NotFound:
        raise
    except Denial as error:
        show_error(form, error)
        return False
    return True
