// Classify: one picture, one key. Up to nine categories have a number; more are found by typing.
import { byId, campaign, command, onKeys } from "./work.js";
import { Single, choiceButton } from "./single.js";

const MOST_SHOWN = 30;
const few = campaign.categories.length <= 9;
const filter = byId("filter");
const single = new Single((item) => { clear(); suggest(item); });
let listed = [];

byId("asked").textContent = campaign.title;
byId("definition").textContent = "What does the picture show?";

// Best first: the name begins so, a word of it begins so, a synonym does, it is somewhere in it.
function score(category, typed) {
  const name = category.name.toLowerCase();
  const words = [name, ...category.synonyms.map((word) => word.toLowerCase())];
  if (name === typed) return 0;
  if (name.startsWith(typed)) return 1;
  if (name.split(/[\s-]+/).some((word) => word.startsWith(typed))) return 2;
  if (words.some((word) => word.startsWith(typed))) return 3;
  return words.some((word) => word.includes(typed)) ? 4 : null;
}

function list() {
  const typed = filter.value.trim().toLowerCase();
  listed = campaign.categories
    .map((category) => ({ category, score: typed ? score(category, typed) : 0 }))
    .filter((row) => row.score !== null)
    .sort((a, b) => a.score - b.score)
    .map((row) => row.category);
  byId("answers").replaceChildren(...listed.slice(0, MOST_SHOWN).map((category, k) => {
    const button = choiceButton(k < 9 ? String(k + 1) : "", category.name, () => single.answer({ value: category.slug }), category.definition);
    button.dataset.value = category.slug;
    return button;
  }));
  if (listed.length > MOST_SHOWN) byId("answers").append(note(`and ${listed.length - MOST_SHOWN} more: type to find them`));
  if (!listed.length) byId("answers").append(note("no category matches"));
}

function note(words) {
  const p = document.createElement("p");
  p.className = "soft";
  p.textContent = words;
  return p;
}

function clear() {
  filter.value = "";
  list();
  if (document.activeElement === filter && few) filter.blur();
}

function suggest(item) {
  const element = byId("suggested");
  const category = campaign.categories.find((known) => known.slug === item?.suggestion?.value);
  element.hidden = !category;
  if (category) element.textContent = `suggested: ${category.name}`;
}

for (const button of document.querySelectorAll(".other [data-value]")) {
  button.addEventListener("click", () => single.answer({ value: button.dataset.value }));
}
if (!few) {
  document.querySelector('[data-value="unsure"] kbd').textContent = "⇧U";
  document.querySelector("#undo kbd").textContent = "⇧Z";
  document.querySelector("#flag-button kbd").textContent = "⇧F";
}
byId("filter-label").hidden = few;
filter.addEventListener("input", list);

onKeys((event) => {
  const typing = document.activeElement === filter;
  if (event.target.closest?.("button, a") && ["Enter", " "].includes(event.key)) return false;
  switch (command(event, few && !typing)) {
    case "undo": single.undo(); return true;
    case "unsure": single.answer({ value: "unsure" }); return true;
    case "flag": single.flag(); return true;
  }
  if (event.ctrlKey || event.metaKey || !single.item) return false;
  if (event.key === "0" && !filter.value) { single.answer({ value: "none" }); return true; }
  if (/^[1-9]$/.test(event.key)) {
    const category = listed[Number(event.key) - 1];
    if (category) single.answer({ value: category.slug });
    return true;
  }
  if (event.key === "Enter") {
    if (filter.value && listed.length) single.answer({ value: listed[0].slug });
    return true;
  }
  if (event.key === "Escape") { clear(); filter.blur(); return true; }
  if (event.key === "/" || (!few && !typing && event.key.length === 1 && event.key !== " ")) {
    byId("filter-label").hidden = false;
    filter.focus();
    return event.key === "/"; // the letter itself goes into the box
  }
  return false;
}, { plainLetters: () => few && document.activeElement !== filter });

byId("undo").addEventListener("click", () => single.undo());
list();
await single.start();
