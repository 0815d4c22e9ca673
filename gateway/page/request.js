/* The form that sends a request to an action, and what comes back for it. */
const Requests = (() => {
  const { copies, copyOf, hasToken, milliseconds, proofs, put, quoted, size } = Tools;
  const LONGEST_TEXT = 100000;
  const PICTURES = /^image\/(png|jpe?g|gif|webp|avif|bmp|svg\+xml)\b/i;
  const TEXTS = /^(text\/|application\/(.*\+)?(json|xml|javascript|x-www-form-urlencoded)\b)/i;
  const NO_BODY = ["GET", "HEAD", "OPTIONS"];

  function field(form, name) {
    return form.elements.namedItem(name);
  }

  // `reveal` shows an activation by its id, and says whether there is one.
  function made(action, reveal) {
    const details = copyOf("request");
    const form = details.querySelector("form");
    put(details, "summary .whom", ` to ${action.name}`);
    form.setAttribute("aria-label", `A request to ${action.name}`);
    if (!action.web) {
      field(form, "method").value = "POST";
      field(form, "kind").value = "json";
    }
    form.querySelector(".target").hidden = !action.web;
    form.querySelector(".more-headers").hidden = !action.web;
    for (const option of form.querySelectorAll(".web-only")) option.hidden = !action.web;
    form.addEventListener("change", () => fit(form, action));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send(details, form, action);
    });
    copies(details.querySelector(".copy"), () => curl(form, action));
    details.querySelector(".whither").addEventListener("click", (event) => lead(details, event.target, reveal));
    fit(form, action);
    return details;
  }

  // Shows what the choices so far ask for, and nothing else.
  function fit(form, action) {
    const kind = field(form, "kind");
    const takesNone = action.web && NO_BODY.includes(field(form, "method").value);
    const chosen = takesNone ? "none" : kind.value;
    form.querySelector(".body").hidden = takesNone;
    form.querySelector(".as-json").hidden = chosen !== "json";
    form.querySelector(".as-file").hidden = chosen !== "file";
    form.querySelector(".secret").hidden = action.needs !== "secret";
    form.querySelector(".needs-key").hidden = action.needs !== "key" || hasToken;
  }

  function address(form, action) {
    if (!action.web) return action.call;
    const path = field(form, "path").value.trim();
    const joint = path === "" || path.startsWith("/") || path.startsWith("?") ? "" : "/";
    return action.call + joint + path;
  }

  function headersOf(form, action) {
    const found = [];
    for (const line of field(form, "headers").value.split("\n")) {
      const at = line.indexOf(":");
      if (at > 0) found.push([line.slice(0, at).trim(), line.slice(at + 1).trim()]);
    }
    if (isSent(form, action) === "json" && !found.some(([name]) => /^content-type$/i.test(name))) {
      found.push(["Content-Type", "application/json"]);
    }
    return found;
  }

  function isSent(form, action) {
    const method = field(form, "method").value;
    return action.web && NO_BODY.includes(method) ? "none" : field(form, "kind").value;
  }

  function bodyOf(form, action) {
    const kind = isSent(form, action);
    if (kind === "json") return field(form, "json").value || (action.web ? "" : "{}");
    const file = field(form, "file").files[0];
    if (kind !== "file" || !file) return undefined;
    const name = field(form, "field").value.trim();
    if (!name) return file;
    const body = new FormData();
    body.append(name, file);
    return body;
  }

  function proofsFor(form, action) {
    if (action.needs === "secret") return { "X-Require-Whisk-Auth": field(form, "secret").value };
    if (action.needs !== "key") return {};
    const typed = field(form, "key").value.trim();
    return typed ? { Authorization: "Basic " + btoa(typed) } : proofs();
  }

  async function send(details, form, action) {
    const button = form.querySelector("[type=submit]");
    const answerOf = details.querySelector(".answer");
    const began = performance.now();
    button.disabled = true;
    put(answerOf, ".line", "Waiting for the answer …");
    try {
      const headers = new Headers(headersOf(form, action));
      for (const [name, value] of Object.entries(proofsFor(form, action))) headers.set(name, value);
      const answer = await fetch(address(form, action), {
        method: field(form, "method").value,
        headers,
        body: bodyOf(form, action),
        cache: "no-store",
        credentials: "omit",
      });
      const body = await answer.blob();
      await show(answerOf, answer, body, performance.now() - began);
    } catch (error) {
      clear(answerOf);
      put(answerOf, ".line", `Nothing came back: ${error.message}.`);
    }
    button.disabled = false;
  }

  async function lead(details, button, reveal) {
    put(details, ".lost", "");
    const isThere = await reveal(button.dataset.activation);
    put(details, ".lost", isThere ? "" : "It is still running, or is not among the newest 200.");
  }

  // The gateway's own line comes before one that an action has made up.
  function activationOf(answer) {
    const given = answer.headers.get("x-openwhisk-activation-id") ?? "";
    return /^[0-9a-f]{32}\b/.exec(given)?.[0] ?? "";
  }

  function clear(answerOf) {
    const picture = answerOf.querySelector("img");
    const link = answerOf.querySelector("a");
    for (const url of new Set([picture.src, link.href])) if (url) URL.revokeObjectURL(url);
    for (const each of [picture, link]) each.hidden = true;
    picture.removeAttribute("src");
    link.removeAttribute("href");
    for (const name of [".text", ".heads", ".whence", ".lost"]) put(answerOf, name, "");
    for (const name of [".more", ".whither"]) answerOf.querySelector(name).hidden = true;
  }

  async function show(answerOf, answer, body, took) {
    clear(answerOf);
    const type = answer.headers.get("content-type") ?? "";
    const status = `${answer.status} ${answer.statusText}`.trim();
    const words = [status, milliseconds(took), size(body.size), type].filter(Boolean);
    const line = put(answerOf, ".line", words.join(" · "));
    line.classList.toggle("wrong", answer.status >= 400);
    const lines = [...answer.headers].map(([name, value]) => `${name}: ${value}`);
    put(answerOf, ".heads", lines.join("\n"));
    answerOf.querySelector(".more").hidden = false;
    const whither = answerOf.querySelector(".whither");
    whither.dataset.activation = activationOf(answer);
    whither.hidden = !whither.dataset.activation;
    put(answerOf, ".whence", answer.redirected ? `It came from ${answer.url}` : "");
    if (body.size === 0) return;
    if (PICTURES.test(type)) return showPicture(answerOf, body, type);
    if (TEXTS.test(type)) return put(answerOf, ".text", await readable(body, type));
    offer(answerOf, body);
  }

  function showPicture(answerOf, body, type) {
    const picture = answerOf.querySelector("img");
    picture.src = URL.createObjectURL(new Blob([body], { type }));
    picture.hidden = false;
    offer(answerOf, body);
  }

  // As octets: a page of an action's that a browser opened from here would be one of ours.
  function offer(answerOf, body) {
    const link = answerOf.querySelector("a");
    link.href = URL.createObjectURL(new Blob([body], { type: "application/octet-stream" }));
    link.hidden = false;
  }

  async function readable(body, type) {
    const text = await body.slice(0, 4 * LONGEST_TEXT).text();
    return shortened(/json/i.test(type) ? indented(text) : text);
  }

  function indented(text) {
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      return text;
    }
  }

  function shortened(text) {
    const cut = text.length - LONGEST_TEXT;
    return cut <= 0 ? text : `${text.slice(0, LONGEST_TEXT)}\n… more than ${cut} characters more`;
  }

  // Secrets are left to the shell's variables.
  function curl(form, action) {
    const method = field(form, "method").value;
    const kind = isSent(form, action);
    const words = ["curl"];
    if (action.needs === "key") words.push('-u "$AUTH"');
    if (action.needs === "secret") words.push('-H "X-Require-Whisk-Auth: $SECRET"');
    if (method === "HEAD") words.push("-I");
    else if (method !== (kind === "none" ? "GET" : "POST")) words.push("-X", method);
    for (const [name, value] of headersOf(form, action)) words.push("-H", quoted(`${name}: ${value}`));
    words.push(...bodyWords(form, action, kind));
    words.push(quoted(location.origin + address(form, action)));
    return words.join(" ");
  }

  function bodyWords(form, action, kind) {
    if (kind === "json") return ["--data-raw", quoted(bodyOf(form, action))];
    const file = field(form, "file").files[0];
    if (kind !== "file" || !file) return [];
    const name = field(form, "field").value.trim();
    if (!name) return ["--data-binary", quoted("@" + file.name), "-H", quoted("Content-Type: " + (file.type || "application/octet-stream"))];
    const inside = file.name.replace(/["\\]/g, "\\$&");
    return ["-F", quoted(`${name}=@"${inside}"`)];
  }

  return { made };
})();
