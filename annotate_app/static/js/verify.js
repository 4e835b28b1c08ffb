// Verify: a page of pictures, "does this show a whippet?". Mark the exceptions; Enter says all others show it.
import {
  Shown, askFlag, byId, campaign, categories, command, counted, explain, judgment, message, onKeys, openDialog, outbox, person, toast,
} from "./work.js";
import { Leases, picture, signedOut } from "./queue.js";

const grid = byId("grid");
const leases = new Leases(campaign.slug, outbox);
const draftKey = `cairn-marks-${person}-${campaign.id}`;
const drafts = readDrafts();
const GAP = 6; // pixels, as in the stylesheet
const SIGN = { no: "✗", unsure: "?", flag: "⚑" };
const WORD = { no: "does not show it", unsure: "unsure", flag: "flagged" };

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
  const { columns, height } = shape();
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
      if (leases.outlook === "wait") setTimeout(fill, 15000);
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
  page.marks ??= new Map(page.items.filter((item) => drafts[item.id]).map((item) => [item.id, drafts[item.id]]));
  page.shown = new Shown();
  lay();
  grid.replaceChildren(...page.items.map(cellOf));
  at = 0;
  page.items.forEach((item, k) => paint(k));
  grid.scrollTop = 0;
  focusCell(0);
  tally();
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
  item.image.ready.then((good) => {
    if (good || !item.image.broken) return;
    cell.classList.add("broken"); // reported by itself, and never in the way
    if (!on.marks.has(item.id)) setMark(k, { flag: "broken" }, on);
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
  element.replaceChildren(...row("✓ good", good), ...row("✗ not", bad));
}

function text(tag, words) { const element = document.createElement(tag); element.textContent = words; return element; }

// ---- Marks.

const nameOf = (marked) => marked?.flag ? "flag" : marked?.value;

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
  cell.dataset.mark = name ?? "";
  cell.querySelector(".sign").textContent = SIGN[name] ?? "";
  cell.ariaSelected = String(Boolean(name));
  cell.ariaLabel = `Picture ${k + 1} of ${page.items.length}${name ? `, ${WORD[name]}` : ""}`;
}

function tally() {
  const number = (name) => [...page.marks.values()].filter((answer) => nameOf(answer) === name).length;
  const parts = [["no", "✗"], ["unsure", "?"], ["flag", "⚑"]].filter(([name]) => number(name)).map(([name, sign]) => `${number(name)} ${sign}`);
  byId("tally").textContent = `${page.items.length} pictures${parts.length ? `: ${parts.join(", ")}` : ""}`;
}

function readDrafts() { try { return JSON.parse(localStorage.getItem(draftKey)) ?? {}; } catch { return {}; } }
function keepDrafts() { try { localStorage.setItem(draftKey, JSON.stringify(drafts)); } catch { /* only for this page then */ } }

// ---- Answers.

function commit() {
  if (!page) return;
  if (page.items.some((item) => !item.image.complete)) { toast("Some pictures of this page have not come yet."); return; }
  const each = Math.round(page.shown.activeMs() / page.items.length);
  page.answered ??= new Map(); // item -> {id, answer} as last given
  let fresh = 0;
  for (const item of page.items) {
    const answer = page.marks.get(item.id) ?? { value: "yes" };
    const before = page.answered.get(item.id);
    if (before && JSON.stringify(before.answer) === JSON.stringify(answer)) continue;
    const body = judgment(item, answer, page.shown, each, before?.id);
    page.answered.set(item.id, { id: body.id, answer });
    outbox.judge(body);
    delete drafts[item.id];
    if (!before) fresh += 1;
  }
  keepDrafts();
  page.undo = [];
  history.push(page);
  counted(fresh);
  turn();
}

function undo() {
  const last = page?.undo?.pop();
  if (last) { setMark(...last); focusCell(last[0]); return; }
  const before = history.pop();
  if (!before) return;
  if (page) ahead.push(page); // it comes again when the corrected page is done
  page = before;
  byId("next").disabled = false;
  show();
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
  image.alt = `Picture ${at + 1}`;
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
  if (!page) return command(event) === "undo" ? (undo(), true) : false;
  if (event.key === " ") { if (openDialog()) byId("larger").close(); else showLarger(); return true; }
  switch (command(event)) {
    case "not": mark(at, { value: "no" }); break;
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
  askFlag((reason) => { mark(k, { flag: reason }); focusCell(k); });
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
addEventListener("resize", lay);
addEventListener("online", fill);

// ---- Begin: send what an earlier page left, then what it still held, then new work.
await outbox.start();
try { add(await leases.resume()); } catch { /* lease() says what is wrong */ }
await fill();
