"""What is fixed while incoming goods are allocated: the product of the line, and its unit."""

from __future__ import annotations

from datetime import date

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from erp.exchange import ImportRefused, import_csv
from modules.inventory_lots.models import Product
from modules.preorder import queries, services
from modules.preorder.models import PurchaseAllocation
from modules.procurement import services as procurement
from modules.procurement.errors import ProductIsFixed
from modules.procurement.models import PurchaseOrderLine
from tests.support.inventory_lots import make_product
from tests.support.preorder import allocate_purchase
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_order


@pytest.fixture
def cable(session: Session) -> Product:
    """A product in metres, of which a purchase order line is allocated to a sales order."""
    product = make_product(session, sku="CABLE", name="Cable", unit="m")
    order = make_order(session, [(product, 5)])
    purchase = make_purchase_order(session, [(product, 20, date(2026, 12, 1))], number="PO-1")
    allocate_purchase(session, order.lines[0], purchase.lines[0], 5)
    return product


def release(session: Session) -> None:
    services.remove_purchase_allocations(
        session, [row.id for row in session.scalars(queries.open_purchase_allocations(session))]
    )
    session.commit()


def edit(client: FlaskClient, product: Product, **fields: str) -> str:
    form = {"sku": product.sku, "name": product.name, "unit": product.unit, "unit_decimals": "0", "tracking": "lot"}
    url = f"/inventory/products/{product.id}/edit/"
    return client.post(url, data=form | {"is_active": "y"} | fields).get_data(as_text=True)


def load(session: Session, row: str) -> str:
    session.commit()
    message = import_csv(session, "products", f"sku,name,unit\n{row}\n".encode())
    session.commit()
    return message


def test_the_product_of_an_allocated_line_cannot_change(session: Session, cable: Product) -> None:
    line, other = session.query(PurchaseOrderLine).one(), make_product(session)
    session.commit()
    with pytest.raises(ProductIsFixed):
        procurement.change_line(session, line.id, product_id=other.id)
    session.rollback()
    release(session)
    procurement.change_line(session, line.id, product_id=other.id)
    session.commit()
    assert (line.product, session.query(PurchaseAllocation).all()) == (other, [])


def test_the_unit_of_an_allocated_product_cannot_change_in_the_form(
    session: Session, client: FlaskClient, cable: Product
) -> None:
    message = edit(client, cable, unit="km", name="Copper cable")
    assert "The unit of CABLE cannot change: goods on PO-1/1 are allocated to customers." in message
    assert (cable.unit, cable.name) == ("m", "Cable")
    edit(client, cable, name="Copper cable")
    assert (cable.unit, cable.name) == ("m", "Copper cable")
    release(session)
    edit(client, cable, unit="km")
    assert cable.unit == "km"


def test_the_unit_of_an_allocated_product_cannot_change_by_a_file(session: Session, cable: Product) -> None:
    with pytest.raises(ImportRefused) as refused:
        load(session, "CABLE,Copper cable,km")
    (error,) = refused.value.errors
    assert (error.row, error.column) == (2, "unit")
    session.rollback()
    assert (cable.unit, cable.name) == ("m", "Cable")
    assert load(session, "CABLE,Copper cable,m") == "1 product: 0 new, 1 changed."
    release(session)
    load(session, "CABLE,Copper cable,km")
    assert cable.unit == "km"
