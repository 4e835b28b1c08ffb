// A short code for each of many categories, so that at most three letters and Enter name any of a thousand.
// The same categories get the same codes for ever: names are taken in the order of the alphabet, never by chance.

const CODE = 3;
const plain = (text) => text.normalize("NFKD").toLowerCase().replace(/[^a-z0-9]+/g, " ").trim();

// What somebody would guess first: the beginning, then the initials, then letters of the name in its order.
function* guesses(words) {
  const letters = words.join("");
  if (letters.length <= CODE) yield letters;
  yield letters.slice(0, CODE);
  if (words.length > 1) {
    const initials = words.map((word) => word[0]).join("");
    yield initials.slice(0, CODE);
    yield (words[0][0] + words.at(-1).slice(0, 2)).slice(0, CODE);
    yield (words[0].slice(0, 2) + words.at(-1)[0]).slice(0, CODE);
    if (initials.length > CODE) yield initials[0] + initials.slice(-2);
  }
  const rest = letters.slice(1);
  for (let i = 0; i < rest.length; i += 1) for (let k = i + 1; k < rest.length; k += 1) yield letters[0] + rest[i] + rest[k];
  for (const a of "abcdefghijklmnopqrstuvwxyz") for (const b of "abcdefghijklmnopqrstuvwxyz0123456789") yield letters[0] + a + b;
}

// Map slug -> code. `categories`: [{slug, name}].
export function codesOf(categories) {
  const taken = new Set();
  const codes = new Map();
  const named = categories
    .map((category) => ({ slug: category.slug, words: (plain(category.name) || plain(category.slug) || "x").split(" ") }))
    .sort((a, b) => (a.words.join("").length > CODE) - (b.words.join("").length > CODE) || (a.slug < b.slug ? -1 : 1));
  for (const { slug, words } of named) {
    for (const code of guesses(words)) {
      if (taken.has(code)) continue;
      taken.add(code);
      codes.set(slug, code);
      break;
    }
  }
  return codes;
}
