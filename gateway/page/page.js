/* Asks the gateway every second what is there, and shows it. */
(() => {
  const { Refused, arrange, ask, byId, copies, copyOf, milliseconds, put, quoted, showTime } = Tools;
  const EVERY = 1000;
  const GRAPHS_EVERY = 5000;
  const STEP = 50;
  const MOST = 200;
  const STATUS = ["Success", "Application error", "Developer error", "Internal error"];
  const WHY = {
    "Application error": "The action ran and answered with an error of its own.",
    "Developer error": "The container ended, could not be started, or answered what is no result.",
    "Internal error": "The gateway itself could not run the action.",
    "Timed out": "The action took longer than its limit allows.",
  };
  const cards = new Map();
  const figures = new Map();
  const rows = new Map();
  let codes = {};
  let limit = STEP;
  let shownActions = null;
  let shownLists = null;
  let newest = null;
  let drawn = 0;
  let timer = null;
  let turns = 0;

  async function refresh() {
    clearTimeout(timer);
    const turn = ++turns;
    try {
      const state = await ask(query());
      // Something else was asked for meanwhile, and is shown instead.
      if (turn !== turns) return;
      show(state);
      await showGraphs();
      say("");
    } catch (error) {
      if (error instanceof Refused) return askForKey();
      say("The gateway doesn’t answer. Is it still running? This page tries again.");
    }
    if (turn === turns) timer = document.hidden ? null : setTimeout(refresh, EVERY);
  }

  function query() {
    const action = byId("which").value;
    // One more than is shown tells whether there are more; whoever looks for few looks among all.
    const asked = isFiltered() ? MOST : Math.min(limit + 1, MOST);
    return `state?limit=${asked}` + (action ? `&action=${encodeURIComponent(action)}` : "");
  }

  function say(text) {
    if (byId("trouble").textContent !== text) byId("trouble").textContent = text;
  }

  function askForKey() {
    say(Tools.key === null ? "" : "The gateway doesn’t know this key.");
    Tools.key = null;
    byId("main").hidden = true;
    byId("login").hidden = false;
    byId("key").focus();
  }

  function show(state) {
    byId("login").hidden = true;
    byId("main").hidden = false;
    const actions = JSON.stringify(state.actions);
    if (actions !== shownActions) showActions(state.actions);
    shownActions = actions;
    if (byId("follow").checked || shownLists === null) showLists(state);
  }

  function showLists(state) {
    codes = state.codes;
    const lists = JSON.stringify([state.running, state.activations, codes, limit, filter()]);
    if (lists !== shownLists) showActivations(state.running, state.activations);
    shownLists = lists;
  }

  function showActions(actions) {
    const texts = actions.map((action) => JSON.stringify(action));
    for (const text of cards.keys()) if (!texts.includes(text)) cards.delete(text);
    figures.clear();
    actions.forEach((action, at) => {
      if (!cards.has(texts[at])) cards.set(texts[at], card(action));
      figures.set(action.name, cards.get(texts[at]).querySelector("figure"));
    });
    arrange(byId("actions"), texts.map((text) => cards.get(text)));
    byId("no-actions").hidden = actions.length > 0;
    showChoices(actions.map((action) => action.name));
    drawn = 0;
  }

  function showChoices(names) {
    const choices = byId("which");
    const before = choices.value;
    const first = choices.options[0];
    const rest = names.map((name) => Object.assign(document.createElement("option"), { value: name, textContent: name }));
    choices.replaceChildren(first, ...rest);
    choices.value = names.includes(before) ? before : "";
  }

  function card(action) {
    const made = copyOf("action");
    put(made, "h3", action.name);
    put(made, ".version", action.version);
    put(made, ".description", action.description);
    put(made, ".image", action.image === action.name ? "" : `Image ${action.image}`);
    return action.served ? callable(made, action) : lost(made, action);
  }

  function lost(made, action) {
    made.classList.add("unserved");
    for (const part of [".own", ".url", ".command"]) made.querySelector(part).remove();
    const isFolder = action.image === action.name;
    const how = isFolder ? "its folder" : `--image ${action.image}=FOLDER, or start Docker`;
    put(made, ".lost", `Not served by this gateway: start it with ${how}.`);
    return made;
  }

  function callable(made, action) {
    const url = action.url && location.origin + action.url;
    put(made, ".url a", url ?? "").href = url ?? "#";
    made.querySelector(".url").hidden = !url;
    const own = made.querySelector(".own");
    own.hidden = !url;
    own.href = `${url}/`;
    own.setAttribute("aria-label", `The model’s page: ${action.name}`);
    const options = action.options ? action.options + " " : "";
    const command = `curl ${options}${quoted(location.origin + action.call)}`;
    put(made, ".command code", command);
    const button = made.querySelector(".copy");
    button.setAttribute("aria-label", `Copy the command that calls ${action.name}`);
    copies(button, () => command);
    made.append(Requests.made(action, reveal));
    return made;
  }

  async function showGraphs() {
    const now = Date.now();
    if (now - drawn < GRAPHS_EVERY || figures.size === 0) return;
    drawn = now;
    const hour = await ask("hour");
    const byName = new Map(Object.entries(hour).map(([path, minutes]) => [nameIn(path), minutes]));
    for (const [name, figure] of figures) Graph.show(figure, byName.get(name), now);
  }

  function filter() {
    return [byId("which").value, byId("how").value, byId("words").value.trim().toLowerCase()];
  }

  function isFiltered() {
    return filter().some(Boolean);
  }

  function matches(activation) {
    const [, how, words] = filter();
    const { statusCode = 0, initTime } = { ...activation, ...notesOf(activation) };
    if (how === "good" && statusCode !== 0) return false;
    if (how === "bad" && statusCode === 0) return false;
    if (how === "cold" && initTime === undefined) return false;
    const { activationId } = activation;
    const text = [pathOf(activation), statusOf(activation), codes[activationId], activationId].join(" ");
    return text.toLowerCase().includes(words);
  }

  function showActivations(running, activations) {
    const isFirst = newest === null;
    const wanted = activations.filter(matches);
    const shown = wanted.slice(0, limit);
    const done = new Set(activations.map((activation) => activation.activationId));
    const [which, how] = filter();
    const underWay = running
      .filter((each) => !done.has(each.activationId) && !how && (!which || nameIn(each.path) === which))
      .sort((one, other) => other.start - one.start);
    const elements = [];
    for (const each of underWay) elements.push(row("running " + each.activationId, () => runningRow(each)));
    for (const each of shown) {
      elements.push(row(each.activationId, () => activationRow(each, isFirst)));
      showCode(elements.at(-1), codes[each.activationId]);
    }
    const kept = new Set(elements);
    for (const [id, element] of rows) if (!kept.has(element)) rows.delete(id);
    arrange(byId("list"), elements);
    byId("no-activations").hidden = elements.length > 0 || isFiltered();
    byId("no-match").hidden = elements.length > 0 || !isFiltered();
    byId("more").hidden = wanted.length <= limit;
    tell(activations);
  }

  // For those who don’t see the list: what came last, not each one of a hundred.
  function tell(activations) {
    const latest = activations[0];
    const id = latest?.activationId ?? "";
    if (newest !== null && latest && newest !== id) {
      const words = [nameIn(pathOf(latest)), statusOf(latest), codes[id], milliseconds(latest.duration ?? 0)];
      byId("news").textContent = words.filter(Boolean).join(", ");
    }
    newest = id;
  }

  function row(id, make) {
    if (!rows.has(id)) rows.set(id, make());
    return rows.get(id);
  }

  function nameIn(path) {
    return path.split("/").slice(1).join("/");
  }

  function notesOf(activation) {
    return Object.fromEntries(activation.annotations.map(({ key, value }) => [key, value]));
  }

  // A trigger that was fired has neither path nor status nor end.
  function pathOf(activation) {
    return notesOf(activation).path ?? `${activation.namespace}/${activation.name}`;
  }

  function statusOf(activation) {
    if (notesOf(activation).timeout) return "Timed out";
    return STATUS[activation.statusCode ?? 0] ?? "Unknown";
  }

  function runningRow(order) {
    const made = document.createElement("li");
    made.className = "running";
    for (const name of ["status", "code", "name", "start", "duration"]) {
      made.append(Object.assign(document.createElement("span"), { className: name }));
    }
    made.append(document.createElement("time"));
    put(made, ".status", "Running");
    put(made, ".name", nameIn(order.path));
    showTime(made.querySelector("time"), order.start);
    return made;
  }

  function activationRow(activation, isFirst) {
    const made = copyOf("activation");
    const notes = notesOf(activation);
    const isCold = notes.initTime !== undefined;
    const { statusCode = 0, duration = 0 } = activation;
    made.classList.add(statusCode === 0 ? "good" : "bad", isCold ? "cold" : "warm");
    if (!isFirst) made.classList.add("fresh");
    const why = put(made, ".why", WHY[statusOf(activation)]);
    put(made, ".status", statusOf(activation)).title = why.textContent;
    put(made, ".name", nameIn(pathOf(activation)));
    const start = put(made, ".start", isCold ? "cold" : "warm");
    start.title = isCold ? `The start took ${milliseconds(notes.initTime)} of it.` : "The container ran already.";
    put(made, ".duration", milliseconds(duration));
    showTime(made.querySelector("time"), activation.start);
    put(made, ".id", activation.activationId);
    put(made, ".wait", milliseconds(notes.waitTime ?? 0));
    made.querySelector("details").addEventListener("toggle", () => showDetails(made, activation.activationId));
    return made;
  }

  // The code comes later than its row where many records are read for the first time.
  function showCode(made, code = "") {
    const element = made.querySelector(".code");
    if (element.textContent !== String(code)) element.textContent = code;
    made.classList.toggle("refused", code >= 400 && !made.classList.contains("bad"));
    made.classList.toggle("good", !made.classList.contains("bad") && !made.classList.contains("refused"));
  }

  async function showDetails(made, id) {
    if (!made.querySelector("details").open) return;
    const log = made.querySelector(".log");
    if (!made.dataset.details) await fetchDetails(made, log, id);
    // What went wrong stands last.
    log.scrollTop = log.scrollHeight;
  }

  async function fetchDetails(made, log, id) {
    try {
      const details = await ask(`activations/${id}`);
      const result = put(made, ".result", details.result);
      put(made, ".result-title", details.title);
      result.setAttribute("aria-label", details.title);
      log.textContent = details.log || "Nothing was printed.";
      made.dataset.details = "there";
    } catch (error) {
      log.textContent = error instanceof Refused ? "Not without the key." : error.message;
    }
  }

  // Whatever the list is filtered by, and also where it doesn't follow.
  async function reveal(id) {
    for (const name of ["which", "how", "words"]) byId(name).value = "";
    await shownAnew();
    if (!rows.has(id)) {
      limit = MOST - 1;
      await shownAnew();
    }
    const details = rows.get(id)?.querySelector("details");
    if (!details) return false;
    details.open = true;
    details.firstElementChild.focus({ preventScroll: true });
    details.scrollIntoView({ block: "start" });
    return true;
  }

  function shownAnew() {
    shownLists = null;
    return refresh();
  }

  byId("main").dataset.calls = Tools.hasToken ? "all" : "web";
  byId("host").textContent = location.host;
  byId("login").addEventListener("submit", (event) => {
    event.preventDefault();
    Tools.key = byId("key").value.trim();
    byId("key").value = "";
    refresh();
  });
  byId("more").addEventListener("click", () => {
    limit = Math.min(limit + STEP, MOST - 1);
    refresh();
  });
  for (const name of ["which", "how", "follow"]) byId(name).addEventListener("change", shownAnew);
  byId("words").addEventListener("input", shownAnew);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && byId("login").hidden) refresh();
  });
  refresh();
})();
