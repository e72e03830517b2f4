"use strict";
// The stream of what runs now in, the page as it stands out; where no stream opens, it is asked
// for every few seconds, and the stream is tried again after a while.
(() => {
  const POLL = 3000;
  const AGAIN = 30000;
  const place = document.getElementById("live");
  const how = document.getElementById("how");
  let source = null;
  let timer = 0;
  let failures = 0;

  // what came is escaped by the server; it is parsed as a document of its own, where nothing runs
  const show = (text) => {
    const page = new DOMParser().parseFromString(text, "text/html");
    place.replaceChildren(...[...page.body.children].map((each) => document.adoptNode(each)));
  };

  const say = (text, tone) => { how.textContent = text; how.dataset.tone = tone; };

  const ask = async () => {
    try {
      const answer = await fetch(place.dataset.now, {headers: {"HX-Request": "true"}});
      const login = answer.headers.get("HX-Redirect");
      if (login) { location.reload(); return; }
      if (!answer.ok) throw new Error(String(answer.status));
      show(await answer.text());
      say("asked for every 3 seconds", "open");
    } catch {
      say("the server does not answer; tried again every 3 seconds", "bad");
    }
  };

  const poll = () => {
    if (timer) return;
    ask();
    timer = setInterval(ask, POLL);
    setTimeout(listen, AGAIN);
  };

  const listen = () => {
    if (source) source.close();
    source = new EventSource(place.dataset.stream);
    source.addEventListener("open", () => {
      failures = 0;
      clearInterval(timer);
      timer = 0;
      say("live", "good");
    });
    source.addEventListener("now", (event) => show(event.data));
    source.addEventListener("error", () => {
      failures += 1;
      if (source.readyState === EventSource.CLOSED || failures > 2) { source.close(); poll(); }
    });
  };

  addEventListener("pagehide", () => { if (source) source.close(); clearInterval(timer); });
  addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
  if (window.EventSource) listen(); else poll();
})();
