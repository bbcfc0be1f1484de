"""Actions on ticked emails, and sending all, are refused when what was shown has changed since."""

import pytest

from modules.backorder_email import services
from modules.backorder_email.models import Message
from tests.support.backorder_email import edit_text, make_message, make_messages, states
from tests.support.forms import form_in

PENDING = "/emails/pending/"
LIST = f"{PENDING}?search=customers.example"
ACTION = f"{PENDING}action/?search=customers.example"


@pytest.fixture
def listed(session, client):
    """Three pending emails, and what the form of their list sends."""
    found = make_messages(session, 3)
    return [message.id for message in found], form_in(client.get(LIST).text, ACTION)


@pytest.mark.parametrize("action", ["send", "confirm", "retry", "cancel"])
def test_a_ticked_email_that_was_edited_since_is_left_alone_and_the_ticks_stay(session, client, listed, action):
    ids, form = listed
    edit_text(session, session.get_one(Message, ids[0]), "Other words\n")
    answer = client.post(ACTION, data=form | {"action": action, "rowid": ids[:2]})
    assert answer.status_code == 409
    assert f"text of email {ids[0]} about" in answer.text and "is now Other words" in answer.text
    assert states(session) == ["pending"] * 3
    ticked = [id_ for id_ in ids if f'name="rowid" value="{id_}" checked' in answer.text]
    assert ticked == ids[:2]


def test_the_list_that_says_what_has_changed_can_be_sent_again(session, client, listed):
    ids, form = listed
    edit_text(session, session.get_one(Message, ids[0]), "Other words\n")
    refused = client.post(ACTION, data=form | {"action": "cancel", "rowid": ids})
    again = form_in(refused.text, ACTION) | {"action": "cancel", "rowid": ids}
    answer = client.post(ACTION, data=again)
    assert answer.status_code == 302 and answer.location.startswith(PENDING)
    assert "search=customers.example" in answer.location
    assert states(session) == ["cancelled"] * 3


def test_what_has_changed_of_an_email_that_is_not_ticked_refuses_nobody(session, client, listed):
    ids, form = listed
    services.cancel(session, [ids[2]])
    session.commit()
    assert client.post(ACTION, data=form | {"action": "cancel", "rowid": ids[:2]}).status_code == 302
    assert states(session) == ["cancelled"] * 3


def test_an_email_that_left_since_is_named(session, client, listed):
    ids, form = listed
    services.cancel(session, [ids[1]])
    session.commit()
    answer = client.post(ACTION, data=form | {"action": "cancel", "rowid": ids})
    assert answer.status_code == 409
    assert f"state of email {ids[1]} about" in answer.text and "is now cancelled, was pending" in answer.text
    assert states(session) == ["pending", "cancelled", "pending"]


def test_send_all_leaves_what_nobody_has_seen(session, client):
    make_message(session)
    address = f"{PENDING}sending/"
    opened = form_in(client.get(address).text)
    newest = make_message(session)
    refused = client.post(address, data=opened)
    assert refused.status_code == 409
    assert f"the newest pending email is now no. {newest.id} about" in refused.text
    assert states(session) == ["pending"] * 2
    json = client.post(address, data=opened, headers={"Accept": "application/json"})
    assert json.status_code == 409 and json.json["left"] == 2
    again = opened | {"page_version": json.json["version"]}
    assert client.post(address, data=again).status_code == 302
    assert states(session) == ["sent"] * 2
