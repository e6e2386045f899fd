// Menus of choices: a field to search in, and a list under it. What was chosen is told to the server, which draws it.

import { busily, post, root, say } from "./live.js";
import { activate, active, agreed, options, settle, step } from "./floating.js";

const WAIT = 200;

const fieldOf = (picker) => picker.querySelector("[role=combobox]");
const listOf = (picker) => picker.querySelector("[role=listbox]");
const isMany = (picker) => picker.classList.contains("many");
const chosenIn = (picker) => JSON.parse(picker.dataset.chosen);
const address = (element) => JSON.parse(element.closest("[data-at]:not(html)").dataset.at);

function open(picker) {
  const list = listOf(picker);
  if (list.matches(":popover-open")) return;
  list.showPopover();
  fieldOf(picker).setAttribute("aria-expanded", "true");
  if (picker.dataset.asks !== undefined) ask(picker);
  else filter(picker, "");
  settle(list, picker, { wide: true });
}

function close(picker) {
  const list = listOf(picker);
  const field = fieldOf(picker);
  if (list.matches(":popover-open")) list.hidePopover();
  field.setAttribute("aria-expanded", "false");
  activate(list, field, null);
  // What was typed was a search; the field shows what is chosen.
  field.value = field.getAttribute("value") ?? "";
}

function filter(picker, typed) {
  const list = listOf(picker);
  const wanted = typed.trim().toLowerCase().replace(/^[#@]/, "");
  for (const option of list.querySelectorAll("[role=option]")) option.hidden = !option.textContent.toLowerCase().includes(wanted);
  for (const group of list.querySelectorAll(".group")) group.hidden = !hasOptions(group);
  const none = list.querySelector(".none");
  if (none) none.hidden = options(list).length > 0;
  activate(list, fieldOf(picker), wanted ? options(list)[0] : list.querySelector("[aria-selected=true]:not([hidden])"));
}

function hasOptions(group) {
  for (let one = group.nextElementSibling; one && !one.matches(".group"); one = one.nextElementSibling) {
    if (one.matches("[role=option]:not([hidden])")) return true;
  }
  return false;
}

// --- menus that the app fills ------------------------------------------------------------------------------------

const asking = new WeakMap();

function ask(picker) {
  const typed = fieldOf(picker).value === fieldOf(picker).getAttribute("value") ? "" : fieldOf(picker).value.trim();
  const least = Number(picker.dataset.asks);
  clearTimeout(asking.get(picker));
  if (typed.length < least) {
    offer(picker, [note(`Type ${least === 1 ? "a character" : `${least} characters`} to search.`)]);
    return;
  }
  asking.set(picker, setTimeout(async () => {
    const answer = await post("/_sandbox/options", {
      workspace: root.workspace, as: root.as, at: address(picker), action_id: picker.dataset.action, block_id: picker.dataset.block, value: typed,
    });
    const groups = answer.option_groups ?? [{ options: answer.options ?? [] }];
    const drawn = groups.flatMap((group) => [...(group.label ? [note(group.label.text, "group")] : []), ...group.options.map(choice)]);
    offer(picker, drawn.length ? drawn : [note("Nothing matches.")]);
  }, WAIT));
}

function offer(picker, drawn) {
  const list = listOf(picker);
  list.replaceChildren(...drawn);
  activate(list, fieldOf(picker), options(list)[0]);
  if (list.matches(":popover-open")) settle(list, picker, { wide: true });
}

function note(words, kind = "none") {
  const line = document.createElement("li");
  line.className = kind;
  line.textContent = words;
  return line;
}

function choice(option) {
  const line = document.createElement("li");
  line.setAttribute("role", "option");
  line.dataset.value = option.value;
  line.textContent = option.text.text;
  return line;
}

// --- choosing ----------------------------------------------------------------------------------------------------

async function pick(picker, value) {
  const before = chosenIn(picker);
  if (!isMany(picker)) {
    close(picker);
    await choose(picker, value);
    return;
  }
  const most = Number(picker.dataset.most ?? Infinity);
  const now = before.includes(value) ? before.filter((one) => one !== value) : [...before, value];
  if (now.length > most) say(`Choose at most ${most}.`);
  else await choose(picker, now);
  fieldOf(picker).value = "";
  if (picker.dataset.asks === undefined) filter(picker, "");
  if (listOf(picker).matches(":popover-open")) settle(listOf(picker), picker, { wide: true });
}

async function choose(picker, value) {
  if (!(await agreed(picker))) return;
  const { action, block } = picker.dataset;
  await busily(picker, () => post("/_sandbox/fill", {
    workspace: root.workspace, as: root.as, at: address(picker), values: { [block]: { [action]: value } },
  }));
}

export async function unpick(button) {
  const picker = button.closest("[data-picker]");
  await choose(picker, isMany(picker) ? chosenIn(picker).filter((one) => one !== button.dataset.value) : null);
  fieldOf(picker).focus();
}

// --- hands -------------------------------------------------------------------------------------------------------

document.addEventListener("mousedown", (event) => {
  // The field keeps the cursor while its list is clicked.
  if (event.target.closest("[data-picker] > .list")) event.preventDefault();
});

document.addEventListener("click", (event) => {
  const picker = event.target.closest("[data-picker]");
  if (!picker || event.target.closest("button")) return;
  const option = event.target.closest("[role=option]");
  if (option) pick(picker, option.dataset.value);
  else if (!event.target.closest(".list")) {
    fieldOf(picker).focus();
    open(picker);
  }
});

document.addEventListener("input", (event) => {
  const picker = event.target.closest("[data-picker]");
  if (!picker) return;
  open(picker);
  if (picker.dataset.asks !== undefined) ask(picker);
  else filter(picker, event.target.value);
  settle(listOf(picker), picker, { wide: true });
});

document.addEventListener("focusout", (event) => {
  const picker = event.target.closest("[data-picker]");
  if (picker && !picker.contains(event.relatedTarget)) close(picker);
});

document.addEventListener("keydown", (event) => {
  const picker = event.target.matches("[role=combobox]") && event.target.closest("[data-picker]");
  if (picker && KEYS[event.key]?.(picker, event.target) === true) {
    event.preventDefault();
    event.stopPropagation();
  }
}, true);

// Each says whether it did something, so that the key does nothing else.
const KEYS = {
  ArrowDown: (picker, field) => { open(picker); step(listOf(picker), field, 1); return true; },
  ArrowUp: (picker, field) => { open(picker); step(listOf(picker), field, -1); return true; },
  Enter(picker) {
    const option = active(listOf(picker));
    if (option && listOf(picker).matches(":popover-open")) pick(picker, option.dataset.value);
    else open(picker);
    return true;
  },
  Escape(picker) {
    const wasOpen = listOf(picker).matches(":popover-open");
    close(picker);
    return wasOpen;
  },
  Backspace(picker, field) {
    const last = [...picker.querySelectorAll(".chip button")].at(-1);
    if (field.value || !last) return false;
    unpick(last);
    return true;
  },
};

for (const moved of ["scroll", "resize"]) {
  addEventListener(moved, (event) => {
    for (const list of document.querySelectorAll("[data-picker] > .list:popover-open")) {
      if (event.target !== list) settle(list, list.closest("[data-picker]"), { wide: true });
    }
  }, true);
}
