"""Returns: goods that customers send back, from their arrival to the shelf, quarantine or scrap."""

from __future__ import annotations

from datetime import timedelta

from erp.manifest import Module, Permission
from erp.options import Duration, Integer, Switch
from erp.registry import Core, Queue

EVERYONE = ("Sales clerk", "Merchandiser", "Warehouse clerk", "Auditor")
FLOOR = ("Sales clerk", "Warehouse clerk")


def setup(core: Core) -> None:
    """Register what returns have."""
    from modules.returns import exchange, handlers, jobs, models, queries, services
    from modules.sales.hooks import announcement_kinds, reversal_refusals

    core.add_models(models)
    core.add_search(queries.SEARCH)
    core.add_queue(Queue("returns", queries.goods_to_inspect))
    core.add_job(jobs.remind_of_returns, every="returns.remind_every")
    core.add_import(exchange.RETURNS)
    core.add_export(exchange.RETURNS_OUT)
    core.add_check(queries.broken_invariants)
    core.add_demo(services.load_demo)
    core.implement(reversal_refusals, handlers.keep_returned_packs)
    core.implement(announcement_kinds, handlers.announcement_kinds)
    core.before_disable(services.release_or_refuse)


def screens(core: Core) -> None:
    """Register what returns show, and add to the screens of other modules."""
    from modules.returns import admin, api

    core.add_view(admin.ReturnScreen, menu="Sales", permission="returns.view")
    core.extend_view(
        "sales.pack",
        columns=(admin.PACK_COLUMN,),
        filters=(admin.PACK_FILTER,),
        actions=(admin.PACK_ACTION,),
        paper_sections=(admin.SLIP_SECTION,),
    )
    core.extend_view("sales.order", panels=(admin.ORDER_PANEL,))
    core.add_dashboard(admin.CARD)
    core.add_work_queue(*admin.QUEUES)
    api.register(core)


MODULE = Module(
    name="returns",
    title="Returns",
    version="1.1",
    summary="Goods that customers send back, inspected, and put into stock, quarantine or scrap.",
    depends=("sales",),
    on_by_default=False,
    options=(
        Integer(
            name="remind_after_days",
            default=7,
            minimum=1,
            maximum=365,
            help="Returns that wait longer, for goods or for inspection, are marked and counted on the dashboard.",
        ),
        Switch(
            name="note_on_packing_slips",
            default=True,
            help="Print a note at the end of packing slips on which customers say what they send back.",
        ),
        Duration(
            name="remind_every", default=timedelta(days=1), help="How often returns are checked for how long they wait."
        ),
    ),
    permissions=(
        Permission("returns.view", "See returns", EVERYONE),
        Permission("returns.edit", "Enter and cancel returns", ("Sales clerk",)),
        Permission("returns.receive", "Receive returned goods", FLOOR),
        Permission("returns.inspect", "Decide what becomes of returned goods", ("Warehouse clerk",)),
        Permission("returns.replace", "Make replacement orders", ("Sales clerk",)),
    ),
    setup=setup,
    screens=screens,
)
