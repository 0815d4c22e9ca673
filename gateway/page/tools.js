"use strict";
/* What the parts of the page have in common: elements, words, the ways to the gateway. */
const Tools = (() => {
  const byId = (id) => document.getElementById(id);
  // An action's page has this page's origin: nobody shall find the token once this has run.
  const place = document.querySelector("meta[name=token]");
  const token = place.content;
  place.remove();
  let key = null;

  class Refused extends Error {}

  function proofs() {
    if (key !== null) return { Authorization: "Basic " + btoa(key) };
    return token ? { "X-Gateway-Page": token } : {};
  }

  async function ask(path) {
    const headers = key === null ? {} : proofs();
    const answer = await fetch("/page/" + path, { headers, cache: "no-store", credentials: "omit" });
    if (answer.status === 403) throw new Refused();
    if (!answer.ok) throw new Error(`The gateway answered ${answer.status}.`);
    return answer.json();
  }

  function copyOf(template) {
    return byId(template).content.firstElementChild.cloneNode(true);
  }

  // Whatever an action says comes into the page by this way: as text.
  function put(holder, selector, text) {
    const element = holder.querySelector(selector);
    element.textContent = text;
    element.hidden = !text;
    return element;
  }

  // Whoever has the focus, or a log open, keeps it: what is there already stays the same element.
  function arrange(list, elements) {
    const wanted = new Set(elements);
    for (const old of [...list.children]) if (!wanted.has(old)) old.remove();
    elements.forEach((element, at) => {
      if (list.children[at] !== element) list.insertBefore(element, list.children[at] ?? null);
    });
  }

  function quoted(word) {
    if (/^[\w@%+=:,./-]+$/.test(word)) return word;
    return "'" + word.replaceAll("'", "'\\''") + "'";
  }

  function copies(button, text) {
    // Clipboards are for secure origins, and this machine's own addresses.
    button.hidden = !navigator.clipboard;
    const before = button.textContent;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text());
        button.textContent = "Copied";
      } catch {
        button.textContent = "Not allowed";
      }
      setTimeout(() => { button.textContent = before; }, 1500);
    });
  }

  function milliseconds(number) {
    if (number < 10000) return `${Math.round(number)} ms`;
    return `${(number / 1000).toFixed(1)} s`;
  }

  function size(bytes) {
    if (bytes < 1000) return `${bytes} bytes`;
    if (bytes < 1000000) return `${(bytes / 1000).toFixed(1)} kB`;
    return `${(bytes / 1000000).toFixed(1)} MB`;
  }

  function showTime(element, moment) {
    const date = new Date(moment);
    const isToday = date.toDateString() === new Date().toDateString();
    element.dateTime = date.toISOString();
    element.textContent = isToday ? date.toLocaleTimeString() : date.toLocaleDateString();
    element.title = date.toLocaleString();
  }

  return {
    Refused, ask, arrange, byId, copies, copyOf, milliseconds, proofs, put, quoted, showTime, size,
    get key() { return key; },
    set key(given) { key = given; },
    hasToken: token !== "",
  };
})();
