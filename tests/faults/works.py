"""What is killed: every kind of import, and every command that changes the book, the modules or the whole database."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

SKUS = ("PLG-WALL-8", "GLUE-WOOD-500", "PAINT-WHITE-5L", "MUG-ENAMEL-FOX", "LAMP-AURORA", "SPK-TIDE-2", "GAME-ORBIT")
CUSTOMERS = ("ANDERSEN", "PARK", "BRIGHT", "HARBOUR", "MORI", "LINDEN")
ROWS = 120


@dataclass(frozen=True)
class Work:
    """A command line that is killed; `{file}`, `{backup}` and `{folder}` in it are paths.

    `before` are commands that it needs. One that works `in_parts` may leave some of them done, and finishes the rest
    when it is called again; but what `ends_otherwise`, an export, may then differ. An email whose sender died may have
    left: nobody sends it again, and the part `mails` judges what becomes of it. One that was to be composed when its
    run died is composed by the worker.
    """

    name: str
    arguments: tuple[str, ...]
    rows: tuple[str, ...] = ()
    before: tuple[tuple[str, ...], ...] = ()
    in_parts: bool = False
    starts_empty: bool = False
    ends_otherwise: str = ""

    @property
    def moves_tables(self) -> bool:
        """Say whether it makes or drops tables."""
        return self.arguments[0] in ("modules", "restore", "init")


def _numbered(header: str, row: str) -> tuple[str, ...]:
    """Return a file whose rows fill in `n`, `sku` and `customer`."""
    rows = (
        row.format(n=n, sku=SKUS[n % len(SKUS)], customer=CUSTOMERS[n % len(CUSTOMERS)], day=1 + n % 28)
        for n in range(1, ROWS + 1)
    )
    return (header, *rows)


_SALES = "number,customer,ordered_at,sku,quantity,unit_price"
_SALES_ORDERS = _numbered(_SALES, "K-{n},{customer},2026-11-20T09:00:00Z,{sku},3,9.5")
_PURCHASE = "number,supplier,ordered_on,sku,quantity,unit_cost,expected_on"
_PURCHASES = _numbered(_PURCHASE, "KP-{n},TIDE,2026-11-20,{sku},2,4.5,2026-12-{day:02}")
_STOCK = _numbered("sku,lot,location,quantity,received_on", "LAMP-AURORA,K-{n},WH/STOCK,2,2026-11-01")

FILES = {
    "customers": _numbered("code,name,email", "K{n},Customer {n},k{n}@customers.example"),
    "suppliers": _numbered("code,name,email", "K{n},Supplier {n},k{n}@suppliers.example"),
    "products": _numbered("sku,name,unit,tracking", "K-{n},Product {n},pcs,lot"),
    "stock": _STOCK,
    "email_templates": _numbered("name,subject,body", "Template {n},Your order {{{{ order.number }}}},Hello {n}"),
    "purchase_line_statuses": _numbered("name,position", "Status {n},{n}"),
    "purchase_orders": _PURCHASES,
    "sales_orders": _SALES_ORDERS,
    "expected_dates": ("number,line,expected_on", "PO00001,1,2026-12-24", "PO00002,1,2026-12-30", "PO00003,1,"),
    "promise_dates": ("order,line,promise_date", "SO00007,1,2027-01-20", "SO00008,1,2027-01-21"),
    "on_hand_changes": _numbered("sku,date,quantity,note", "{sku},2026-12-{day:02},5,Change {n}"),
    "receipts": (
        "number,line,quantity,location,lot",
        "PO00001,1,600,WH/STOCK,K-1",
        "PO00001,2,200,WH/STOCK,K-2",
        "PO00002,1,40,WH/STOCK,K-3",
        "PO00003,1,12,WH/STOCK,K-4",
        "PO00003,1,9,WH/STOCK,K-5",
    ),
}


def _imports() -> Iterable[Work]:
    for kind, rows in FILES.items():
        yield Work(f"import {kind}", ("import", kind, "{file}"), rows)


_BIGGER = _numbered(_SALES, "K-{n},{customer},2026-11-20T09:00:00Z,{sku},5,9.5")
_LATER = _numbered(_PURCHASE, "KP-{n},TIDE,2026-11-20,{sku},4,4.5,2027-01-{day:02}")
_WITH_ORDERS = (("import", "sales_orders", "{folder}/sales_orders.csv"),)
_WITH_PURCHASES = (("import", "purchase_orders", "{folder}/purchase_orders.csv"),)
_SHOPIFY = (
    "Name,Email,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku",
    *(f"#{n},mori@example.com,2026-11-20 09:00:00 +0000,1,Lamp,59.00,LAMP-AURORA" for n in range(2000, 2060)),
)
_REVERSAL = json.dumps({"quantity": "10", "why": "Wrong goods"})

WORKS = (
    *_imports(),
    Work("import sales_orders --allocate", ("import", "sales_orders", "{file}", "--allocate"), _SALES_ORDERS),
    Work("import sales_orders --update", ("import", "sales_orders", "{file}", "--update"), _BIGGER, _WITH_ORDERS),
    Work("import purchase_orders --update", ("import", "purchase_orders", "{file}", "--update"), _LATER,
         _WITH_PURCHASES),
    Work("allocate", ("allocate",), before=(*_WITH_ORDERS, *_WITH_PURCHASES), in_parts=True),
    Work("rebalance", ("rebalance",), in_parts=True,
         before=(("options", "set", "preorder.auto_allocate", "yes"),
                 ("options", "set", "preorder.rebalance", "manual"),
                 ("import", "purchase_orders", "{folder}/late.csv"), *_WITH_ORDERS, ("allocate",),
                 *_WITH_PURCHASES)),
    Work("pack", ("pack", "SO00002")),
    Work("unpack", ("unpack", "PK00001", "--why", "Wrong address")),
    Work("reverse a receipt", ("post", "/procurement/receipts/1/reverse/", _REVERSAL)),
    Work("disable a module", ("modules", "disable", "backorder_email"), in_parts=True),
    Work("disable and release", ("modules", "disable", "preorder", "--release"), in_parts=True,
         before=(("modules", "disable", "backorder_email"),)),
    Work("enable a module", ("modules", "enable", "backorder_email"), in_parts=True,
         before=(("modules", "disable", "backorder_email"),)),
    Work("uninstall a module", ("modules", "uninstall", "backorder_email", "--yes", "backorder_email"), in_parts=True,
         before=(("modules", "disable", "backorder_email"),)),
    Work("install a module", ("modules", "install", "backorder_email"), in_parts=True,
         before=(("modules", "disable", "backorder_email"),
                 ("modules", "uninstall", "backorder_email", "--yes", "backorder_email"))),
    Work("send emails", ("send-emails",), in_parts=True, ends_otherwise="emails"),
    Work("job allocate-backorders", ("jobs", "run", "allocate-backorders"), before=_WITH_ORDERS, in_parts=True),
    Work("backup", ("backup", "{backup}")),
    Work("restore", ("restore", "{backup}", "--yes"), before=(("backup", "{backup}"), *_WITH_ORDERS), in_parts=True),
    Work("set an option", ("options", "set", "sales.backorders", "no")),
    Work("init", ("init",), starts_empty=True, in_parts=True),
    Work("init with the demo company", ("init", "--demo"), starts_empty=True, in_parts=True, ends_otherwise="emails"),
)  # fmt: skip
