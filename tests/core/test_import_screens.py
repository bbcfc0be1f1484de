"""The screens of imports: a file is uploaded, checked, seen, and applied once."""

from __future__ import annotations

import io
import re

import pytest
from sqlalchemy import func, select, update

from erp import jobs
from erp.models import HistoryEntry
from modules.inventory_lots.models import Product
from modules.sales.models import Customer


def file(text, name="file.csv"):
    return (io.BytesIO(text.encode() if isinstance(text, str) else text), name)


def upload(client, text, **form):
    """Upload a file, which is checked at once; return its address and its page."""
    answer = client.post("/settings/import/", data={**form, "file": file(text)})
    assert answer.status_code == 302, answer.text
    return answer.location, client.get(answer.location).text


def send_large(client):
    """Send a file of products of more than a megabyte; return the answer."""
    text = "sku,name\n" + "".join(f"A-{n},{'x' * 150}\n" for n in range(7000))
    parts = [("kind", "", "products"), ("file", '; filename="large.csv"', text)]
    body = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n' for name, more, value in parts
    )
    kind = "multipart/form-data; boundary=b"
    return client.post("/settings/import/", data=f"{body}--b--\r\n".encode(), content_type=kind)


def apply(client, address):
    return client.get(client.post(f"{address}apply/").location).text


def test_a_file_is_checked_first_and_imported_when_it_is_applied(client, session):
    address, page = upload(client, "sku,name\nA-1,Brass Screw\n", kind="products")
    assert "To be done: 1 product: 1 new, 0 changed." in page and "Brass Screw" in page
    assert session.scalars(select(Product)).all() == []
    assert "1 product: 1 new, 0 changed." in apply(client, address)
    assert [product.sku for product in session.scalars(select(Product))] == ["A-1"]
    assert "has been applied already" in apply(client, address)
    made = session.scalars(select(Product.id)).one()
    assert f'href="/inventory/products/{made}/">Open What Was Made' in client.get(address).text


def test_a_file_that_made_several_documents_or_none_leads_to_their_list(client, session):
    for text in ("sku,name\nA-1,Screw\nA-2,Wire\n", "sku,name\nA-1,Brass Screw\n"):
        address, _ = upload(client, text, kind="products")
        assert 'href="/inventory/products/">Open Products' in apply(client, address)


@pytest.mark.parametrize(
    ("kind", "contact"),
    [("sales_orders", "customer"), ("purchase_orders", "supplier")],
)
def test_an_order_that_a_file_made_and_did_not_only_change_is_opened_at_once(client, session, kind, contact):
    apply(client, upload(client, "sku,name\nA-1,Screw\n", kind="products")[0])
    apply(client, upload(client, "code,name\nC,Ada\n", kind=f"{contact}s")[0])
    head = f"number,{contact},sku,quantity\n"
    page = apply(client, upload(client, f"{head}O-1,C,A-1,2\nO-1,C,A-1,3\n", kind=kind)[0])
    (found,) = re.findall(r'href="([^"]+)">Open What Was Made', page)
    assert "O-1" in client.get(found).text
    again = apply(client, upload(client, f"{head}O-1,C,A-1,2\nO-1,C,A-1,4\n", kind=kind)[0])
    assert "0 new, 1 changed" in again and "Open What Was Made" not in again


def test_the_kind_is_seen_from_the_header_and_can_be_chosen(client, session):
    address, page = upload(client, "code,name\nA,Ada\n")
    assert '<option value="customers" selected>' in page or '<option value="suppliers" selected>' in page
    client.post(f"{address}choose/", data={"kind": "suppliers"})
    assert '<option value="suppliers" selected>' in client.get(address).text
    assert "1 supplier: 1 new" in apply(client, address)


def test_a_file_that_nobody_knows_asks_for_its_kind(client, session):
    address, page = upload(client, "one,other\n1,2\n")
    assert "choose a kind, then its columns" in page
    assert client.get(f"{address}columns/").status_code == 404
    assert "cannot be applied" in apply(client, address)


def test_problems_of_a_file_stand_by_kind_in_a_table_and_nothing_is_imported(client, session):
    text = "sku,name,unit_decimals\nA-1,Good,0\nA-2,,0\nA-3,<b>Bad</b>,many\nA-4,,0\n"
    address, page = upload(client, text, kind="products")
    rows = re.findall(r"<tr><td>([^<]+)</td><td><code>(\w*)</code></td>", page)
    assert rows == [("3, 5", "name"), ("4", "unit_decimals")]
    assert "many" in page and "cannot be applied" in apply(client, address)
    assert session.scalars(select(Product)).all() == []
    rejected = client.get(f"{address}rejected.csv").text
    assert rejected == "sku,name,unit_decimals\nA-2,,0\nA-3,<b>Bad</b>,many\nA-4,,0\n"


@pytest.mark.parametrize(("form", "status"), [
    ({"kind": "nothing", "file": "x"}, 404), ({"kind": "products"}, 422), ({}, 422),
])  # fmt: skip
def test_a_kind_or_a_file_that_is_missing_is_refused(client, form, status):
    data = {**form, **({"file": file("sku,name\n")} if "file" in form else {})}
    assert client.post("/settings/import/", data=data).status_code == status


def test_files_that_are_not_text_are_refused(client):
    assert "UTF-8" in upload(client, b"\xff\xfe\x00", kind="products")[1]


def test_what_has_changed_since_a_file_was_checked_is_said_when_it_is_applied(client, session):
    columns = "number,customer,sku,quantity\n"
    for kind, text in {"customers": "code,name\nC,Ada\n", "products": "sku,name\nA-1,Screw\n"}.items():
        apply(client, upload(client, text, kind=kind)[0])
    address, page = upload(client, f"{columns}S1,C,A-1,1\n", kind="sales_orders")
    assert "1 new, 0 changed" in page
    session.execute(update(Product).values(is_active=False))
    session.commit()
    assert "Something has changed since the file was checked." in apply(client, address)
    assert "1 error: nothing is imported before" in client.get(address).text


def test_unknown_customers_and_products_are_made_by_a_click_with_the_names_of_the_file(client, session):
    text = (
        "Name,Email,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Billing Name,Cancelled at\n"
    )
    text += "#1,ada@x.example,2026-11-02 09:14:02 +0100,2,Blue Mug,7.50,MUG,Ada Novak,\n"
    text += (
        "#1,ada@x.example,,1,Tea,4.00,TEA,,\n#2,bo@x.example,2026-11-02 09:15:02 +0100,1,X,1.00,GONE,Bo,2026-11-03\n"
    )
    address, page = upload(client, text)
    assert "Make 1 customers" in page and "Make 2 products" in page
    client.post(f"{address}make/", data={"column": "customer"})
    client.post(f"{address}make/", data={"column": "sku"})
    customer = session.scalars(select(Customer)).one()
    assert (customer.code, customer.name, customer.email) == ("ada@x.example", "Ada Novak", "ada@x.example")
    found = session.execute(select(Product.sku, Product.name, Product.tracking).order_by(Product.sku)).all()
    assert [tuple(row) for row in found] == [("MUG", "Blue Mug", "none"), ("TEA", "Tea", "none")]
    assert "1 sales order: 1 new, 0 changed. 1 row of cancelled orders left out." in apply(client, address)


def test_a_map_is_made_by_choosing_columns_and_is_known_again(client, session):
    text = "Article;Text;State\nA-1;Screw;live\nA-2;Nut;dropped\n"
    address, page = upload(client, text, kind="products")
    assert "there is no such column" in page.lower()
    form = {"column-sku": "Article", "column-name": "Text", "constant-tracking": "none", "rule-column": "State",
            "rule-values": "dropped, old"}  # fmt: skip
    for name in ("", "shopify"):
        assert client.post(f"{address}columns/", data={**form, "name": name}).status_code == 422
    missing = client.post(f"{address}columns/", data={"name": "Mill", "column-sku": "Article"})
    assert "Choose a column or a fixed value for name." in missing.text
    client.post(f"{address}columns/", data={**form, "name": "Mill"})
    assert "1 product: 1 new, 0 changed. 1 row of State dropped or old left out." in client.get(address).text
    apply(client, address)
    product = session.scalars(select(Product)).one()
    assert (product.sku, product.name, product.tracking) == ("A-1", "Screw", "none")
    assert '<option value="Mill" selected>' in upload(client, text)[1]


def test_a_map_that_ships_is_the_base_of_an_own_one(client, session):
    text = "Name,Email,Created at,Lineitem quantity,Lineitem price,Lineitem sku,Order Ref,Cancelled at\n"
    text += "#1,ada@x.example,2026-11-02 09:14:02 +0100,2,7.50,MUG,R-9,\n"
    address, _ = upload(client, text)
    assert "As before: Lineitem sku" in client.get(f"{address}columns/").text
    form = {"name": "By ref", "column-number": "Order Ref"} | {
        f"column-{column}": "*" for column in ("customer", "ordered_at", "sku", "quantity", "unit_price")
    }
    client.post(f"{address}columns/", data=form)
    page = client.get(address).text
    assert "<td>R-9</td>" in page and "Make 1 products" in page


@pytest.mark.option("erp.upload_limit", "1", "2")
def test_a_file_beyond_the_limit_is_refused_with_the_limit(client, session, set_option):
    set_option("erp.upload_limit", "1")
    answer = send_large(client)
    assert answer.status_code == 413 and "The file is larger than 1 MB" in answer.text
    set_option("erp.upload_limit", "2")
    assert send_large(client).status_code == 302


def test_a_large_file_is_checked_and_applied_by_the_job(client, session):
    address = send_large(client).location
    page = client.get(address).text
    assert "It is being checked. You may leave this page." in page
    jobs.run("run-imports")
    assert "To be done: 7,000 products: 7000 new" in client.get(address).text
    assert "It is being imported. You may leave this page." in apply(client, address)
    assert "has been applied already" in apply(client, address)
    assert "1 file." in jobs.run("run-imports").summary
    assert "7,000 products: 7000 new" in client.get(address).text
    assert session.scalar(select(func.count()).select_from(Product)) == 7000
    created = select(HistoryEntry.user_name).where(HistoryEntry.document == "inventory_lots.product")
    assert set(session.scalars(created)) == {"admin"}


def test_a_file_of_which_somebody_may_not_import_the_kind_is_not_shown(client, sign_in):
    address, _ = upload(client, "sku,name\nA-1,Screw\n", kind="products")
    warehouse = sign_in("Sales clerk")
    assert warehouse.get(address).status_code == 404
    assert warehouse.post(f"{address}apply/").status_code == 404
