// A field for a barcode reader, which types a code and ends it with Enter: SKU, lot number or serial number.
(function () {
  "use strict";
  const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));
  const field = document.querySelector("[data-scan-field]");
  if (!field) return;
  const said = document.querySelector("[data-scan-said]"), clears = field.hasAttribute("data-scan-clears");
  const rows = all("tr[data-sku]"), counted = new WeakSet();
  const same = (one, other) => Boolean(one) && one.trim().toLowerCase() === other.toLowerCase();
  let current = null, hasBegun = false;

  const say = (text, isWrong) => {
    said.textContent = text;
    said.classList.toggle("text-danger", Boolean(isWrong));
    field.classList.toggle("is-invalid", Boolean(isWrong));
  };
  const choose = (row) => {
    if (current) current.classList.remove("scanned");
    current = row;
    row.classList.add("scanned");
    row.scrollIntoView({ block: "nearest" });
  };
  // What is proposed is what is expected: once somebody scans, only what was scanned or typed counts.
  const begin = () => {
    if (hasBegun || !clears) return "";
    hasBegun = true;
    const proposed = rows.flatMap((row) => all("[data-count]", row)).filter((input) => input.value && !input.dataset.typed);
    proposed.forEach((input) => { input.value = ""; });
    return proposed.length ? " " + erpText("The proposed quantities are cleared: what you scan or type counts.") : "";
  };
  // Quantities are exact, so one is added to the whole part of the text.
  const addOne = (input) => {
    const parts = (input.value.trim() || "0").split(".");
    if (!/^\d+$/.test(parts[0])) return false;
    parts[0] = String(BigInt(parts[0]) + 1n);
    input.value = parts.join(".");
    input.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  };
  const count = (row, code) => {
    const note = begin(), input = row.querySelector("[data-count]");
    choose(row);
    counted.add(row);
    if (!input) return say(erpText("{}: now scan its serial numbers.", row.dataset.name || row.dataset.sku) + note);
    if (!addOne(input)) return say(erpText("{}: {} is not a number. Correct it, then scan again.", code, input.value), true);
    say(`${row.dataset.name || row.dataset.sku}: ${input.value}.${note}`);
  };
  const addSerial = (box, code) => {
    const numbers = box.value.split("\n").map((each) => each.trim()).filter(Boolean);
    if (numbers.some((each) => same(each, code))) return say(erpText("{} was scanned already.", code), true);
    box.value = [...numbers, code].join("\n");
    box.dispatchEvent(new Event("change", { bubbles: true }));
    say(erpText("{} is added: {} in all.", code, numbers.length + 1));
  };
  const scan = (code) => {
    const lots = rows.filter((row) => same(row.dataset.lot, code));
    const lot = lots.find((row) => current && row.dataset.sku === current.dataset.sku) || (lots.length === 1 ? lots[0] : null);
    if (lot) return count(lot, code);
    const found = rows.filter((row) => same(row.dataset.sku, code));
    if (found.length === 1) return count(found[0], code);
    if (found.length) { choose(found[0]); return say(erpText("{} is on {} lines: now scan the lot.", code, found.length)); }
    if (lots.length) return say(erpText("{} is a lot of several products: scan the product first.", code), true);
    const box = current && current.querySelector("[data-serials]"), number = current && current.querySelector("[data-lot-number]");
    if (box) return addSerial(box, code);
    if (number && number.value && !same(number.value, code)) return say(erpText("{} has lot {} already. Scan the product again, or clear its lot.", current.dataset.name, number.value), true);
    if (number) { number.value = code; return say(erpText("{}: lot {}.", current.dataset.name, code)); }
    say(erpText("{} is not on this page.", code), true);
  };
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    const code = field.value.trim();
    if (code) scan(code);
    field.value = "";
    field.focus({ preventScroll: true });
  });
  document.addEventListener("input", (event) => { if (event.target.matches("[data-count]")) event.target.dataset.typed = "1"; });
  field.focus();
})();
