// The search over everything: a list of results below one field, moved through with the arrow keys.
(function () {
  "use strict";
  const dialog = document.getElementById("erp-palette");
  if (!dialog) return;
  const text = dialog.querySelector("[role=combobox]"), list = dialog.querySelector("[role=listbox]"), note = dialog.querySelector("[role=status]");
  let asked = 0, timer = 0, at = -1, shown = [];

  const plain = (label) => label.toLowerCase().normalize("NFKD").replace(/[\u0300-\u036f]/g, "");
  const words = (label) => plain(label).split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const matches = (label) => words(text.value).every((typed) => words(label).some((word) => word.startsWith(typed)));

  // What can be done on the page below: its buttons, those in menus too.
  const actions = () =>
    Array.from(document.querySelectorAll(".erp-head .erp-buttons :is(a, button[type=submit])"))
      .filter((each) => each.textContent.trim() && matches(each.textContent))
      .slice(0, 5)
      .map((each) => ({ text: each.textContent.trim(), note: erpText("on this page"), kind: erpText("Action"), press: each }));

  const mark = (index) => {
    const items = list.children;
    if (!items.length) { at = -1; text.removeAttribute("aria-activedescendant"); return; }
    at = (index + items.length) % items.length;
    Array.from(items).forEach((item, i) => item.setAttribute("aria-selected", String(i === at)));
    items[at].scrollIntoView({ block: "nearest" });
    text.setAttribute("aria-activedescendant", items[at].id);
  };
  const make = (tag, name, content) => { const made = document.createElement(tag); made.className = name; made.textContent = content; return made; };
  const show = (results) => {
    shown = results;
    list.replaceChildren(...results.map((result, i) => {
      const item = make("li", "", "");
      item.id = "erp-palette-" + i;
      item.setAttribute("role", "option");
      item.append(make("span", "kind", result.kind), make("span", "text", result.text), make("span", "note", result.note));
      return item;
    }));
    note.textContent = results.length ? "" : erpText("Nothing found. Try a number, a name, a SKU, an email address or a page.");
    mark(0);
  };
  const load = () => {
    const mine = ++asked, query = text.value;
    fetch(dialog.dataset.url + "?q=" + encodeURIComponent(query), { headers: { Accept: "application/json" } })
      .then((answer) => { if (answer.redirected || !answer.ok) throw new Error(); return answer.json(); })
      .then((answer) => {
        if (mine !== asked) return;
        show([...answer.results, ...actions()]);
        list.dataset.for = query;
        const wanted = list.dataset.wanted;
        delete list.dataset.wanted;
        if (wanted) choose(at, wanted === "apart");
      })
      .catch(() => { if (mine === asked) { show(actions()); note.textContent = erpText("The search cannot be reached. Load the page again."); } });
  };
  const close = () => { asked++; clearTimeout(timer); dialog.close(); };
  const choose = (index, isApart) => {
    const result = shown[index];
    if (!result) return;
    if (result.press) { close(); result.press.click(); }
    else if (isApart) window.open(result.url);
    else { close(); location.href = result.url; }
  };
  const open = () => {
    if (dialog.open || document.querySelector("dialog[open], .modal.show")) return;
    dialog.showModal();
    text.select();
    load();
  };

  text.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(load, 120); });
  text.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") { event.preventDefault(); mark(at + 1); }
    else if (event.key === "ArrowUp") { event.preventDefault(); mark(at - 1); }
    else if (event.key === "Enter") {
      event.preventDefault();
      const isApart = event.ctrlKey || event.metaKey;
      // The list still answers what was typed before: what is chosen is the best result for all of it.
      clearTimeout(timer);
      if (list.dataset.for === text.value) choose(at, isApart);
      else { list.dataset.wanted = isApart ? "apart" : "here"; load(); }
    }
  });
  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const item = event.target.closest("li");
    if (item) choose(Array.from(list.children).indexOf(item), event.ctrlKey || event.metaKey);
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) close(); });
  document.addEventListener("click", (event) => { if (event.target.closest("[data-search]")) open(); });
  document.addEventListener("keydown", (event) => {
    const isKey = (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "k";
    const isSlash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !event.target.closest("input, textarea, select, [contenteditable]");
    if (isKey || isSlash) { event.preventDefault(); open(); }
  });
})();
