"""Outside people: a number that can be texted, once; and who may see whom."""

import pytest
from django.test import override_settings

from archive import ledger
from messenger.people import access, actions
from messenger.people.errors import Conflict, Invalid, NotAllowed, NotFound
from messenger.people.models import Contact
from tests.cast import CONTACT_NUMBER, PASSWORD, Cast


def test_a_contact_is_kept_as_e164_and_as_typed(cast: Cast) -> None:
    contact = actions.add_contact(cast.alice, name="Sam", number="+49 1511 2345678", time_zone="Europe/Berlin")
    assert (contact.number, contact.typed) == ("+4915112345678", "+49 1511 2345678")
    entry = ledger.read_stream(f"contact:{contact.pk}")[-1]
    assert (entry.kind, entry.content["number"]) == ("contact.added", "+4915112345678")


@pytest.mark.parametrize(
    "number",
    ["", "2025550123", "12345", "+1 555 0100", "+1 900 555 1234", "+1 202 555 014", "call me", "+44 20", "+\x00"],
)
def test_a_number_that_cannot_be_texted_is_named_and_not_kept(cast: Cast, number: str) -> None:
    with pytest.raises(Invalid) as refusal:
        actions.add_contact(cast.alice, name="Sam", number=number)
    assert refusal.value.field == "number"
    assert Contact.objects.get() == cast.contact


def test_the_firms_own_number_is_no_contact(cast: Cast) -> None:
    with override_settings(ONRECORD_SMS_SENDER="+12025550199"), pytest.raises(Invalid):
        actions.add_contact(cast.alice, name="Us", number="+1 202 555 0199")


def test_the_same_number_again_says_whose_it_is(cast: Cast) -> None:
    with pytest.raises(Conflict) as refusal:
        actions.add_contact(cast.bob, name="Patricia", number=CONTACT_NUMBER.replace(" ", "-"))
    assert refusal.value.field == "number"
    assert cast.contact.name in refusal.value.message


def test_an_examiner_adds_no_contact(cast: Cast) -> None:
    with pytest.raises(NotAllowed):
        actions.add_contact(cast.erin, name="Sam", number="+1 202 555 0111")


def test_who_left_is_seen_by_who_manages_people_and_looks_absent_to_others(cast: Cast) -> None:
    assert access.access_person(cast.alice, cast.bob.pk) == cast.bob
    actions.deactivate(cast.adam, person=cast.bob, reason="left")
    assert access.access_person(cast.adam, cast.bob.pk).pk == cast.bob.pk
    said = []
    for absent in (cast.bob.pk, 10**9):
        with pytest.raises(NotFound) as refusal:
            access.access_person(cast.alice, absent)
        said.append(refusal.value.message)
    assert said[0] == said[1]


def test_colleagues_are_active_employees(cast: Cast) -> None:
    names = [person.name for person in access.people_list(cast.alice)]
    assert "Bob" in names
    assert "Erin" not in names
    assert [person.name for person in access.people_list(cast.alice, "CHAR")] == ["Charlie"]
    assert access.people_list(cast.erin) == []


def test_a_search_for_people_does_not_find_everybody_by_the_firms_own_domain(cast: Cast) -> None:
    for part in ("firm", "example", "@firm.example"):
        assert access.people_list(cast.alice, part) == []
    assert [person.name for person in access.people_list(cast.alice, "alice@firm.ex")] == ["Alice"]
    assert [person.name for person in access.directory(cast.adam, "ERIN@")] == ["Erin"]


def test_people_are_found_by_name_and_address_those_whose_name_begins_so_first(cast: Cast) -> None:
    for name, email in (
        ("Ada Mallory", "ada@firm.example"),
        ("Zed", "mal.z@firm.example"),
        ("Malia", "m@x.example"),
    ):
        _, secret = actions.invite(cast.adam, email=email, name=name)
        actions.accept_invitation(secret, password=PASSWORD)
    assert [person.name for person in access.people_list(cast.alice, "mal")] == ["Malia", "Ada Mallory", "Zed"]
    assert [person.name for person in access.people_list(cast.alice, "mal", limit=1)] == ["Malia"]
    assert access.people_list(cast.alice, "%") == []


def test_the_directory_is_for_who_manages_people(cast: Cast) -> None:
    assert len(access.directory(cast.adam)) == 9
    for nosy in (cast.alice, cast.cora, cast.erin):
        with pytest.raises(NotFound):
            access.directory(nosy)
