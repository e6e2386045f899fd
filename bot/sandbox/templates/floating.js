// What floats above the page: lists under their field, menus beside their button. And moving in them by the keyboard.

const GAP = 4;

// Put a popover under (or, without room there, above) what it belongs to.
export function settle(list, owner, { wide = false, right = false } = {}) {
  const box = owner.getBoundingClientRect();
  if (wide) list.style.width = `${box.width}px`;
  const below = innerHeight - box.bottom - GAP * 2;
  const above = box.top - GAP * 2;
  list.style.maxHeight = `${Math.min(320, Math.max(below, above))}px`;
  const size = list.getBoundingClientRect();
  const under = size.height <= below || below >= above;
  list.style.top = `${under ? box.bottom + GAP : box.top - GAP - size.height}px`;
  const left = right ? box.right - size.width : box.left;
  list.style.left = `${Math.max(GAP, Math.min(left, innerWidth - size.width - GAP))}px`;
}

export const options = (list) => [...list.querySelectorAll("[role=option]:not([hidden], [aria-disabled=true])")];

export function active(list) {
  return list.querySelector("[role=option].active:not([hidden])");
}

// Mark an option as the one that Enter takes; the field names it to a screen reader.
export function activate(list, field, option) {
  list.querySelectorAll(".active").forEach((one) => one.classList.remove("active"));
  if (option) {
    option.id ||= `option-${Math.random().toString(36).slice(2)}`;
    option.classList.add("active");
    option.scrollIntoView({ block: "nearest" });
    field.setAttribute("aria-activedescendant", option.id);
  } else {
    field.removeAttribute("aria-activedescendant");
  }
}

export function step(list, field, by) {
  const all = options(list);
  if (!all.length) return;
  const at = all.indexOf(active(list));
  const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : (at + by + all.length) % all.length;
  activate(list, field, all[next]);
}

// --- menus -------------------------------------------------------------------------------------------------------

document.addEventListener("click", (event) => {
  const button = event.target.closest(".menu > .more");
  if (!button) return;
  const list = button.nextElementSibling;
  list.togglePopover();
  if (list.matches(":popover-open")) {
    settle(list, button, { right: true });
    list.querySelector("[role=menuitem]")?.focus();
  }
});

document.addEventListener("keydown", (event) => {
  const list = event.target.closest(".menu > .list");
  if (!list) return;
  const items = [...list.querySelectorAll("[role=menuitem]")];
  const at = items.indexOf(event.target);
  const to = { ArrowDown: (at + 1) % items.length, ArrowUp: (at - 1 + items.length) % items.length, Home: 0, End: items.length - 1 }[event.key];
  if (to !== undefined) {
    event.preventDefault();
    items[to].focus();
  } else if (event.key === "Tab") {
    list.hidePopover();
  }
});

// --- confirmation ------------------------------------------------------------------------------------------------

// Ask before what the app wants confirmed; resolve to whether the person agreed.
export function agreed(element) {
  const template = element.closest(".asked")?.querySelector(":scope > template");
  if (!template) return Promise.resolve(true);
  const dialog = document.getElementById("ask");
  dialog.replaceChildren(template.content.cloneNode(true));
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

document.addEventListener("click", (event) => {
  const answer = event.target.closest("[data-answer]");
  if (answer) answer.closest("dialog").close(answer.dataset.answer);
});
