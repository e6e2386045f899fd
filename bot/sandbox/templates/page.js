// Keeps the page fresh, and sends what the person does. The server draws everything; this script only swaps its parts.
"use strict";

const root = document.documentElement.dataset;
const SWAPPED = ["side", "head", "middle", "over"];
const drawn = {};
// What was typed or ticked since the last drawing, by field: it survives a swap.
const touched = new Map();

const part = (id) => document.getElementById(id);

async function call(act, what) {
  const body = JSON.stringify({ workspace: root.workspace, as: root.as, ...what });
  const response = await fetch(`/_sandbox/${act}`, { method: "POST", body, headers: { "Content-Type": "application/json" } });
  const answer = await response.json();
  if (answer.error) say(answer.error);
  return answer;
}

let silence;
function say(words) {
  part("said").textContent = words;
  clearTimeout(silence);
  silence = setTimeout(() => { part("said").textContent = ""; }, 6000);
}

// --- staying fresh -----------------------------------------------------------------------------------------------

async function refresh() {
  const response = await fetch(location.href, { cache: "no-store" });
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const id of SWAPPED) swap(id, fresh.getElementById(id));
  const { change, installed } = fresh.documentElement.dataset;
  const arrived = installed && !root.installed;
  root.change = change;
  root.installed = installed;
  markNews();
  if (arrived) await openHome();
}

// The app hears of each opening of its Home tab, and draws it then.
async function openHome() {
  if (root.at !== "home" || !root.installed) return;
  await call("home", {});
  await refresh();
}

function swap(id, fresh) {
  const old = part(id);
  const html = fresh.outerHTML;
  if (drawn[id] === html || (id === "side" && old.contains(document.activeElement) && document.activeElement.id === "who")) return;
  const modalBefore = old.querySelector(".modal")?.dataset.view;
  const atEnd = old.scrollHeight - old.scrollTop - old.clientHeight < 80;
  const scrolled = old.querySelector(".content")?.scrollTop ?? old.scrollTop;
  const focused = old.contains(document.activeElement) ? key(document.activeElement) : null;
  drawn[id] = html;
  old.replaceWith(fresh);
  restore(fresh, focused);
  if (id === "middle") fresh.scrollTop = atEnd && fresh.classList.contains("talk") ? fresh.scrollHeight : scrolled;
  if (id === "over") settleModal(fresh, modalBefore, scrolled);
}

function settleModal(over, before, scrolled) {
  const modal = over.querySelector(".modal");
  if (modal?.dataset.view === before) {
    if (modal) modal.querySelector(".content").scrollTop = scrolled;
  } else {
    touched.clear();
    modal?.querySelector("[data-field], .content button, footer button")?.focus();
  }
  over.querySelectorAll("[data-seconds]").forEach(showSeconds);
}

function restore(fresh, focused) {
  for (const field of fresh.querySelectorAll("[data-field]")) {
    if (touched.has(key(field))) put(field, touched.get(key(field)));
    if (key(field) === focused) field.focus();
  }
}

async function listen() {
  for (;;) {
    try {
      const response = await fetch(`/_sandbox/changes?since=${root.change}&wait=25`);
      const answer = await response.json();
      // A count below ours is that of a local Slack that was started anew.
      if (answer.changes.length || answer.count < Number(root.change)) await refresh();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
}

function markNews() {
  const seen = JSON.parse(localStorage.getItem(`seen-${root.as}`) ?? "{}");
  const first = !localStorage.getItem(`seen-${root.as}`);
  for (const link of document.querySelectorAll("[data-place]")) {
    const { place, latest } = link.dataset;
    if (first || place === root.at) seen[place] = latest;
    link.classList.toggle("new", latest > (seen[place] ?? ""));
  }
  localStorage.setItem(`seen-${root.as}`, JSON.stringify(seen));
}

// --- fields ------------------------------------------------------------------------------------------------------

function key(field) {
  return field.dataset?.field ? `${field.dataset.block} ${field.dataset.action}` : null;
}

function boxes(field) {
  return [...field.querySelectorAll("input")];
}

// What the person chose, as the server takes it.
function choice(field) {
  const kind = field.dataset.field;
  if (kind === "radio_buttons") return boxes(field).find((box) => box.checked)?.value ?? null;
  if (kind === "checkboxes" || kind.startsWith("multi_")) return boxes(field).filter((box) => box.checked).map((box) => box.value);
  if (kind === "datetimepicker") return field.value ? Math.floor(new Date(field.value).getTime() / 1000) : null;
  return field.value === "" ? null : field.value;
}

function put(field, value) {
  const inside = boxes(field);
  if (inside.length) inside.forEach((box) => { box.checked = [].concat(value ?? []).includes(box.value); });
  else if (field.dataset.field === "datetimepicker") showSeconds(field, value);
  else field.value = value ?? "";
}

function showSeconds(field, value) {
  const seconds = Number(typeof value === "number" ? value : field.dataset.seconds);
  if (!seconds) return;
  const local = new Date(seconds * 1000 - new Date(seconds * 1000).getTimezoneOffset() * 60000);
  field.value = local.toISOString().slice(0, 16);
}

function place(element) {
  return JSON.parse(element.closest("[data-at]:not(html)").dataset.at);
}

function values(form) {
  const filled = {};
  for (const field of form.querySelectorAll("[data-field]")) {
    (filled[field.dataset.block] ??= {})[field.dataset.action] = choice(field);
  }
  return filled;
}

async function suggest(field) {
  const what = { at: place(field), action_id: field.dataset.action, block_id: field.dataset.block, value: field.value };
  const answer = await call("options", what);
  const options = (answer.options ?? []).concat(...(answer.option_groups ?? []).map((group) => group.options));
  field.list.replaceChildren(...options.map((option) => new Option("", option.text.text)));
}

// --- what a person does ------------------------------------------------------------------------------------------

const acts = {
  async click(button) {
    const { action, block, option } = button.dataset;
    const answer = await call("click", { at: place(button), action_id: action, block_id: block, value: option });
    if (answer.url) window.open(answer.url, "_blank", "noopener");
  },
  close: (button) => call("close", { view_id: button.closest(".modal").dataset.view }),
  "close-all": (button) => call("close", { view_id: button.closest(".modal").dataset.view, clear: true }),
  join: () => call("join", { channel: root.at }),
};

async function busily(element, work) {
  element.setAttribute("aria-busy", "true");
  try {
    await work();
    await refresh();
  } finally {
    element.removeAttribute("aria-busy");
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-do]");
  for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target) || button) menu.open = false;
  if (!button || button.hasAttribute("aria-busy")) return;
  if (button.dataset.confirm && !window.confirm(button.dataset.confirm)) return;
  await busily(button, () => acts[button.dataset.do](button));
  if (button.dataset.do === "join") location.reload();
});

document.addEventListener("input", (event) => {
  const field = event.target.closest("[data-field]");
  if (!field) return;
  touched.set(key(field), choice(field));
  if (field.dataset.field === "external_select") suggest(field);
});

document.addEventListener("change", async (event) => {
  if (event.target.id === "who") {
    location.href = `/?as=${event.target.value}&at=${root.at === "home" ? "home" : ""}`;
    return;
  }
  const field = event.target.closest("[data-field]");
  if (!field || (field.dataset.confirm && !window.confirm(field.dataset.confirm))) return;
  const held = { [field.dataset.block]: { [field.dataset.action]: choice(field) } };
  await busily(field, () => call("fill", { at: place(field), values: held }));
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.classList.contains("who")) return;
  event.preventDefault();
  if (form.id === "composer") {
    const field = part("say");
    const text = field.value.trim();
    if (!text) return;
    field.value = "";
    await busily(form, () => call(text.startsWith("/") ? "command" : "say", { channel: root.at, text }));
    part("middle").scrollTop = part("middle").scrollHeight;
  } else {
    const button = form.querySelector("footer .primary");
    if (!button || button.hasAttribute("aria-busy")) return;
    await busily(button, () => call("submit", { view_id: form.dataset.view, values: values(form) }));
  }
});

document.addEventListener("keydown", (event) => {
  if (event.target.id === "say" && event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    event.target.form.requestSubmit();
  } else if (event.key === "Escape") {
    document.querySelector(".modal footer [data-do=close]")?.click();
  }
});

for (const id of SWAPPED) drawn[id] = part(id).outerHTML;
document.querySelectorAll("[data-seconds]").forEach((field) => showSeconds(field));
document.querySelector(".modal [data-field]")?.focus();
if (part("middle").classList.contains("talk")) part("middle").scrollTop = part("middle").scrollHeight;
markNews();
listen();
openHome();
