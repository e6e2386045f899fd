// One person's workspace: what they press, choose, type and send.

import { busily, keepFresh, part, post, refresh, root, say } from "./live.js";
import { agreed } from "./floating.js";
import { unpick } from "./pickers.js";
import * as composer from "./composer.js";

const UNSEEN = new Set(["call", "delivery"]);
const TYPING = 500;
const SEEING = 1000;

const act = (name, what) => post(`/_sandbox/${name}`, { workspace: root.workspace, as: root.as, ...what });
const address = (element) => JSON.parse(element.closest("[data-at]:not(html)").dataset.at);
const modal = () => document.querySelector("#over dialog");

// --- fields ------------------------------------------------------------------------------------------------------

// What the person put into a field, as the server takes it.
function choice(field) {
  const boxes = [...field.querySelectorAll("input")];
  if (field.dataset.field === "radio_buttons") return boxes.find((box) => box.checked)?.value ?? null;
  if (field.dataset.field === "checkboxes") return boxes.filter((box) => box.checked).map((box) => box.value);
  return field.value === "" ? null : field.value;
}

const filled = (field, value) => ({ [field.dataset.block]: { [field.dataset.action]: value } });

// What is chosen from lists and uploaded is with the server already.
function values(form) {
  const all = {};
  for (const field of form.querySelectorAll("[data-field]:not([data-field=file_input])")) {
    (all[field.dataset.block] ??= {})[field.dataset.action] = choice(field);
  }
  return all;
}

async function fill(field, value = choice(field)) {
  const answer = await act("fill", { at: address(field), values: filled(field, value) });
  await refresh();
  return answer;
}

async function upload(field, files) {
  const sent = [];
  for (const file of files) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const content = btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ""));
    const answer = await act("upload", { name: file.name, content });
    if (answer.file) sent.push(answer.file);
  }
  await fill(field, sent);
}

// --- what a person presses ---------------------------------------------------------------------------------------

const presses = {
  async click(button) {
    const { action, block, option } = button.dataset;
    const answer = await act("click", { at: address(button), action_id: action, block_id: block, value: option });
    if (answer.leads?.startsWith("/")) location.href = answer.leads;
    else if (answer.leads) window.open(answer.leads, "_blank", "noopener");
  },
  close: (button) => act("close", { view_id: button.closest("dialog").dataset.view }),
  "close-all": (button) => act("close", { view_id: button.closest("dialog").dataset.view, clear: true }),
  join: () => act("join", { channel: root.at }),
  dismiss: (button) => act("dismiss", { channel: root.at, ts: button.dataset.ts }),
  async copy(button) {
    await navigator.clipboard.writeText(button.dataset.link);
    say("The link is copied.");
  },
  unpick,
  answer: composer.answer,
  unanswer: composer.unanswer,
  places: () => document.body.classList.toggle("places"),
  compose: () => part("direct").showModal(),
  "dismiss-dialog": (button) => button.closest("dialog").close(),
  sort,
  turn,
};
// These change nothing that the server would have to draw anew.
const LOCAL = new Set(["copy", "unpick", "answer", "unanswer", "places", "compose", "dismiss-dialog", "sort", "turn"]);

async function press(button) {
  const name = button.dataset.do;
  if (LOCAL.has(name)) {
    await presses[name](button);
    return;
  }
  button.closest(".menu > .list")?.hidePopover();
  if (await agreed(button)) await busily(button, () => telling.then(() => presses[name](button)));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button && !button.hasAttribute("aria-busy")) press(button);
});

// What is being typed, until a pause; each field waits for its own.
const typing = new Map();
document.addEventListener("input", (event) => {
  const field = event.target.closest("[data-field][data-dispatch~=on_character_entered]");
  if (!field) return;
  clearTimeout(typing.get(field));
  typing.set(field, setTimeout(() => {
    typing.delete(field);
    fill(field);
  }, TYPING));
});

// Whoever leaves a field by pressing something has the field told first: the press may close its form.
let telling = Promise.resolve();
document.addEventListener("change", (event) => {
  telling = Promise.allSettled([telling, tell(event)]);
});

async function tell(event) {
  if (event.target.id === "who") {
    location.href = `/?as=${event.target.value}&at=${root.at}`;
    return;
  }
  const field = event.target.closest("[data-field]");
  // A text that is told to the app on Enter or on each character is not told by leaving the field.
  if (!field || (field.dataset.dispatch && "value" in field && field.type !== "date" && field.type !== "time")) return;
  if (field.dataset.field === "file_input") await upload(field, event.target.files);
  else if (await agreed(field)) await fill(field);
  else await refresh();
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.classList.contains("who")) return;
  event.preventDefault();
  if (form.id === "composer") await send(form);
  else if (form.closest("#direct")) await openDirect(form);
  else await submit(form);
});

async function send(form) {
  const message = composer.take();
  if (!message) return;
  await busily(form, async () => {
    const isCommand = message.text.startsWith("/") && !message.thread_ts;
    const answer = await act(isCommand ? "command" : "say", message);
    if (answer.error && !isCommand) composer.giveBack(message);
  });
  part("middle").scrollTop = part("middle").scrollHeight;
}

async function openDirect(form) {
  const users = [...new FormData(form).getAll("users")];
  if (!users.length) {
    say("Choose at least one person.");
    return;
  }
  const answer = await act("direct", { users });
  if (answer.channel) location.href = `/?as=${root.as}&at=${answer.channel}`;
}

async function submit(form) {
  const button = form.querySelector("footer .primary");
  if (!button || button.hasAttribute("aria-busy")) return;
  // What is submitted needn't be told for itself.
  typing.forEach(clearTimeout);
  typing.clear();
  const sent = { view_id: form.closest("dialog").dataset.view, values: values(form) };
  await busily(button, () => telling.then(() => act("submit", sent)));
  modal()?.querySelector(".wrong :is(input, textarea)")?.focus();
}

document.addEventListener("keydown", (event) => {
  const field = event.target.closest("[data-field][data-dispatch~=on_enter_pressed]");
  if (field && event.key === "Enter" && !(field.matches("textarea") && event.shiftKey)) {
    event.preventDefault();
    fill(field);
  } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("#over textarea")) {
    event.target.form.requestSubmit();
  } else if (event.key === "Escape") {
    document.body.classList.remove("places");
  }
});

// Escape closes a modal as its Cancel does: the app may want to hear of it. The browser closes a dialog at a second
// Escape whatever the page wants.
for (const end of ["cancel", "close"]) {
  document.addEventListener(end, (event) => {
    if (event.target !== modal()) return;
    event.preventDefault();
    const button = event.target.querySelector("footer [data-do=close]");
    if (!button.hasAttribute("aria-busy")) press(button);
  }, true);
}

// --- tables of data ----------------------------------------------------------------------------------------------

function turn(button) {
  const table = button.closest(".data-table");
  const size = Number(table.dataset.size);
  const rows = [...table.querySelectorAll("tbody tr")];
  const first = Math.max(0, Number(table.dataset.first ?? 0) + size * Number(button.dataset.by ?? 0));
  table.dataset.first = first;
  rows.forEach((row, index) => { row.hidden = index < first || index >= first + size; });
  const pager = table.querySelector(".pager");
  if (!pager) return;
  pager.querySelector("[data-by='-1']").disabled = first === 0;
  pager.querySelector("[data-by='1']").disabled = first + size >= rows.length;
  pager.querySelector(".quiet").textContent = `${first + 1}–${Math.min(first + size, rows.length)} of ${rows.length}`;
}

function sort(button) {
  const heading = button.closest("th");
  const table = button.closest(".data-table");
  const rising = heading.getAttribute("aria-sort") !== "ascending";
  table.querySelectorAll("th").forEach((one) => one.removeAttribute("aria-sort"));
  heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
  const cell = (row) => row.children[Number(button.dataset.column)];
  const worth = (row) => Number(cell(row).dataset.number ?? NaN);
  const compare = (a, b) => Number.isNaN(worth(a) - worth(b)) ? cell(a).textContent.localeCompare(cell(b).textContent) : worth(a) - worth(b);
  const body = table.querySelector("tbody");
  body.append(...[...body.rows].sort((a, b) => compare(a, b) * (rising ? 1 : -1)));
  table.dataset.first = 0;
  turn(button.closest(".data-table").querySelector("[data-do=sort]"));
}

// --- what is on the screen ---------------------------------------------------------------------------------------

let atEnd = true;
// What had the focus before a modal opened gets it back.
let cameFrom = null;

function remember() {
  const middle = part("middle");
  atEnd = middle.scrollHeight - middle.scrollTop - middle.clientHeight < 80;
}

function settle() {
  if (part("middle").classList.contains("talk") && atEnd) part("middle").scrollTop = part("middle").scrollHeight;
  for (const dialog of document.querySelectorAll("#over dialog:not([open])")) {
    cameFrom ??= document.activeElement;
    dialog.showModal();
    (dialog.querySelector("[data-first]") ?? dialog.querySelector(".content :is(input, textarea)") ?? dialog.querySelector("footer .primary") ?? dialog).focus();
  }
  if (!modal() && cameFrom) {
    if (cameFrom.isConnected) cameFrom.focus();
    cameFrom = null;
  }
  markBroken();
  markRead();
}

// A picture that cannot be fetched is shown by its words.
function markBroken() {
  for (const image of document.images) if (image.complete && !image.naturalWidth) image.classList.add("broken");
}
document.addEventListener("error", (event) => { if (event.target.matches?.("img")) event.target.classList.add("broken"); }, true);

async function markRead() {
  const { latest } = part("middle").dataset;
  if (!latest || document.hidden || !document.querySelector("#side .new[aria-current], #head .count")) return;
  await act("read", { channel: root.at, ts: latest });
  await refresh();
}

// The app hears of each opening of one of its tabs, and draws its Home tab then.
async function openTab() {
  if (!root.tab || !root.installed) return;
  await busily(part("middle"), () => act("home", { tab: root.tab }));
}

let installed = root.installed;

keepFresh(["side", "head", "middle", "foot", "over"], {
  concerns: (change) => !UNSEEN.has(change.kind) && change.workspace_id === root.workspace && (change.what.user ?? root.as) === root.as,
  before: remember,
  after() {
    settle();
    // A person sees that the app is there before they open it, and by then the app has stored its token.
    if (root.installed && !installed) setTimeout(openTab, SEEING);
    installed = root.installed;
  },
});

const pointed = new URLSearchParams(location.search).get("m");
const message = pointed && (part(`m-${pointed}`) ?? part(`r-${pointed}`));
if (message) {
  message.closest("details")?.setAttribute("open", "");
  message.classList.add("pointed");
  message.scrollIntoView({ block: "center" });
  atEnd = false;
}
settle();
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
if (!modal()) part("say")?.focus();
openTab();
