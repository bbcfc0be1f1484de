"""Templates, the templates of statuses and messages as CSV; the command, the job and the demo company."""

import pytest
from sqlalchemy import select

from erp import clock, events, jobs
from erp.db import commit
from erp.exchange import ImportRefused, export_csv, import_csv
from erp.models import RunKind
from erp.registry import current_registry
from modules.backorder_email.models import StatusTemplate, Template
from modules.backorder_email.states import MessageState
from modules.procurement.models import PurchaseLineStatus
from tests.support.backorder_email import make_message, make_messages, make_template, messages, states
from tests.support.procurement import make_status


def load(session, kind, text):
    summary = import_csv(session, kind, text.encode())
    session.commit()
    return summary


def dump(session, kind):
    session.rollback()
    return "".join(export_csv(session, kind))


def refused(session, kind, text):
    with pytest.raises(ImportRefused) as refusal:
        load(session, kind, text)
    session.rollback()
    return [str(error) for error in refusal.value.errors]


TWO = (
    "name,subject,body,html\n"
    'On its way,{{ order.number }},"Hello {{ customer.name }},\n{% for line in lines %}{{ line.sku }}\n{% endfor %}",\n'
    "Late,Late,=Sorry,<p>Sorry</p>\n"
)


def test_templates_come_in_and_go_out_again(session):
    assert load(session, "email_templates", TWO) == "2 templates: 2 new, 0 changed."
    first, second = session.scalars(select(Template).order_by(Template.id))
    assert (first.name, first.subject, first.html) == ("On its way", "{{ order.number }}", "")
    assert (second.body, second.html) == ("=Sorry", "<p>Sorry</p>")
    out = dump(session, "email_templates")
    assert "Late,Late,'=Sorry,<p>Sorry</p>,\n" in out
    assert load(session, "email_templates", out) == "2 templates: 0 new, 0 changed."
    assert dump(session, "email_templates") == out


def test_a_hundred_templates_are_made_changed_and_given_to_statuses_in_as_many_statements_as_two(
    session, count_statements
):
    def sent_for(prefix, count):
        names = [f"{prefix}{n}" for n in range(count)]
        load(session, "email_templates", "\n".join(["name,subject,body", *(f"{name},A,B" for name in names)]))
        old = [f"{name},{'C' if n % 2 else 'A'},{'B' if n % 3 else 'D'}" for n, name in enumerate(names)]
        new = [f"{name}NEW,A,B" for name in names]
        given = [f"{name},{name}" for name in names]
        load(session, "purchase_line_statuses", "\n".join(["name,email_template", *given]))
        with count_statements() as sent:
            load(session, "email_templates", "\n".join(["name,subject,body", *old, *new]))
            changed = [f"{name},{name}NEW" for name in names]
            load(session, "purchase_line_statuses", "\n".join(["name,email_template", *changed]))
        return len(sent)

    sent_for("WARM", 2)
    assert sent_for("MANY", 100) == sent_for("FEW", 2)
    many3 = session.scalars(select(Template).where(Template.name == "MANY3")).one()
    assert (many3.subject, many3.body, many3.row_version) == ("C", "D", 2)
    given = select(Template.name).join(StatusTemplate.template).join(StatusTemplate.status)
    assert session.scalars(given.where(PurchaseLineStatus.name == "MANY99")).all() == ["MANY99NEW"]


def test_templates_are_changed_by_name(session):
    load(session, "email_templates", TWO)
    summary = load(session, "email_templates", "name,subject,body\nLate,Later,Sorry\nNew,N,N\n")
    assert summary == "2 templates: 1 new, 1 changed."
    late = session.scalars(select(Template).where(Template.name == "Late")).one()
    assert (late.subject, late.body, late.html) == ("Later", "Sorry", "<p>Sorry</p>")
    load(session, "email_templates", "name,subject,body,html\nLate,Later,Sorry,\n")
    session.expire_all()
    assert late.html == ""


def test_a_template_that_does_not_render_is_refused_by_its_row_and_line(session):
    text = 'name,subject,body,html\nA,S,B,\nB,{{ foo }},B,\nC,S,"x\n{% if %}",\nD,S,B,<p>{{ order.x }}\n'
    assert refused(session, "email_templates", text) == [
        "Row 3, column subject: '{{ foo }}': The template does not render (subject, line 1): there is no variable "
        "'foo'; known are order, customer, company, cause, status, lines, about.",
        "Row 4, column body: 'x\\n{% if %}': The template does not render (body, line 2): "
        "Expected an expression, got 'end of statement block'.",
        "Row 5, column html: '<p>{{ order.x }}': The template does not render (html, line 1): "
        "'OrderFacts object' has no attribute 'x'.",
    ]
    assert session.scalars(select(Template)).all() == []


def test_a_template_needs_a_name_a_subject_and_a_body(session):
    errors = refused(session, "email_templates", "name,subject,body\n,S,B\nA,,B\nB,S,\n")
    assert errors == [
        f"Row {row}, column {name}: the cell is empty." for row, name in ((2, "name"), (3, "subject"), (4, "body"))
    ]
    assert "the column is missing" in refused(session, "email_templates", "name,subject\nA,S\n")[0]
    assert "is there twice" in refused(session, "email_templates", "name,subject,body\nA,S,B\nA,S,B\n")[0]


def test_statuses_name_their_templates(session):
    make_template(session, name="Late")
    load(session, "purchase_line_statuses", "name,position,is_default,email_template\nDelayed,1,no,Late\nOpen,2,yes,\n")
    assert dump(session, "purchase_line_statuses") == (
        "name,position,is_default,email_template\nDelayed,1,no,Late\nOpen,2,yes,\n"
    )
    load(session, "purchase_line_statuses", "name,position\nDelayed,7\n")
    assert "Delayed,7,no,Late" in dump(session, "purchase_line_statuses")
    load(session, "purchase_line_statuses", "name,email_template\nDelayed,\n")
    assert session.scalars(select(StatusTemplate)).all() == []


def test_an_unknown_template_of_a_status_is_refused(session):
    text = "name,email_template\nDelayed,Nowhere\n"
    assert refused(session, "purchase_line_statuses", text) == [
        "Row 2, column email_template: 'Nowhere' is not the name of an email template."
    ]
    assert session.scalars(select(PurchaseLineStatus)).all() == []


def test_the_column_of_a_module_that_is_off_is_refused_by_name(session):
    current_registry().disable(session, "backorder_email")
    session.commit()
    errors = refused(session, "purchase_line_statuses", "name,email_template\nDelayed,\n")
    assert "column email_template belongs to module backorder_email, which is off" in errors[0]
    assert dump(session, "purchase_line_statuses") == "name,position,is_default\n"


def test_emails_go_out_by_creation(session):
    first = make_message(session, subject="=1+1", state=MessageState.sent, sent_at=clock.now(), attempts=1)
    second = make_message(session, state=MessageState.skipped, last_error="No address.", recipient="")
    assert dump(session, "emails").splitlines() == [
        "id,to,subject,state,order,created_at,sent_at,attempts,last_error",
        f"{first.id},{first.recipient},'=1+1,sent,{first.order.number},2026-11-23T12:00:00Z,2026-11-23T12:00:00Z,1,",
        f"{second.id},,{second.subject},skipped,{second.order.number},2026-11-23T12:00:00Z,,0,No address.",
    ]


@pytest.fixture
def erp(app):
    """Return a function that runs `erp send-emails` and gives its result."""
    from modules.backorder_email.commands import send_emails

    return lambda *arguments: app.test_cli_runner().invoke(send_emails, list(arguments))


def test_the_command_sends_what_is_pending(session, mailbox, erp):
    make_messages(session, 3)
    result = erp("--limit", "2")
    assert (result.exit_code, result.output) == (0, "2 emails sent.\n")
    assert erp().output == "1 email sent.\n"
    assert erp().output == "0 emails sent.\n"
    assert states(session) == ["sent"] * 3


@pytest.mark.parametrize("limit", ["0", "-1", "x", ""])
def test_the_command_refuses_a_limit_that_is_no_positive_number(erp, limit):
    assert erp("--limit", limit).exit_code == 2


def test_the_job_sends_what_is_pending(session, mailbox, at):
    make_messages(session, 2)
    at("2026-11-23T12:10:00Z")
    run = jobs.run("send-pending-emails")
    assert run.summary == "2 emails sent."
    assert states(session) == ["sent", "sent"]


def test_the_job_says_what_is_wrong_with_the_server(session, point_at, at):
    point_at(9)
    make_message(session)
    at("2026-11-23T12:10:00Z")
    run = jobs.run("send-pending-emails")
    assert run.state == "failed"
    assert "Connection refused" in run.error
    assert states(session) == ["pending"]


def test_the_demo_company_has_a_pending_email(session):
    with events.run(RunKind.command, "demo"):
        for load_demo in current_registry().live(current_registry().demos):
            commit(load_demo)
    assert [template.name for template in session.scalars(select(Template).order_by(Template.id))] == [
        "On its way",
        "Delayed",
        "New date",
    ]
    found = messages(session)
    assert MessageState.pending in {message.state for message in found}
    message = next(message for message in found if message.state is MessageState.pending)
    assert message.order.number in message.subject
    assert message.order.customer.name in message.text
    assert message.html.startswith("<p>Hello")


def test_a_status_that_has_a_template_can_be_deleted(session):
    from modules.procurement.services import delete_status
    from tests.support.backorder_email import make_status_with_template

    status = make_status_with_template(session)
    delete_status(session, status.id)
    session.commit()
    assert session.scalars(select(StatusTemplate)).all() == []
    make_status(session)
