"""The watched folder: files come in once, are moved, and have a report beside them."""

from __future__ import annotations

import os

import pytest
from sqlalchemy import func, select

from erp import jobs
from erp.exchange.folder import import_folder
from erp.models import ImportFile, JobRunState
from modules.inventory_lots.models import Product
from modules.sales.models import Order
from tests.support.concurrency import together
from tests.support.exports import sales, shopify
from tests.support.inventory_lots import make_product
from tests.support.sales import make_customer


@pytest.fixture
def put(tmp_path):
    """Return a function that puts a file into the folder, a while ago."""

    def write(name, text):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        os.utime(path, (1, 1))
        return path

    return write


def names(folder):
    return sorted(path.name.split("-", 1)[1] for path in folder.iterdir()) if folder.is_dir() else []


@pytest.mark.option("erp.import_folder", "", "watched")
def test_the_job_imports_the_folder_that_the_option_names_and_no_other(
    app, session, set_option, put, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "watched"
    folder.mkdir()
    put("watched/products-1.csv", "sku,name\nA-1,Screw\n")
    jobs.run("run-imports")
    assert session.scalar(select(func.count()).select_from(Product)) == 0
    set_option("erp.import_folder", "watched")
    assert "1 product: 1 new, 0 changed." in jobs.run("run-imports").summary
    assert names(folder / "done") == ["products-1.csv", "products-1.csv.txt"]
    report = next((folder / "done").glob("*.txt")).read_text(encoding="utf-8")
    assert report == "1 product: 1 new, 0 changed.\n"
    assert jobs.run("run-imports").summary == ""


def test_a_folder_that_is_not_there_fails_the_job(app, set_option, tmp_path):
    set_option("erp.import_folder", str(tmp_path / "nowhere"))
    result = jobs.run("run-imports")
    assert result.state == JobRunState.failed and "There is no folder" in result.error


def test_a_file_with_problems_is_moved_to_failed_with_them_and_counted_on_the_dashboard(
    client, session, set_option, put, tmp_path
):
    put("products.csv", "sku,name\nA-1,\n")
    put("customers.csv", "code,name\nC,Ada\n")
    assert len(import_folder(tmp_path)) == 2
    assert names(tmp_path / "failed") == ["products.csv", "products.csv.txt"]
    assert names(tmp_path / "done") == ["customers.csv", "customers.csv.txt"]
    report = next((tmp_path / "failed").glob("*.txt")).read_text(encoding="utf-8")
    assert report.splitlines() == [
        "Nothing was imported: 1 error in the file.",
        "Row 2, column name: the cell is empty.",
    ]
    assert "<span>Failed in the last 7 days</span><strong>1</strong>" in client.get("/").text
    page = client.get("/settings/import/").text
    assert "import folder" in page and "products.csv" in page


def test_only_files_of_a_kind_that_nobody_writes_to_are_taken(app, tmp_path, put):
    put("other.csv", "sku,name\nA-1,Screw\n")
    put("products.txt", "sku,name\nA-1,Screw\n")
    (tmp_path / "products.csv").write_text("sku,name\nA-1,Scr")
    os.utime(tmp_path / "products.csv", (4e9, 4e9))
    assert import_folder(tmp_path) == []
    assert (tmp_path / "products.csv").exists()


def test_an_export_of_another_system_is_known_by_its_header_and_may_come_again(app, session, put, tmp_path):
    orders = sales(20)
    for sale in orders:
        for item in sale.items:
            if not session.scalar(select(Product.id).where(Product.sku == item.sku)):
                make_product(session, sku=item.sku)
        if not session.scalar(select(ImportFile.id).where(ImportFile.name == sale.email)):
            session.add(ImportFile(name=sale.email, size=0, content=b""))
            make_customer(session, code=sale.email)
    session.commit()
    for number in (1, 2):
        put(f"sales_orders-{number}.csv", shopify(orders))
    first, second = import_folder(tmp_path)
    assert "18 sales orders: 18 new, 0 changed." in first
    assert "18 sales orders: 0 new, 0 changed." in second
    assert session.scalar(select(func.count()).select_from(Order)) == 18


def test_of_two_workers_at_once_one_takes_a_file(app, session, put, tmp_path):
    put("products.csv", "sku,name\nA-1,Screw\n")
    results = together(app, *[lambda _session: import_folder(tmp_path)] * 2)
    assert sum("1 new" in sentence for result in results for sentence in result) == 1
    assert session.scalar(select(func.count()).select_from(Product)) == 1
    assert names(tmp_path / "done") == ["products.csv", "products.csv.txt"]
