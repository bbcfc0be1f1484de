"""Templates: how they render, which ones are refused, and their screens."""

from html import unescape

import pytest
from sqlalchemy import select

from erp.models import Role, RoleRight
from modules.backorder_email.domain.facts import CustomerFacts, LineFacts, digest
from modules.backorder_email.domain.templates import Wording, check, clean_line, clean_text, render
from modules.backorder_email.errors import TemplateRefused
from modules.backorder_email.models import StatusTemplate, Template
from modules.sales.models import Order
from tests.backorder_email.facts import LINE, facts
from tests.backorder_email.pages import TEMPLATES, page, post, words
from tests.support.backorder_email import (
    allocate_all,
    make_supply,
    make_template,
)
from tests.support.procurement import make_status
from tests.support.sales import make_customer


def test_html_is_escaped_and_text_is_not():
    evil = CustomerFacts("<script>alert(1)</script> & Söhne")
    made = render(
        Wording("{{ customer.name }}", "{{ customer.name }}", "<p>{{ customer.name }}</p>"), facts(customer=evil)
    )
    assert made.subject == made.text.strip() == "<script>alert(1)</script> & Söhne"
    assert made.html == "<p>&lt;script&gt;alert(1)&lt;/script&gt; &amp; Söhne</p>"


def test_html_stays_escaped_through_filters():
    evil = (LineFacts(**{**vars(LINE), "name": "<b>"}),)
    html = "{{ lines|join(' ', attribute='name') }}{{ '<i>' ~ lines[0].name }}{{ lines[0].name|replace('b', 'u') }}"
    made = render(Wording("s", "b", html), facts(lines=evil))
    assert "<b>" not in made.html
    assert "<i>" not in made.html
    assert "<u>" not in made.html


def test_a_subject_is_one_line():
    made = render(Wording("{{ customer.name }}\nBcc: x@y.z\r\n", "b"), facts(customer=CustomerFacts("A\r\nCc: q@y.z")))
    assert made.subject == "A Cc: q@y.z Bcc: x@y.z"


def test_a_subject_or_body_that_comes_out_empty_is_refused():
    for wording in (Wording("{% if false %}x{% endif %}", "b"), Wording("s", "{{ none }}")):
        with pytest.raises(TemplateRefused, match="nothing is left"):
            render(wording, facts())


def test_characters_that_turn_the_text_around_are_removed_and_those_of_words_stay():
    assert clean_line("invoice\u202etxt.exe\u2066") == "invoicetxt.exe"
    assert clean_line("مرحبا\u200f a") == "مرحبا\u200f a"


def test_control_characters_and_lone_surrogates_are_removed():
    assert clean_text("a\0b\x07c\ud800d\x1b[31m\r\ne\u2028f\x85g\tg") == "abcd[31m\ne\nf\ng\tg"
    assert clean_line(" a\x85\u2029 b\t\x0b c ") == "a b c"


def test_a_template_for_one_cause_alone_is_fine():
    check(Wording("Moved", "{{ lines[0].old_promise_date.strftime('%d') }}"))
    check(Wording("Gone", "{% if cause == 'cancelled' %}Sorry{% endif %}"))


def test_a_template_that_renders_for_no_cause_is_refused():
    check(Wording("{{ order.number }}", "{% for line in lines %}{{ line.old_promise_date|date }}{% endfor %}"))
    with pytest.raises(TemplateRefused, match=r"subject, line 1\): there is no variable 'foo'"):
        check(Wording("{{ foo }}", "b"))
    with pytest.raises(TemplateRefused, match=r"html, line 2\)"):
        check(Wording("s", "b", "<p>\n{{ foo }}"))
    with pytest.raises(TemplateRefused, match="body.: it is empty"):
        check(Wording("s", " \n"))


def test_equal_facts_have_equal_digests_and_different_facts_different_ones():
    assert digest(facts()) == digest(facts())
    assert digest(facts()) != digest(facts(status="On its way"))


def test_a_status_names_its_template_on_procurements_form(client, session):
    template = make_template(session, name="Delayed goods")
    status = make_status(session, name="Delayed")
    session.commit()
    address = f"/procurement/line-statuses/{status.id}/"
    form = {"name": "Delayed", "position": "1", "email_template": "Delayed goods"}
    assert "Delayed goods" in page(client, f"{address}edit/")
    post(client, f"{address}edit/", **form)
    assert session.scalars(select(StatusTemplate.template_id)).one() == template.id
    text = words(page(client, address))
    assert "Email template Delayed goods" in text
    assert "Email template" in text.partition("History")[2] or "email template" in text.lower()
    post(client, f"{address}edit/", **form | {"email_template": ""})
    assert session.scalars(select(StatusTemplate)).all() == []


def test_a_user_who_may_edit_statuses_but_no_templates_sees_the_template_and_cannot_change_it(client, session, sign_in):
    make_template(session, name="Delayed goods")
    status = make_status(session, name="Delayed")
    rights = ("procurement.view", "procurement.system_data")
    session.add(Role(name="Planner", rights=[RoleRight(permission=name) for name in rights]))
    session.commit()
    address, form = f"/procurement/line-statuses/{status.id}/", {"name": "Late", "position": "1"}
    post(client, f"{address}edit/", **form, email_template="Delayed goods")
    planner = sign_in("Planner")
    assert "Email template Delayed goods" in words(page(planner, address))
    assert 'name="email_template"' not in page(planner, f"{address}edit/")
    post(planner, f"{address}edit/", **form | {"name": "Later", "email_template": ""})
    assert "Email template Delayed goods" in words(page(client, address))
    assert session.scalars(select(StatusTemplate)).one().status.name == "Later"


def test_a_template_is_written_checked_and_previewed(client, session):
    text = words(page(client, f"{TEMPLATES}new/"))
    assert "line.promise_date" in text
    form = {"name": "On its way", "subject": "{{ order.number }}", "body": "Hello {{ customer.name }}", "html": ""}
    answer = client.post(f"{TEMPLATES}new/", data=form | {"body": "a\nb {{ nothing }}"})
    assert "The template does not render (body, line 2): there is no variable 'nothing'" in words(answer.text)
    assert "b {{ nothing }}" in unescape(answer.text)
    post(client, f"{TEMPLATES}new/", **form)
    template = session.scalars(select(Template)).one()
    supply = make_supply(session)
    allocate_all(supply)
    preview = page(client, f"{TEMPLATES}{template.id}/preview/")
    assert f"Hello {supply.orders[0].customer.name}" in preview
    assert supply.orders[0].number in preview
    assert "There is no sales order 'NONE'" in words(page(client, f"{TEMPLATES}{template.id}/preview/?order=NONE"))
    assert "BACK ORDER" in page(client, TEMPLATES)


CAUSES = ("purchase_allocated", "status_changed", "date_changed", "cancelled")


@pytest.mark.parametrize("cause", CAUSES)
def test_a_template_is_previewed_with_what_each_cause_could_say_of_an_order(client, session, cause):
    body = (
        "{{ cause }} {% for line in lines %}{{ line.quantity }} {{ line.sku }} {{ line.purchase_order }};{% endfor %}"
    )
    template = make_template(session, body=body)
    supply = make_supply(session)
    allocate_all(supply, quantity=1)
    number, sku, purchase = supply.orders[0].number, supply.line.product.sku, supply.purchase.number
    expected = {
        "purchase_allocated": f"1 {sku} {purchase};",
        "status_changed": f"1 {sku} {purchase};",
        "date_changed": f"2 {sku} {purchase};",
        "cancelled": f"2 {sku} ;",
    }
    text = words(page(client, f"{TEMPLATES}{template.id}/preview/?order={number}&cause={cause}"))
    assert f"{cause} {expected[cause]}" in text


def test_a_template_is_not_previewed_on_an_order_without_lines(client, session):
    template = make_template(session)
    order = Order(customer=make_customer(session), number="SO-EMPTY", state="confirmed")
    session.add(order)
    session.commit()
    text = words(page(client, f"{TEMPLATES}{template.id}/preview/?order=SO-EMPTY"))
    assert "Sales order SO-EMPTY has no lines." in text


def test_a_template_in_use_is_not_deleted(client, session):
    supply = make_supply(session)
    template = session.scalars(select(Template)).one()
    text = words(post(client, f"{TEMPLATES}{template.id}/delete/", 409))
    assert f"is used by status {supply.status.name}. Change that first." in text


def test_two_clerks_do_not_overwrite_each_other(client, session):
    template = make_template(session)
    form = {"name": template.name, "subject": "A", "body": "b", "html": "", "row_version": template.row_version}
    post(client, f"{TEMPLATES}{template.id}/edit/", **form)
    answer = client.post(f"{TEMPLATES}{template.id}/edit/", data=form | {"subject": "B"})
    assert "Somebody else" in answer.text
