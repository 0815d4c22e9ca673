/* The last hour of one action: a line for each minute from the shortest duration to the longest,
   a dot at the middle one, a cross where one has failed. The scale is logarithmic. */
const Graph = (() => {
  const { milliseconds, put } = Tools;
  const SVG = "http://www.w3.org/2000/svg";
  const MINUTES = 60;
  const NARROWEST = 240;
  const HEIGHT = 90;
  const LEFT = 4;
  const FOR_WORDS = 56;
  const TOP = 10;
  const BOTTOM = 66;
  const RULES = [1, 10, 100, 1000, 10000, 100000];

  function drawn(name, attributes, text = "") {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    return made;
  }

  function scale(minutes) {
    const longest = Math.max(10, ...minutes.map((each) => each.longest));
    const shortest = Math.max(1, Math.min(...minutes.map((each) => each.shortest)));
    const high = 10 ** Math.ceil(Math.log10(longest));
    const low = Math.min(high / 10, 10 ** Math.floor(Math.log10(shortest)));
    const span = Math.log10(high / low);
    return {
      rules: RULES.filter((rule) => rule >= low && rule <= high),
      at: (duration) => BOTTOM - (Math.log10(Math.max(duration, low) / low) / span) * (BOTTOM - TOP),
    };
  }

  function ruled(svg, { rules, at }, right) {
    for (const rule of rules) {
      const y = at(rule);
      svg.append(drawn("line", { class: "rule", x1: LEFT, x2: right, y1: y, y2: y }));
      const text = rule < 1000 ? `${rule} ms` : `${rule / 1000} s`;
      svg.append(drawn("text", { x: right + 8, y: y + 3.5 }, text));
    }
    svg.append(drawn("text", { x: LEFT, y: 84 }, "an hour ago"));
    svg.append(drawn("text", { x: right, y: 84, "text-anchor": "end" }, "now"));
  }

  function mark(svg, minute, x, at) {
    const { shortest, middle, longest, failed } = minute;
    svg.append(drawn("line", { class: "span", x1: x, x2: x, y1: at(shortest), y2: at(longest) }));
    svg.append(drawn("circle", { class: "middle", cx: x, cy: at(middle), r: 3 }));
    if (!failed) return;
    const y = at(longest);
    const path = `M${x - 4} ${y - 4}l8 8m0 -8l-8 8`;
    svg.append(drawn("path", { class: "failed", d: path }));
  }

  function minuteFromList([start, count, failed, shortest, middle, longest]) {
    return { start, count, failed, shortest, middle, longest };
  }

  function summary(minutes) {
    const sum = (of) => minutes.reduce((total, each) => total + of(each), 0);
    const count = sum((each) => each.count);
    const failed = sum((each) => each.failed);
    const usual = [...minutes].sort((one, other) => one.middle - other.middle);
    const words = [
      count === 1 ? "1 activation in the last hour" : `${count} activations in the last hour`,
      `typically ${milliseconds(usual[usual.length >> 1].middle)}`,
      `at most ${milliseconds(Math.max(...minutes.map((each) => each.longest)))}`,
      failed ? `${failed} failed` : "none failed",
    ];
    return words.join(", ") + ".";
  }

  function show(figure, lists, now) {
    const minutes = (lists ?? []).map(minuteFromList);
    figure.hidden = minutes.length === 0;
    if (figure.hidden) return;
    const svg = figure.querySelector("svg");
    // As wide as it is shown: words and dots are as large on a phone as on a desk.
    const width = Math.max(NARROWEST, figure.clientWidth);
    const right = width - FOR_WORDS;
    const measure = scale(minutes);
    const last = Math.floor(now / 60000);
    svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    svg.replaceChildren();
    ruled(svg, measure, right);
    for (const minute of minutes) {
      const ago = last - minute.start / 60000;
      const x = right - 6 - (ago * (right - LEFT - 12)) / MINUTES;
      if (ago >= 0 && ago <= MINUTES) mark(svg, minute, x, measure.at);
    }
    put(figure, "figcaption", summary(minutes));
  }

  return { show };
})();
