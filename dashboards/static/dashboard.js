"use strict";
// What every page does: theme, token on every write, keys on the wall. Charts are in charts.js.
(() => {
  const root = document.documentElement;

  const dark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;

  document.getElementById("theme").addEventListener("click", () => {
    const next = dark() ? "light" : "dark";
    root.dataset.theme = next;
    localStorage.setItem("sentinel-theme", next);
    document.dispatchEvent(new Event("sentinel:theme"));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
    document.dispatchEvent(new Event("sentinel:theme")));

  // every write says that a page of ours sent it; addresses hold nothing that is empty
  document.addEventListener("htmx:config:request", (event) => {
    const request = event.detail.ctx.request;
    request.headers["X-CSRF-Token"] = document.querySelector('meta[name="csrf"]').content;
    const body = request.body;
    if (request.method === "GET" && body && typeof body.delete === "function") {
      for (const [key, value] of [...body.entries()]) if (value === "") body.delete(key);
    }
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("select[data-go]")) location.assign(event.target.value);
  });

  // back to the wall as it was, where that is where one came from
  document.addEventListener("click", (event) => {
    const back = event.target.closest && event.target.closest("[data-back]");
    if (back && document.referrer.startsWith(location.origin) && document.referrer.includes("/pictures")) {
      event.preventDefault();
      history.back();
    }
  });

  // what is folded on the screen is read on paper
  addEventListener("beforeprint", () => {
    for (const each of document.querySelectorAll("details:not([open])")) { each.open = true; each.dataset.folded = ""; }
  });
  addEventListener("afterprint", () => {
    for (const each of document.querySelectorAll("details[data-folded]")) { each.open = false; delete each.dataset.folded; }
  });

  const tiles = () => [...document.querySelectorAll("[data-tile]")];

  const perRow = (all) => {
    const top = all[0].getBoundingClientRect().top;
    return all.findIndex((tile) => tile.getBoundingClientRect().top > top + 4);
  };

  document.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.target.matches("input, select, textarea")) return;
    const all = tiles();
    if (!all.length) return;
    const row = perRow(all);
    const steps = {
      ArrowRight: 1, ArrowLeft: -1, j: 1, k: -1,
      ArrowDown: row > 0 ? row : all.length, ArrowUp: row > 0 ? -row : -all.length,
    };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const now = all.indexOf(document.activeElement);
    const next = now < 0 ? 0 : Math.min(all.length - 1, Math.max(0, now + steps[event.key]));
    all[next].focus();
    all[next].scrollIntoView({block: "nearest"});
  });
})();
