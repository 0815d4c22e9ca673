"use strict";
(() => {
  const EVERY = 1000;
  const STEP = 50;
  const MOST = 200;
  const STATUS = ["Success", "Application error", "Developer error", "Internal error"];
  const byId = (id) => document.getElementById(id);
  const cards = new Map();
  const rows = new Map();
  let key = null;
  let limit = STEP;
  let shownActions = null;
  let shownLists = null;
  let timer = null;

  class Refused extends Error {}

  async function ask(path) {
    const headers = key === null ? {} : { Authorization: "Basic " + btoa(key) };
    const answer = await fetch("/page/" + path, { headers, cache: "no-store", credentials: "omit" });
    if (answer.status === 403) throw new Refused();
    if (!answer.ok) throw new Error(`The gateway answered ${answer.status}.`);
    return answer.json();
  }

  async function refresh() {
    clearTimeout(timer);
    try {
      // One more than is shown tells whether there are more.
      show(await ask(`state?limit=${Math.min(limit + 1, MOST)}`));
      say("");
    } catch (error) {
      if (error instanceof Refused) return askForKey();
      say("The gateway doesn’t answer. Is it still running? This page tries again.");
    }
    timer = document.hidden ? null : setTimeout(refresh, EVERY);
  }

  function say(text) {
    if (byId("trouble").textContent !== text) byId("trouble").textContent = text;
  }

  function askForKey() {
    say(key === null ? "" : "The gateway doesn’t know this key.");
    key = null;
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
    const lists = JSON.stringify([state.running, state.activations, limit]);
    if (lists !== shownLists) showActivations(state.running, state.activations);
    shownLists = lists;
  }

  function copyOf(template) {
    return byId(template).content.firstElementChild.cloneNode(true);
  }

  function put(holder, selector, text) {
    const element = holder.querySelector(selector);
    element.textContent = text;
    element.hidden = !text;
    return element;
  }

  // Whoever has the focus, or a log open, keeps it: what is there already stays the same element.
  function arrange(list, elements) {
    for (const old of [...list.children]) if (!elements.includes(old)) old.remove();
    elements.forEach((element, at) => {
      if (list.children[at] !== element) list.insertBefore(element, list.children[at] ?? null);
    });
  }

  function showActions(actions) {
    const texts = new Set(actions.map((action) => JSON.stringify(action)));
    for (const text of cards.keys()) if (!texts.has(text)) cards.delete(text);
    for (const action of actions) {
      const text = JSON.stringify(action);
      if (!cards.has(text)) cards.set(text, card(action));
    }
    arrange(byId("actions"), actions.map((action) => cards.get(JSON.stringify(action))));
    byId("no-actions").hidden = actions.length > 0;
  }

  function card(action) {
    const made = copyOf("action");
    put(made, "h3", action.name);
    put(made, ".version", action.version);
    put(made, ".description", action.description);
    put(made, ".image", action.image === action.name ? "" : `Image ${action.image}`);
    const url = action.url && location.origin + action.url;
    put(made, ".url a", url ?? "").href = url ?? "#";
    made.querySelector(".url").hidden = !url;
    const own = made.querySelector(".own");
    own.hidden = !url;
    own.href = `${url}/`;
    own.setAttribute("aria-label", `The page of the model ${action.name}`);
    const command = `curl ${action.options ? action.options + " " : ""}${quoted(location.origin + action.call)}`;
    put(made, ".command code", command);
    const button = made.querySelector(".copy");
    // Clipboards are for secure origins, and this machine's own addresses.
    button.hidden = !navigator.clipboard;
    button.setAttribute("aria-label", `Copy the command that calls ${action.name}`);
    button.addEventListener("click", () => copy(button, command));
    return made;
  }

  function quoted(word) {
    return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`;
  }

  async function copy(button, text) {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  }

  function showActivations(running, activations) {
    const isFirst = shownLists === null;
    const shown = activations.slice(0, limit);
    const done = new Set(shown.map((activation) => activation.activationId));
    const underWay = running.filter((each) => !done.has(each.activationId)).sort((one, other) => other.start - one.start);
    const elements = [];
    for (const each of underWay) elements.push(row("running " + each.activationId, () => runningRow(each)));
    for (const each of shown) elements.push(row(each.activationId, () => activationRow(each, isFirst)));
    for (const [id, element] of rows) if (!elements.includes(element)) rows.delete(id);
    arrange(byId("list"), elements);
    byId("no-activations").hidden = elements.length > 0;
    byId("more").hidden = activations.length <= limit;
  }

  function row(id, make) {
    if (!rows.has(id)) rows.set(id, make());
    return rows.get(id);
  }

  function nameIn(path) {
    return path.split("/").slice(1).join("/");
  }

  function runningRow(order) {
    const made = document.createElement("li");
    made.className = "running";
    for (const name of ["status", "name", "start", "duration"]) {
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
    const notes = Object.fromEntries(activation.annotations.map(({ key: name, value }) => [name, value]));
    const isCold = notes.initTime !== undefined;
    // A trigger that was fired has neither path nor status nor end.
    const { statusCode = 0, duration = 0 } = activation;
    const path = notes.path ?? `${activation.namespace}/${activation.name}`;
    made.classList.add(statusCode === 0 ? "good" : "bad", isCold ? "cold" : "warm");
    if (!isFirst) made.classList.add("fresh");
    put(made, ".status", notes.timeout ? "Timed out" : STATUS[statusCode] ?? "Unknown");
    put(made, ".name", nameIn(path));
    const start = put(made, ".start", isCold ? "cold" : "warm");
    start.title = isCold ? `The start took ${milliseconds(notes.initTime)} of it.` : "The container ran already.";
    put(made, ".duration", milliseconds(duration));
    showTime(made.querySelector("time"), activation.start);
    put(made, ".id", activation.activationId);
    put(made, ".wait", milliseconds(notes.waitTime ?? 0));
    made.querySelector("details").addEventListener("toggle", () => showDetails(made, activation.activationId));
    return made;
  }

  async function showDetails(made, id) {
    if (made.dataset.details || !made.querySelector("details").open) return;
    try {
      const details = await ask(`activations/${id}`);
      made.querySelector(".log").textContent = details.log || "Nothing was printed.";
      made.querySelector(".result").textContent = details.result;
      made.dataset.details = "there";
    } catch (error) {
      made.querySelector(".log").textContent = error instanceof Refused ? "Not without the key." : error.message;
    }
  }

  function milliseconds(number) {
    return number < 10000 ? `${number} ms` : `${(number / 1000).toFixed(1)} s`;
  }

  function showTime(element, moment) {
    const date = new Date(moment);
    const isToday = date.toDateString() === new Date().toDateString();
    element.dateTime = date.toISOString();
    element.textContent = isToday ? date.toLocaleTimeString() : date.toLocaleDateString();
    element.title = date.toLocaleString();
  }

  byId("host").textContent = location.host;
  byId("login").addEventListener("submit", (event) => {
    event.preventDefault();
    key = byId("key").value.trim();
    byId("key").value = "";
    refresh();
  });
  byId("more").addEventListener("click", () => {
    limit = Math.min(limit + STEP, MOST - 1);
    refresh();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && byId("login").hidden) refresh();
  });
  refresh();
})();
