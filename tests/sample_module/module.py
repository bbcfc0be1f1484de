"""Sample: one wish for each sales order, and everything that a module can register."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as ExactDecimal

from erp.manifest import Module, Permission
from erp.options import Choice, Decimal, Duration, ImageFile, Integer, Mailbox, Switch, Text
from erp.registry import Core, Queue
from erp.search import SearchSource


def setup(core: Core) -> None:
    """Register one thing of each kind."""
    from modules.sales.hooks import pack_refusals, service_rule
    from modules.sample_module import api, commands, exchange, handlers, jobs, models, queries, services

    core.add_models(models)
    core.add_search(SearchSource("sample_module.wish", "Wish", queries.find_wishes))
    core.add_job(jobs.grant_old_wishes, every="sample_module.grant_every")
    core.add_command(commands.wishes)
    core.add_import(exchange.WISHES)
    core.add_export(exchange.WISHES_OUT)
    core.extend_import("customers", exchange.CUSTOMER_COLUMNS, exchange.save_customers, maps=exchange.CUSTOMER_MAPS)
    core.extend_export("customers", ("wishes_first",), exchange.customers_out)
    core.add_endpoint(api.ENDPOINT)
    core.add_resource(api.WISHES)
    core.add_effect(api.EFFECT)
    core.extend_resource("orders", fields=api.ORDER_FIELDS, line_fields=api.LINE_FIELDS, writes=api.ORDER_WRITES)
    core.add_check(queries.granted_before_it_was_made)
    core.add_queue(Queue("wishes", queries.waiting_wishes))
    core.add_alarm(handlers.note_alarm)
    core.add_demo(services.load_demo)
    for event, handler in handlers.OF_ORDERS:
        core.subscribe(event, handler)
    core.implement(pack_refusals, handlers.keep_back)
    core.implement(service_rule, handlers.serve_by_wishes)
    core.on_enable(handlers.forget_wishes_of_cancelled_orders)
    core.before_disable(handlers.refuse_while_wishes_wait)


def screens(core: Core) -> None:
    """Register what is shown, which only processes with screens import."""
    from modules.sample_module import admin

    core.add_view(admin.WishScreen, menu="Sample", permission="sample_module.view")
    core.extend_view(
        "sales.order",
        columns=admin.ORDER_COLUMNS,
        panels=admin.ORDER_PANELS,
        actions=admin.ORDER_ACTIONS,
        line_columns=admin.LINE_COLUMNS,
        line_actions=admin.LINE_ACTIONS,
        notes=admin.ORDER_NOTES,
        filters=admin.ORDER_FILTERS,
        quick_filters=admin.ORDER_QUICK_FILTERS,
        list_actions=admin.ORDER_LIST_ACTIONS,
    )
    core.extend_view("sales.pack", paper_sections=admin.PACK_PAPER_SECTIONS)
    core.extend_view("sales.customer", fields=admin.CUSTOMER_FIELDS)
    core.add_dashboard(admin.CARD)
    core.add_work_queue(admin.QUEUE)
    core.add_chart(admin.CHART)


MODULE = Module(
    name="sample_module",
    title="Sample",
    version="1.0",
    summary="One wish for each sales order: everything that a module can register, once.",
    depends=("sales",),
    options=(
        Switch(name="keeps_back", default=True, help="Pack nothing of an order until its wish is granted."),
        Text(
            name="signature",
            default="",
            only_if="keeps_back",
            help="Who grants wishes, named in the refusal.",
        ),
        Integer(name="longest", default=200, minimum=1, maximum=200, help="How many characters a wish may have."),
        Decimal(name="fee", default=ExactDecimal("2.5"), help="What a granted wish costs."),
        Choice(name="tone", default="info", choices=("info", "warning"), help="The colour of a wish."),
        Mailbox(name="copy_to", default="", help="Who hears of granted wishes; empty: nobody."),
        ImageFile(name="stamp", default="", help="A picture on papers of wishes; empty: none."),
        Duration(name="grant_every", default=timedelta(days=1), help="How often old wishes are granted."),
    ),
    permissions=(
        Permission("sample_module.view", "See wishes", ("Sales clerk", "Auditor")),
        Permission("sample_module.grant", "Grant wishes", ("Sales clerk",)),
    ),
    setup=setup,
    screens=screens,
)
