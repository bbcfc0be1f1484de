"""Pending Emails: every message with its state, seen as it leaves, edited, cancelled, retried and sent by hand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from flask import Response, abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload
from wtforms import Form, StringField
from wtforms.validators import InputRequired

from erp.admin import Action, Badge, ExtraColumn, ListAction, Panel, Screen, document_anchor
from erp.admin.access import may, screen_session
from erp.errors import ErpError
from modules.backorder_email import queries, services
from modules.backorder_email.delivery import build, send_pending, sender
from modules.backorder_email.domain.mail import message_id
from modules.backorder_email.models import Message
from modules.backorder_email.states import MESSAGE, MessageState
from modules.sales.models import Order

EDIT, SEND = "backorder_email.edit", "backorder_email.send"
# So many leave with one request of the page that sends all.
AT_A_TIME = 20


def _allows(action: str) -> Any:
    return lambda message: MESSAGE.allows(message.state, action)


def _preview(session: Session, message: Message) -> Mapping[str, Any]:
    """Return the message as it left, or as it would leave now."""
    outgoing = services.as_it_would_leave(session, message)
    try:
        source = sender()
        headers = [("From", str(_named(source.name, source.address))), ("To", outgoing.recipient)]
        headers += [("Reply-To", source.reply_to)] if source.reply_to else []
        headers += [("Message-ID", message_id(outgoing, source.domain))]
    except ErpError as error:
        headers = [("From", str(error)), ("To", outgoing.recipient)]
    return {"outgoing": outgoing, "headers": headers, "is_composed": bool(outgoing.subject)}


def _named(name: str, address: str) -> str:
    return f"{name} <{address}>" if name else address


def show_source(screen: Any, message: Message) -> ResponseReturnValue:
    """Show the message byte by byte as a mail server gets it, or got it."""
    outgoing = services.as_it_would_leave(screen_session(), message)
    if not outgoing.subject or not outgoing.recipient:
        return abort(404)
    data = build(outgoing, sender(), message.begun_at or message.sent_at).data
    return Response(data.replace(b"\r\n", b"\n"), mimetype="text/plain")


def _send(session: Session, message: Message) -> str:
    id_, recipient = message.id, message.recipient
    send_pending(chosen=[id_])
    state, reason, attention = session.execute(
        select(Message.state, Message.last_error, Message.attention).where(Message.id == id_)
    ).one()
    if state is MessageState.sent:
        return f"Sent to {recipient}."
    return f"Not sent, the email is {state.value}: {attention or reason or 'it was changed meanwhile'}"


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
    return _of(ids, chosen, str(send_pending(chosen=chosen)))


def _cancel_ticked(session: Session, ids: Sequence[int]) -> str:
    chosen = _allowing(session, ids, "cancel")
    return _of(ids, chosen, f"{_counted(services.cancel(session, chosen))} cancelled.")


def _retry_ticked(session: Session, ids: Sequence[int]) -> str:
    chosen = _allowing(session, ids, "retry")
    return _of(ids, chosen, f"{_counted(services.retry(session, chosen))} put back into the queue.")


def _counted(count: int) -> str:
    return f"{count} email" if count == 1 else f"{count} emails"


def _of(ids: Collection[int], chosen: Collection[int], notified: str) -> str:
    left = len(ids) - len(chosen)
    return notified + (f" {left} were left alone: their state does not allow it." if left else "")


def _reasons(_session: Session, messages: Sequence[Message]) -> Mapping[int, str]:
    return {message.id: message.attention or message.last_error for message in messages}


def _order(message: Message) -> Markup:
    return document_anchor("sales.order", message.order_id, message.order.name)  # type: ignore[no-any-return]


def _customer(message: Message) -> Markup:
    return document_anchor("sales.customer", message.customer_id, message.customer.name)  # type: ignore[no-any-return]


def _template(message: Message) -> Markup | str:
    if message.template is None:
        return ""
    return document_anchor("backorder_email.template", message.template_id, message.template.name)  # type: ignore[no-any-return]


def _subject(_view: Any, _context: Any, message: Message, _name: str) -> str:
    return message.subject or "(not composed)"


class PendingEmails(Screen):
    """The queue."""

    model = Message
    view_name = "backorder_email.message"
    title = "Pending Emails"
    noun = "email"
    plural = "emails"
    url = "/emails/pending"
    icon = "fa-envelope-o"
    edit_permission = EDIT
    can_create = can_delete = False
    list_template = "backorder_email/pending.html"
    form_template = "backorder_email/edit.html"
    column_list = ("subject", "recipient", "order.number", "state", "cause", "created_at")
    column_labels = {
        "recipient": "To",
        "order.number": "Order",
        "cause": "About",
        "created_at": "Composed at",
        "sent_at": "Sent at",
    }
    column_formatters = {"subject": _subject, "cause": lambda _v, _c, row, _n: Badge(row.cause.value)}
    column_searchable_list = ("recipient", "subject", "order.number")
    column_filters = ("state", "recipient", "subject", "order.number", "cause", "created_at", "sent_at")
    column_sortable_list = ()
    column_default_sort = ("id", True)
    computed_columns = (ExtraColumn("why", "Why", _reasons),)
    header_fields = (
        ("Order", _order),
        ("Customer", _customer),
        ("About", lambda row: Badge(row.cause.value)),
        ("Template", _template),
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
    panels = (Panel("Preview", "backorder_email/preview.html", _preview),)
    actions = (
        Action(
            name="send", label="Send now", permission=SEND, run=_send, allowed=_allows("send"),
            style="primary", icon="fa-paper-plane-o",
        ),
        Action(
            name="retry", label="Retry", permission=EDIT, run=_retry, allowed=_allows("retry"), icon="fa-refresh",
            confirm="Put this email back into the queue? If the server took it before, the customer gets it again.",
        ),
        Action(
            name="mark_as_sent", label="It arrived", permission=EDIT, run=_mark_as_sent,
            allowed=_allows("mark_as_sent"), icon="fa-check", confirm="Count this email as sent?",
        ),
        Action(
            name="cancel", label="Cancel", permission=EDIT, run=_cancel, allowed=_allows("cancel"), style="danger",
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
            confirm="Send the ticked emails now?",
        ),
        ListAction(name="retry", label="Retry", permission=EDIT, run=_retry_ticked, icon="fa-refresh",
            confirm="Put the ticked emails back into the queue?",
        ),
        ListAction(
            name="cancel", label="Cancel", permission=EDIT, run=_cancel_ticked, style="danger", icon="fa-ban",
            confirm="Cancel the ticked emails? They will not be sent.", yes="Cancel the emails", no="Back",
        ),
    )  # fmt: skip
    empty_message = "No emails yet. They are written when a backorder is linked to a line whose status has a template."

    def document_title(self, row: Any) -> str:
        """Return the heading: the subject."""
        return row.subject or str(row)

    def badges(self, row: Any) -> Sequence[Any]:
        """Say what a clerk did with it, or should."""
        edited = [Badge("Edited")] if row.is_edited else []
        return [*edited, Badge("To be looked at", "warning")] if row.attention else edited

    def may_edit(self, row: Any) -> bool:
        """Say whether the message can still be changed by this person."""
        return MESSAGE.allows(row.state, "edit") and super().may_edit(row)

    def save(self, session: Session, form: Form, row: Any) -> Any:
        """Keep a clerk's wording."""
        values = {name: form[name].data or "" for name in self.form_columns}
        services.edit(session, row, **values)
        return row

    def render(self, template: str, **kwargs: Any) -> str:
        """Return a page; the list also counts the states."""
        if template == self.list_template:
            kwargs["counts"] = queries.counts_by_state(screen_session())
        return super().render(template, **kwargs)

    @expose("/sending/", methods=("GET", "POST"))
    def sending_view(self) -> ResponseReturnValue:
        """Send all that is pending, a few with each request, and tell how far it is."""
        if not may(SEND):
            return abort(403)
        notified, problem = "", ""
        if request.method == "POST":
            try:
                notified = self.do("send_all", _send_some)
            except ErpError as error:
                problem = str(error)
        # What waits for its next attempt leaves too, but is not tried over and over.
        count = queries.waiting if request.method == "POST" and not problem else queries.sendable
        left = count(screen_session())
        if request.accept_mimetypes.best == "application/json":
            return {"left": left, "notified": notified, "problem": problem}
        if request.method == "POST" and not left and not problem:
            flash(notified or "Nothing was pending.", "success")
            return redirect(self.get_url(".index_view"))
        return str(self.render("backorder_email/sending.html", left=left, notified=notified, problem=problem))


def _send_some(session: Session) -> str:
    if request.form.get("start"):
        services.hurry(session)
        session.commit()
    return str(send_pending(limit=AT_A_TIME))
