"""The first run happens once, and makes an administrator who reads nothing."""

import pytest

from archive import ledger
from messenger.people import actions
from messenger.people.errors import AlreadyFounded, Invalid
from messenger.people.models import Firm, Person
from tests.cast import Cast

FOUNDING = {
    "admin_name": "Adam",
    "admin_email": "adam@firm.example",
    "admin_password": "quiet-harbour-lantern-42",
    "officer_name": "Cora",
    "officer_email": "cora@firm.example",
    "officer_password": "quiet-harbour-lantern-42",
}
CONTENT = {"record.search", "record.open", "reports.view", "reports.decide", "exports.download", "exports.request"}


def test_the_first_run_makes_an_administrator_and_a_compliance_officer(db: None) -> None:
    admin, officer = actions.found_firm("Harbour & Vale", **FOUNDING)
    assert admin.roles == {"employee", "administrator"}
    assert officer.roles == {"employee", "officer"}
    assert [entry.kind for entry in ledger.read_stream("system")][-1] == "firm.founded"
    assert [entry.kind for entry in ledger.read_stream(f"person:{admin.pk}")] == ["person.joined", "role.granted"]


def test_a_firm_is_founded_once(cast: Cast) -> None:
    size = ledger.latest_checkpoint().size
    with pytest.raises(AlreadyFounded):
        actions.found_firm("Another", **(FOUNDING | {"admin_email": "x@y.example", "officer_email": "z@y.example"}))
    assert Firm.objects.get().name == "Harbour & Vale"
    assert ledger.latest_checkpoint().size == size


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("admin_name", " "),
        ("admin_name", "Ad\x00am"),
        ("admin_name", "Adam\u202eevil"),
        ("admin_email", "adam"),
        ("officer_email", "ADAM@firm.example"),
        ("admin_password", "short"),
        ("officer_password", "password123456"),
        ("officer_password", "x" * 2000),
    ],
)
def test_a_bad_value_is_named_and_nothing_is_founded(db: None, field: str, value: str) -> None:
    with pytest.raises(Invalid) as refusal:
        actions.found_firm("Harbour & Vale", **(FOUNDING | {field: value}))
    assert refusal.value.field == field
    assert not Firm.objects.exists()
    assert not Person.objects.exists()


def test_the_administrator_has_no_capability_that_shows_content(cast: Cast) -> None:
    assert not cast.adam.capabilities & CONTENT
    assert cast.cora.capabilities >= CONTENT  # the control: the same words do mean content
