// Writing a message: completing commands, people and channels, answering in a thread, and keeping what isn't sent yet.

import { part, root } from "./live.js";
import { activate, active, options, settle, step } from "./floating.js";

const MOST = 8;
const NAMING = /(^|[\s(])([@#])([\w.-]*)$/;
const COMMAND = /^\/(\S*)$/;

const field = () => part("say");
const list = () => part("completions");
const known = () => JSON.parse(part("known").textContent);
const draft = `draft ${root.as} ${root.at}`;

let answering = null;

// Return what is to be sent, and empty the field; null when there is nothing.
export function take() {
  const text = field().value.trim();
  if (!text) return null;
  const message = { channel: root.at, text };
  if (answering) Object.assign(message, { thread_ts: answering, broadcast: part("composer").elements.broadcast?.checked ?? false });
  field().value = "";
  sessionStorage.removeItem(draft);
  unanswer();
  look();
  return message;
}

// Put back what could not be sent.
export function giveBack(message) {
  if (field() && !field().value) field().value = message.text;
}

export function answer(button) {
  answering = button.dataset.ts;
  part("answering").hidden = false;
  part("answering").querySelector("[data-own]").textContent = `Answering ${button.dataset.whom} in the thread`;
  field().focus();
}

export function unanswer() {
  answering = null;
  if (part("answering")) part("answering").hidden = true;
  if (part("composer")?.elements.broadcast) part("composer").elements.broadcast.checked = false;
}

// --- completing --------------------------------------------------------------------------------------------------

// Find what is being named before the cursor: its sign, and as much of the name as stands there.
function naming() {
  const before = field().value.slice(0, field().selectionStart);
  const command = COMMAND.exec(before);
  if (command) return { sign: "/", name: command[1] };
  const found = NAMING.exec(before);
  return found ? { sign: found[2], name: found[3] } : null;
}

function matching({ sign, name }) {
  const wanted = name.toLowerCase();
  const begins = (one) => one.name.toLowerCase().startsWith(wanted) || one.words.toLowerCase().split(" ").some((word) => word.startsWith(wanted));
  return known()[sign].filter((one) => sign === "/" ? one.name.startsWith(wanted) : begins(one)).slice(0, MOST);
}

function look() {
  const found = document.activeElement === field() ? naming() : null;
  const matches = found ? matching(found) : [];
  showUsage();
  if (!matches.length) {
    hide();
    return;
  }
  list().replaceChildren(...matches.map((one) => line(found.sign, one)));
  if (!list().matches(":popover-open")) list().showPopover();
  field().setAttribute("aria-expanded", "true");
  settle(list(), field().closest(".box"), { wide: true });
  activate(list(), field(), options(list())[0]);
}

function line(sign, one) {
  const option = document.createElement("li");
  option.setAttribute("role", "option");
  option.dataset.value = sign + one.name;
  for (const [kind, words] of [["name", sign + one.name], ["", one.words], ["quiet", one.note]]) {
    const part = document.createElement("span");
    part.className = kind;
    part.textContent = words;
    if (words) option.append(part, " ");
  }
  return option;
}

function hide() {
  if (!list()) return;
  if (list().matches(":popover-open")) list().hidePopover();
  field().setAttribute("aria-expanded", "false");
  activate(list(), field(), null);
}

function complete(value) {
  const at = field().selectionStart;
  const { name } = naming();
  const start = at - name.length - 1;
  field().setRangeText(`${value} `, start, at, "end");
  hide();
  save();
  showUsage();
}

function showUsage() {
  const [, name] = /^\/(\S+)\s/.exec(field().value) ?? [];
  const command = name && known()["/"].find((one) => one.name === name);
  part("usage").textContent = command?.hint ? `/${command.name} ${command.hint}` : "";
}

function save() {
  if (field().value) sessionStorage.setItem(draft, field().value);
  else sessionStorage.removeItem(draft);
}

// --- hands -------------------------------------------------------------------------------------------------------

document.addEventListener("input", (event) => {
  if (event.target !== field()) return;
  save();
  look();
});

document.addEventListener("mousedown", (event) => {
  const option = event.target.closest("#completions [role=option]");
  if (!option) return;
  event.preventDefault();
  complete(option.dataset.value);
});

document.addEventListener("focusout", (event) => { if (event.target === field()) hide(); });

document.addEventListener("keydown", (event) => {
  if (event.target !== field() || event.isComposing) return;
  const isOpen = list().matches(":popover-open");
  const option = isOpen && active(list());
  if (isOpen && (event.key === "ArrowDown" || event.key === "ArrowUp")) step(list(), field(), event.key === "ArrowDown" ? 1 : -1);
  else if (option && (event.key === "Tab" || (event.key === "Enter" && !isComplete(option)))) complete(option.dataset.value);
  else if (event.key === "Enter" && !event.shiftKey) event.target.form.requestSubmit();
  else if (event.key === "Escape" && isOpen) hide();
  else if (event.key === "Escape") unanswer();
  else return;
  event.preventDefault();
});

// A command that is written out is sent by Enter, not completed once more.
function isComplete(option) {
  return option.dataset.value.startsWith("/") && field().value === option.dataset.value;
}

// A link that is copied from a page comes with its words; what is pasted must hold the address.
document.addEventListener("paste", (event) => {
  if (event.target !== field()) return;
  const html = event.clipboardData.getData("text/html");
  const links = html ? [...new DOMParser().parseFromString(html, "text/html").querySelectorAll("a[href^=http]")] : [];
  let text = event.clipboardData.getData("text/plain");
  const lost = links.filter((link) => link.textContent.trim() && !text.includes(link.getAttribute("href")));
  if (!lost.length) return;
  event.preventDefault();
  for (const link of lost) text = text.replace(link.textContent.trim(), link.getAttribute("href"));
  field().setRangeText(text, field().selectionStart, field().selectionEnd, "end");
  field().dispatchEvent(new Event("input", { bubbles: true }));
});

if (field()) {
  field().value = sessionStorage.getItem(draft) ?? "";
  showUsage();
}
