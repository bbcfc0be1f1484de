"""The screens of stock."""

from datetime import date

import pytest
from sqlalchemy import func, select

from modules.inventory_lots.models import Balance, Location, Lot, Product, StockMove, Warehouse
from modules.inventory_lots.services import hold_lot
from modules.inventory_lots.states import LocationKind, Tracking
from tests.support.inventory_lots import make_location, make_product, make_stock
from tests.support.marked_fields import marked_fields

LISTS = ("products", "stock", "lots", "locations", "warehouses", "moves")


def text(response, status=200):
    assert response.status_code == status, response.text[:2000]
    return response.text


@pytest.fixture
def balance(session):
    return make_stock(session, make_product(session, sku="BOLT", name="Brass bolt"), 10, lot="L1")


@pytest.mark.parametrize("name", LISTS)
def test_every_list_opens_empty_and_filled(session, client, name):
    assert "There are no" in (page := text(client.get(f"/inventory/{name}/"))) or "yet" in page
    make_stock(session, make_product(session, sku="BOLT"), 10, lot="L1")
    page = text(client.get(f"/inventory/{name}/"))
    assert {"products": "BOLT", "warehouses": "WH", "locations": "WH/STOCK"}.get(name, "L1") in page


@pytest.mark.parametrize("name", LISTS)
def test_a_list_takes_as_many_statements_for_many_rows_as_for_one(session, client, count_statements, name):
    def fill(number):
        for each in range(number):
            make_stock(session, make_product(session), 10, location=f"W{each}/A")

    def statements():
        with count_statements() as sent:
            text(client.get(f"/inventory/{name}/"))
        return len(sent)

    fill(1)
    statements()
    one = statements()
    fill(20)
    assert statements() <= one


@pytest.mark.parametrize(
    ("noun", "model"),
    [
        ("products", Product),
        ("stock", Balance),
        ("lots", Lot),
        ("locations", Location),
        ("warehouses", Warehouse),
        ("moves", StockMove),
    ],
)
def test_every_row_has_a_page(session, client, balance, noun, model):
    id_ = session.scalars(select(model.id)).first()
    assert text(client.get(f"/inventory/{noun}/{id_}/"))


def test_stock_is_found_by_sku_lot_and_location(session, client, balance):
    make_stock(session, make_product(session, sku="NUT"), 5, lot="L2", location="WH/B")
    for word in ("BOLT", "L1", "WH/STOCK"):
        page = text(client.get(f"/inventory/stock/?search={word}"))
        assert "BOLT" in page
        assert "NUT" not in page


def test_empty_balances_are_shown_when_a_filter_asks_for_them(session, client, balance):
    session.execute(Balance.__table__.update().values(on_hand=0))
    assert "BOLT" not in text(client.get("/inventory/stock/"))
    assert "BOLT" in text(client.get("/inventory/stock/?flt0_empty_is=1"))
    assert "BOLT" not in text(client.get("/inventory/stock/?flt0_empty_is=0"))


def test_the_quick_filter_of_empty_balances_counts_them_whatever_is_listed(session, client, balance):
    product = make_product(session, sku="NUT")
    held = make_stock(session, product, 5)
    hold_lot(session, held.lot_id)
    make_stock(session, product, 1, lot="GONE").on_hand = 0
    session.commit()
    for address in ("/inventory/stock/", "/inventory/stock/?flt0_empty_is=1", "/inventory/stock/?flt0_usable_is=no"):
        page = text(client.get(address))
        assert 'Empty <span class="count">1</span>' in page
        assert 'May not leave <span class="count">1</span>' in page


def test_a_product_is_made_and_changed(session, client):
    form = {
        "sku": "BOLT",
        "name": "Brass bolt",
        "unit": "pcs",
        "unit_decimals": "0",
        "tracking": "lot",
        "is_active": "y",
    }
    text(client.post("/inventory/products/new/", data=form), 302)
    product = session.scalars(select(Product)).one()
    assert (product.sku, product.tracking, product.is_active) == ("BOLT", Tracking.lot, True)
    changed = form | {"name": "Steel bolt", "tracking": "none", "row_version": product.row_version}
    text(client.post(f"/inventory/products/{product.id}/edit/", data=changed), 302)
    assert (product.name, product.tracking) == ("Steel bolt", Tracking.none)


@pytest.mark.parametrize(("field", "value"), [("tracking", "none"), ("unit_decimals", "1")])
def test_tracking_and_decimals_of_a_product_with_stock_are_fixed(session, client, field, value):
    product = make_product(session, sku="BOLT", unit_decimals=2)
    make_stock(session, product, 10)
    form = {"sku": "BOLT", "name": "x", "unit": "pcs", "unit_decimals": "2", "tracking": "lot", "is_active": "y"}
    page = text(client.post(f"/inventory/products/{product.id}/edit/", data=form | {field: value}), 422)
    assert "BOLT has stock or stands on documents" in page
    assert (product.tracking, product.unit_decimals) == (Tracking.lot, 2)


def test_two_users_do_not_overwrite_each_other(session, client):
    product = make_product(session, sku="BOLT")
    form = {"sku": "BOLT", "name": "x", "unit": "pcs", "unit_decimals": "0", "tracking": "lot", "is_active": "y"}
    form["row_version"] = product.row_version
    text(client.post(f"/inventory/products/{product.id}/edit/", data=form | {"name": "First"}), 302)
    page = text(client.post(f"/inventory/products/{product.id}/edit/", data=form | {"name": "Second"}), 409)
    assert "Somebody else has changed this record since" in page
    assert product.name == "First"


def test_a_products_page_shows_its_stock_its_allocations_and_its_moves(client, balance, allocate_for):
    allocate_for("SO1", balance, 6)
    page = text(client.get(f"/inventory/products/{balance.product_id}/"))
    assert "L1" in page
    assert "L1 at WH/STOCK" in page
    assert "SO1" in page
    assert "Receipt" in page


def test_stock_is_counted_for_a_new_lot(session, client):
    product, location = make_product(session, sku="BOLT"), make_location(session)
    page = text(client.get(f"/inventory/stock/new/?product={product.id}"))
    assert "[BOLT]" in page
    form = {"product": product.id, "location": location.id, "lot_number": "L9", "quantity": "7", "reason": "Found"}
    response = client.post("/inventory/stock/new/", data=form | {"expires_on": "2027-01-01"})
    balance = session.scalars(select(Balance)).one()
    assert response.location == f"/inventory/stock/{balance.id}/"
    assert (balance.on_hand, balance.lot.number, balance.lot.expires_on) == (7, "L9", date(2027, 1, 1))


def test_a_refusal_of_a_count_is_shown_and_nothing_is_changed(session, client):
    product, location = make_product(session, sku="BOLT"), make_location(session)
    form = {"product": product.id, "location": location.id, "quantity": "7", "reason": "Found"}
    answer = client.post("/inventory/stock/new/", data=form)
    assert "BOLT is tracked by lot: give the lot number." in text(answer, 422)
    assert marked_fields(answer.get_data(as_text=True)) == ["lot_number"]
    assert session.scalar(select(func.count()).select_from(StockMove)) == 0


def test_stock_is_adjusted_with_a_reason(session, client, balance):
    url = f"/inventory/stock/{balance.id}/adjust/"
    assert "Counted quantity" in text(client.get(url))
    assert "Say why the stock differs." in text(client.post(url, data={"quantity": "8"}), 422)
    text(client.post(url, data={"quantity": "8", "reason": "Two broke"}), 302)
    assert balance.on_hand == 8
    move = session.scalars(select(StockMove).order_by(StockMove.id.desc())).first()
    assert (move.quantity, move.reason, move.user_name) == (-2, "Two broke", "admin")


def test_less_than_allocated_is_refused_on_the_page_naming_the_orders_until_release_is_ticked(
    session, client, balance, allocate_for
):
    allocate_for("SO1", balance, 6)
    allocate_for("SO2", balance, 2)
    url = f"/inventory/stock/{balance.id}/adjust/"
    page = text(client.post(url, data={"quantity": "5", "reason": "Lost"}), 409)
    assert "8 are allocated to SO1, SO2" in page
    assert balance.on_hand == 10
    text(client.post(url, data={"quantity": "5", "reason": "Lost", "release": "y"}), 302)
    assert (balance.on_hand, balance.allocated) == (5, 5)


def test_unallocated_stock_is_transferred(session, client, balance, allocate_for):
    allocate_for("SO1", balance, 6)
    there = make_location(session, "WH/B")
    url = f"/inventory/stock/{balance.id}/transfer/"
    page = text(client.post(url, data={"location": there.id, "quantity": "5"}), 409)
    assert "5 cannot be transferred, 4 are there unallocated." in page
    text(client.post(url, data={"location": there.id, "quantity": "4", "reason": "Full"}), 302)
    found = dict(session.execute(select(Balance.location_id, Balance.on_hand)).all())
    assert found == {balance.location_id: 6, there.id: 4}


def test_stock_is_put_into_quarantine(session, client, balance):
    url = f"/inventory/stock/{balance.id}/quarantine/"
    assert "Say why it is put aside." in text(client.post(url, data={"quantity": "4"}), 422)
    text(client.post(url, data={"quantity": "4", "reason": "Wet"}), 302)
    location = session.scalars(select(Location).where(Location.path == "WH/QUARANTINE")).one()
    assert location.kind is LocationKind.quarantine


def test_a_lot_is_held_and_released(session, client, balance):
    lot = balance.lot
    page = text(client.get(f"/inventory/lots/{lot.id}/"))
    assert "Hold" in page
    assert "Release Hold" not in page
    text(client.post(f"/inventory/lots/{lot.id}/hold/", data={"reason": "Cracks"}), 302)
    assert lot.on_hold
    page = text(client.get(f"/inventory/lots/{lot.id}/"))
    assert "Release Hold" in page
    assert "Cracks" in page
    text(client.post(f"/inventory/lots/{lot.id}/hold/"), 409)
    text(client.post(f"/inventory/lots/{lot.id}/release/"), 302)
    assert not lot.on_hold


def test_a_lots_page_shows_its_stock_its_allocations_and_its_moves(client, balance, allocate_for):
    allocate_for("SO1", balance, 6)
    page = text(client.get(f"/inventory/lots/{balance.lot_id}/"))
    for words in ("WH/STOCK", "SO1", "Receipt"):
        assert words in page


def test_a_lots_expiry_is_changed(session, client, balance):
    url = f"/inventory/lots/{balance.lot_id}/expiry/"
    text(client.post(url, data={"expires_on": "2027-03-01", "reason": "Label"}), 302)
    assert balance.lot.expires_on == date(2027, 3, 1)
    text(client.post(url, data={"expires_on": ""}), 302)
    assert balance.lot.expires_on is None


def test_allocations_on_a_held_lot_are_released_the_latest_first(session, client, balance, allocate_for, queue_holder):
    allocate_for("SO1", balance, 6)
    allocate_for("SO2", balance, 2)
    url = f"/inventory/lots/{balance.lot_id}/"
    assert "Release Allocations" not in text(client.get(url))
    hold_lot(session, balance.lot_id)
    session.commit()
    assert "Release Allocations" in text(client.get(url))
    assert "SO1" in text(client.get(f"{url}release-allocations/"))
    text(client.post(f"{url}release-allocations/", data={"quantity": "3"}), 302)
    assert balance.allocated == 5
    assert [int(held) for _, _, held in queue_holder.held] == [5, 0]
    text(client.post(f"{url}release-allocations/", data={}), 302)
    assert balance.allocated == 0
    text(client.post(f"{url}release-allocations/", data={}), 409)


def test_a_location_is_made_with_its_warehouse_changed_and_deleted(session, client):
    text(client.post("/inventory/locations/new/", data={"path": "EAST/A-1", "kind": "stock"}), 302)
    location = session.scalars(select(Location)).one()
    assert (location.path, location.code, location.warehouse.code) == ("EAST/A-1", "A-1", "EAST")
    url = f"/inventory/locations/{location.id}/"
    text(client.post(f"{url}edit/", data={"path": "EAST/B-2", "kind": "quarantine"}), 302)
    assert (location.path, location.code, location.kind) == ("EAST/B-2", "B-2", LocationKind.quarantine)
    text(client.post(f"{url}delete/"), 302)
    assert session.scalar(select(func.count()).select_from(Location)) == 0


def test_a_location_that_does_not_fit_is_refused(session, client, balance):
    form = {"path": "EAST", "kind": "stock"}
    assert "is not a location" in text(client.post("/inventory/locations/new/", data=form), 422)
    form = {"path": "WH / STOCK", "kind": "stock"}
    assert "There is a location WH/STOCK already." in text(client.post("/inventory/locations/new/", data=form), 422)
    other = make_location(session, "WH/B")
    url = f"/inventory/locations/{other.id}/edit/"
    assert "There is a location WH/STOCK already." in text(client.post(url, data=form), 422)


def test_a_location_that_had_stock_stays(session, client, balance):
    url = f"/inventory/locations/{balance.location_id}/delete/"
    assert "WH/STOCK has stock or stock moves, so it stays." in text(client.post(url), 409)


def test_a_warehouses_locations_have_its_code(session, client, balance):
    warehouse = session.scalars(select(Warehouse)).one()
    form = {"code": "MAIN", "name": "Main warehouse"}
    text(client.post(f"/inventory/warehouses/{warehouse.id}/edit/", data=form), 302)
    assert session.scalars(select(Location.path)).all() == ["MAIN/STOCK"]
    url = f"/inventory/warehouses/{warehouse.id}/edit/"
    assert "is not a location" in text(client.post(url, data=form | {"code": "A/B"}), 422)


def test_the_ledger_is_read_only(client, balance):
    assert client.get("/inventory/moves/new/").status_code == 403
    assert client.post("/inventory/moves/1/delete/").status_code == 403
    assert client.post("/inventory/moves/1/edit/").status_code == 403


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("Warehouse clerk", {"edit", "adjust", "hold"}),
        ("Merchandiser", {"edit"}),
        ("Sales clerk", set()),
        ("Auditor", set()),
    ],
)
def test_what_a_role_may_do(session, sign_in, balance, role, may):
    clerk = sign_in(role)
    expected = {
        "edit": clerk.get("/inventory/products/new/").status_code == 200,
        "adjust": clerk.get(f"/inventory/stock/{balance.id}/adjust/").status_code == 200,
        "hold": clerk.get(f"/inventory/lots/{balance.lot_id}/hold/").status_code == 200,
    }
    assert {name for name, allowed in expected.items() if allowed} == may
    assert clerk.get("/inventory/stock/").status_code == 200


def test_the_dashboard_counts_what_needs_attention(session, client):
    product = make_product(session)
    make_stock(session, product, 1, expires_on=date(2026, 11, 22))
    make_stock(session, product, 1, expires_on=date(2026, 12, 1))
    held = make_stock(session, product, 1)
    hold_lot(session, held.lot_id)
    session.commit()
    page = text(client.get("/"))
    for label, url in (
        ("Expired stock", "/inventory/stock/?flt0_expires_on_to=2026-11-22"),
        ("Stock on hold", "/inventory/stock/?flt0_on_hold_is=1"),
        ("Expires within 30 days", "/inventory/stock/?flt0_expires_on_from=2026-11-23&flt1_expires_on_to=2026-12-23"),
        ("Active products", "/inventory/products/?flt0_active_is=1"),
    ):
        assert label in page
        listed = text(client.get(url))
        assert listed.count('class="erp-chip"') == url.count("flt"), url
        assert "1 balance" in listed or "1 product" in listed


@pytest.mark.parametrize(
    ("action", "typed", "field"),
    [
        ("adjust", {"quantity": "1.5"}, "quantity"),
        ("adjust", {"quantity": "5"}, "quantity"),
        ("transfer", {"quantity": "1.5"}, "quantity"),
        ("transfer", {"quantity": "9"}, "quantity"),
        ("transfer", {"quantity": "1", "location": "here"}, "location"),
        ("quarantine", {"quantity": "1.5"}, "quantity"),
    ],
)
def test_a_refused_action_on_stock_shows_which_field_is_wrong(
    session, client, balance, allocate_for, action, typed, field
):
    allocate_for("SO1", balance, 6)
    locations = {"here": balance.location_id, "there": make_location(session, "WH/B").id}
    form = {"location": "there", "reason": "Counted"} | typed
    form["location"] = locations[form["location"]]
    session.commit()
    answer = client.post(f"/inventory/stock/{balance.id}/{action}/", data=form)
    assert answer.status_code == 409
    assert marked_fields(answer.get_data(as_text=True)) == [field]
