"use strict";
// The lab's controls in, an address out; and what the server makes of that in its place. Sliders
// move their number, the line in the histogram at once, and (a moment later) everything else.
(() => {
  const WAIT = 220;
  const controls = document.getElementById("controls");
  const scope = document.getElementById("scope");
  if (!controls) return;
  let later = 0;
  let asked = null;

  // only what was moved is in the address, so that it can be read
  const address = () => {
    const query = new URLSearchParams();
    for (const field of controls.querySelectorAll("input[type=hidden]:not([data-off])")) query.append(field.name, field.value);
    for (const field of controls.querySelectorAll("input[name][data-default]")) {
      const value = field.type === "checkbox" ? (field.checked ? "1" : "0") : field.disabled ? "none" : field.value;
      const same = value === field.dataset.default || (value !== "" && Number(value) === Number(field.dataset.default));
      if (value !== "" && !same) query.append(field.name, value);
    }
    return `${controls.getAttribute("action")}?${query}`;
  };

  const cut = (judge) => {
    const number = judge.querySelector("input[name^='t.']");
    const line = judge.querySelector(".cut");
    if (!number || !line) return;
    const at = number.disabled ? 0 : Number(number.value);
    line.classList.toggle("none", number.disabled);
    line.setAttribute("x1", `${at * 100}%`);
    line.setAttribute("x2", `${at * 100}%`);
    for (const bin of judge.querySelectorAll(".bin")) bin.classList.toggle("below", !number.disabled && Number(bin.dataset.start) < at);
  };

  const show = async () => {
    const where = address();
    if (asked) asked.abort();
    const mine = new AbortController();
    asked = mine;
    document.getElementById("tried").setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(where, {signal: mine.signal, headers: {"HX-Request": "true"}});
      if (answer.headers.get("HX-Redirect")) { location.assign(where); return; }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-part]")) {
        const fresh = page.getElementById(part.id);
        if (fresh) part.replaceWith(document.adoptNode(fresh));
      }
      history.replaceState(null, "", where);
      document.querySelectorAll("[data-judge]").forEach(cut);
    } catch (error) {
      if (error.name !== "AbortError") document.getElementById("tried").textContent = "The server does not answer. Move something to ask again.";
    } finally {
      if (asked === mine) document.getElementById("tried").removeAttribute("aria-busy");
    }
  };

  // without a script the box alone says whether the number counts; here the number shows it, too
  const bind = (box) => {
    for (const each of box.closest("[data-judge]").querySelectorAll("input[name^='t.'], [data-for^='t.']")) each.disabled = !box.checked;
  };
  controls.querySelectorAll("[data-threshold]").forEach(bind);

  controls.addEventListener("input", (event) => {
    const field = event.target;
    const judge = field.closest("[data-judge]");
    if (field.dataset.for) controls.elements[field.dataset.for].value = field.value;
    if (field.dataset.threshold !== undefined) bind(field);
    if (field.type === "number") {
      const slider = controls.querySelector(`[data-for="${CSS.escape(field.name)}"]`);
      if (slider) slider.value = field.value;
    }
    if (judge) cut(judge);
    clearTimeout(later);
    later = setTimeout(show, WAIT);
  });
  controls.addEventListener("submit", (event) => { event.preventDefault(); show(); });

  // other pictures or another policy are another page; what was moved stays with the same policy
  scope.addEventListener("change", (event) => {
    const query = event.target.name === "policy" ? new URLSearchParams() : new URL(address(), location.href).searchParams;
    for (const field of scope.elements) if (field.name) query.delete(field.name);
    for (const [key, value] of new FormData(scope)) if (value) query.append(key, value);
    location.assign(`${scope.getAttribute("action")}?${query}`);
  });
})();
