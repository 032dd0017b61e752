"""After another renderer, messages are rendered again from the record: their words never change, foreign rows stay."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import call_command

from archive import ledger
from archive.retention.derived import Erased
from messenger.conversations import erasing, rendering
from messenger.conversations.models import Message
from tests.cast import Cast
from tests.messenger.conversations import office

pytestmark = pytest.mark.django_db
EARLIER = "<p>as an earlier renderer made it</p>"


def render() -> int:
    return rendering.render_again(at=datetime.now(UTC))


def about_rendering() -> list[dict[str, object]]:
    return [dict(entry.content) for entry in ledger.read_stream("system") if entry.kind == "configuration.changed"]


def html_of(message: Message) -> str:
    return Message.objects.values_list("html", flat=True).get(pk=message.pk)


def two_messages(cast: Cast) -> tuple[Message, Message]:
    conversation = office.direct(cast.alice, cast.bob)
    return office.say(cast.alice, conversation, "**one**"), office.say(cast.bob, conversation, "two")


def test_what_an_earlier_renderer_made_is_rendered_again_and_that_is_an_entry(cast: Cast) -> None:
    first, second = two_messages(cast)
    assert (render(), about_rendering()) == (0, []), "control: nothing differs"
    Message.objects.update(html=EARLIER)
    assert "differs from the record in html." in str(ledger.compare().problems)
    out = StringIO()
    call_command("render", "--dry-run", stdout=out)
    assert out.getvalue() == "2 messages would be rendered again.\n"
    assert html_of(first) == EARLIER
    call_command("render", stdout=out)
    assert (html_of(first), html_of(second)) == ("<p><strong>one</strong></p>", "<p>two</p>")
    assert ledger.compare().is_sound
    (entry,) = about_rendering()
    assert entry["what"] == "rendering of messages"
    assert f"2 messages of the entries {first.seq} to {second.seq}" in str(entry["before"])
    assert "markdown-it-py" in str(entry["after"])
    assert (render(), len(about_rendering())) == (0, 1), "a second time it finds nothing to do"


def test_each_portion_is_a_commit_with_its_entry(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "AT_ONCE", 1)
    two_messages(cast)
    Message.objects.update(html=EARLIER)
    assert (render(), len(about_rendering())) == (2, 2)


@pytest.mark.breaks_the_record
def test_a_row_with_other_words_than_its_entry_is_left_for_the_check_to_name(cast: Cast) -> None:
    first, second = two_messages(cast)
    Message.objects.filter(pk=first.pk).update(body="never said", html="<p>never said</p>")
    Message.objects.filter(pk=second.pk).update(html=EARLIER)
    assert render() == 1
    assert html_of(first) == "<p>never said</p>"
    (problem,) = ledger.compare().problems
    assert (problem.seq, "body, html" in problem.what) == (first.seq, True)


@pytest.mark.breaks_the_record
def test_what_is_disposed_of_meanwhile_stays_empty(cast: Cast) -> None:
    first, _ = two_messages(cast)
    Message.objects.filter(pk=first.pk).update(html=EARLIER)
    (seqs,) = rendering._outdated()
    erasing.erase([Erased(first.seq, first.conversation.stream, first.n, "message.created")])
    assert rendering._render(seqs, at=datetime.now(UTC)) == 0
    assert (html_of(first), about_rendering()) == ("", [])
