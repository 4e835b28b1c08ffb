// Moderating given pictures: marks are made here and sent together, so that a slip of a key deletes nothing.
import { t } from "./words.js";

const queue = document.getElementById("queue");
if (queue) moderate();

function moderate() {
  const cells = [...queue.querySelectorAll(".pending")];
  const tally = document.getElementById("tally");
  const send = document.getElementById("send");
  const problem = document.getElementById("moderate-problem");
  const why = document.getElementById("why");
  const other = document.getElementById("other");
  const comment = document.getElementById("comment");
  const larger = document.getElementById("larger");
  const keys = document.getElementById("keys");
  const marks = new Map();
  const history = [];
  let at = 0;
  let declining = null;
  let busy = false;

  const name = (cell, words) => cell.setAttribute("aria-label", `${cell.dataset.name}, ${words}`);

  function focus(index) {
    cells[at].tabIndex = -1;
    at = Math.max(0, Math.min(cells.length - 1, index));
    cells[at].tabIndex = 0;
    cells[at].focus();
  }

  function columns() {
    const top = cells[0].offsetTop;
    const below = cells.findIndex((cell) => cell.offsetTop > top);
    return below < 0 ? cells.length : below;
  }

  function mark(cell, made) {
    history.push([cell, marks.get(cell)]);
    put(cell, made);
  }

  function put(cell, made) {
    if (made) marks.set(cell, made); else marks.delete(cell);
    cell.dataset.mark = made ? made.decision : "";
    cell.querySelector(".sign").textContent = made ? (made.decision === "approve" ? "✓" : "✗") : "";
    const reason = cell.querySelector(".why");
    reason.hidden = !made?.sentence;
    reason.textContent = made?.sentence ?? "";
    for (const button of cell.querySelectorAll("[data-verdict]")) button.setAttribute("aria-pressed", String(button.dataset.verdict === made?.decision));
    name(cell, made ? (made.decision === "approve" ? t("approved") : t("declined", { why: made.sentence })) : t("undecided"));
    show();
  }

  function show() {
    const approved = [...marks.values()].filter((made) => made.decision === "approve").length;
    tally.textContent = `${approved} ✓ · ${marks.size - approved} ✗ · ${cells.length - marks.size} ${t("undecided")}`;
    send.disabled = busy || !marks.size;
  }

  function approve(cell) {
    if (marks.get(cell)?.decision === "approve") mark(cell, null);
    else { mark(cell, { decision: "approve" }); focus(cells.indexOf(cell) + 1); }
  }

  function decline(cell) {
    if (marks.get(cell)?.decision === "decline") { mark(cell, null); return; }
    declining = cell;
    other.hidden = true;
    why.showModal();
    why.querySelector("[data-reason]").focus();
  }

  function declined(reason, sentence, words = "") {
    why.close();
    mark(declining, { decision: "decline", reason, comment: words, sentence: words || sentence });
    focus(cells.indexOf(declining) + 1);
  }

  function choose(button) {
    if (button.dataset.reason !== "other") { declined(button.dataset.reason, button.dataset.sentence); return; }
    other.hidden = false;
    comment.value = "";
    comment.focus();
  }

  function undo() {
    const last = history.pop();
    if (!last) return;
    put(...last);
    focus(cells.indexOf(last[0]));
  }

  function approveRest() {
    for (const cell of cells) if (!marks.has(cell)) mark(cell, { decision: "approve" });
  }

  async function deliver() {
    if (busy || !marks.size) return;
    busy = true;
    problem.hidden = true;
    show();
    const decisions = [...marks].map(([cell, made]) => ({ id: Number(cell.dataset.id), decision: made.decision, reason: made.reason ?? null, comment: made.comment ?? "" }));
    let sentence = "";
    try {
      const answer = await fetch("/api/v1/contributions/decisions", {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Cairn-Person": document.body.dataset.person },
        body: JSON.stringify(decisions),
      });
      const told = await answer.json();
      if (!answer.ok) sentence = `${told.detail}.`;
      else {
        const refused = told.filter((one) => one.status === "refused");
        if (!refused.length) { location.reload(); return; }
        sentence = t("refused", { n: refused.length, reason: refused[0].reason });
        history.length = 0;
      }
    } catch {
      sentence = t("not_arrived");
    }
    busy = false;
    problem.textContent = sentence;
    problem.hidden = false;
    problem.scrollIntoView({ block: "center" });
    show();
  }

  queue.addEventListener("click", (event) => {
    const cell = event.target.closest(".pending");
    if (!cell) return;
    focus(cells.indexOf(cell));
    const verdict = event.target.closest("[data-verdict]")?.dataset.verdict;
    if (verdict === "approve") approve(cell);
    else if (verdict === "decline") decline(cell);
    else if (event.target.closest(".look")) enlarge(cell);
  });
  queue.addEventListener("focusin", (event) => {
    const cell = event.target.closest(".pending");
    if (cell && cells[at] !== cell) { cells[at].tabIndex = -1; at = cells.indexOf(cell); cell.tabIndex = 0; }
  });

  function enlarge(cell) {
    document.getElementById("larger-image").src = `/images/${cell.dataset.sha256}?variant=view`;
    larger.showModal();
  }

  larger.addEventListener("click", () => larger.close());
  why.addEventListener("click", (event) => { const button = event.target.closest("[data-reason]"); if (button) choose(button); });
  why.addEventListener("close", () => cells[at].focus());
  other.addEventListener("submit", () => declined("other", "", comment.value.trim() || t("another_reason")));
  document.getElementById("undo").addEventListener("click", undo);
  document.getElementById("approve-rest").addEventListener("click", approveRest);
  document.getElementById("keys-button").addEventListener("click", () => keys.showModal());
  send.addEventListener("click", deliver);
  addEventListener("beforeunload", (event) => { if (marks.size && !busy) event.preventDefault(); });

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (larger.open) { if (event.key === " ") { event.preventDefault(); larger.close(); } return; }
    if (why.open) {
      if (event.target === comment) return;
      const button = why.querySelectorAll("[data-reason]")[Number(event.key) - 1];
      if (button) { event.preventDefault(); choose(button); }
      return;
    }
    if (keys.open) return;
    const onButton = event.target.closest?.("button, a, input");
    const acts = {
      ArrowRight: () => focus(at + 1),
      ArrowLeft: () => focus(at - 1),
      ArrowDown: () => focus(at + columns()),
      ArrowUp: () => focus(at - columns()),
      a: () => approve(cells[at]),
      x: () => decline(cells[at]),
      z: undo,
      A: approveRest,
      "?": () => keys.showModal(),
    };
    if (!onButton) Object.assign(acts, { " ": () => enlarge(cells[at]), Enter: deliver });
    if (acts[event.key]) { event.preventDefault(); acts[event.key](); }
  });

  show();
  cells[0].focus({ preventScroll: true });
}
