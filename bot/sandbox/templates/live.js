// Keeps a page fresh. The server draws everything: when something changed, the page is fetched anew and the differences
// between the server's last drawing and its newest are carried over, so that what a person typed, opened or scrolled to
// stays where the server changed nothing.

export const root = document.documentElement.dataset;

export const part = (id) => document.getElementById(id);

export async function post(path, what, method = "POST") {
  const body = method === "POST" ? JSON.stringify(what) : undefined;
  const response = await fetch(path, { method, body, headers: { "Content-Type": "application/json" } });
  const answer = await response.json();
  if (answer.error) say(answer.error);
  return answer;
}

let silence;
export function say(words) {
  const said = part("said");
  said.textContent = words;
  // Shown anew, it lies above whatever dialog was opened meanwhile.
  hush();
  said.showPopover();
  clearTimeout(silence);
  silence = setTimeout(hush, 6000);
}

function hush() {
  if (part("said").matches(":popover-open")) part("said").hidePopover();
}

// --- carrying changes over ---------------------------------------------------------------------------------------

const key = (node) => node.dataset?.key ?? null;
const copy = (node) => document.importNode(node, true);

// `live` is what stands in the page, `before` and `after` are the server's drawings of it; return what stands there now.
function patch(live, before, after) {
  if (before.isEqualNode(after)) return live;
  const same = before.nodeName === after.nodeName && key(before) === key(after);
  if (!same || after.dataset?.whole !== undefined) {
    const fresh = copy(after);
    live.replaceWith(fresh);
    return fresh;
  }
  if (after.nodeType !== Node.ELEMENT_NODE) {
    live.data = after.data;
    return live;
  }
  patchAttributes(live, before, after);
  // What a script fills is its own.
  if (after.dataset.own === undefined) patchChildren(live, before, after);
  return live;
}

function patchAttributes(live, before, after) {
  for (const { name } of before.attributes) if (!after.hasAttribute(name)) setAttribute(live, name, null);
  for (const { name, value } of after.attributes) if (before.getAttribute(name) !== value) setAttribute(live, name, value);
}

function setAttribute(live, name, value) {
  if (value === null) live.removeAttribute(name);
  else live.setAttribute(name, value);
  // Fields go by their attributes only until they are touched.
  if (name === "checked") live.checked = value !== null;
  if (name === "value" && "value" in live && (live !== document.activeElement || live.closest("[data-picker]"))) live.value = value ?? "";
}

function patchChildren(live, before, after) {
  const was = [...before.childNodes];
  const is = [...live.childNodes];
  if (was.length !== is.length) {
    live.replaceChildren(...[...after.childNodes].map(copy));
    return;
  }
  const pairs = pair(was, [...after.childNodes]);
  const kept = new Set(pairs.map(([, index]) => index));
  is.forEach((node, index) => { if (!kept.has(index)) node.remove(); });
  let place = live.firstChild;
  for (const [fresh, index] of pairs) {
    const node = index === null ? copy(fresh) : is[index];
    if (node === place) place = place.nextSibling;
    else live.insertBefore(node, place);
    if (index !== null) patch(node, was[index], fresh);
  }
}

// Find for each new child the old one that it continues: by its key, or else the next of its kind.
function pair(was, now) {
  const keyed = new Map(was.map((node, index) => [key(node), index]).filter(([name]) => name !== null));
  let next = 0;
  return now.map((node) => {
    if (key(node) !== null) return [node, keyed.get(key(node)) ?? null];
    for (let index = next; index < was.length; index += 1) {
      if (key(was[index]) === null && was[index].nodeName === node.nodeName) {
        next = index + 1;
        return [node, index];
      }
    }
    return [node, null];
  });
}

// --- staying fresh -----------------------------------------------------------------------------------------------

const drawn = {};
let under = null;
let again = false;

// Fetch the page and carry the changes over. Asked for while under way, it is done once more afterwards.
export function refresh() {
  if (under) {
    again = true;
    return under;
  }
  under = (async () => {
    do {
      again = false;
      await fetchOnce();
    } while (again);
  })().finally(() => { under = null; });
  return under;
}

async function fetchOnce() {
  const response = await fetch(location.href, { cache: "no-store" });
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  Object.assign(root, fresh.documentElement.dataset);
  document.title = fresh.title;
  hooks.before?.();
  for (const id of Object.keys(drawn)) {
    const newest = fresh.getElementById(id);
    patch(part(id), drawn[id], newest);
    drawn[id] = newest;
  }
  hooks.after?.();
}

const hooks = {};

// Keep these parts fresh whenever something happened that concerns the page.
export function keepFresh(ids, { concerns, before, after }) {
  for (const id of ids) drawn[id] = part(id).cloneNode(true);
  Object.assign(hooks, { before, after });
  listen(concerns);
}

async function listen(concerns) {
  for (;;) {
    // A page that nobody looks at doesn't hold one of the browser's few connections.
    if (document.hidden) await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
    const away = new AbortController();
    const leave = () => away.abort();
    document.addEventListener("visibilitychange", leave);
    try {
      const response = await fetch(`/_sandbox/changes?since=${root.change}&wait=25`, { signal: away.signal });
      const answer = await response.json();
      // A count below ours is that of a local Slack that was started anew.
      if (answer.count < Number(root.change) || answer.changes.some(concerns)) await refresh();
      else root.change = answer.count;
    } catch {
      if (!document.hidden) await new Promise((resolve) => setTimeout(resolve, 2000));
    } finally {
      document.removeEventListener("visibilitychange", leave);
    }
  }
}

export async function busily(element, work) {
  element.setAttribute("aria-busy", "true");
  try {
    await work();
    await refresh();
  } finally {
    element.removeAttribute("aria-busy");
  }
}
