// The pages work without this. It keeps them up to date, and adds keys.
"use strict";

(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector, root = document) => root.querySelector(selector);

  // ---- What is ticked

  const boxes = () => all('#list input[name="id"]');

  function countTicked() {
    const output = one("#ticked");
    if (!output) return;
    const n = boxes().filter((box) => box.checked).length;
    output.textContent = n;
    for (const button of all("[data-ticked]")) button.disabled = n === 0;
    const tickAll = one("#tick-all");
    if (tickAll) {
      tickAll.hidden = false;
      tickAll.checked = n > 0 && n === boxes().length;
      tickAll.indeterminate = n > 0 && n < boxes().length;
    }
  }

  document.addEventListener("change", (event) => {
    if (event.target.id === "tick-all") for (const box of boxes()) box.checked = event.target.checked;
    if (event.target.matches('#list input[type="checkbox"]')) countTicked();
  });

  // ---- Live: the service tells of a change, and the page is asked for again.
  // Of the answer those parts are taken over that are marked.

  const pause = 1000; // ms between two looks, at the least
  let source = null;
  let looking = false;
  let again = false;

  function say(on) {
    const live = one("#live");
    live.hidden = false;
    live.classList.toggle("off", !on);
    const text = on ? "live" : "not connected";
    if (live.textContent !== text) live.textContent = text;
  }

  function listen() {
    if (source || document.hidden || !document.body.dataset.stream) return;
    source = new EventSource(document.body.dataset.stream);
    source.addEventListener("change", (event) => {
      say(true);
      const now = JSON.parse(event.data);
      now.all = now.open + now.redriven + now.archived + now.discarded;
      for (const count of all("[data-count]")) count.textContent = now[count.dataset.count].toLocaleString("en-US");
      look();
    });
    source.addEventListener("error", () => {
      say(false);
      if (source.readyState === EventSource.CLOSED) { // an answer that it takes for final
        source = null;
        setTimeout(listen, 5000);
      }
    });
  }

  // A tab in the background needs no connection.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) return listen();
    if (source) source.close();
    source = null;
  });

  async function look() {
    if (!one("[data-live]")) return;
    if (looking) {
      again = true;
      return;
    }
    looking = true;
    const began = performance.now();
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.ok) takeOver(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // The next change, or the next beat of the stream, comes soon.
    }
    // A page that takes long to make is asked for less often.
    setTimeout(() => {
      looking = false;
      if (again) {
        again = false;
        look();
      }
    }, Math.max(pause, 4 * (performance.now() - began)));
  }

  // Rates change without a word of the service.
  const every = Number(document.body.dataset.every);
  if (every) setInterval(() => { if (!document.hidden) look(); }, every);

  // Whoever ticks, writes or selects in a part of the page keeps it as it is.
  function busy(part) {
    const active = document.activeElement;
    const selected = getSelection();
    return all('input[type="checkbox"]:checked', part).length > 0
      || (part.contains(active) && active.matches('input:not([type="checkbox"]), select, textarea'))
      || (selected && !selected.isCollapsed && selected.containsNode(part, true));
  }

  // A button that is replaced between its being pressed and let go is not clicked.
  let held = false;
  document.addEventListener("pointerdown", () => { held = true; });
  for (const end of ["pointerup", "pointercancel", "dragend"]) {
    document.addEventListener(end, () => setTimeout(() => { held = false; }));
  }

  function takeOver(fresh) {
    if (held) {
      again = true;
      return;
    }
    for (const part of all("[data-live]")) {
      const next = fresh.getElementById(part.id);
      if (!next) continue;
      for (const details of all("details[id]", part)) {
        const same = next.querySelector("#" + CSS.escape(details.id));
        if (same) same.open = details.open;
      }
      if (busy(part)) {
        offer(part);
        continue;
      }
      const active = part.contains(document.activeElement) ? mark(document.activeElement) : null;
      const scrolled = all("pre", part).map((pre) => pre.scrollTop);
      const taken = document.importNode(next, true);
      part.replaceWith(taken);
      all("pre", taken).forEach((pre, i) => { pre.scrollTop = scrolled[i] || 0; });
      const focus = active && all("a, button, input, summary, pre", taken).find((element) => mark(element) === active);
      if (focus) focus.focus({ preventScroll: true });
    }
    const changed = one("#changed");
    if (changed && !busy(one("#list"))) changed.remove();
    countTicked();
  }

  // What an element is, over two versions of a page.
  const mark = (element) => [element.tagName, element.id, element.getAttribute("href"), element.getAttribute("name"),
    element.getAttribute("value"), element.getAttribute("formaction"), element.parentElement && element.parentElement.id].join(" ");

  function offer(part) {
    if (part.id !== "list" || one("#changed")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.id = "changed";
    button.className = "changed";
    button.textContent = "The list has changed. Show it, and untick all";
    button.addEventListener("click", () => {
      for (const box of boxes()) box.checked = false;
      button.remove();
      getSelection().removeAllRanges();
      look();
    });
    part.before(button);
  }

  // ---- Keys

  const keysOff = "kafka-notify.keys-off";
  const dialog = one("#keys");
  const keysOn = one("#keys-on");
  try {
    keysOn.checked = localStorage.getItem(keysOff) === null;
  } catch {
    // Nothing may be kept here: the keys are on.
  }
  keysOn.addEventListener("change", () => {
    try {
      if (keysOn.checked) localStorage.removeItem(keysOff);
      else localStorage.setItem(keysOff, "1");
    } catch {
      // It holds for this page.
    }
  });
  const showKeys = one("#show-keys");
  showKeys.hidden = false;
  showKeys.addEventListener("click", () => dialog.showModal());

  const rows = () => all("a.row");
  const current = () => rows().findIndex((row) => row.closest("tr").contains(document.activeElement));

  function move(step) {
    const list = rows();
    if (list.length === 0) return;
    const at = current();
    const to = at < 0 ? (step > 0 ? 0 : list.length - 1) : Math.min(Math.max(at + step, 0), list.length - 1);
    list[to].focus();
  }

  function tick() {
    const at = current();
    const box = at >= 0 && one('input[name="id"]', rows()[at].closest("tr"));
    if (!box) return false;
    box.checked = !box.checked;
    countTicked();
    return true;
  }

  // press does what the button or link of a key does. With nothing ticked, it is
  // meant for the message that has the focus.
  function press(key) {
    const target = one('[data-key="' + CSS.escape(key) + '"]');
    if (!target) return false;
    if (target.matches("[data-ticked]") && target.disabled && !tick()) return false;
    target.click();
    return true;
  }

  document.addEventListener("keydown", (event) => {
    const field = event.target;
    const writes = field.matches('input:not([type="checkbox"], [type="radio"]), select, textarea');
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && field.id === "value") {
      event.preventDefault();
      one("#try").click();
      return;
    }
    if (event.key === "Escape" && writes) {
      field.blur();
      return;
    }
    if (writes || dialog.open || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key !== "?" && !keysOn.checked) return;
    let done = true;
    switch (event.key) {
      case "?": dialog.showModal(); break;
      case "/": (one("#filter") || { focus() {} }).focus(); break;
      case "j": move(1); break;
      case "k": move(-1); break;
      case "x": done = tick(); break;
      default: done = event.key.length === 1 && press(event.key);
    }
    if (done) event.preventDefault();
  });

  // ---- An edit is sent as it was tried

  const value = one("#value");
  const send = one("#send");
  if (value && send) {
    const tried = value.value;
    value.addEventListener("input", () => {
      send.disabled = value.value !== tried;
      one("#untried").hidden = !send.disabled;
    });
  }

  countTicked();
  listen();
})();
