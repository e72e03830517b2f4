"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const make = (tag, text, name) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (name) made.className = name;
    return made;
  };

  // light or dark, kept while the page is open
  $("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  // one picture, larger, with everything that was said of it
  const more = $("more");
  const show = (card) => {
    const detail = card.querySelector("template").content.cloneNode(true);
    const picture = card.querySelector(".pic").cloneNode(true);
    detail.querySelector(".detail-picture").append(picture);
    more.lastElementChild.replaceChildren(detail);
    more.showModal();
    more.scrollTop = 0;
  };
  document.querySelectorAll(".open-card").forEach((button) => {
    button.addEventListener("click", () => show(button.closest(".card")));
  });
  more.querySelector(".close").addEventListener("click", () => more.close());
  more.addEventListener("click", (event) => { if (event.target === more) more.close(); });

  // the wall by kind of fault
  const chips = document.querySelector("#worst .chips");
  if (chips) {
    const cards = [...document.querySelectorAll("#worst .card")];
    const counts = new Map();
    cards.forEach((card) => card.dataset.modes.split(" ").filter(Boolean).forEach(
      (mode) => counts.set(mode, (counts.get(mode) || 0) + 1)));
    const pick = (mode, chosen) => {
      cards.forEach((card) => {
        card.hidden = Boolean(mode) && !card.dataset.modes.split(" ").includes(mode);
      });
      [...chips.children].forEach((chip) => chip.setAttribute("aria-pressed", String(chip === chosen)));
    };
    const add = (mode, label) => {
      const chip = make("button", label);
      chip.type = "button";
      chip.setAttribute("aria-pressed", String(!mode));
      chip.addEventListener("click", () => pick(mode, chip));
      chips.append(chip);
    };
    add("", `all ${cards.length}`);
    [...counts].sort((a, b) => b[1] - a[1]).slice(0, 12)
      .forEach(([mode, count]) => add(mode, `${mode.replace(".", ": ").replaceAll("_", " ")} ${count}`));
  }

  // all rows, a page at a time
  const data = $("rows") && JSON.parse($("rows").textContent);
  if (!data || !data.rows.length) return;
  const PAGE = 50;
  const [KEY, STATUS, SCORE, VALUES, REASON] = [0, 1, 2, 3, 4];
  let page = 0, sorted = null, up = true, shown = data.rows;
  $("table").hidden = false;
  data.statuses.forEach((name, at) => {
    const option = make("option", name);
    option.value = String(at);
    $("status").append(option);
  });
  const columns = [["entry", (row) => row[KEY]], ["status", (row) => data.statuses[row[STATUS]]],
    ["score", (row) => row[SCORE]],
    ...data.judges.map((judge, at) => [judge.name, (row) => row[VALUES][at] ?? null])];
  const header = make("tr");
  columns.forEach(([name, of], at) => {
    const cell = make("th", undefined, at > 1 ? "n" : "");
    const button = make("button", name);
    button.type = "button";
    button.addEventListener("click", () => {
      up = sorted === of ? !up : true;
      sorted = of;
      header.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
      cell.setAttribute("aria-sort", up ? "ascending" : "descending");
      filter();
    });
    cell.append(button);
    header.append(cell);
  });
  header.append(make("th", "reason"));
  document.querySelector(".rows thead").append(header);

  const line = (row) => {
    const made = make("tr");
    const name = make("th");
    name.scope = "row";
    name.append(make("bdi", row[KEY]));
    made.append(name);
    const status = make("td");
    status.append(make("span", data.statuses[row[STATUS]], `badge ${data.statuses[row[STATUS]]}`));
    made.append(status, make("td", row[SCORE] === null ? "–" : row[SCORE].toFixed(2), "n"));
    data.judges.forEach((judge, at) => {
      const value = row[VALUES][at];
      const bad = value !== null && value !== undefined && judge.threshold !== null && value < judge.threshold;
      made.append(make("td", value === null || value === undefined ? "–" : value.toFixed(2), bad ? "n bad" : "n"));
    });
    made.append(make("td", row[REASON], "why"));
    return made;
  };
  const draw = () => {
    const pages = Math.max(1, Math.ceil(shown.length / PAGE));
    page = Math.min(Math.max(page, 0), pages - 1);
    document.querySelector(".rows tbody").replaceChildren(
      ...shown.slice(page * PAGE, page * PAGE + PAGE).map(line));
    $("matches").textContent = `${shown.length.toLocaleString("en")} of ${data.rows.length.toLocaleString("en")}`;
    $("page").textContent = `${page + 1} / ${pages}`;
    $("back").disabled = page === 0;
    $("next").disabled = page === pages - 1;
  };
  const compare = (a, b) => {
    const [one, other] = [sorted(a), sorted(b)];
    if (one === other) return 0;
    if (one === null) return 1;
    if (other === null) return -1;
    return (one < other ? -1 : 1) * (up ? 1 : -1);
  };
  const filter = () => {
    const wanted = $("find").value.trim().toLowerCase();
    const status = $("status").value;
    shown = data.rows.filter((row) =>
      (status === "" || row[STATUS] === Number(status))
      && (!wanted || row[KEY].toLowerCase().includes(wanted) || row[REASON].toLowerCase().includes(wanted)));
    if (sorted) shown = [...shown].sort(compare);
    page = 0;
    draw();
  };
  $("find").addEventListener("input", filter);
  $("status").addEventListener("change", filter);
  $("back").addEventListener("click", () => { page -= 1; draw(); });
  $("next").addEventListener("click", () => { page += 1; draw(); });
  draw();
})();
