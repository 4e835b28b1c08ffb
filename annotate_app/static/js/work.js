// What all kinds of work share: the outbox, messages, count and pace, time in view, and the words of a judgment.
import { keepPage } from "./offline.js";
import { Outbox, asPerson, showSaved, uuid } from "./outbox.js";
import { Unsent } from "./preview.js";
import { showHeld } from "./held.js";
import { count, t } from "./words.js";

export const main = document.getElementById("main");
export const campaign = JSON.parse(main.dataset.schema);
export const person = Number(document.body.dataset.person);
export const categories = new Map(campaign.categories.map((category) => [category.slug, category]));
export const outbox = campaign.preview ? new Unsent(person) : new Outbox(person);
export const byId = (id) => document.getElementById(id);

if (campaign.preview) byId("saved").textContent = t("preview");
else { showSaved(outbox, byId("saved")); addEventListener("load", keepPage); }
byId("saved-button").addEventListener("click", (event) => { if (!event.target.closest("a")) showHeld(outbox); });
outbox.addEventListener("refused", (event) => {
  const [first] = event.detail;
  const n = event.detail.length;
  toast(t(n > 1 ? "refused" : first.op === "undo" ? "refused_undo" : "refused_one", { n, reason: first.reason }));
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
let inAll = (!campaign.preview && Number(main.dataset.total)) || null; // what there is for this person, as the server last said
const times = [];
export function counted(n) {
  total += n;
  for (let k = 0; k < n; k += 1) times.push(timeInView());
  if (n < 0) times.splice(n);
  while (times.length && times[0] < timeInView() - 300000) times.shift();
  byId("count").textContent = count(total);
  byId("total").textContent = inAll ? ` / ${count(Math.max(total, inAll))}` : "";
  const minutes = Math.max(1 / 6, Math.min(5, (timeInView() - startOfPace) / 60000));
  byId("pace").textContent = times.length > 4 ? ` · ${t("pace", { rate: Math.round(times.length / minutes) })}` : "";
}
const startOfPace = timeInView();
counted(0);

// One's own figures behind `i`, as they are when it is opened; without a network they stay as they were.
export async function ownFigures() {
  if (campaign.preview) return;
  const url = `/api/v1/campaigns/${encodeURIComponent(campaign.slug)}/me`;
  const response = await fetch(url, { headers: asPerson(person) }).catch(() => null);
  if (!response?.ok) return;
  const own = await response.json();
  const shown = {
    judged: count(own.judged),
    per_hour: own.per_hour === null ? "–" : count(Math.round(own.per_hour)),
    agreement: own.agreement === null ? "–" : `${Math.round(100 * own.agreement)} %`,
    earned: own.earned?.toFixed(2),
  };
  for (const element of document.querySelectorAll("[data-own]")) element.textContent = shown[element.dataset.own] ?? "–";
  inAll = own.total;
  counted(0);
}

// ---- Messages.
let toastTimer = null;
export function toast(text) {
  const element = byId("toast");
  element.textContent = text;
  element.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { element.hidden = true; }, 6000);
}

const SIGN_IN = `/login?next=${encodeURIComponent(location.pathname)}`;
const ONWARD = { done: ["home", "/"], wait: ["home", "/"], "other-person": ["start_page", "/"], "signed-out": ["sign_in", SIGN_IN] };

// What there is instead of work: done, wait, offline, other-person, signed-out; null takes it away.
export function message(outlook) {
  const element = byId("message");
  document.body.classList.toggle("has-message", Boolean(outlook));
  element.hidden = !outlook;
  if (!outlook) { element.replaceChildren(); return; }
  const h = document.createElement("h2");
  h.textContent = t(`${outlook}_title`);
  const p = document.createElement("p");
  p.textContent = t(`${outlook}_text`);
  element.replaceChildren(h, p);
  if (ONWARD[outlook]) {
    const a = document.createElement("a");
    a.className = "button primary";
    [a.textContent, a.href] = [t(ONWARD[outlook][0]), ONWARD[outlook][1]];
    element.append(a);
  }
  element.dataset.outlook = outlook;
}

export function explain(category) {
  byId("definition").textContent = category?.definition ? t("quoted", { text: category.definition }) : "";
}
