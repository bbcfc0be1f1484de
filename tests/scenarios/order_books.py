"""Order books as import files, and the allocations that each must give, computed the slow way."""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

KINDS = ("products", "stock", "customers", "suppliers", "purchase_orders", "sales_orders")
HEADERS = {
    "products": "sku,name,unit,tracking",
    "stock": "sku,lot,location,quantity,received_on,expires_on",
    "customers": "code,name,email",
    "suppliers": "code,name,email",
    "purchase_orders": "number,supplier,ordered_on,sku,quantity,unit_cost,expected_on",
    "sales_orders": "number,customer,ordered_at,sku,quantity,unit_price,requested_on",
}


def write_book(folder: Path, *, seed: int, products: int = 12, orders: int = 60) -> Path:
    """Write the six files of a made-up company in which a good part of the demand cannot be covered."""
    dice = random.Random(seed)
    skus = [f"P-{number:03d}" for number in range(1, products + 1)]
    rows: dict[str, list[str]] = {
        "products": [f"{sku},Product {sku},pcs,lot" for sku in skus],
        "customers": [f"C{number},Customer {number},c{number}@customers.example" for number in range(1, 6)],
        "suppliers": ["S1,Supplier 1,s1@suppliers.example"],
        "stock": [],
        "purchase_orders": [],
        "sales_orders": [],
    }
    for sku in skus:
        for lot in range(dice.randint(0, 3)):
            received = date(2026, 1, 1) + timedelta(days=dice.randint(0, 200))
            place = dice.choice(("WH/A", "WH/B"))
            rows["stock"].append(f"{sku},{sku}-{lot},{place},{dice.randint(1, 30)},{received},")
        for _ in range(dice.randint(0, 3)):
            expected = dice.choice(("", str(date(2026, 12, 1) + timedelta(days=dice.randint(0, 60)))))
            number = f"PO-{len(rows['purchase_orders']) + 1:03d}"
            rows["purchase_orders"].append(f"{number},S1,2026-10-01,{sku},{dice.randint(1, 40)},1.00,{expected}")
    for number in range(1, orders + 1):
        ordered_at = f"2026-{dice.randint(1, 9):02d}-{dice.randint(1, 28):02d}T{dice.randint(0, 23):02d}:00:00"
        customer = f"C{dice.randint(1, 5)}"
        for _ in range(dice.randint(1, 4)):
            line = f"{number:05d},{customer},{ordered_at},{dice.choice(skus)},{dice.randint(1, 12)},2.50,"
            rows["sales_orders"].append(line)
    for kind in KINDS:
        (folder / f"{kind}.csv").write_text("\n".join([HEADERS[kind], *rows[kind]]) + "\n", encoding="utf-8")
    return folder


def read(folder: Path, kind: str) -> list[dict[str, str]]:
    """Return the rows of one file."""
    with (folder / f"{kind}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


NEVER = "9999"


class Reference:
    """The whole book allocated with plain loops: slow, and simple enough to be trusted."""

    def __init__(self, folder: Path, rule: str, today: date) -> None:
        self.today = today
        self.lines = self._lines(folder)
        self.from_lots: dict[tuple[str, int], list[tuple[str, str, int]]] = defaultdict(list)
        self.from_purchases: dict[tuple[str, int], list[tuple[str, int, int, str]]] = defaultdict(list)
        self._serve_from_stock(folder)
        self._serve_from_purchases(folder, rule)

    def _lines(self, folder: Path) -> list[dict]:
        places: dict[str, int] = defaultdict(int)
        first_seen: dict[str, int] = {}
        lines = []
        for row in read(folder, "sales_orders"):
            first_seen.setdefault(row["number"], len(first_seen))
            places[row["number"]] += 1
            key = (row["number"], places[row["number"]])
            wanted = int(row["quantity"])
            lines.append(
                {"key": key, "sku": row["sku"], "remainder": wanted, "row": row, "seen": first_seen[row["number"]]}
            )
        return lines

    def queue(self, sku: str) -> list[dict]:
        """Return the demand of a product in order of service."""
        demand = [line for line in self.lines if line["sku"] == sku]
        return sorted(demand, key=lambda line: (line["row"]["ordered_at"], line["seen"], line["key"][1]))

    def _serve_from_stock(self, folder: Path) -> None:
        stock = sorted(enumerate(read(folder, "stock")), key=lambda item: (item[1]["received_on"], item[0]))
        for _, lot in stock:
            left = int(lot["quantity"])
            for line in self.queue(lot["sku"]):
                taken = min(left, line["remainder"])
                if taken:
                    self.from_lots[line["key"]].append((lot["lot"], lot["location"], taken))
                    line["remainder"] -= taken
                    left -= taken

    def _serve_from_purchases(self, folder: Path, rule: str) -> None:
        positions: dict[str, int] = defaultdict(int)
        supplies = []
        for order, row in enumerate(read(folder, "purchase_orders")):
            positions[row["number"]] += 1
            supplies.append(
                {"row": row, "position": positions[row["number"]], "left": int(row["quantity"]), "order": order}
            )
        supplies.sort(key=lambda s: (*self._arrival(s["row"]), s["row"]["ordered_on"], s["order"]))
        for sku in {supply["row"]["sku"] for supply in supplies}:
            offered = [supply for supply in supplies if supply["row"]["sku"] == sku]
            for line in self.queue(sku):
                if rule == "skip" and line["remainder"] > sum(supply["left"] for supply in offered):
                    continue
                self._allocate(line, offered)

    def _arrival(self, row: dict[str, str]) -> tuple[str, str]:
        """Return the day on which supply can be counted on and the expected day; overdue supply counts in a week."""
        expected = row["expected_on"] or NEVER
        return (str(self.today + timedelta(days=7)) if expected < str(self.today) else expected, expected)

    def _allocate(self, line: dict, offered: list[dict]) -> None:
        for supply in offered:
            taken = min(line["remainder"], supply["left"])
            if taken:
                row = supply["row"]
                allocation = (row["number"], supply["position"], taken, self._arrival(row)[0])
                self.from_purchases[line["key"]].append(allocation)
                line["remainder"] -= taken
                supply["left"] -= taken

    def allocations(self) -> list[list[str]]:
        """Return the rows that the export `allocations` must have."""
        rows = []
        for line in sorted(self.lines, key=lambda line: (line["seen"], line["key"][1])):
            number, position = line["key"]
            head = [number, str(position), line["sku"]]
            promise = self._promise(line)
            for lot, place, quantity in self.from_lots[line["key"]]:
                rows.append([*head, "lot", lot, place, "", "", str(quantity), "0", promise])
            for purchase, purchase_line, quantity, _ in sorted(self.from_purchases[line["key"]]):
                rows.append([*head, "purchase", "", "", purchase, str(purchase_line), str(quantity), "0", promise])
        return rows

    def _promise(self, line: dict) -> str:
        dates = [expected for *_, expected in self.from_purchases[line["key"]]]
        if line["remainder"] or NEVER in dates:
            return ""
        return max([str(self.today), *dates])

    def backorders(self) -> dict[tuple[str, int], int]:
        """Return the open backorder of each line that has one."""
        allocated = {key: sum(quantity for *_, quantity, _ in found) for key, found in self.from_purchases.items()}
        open_rows = {line["key"]: line["remainder"] + allocated.get(line["key"], 0) for line in self.lines}
        return {key: quantity for key, quantity in open_rows.items() if quantity}
