// Classify: one picture, one key. Up to ten categories have a number; of more, any is at most four keys away.
import { byId, campaign, person } from "./work.js";
import { Single } from "./single.js";
import { Chooser } from "./chooser.js";
import { command, onKeys } from "./keys.js";
import { t } from "./words.js";

const LIKELY = 9;
const recentKey = `cairn-recent-${person}-${campaign.id}`;
let recent = []; // slugs, the latest first; a preview keeps none and knows none of real work
if (!campaign.preview) try { recent = JSON.parse(localStorage.getItem(recentKey)) ?? []; } catch { /* none kept */ }

const single = new Single((item, given) => {
  chooser.pressed = given?.value ?? null;
  chooser.clear();
  suggest(item);
  for (const button of document.querySelectorAll(".other [data-value]")) {
    button.ariaPressed = given ? String(given.value === button.dataset.value) : null;
  }
});
const chooser = new Chooser(answer, { likely });

byId("asked").textContent = campaign.title;
byId("definition").textContent = t("what");

function answer(value) {
  if (campaign.categories.some((category) => category.slug === value)) {
    recent = [value, ...recent.filter((slug) => slug !== value)].slice(0, LIKELY);
    if (!campaign.preview) try { localStorage.setItem(recentKey, JSON.stringify(recent)); } catch { /* for this page only */ }
  }
  single.answer({ value });
}

// What a model thinks of this picture, then what this person chose lately.
function likely() {
  const suggestion = single?.item?.suggestion;
  return [...new Set([suggestion?.value, ...(suggestion?.likely ?? []), ...recent].filter(Boolean))].slice(0, LIKELY);
}

function suggest(item) {
  const element = byId("suggested");
  const category = campaign.categories.find((known) => known.slug === item?.suggestion?.value);
  element.hidden = !category;
  if (category) element.textContent = t("suggested", { name: category.name });
}

for (const button of document.querySelectorAll(".other [data-value]")) {
  button.addEventListener("click", () => answer(button.dataset.value));
}
if (!chooser.few) {
  for (const kbd of document.querySelectorAll(".panel .other kbd, .panel .foot kbd")) {
    if (/^[a-z]$/.test(kbd.textContent)) kbd.textContent = `⇧${kbd.textContent.toUpperCase()}`;
  }
}

onKeys((event) => {
  if (event.target.closest?.("button, a") && ["Enter", " "].includes(event.key)) return false;
  const name = command(event, chooser.few && !chooser.typing);
  if (name === "unsure") { answer("unsure"); return true; }
  if (name === "none") { answer("none"); return true; }
  if (single.obey(name)) return true;
  if (!single.item) return false;
  if (chooser.press(event)) return true;
  if (event.key === "0" && !chooser.filter.value) { answer("none"); return true; }
  if (chooser.filter.value) return false;
  if (event.key === "ArrowLeft") { single.back(); return true; }
  if (event.key === "ArrowRight") { single.forward(); return true; }
  return false;
}, { plainLetters: () => chooser.few && !chooser.typing });

await single.start();
