// Keys: what a page offers has a key, `?` lists the keys of the page, and forms are filled in without a mouse.
(function () {
  "use strict";
  const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));
  const isSeen = (each) => each.offsetParent !== null;
  const typing = "input:not([type=checkbox]):not([type=radio]):not([type=file]), textarea, select, [contenteditable]";
  const isBusy = () => document.querySelector("dialog[open], .modal.show, .dropdown-menu.show");
  const form = document.querySelector("main form .erp-actions button.btn-primary, main form .erp-actions button.btn-danger") && document.querySelector("main form .erp-actions").closest("form");
  const save = form && form.querySelector(".erp-actions .btn-primary, .erp-actions .btn-danger");

  // Rows of a list: one is current; on the page of a row the list is remembered, for the next and the previous one.
  const rows = all("table.model-list tbody tr[data-href]");
  let current = -1;
  const goTo = (index) => {
    if (!rows.length) return;
    current = Math.max(0, Math.min(rows.length - 1, index));
    rows.forEach((row, i) => row.classList.toggle("current", i === current));
    const anchor = rows[current].querySelector("a.lead") || rows[current];
    anchor.focus({ preventScroll: true });
    rows[current].scrollIntoView({ block: "nearest" });
  };
  const key = (path) => "erp-list:" + path;
  if (rows.length) sessionStorage.setItem(key(location.pathname), JSON.stringify(rows.map((row) => new URL(row.dataset.href, location.href).pathname)));
  const siblings = document.querySelector(".erp-siblings");
  if (siblings) {
    const list = JSON.parse(sessionStorage.getItem(key(siblings.dataset.list)) || "[]"), at = list.indexOf(siblings.dataset.here);
    const [before, after] = all("a", siblings);
    if (at >= 0 && list.length > 1) {
      siblings.querySelector("span").textContent = erpText("{} of {}", at + 1, list.length);
      [[before, list[at - 1]], [after, list[at + 1]]].forEach(([anchor, path]) => { if (path) anchor.href = path; else { anchor.removeAttribute("href"); anchor.removeAttribute("data-key"); anchor.setAttribute("role", "link"); anchor.setAttribute("aria-disabled", "true"); } });
      siblings.hidden = false;
    } else siblings.remove();
  }

  // The actions of the lines: the first of each line, or its menu where there is no room for them.
  const menus = () => all("#lines .line-menu").map((line) => all("button, a", line).find(isSeen)).filter(Boolean);
  const nextMenu = () => {
    const found = menus(), line = document.activeElement.closest(".line-menu");
    if (found.length) found[(found.findIndex((each) => line && line.contains(each)) + 1) % found.length].focus();
  };
  const tick = (box) => { box.checked = !box.checked; box.dispatchEvent(new Event("change", { bubbles: true })); };
  const everyRow = () => all("main thead input.pick-all").find(isSeen);

  const keys = [
    { key: "j", label: erpText("Next row"), when: () => rows.length, press: () => goTo(current + 1) },
    { key: "k", label: erpText("Previous row"), when: () => rows.length, press: () => goTo(current - 1) },
    { key: "x", label: erpText("Tick the row"), when: () => rows.length && everyRow(), press: () => { const box = rows[current] && rows[current].querySelector("input.pick"); if (box) tick(box); } },
    { key: "*", label: erpText("Tick all rows"), when: everyRow, press: () => tick(everyRow()) },
    { key: "l", label: erpText("Actions of the next line"), when: () => menus().length, press: nextMenu },
    { key: "?", label: erpText("The keys of this page"), when: () => true, press: () => showKeys() },
  ];
  const offered = () => all("[data-key]").filter((each) => !each.closest("dialog"));
  const name = (each) => each.dataset.keyLabel || each.textContent.trim() || each.getAttribute("aria-label");

  // What keyboards have printed on their keys.
  const printed = { Ctrl: erpText("Ctrl"), Shift: erpText("Shift"), Enter: erpText("Enter") };

  const showKeys = () => {
    const dialog = document.getElementById("erp-keys"), list = dialog.querySelector("dl");
    const pairs = [["Ctrl K", erpText("Search everything")], ["/", erpText("Search everything")]];
    if (save) pairs.push(["Ctrl S", save.textContent.trim()]);
    offered().forEach((each) => pairs.push([each.dataset.key, name(each)]));
    keys.filter((each) => each.when()).forEach((each) => pairs.push([each.key, each.label]));
    if (form && form.querySelector("table.erp-lines")) pairs.push(["Enter", erpText("In a line: go on, and add a line at the end")], ["Tab", erpText("The fields that are needed, then the next line")], ["Shift Tab", erpText("Every field, backwards")]);
    pairs.push(["Esc", erpText("Close what is open")]);
    list.replaceChildren(...pairs.map(([shown, label]) => {
      const pair = document.createElement("div"), term = document.createElement("dt"), text = document.createElement("dd");
      shown.split(" ").forEach((part) => { const made = document.createElement("kbd"); made.textContent = printed[part] || part; term.append(made); });
      text.textContent = label;
      pair.append(term, text);
      return pair;
    }));
    dialog.showModal();
  };
  const keysDialog = document.getElementById("erp-keys");
  if (keysDialog) keysDialog.addEventListener("click", (event) => { if (event.target === keysDialog || event.target.closest("[data-close]")) keysDialog.close(); });
  document.addEventListener("click", (event) => { if (keysDialog && event.target.closest("[data-show-keys]")) showKeys(); });

  // A barcode reader types faster than anybody: what it sends to a page without a field must press no button.
  const BURST = 50;
  let last = 0, waiting = 0;
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey) return;
    if (event.ctrlKey || event.metaKey) {
      if ((event.key === "s" || event.key === "Enter") && save && !isBusy()) {
        event.preventDefault();
        if (document.activeElement) document.activeElement.blur();
        save.click();
      }
      return;
    }
    if (event.key.length !== 1 || event.target.closest(typing) || isBusy()) return;
    const isBurst = event.timeStamp - last < BURST;
    last = event.timeStamp;
    clearTimeout(waiting);
    if (isBurst) return;
    const pressed = offered().find((each) => each.dataset.key === event.key);
    const own = keys.find((each) => each.key === event.key && each.when());
    if (!pressed && !own) return;
    event.preventDefault();
    waiting = setTimeout(() => { if (pressed) pressed.click(); else own.press(); }, BURST);
  });

  // A date is one stop of the Tab key: its day, month and year are reached with the arrow keys or by typing on.
  const stops = () => all("a[href], button, input, select, textarea, [tabindex]").filter((each) => isSeen(each) && !each.disabled && each.tabIndex >= 0 && each.type !== "hidden");
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Tab" || event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    if (!event.target.matches("input[type=date], input[type=datetime-local]")) return;
    const every = stops(), next = every[every.indexOf(event.target) + (event.shiftKey ? -1 : 1)];
    if (next) { event.preventDefault(); next.focus(); }
  });

  if (!form) return;

  // The first field that waits for something is where one types.
  const fields = all(typing, form).filter((each) => isSeen(each) && !each.disabled && !each.readOnly && each.type !== "hidden");
  const first = fields.find((each) => each.classList.contains("is-invalid")) || fields.find((each) => !each.value) || fields[0];
  if (first && !document.querySelector("[autofocus]") && !location.hash) first.focus({ preventScroll: !first.classList.contains("is-invalid") });

  // The short way through a form with lines: the fields that are needed of the head, then of each line.
  const table = form.querySelector("table.erp-lines");
  if (!table) return;
  const add = form.querySelector("[data-add-line]");
  const lines = () => all("tbody tr:not(.removed)", table);
  const needed = (place) => all("input[required], select[required]", place).filter((each) => isSeen(each) && !each.readOnly && each.type !== "datetime-local");
  const head = () => needed(form).filter((each) => !table.contains(each));
  const isEmpty = (row) => needed(row).every((each) => !each.value);
  const enter = (row) => { const field = needed(row)[0]; if (field) { field.focus(); if (field.select) field.select(); } };
  const lineAfter = (row) => {
    const every = lines(), next = every[every.indexOf(row) + 1];
    if (next) enter(next); else add.click();
  };
  // Return what follows a field on the short way, as something to do; nothing where the browser goes on as usual.
  const after = (field) => {
    const row = field.closest("tr");
    if (!table.contains(field)) {
      const every = head(), at = every.indexOf(field);
      if (at < 0) return null;
      return () => { if (every[at + 1]) every[at + 1].focus(); else if (lines().length) enter(lines().find(isEmpty) || lines()[0]); else add.click(); };
    }
    const every = needed(row), at = every.indexOf(field);
    if (at < 0) return null;
    if (every[at + 1]) return isEmpty(row) && lines().length > 1 ? () => save.focus() : () => { every[at + 1].focus(); every[at + 1].select(); };
    return () => lineAfter(row);
  };
  form.addEventListener("keydown", (event) => {
    const field = event.target;
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey || !field.matches("input, select")) return;
    if (event.key === "Tab") {
      const go = after(field);
      if (go) { event.preventDefault(); go(); }
    } else if (event.key === "Enter" && table.contains(field) && field.type !== "checkbox") {
      event.preventDefault();
      (after(field) || (() => lineAfter(field.closest("tr"))))();
    }
  });
})();
