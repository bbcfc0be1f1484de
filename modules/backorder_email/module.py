"""Backorder email: notifies customers of what happens to their backorders."""

from datetime import timedelta

from erp.manifest import Module, Permission
from erp.options import Choice, Duration, Integer, Mailbox, Switch, Text
from erp.registry import Core, Queue


def setup(core: Core) -> None:
    """Register what this module has."""
    from erp.events import RunEnded
    from modules.backorder_email import commands, delivery, exchange, handlers, jobs, models, queries, services
    from modules.preorder.events import PurchaseAllocated, PurchaseAllocationRemoved
    from modules.procurement.events import LineStatusChanged
    from modules.sales.events import AnnouncementsMade, BackorderCancelled, PromiseDateChanged

    core.add_models(models)
    core.add_queue(Queue("emails", queries.waiting))
    core.add_alarm(delivery.send_alarm)
    core.add_demo(services.load_demo)
    core.add_job(jobs.send_pending_emails, every="backorder_email.send_interval")
    core.add_check(queries.broken_invariants)
    core.add_command(commands.send_emails)
    core.add_import(exchange.TEMPLATES)
    core.add_export(exchange.TEMPLATES_OUT)
    core.add_export(exchange.EMAILS_OUT)
    core.extend_import("purchase_line_statuses", exchange.STATUS_COLUMNS, exchange.save_status_templates)
    core.extend_export("purchase_line_statuses", ("email_template",), exchange.status_templates)
    handlers.register(core)
    core.subscribe(PurchaseAllocationRemoved, services.drop_news_of_removed_allocations)
    core.subscribe(PurchaseAllocated, services.write_allocation_news)
    core.subscribe(LineStatusChanged, services.write_status_news)
    core.subscribe(PromiseDateChanged, services.write_date_news)
    core.subscribe(BackorderCancelled, services.write_cancellation_news)
    core.subscribe(AnnouncementsMade, services.write_announced_news)
    core.subscribe(RunEnded, delivery.compose_run)


def screens(core: Core) -> None:
    """Register what this module shows, and adds to the screens of other modules."""
    from modules.backorder_email import admin, api

    core.add_view(admin.PendingEmails, menu="Emails", permission="backorder_email.view")
    core.add_view(admin.TemplateScreen, menu="Emails", permission="backorder_email.view")
    core.extend_view("procurement.purchase_line_status", fields=(admin.STATUS_FIELD,))
    core.extend_view("sales.order", panels=(admin.ORDER_PANEL,), notes=(admin.SALES_NOTES,))
    core.extend_view("procurement.purchase_order", notes=(admin.PURCHASE_NOTES,))
    core.extend_view("sales.customer", panels=(admin.CUSTOMER_PANEL,))
    core.add_dashboard(admin.CARD)
    core.add_work_queue(*admin.QUEUES)
    api.register(core)


_CLERKS = ("Sales clerk", "Merchandiser")

MODULE = Module(
    name="backorder_email",
    title="Backorder email",
    version="1.0",
    summary="Emails to customers about their backorders, shown in Pending Emails before they leave.",
    depends=("preorder", "procurement", "sales"),
    options=(
        Choice(
            name="transport",
            default="file",
            choices=("file", "smtp"),
            help="How emails leave: file writes each as an .eml file into the instance's outbox, smtp sends it.",
        ),
        Mailbox(name="sender", default="erp@localhost", help="The From address: a bare one or `Name <address>`."),
        Mailbox(name="reply_to", default="", help="Where answers go; empty: to the sender."),
        Text(name="host", only_if="transport=smtp", default="localhost", help="The mail server (transport smtp)."),
        Integer(
            name="port", only_if="transport=smtp", default=25, minimum=1, maximum=65535, help="The mail server's port."
        ),
        Choice(
            name="security",
            only_if="transport=smtp",
            default="none",
            choices=("none", "starttls", "tls"),
            help="none: in the clear; starttls: encrypted after the greeting; tls: encrypted from the start.",
        ),
        Text(
            name="user",
            only_if="transport=smtp",
            default="",
            help="The user at the mail server; empty: no sign-in. The password comes from ERP_SMTP_PASSWORD alone.",
        ),
        Text(
            name="ca_file",
            only_if="transport=smtp",
            default="",
            help="A file of certificates to trust the mail server by; empty: those of the operating system.",
        ),
        Duration(
            name="timeout",
            only_if="transport=smtp",
            default=timedelta(seconds=30),
            maximum=timedelta(minutes=10),
            help="How long the mail server may take for one answer.",
        ),
        Choice(
            name="sending",
            default="automatic",
            choices=("automatic", "manual"),
            help="automatic: the job sends pending emails; manual: only users send, on the screen or with a command.",
        ),
        Duration(
            name="send_after",
            only_if="sending=automatic",
            default=timedelta(minutes=10),
            minimum=timedelta(0),
            help="How old the news of an email must be before the job sends it, so that users have time to look.",
        ),
        Duration(name="send_interval", default=timedelta(minutes=1), help="How often pending emails are sent."),
        Integer(
            name="batch_size",
            default=200,
            minimum=1,
            maximum=1000,
            help="How many emails a worker takes at a time.",
        ),
        Integer(
            name="rate", default=0, maximum=1_000_000, help="At most so many emails leave in a minute; 0: no limit."
        ),
        Integer(
            name="max_attempts",
            default=5,
            minimum=1,
            maximum=100,
            help="After so many transient failures an email is failed.",
        ),
        Duration(
            name="retry_after",
            default=timedelta(minutes=1),
            maximum=timedelta(days=1),
            help="How long to wait after the first transient failure; each further one doubles it.",
        ),
        Duration(
            name="worker_timeout",
            default=timedelta(minutes=10),
            help="A worker that is silent for so long counts as dead, and the emails that it took are recovered.",
        ),
        Switch(name="on_link", default=True, help="Notify when a backorder is allocated to a purchase order line."),
        Switch(name="on_status", default=True, help="Notify when a purchase order line gets another status."),
        Text(
            name="date_template",
            default="",
            help="The template for changed promise dates; empty: no emails about dates.",
        ),
        Text(
            name="cancellation_template",
            default="",
            help="The template for backorders cancelled because they waited too long; empty: no emails about that.",
        ),
    ),
    permissions=(
        Permission("backorder_email.view", "See emails and templates", (*_CLERKS, "Auditor")),
        Permission("backorder_email.edit", "Edit, cancel and retry emails", _CLERKS),
        Permission("backorder_email.send", "Send emails by hand", _CLERKS),
        Permission("backorder_email.templates", "Edit email templates", ("Merchandiser",)),
    ),
    setup=setup,
    screens=screens,
)
