"""Makes officers, a group of each with two others and a file, and a finished export of each; prints JSON. A program:

it runs beside the server in the environment of the product under test, after office_program. Argument: how many.
"""

import io
import json
import sys
import uuid

from admin_portal.exports import approve_export, request_export
from admin_portal.making import make_due_exports
from admin_portal.scopes import make_scope
from messenger.conversations import actions as chat
from messenger.conversations import attachments, opening
from messenger.people import actions, roles
from messenger.people.models import Person
from tests.faults.delivery.office_program import hire

PLAN = b"what only the group may read\n"
REASON = "So that there is something to revoke"


def post_file(person: Person, conversation_id: int) -> int:
    """Post a file into a group; return the number of its message."""
    upload = attachments.take_in(person, io.BytesIO(PLAN), name="plan.txt")
    outcome = chat.post_message(
        person, conversation_id=conversation_id, client_key=uuid.uuid4(), body="the plan", attachments=[upload.pk]
    )
    assert isinstance(outcome, chat.Posted)
    return outcome.message.n


def main() -> None:
    adam, cora = (Person.objects.get(email=f"{name}@firm.example") for name in ("adam", "cora"))
    speaker, witness = Person.objects.filter(name__in=("Person0", "Person1")).order_by("pk")
    victims = []
    for number in range(int(sys.argv[1])):
        seat = hire(f"victim{number}", by=adam)
        person = Person.objects.get(email=f"victim{number}@firm.example")
        asked = actions.request_role(adam, person=person, role=roles.OFFICER, reason=REASON)
        actions.grant_role(cora, request=asked)
        person = Person.objects.get(pk=person.pk)
        group = opening.open_group(speaker, title=f"With {person.name}", others=[person.pk, witness.pk])
        file = post_file(speaker, group.pk)
        export = request_export(person, purpose=REASON, scope=make_scope([group.pk]), client_key=uuid.uuid4())
        approve_export(cora, export_id=export.pk)
        victims.append({"seat": seat, "conversation": group.pk, "file": file, "export": export.pk})
    make_due_exports()
    print(json.dumps({"victims": victims}))
