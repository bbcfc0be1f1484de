"""Templates are rendered in a process of their own, within limits, while nobody waits for a transaction."""

import os
from io import BytesIO

import pytest
from sqlalchemy import select

from erp.db import db
from modules.backorder_email import services
from modules.backorder_email.delivery import send_pending
from modules.backorder_email.domain.facts import CustomerFacts
from modules.backorder_email.domain.templates import Rendered, Wording
from modules.backorder_email.errors import TemplateRefused
from modules.backorder_email.models import StatusTemplate, Template
from modules.backorder_email.rendering import process
from modules.backorder_email.rendering import renderer as renderers
from modules.backorder_email.rendering.renderer import Renderer, RendererFailed, Request
from modules.backorder_email.states import MessageState
from modules.sales.models import Customer
from tests.backorder_email.facts import facts
from tests.backorder_email.pages import TEMPLATES, page, post, words
from tests.backorder_email.test_exchange import TWO, refused
from tests.support.backorder_email import allocate_all, give_status, in_a_run, make_supply, make_template, messages

FINE = Request(Wording("S", "Hello {{ customer.name }}"), facts())
SLOW = "{% for i in range(900) %}{% set x = ('abc ' * 200000)|upper|replace('A', 'b')|title %}{% endfor %}"
LARGE = "".join(f"{{% set a{n} = 'abc' * (300000 + {n}) %}}" for n in range(600)) + "x"


@pytest.fixture
def renderer():
    made = Renderer()
    yield made
    made.close()


def answer(renderer, body, subject="S", html=""):
    (found,) = renderer.answers([Request(Wording(subject, body, html), facts())])
    return found


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (SLOW, "it takes more than 1 s of computing time"),
        (LARGE, "it needs more than 256 MB of memory"),
        ("{{ 'x' * 999999 }}{{ customer.name }}", "a text is longer than 1000000 characters"),
        ("{{ 'ü' * 600000 }}", "the message is over 1 MB"),
        ("\n{{ lines[5].sku }}", "has no element 5"),
    ],
)
def test_a_template_that_exceeds_a_limit_is_refused_and_the_next_one_is_not(renderer, body, reason):
    refusal, fine = renderer.answers([Request(Wording("S", body), facts()), FINE])
    assert isinstance(refusal, TemplateRefused)
    assert refusal.facts["part"] == "body"
    assert reason in refusal.facts["reason"]
    assert fine == Rendered("S", "Hello Acme\n")


@pytest.mark.parametrize("part", ["subject", "body", "html"])
def test_the_part_that_ends_the_process_is_named(renderer, part):
    sources = {"subject": "S", "body": "B", "html": "H"} | {part: SLOW}
    (refusal,) = renderer.answers([Request(Wording(**sources), facts())])
    assert refusal.facts["part"] == part


def test_a_wording_that_is_checked_is_bounded_too(renderer):
    slow, fine = renderer.answers([Request(Wording("S", SLOW)), Request(Wording("S", "B"))])
    assert "computing time" in str(slow)
    assert fine is None


def test_the_process_is_kept_and_knows_no_secret(renderer, monkeypatch):
    monkeypatch.setenv("ERP_SMTP_PASSWORD", "hunter2")
    renderer.answers([FINE])
    first = renderer._process.pid
    with open(f"/proc/{first}/environ", "rb") as environment:
        assert b"hunter2" not in environment.read()
    renderer.answers([FINE] * 3)
    assert renderer._process.pid == first


def test_a_process_that_died_in_between_is_replaced(renderer):
    renderer.answers([FINE])
    renderer._process.kill()
    renderer._process.wait()
    assert renderer.answers([FINE]) == [Rendered("S", "Hello Acme\n")]


def test_memory_that_others_templates_filled_refuses_no_template(renderer, monkeypatch):
    renderer.answers([FINE])
    monkeypatch.setattr(renderer, "_reason", lambda: renderers._REASONS[process.OUT_OF_MEMORY])
    renderer._process.kill()
    assert renderer.answers([FINE]) == [Rendered("S", "Hello Acme\n")]


def test_a_process_that_does_not_start_is_said_of_no_template(renderer, monkeypatch):
    monkeypatch.setattr(renderers.sys, "executable", "/bin/false")
    with pytest.raises(RendererFailed):
        renderer.answers([FINE])
    monkeypatch.undo()
    assert renderer.answers([FINE]) == [Rendered("S", "Hello Acme\n")]


def test_an_answer_that_was_not_waited_for_is_not_taken_for_the_next(renderer, monkeypatch):
    monkeypatch.setattr(renderers, "LONGEST_WAIT", 0.001)
    assert "it took longer than" in str(answer(renderer, SLOW))
    monkeypatch.undo()
    assert renderer.answers([FINE]) == [Rendered("S", "Hello Acme\n")]


def test_a_process_that_is_forked_starts_a_renderer_of_its_own():
    first = renderers.renderer()
    child = os.fork()
    if not child:
        os._exit(renderers.renderer() is first)
    assert os.waitpid(child, 0)[1] == 0


def test_any_characters_pass_both_ways(renderer):
    name = "名 ü \ud83d \x00 \u2028 🙂 مرحبا"
    (found,) = renderer.answers([Request(Wording("S", "{{ customer.name }}"), facts(customer=CustomerFacts(name)))])
    assert found.text == "名 ü   \n 🙂 مرحبا\n"


@pytest.fixture
def asked(monkeypatch):
    """How many were rendered each time, each time without a transaction of the session that waits."""
    sizes, answers = [], Renderer.answers

    def watched(self, requests):
        assert not db.session().in_transaction()
        found = answers(self, requests)
        sizes.append(len(found))
        return found

    monkeypatch.setattr(Renderer, "answers", watched)
    return sizes


def test_no_transaction_is_held_while_news_is_composed_and_all_of_it_is_asked_for_at_once(session, asked):
    allocate_all(make_supply(session, orders=5))
    assert [message.state for message in messages(session)] == [MessageState.pending] * 5
    assert asked == [5]


def test_no_transaction_is_held_while_a_worker_composes_again(session, asked, mailbox):
    supply = make_supply(session)
    allocate_all(supply)
    supply.orders[0].customer.name = "New name"
    session.scalars(select(Template)).one().body = "{{ customer.name }}"
    session.commit()
    send_pending()
    assert mailbox.taken[0].get_content().strip() == "New name"
    assert asked == [1, 1]


def test_no_transaction_is_held_while_a_message_is_retried_and_previewed(session, client, asked):
    supply = make_supply(session)
    template = session.scalars(select(Template).join(StatusTemplate)).one()
    template.subject = "{{ nothing }}"
    session.commit()
    allocate_all(supply)
    template.subject = "Better"
    session.commit()
    (message,) = messages(session)
    in_a_run(lambda session: services.retry(session, [message.id]))
    supply.orders[0].customer.name = "New name"
    session.commit()
    assert "Better" in page(client, f"/emails/pending/{message.id}/")
    assert "Better" in page(client, f"{TEMPLATES}{template.id}/preview/?order={supply.orders[0].number}")
    assert len(asked) >= 4


def test_no_transaction_is_held_while_a_template_is_saved_or_imported(session, client, asked):
    form = {"name": "New", "subject": "{{ order.number }}", "body": "Hello", "html": ""}
    post(client, f"{TEMPLATES}new/", **form)
    form["body"] = SLOW
    text = words(client.post(f"{TEMPLATES}new/", data=form | {"name": "Slow"}).text)
    assert "The template does not render (body): it takes more than 1 s of computing time." in text
    assert session.scalars(select(Template.name)).all() == ["New"]
    assert asked == [1, 1]
    file = {"kind": "email_templates", "file": (BytesIO(TWO.encode()), "t.csv")}
    uploaded = client.post("/settings/import/", data=file).location
    assert asked == [1, 1, 2]
    client.post(f"{uploaded}apply/")
    assert asked == [1, 1, 2, 2]
    assert len(session.scalars(select(Template)).all()) == 3


def test_an_import_names_the_row_of_a_template_that_exceeds_a_limit(session):
    errors = refused(session, "email_templates", f'name,subject,body\nFine,S,B\nSlow,S,"{SLOW}"\n')
    (error,) = errors
    assert error.startswith("Row 3, column body: ")
    assert error.endswith("The template does not render (body): it takes more than 1 s of computing time.")


def test_a_slow_template_fails_its_messages_alone(session):
    supply, other = make_supply(session), make_supply(session)
    template = make_template(session, body=SLOW)
    session.scalars(
        select(StatusTemplate).where(StatusTemplate.status_id == supply.status.id)
    ).one().template = template
    session.commit()
    for each in (supply, other):
        allocate_all(each)
    slow, fine = messages(session)
    assert (slow.state, fine.state) == (MessageState.failed, MessageState.pending)
    assert "(body): it takes more than 1 s of computing time" in slow.last_error


def test_what_changes_while_it_is_rendered_is_rendered_again(session, monkeypatch):
    supply, answers, names = make_supply(session), Renderer.answers, iter(["Changed", "Changed again"])
    session.scalars(select(Template)).one().body = "{{ customer.name }}"
    session.commit()
    customer_id = supply.orders[0].customer_id

    def changing(self, requests):
        found = answers(self, requests)
        if name := next(names, None):
            with db.engine.begin() as connection:
                connection.execute(Customer.__table__.update().where(Customer.id == customer_id).values(name=name))
        return found

    monkeypatch.setattr(Renderer, "answers", changing)
    allocate_all(supply)
    (message,) = messages(session)
    assert message.text == "Changed again\n"


def test_a_superseded_message_is_composed_again_in_the_transaction_that_superseded_it(session, asked):
    supply = make_supply(session)
    allocate_all(supply)
    give_status(supply, None)
    assert len(asked) == 1
