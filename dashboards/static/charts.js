"use strict";
// An element with data-chart="KIND" and its JSON in, a drawing out. A page that needs another
// drawing adds it to `kinds`: data and colours in, an ECharts option out.
(() => {
  const drawn = new Map();

  const colours = () => {
    const style = getComputedStyle(document.documentElement);
    return (name) => style.getPropertyValue(`--${name}`).trim();
  };

  const two = (number) => String(number).padStart(2, "0");
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

  // times are UTC, as they are counted
  const day = (ms) => { const at = new Date(ms); return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}`; };
  const clock = (ms) => { const at = new Date(ms); return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`; };
  const percent = (value) => (value === null || value === undefined ? "–" : `${(value * 100).toFixed(1)}\u202f%`);

  // built of nodes, never of text that is read as HTML: names come from outside
  const node = (tag, name, text) => {
    const made = document.createElement(tag);
    if (name) made.className = name;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  const told = (data, at) => {
    const box = node("div", "tip");
    const hour = data.width < 86400000 ? ` ${clock(data.times[at])} UTC` : "";
    box.append(node("b", "", day(data.times[at]) + hour));
    const rows = [
      ["accent", "pass rate", percent(data.rate[at])],
      ["", "95\u202f% interval", data.low[at] === null ? "–" : `${percent(data.low[at])} – ${percent(data.high[at])}`],
      ["first", "first try", percent(data.first[at])],
      ["passed", "passed", data.passed[at]], ["failed", "regenerate", data.failed[at]],
      ["refused", "gate failures", data.refused[at]], ["undecided", "undecided", data.undecided[at]],
    ];
    for (const [tone, label, value] of rows) {
      const row = node("div", "row");
      row.append(node("i", `dot ${tone}`), node("span", "", label), node("em", "", String(value)));
      box.append(row);
    }
    return box;
  };

  const marks = (data, colour) => {
    const at = new Map();
    for (const turn of data.turns) {
      const step = Math.max(data.times[0], turn.at - (turn.at % data.width));
      at.set(step, [...(at.get(step) || []), turn]);
    }
    return [...at].map(([step, turns]) => ({
      xAxis: String(step),
      name: turns.map((turn) => turn.what === "policy" ? `policy ${turn.policy} changed` : `model ${turn.name || "(none)"}`).join(", "),
      label: {
        show: true, position: "end", rotate: 0, color: colour("soft"), fontSize: 11, distance: 6,
        align: data.times.indexOf(step) > data.times.length * 0.75 ? "right" : data.times.indexOf(step) < data.times.length * 0.25 ? "left" : "center",
        formatter: (mark) => mark.name.length > 34 ? `${mark.name.slice(0, 33)}…` : mark.name,
      },
      lineStyle: {color: colour("muted"), type: [3, 3], width: 1},
    }));
  };

  const timeline = (data, colour, narrow) => {
    const times = data.times.map(String);
    const font = {color: colour("muted"), fontSize: 11, fontFamily: "Inter, system-ui, sans-serif"};
    const quiet = {axisLine: {lineStyle: {color: colour("line")}}, axisTick: {show: false}};
    const bar = (name, key) => ({
      name, type: "bar", stack: "all", xAxisIndex: 1, yAxisIndex: 1, data: data[key], barMaxWidth: 34,
      barCategoryGap: "22%", itemStyle: {color: colour(key)}, emphasis: {disabled: true},
    });
    const span = data.times.length;
    const DAY = 86400000;
    const short = span * data.width <= DAY;
    const every = Math.max(1, Math.ceil(span / (narrow ? 5 : 10)));
    const label = (value) => (short ? clock : day)(Number(value));
    const ticks = (at, value) => !short && data.width < DAY
      ? Number(value) % DAY === 0 && (!narrow || (Number(value) / DAY) % 2 === 0)
      : at % every === 0;
    const least = Math.min(...data.low.filter((low) => low !== null));
    const line = (name, key, tone, width, more) => ({
      name, type: "line", data: data[key], symbol: "circle", symbolSize: 5, showSymbol: false, showAllSymbol: false,
      connectNulls: false, lineStyle: {color: colour(tone), width}, itemStyle: {color: colour(tone)},
      emphasis: {disabled: true}, z: 3, ...more,
    });
    const alone = (list, at) => list[at] !== null && (list[at - 1] ?? null) === null && (list[at + 1] ?? null) === null;
    const dots = data.rate.map((value, at) => (alone(data.rate, at) ? value : null));
    const height = data.high.map((high, at) => (high === null ? null : high - data.low[at]));
    return {
      animation: false, useUTC: true, aria: {enabled: false},
      textStyle: {fontFamily: font.fontFamily},
      grid: [{left: 44, right: 8, top: 22, height: narrow ? 150 : 176}, {left: 44, right: 8, top: narrow ? 194 : 222, height: 56}],
      axisPointer: {link: [{xAxisIndex: "all"}], lineStyle: {color: colour("muted"), type: "solid", width: 1}, label: {show: false}},
      tooltip: {
        trigger: "axis", renderMode: "html", appendTo: "body", className: "tooltip", transitionDuration: 0, confine: false,
        backgroundColor: colour("surface"), borderColor: colour("line"), padding: 10, extraCssText: "",
        formatter: (found) => told(data, found[0].dataIndex),
      },
      xAxis: [0, 1].map((at) => ({
        type: "category", gridIndex: at, data: times, boundaryGap: true, ...quiet,
        axisLabel: {...font, show: at === 1, formatter: label, interval: ticks, hideOverlap: true, margin: 10},
        splitLine: {show: false},
      })),
      yAxis: [
        {type: "value", min: least > 0.55 ? 0.5 : 0, max: 1, interval: least > 0.55 ? 0.125 : 0.25, ...quiet, axisLine: {show: false},
          axisLabel: {...font, formatter: (value) => `${+(value * 100).toFixed(1)}\u202f%`}, splitLine: {lineStyle: {color: colour("hair")}}},
        {type: "value", gridIndex: 1, min: 0, splitNumber: 2, minInterval: 1, ...quiet, axisLine: {show: false}, axisLabel: font,
          splitLine: {lineStyle: {color: colour("hair")}}},
      ],
      series: [
        {name: "low", type: "line", data: data.low, stack: "band", symbol: "none", lineStyle: {opacity: 0}, silent: true, emphasis: {disabled: true}, tooltip: {show: false}},
        {name: "band", type: "line", data: height, stack: "band", symbol: "none", lineStyle: {opacity: 0}, silent: true, emphasis: {disabled: true},
          areaStyle: {color: colour("accent"), opacity: 0.13}, tooltip: {show: false}},
        line("first try", "first", "first", 1.25, {lineStyle: {color: colour("first"), width: 1.25, type: [4, 3]}}),
        line("pass rate", "rate", "accent", 2, {markLine: {symbol: "none", silent: true, animation: false, data: marks(data, colour)}}),
        {name: "alone", type: "line", data: dots, symbol: "circle", symbolSize: 6, showSymbol: true, showAllSymbol: true, lineStyle: {opacity: 0},
          itemStyle: {color: colour("accent")}, silent: true, emphasis: {disabled: true}, tooltip: {show: false}, z: 4},
        bar("passed", "passed"), bar("regenerate", "failed"), bar("gate failures", "refused"), bar("undecided", "undecided"),
      ],
    };
  };

  const kinds = {timeline};

  const draw = (place) => {
    const data = JSON.parse(place.nextElementSibling.textContent);
    const chart = drawn.get(place) || echarts.init(place, null, {renderer: "canvas"});
    drawn.set(place, chart);
    chart.setOption(kinds[place.dataset.chart](data, colours(), place.clientWidth < 560), true);
    place.dataset.drawn = "yes";
  };

  const all = () => {
    for (const [place, chart] of drawn) {
      if (!place.isConnected) { chart.dispose(); drawn.delete(place); }
    }
    document.querySelectorAll("[data-chart]").forEach(draw);
  };

  let later = 0;
  addEventListener("resize", () => {
    clearTimeout(later);
    later = setTimeout(() => { for (const chart of drawn.values()) chart.resize(); all(); }, 80);
  });
  document.addEventListener("htmx:after:swap", all);
  document.addEventListener("htmx:after:restore", all);
  document.addEventListener("sentinel:theme", all);
  // paper is white, and as wide as it is, whatever the screen looks like
  const PAPER = 700;
  const root = document.documentElement;
  let theme;
  addEventListener("beforeprint", () => {
    theme = root.dataset.theme;
    root.dataset.theme = "light";
    for (const chart of drawn.values()) chart.resize({width: PAPER});
    all();
  });
  addEventListener("afterprint", () => {
    if (theme === undefined) delete root.dataset.theme; else root.dataset.theme = theme;
    for (const chart of drawn.values()) chart.resize({width: "auto"});
    all();
  });
  if (document.fonts && document.fonts.ready) document.fonts.ready.then(all); else all();
})();
