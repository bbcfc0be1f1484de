(function () {
  "use strict";
  const $ = window.jQuery;
  const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));
  const on = (type, selector, handle) =>
    document.addEventListener(type, (event) => {
      const found = event.target.closest && event.target.closest(selector);
      if (found) handle(event, found);
    });

  // The answer to a pressed button shows the document: reloading it must not press the button again.
  const address = document.body.dataset.address;
  if (address && address !== location.pathname + location.search) history.replaceState(null, "", address);

  // Ask before an action, in a dialog of our own, so that its answers can have names.
  const dialog = document.getElementById("erp-confirm");
  let asked = null;
  const ask = (trigger) => {
    asked = trigger;
    $(trigger).closest(".dropdown").find("[data-toggle]").dropdown("hide");
    const data = trigger.dataset;
    dialog.querySelector(".modal-title").textContent = data.title || trigger.textContent.trim() || erpText("Please confirm");
    dialog.querySelector(".modal-body").textContent = data.confirm;
    const yes = dialog.querySelector(".yes");
    yes.textContent = data.yes || trigger.textContent.trim() || erpText("Yes");
    yes.className = "yes btn " + (data.tone === "danger" ? "btn-danger" : "btn-primary");
    dialog.querySelector(".no").textContent = data.no || erpText("Cancel");
    $(dialog).modal("show");
  };
  on("click", "[data-confirm]", (event, trigger) => {
    if (!trigger.dataset.confirm || trigger.dataset.agreed) return;
    const form = trigger.form;
    if (form && !form.reportValidity()) { event.preventDefault(); return; }
    event.preventDefault();
    event.stopPropagation();
    ask(trigger);
  });
  if (dialog) {
    $(dialog).on("shown.bs.modal", () => dialog.querySelector(asked.dataset.tone === "danger" ? ".no" : ".yes").focus());
    $(dialog).on("hidden.bs.modal", () => {
      // The question may have come from a menu that has closed since: then the menu's button gets the focus back.
      const menu = asked && !asked.offsetParent && asked.closest(".dropdown");
      const back = menu ? menu.querySelector("[data-toggle]") : asked;
      if (back) back.focus();
    });
    dialog.querySelector(".yes").addEventListener("click", () => {
      const trigger = asked;
      $(dialog).modal("hide");
      trigger.dataset.agreed = "1";
      if (trigger.tagName === "A") location.href = trigger.href;
      else if (trigger.form) trigger.form.requestSubmit(trigger);
      delete trigger.dataset.agreed;
    });
  }

  // A form is sent once, however often its button is pressed.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    setTimeout(() => delete form.dataset.sent, 8000);
  });
  window.addEventListener("pageshow", () => all("form[data-sent]").forEach((form) => delete form.dataset.sent));

  // A file that is dropped on a page which asks for one is sent at once.
  const wanted = document.querySelector("input[type=file][data-drop]");
  if (wanted) {
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      if (!event.dataTransfer.files.length) return;
      wanted.files = event.dataTransfer.files;
      wanted.form.requestSubmit();
    });
  }

  // On a narrow screen a row of a table becomes a card, in which each value needs its column's name.
  const tables = all("table.table:not(.erp-lines)").filter((table) => table.tHead && table.tHead.rows.length === 1);
  const isBlank = (cell) => !cell.textContent.trim() && !cell.querySelector("a, button, i, img, input, select, svg, textarea");
  tables.forEach((table) => {
    const names = Array.from(table.tHead.rows[0].cells, (head) => head.querySelector("input, .sr-only") ? "" : head.textContent.trim());
    table.setAttribute("role", "table");
    all(":scope > thead, :scope > tbody", table).forEach((group) => group.setAttribute("role", "rowgroup"));
    all(":scope > thead > tr, :scope > tbody > tr", table).forEach((row) => row.setAttribute("role", "row"));
    all(":scope > thead > tr > th", table).forEach((head) => head.setAttribute("role", "columnheader"));
    all(":scope > tbody > tr", table).forEach((row) => Array.from(row.cells).forEach((cell, at) => {
      cell.setAttribute("role", "cell");
      if (cell.colSpan > 1) return;
      if (names[at]) cell.dataset.label = names[at];
      cell.classList.toggle("empty", isBlank(cell));
      if (names[at] === "#" || names[at] === erpText("Line")) cell.classList.add("small-cell");
      if (cell.textContent.trim().length > 40 || names[at] === erpText("Product")) cell.classList.add("wide");
    }));
  });

  // So have the totals below it.
  tables.filter((table) => table.tFoot && table.tFoot.rows.length === 1).forEach((table) => {
    const heads = table.tHead.rows[0].cells;
    Array.from(table.tFoot.rows[0].cells).forEach((cell, at) => {
      if (cell.dataset.total !== undefined) cell.dataset.label = heads[at].textContent.trim();
      cell.classList.toggle("empty", isBlank(cell));
    });
  });

  const typed = "td input:not([type=hidden]):not([type=checkbox]):not([type=radio])";  // fields need more room than text
  const asIs = () => tables.forEach((table) => table.classList.remove("erp-stack", "erp-tight"));
  const overflows = (table) => table.scrollWidth > table.parentElement.clientWidth + 1;
  const stack = () => {
    asIs();
    const wide = tables.filter((table) => window.innerWidth <= 600 || overflows(table) || (window.innerWidth <= 900 && table.querySelector(typed)));
    wide.forEach((table) => table.classList.add(window.innerWidth > 1100 ? "erp-tight" : "erp-stack"));
  };
  stack();
  window.addEventListener("resize", stack);
  window.addEventListener("beforeprint", asIs);
  window.addEventListener("afterprint", stack);
  all("details").forEach((card) => card.addEventListener("toggle", stack));

  // A card that was folded or opened stays so on every page of its screen.
  all("details[data-fold]").forEach((card) => {
    const key = "erp-fold/" + card.dataset.fold, kept = localStorage.getItem(key);
    if (card.id && location.hash === "#" + card.id) card.open = true;
    else if (kept) card.open = kept === "open";
    card.querySelector("summary").addEventListener("click", () => localStorage.setItem(key, card.open ? "folded" : "open"));
  });
  window.addEventListener("beforeprint", () => all("details[data-fold]").forEach((card) => { card.open = true; }));

  // A work queue that was out of sight for a minute is read again when somebody comes back to it and has begun nothing.
  let hiddenAt = 0;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { hiddenAt = Date.now(); return; }
    const isBegun = document.querySelector("input.pick:checked, dialog[open], .modal.show, .erp-result, main input:focus");
    if (document.querySelector(".erp-work") && Date.now() - hiddenAt > 60000 && !isBegun) location.reload();
  });

  // The menu keeps its scroll position and shows the entry of this page.
  const side = document.querySelector(".erp-side");
  if (side) {
    side.scrollTop = Number(sessionStorage.getItem("erp-menu") || 0);
    const here = side.querySelector(".active");
    if (here && (here.offsetTop < side.scrollTop || here.offsetTop + 40 > side.scrollTop + side.clientHeight)) here.scrollIntoView({ block: "center" });
    window.addEventListener("pagehide", () => sessionStorage.setItem("erp-menu", String(side.scrollTop)));
  }

  // The menu on small screens.
  on("click", ".erp-burger", (event, button) => {
    const open = side.classList.toggle("open");
    button.setAttribute("aria-expanded", String(open));
    if (open) side.querySelector("a").focus();
  });
  document.addEventListener("click", (event) => {
    if (side && side.classList.contains("open") && !event.target.closest(".erp-side, .erp-burger")) side.classList.remove("open");
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && side) side.classList.remove("open");
  });

  on("click", ".alert .close", (event, button) => button.closest(".alert").remove());
  on("click", "[data-print]", () => window.print());
  on("change", "[data-submit]", (event, field) => field.form.requestSubmit());

  // A click on a row opens its page, except on something that has its own click or while text is selected.
  on("click", "tr[data-href]", (event, row) => {
    if (event.target.closest("a, button, input, label, select") || String(window.getSelection())) return;
    if (event.ctrlKey || event.metaKey) window.open(row.dataset.href);
    else location.href = row.dataset.href;
  });

  // Checkboxes: one for all rows, and the buttons for the ticked rows.
  const ticks = (table) => all("tbody input[type=checkbox].pick:not(:disabled)", table);
  const showTicks = (table) => {
    const boxes = ticks(table), chosen = boxes.filter((box) => box.checked).length;
    const every = table.querySelector("thead input.pick-all");
    if (every) {
      every.checked = chosen > 0 && chosen === boxes.length;
      every.indeterminate = chosen > 0 && chosen < boxes.length;
    }
    const scope = table.closest("form") || document;
    all("[data-picked]", scope).forEach((each) => { each.textContent = chosen; });
    all("[data-needs-pick]", scope).forEach((each) => { each.disabled = chosen === 0; });
    all(".erp-bulk", scope).forEach((each) => each.classList.toggle("on", chosen > 0));
    showTotals(table, boxes.filter((box) => box.checked));
  };
  // Below a list stand the totals of all its rows, or of the ticked ones: exact, with at most four decimals.
  const raw = (text) => {
    const [whole, part = ""] = text.replace("-", "").split(".");
    return BigInt(whole + part.padEnd(4, "0")) * (text.startsWith("-") ? -1n : 1n);
  };
  // `written` is how the reader writes 1000.5: it has the separators.
  const readable = (number, written) => {
    const [, group, point] = written.match(/^1(\D*)000(\D)5$/) || ["", "", "."];
    const text = String(number < 0n ? -number : number).padStart(5, "0");
    const part = text.slice(-4).replace(/0+$/, "");
    return (number < 0n ? "-" : "") + text.slice(0, -4).replace(/\B(?=(\d{3})+$)/g, group) + (part && point + part);
  };
  const showTotals = (table, boxes) => {
    const label = table.querySelector("[data-total-label]");
    if (label) label.textContent = boxes.length ? erpText("Ticked {}", boxes.length) : label.dataset.totalLabel;
    all("[data-total]", table).forEach((cell) => {
      const cells = boxes.map((box) => box.closest("tr").cells[cell.cellIndex].dataset.exact).filter(Boolean);
      cell.textContent = boxes.length ? readable(cells.map(raw).reduce((sum, each) => sum + each, 0n), label ? label.dataset.written : "") : cell.dataset.total;
    });
  };
  document.addEventListener("click", (event) => {
    all("details.erp-choice[open]").filter((each) => !each.contains(event.target)).forEach((each) => { each.open = false; });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") all("details.erp-choice[open]").forEach((each) => { each.open = false; each.querySelector("summary").focus(); });
  });
  on("change", "input.pick-all", (event, every) => {
    const table = every.closest("table");
    ticks(table).forEach((box) => { box.checked = every.checked; });
    showTicks(table);
  });
  on("change", "input.pick", (event, box) => showTicks(box.closest("table")));
  all("table").filter((table) => table.querySelector("input.pick-all")).forEach(showTicks);
  window.addEventListener("pageshow", () => all("table").filter((t) => t.querySelector("input.pick-all")).forEach(showTicks));

  // A new row for a choice is made in a dialog; the form below it stays as it is.
  const createIn = (box, text, take) => {
    const dialog = document.createElement("dialog"), typed = text.value, headers = { "X-ERP-Dialog": "new" };
    dialog.className = "erp-palette erp-dialog";
    dialog.setAttribute("aria-label", erpText("New {}", box.dataset.noun));
    document.body.append(dialog);
    const show = (html) => {
      dialog.innerHTML = html;
      all("[id]", dialog).forEach((each) => { each.id = "new-" + each.id; });
      ["for", "aria-describedby", "aria-controls"].forEach((name) => all(`[${name}]`, dialog).forEach((each) => each.setAttribute(name, "new-" + each.getAttribute(name))));
      all(".erp-combo", dialog).forEach(combo);
      const wrong = dialog.querySelector(".is-invalid"), fields = all("input:not([type=hidden]), select, textarea", dialog);
      (wrong || fields.find((each) => !each.value) || fields[0]).focus();
    };
    const failed = () => {
      dialog.innerHTML = '<p role="alert"></p><button type="button" class="btn btn-quiet" data-close></button>';
      dialog.querySelector("p").textContent = erpText("This form cannot be reached now.");
      dialog.querySelector("button").textContent = erpText("Close");
    };
    const answered = (answer) => {
      if ((answer.headers.get("Content-Type") || "").startsWith("application/json")) return answer.json().then((made) => { take([made.id, made.text]); dialog.close(); });
      return answer.text().then((html) => { if (html.includes("<html")) failed(); else show(html); });
    };
    dialog.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation();
      const form = event.target, button = form.querySelector("button.btn-primary");
      button.disabled = true;
      fetch(form.action, { method: "POST", headers, body: new FormData(form) }).then(answered).catch(failed);
    });
    dialog.addEventListener("click", (event) => { if (event.target === dialog || event.target.closest("[data-close]")) dialog.close(); });
    dialog.addEventListener("close", () => { dialog.remove(); text.focus(); });
    dialog.showModal();
    fetch(box.dataset.create, { headers }).then((answer) => answer.text()).then((html) => {
      show(html);
      const name = dialog.querySelector("[name=name]");
      if (name && typed) name.value = typed;
    }).catch(failed);
  };

  // A choice that is looked up while typing.
  const combos = new WeakSet(), settling = new Set();
  // A form whose choices are still being looked up is sent when they are known.
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || !Array.from(settling).some((box) => event.target.contains(box))) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const form = event.target, submitter = event.submitter;
    form.addEventListener("settled", () => { if (!settling.size) form.requestSubmit(submitter); }, { once: true });
  }, true);
  const combo = (box) => {
    if (combos.has(box)) return;
    combos.add(box);
    const hidden = box.querySelector("input[type=hidden]"), text = box.querySelector("[role=combobox]"), list = box.querySelector("ul");
    let timer = 0, asked = 0, at = -1, shown = text.value, listed = null, isMaking = false;
    const options = () => all("li[role=option]", list);
    const close = () => { list.hidden = true; at = -1; text.setAttribute("aria-expanded", "false"); text.removeAttribute("aria-activedescendant"); };
    // A choice may say what other fields of its line usually are: they are filled where nothing else was typed.
    const filled = (row) => {
      const place = box.closest("tr") || text.form, before = hidden.name.slice(0, hidden.name.lastIndexOf("-") + 1);
      Object.entries(row[2] || {}).forEach(([name, value]) => {
        const field = place.querySelector(`[name="${before}${name}"]`);
        if (field && (!field.value || field.value === field.dataset.filled)) field.value = field.dataset.filled = value;
      });
      hidden.dispatchEvent(new Event("change", { bubbles: true }));
    };
    const take = (row) => { hidden.value = row[0]; text.value = shown = row[1]; text.classList.remove("is-invalid"); filled(row); };
    const choose = (item) => {
      close();
      if (item.row) take(item.row); else { isMaking = true; createIn(box, text, take); }
    };
    const mark = (index) => {
      const items = options();
      if (!items.length) return;
      at = (index + items.length) % items.length;
      items.forEach((item, i) => item.setAttribute("aria-selected", String(i === at)));
      items[at].scrollIntoView({ block: "nearest" });
      text.setAttribute("aria-activedescendant", items[at].id);
    };
    const fill = (rows) => {
      list.textContent = "";
      rows.forEach((row, i) => {
        const item = document.createElement("li");
        item.setAttribute("role", "option"); item.id = text.id + "-" + i; item.row = row; item.textContent = row[1];
        list.append(item);
      });
      if (box.dataset.create) {
        const item = document.createElement("li");
        item.setAttribute("role", "option"); item.id = text.id + "-new"; item.className = "create";
        item.textContent = erpText("New {}", box.dataset.noun) + (text.value && text.value !== shown ? ` “${text.value}”` : "");
        list.append(item);
      }
      if (!rows.length && !box.dataset.create) {
        const note = document.createElement("li");
        note.className = "note"; note.textContent = erpText("Nothing found."); list.append(note);
      }
      list.hidden = false; text.setAttribute("aria-expanded", "true");
      if (options().length) mark(0);
    };
    // Where the field was left before the answer came, the first row that fits is chosen when it comes.
    const settle = () => {
      const query = text.value;
      text.setAttribute("aria-busy", "true");
      settling.add(box);
      fetch(box.dataset.url + "&query=" + encodeURIComponent(query), { headers: { Accept: "application/json" } })
        .then((answer) => answer.json())
        .then((rows) => {
          if (hidden.value || text.value !== query) return;
          if (rows.length) take(rows[0]);
          else { text.classList.add("is-invalid"); text.title = erpText("Nothing found. Choose one from the list."); }
        })
        .catch(() => text.classList.add("is-invalid"))
        .finally(() => { text.removeAttribute("aria-busy"); settling.delete(box); box.dispatchEvent(new Event("settled", { bubbles: true })); });
    };
    const load = () => {
      const mine = ++asked, query = text.value === shown ? "" : text.value;
      fetch(box.dataset.url + "&query=" + encodeURIComponent(query), { headers: { Accept: "application/json" } })
        .then((answer) => answer.json())
        .then((rows) => { if (mine === asked && document.activeElement === text) { listed = query; fill(rows); } })
        .catch(close);
    };
    text.addEventListener("input", () => {
      hidden.value = ""; text.classList.remove("is-invalid");
      clearTimeout(timer); timer = setTimeout(load, 150);
    });
    box.addEventListener("restore", (event) => { text.value = shown = event.detail; if (!hidden.value && text.value) settle(); });
    text.addEventListener("focus", () => text.select());
    text.addEventListener("click", () => { if (list.hidden) load(); });
    text.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") { event.preventDefault(); if (list.hidden) load(); else mark(at + 1); }
      else if (event.key === "ArrowUp") { event.preventDefault(); mark(at - 1); }
      else if (event.key === "Enter" && !list.hidden && at >= 0) { event.preventDefault(); choose(options()[at]); }
      else if (event.key === "Escape" && !list.hidden) { event.preventDefault(); close(); }
    });
    list.addEventListener("mousedown", (event) => {
      const item = event.target.closest("li[role=option]");
      event.preventDefault();
      if (item) choose(item);
    });
    text.addEventListener("blur", () => {
      clearTimeout(timer); asked++;
      const marked = !list.hidden && at >= 0 && !hidden.value && text.value && listed === text.value ? options()[at] : null;
      if (marked && marked.row) take(marked.row);
      close();
      if (!text.value.trim()) { hidden.value = ""; shown = ""; } else if (!hidden.value && !isMaking) settle();
      isMaking = false;
    });
  };
  all(".erp-combo").forEach(combo);

  // Lines of a document: new ones are copied from the template, stored ones are struck out until the form is saved.
  on("click", "[data-add-line]", (event, button) => {
    const table = document.getElementById(button.dataset.addLine), body = table.querySelector("tbody");
    const next = Number(table.dataset.next);
    table.dataset.next = String(next + 1);
    const made = document.createElement("tbody");
    made.innerHTML = table.parentElement.querySelector("template").innerHTML.replaceAll("__index__", String(next));
    const row = made.firstElementChild;
    body.append(row);
    all(".erp-combo", row).forEach(combo);
    const first = row.querySelector("input:not([type=hidden]), select");
    if (first) first.focus();
  });
  on("click", "[data-remove-line]", (event, button) => {
    const row = button.closest("tr"), removed = row.querySelector("input[name$='-removed']");
    if (!row.querySelector("input[name$='-id']").value) { row.remove(); return; }
    const off = removed.value !== "1";
    removed.value = off ? "1" : "";
    row.classList.toggle("removed", off);
    all("input:not([type=hidden]), select", row).forEach((field) => { field.readOnly = off; field.required = off ? false : field.required; });
    button.title = off ? erpText("Keep this line") : erpText("Remove this line");
  });

  // What depends on another field: an option on its switch, a step on the kind of file.
  const showDependents = () => {
    all("[data-only-if]").forEach((each) => {
      const switchField = document.getElementById(each.dataset.onlyIf);
      each.hidden = Boolean(switchField) && switchField.value !== each.dataset.onlyValue;
    });
    all("[data-kind]").forEach((each) => {
      const kind = document.getElementById("kind");
      each.hidden = kind.value !== each.dataset.kind;
      all("input", each).forEach((field) => { field.disabled = each.hidden; });
    });
  };
  document.addEventListener("change", showDependents);
  showDependents();

  // Filters of a list: a row of field, comparison and value.
  const filters = document.getElementById("erp-filters");
  if (filters) {
    const groups = JSON.parse(document.getElementById("erp-filter-groups").textContent);
    const make = (tag, name) => { const made = document.createElement(tag); made.className = name; return made; };
    const pick = (label, pairs) => {
      const made = make("select", "custom-select custom-select-sm form-control-sm");
      made.setAttribute("aria-label", label);
      pairs.forEach(([value, text]) => made.append(new Option(text, value)));
      return made;
    };
    let number = Number(filters.dataset.next);
    const add = () => {
      const row = make("div", "erp-filter-row"), names = Object.keys(groups);
      const field = pick(erpText("Field"), names.map((name) => [name, name]));
      const inputs = make("span", ""); inputs.style.display = "contents";
      const drop = make("button", "btn btn-icon btn-sm"); drop.type = "button"; drop.style.flex = "none";
      drop.setAttribute("aria-label", erpText("Remove filter")); drop.innerHTML = '<i class="fa fa-times"></i>';
      drop.addEventListener("click", () => { row.remove(); if (!filters.querySelector(".erp-filter-row")) filters.hidden = true; });
      const value = (operation) => {
        const found = operation.options && operation.options.length ? pick(erpText("Value"), operation.options) : make("input", "form-control form-control-sm");
        if (found.tagName === "INPUT") { found.type = operation.type === "date" ? "date" : "text"; found.required = true; found.setAttribute("aria-label", erpText("Value")); if (operation.type === "number") found.inputMode = "decimal"; }
        found.name = "flt" + number++ + "_" + operation.arg;
        return found;
      };
      const compare = () => {
        const operations = groups[field.value], operation = pick(erpText("Comparison"), operations.map((each, i) => [i, each.operation]));
        let input = value(operations[0]);
        operation.addEventListener("change", () => { const fresh = value(operations[Number(operation.value)]); input.replaceWith(fresh); input = fresh; });
        inputs.replaceChildren(operation, input);
      };
      field.addEventListener("change", compare);
      compare();
      row.append(field, inputs, drop);
      filters.querySelector(".rows").append(row);
      field.focus();
    };
    on("click", "[data-add-filter]", () => { filters.hidden = false; add(); });
  }
})();
