"""Mails about returns: by a template of their own type, through the queue, each once; none without a template."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import select

from erp.db import commit
from erp.events import run_once
from erp.exchange import export_csv
from erp.models import RunKind
from modules.backorder_email.domain.templates import Wording
from modules.backorder_email.errors import KindTaken, TemplateRefused, UnknownKind
from modules.backorder_email.models import Message, News, Template
from modules.backorder_email.services import save_template
from modules.returns import services
from modules.returns.domain import ANNOUNCE_RECEIVED, Decision
from modules.returns.models import Return
from modules.returns.services.announcements import announce
from modules.returns.states import Outcome, ReturnState
from tests.backorder_email.conftest import mailbox as mailbox
from tests.backorder_email.conftest import point_at as point_at
from tests.support.returns import make_return
from tests.support.sales import load

pytestmark = pytest.mark.needs("backorder_email")
KINDS = ("returns.received", "returns.inspected", "returns.replaced")
BODY = "{{ about.reason }} ({{ about.cause }})\n{% for line in lines %}{{ line.quantity }} {{ line.sku }}\n{% endfor %}"


def act(work):
    """Do something as a run of its own; its mails are composed at its end."""
    return run_once(RunKind.screen, "test", "clerk", work)


def all_lines(document, name):
    return {line.id: getattr(line, name) for line in document.lines}


def live(session, document):
    """Receive, inspect and replace a return."""
    id_ = document.id
    act(lambda session: services.receive(session, id_, all_lines(session.get_one(Return, id_), "quantity")))
    act(
        lambda session: services.inspect(
            session, id_, all_lines(session.get_one(Return, id_), "uninspected"), Decision(Outcome.scrap)
        )
    )
    act(lambda session: services.replace(session, id_, is_free=True))
    session.expire_all()


def make_template_of(subject, kind):
    """Return the template of a type of email, called as the type is."""
    wording = Wording(subject, BODY)
    return commit(lambda session: save_template(session, None, name=kind, wording=wording, kind=kind))


def messages(session):
    return session.scalars(select(Message).order_by(Message.id)).all()


def test_nothing_is_written_where_no_template_is_of_such_a_type(session):
    live(session, make_return(session))
    assert session.scalars(select(News)).all() == []


def test_each_step_makes_one_mail_of_its_type(session):
    for kind in KINDS:
        subject = "{{ about.number }} {{ about.replacement|default('') }}" if kind == KINDS[2] else "{{ about.number }}"
        make_template_of(subject, kind)
    document = make_return(session, None, 6, 4, reason="Too loud")
    live(session, document)
    assert document.state == ReturnState.closed
    made = messages(session)
    assert [message.template.kind for message in made] == list(KINDS)
    sku = document.lines[0].pack_line.line.product.sku
    assert made[0].subject == "RT00001"
    assert made[0].text == f"Too loud (other)\n10 {sku}\n"
    assert made[2].subject == f"RT00001 {document.replacement.number}"
    assert {message.state for message in made} == {"pending"}
    assert {message.recipient for message in made} == {document.order.customer.email}


def test_two_returns_of_one_order_in_one_run_are_two_mails_and_the_same_is_announced_once(session):
    commit(
        lambda session: save_template(
            session, None, name="R", wording=Wording("{{ about.number }}", "b"), kind=KINDS[0]
        )
    )
    first = make_return(session, None, 2)
    second = make_return(session, first.lines[0].pack_line.pack, 1)

    def receive_both(session):
        for document in (session.get_one(Return, first.id), session.get_one(Return, second.id)):
            services.receive(session, document.id, all_lines(document, "quantity"))
            announce(session, ANNOUNCE_RECEIVED, document)

    act(receive_both)
    assert [message.subject for message in messages(session)] == ["RT00001", "RT00002"]


def test_a_mail_leaves_through_the_queue_once(session, mailbox):
    from modules.backorder_email.delivery import send_pending

    commit(
        lambda session: save_template(
            session, None, name="R", wording=Wording("{{ about.number }}", BODY), kind=KINDS[0]
        )
    )
    document = make_return(session)
    act(
        lambda session: services.receive(
            session, document.id, all_lines(session.get_one(Return, document.id), "quantity")
        )
    )
    send_pending()
    send_pending()
    session.expire_all()
    assert [message.state for message in messages(session)] == ["sent"]
    assert len(mailbox.taken) == 1


def test_a_type_has_one_template_which_reads_what_it_announces(session):
    def save(name, subject, kind):
        return commit(lambda session: save_template(session, None, name=name, wording=Wording(subject, "b"), kind=kind))

    save("One", "{{ about.number }}", KINDS[0])
    with pytest.raises(KindTaken, match="'One' is the template of type returns.received"):
        save("Two", "s", KINDS[0])
    with pytest.raises(TemplateRefused):
        save("Two", "{{ about.replacement }}", KINDS[1])
    with pytest.raises(UnknownKind, match="the types are returns.inspected, returns.received, returns.replaced"):
        save("Two", "s", "returns.lost")
    assert (
        "".join(export_csv(session, "email_templates")).splitlines()[-1] == "One,{{ about.number }},b,,returns.received"
    )
    load(session, "email_templates", "name,subject,body,type", "One,{{ about.reason }},b,returns.received")
    assert session.scalars(select(Template.subject).where(Template.kind == KINDS[0])).all() == ["{{ about.reason }}"]


def test_the_screen_of_templates_offers_the_types_and_shows_one_filled_in(session, desk_of):
    desk = desk_of("Administrator")
    make_return(session)
    form = desk.open("/emails/templates/new/")
    assert all(
        title in form.text
        for title in ("Return received", "Return inspected", "Replacement ordered", "about.replacement")
    )
    fields = {"name": "Received", "kind": KINDS[0], "subject": "We have {{ about.number }}", "body": BODY, "html": ""}
    assert desk.press("/emails/templates/new/", **fields).status == 200
    template = session.scalars(select(Template).where(Template.kind == KINDS[0])).one()
    assert "Return received" in desk.open("/emails/templates/").text
    shown = desk.open(f"/emails/templates/{template.id}/preview/")
    assert "We have RT00007" in shown.text and "The lamp is broken" in shown.text


def test_the_mails_of_many_lines_take_as_many_statements_as_those_of_two(session, count_statements):
    from tests.support.inventory_lots import make_product, make_stock
    from tests.support.returns import make_pack

    make_template_of("s", KINDS[0])

    def sent(lines):
        products = [make_product(session) for _ in range(lines)]
        for product in products:
            make_stock(session, product, 5)
        pack = make_pack(session, *((product, Decimal(2)) for product in products))
        document = make_return(session, pack, *[2] * lines)
        wanted = all_lines(document, "quantity")
        session.commit()
        with count_statements() as found:
            act(lambda session: services.receive(session, document.id, wanted))
        return len(found)

    sent(1)
    assert sent(20) == sent(2)
