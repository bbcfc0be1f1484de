"""A company that has sold the same products for years: what is done costs the orders of today nothing."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

import pytest
from sqlalchemy import select

from erp.admin.list_query import ListQuery
from erp.events import run_once
from erp.models import RunKind
from modules.preorder.queries import available_days
from modules.procurement.domain import Delivery
from modules.procurement.services import receive_many
from modules.sales import queries, services
from modules.sales.models import OrderLine
from tests.support.inventory_lots import make_location, make_product, make_stock
from tests.support.past import work_of_the_database, write_past
from tests.support.procurement import make_purchase_order
from tests.support.sales import allocate, make_draft, make_order

# So many orders that are done for each list: none counts further than 10,000 rows.
LITTLE, MUCH = 11_000, 18_000
FEW, MANY = 100, 8_000


@pytest.fixture
def costs(session):
    """Return a function that gives what each piece of work costs the database after a past of so many orders."""

    def count(work):
        session.commit()
        session.expire_all()
        with work_of_the_database() as done:
            work()
        return done["done"]

    def of(past):
        products = [make_product(session) for _ in range(3)]
        product_ids = [product.id for product in products]
        write_past(session, products, past)
        ids = [make_draft(session, [(product, 2) for product in products]).id for _ in range(2)]
        location = make_location(session, "WH/STOCK").id
        bought = [line.id for line in make_purchase_order(session, [(product, 20) for product in products]).lines]
        for product in products:
            make_stock(session, product, 3)
        deliveries = [Delivery(id_, Decimal(5), location, f"R{past}-{id_}") for id_ in bought]
        does = {
            "confirm an order that is served": partial(services.confirm, order_id=ids[0]),
            "confirm an order that waits": partial(services.confirm, order_id=ids[1]),
            "remove": partial(services.remove_allocations, order_id=ids[0]),
            "allocate": partial(services.allocate_order, order_id=ids[1], agreed=""),
            "pack": partial(services.pack_order, order_id=ids[1]),
            "run": partial(services.allocate_products, product_ids=product_ids),
            "receive": lambda session: receive_many(session, deliveries),
            "explain": lambda session: [
                queries.explain(session, line)
                for line in session.scalars(select(OrderLine).where(OrderLine.order_id == ids[0]))
            ],
            "promise": lambda session: available_days(session, product_ids),
        }
        return {name: count(partial(run_once, RunKind.screen, name, "anna", work)) for name, work in does.items()}

    return of


def test_what_was_done_years_ago_costs_the_orders_of_today_nothing(costs):
    before, after = costs(FEW), costs(MANY)
    assert {name: (before[name], work) for name, work in after.items() if work > 1.3 * before[name] + 2_000} == {}


@pytest.fixture
def page_costs(session, client, app):
    """Return a function that gives what each page costs the database after a past of so many orders."""

    def of(past):
        products = [make_product(session) for _ in range(3)]
        write_past(session, products, past)
        order = make_order(session, [(product, 4) for product in products])
        purchase = make_purchase_order(session, [(product, 20) for product in products])
        for product in products:
            make_stock(session, product, 3)
        allocate(session, *products)
        session.commit()
        with app.test_request_context():
            views = [view for view in app.extensions["erp_site"]._views if isinstance(view, ListQuery)]
            urls = {view.view_name: view.url for view in views}
        shown = {
            "inventory_lots.product": products[0].id,
            "sales.order": order.id,
            "procurement.purchase_order": purchase.id,
        }
        pages = {"/": "/", **{f"list of {name}": f"{url}/" for name, url in urls.items()}}
        pages |= {f"page of {name}": f"{urls[name]}/{id_}/" for name, id_ in shown.items()}
        found = {}
        for name, address in pages.items():
            client.get(address)  # what is read once a process is read now
            with work_of_the_database() as done:
                assert client.get(address, follow_redirects=True).status_code == 200, address
            found[name] = done["done"]
        return found

    return of


def test_pages_of_today_do_not_read_what_was_done_years_ago(page_costs):
    before, after = page_costs(LITTLE), page_costs(MUCH)
    assert {name: (before[name], work) for name, work in after.items() if work > 1.3 * before[name] + 5_000} == {}
