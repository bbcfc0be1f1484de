// What is typed into a form is kept in this browser until it is saved: leaving asks, and is offered when one returns.
// A session that ended meanwhile begins again in a dialog on the form, which is then saved.
(function () {
  "use strict";
  const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));
  const user = document.body.dataset.user;
  if (!user) return;
  const OURS = "erp-draft:" + user + ":", DAYS = 14, SENT = "erp-draft-sent";
  const never = new Set(["csrf_token", "form_token"]);
  const typed = "input:not([type=hidden]):not([type=checkbox]):not([type=radio]), textarea, select";
  const forms = all("main form[method=post]").filter((form) => all(typed, form).some((each) => each.offsetParent) && !form.querySelector("input[type=password], input[type=file]"));
  const addressOf = (form) => OURS + location.pathname + location.search + (forms.indexOf(form) ? "#" + forms.indexOf(form) : "");
  const drafts = () => Object.keys(localStorage).filter((key) => key.startsWith(OURS));
  const stored = (key) => { const text = localStorage.getItem(key); return text ? JSON.parse(text) : null; };

  // After a form was sent, the page that answers says whether it is saved.
  const sent = sessionStorage.getItem(SENT);
  if (sent) {
    sessionStorage.removeItem(SENT);
    if (document.querySelector("main .alert-success, main .erp-result")) localStorage.removeItem(sent);
  }
  drafts().forEach((key) => { if (Date.now() - stored(key).at > DAYS * 86400000) localStorage.removeItem(key); });
  document.addEventListener("submit", (event) => {
    if (new URL(event.target.action, location.href).pathname === document.body.dataset.signOut) drafts().forEach((key) => localStorage.removeItem(key));
  }, true);

  const values = (form) => {
    const fields = [], texts = {};
    all("input, textarea, select", form).forEach((each) => {
      if (!each.name || never.has(each.name) || each.disabled) return;
      fields.push([each.name, each.type === "checkbox" || each.type === "radio" ? [each.value, each.checked] : each.value]);
    });
    all(".erp-combo", form).forEach((box) => { texts[box.querySelector("input[type=hidden]").name] = box.querySelector("[role=combobox]").value; });
    return { fields, texts };
  };
  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

  const restore = (form, draft) => {
    const table = form.querySelector("table.erp-lines"), add = form.querySelector("[data-add-line]");
    const known = (name) => all("input, textarea, select", form).filter((each) => each.name === name);
    if (table && add) {
      draft.fields.map(([name]) => name).filter((name) => name.endsWith("-removed")).forEach((name) => {
        const number = Number(name.split("-").slice(-2)[0]);
        if (known(name).length) return;
        table.dataset.next = String(number);
        add.click();
      });
    }
    draft.fields.forEach(([name, value]) => {
      const fields = known(name);
      if (Array.isArray(value)) fields.filter((each) => each.value === value[0]).forEach((each) => { each.checked = value[1]; });
      else if (fields.length) fields[0].value = value;
      if (name.endsWith("-removed") && value === "1" && fields.length) {
        const row = fields[0].closest("tr");
        fields[0].value = "";
        if (!row.classList.contains("removed")) row.querySelector("[data-remove-line]").click(); else fields[0].value = "1";
      }
    });
    all(".erp-combo", form).forEach((box) => {
      const text = draft.texts[box.querySelector("input[type=hidden]").name];
      if (text !== undefined) box.dispatchEvent(new CustomEvent("restore", { detail: text }));
    });
    all("input.pick-all", form).forEach((every) => every.closest("table").querySelector("input.pick")?.dispatchEvent(new Event("change", { bubbles: true })));
  };
  const offer = (form, key, draft) => {
    const bar = document.createElement("div");
    bar.className = "alert alert-info erp-draft"; bar.setAttribute("role", "status");
    const text = document.createElement("div");
    text.textContent = erpText("You typed something here on {} and did not save it.", new Date(draft.at).toLocaleString(document.documentElement.lang));
    const button = (label, style, press) => {
      const made = document.createElement("button");
      made.type = "button"; made.className = "btn btn-sm " + style; made.textContent = label;
      made.addEventListener("click", () => { press(); bar.remove(); });
      return made;
    };
    bar.append(text, button(erpText("Restore it"), "btn-primary", () => { restore(form, draft); keep(form); }), button(erpText("Discard it"), "btn-quiet", () => localStorage.removeItem(key)));
    form.before(bar);
  };

  // What the form has at first; where the server sent it back with what is wrong, it has what was typed already.
  const begun = new Map();
  const keep = (form) => {
    const now = values(form), key = addressOf(form);
    if (same(now, begun.get(form))) { localStorage.removeItem(key); return; }
    try { localStorage.setItem(key, JSON.stringify({ at: Date.now(), ...now })); }
    catch (full) { if (full.name === "QuotaExceededError") drafts().filter((each) => each !== key).forEach((each) => localStorage.removeItem(each)); else throw full; }
  };
  const isDirty = (form) => !form.dataset.left && (form.dataset.returned || !same(values(form), begun.get(form)));
  forms.forEach((form) => {
    begun.set(form, values(form));
    const key = addressOf(form), draft = stored(key), isReturned = Boolean(document.querySelector("main .alert-danger"));
    if (isReturned) form.dataset.returned = "1";
    else if (draft && !same({ fields: draft.fields, texts: draft.texts }, begun.get(form))) offer(form, key, draft);
    let timer = 0;
    const later = () => { clearTimeout(timer); timer = setTimeout(() => { if (!form.dataset.left) keep(form); }, 250); };
    form.addEventListener("input", later);
    form.addEventListener("change", later);
    form.addEventListener("click", later);
  });
  const leave = (form) => { form.dataset.left = "1"; };
  document.addEventListener("click", (event) => {
    const anchor = event.target.closest(".erp-actions a");
    const form = anchor && anchor.closest("form");
    if (form && begun.has(form)) { leave(form); localStorage.removeItem(addressOf(form)); }
  });
  window.addEventListener("beforeunload", (event) => { if (forms.some(isDirty)) event.preventDefault(); });
  window.addEventListener("pageshow", () => forms.forEach((form) => { delete form.dataset.left; }));

  // Sending: a page that has been open for long first asks whether the session still runs. Where it ended sooner, the
  // server asks to sign in, and what was typed is offered when the form is opened again.
  const FRESH = 5 * 60 * 1000;
  let asked = Date.now();
  const say = (form, message) => {
    all(".erp-unsent", form).forEach((each) => each.remove());
    const text = document.createElement("p");
    text.className = "erp-unsent text-danger"; text.setAttribute("role", "alert"); text.textContent = message;
    form.append(text);
  };
  const session = () => fetch(document.body.dataset.session, { headers: { Accept: "application/json" }, cache: "no-store" })
    .then((answer) => (answer.redirected || answer.status === 401 ? null : answer.ok ? (asked = Date.now(), answer.json()) : Promise.reject(new Error(answer.status))));
  const note = (form) => {
    keep(form);
    sessionStorage.setItem(SENT, addressOf(form));
    leave(form);
  };
  const send = (form, submitter) => {
    form.dataset.checked = "1";
    form.requestSubmit(submitter && submitter.isConnected ? submitter : undefined);
    delete form.dataset.checked;
  };
  const go = (form, submitter, found) => {
    if (String(found.user) !== user) { say(form, erpText("Somebody else is signed in now. Sign in with the name that you had; what you typed is kept.")); return; }
    all("input[name=csrf_token]").forEach((each) => { each.value = found.csrf_token; });
    send(form, submitter);
  };
  const signIn = (form, submitter) => {
    const dialog = document.createElement("dialog"), page = document.body.dataset.signIn;
    dialog.className = "erp-palette erp-dialog erp-sign-in"; dialog.setAttribute("aria-label", erpText("Sign in"));
    document.body.append(dialog);
    const failed = () => { dialog.close(); say(form, erpText("The server cannot be reached. What you typed is kept in this browser.")); };
    const show = (answer) => answer.text().then((html) => {
      const shown = new DOMParser().parseFromString(html, "text/html"), part = shown.querySelector("main form");
      const isStill = part && new URL(answer.url).pathname.startsWith(page);
      if (!isStill) return session().then((found) => { if (found) { dialog.close(); go(form, submitter, found); } else failed(); });
      const intro = document.createElement("p");
      intro.textContent = erpText("Your session has ended. Sign in again, and the form is saved.");
      dialog.replaceChildren(intro, ...all("main .alert", shown), part);
      all(".alert .close", dialog).forEach((each) => each.remove());
      part.dataset.url = new URL(part.getAttribute("action") || answer.url, answer.url).href;
      (part.querySelector("[autofocus]") || part.querySelector("input:not([type=hidden])")).focus();
    });
    dialog.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation();
      const body = new FormData(event.target, event.submitter || undefined);
      fetch(event.target.dataset.url, { method: "POST", body }).then(show).catch(failed);
    });
    dialog.addEventListener("close", () => dialog.remove());
    dialog.showModal();
    fetch(page).then(show).catch(failed);
  };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!begun.has(form) || event.defaultPrevented) return;
    if (form.dataset.checked || Date.now() - asked < FRESH) { note(form); return; }
    event.preventDefault();
    event.stopImmediatePropagation();
    if (form.dataset.asking) return;
    form.dataset.asking = "1";
    keep(form);
    session()
      .then((found) => { if (found) go(form, event.submitter, found); else signIn(form, event.submitter); })
      .catch(() => say(form, erpText("The server cannot be reached. What you typed is kept in this browser: send it again.")))
      .finally(() => delete form.dataset.asking);
  }, true);
})();
