"use strict";

// Pages read completely without this. With it, the checklist follows what happens, and texts can be copied by a button.

const POLL_MILLISECONDS = 3000;

function show(list, answer) {
  for (const item of answer.items) {
    const row = list.querySelector(`[data-item="${item.key}"]`);
    row.dataset.state = item.state;
    row.querySelector("[data-word]").textContent = item.word;
    row.querySelector("[data-sentence]").textContent = item.sentence;
    row.querySelector("[data-fix]").textContent = item.fix;
  }
  const summary = document.querySelector("[data-summary]");
  if (summary.textContent !== answer.summary) summary.textContent = answer.summary;
}

function follow(list) {
  const look = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(list.dataset.checklist, { headers: { Accept: "application/json" } });
        if (answer.ok) show(list, await answer.json());
      } catch {
        // The server restarts, or the network is away: the next look may succeed.
      }
    }
    setTimeout(look, POLL_MILLISECONDS);
  };
  setTimeout(look, POLL_MILLISECONDS);
}

function offerCopy(button) {
  const source = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener("click", async () => {
    const label = button.textContent;
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(source);
      button.textContent = "Selected; copy it now";
    }
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}

document.querySelectorAll("[data-checklist]").forEach(follow);
document.querySelectorAll("[data-copy]").forEach(offerCopy);
