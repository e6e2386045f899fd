// The chaos panel: every button and form says itself where it posts and what; the script only sends it.

import { busily, keepFresh, post, refresh, root, say } from "./live.js";

const NUMBERS = new Set(["times", "seconds"]);

const told = (element) => JSON.parse(element.dataset.body ?? "{}");

async function send(element, what) {
  const answer = await post(element.dataset.post, { ...told(element), ...what }, element.dataset.method);
  if (!answer.error) say(answer.said || "Done.");
}

// What a form holds, without what is hidden or empty.
function held(form) {
  const fields = [...new FormData(form)].filter(([name, value]) => value !== "" && !form.elements[name].closest("[hidden]"));
  const what = Object.fromEntries(fields.map(([name, value]) => [name, NUMBERS.has(name) ? Number(value) : value]));
  if (what.fault === "limit") what.retry_after = what.seconds;
  return what;
}

// A fault's details are asked for only where it has some.
function showDetails() {
  const { value } = document.querySelector("[name=fault]");
  for (const detail of document.querySelectorAll("[data-for]")) detail.hidden = !detail.dataset.for.split(" ").includes(value);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-post]");
  if (button && !button.hasAttribute("aria-busy")) busily(button, () => send(button, {}));
});

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  busily(form, async () => {
    await send(form, held(form));
    if (form.closest("table")) form.reset();
  });
});

document.addEventListener("change", (event) => {
  const { target } = event;
  if (target.matches("select[data-post]")) busily(target, () => send(target, { [target.name]: target.value }));
  showDetails();
});

showDetails();
keepFresh(["clock", "faults", "app", "readings", "places", "people", "calls", "events"], { concerns: () => true, after: showDetails });
// What the owner shows of itself moves on without anything happening here.
if (root.moves !== undefined) setInterval(() => document.hidden || refresh(), 1000);
