// Choosing one of the campaign's categories: by number where there are few, by typing where there are many.
import { byId, campaign } from "./work.js";
import { choiceButton } from "./single.js";
import { codesOf } from "./codes.js";
import { count, t } from "./words.js";

export const FEW = 10;
const MOST_SHOWN = 30;
const DIGITS = "1234567890";

export class Chooser {
  // `onChoose(slug)`; `likely()` gives the slugs to be listed first before anything is typed.
  constructor(onChoose, { likely = () => [], definitions = true } = {}) {
    this.onChoose = onChoose;
    this.likely = likely;
    this.definitions = definitions;
    this.all = campaign.categories.map((category) => ({
      category,
      name: category.name.toLowerCase(),
      words: [category.name, category.slug.replaceAll("-", " "), ...category.synonyms].map((word) => word.toLowerCase()),
    }));
    this.few = this.all.length <= FEW;
    this.codes = this.few ? new Map() : codesOf(campaign.categories);
    this.filter = byId("filter");
    this.listed = [];
    this.pressed = null; // the category that is chosen now, where one stays chosen
    byId("filter-label").hidden = this.few;
    this.filter.addEventListener("input", () => this.list());
    this.list();
  }

  get typing() { return document.activeElement === this.filter; }

  // Best first: its code, the name, the name begins so, a word of it does, a synonym does, it is somewhere in it.
  rank({ category, name, words }, typed) {
    if (name === typed) return 0;
    if (this.codes.get(category.slug) === typed) return 1;
    if (name.startsWith(typed)) return 2;
    if (name.split(/[\s-]+/).some((word) => word.startsWith(typed))) return 3;
    if (words.some((word) => word.startsWith(typed))) return 4;
    return words.some((word) => word.includes(typed)) ? 5 : null;
  }

  list() {
    const typed = this.filter.value.trim().toLowerCase();
    const first = typed ? [] : this.likely();
    this.listed = this.all
      .map((row, k) => ({ row, rank: typed ? this.rank(row, typed) : this.few ? k : (first.indexOf(row.category.slug) + 1 || Infinity) }))
      .filter(({ rank }) => rank !== null)
      .sort((a, b) => (a.rank === b.rank ? 0 : a.rank - b.rank))
      .map(({ row }) => row.category);
    byId("answers").replaceChildren(...this.listed.slice(0, MOST_SHOWN).map((category, k) => {
      const code = this.codes.get(category.slug);
      const button = choiceButton(DIGITS[k] ?? "", category.name, () => this.choose(category.slug), code ?? (this.definitions ? category.definition : ""));
      button.dataset.value = category.slug;
      if (category.definition) button.title = category.definition;
      if (this.pressed !== null) button.ariaPressed = String(category.slug === this.pressed);
      return button;
    }));
    const more = this.listed.length - MOST_SHOWN;
    if (more > 0) byId("answers").append(note(t("more_categories", { n: count(more) })));
    if (!this.listed.length) byId("answers").append(note(t("no_category")));
  }

  choose(slug) { this.onChoose(slug); }

  clear() {
    this.filter.value = "";
    this.list();
    if (this.typing && this.few) this.filter.blur();
  }

  // A key of the choice itself; true when it was one.
  press(event, opensOnLetters = !this.few) {
    if (event.ctrlKey || event.metaKey) return false;
    const digit = event.key.length === 1 ? DIGITS.indexOf(event.key) : -1;
    if (digit >= 0 && this.listed[digit] && (digit < 9 || this.few)) { this.choose(this.listed[digit].slug); return true; }
    if (event.key === "Enter" && this.filter.value && this.typing) {
      if (this.listed.length) this.choose(this.listed[0].slug);
      return true;
    }
    if (event.key === "Escape" && (this.filter.value || this.typing)) { this.clear(); this.filter.blur(); return true; }
    if (event.key === "/" || (opensOnLetters && !this.typing && /^\p{L}$/u.test(event.key))) {
      byId("filter-label").hidden = false;
      this.filter.focus();
      return event.key === "/"; // the letter itself goes into the box
    }
    return false;
  }
}

function note(words) {
  const p = document.createElement("p");
  p.className = "soft";
  p.textContent = words;
  return p;
}
