// The words of this page in its reader's language; they come with the page.
const words = JSON.parse(document.body.dataset.words ?? "{}");
const language = document.documentElement.lang || "en";
const plural = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(language, { useGrouping: false });

// t("waiting", {n: 2}): the text of `waiting_one` where the language's rule for n says so, else of `waiting`.
export function t(name, values = {}) {
  const text = (values.n !== undefined && words[`${name}_${plural.select(values.n)}`]) || words[name] || name;
  return text.replace(/\{(\w+)\}/g, (place, key) => (key in values ? String(values[key]) : place));
}

// Thousands are set apart by a thin space, in every language.
export const count = (n) => numbers.format(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");
