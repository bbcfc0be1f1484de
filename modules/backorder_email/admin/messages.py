"""The screen Pending Emails."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from flask import abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload
from typing_extensions import override
from wtforms import Form, StringField
from wtforms.validators import InputRequired

from erp.admin import Action, Badge, ExtraColumn, Facts, ListAction, Panel, Screen, WorkQueue, anchor_of, versions
from erp.admin.access import may, only_read, screen_session
from erp.errors import ErpError, StaleRecord
from erp.text import plural, say, translated, verb, word
from modules.backorder_email import queries, services
from modules.backorder_email.admin.samples import asked_sample, named, show_source
from modules.backorder_email.delivery import send_pending, sender
from modules.backorder_email.domain.mail import message_id
from modules.backorder_email.models import Message
from modules.backorder_email.states import MESSAGE, MessageState
from modules.sales.models import Order

EDIT, SEND = "backorder_email.edit", "backorder_email.send"
# How many leave with each request of the page that sends all.
AT_A_TIME = 20


def _allows(action: str) -> Any:
    return lambda message: MESSAGE.allows(message.state, action)


def _preview(session: Session, message: Message) -> Mapping[str, Any]:
    """Return the message as it left, or as it would leave now."""
    outgoing = services.as_it_would_leave(session, message)
    try:
        source = sender()
        headers = [("From", named(source.name, source.address)), ("To", outgoing.recipient)]
        headers += [("Reply-To", source.reply_to)] if source.reply_to else []
        headers += [("Message-ID", message_id(outgoing, source.domain))]
    except ErpError as error:
        headers = [("From", str(error)), ("To", outgoing.recipient)]
    return {"outgoing": outgoing, "headers": headers, "is_composed": bool(outgoing.subject)}


def _content(_session: Session, message: Message) -> Facts:
    return {
        "state": message.state,
        "address": message.recipient,
        "subject": message.subject,
        "text": message.text,
        "HTML": message.html,
        say("what needs review"): message.attention,
    }


def _contents(session: Session, ids: Sequence[int]) -> Mapping[int, Facts]:
    """Return what a list's actions on ticked emails depend on, by id."""
    rows = select(Message, Order.number).join(Message.order).where(Message.id.in_(ids))
    found = session.execute(rows.execution_options(populate_existing=True))
    return {message.id: _of_one(session, message, number) for message, number in found}


def _of_one(session: Session, message: Message, number: str | None) -> Facts:
    name = say("email {value} about {number}", value=message.id, number=number)
    return {
        say("{label} of {name}", label=label, name=name): value for label, value in _content(session, message).items()
    }


def _send(session: Session, message: Message) -> str:
    id_, recipient = message.id, message.recipient
    send_pending(chosen=[id_])
    state, reason, attention = session.execute(
        select(Message.state, Message.last_error, Message.attention).where(Message.id == id_)
    ).one()
    if state is MessageState.sent:
        return say("Sent to {recipient}.", recipient=recipient)
    what = say("needs review") if state is MessageState.needs_review else say("is {state}", state=word(state.value))
    return say(
        "Not sent, the email {what}: {attention}",
        what=what,
        attention=attention or reason or say("it was changed since"),
    )


def _confirm(session: Session, message: Message) -> str:
    services.confirm(session, [message.id])
    return "The email is back in the queue as it is."


def _cancel(session: Session, message: Message) -> str:
    services.cancel(session, [message.id])
    return "The email is cancelled and will not be sent."


def _retry(session: Session, message: Message) -> str:
    services.retry(session, [message.id])
    return "The email is back in the queue."


def _mark_as_sent(session: Session, message: Message) -> str:
    services.mark_as_sent(session, [message.id])
    return "The email counts as sent."


def _allowing(session: Session, ids: Collection[int], action: str) -> list[int]:
    """Return which of the ticked messages allow an action."""
    rows = session.execute(select(Message.id, Message.state).where(Message.id.in_(ids)).order_by(Message.id))
    return [id_ for id_, state in rows if MESSAGE.allows(state, action)]


def _send_ticked(session: Session, ids: Sequence[int]) -> str:
    chosen = _allowing(session, ids, "send")
    return _with_skipped(ids, chosen, str(send_pending(chosen=chosen)))


def _confirm_ticked(session: Session, ids: Sequence[int]) -> str:
    chosen = _allowing(session, ids, "confirm")
    return _with_skipped(
        ids, chosen, say("{emails} put back into the queue.", emails=plural(services.confirm(session, chosen), "email"))
    )


def _cancel_ticked(session: Session, ids: Sequence[int]) -> str:
    chosen = _allowing(session, ids, "cancel")
    return _with_skipped(
        ids, chosen, say("{emails} cancelled.", emails=plural(services.cancel(session, chosen), "email"))
    )


def _retry_ticked(session: Session, ids: Sequence[int]) -> str:
    chosen = _allowing(session, ids, "retry")
    return _with_skipped(
        ids, chosen, say("{emails} put back into the queue.", emails=plural(services.retry(session, chosen), "email"))
    )


def _with_skipped(ids: Collection[int], chosen: Collection[int], summary: str) -> str:
    left = len(ids) - len(chosen)
    return summary + (say(" {left} were left as they are: their state does not allow it.", left=left) if left else "")


def _reasons(_session: Session, messages: Sequence[Message]) -> Mapping[int, str]:
    return {message.id: message.attention or message.last_error for message in messages}


def _subject(_view: Any, _context: Any, message: Message, _name: str) -> str:
    return message.subject or say("(not composed)")


class PendingEmails(Screen):
    """The screen of messages."""

    model = Message
    view_name = "backorder_email.message"
    title = "Pending Emails"
    noun = "email"
    plural = "emails"
    url = "/emails/pending"
    icon = "fa-envelope-o"
    edit_permission = EDIT
    can_create = can_delete = False
    list_template = "backorder_email/message_list.html"
    form_template = "backorder_email/message_form.html"
    column_list = ("subject", "recipient", "order.number", "state", "cause", "created_at")
    column_labels = {
        "recipient": "To",
        "order.number": "Order",
        "cause": "About",
        "created_at": "Composed at",
        "sent_at": "Sent at",
        "last_error": "Why",
    }
    column_formatters = {"subject": _subject, "cause": lambda _v, _c, row, _n: Badge(row.cause.value)}
    column_searchable_list = ("recipient", "subject", "order.number")
    column_filters = ("state", "recipient", "subject", "order.number", "cause", "created_at", "sent_at", "last_error")
    column_sortable_list = ()
    sorted_like = {"created_at": "id"}
    column_default_sort = ("id", True)
    computed_columns = (ExtraColumn("why", "Why", _reasons),)
    header_fields = (
        ("Order", anchor_of("sales.order", "order")),
        ("Customer", anchor_of("sales.customer", "customer", "customer.name")),
        ("About", lambda row: Badge(row.cause.value)),
        ("Template", anchor_of("backorder_email.template", "template")),
        ("Composed at", "created_at"),
        ("Sent at", "sent_at"),
        ("Attempts", "attempts"),
        ("Next attempt at", "next_attempt_at"),
        ("Why", lambda row: row.attention or row.last_error),
    )
    detail_loads = (
        joinedload(Message.order).joinedload(Order.customer),
        joinedload(Message.customer),
        joinedload(Message.template),
    )
    form_columns = ("recipient", "subject", "text", "html")
    form_overrides = {"subject": StringField}
    form_args = {
        "recipient": {"label": "To", "validators": [InputRequired()]},
        "subject": {"validators": [InputRequired()]},
        "text": {"validators": [InputRequired()], "render_kw": {"rows": 14}},
        "html": {"label": "HTML", "description": "Empty: plain text only.", "render_kw": {"rows": 8}},
    }
    form_widths = {"recipient": 12, "subject": 12}
    panels = (Panel("Preview", "backorder_email/message_preview.html", _preview),)
    actions = (
        Action(
            name="send", label="Send now", permission=SEND, run=_send, depends_on=_content, allowed=_allows("send"),
            style="primary", icon="fa-paper-plane-o",
        ),
        Action(
            name="confirm", label="Confirm", permission=EDIT, run=_confirm, depends_on=_content,
            allowed=_allows("confirm"), style="primary", icon="fa-check",
            confirm="Put this email back into the queue as it is? Its news is outdated.", yes="Confirm", no="Back",
        ),
        Action(
            name="retry", label="Retry", permission=EDIT, run=_retry, depends_on=_content,
            allowed=_allows("retry"), icon="fa-refresh",
            confirm="Put this email back into the queue? If the server took it before, the customer gets it again.",
        ),
        Action(
            name="mark_as_sent", label="Mark as sent", permission=EDIT, run=_mark_as_sent, depends_on=_content,
            allowed=_allows("mark_as_sent"), icon="fa-check", confirm="Count this email as sent?",
        ),
        Action(
            name="cancel", label=verb("to cancel"), permission=EDIT, run=_cancel, depends_on=_content,
            allowed=_allows("cancel"), style="danger",
            icon="fa-ban", confirm="Cancel this email? It will not be sent.", yes="Cancel the email", no="Back",
        ),
        Action(
            name="source", label="Source", permission="backorder_email.view", page=show_source, icon="fa-code",
            allowed=lambda message: bool(message.subject and message.recipient),
        ),
    )  # fmt: skip
    list_actions = (
        ListAction(
            name="send", label="Send", permission=SEND, run=_send_ticked, style="primary", icon="fa-paper-plane-o",
            confirm="Send the ticked emails now?", depends_on=_contents,
        ),
        ListAction(
            name="confirm", label="Confirm", permission=EDIT, run=_confirm_ticked, icon="fa-check",
            confirm="Put the ticked emails that need review back into the queue as they are?",
            depends_on=_contents,
        ),
        ListAction(name="retry", label="Retry", permission=EDIT, run=_retry_ticked, icon="fa-refresh",
            confirm="Put the ticked emails back into the queue?", depends_on=_contents,
        ),
        ListAction(
            name="cancel", label=verb("to cancel"), permission=EDIT, run=_cancel_ticked, style="danger", icon="fa-ban",
            confirm="Cancel the ticked emails? They will not be sent.", yes="Cancel the emails", no="Back",
            depends_on=_contents,
        ),
    )  # fmt: skip
    empty_message = (
        "No emails yet. They are composed when a backorder is allocated to a purchase line whose status has a template."
    )

    @override
    def document_title(self, row: Any) -> str:
        return row.subject or str(row)

    @override
    def badges(self, row: Any) -> Sequence[Any]:
        return [Badge("Edited")] if row.is_edited else []

    @override
    def next_of(self, row: Any) -> tuple[str, str] | None:
        """Lead to the preview of a message that somebody has to look at or may send."""
        labels = {MessageState.needs_review: "Review", MessageState.pending: "Preview"}
        return (labels[row.state], self.details_url(row)) if row.state in labels else None

    @override
    def may_edit(self, row: Any) -> bool:
        return MESSAGE.allows(row.state, "edit") and super().may_edit(row)

    @override
    def save(self, session: Session, form: Form, row: Any) -> Any:
        values = {name: form[name].data or "" for name in self.form_columns}
        services.edit(session, row.id, **values)
        return row

    def render(self, template: str, **kwargs: Any) -> str:
        """Return a page; the list also shows how many messages are in each state."""
        if template == self.list_template:
            kwargs["counts"] = queries.counts_by_state(screen_session())
        return super().render(template, **kwargs)

    @expose("/sample/")
    def sample_view(self) -> ResponseReturnValue:
        """Show one message that a change would send, as it would leave."""
        found = asked_sample(screen_session())
        return abort(404) if found is None else str(self.render("backorder_email/sample.html", **found))

    @expose("/sending/", methods=("GET", "POST"))
    def sending_view(self) -> ResponseReturnValue:
        """Send everything that is pending, a few messages with each request, and show the progress."""
        if not may(SEND):
            return abort(403)
        summary, problem, status = "", "", 200
        if request.method == "POST":
            try:
                summary = self.do("send_all", _send_some)
            except ErpError as error:
                only_read()
                problem, status = str(error), 409 if isinstance(error, StaleRecord) else 200
        # What waits for its next attempt is tried too, but only once.
        count = queries.count_due if request.method == "POST" and not problem else queries.count_sendable
        left = count(screen_session())
        shown = {"left": left, "summary": summary, "problem": problem, "version": versions.as_field(_newest())}
        if request.accept_mimetypes.best == "application/json":
            return {**shown, "summary": translated(summary), "problem": translated(problem)}, status
        if request.method == "POST" and not left and not problem:
            flash(summary or "Nothing was pending.", "success")
            return redirect(self.get_url(".index_view"))
        return str(self.render("backorder_email/send_all.html", **shown)), status


def _newest() -> versions.Parts:
    """Return which email is the newest that would leave: nobody sends what they have not seen counted."""
    return {versions.PAGE: {say("the newest pending email"): queries.newest_sendable(screen_session())}}


def _send_some(session: Session) -> str:
    if request.form.get("start"):
        if found := versions.changes(_newest):
            raise versions.StalePage(found)
        services.skip_waits(session)
        session.commit()
    return str(send_pending(limit=AT_A_TIME))


QUEUES = (
    WorkQueue("Emails to look at", "backorder_email.message", EDIT, "state_is", "needs_review"),
    WorkQueue("Pending emails", "backorder_email.message", SEND, "state_is", "pending"),
)
