// Verify: a page of pictures, "does this show a whippet?". Mark the exceptions; Enter says all others show it.
import { Shown, byId, campaign, categories, counted, explain, judgment, message, outbox, person, toast } from "./work.js";
import { Leases, askAgain, picture, signedOut } from "./queue.js";
import { askComment, askFlag, openDialog } from "./dialogs.js";
import { command, onKeys } from "./keys.js";
import { onSwipe } from "./touch.js";
import { t } from "./words.js";

const grid = byId("grid");
const leases = new Leases(campaign, outbox, "thumb");
const draftKey = `cairn-marks-${person}-${campaign.id}`;
const drafts = readDrafts();
const GAP = 6; // pixels, as in the stylesheet
const KEEP_DECODED = 10; // pages behind whose pictures stay decoded
const SIGN = { no: "✗", unsure: "?", flag: "⚑", later: "→" };
const SUGGESTED = { yes: "✓", no: "✗", unsure: "?" };
const LATER = { later: true }; // no answer: the picture comes again on a later page

let pages = []; // to come, each {category, items}
let page = null; // on the screen
let history = []; // answered pages, newest last
let ahead = []; // pages one went back from
let at = 0;
let filling = null;
let failures = 0;

// ---- Pages.

// Columns and rows that fill the window: nothing below the fold, because Enter answers for the whole page.
function shape() {
  const width = grid.clientWidth - 8 + GAP;
  const height = (grid.clientHeight || 480) - 8 + GAP;
  const columns = width < 640 ? 2 : Math.max(4, Math.min(8, Math.round(width / 210)));
  const cell = width / columns;
  const rows = Math.max(1, Math.min(Math.floor(height / (0.78 * cell)), Math.floor(48 / columns)));
  return { columns, n: columns * rows, height: Math.floor(Math.min(cell, height / rows)) - GAP };
}

function lay() {
  const { columns, n, height: most } = shape();
  const rows = Math.ceil((page?.items.length ?? 0) / columns);
  const height = rows * columns > n ? Math.floor((grid.clientHeight - 8 + GAP) / rows) - GAP : most; // a page always fits
  grid.style.setProperty("--columns", columns);
  grid.style.setProperty("--cell-height", `${height}px`);
}

const intoPages = (items) => {
  const n = shape().n;
  const byCategory = Map.groupBy ? Map.groupBy(items, (item) => item.category) : groupBy(items);
  return [...byCategory].flatMap(([category, group]) => {
    const made = [];
    for (let k = 0; k < group.length; k += n) made.push({ category, items: group.slice(k, k + n) });
    return made;
  });
};

function groupBy(items) {
  const groups = new Map();
  for (const item of items) groups.set(item.category, [...(groups.get(item.category) ?? []), item]);
  return groups;
}

function fill() {
  filling ??= lease().finally(() => { filling = null; });
  return filling;
}

async function lease() {
  while (pages.length < 2) {
    let items;
    const unsent = outbox.waiting;
    try {
      const category = pages.at(-1)?.category ?? page?.category;
      const n = shape().n;
      items = category ? await leases.more(n, { category }) : [];
      if (!items.length) items = await leases.more(n, { one_category: true });
      failures = 0;
    } catch (error) {
      if (!page) message(signedOut(error) ?? "offline");
      if (!signedOut(error)) setTimeout(fill, Math.min(30000, 1000 * 2 ** failures++));
      return;
    }
    if (!items.length) {
      if (!page && !pages.length) message(leases.outlook);
      if (leases.outlook === "wait") askAgain(outbox, unsent, fill);
      return;
    }
    add(items);
  }
}

function add(items) {
  for (const item of items) item.image = picture(item, "thumb");
  pages.push(...intoPages(items));
  if (!page) turn();
}

function turn() {
  page = ahead.pop() ?? pages.shift() ?? null;
  if (page) show();
  else { grid.replaceChildren(); byId("tally").textContent = ""; message(leases.outlook === "work" ? null : leases.outlook); }
  byId("next").disabled = !page;
  fill();
}

function show() {
  message(null);
  const category = categories.get(page.category);
  byId("asked").textContent = category.name;
  explain(category);
  showExamples(category);
  const { n } = shape(); // what fits beside the examples
  if (!page.answered && page.items.length > n) {
    pages.unshift({ category: page.category, items: page.items.slice(n) });
    page.items = page.items.slice(0, n);
  }
  page.marks ??= new Map(page.items.filter((item) => drafts[item.id]).map((item) => [item.id, drafts[item.id]]));
  page.comments ??= new Map();
  for (const item of page.items) item.image ??= picture(item, "thumb");
  page.shown = new Shown();
  lay();
  grid.replaceChildren(...page.items.map(cellOf));
  at = 0;
  page.items.forEach((item, k) => paint(k));
  grid.scrollTop = 0;
  focusCell(0);
  tally();
  byId("back").disabled = !history.length && !older();
  byId("forward").disabled = !page.answered;
}

function cellOf(item, k) {
  const on = page;
  const cell = document.createElement("div");
  cell.className = "cell";
  cell.role = "option";
  cell.tabIndex = -1;
  cell.dataset.item = item.id;
  const sign = document.createElement("span");
  sign.className = "sign";
  sign.ariaHidden = "true";
  cell.append(item.image, sign);
  if (item.suggestion) {
    const hint = text("span", t("suggested", { name: SUGGESTED[item.suggestion.value] ?? item.suggestion.value }));
    hint.className = "hint";
    cell.append(hint);
  }
  item.image.ready.then((state) => {
    if (state === "good") return;
    cell.classList.add(state);
    if (!on.marks.has(item.id)) setMark(k, state === "broken" ? { flag: "broken" } : LATER, on); // never in the way
  });
  return cell;
}

function showExamples(category) {
  const element = byId("examples");
  const good = category.examples.good ?? [];
  const bad = category.examples.bad ?? [];
  element.hidden = !good.length && !bad.length;
  const row = (label, hashes) => hashes.length ? [text("span", label), ...hashes.slice(0, 4).map((sha256) => {
    const image = picture({ sha256 }, "thumb");
    image.alt = label;
    return image;
  })] : [];
  element.replaceChildren(...row(`✓ ${t("good")}`, good), ...row(`✗ ${t("bad")}`, bad));
}

function text(tag, words) { const element = document.createElement(tag); element.textContent = words; return element; }

// ---- Marks.

const nameOf = (marked) => marked?.flag ? "flag" : marked?.later ? "later" : marked?.value;

function mark(k, answer, on = page) {
  const item = on.items[k];
  const before = on.marks.get(item.id);
  if (answer && JSON.stringify(before) === JSON.stringify(answer)) answer = null; // again: take it back
  (on.undo ??= []).push([k, before]);
  setMark(k, answer, on);
}

function setMark(k, answer, on = page) {
  const item = on.items[k];
  if (answer) { on.marks.set(item.id, answer); drafts[item.id] = answer; }
  else { on.marks.delete(item.id); delete drafts[item.id]; }
  keepDrafts();
  if (on === page) { paint(k); tally(); }
}

function paint(k) {
  const cell = grid.children[k];
  const name = nameOf(page.marks.get(page.items[k].id));
  const comment = page.comments.get(page.items[k].id);
  cell.dataset.mark = name ?? "";
  cell.querySelector(".sign").textContent = SIGN[name] ?? "";
  cell.classList.toggle("commented", Boolean(comment));
  cell.ariaSelected = String(Boolean(name));
  const place = t("picture_of", { k: k + 1, n: page.items.length });
  cell.ariaLabel = [place, name && t(`mark_${name}`), comment, cell.querySelector(".hint")?.textContent].filter(Boolean).join(", ");
}

function tally() {
  const number = (name) => [...page.marks.values()].filter((answer) => nameOf(answer) === name).length;
  const parts = Object.entries(SIGN).filter(([name]) => number(name)).map(([name, sign]) => `${number(name)} ${sign}`);
  byId("tally").textContent = `${t("pictures", { n: page.items.length })}${parts.length ? `: ${parts.join(", ")}` : ""}`;
}

// A preview knows nothing of the marks of real work, and leaves them as they are.
function readDrafts() { if (campaign.preview) return {}; try { return JSON.parse(localStorage.getItem(draftKey)) ?? {}; } catch { return {}; } }
function keepDrafts() { if (campaign.preview) return; try { localStorage.setItem(draftKey, JSON.stringify(drafts)); } catch { /* only for this page then */ } }

// ---- Answers.

// Everything unmarked shows it. What is put off, or did not come, is on a later page again.
function commit() {
  if (!page) return;
  if (page.items.some((item) => item.image.state === "loading")) { toast(t("some_not_come")); return; }
  page.answered ??= new Map(); // item -> {id, answer} as last given
  const putOff = page.items.filter((item) => isPutOff(item) && !page.answered.has(item.id));
  const each = Math.round(page.shown.activeMs() / page.items.length);
  let fresh = 0;
  for (const item of page.items) {
    if (isPutOff(item)) continue;
    const comment = page.comments.get(item.id);
    const answer = { ...(page.marks.get(item.id) ?? { value: "yes" }), ...(comment ? { comment } : {}) };
    const before = page.answered.get(item.id);
    if (before && JSON.stringify(before.answer) === JSON.stringify(answer)) continue;
    const body = judgment(item, answer, page.shown, each, before?.id);
    page.answered.set(item.id, { id: body.id, answer });
    outbox.judge(body);
    delete drafts[item.id];
    if (!before) fresh += 1;
  }
  comeAgain(putOff);
  keepDrafts();
  page.undo = [];
  if (page.items.length) history.push(page);
  const old = history[history.length - KEEP_DECODED];
  if (old) for (const item of old.items) item.image = null;
  counted(fresh);
  turn();
}

const isPutOff = (item) => Boolean(page.marks.get(item.id)?.later) || item.image.state === "away";

function comeAgain(items) {
  if (!items.length) return;
  const gone = new Set(items);
  page.items = page.items.filter((item) => !gone.has(item));
  for (const item of items) { delete drafts[item.id]; item.image = picture(item, "thumb"); }
  pages.push({ category: page.category, items });
}

function undo() {
  const last = page?.undo?.pop();
  if (last) { setMark(...last); focusCell(last[0]); } else back();
}

async function back() {
  const before = history.pop() ?? await olderPage();
  if (!before) return;
  if (page) ahead.push(page); // it comes again when the corrected page is done
  page = before;
  byId("next").disabled = false;
  show();
}

const forward = () => { if (page?.answered) commit(); };

// ---- Answers of an earlier visit, so that going back ends only where the work began.

let allRead = false;
let oldest = null;
const older = () => campaign.judged > 0 && !allRead;

async function olderPage() {
  if (!older()) return null;
  const known = new Set([...ahead, page].filter(Boolean).flatMap(({ answered }) => [...(answered?.values() ?? [])].map(({ id }) => id)));
  const rows = (await leases.answered(48, oldest).catch(() => [])).filter((row) => !known.has(row.id));
  const category = rows[0]?.item.category;
  const other = rows.findIndex((row) => row.item.category !== category);
  const own = rows.slice(0, Math.min(other < 0 ? rows.length : other, shape().n)).reverse();
  if (!own.length) { allRead = true; byId("back").disabled = true; return null; }
  oldest = own[0].id;
  const word = ({ comment: _, ...answer }) => answer;
  return {
    category,
    items: own.map((row) => row.item),
    marks: new Map(own.filter((row) => row.answer.value !== "yes").map((row) => [row.item.id, word(row.answer)])),
    comments: new Map(own.filter((row) => row.answer.comment).map((row) => [row.item.id, row.answer.comment])),
    answered: new Map(own.map((row) => [row.item.id, { id: row.id, answer: row.answer }])),
  };
}

// ---- Moving and keys.

function focusCell(k) {
  if (!page?.items.length) return;
  grid.children[at]?.setAttribute("tabindex", "-1");
  at = Math.max(0, Math.min(page.items.length - 1, k));
  const cell = grid.children[at];
  cell.tabIndex = 0;
  cell.focus({ preventScroll: false });
  if (byId("larger").open) showLarger();
}

function showLarger() {
  const image = byId("larger-image");
  image.src = `/images/${page.items[at].sha256}?variant=view`;
  image.alt = t("picture_of", { k: at + 1, n: page.items.length });
  byId("larger").dataset.mark = nameOf(page.marks.get(page.items[at].id)) ?? "";
  if (!byId("larger").open) byId("larger").showModal();
}

const columns = () => Number(getComputedStyle(grid).getPropertyValue("--columns")) || 1;
const STEP = { ArrowLeft: () => -1, ArrowRight: () => 1, ArrowUp: () => -columns(), ArrowDown: () => columns() };

onKeys((event) => {
  if (event.target.closest?.("button, a") && ["Enter", " "].includes(event.key)) return false;
  if (STEP[event.key]) {
    const to = at + STEP[event.key]();
    if (page && to >= 0 && to < page.items.length) focusCell(to);
    return true;
  }
  if (event.key === "Enter") { if (!event.repeat) { byId("larger").close(); commit(); } return true; }
  if (event.key === "Home" || event.key === "End") { focusCell(event.key === "Home" ? 0 : Infinity); return true; }
  const name = command(event);
  if (name === "back") { back(); return true; }
  if (!page) return name === "undo" ? (undo(), true) : false;
  if (event.key === " ") { if (openDialog()) byId("larger").close(); else showLarger(); return true; }
  switch (name) {
    case "not": mark(at, { value: "no" }); break;
    case "skip": mark(at, LATER); break;
    case "comment": comment(); break;
    case "forward": forward(); break;
    case "unsure": mark(at, { value: "unsure" }); break;
    case "undo": undo(); break;
    case "flag": flag(); break;
    default: return false;
  }
  if (openDialog()?.id === "larger") showLarger();
  return true;
});

function flag() {
  if (!page) return;
  const k = at;
  if (page.marks.get(page.items[k].id)?.flag) { setMark(k, null); return; }
  askFlag((answer) => { mark(k, answer); focusCell(k); });
}

function comment() {
  if (!page) return;
  const [k, on] = [at, page];
  const id = on.items[k].id;
  askComment(on.comments.get(id) ?? "", (text) => {
    if (text) on.comments.set(id, text); else on.comments.delete(id);
    if (on === page) { paint(k); focusCell(k); }
  });
}

grid.addEventListener("click", (event) => {
  const cell = event.target.closest(".cell");
  if (!cell) return;
  const k = [...grid.children].indexOf(cell);
  const name = nameOf(page.marks.get(page.items[k].id));
  focusCell(k);
  mark(k, name === undefined ? { value: "no" } : name === "no" ? { value: "unsure" } : null);
});
byId("larger").addEventListener("click", () => byId("larger").close());
byId("larger").addEventListener("close", () => focusCell(at));
byId("next").addEventListener("click", commit);
byId("undo").addEventListener("click", undo);
byId("flag-button").addEventListener("click", flag);
byId("comment-button").addEventListener("click", comment);
byId("back").addEventListener("click", back);
byId("forward").addEventListener("click", forward);
onSwipe(grid, { left: commit, right: back });
addEventListener("resize", lay);
addEventListener("online", fill);

// ---- Begin: send what an earlier page left, then what it still held, then new work.
await outbox.start();
try { add(await leases.resume()); } catch { /* lease() says what is wrong */ }
await fill();
