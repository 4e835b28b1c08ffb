// What the three kinds of work share: the outbox, dialogs and their keys, the pace, messages, time in view.
import { Outbox, showSaved, uuid } from "./outbox.js";

export const main = document.getElementById("main");
export const campaign = JSON.parse(main.dataset.schema);
export const person = Number(document.body.dataset.person);
export const categories = new Map(campaign.categories.map((category) => [category.slug, category]));
export const outbox = new Outbox(person);
export const byId = (id) => document.getElementById(id);

showSaved(outbox, byId("saved"));
outbox.addEventListener("refused", (event) => {
  const n = event.detail.length;
  const one = event.detail[0].op === "undo" ? "An undo was" : "An answer was";
  toast(`${n === 1 ? one : `${n} answers were`} not taken: ${event.detail[0].reason}. Kept in this browser.`);
});

// ---- Time in view: seconds in which the page was visible.
let visibleSince = document.hidden ? null : performance.now();
let seen = 0;
document.addEventListener("visibilitychange", () => {
  if (document.hidden && visibleSince !== null) { seen += performance.now() - visibleSince; visibleSince = null; }
  else if (!document.hidden && visibleSince === null) visibleSince = performance.now();
});
export const timeInView = () => seen + (visibleSince === null ? 0 : performance.now() - visibleSince);

export class Shown {
  // When something came on the screen, and how long it has been in view since.
  constructor() { this.at = new Date(); this.from = timeInView(); }
  activeMs() { return Math.round(timeInView() - this.from); }
}

export function judgment(item, answer, shown, activeMs, supersedes = null) {
  return {
    id: uuid(),
    item: item.id,
    answer,
    shown_at: shown.at.toISOString(),
    answered_at: new Date().toISOString(),
    active_ms: activeMs,
    ...(supersedes ? { supersedes } : {}),
  };
}

// ---- Count and pace.
let total = campaign.judged;
const times = [];
export function counted(n) {
  total += n;
  for (let k = 0; k < n; k += 1) times.push(timeInView());
  if (n < 0) times.splice(n);
  while (times.length && times[0] < timeInView() - 300000) times.shift();
  byId("count").textContent = total.toLocaleString("en").replaceAll(",", "\u202f");
  const minutes = Math.max(1 / 6, Math.min(5, (timeInView() - startOfPace) / 60000));
  byId("pace").textContent = times.length > 4 ? ` · ${Math.round(times.length / minutes)}/min` : "";
}
const startOfPace = timeInView();
counted(0);

// ---- Messages.
let toastTimer = null;
export function toast(text) {
  const element = byId("toast");
  element.textContent = text;
  element.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { element.hidden = true; }, 6000);
}

const MESSAGES = {
  done: ["All done", "You have judged everything here that there is for you. Thank you.", "Back to your work", "/"],
  wait: ["Nothing free at the moment", "What is left is with other people just now. This page looks again by itself.", "Back to your work", "/"],
  offline: ["No connection", "New pictures come when the network is back. Your answers are kept in this browser.", null, null],
  "other-person": ["Somebody else is signed in", "This page was opened by another person. What they answered stays in this browser until they sign in again.", "To the start page", "/"],
  "signed-out": ["Your session has ended", "Sign in again to go on. Your answers are kept in this browser.", "Sign in", `/login?next=${encodeURIComponent(location.pathname)}`],
};

export function message(outlook) {
  const element = byId("message");
  document.body.classList.toggle("has-message", Boolean(outlook));
  element.hidden = !outlook;
  if (!outlook) { element.replaceChildren(); return; }
  const [title, text, label, href] = MESSAGES[outlook];
  const h = document.createElement("h2");
  h.textContent = title;
  const p = document.createElement("p");
  p.textContent = text;
  element.replaceChildren(h, p);
  if (label) {
    const a = document.createElement("a");
    a.className = "button primary";
    a.href = href;
    a.textContent = label;
    element.append(a);
  }
  element.dataset.outlook = outlook;
}

// ---- Dialogs: guideline, keys, flag.
export const openDialog = () => document.querySelector("dialog[open]");
const toggle = (id) => { const dialog = byId(id); if (dialog.open) dialog.close(); else dialog.showModal(); };
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
}
byId("guideline-button").addEventListener("click", () => toggle("guideline"));
byId("keys-button")?.addEventListener("click", () => toggle("keys"));

let flagged = null;
export function askFlag(then) { flagged = then; byId("flag").showModal(); }
for (const button of byId("flag").querySelectorAll("[data-flag]")) {
  button.addEventListener("click", () => { byId("flag").close(); flagged?.(button.dataset.flag); });
}

// ---- Keys. `handle(event)` returns true when it took the key. Letters can be left to a filter box.
export function onKeys(handle, { plainLetters = () => true } = {}) {
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey) return;
    const undo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z";
    if ((event.ctrlKey || event.metaKey) && !undo) return;
    const dialog = openDialog();
    if (dialog?.id === "flag" && /^[1-4]$/.test(event.key)) {
      dialog.querySelectorAll("[data-flag]")[Number(event.key) - 1].click();
      event.preventDefault();
      return;
    }
    if (event.key === "?" || (plainLetters() && event.key === "i") || (event.shiftKey && event.key === "I")) {
      const id = event.key === "?" ? "keys" : "guideline";
      if (!dialog || dialog.id === id) { toggle(id); event.preventDefault(); }
      return;
    }
    if (dialog && dialog.id !== "larger") return;
    if (handle(event)) event.preventDefault();
  });
}

// Which command a key means here; with a filter box letters belong to it, and commands take Shift.
export function command(event, plainLetters = true) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") return "undo";
  const name = { z: "undo", u: "unsure", f: "flag", x: "not" }[event.key.toLowerCase()];
  if (!name) return null;
  return plainLetters ? name : event.shiftKey ? name : null;
}

export function explain(category) {
  byId("definition").textContent = category?.definition ? `“${category.definition}”` : "";
}
