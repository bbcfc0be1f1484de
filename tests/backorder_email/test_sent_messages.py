"""Sent emails: the database itself refuses to change what was sent and to delete them."""

import pytest
from sqlalchemy import delete, text
from sqlalchemy.exc import IntegrityError

from erp import clock
from modules.backorder_email.models import SENT, Message, Template
from modules.backorder_email.states import MessageState
from tests.support.backorder_email import make_message, make_template


@pytest.fixture
def sent(session):
    message = make_message(session, state=MessageState.sent, sent_at=clock.now())
    session.commit()
    return message


CHANGES = {
    "cause": "'cancelled'",
    "order_id": "order_id + 1",
    "customer_id": "customer_id + 1",
    "recipient": "'other@customers.example'",
    "subject": "'Other'",
    "text": "'Other'",
    "html": "'<p>Other</p>'",
    "created_at": "'2020-01-01 00:00:00.000000'",
    "sent_at": "'2020-01-01 00:00:00.000000'",
}


def test_every_column_of_what_was_sent_is_tried():
    assert set(CHANGES) == set(SENT)


@pytest.mark.parametrize("column", SENT)
def test_what_was_sent_cannot_be_changed(session, sent, column):
    with pytest.raises(IntegrityError, match="written once and never changed"):
        session.execute(text(f"UPDATE backorder_email_message SET {column} = {CHANGES[column]}"))


def test_a_sent_email_never_has_another_state_again(session, sent):
    with pytest.raises(IntegrityError, match="written once and never changed"):
        session.execute(text("UPDATE backorder_email_message SET state = 'cancelled', sent_at = NULL"))


def test_a_sent_email_cannot_be_deleted(session, sent):
    with pytest.raises(IntegrityError, match="written once and never changed"):
        session.execute(delete(Message))


def test_an_email_that_is_not_sent_may_still_change(session):
    message = make_message(session)
    session.commit()
    session.execute(text("UPDATE backorder_email_message SET subject = 'Other'"))
    session.commit()
    assert message.subject == "Other"


def test_a_template_is_deleted_although_emails_were_sent_with_it(session):
    template = make_template(session)
    message = make_message(session, state=MessageState.sent, sent_at=clock.now(), template=template)
    session.commit()
    session.execute(delete(Template).where(Template.id == template.id))
    session.commit()
    assert message.template_id is None
