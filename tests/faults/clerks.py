"""Clerks who work through HTTP, and the ledger of what was acknowledged to them."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from typing import Any

from tests.faults.browser import Answer, Browser
from tests.faults.company import ADMIN, PASSWORD, Company
from tests.faults.report import Report
from tests.support.forms import form_in

LISTS = (
    "/", "/sales/orders/", "/sales/backorders/", "/sales/packs/", "/sales/book/", "/inventory/stock/",
    "/inventory/lots/", "/procurement/purchase-orders/", "/procurement/incoming/", "/preorder/atp/",
    "/emails/pending/", "/settings/history/", "/sales/orders/?search=SO", "/settings/export/sales_orders.csv",
    "/settings/export/allocations.csv", "/inventory/products/export/csv/",
)  # fmt: skip
# On a slow machine a long action is cut off again and again while connections are cut many times a second.
MOST_TRIES = 1_000
# A proxy does not send a form to another host when the first one died over it: what was done is not known.
PROXY_LOST_ITS_HOST = 502


class Ledger:
    """What was acknowledged, how long each request took, and every answer that should not have come."""

    def __init__(self) -> None:
        self.placed: dict[str, bool] = {}
        self.confirmed: set[int] = set()
        self.packs: set[str] = set()
        self.lots: dict[str, bool] = {}
        self.statuses: Counter[int] = Counter()
        self.seconds: list[float] = []
        self.bad: list[str] = []
        self.acts: Counter[str] = Counter()
        self.lock = threading.Lock()

    def note(self, method: str, path: str, answer: Answer) -> None:
        """Note an answer."""
        with self.lock:
            self.statuses[answer.status] += 1
            self.seconds.append(answer.seconds)
            if answer.status == PROXY_LOST_ITS_HOST and "nginx" in answer.text:
                self.acts["answered 502 by the proxy"] += 1
            elif answer.status >= 500 and not (answer.status == 503 and answer.text):
                sentence = re.sub(r"<style.*?</style>|<[^>]+>|\s+", " ", answer.text, flags=re.S)
                self.bad.append(f"{method} {path}: {answer.status} {sentence[-300:]}")


class Clerk(threading.Thread):
    """A clerk who goes on until told to stop; every form is sent until it is answered."""

    def __init__(self, number: int, company: Company, port: int, ledger: Ledger, stop: threading.Event, seed: int,
                 pause: float = 0.0) -> None:  # fmt: skip
        super().__init__(daemon=True)
        self.number, self.ledger, self.stop, self.pause = number, ledger, stop, pause
        self.chance = random.Random(f"{seed} clerk {number}")
        self.browser = Browser(port)
        self.goods = goods_of(company)
        self.mine: list[int] = []
        self.failure = ""
        self.due = time.monotonic()

    def run(self) -> None:
        """Work until told to stop."""
        try:
            while not self.browser.sign_in(ADMIN, PASSWORD):
                if self.stop.wait(0.3):
                    return
            while not self.stop.is_set():
                self._act()
        except Exception as error:
            self.failure = f"clerk {self.number}: {error!r}"

    def _act(self) -> None:
        choice = self.chance.random()
        if choice < 0.3:
            self._place()
        elif choice < 0.4 and self.mine:
            self._pack(self.mine.pop(0))
        elif choice < 0.5:
            self._receive()
        else:
            self._get(self.chance.choice(LISTS))

    def _wait_for_turn(self) -> None:
        """Let on average `pause` seconds lie between the beginnings of two requests."""
        if self.pause:
            self.due = max(self.due, time.monotonic() - 2 * self.pause) + self.chance.expovariate(1 / self.pause)
            self.stop.wait(max(0.0, self.due - time.monotonic()))

    def _get(self, path: str) -> Answer:
        self._wait_for_turn()
        answer = self.browser.get(path)
        self.ledger.note("GET", path, answer)
        if answer.is_unknown:
            self.stop.wait(0.1)
        return answer

    def _post_until_known(self, path: str, fields: dict[str, str]) -> Answer:
        """Send a form until it is answered, as a patient user does; the last tries go on after the end."""
        self._wait_for_turn()
        for _ in range(MOST_TRIES):
            answer = self.browser.post(path, fields)
            self.ledger.note("POST", path, answer)
            if not answer.is_unknown:
                return answer
            time.sleep(self.chance.uniform(0.1, 0.4))
        raise TimeoutError(f"{path} was not answered in {MOST_TRIES} tries: {answer.status}")

    def _place(self) -> None:
        page = self._get("/sales/orders/new/")
        if page.status != 200:
            return
        marker = f"clerk {self.number} order {self.chance.randrange(10**9)}"
        customer, product = self.chance.choice(self.goods["customers"]), self.chance.choice(self.goods["products"])
        given = {"customer": str(customer), "note": marker, "lines-0-product": str(product), "lines-0-quantity": "2"}
        fields = {name: value for name, value in form_in(page.text).items() if "__index__" not in name}
        self.ledger.placed[marker] = False
        answer = self._post_until_known("/sales/orders/new/", {**fields, **given})
        found = re.search(r"/sales/orders/(\d+)/", answer.location)
        if found is None:
            self._refused("place", answer)
            return
        self.ledger.placed[marker] = True
        self.ledger.acts["orders placed"] += 1
        self._confirm(int(found[1]))

    def _refused(self, act: str, answer: Answer) -> None:
        with self.ledger.lock:
            self.ledger.acts[f"{act} refused"] += 1

    def _button(self, path: str, action: str) -> Answer | None:
        """Press a button of a page; return the page as it is then, None where there is no such button."""
        page = self._get(path)
        try:
            fields = form_in(page.text, f"{path}{action}/") if page.status == 200 else None
        except StopIteration:
            fields = None
        if fields is None:
            return None
        self._post_until_known(f"{path}{action}/", fields)
        return self._get(path)

    def _confirm(self, order: int) -> None:
        page = self._button(f"/sales/orders/{order}/", "confirm")
        if page is not None and page.status == 200 and f"/sales/orders/{order}/confirm/" not in page.text:
            self.ledger.confirmed.add(order)
            self.ledger.acts["orders confirmed"] += 1
            self.mine.append(order)

    def _pack(self, order: int) -> None:
        page = self._button(f"/sales/orders/{order}/", "pack")
        if page is not None and page.status == 200:
            self.ledger.packs |= set(re.findall(r"\bPK\d+\b", page.text))
            self.ledger.acts["orders packed"] += 1

    def _receive(self) -> None:
        path = f"/procurement/purchase-orders/{self.chance.choice(self.goods['purchases'])}/receive/"
        page = self._get(path)
        if page.status != 200:
            return
        try:
            fields = form_in(page.text)
        except StopIteration:
            return
        lot = f"L{self.number}-{self.chance.randrange(10**9)}"
        given = {"lines-0-quantity": "1", "lines-0-lot": lot}
        others = {name: "" for name in fields if name.endswith("-quantity") and name not in given}
        self.ledger.lots[lot] = False
        answer = self._post_until_known(path, {**fields, **others, **given})
        found = self._get(f"/inventory/lots/?search={lot}").text
        self.ledger.lots[lot] = re.search(rf">\s*{lot}\s*<", found) is not None  # a cell, and not the search itself
        if self.ledger.lots[lot]:
            self.ledger.acts["receipts"] += 1
        else:
            self._refused("receipt", answer)


def goods_of(company: Company) -> dict[str, list[Any]]:
    """Return the ids of customers, of products that are sold by lot, and of purchase orders that are to come."""
    queries = {
        "customers": "SELECT id FROM sales_customer ORDER BY id",
        "products": "SELECT id FROM inventory_lots_product WHERE tracking <> 'serial' ORDER BY id",
        "purchases": "SELECT id FROM procurement_purchase_order WHERE number LIKE 'BIG%' ORDER BY id",
    }
    return {name: [row[0] for row in company.rows(query)] for name, query in queries.items()}


def furnish(company: Company) -> None:
    """Make the demo company, with stock for thousands of orders and as much on order."""
    company.done("init")
    company.done("demo")
    skus = ("PLG-WALL-8", "GLUE-WOOD-500", "PAINT-WHITE-5L", "MUG-ENAMEL-FOX", "LAMP-AURORA", "SPK-TIDE-2")
    stock = company.folder / "stock.csv"
    stock.write_text("\n".join(["sku,lot,location,quantity,received_on",
                                *(f"{sku},BIG,WH/STOCK,1500,2026-06-01" for sku in skus)]))  # fmt: skip
    purchases = company.folder / "purchases.csv"
    header = "number,supplier,ordered_on,sku,quantity,unit_cost,expected_on"
    lots = [sku for sku in skus if sku not in ("PLG-WALL-8", "MUG-ENAMEL-FOX")]
    rows = [f"BIG{n},TIDE,2026-11-01,{lots[n % 4]},5000,1.5,2027-12-24" for n in range(8)]
    purchases.write_text("\n".join([header, *rows]))
    company.done("import", "stock", str(stock))
    company.done("import", "purchase_orders", str(purchases))


def audit(company: Company, ledger: Ledger, report: Report) -> None:
    """Count what was acknowledged and is not there, what is there twice, and what is promised and not there."""
    orders = Counter(row[0] for row in company.rows("SELECT note FROM sales_order WHERE note LIKE 'clerk %'"))
    drafts = {row[0] for row in company.rows("SELECT id FROM sales_order WHERE state = 'draft'")}
    packs = {row[0] for row in company.rows("SELECT number FROM sales_pack")}
    received = Counter(
        row[0]
        for row in company.rows(
            "SELECT l.number FROM inventory_lots_lot l JOIN inventory_lots_stock_move m ON m.lot_id = l.id"
            " WHERE m.kind = 'receipt'"
        )
    )
    lost = [marker for marker, is_known in ledger.placed.items() if is_known and not orders[marker]]
    lost += [f"order {id_} confirmed" for id_ in ledger.confirmed & drafts]
    lost += sorted(ledger.packs - packs)
    lost += [lot for lot, is_known in ledger.lots.items() if is_known and not received[lot]]
    doubled = [marker for marker, number in orders.items() if number > 1]
    doubled += [lot for lot in ledger.lots if received[lot] > 1]
    oversold = company.rows("SELECT id FROM inventory_lots_balance WHERE on_hand < 0 OR allocated > on_hand")
    for name, found in (("lost", lost), ("doubled", doubled), ("oversold", oversold)):
        report.count(name, len(found))
        if found:
            report.fail(f"{name}: {found[:10]}")
    checked = company.erp("check")
    if checked.returncode:
        report.fail(f"erp check: {checked.stdout[-1500:]}{checked.stderr[-500:]}")
    for bad in ledger.bad[:10]:
        report.fail(bad)
    _show_tracebacks(company, report)
    acknowledged = sum(ledger.placed.values()) + len(ledger.confirmed) + len(ledger.packs) + sum(ledger.lots.values())
    report.count("acknowledged", acknowledged)
    report.count("requests", ledger.statuses.total())
    report.count("without an answer", ledger.statuses[0])
    report.count("answered 503", ledger.statuses[503])


def _show_tracebacks(company: Company, report: Report) -> None:
    """Show the first traceback in each log: it is a bug, or a failure that ought to have been a sentence."""
    for name in ("serve", "worker"):
        text = company.log(name)
        if count := text.count("Traceback (most recent call last)"):
            report.count(f"tracebacks in the log of {name}", count)
            report.note(text[text.rindex("Traceback") - 400 :][:6000])
