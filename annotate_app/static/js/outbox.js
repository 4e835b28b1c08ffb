// Answers on their way: first into IndexedDB, then to the server, in order, as often as it takes.
// Every answer has its own id, so sending one twice is the same as once.

import { Kept } from "./kept.js";
import { t } from "./words.js";

const BATCH = 100;
const TRIES = 3; // so often a batch may fail in the server before its answers are sent one by one
const COME_AGAIN = new Set([429, 502, 503, 504, 507]); // busy, away, or out of room: none of it says anything about the answer
const RETRY_MS = [1000, 2000, 5000, 10000, 30000];

export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID(); // only in secure contexts
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = (b[6] & 0x0f) | 0x40;
  b[8] = (b[8] & 0x3f) | 0x80;
  const hex = [...b].map((x) => x.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

export class Outbox extends EventTarget {
  // Events: "change" (waiting, state), "given" (detail: {op, item}), "refused" (detail: [{id, reason, body, op}]).
  constructor(person) {
    super();
    this.person = person;
    this.kept = new Kept();
    this.memory = []; // not on this browser's disk (yet), nor sent
    this.done = new Set(); // numbers of those sent, should the disk fail to forget them
    this.order = 0;
    this.waiting = 0;
    this.state = "saved"; // saved | sending | offline | busy | signed-out | other-person
    this.signedIn = ""; // who is, when it is somebody else
    this.failures = 0;
    this.troubles = 0;
    this.timer = null;
    this.flushing = null;
    this.ready = this.kept.connection().catch(() => null);
    addEventListener("online", () => this.flush());
    addEventListener("offline", () => this.report("offline"));
    document.addEventListener("visibilitychange", () => this.flush());
    addEventListener("beforeunload", (event) => { if (this.memory.length) event.preventDefault(); });
  }

  async start() {
    await this.ready;
    this.waiting = (await this.pending()).length;
    this.report(this.waiting ? "sending" : "saved");
    await this.flush();
  }

  judge(body) { return this.add({ op: "judgment", body, item: body.item }); }
  undo(id, item) { return this.add({ op: "undo", body: { id }, item }); }

  async add(entry) {
    this.waiting += 1;
    this.report(this.state === "saved" ? "sending" : this.state);
    this.dispatchEvent(new CustomEvent("given", { detail: entry }));
    this.order = Math.max(this.order + 0.001, performance.timeOrigin + performance.now());
    const record = { ...entry, person: this.person, order: this.order };
    const held = { ...record, seq: `memory ${this.order}` };
    this.memory.push(held);
    try {
      const seq = await this.kept.add(record);
      if (this.memory.includes(held)) this.memory.splice(this.memory.indexOf(held), 1);
      else await this.kept.remove([seq], []); // it was sent meanwhile
    } catch { /* it stays in memory, and the page says so */ }
    this.report(this.state);
    this.schedule(150); // a few quick answers travel together
  }

  async pending() {
    const rows = await this.kept.all().catch(() => []);
    return rows
      .filter((record) => record.person === this.person && !this.done.has(record.seq))
      .concat(this.memory)
      .sort((one, other) => (one.order ?? 0) - (other.order ?? 0));
  }

  async remove(records, refused = []) {
    const gone = new Set(records.map((record) => record.seq));
    this.memory = this.memory.filter((record) => !gone.has(record.seq));
    for (const seq of gone) this.done.add(seq);
    const seqs = [...gone].filter((seq) => typeof seq === "number");
    if (seqs.length || refused.length) await this.kept.remove(seqs, refused).catch(() => {}); // sent again one day: the same as once
    if (refused.length) this.dispatchEvent(new CustomEvent("refused", { detail: refused }));
  }

  schedule(ms) {
    if (this.timer !== null) return;
    this.timer = setTimeout(() => { this.timer = null; this.flush(); }, ms);
  }

  flush() {
    this.flushing ??= this.sendAll().finally(() => { this.flushing = null; });
    return this.flushing;
  }

  async sendAll() {
    await this.ready;
    for (;;) {
      const records = await this.pending();
      this.waiting = records.length;
      if (!records.length) { this.failures = this.troubles = 0; this.report("saved"); return; }
      let { state } = await this.send(firstOf(records));
      if (state === "trouble") this.troubles += 1;
      if (state === "unfit" || this.troubles >= TRIES) state = await this.sendSingly(records);
      if (state === "signed-out" || state === "other-person") { this.report(state); return; }
      if (state !== "sent") {
        this.report(state === "busy" ? "busy" : "offline");
        this.schedule(RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)]);
        return;
      }
      this.failures = this.troubles = 0;
    }
  }

  // One by one, so that an answer the server cannot digest holds nobody up. It is put aside when the server says
  // why, or when it fails again while others are taken; what builds on it waits for that.
  async sendSingly(records) {
    const failed = [];
    const blocked = new Set();
    let sent = 0;
    let stopped = null;
    for (const record of records) {
      const touches = [record.body.id, record.body.supersedes, record.item].filter(Boolean);
      if (touches.some((name) => blocked.has(name))) continue;
      const outcome = await this.send([record]);
      if (outcome.state === "sent") { sent += 1; continue; }
      if (outcome.state !== "trouble" && outcome.state !== "unfit") { stopped = outcome.state; break; }
      failed.push({ record, ...outcome });
      for (const name of touches) blocked.add(name);
    }
    let parked = 0;
    for (let { record, state, reason } of failed) {
      if (state === "trouble" && sent && !stopped) ({ state, reason } = await this.send([record]));
      else if (state === "trouble") continue;
      if (state === "sent") sent += 1;
      if (state !== "trouble" && state !== "unfit") continue;
      await this.remove([record], [{ id: record.body.id, reason, status: "refused", body: record.body, op: record.op, person: this.person }]);
      parked += 1;
    }
    return stopped ?? (sent || parked ? "sent" : "trouble");
  }

  // {state: sent | signed-out | other-person | offline | busy (come again) | trouble (in the server) | unfit (the request), reason}
  async send(batch) {
    const undo = batch[0].op === "undo";
    try {
      const response = await fetch(undo ? `/api/v1/judgments/${batch[0].body.id}/undo?hold=true` : "/api/v1/judgments", {
        method: "POST",
        headers: { ...asPerson(this.person), ...(undo ? {} : { "Content-Type": "application/json" }) },
        ...(undo ? {} : { body: JSON.stringify(batch.map((record) => record.body)) }),
        keepalive: batch.length < 50,
      });
      if (undo && response.status === 404) { await this.remove(batch); return { state: "sent" }; } // that judgment had been refused
      if (!response.ok) return await this.trouble(response);
      const outcomes = undo ? [] : await response.json();
      const refused = outcomes
        .map((outcome, k) => ({ ...outcome, id: batch[k].body.id, body: batch[k].body, op: "judgment", person: this.person }))
        .filter((outcome) => outcome.status === "refused");
      await this.remove(batch, refused);
      return { state: "sent" };
    } catch { return { state: "offline" }; } // no network, or the server is not there
  }

  async trouble(response) {
    const { status } = response;
    const explained = response.headers.get("Content-Type")?.startsWith("application/problem+json");
    const problem = explained ? await response.json() : {};
    if (problem.signed_in) { this.signedIn = problem.signed_in; return { state: "other-person" }; }
    if (status === 401 || status === 403) return { state: "signed-out" };
    const reason = problem.detail ?? t("server_answered", { status });
    if (status === 413 || (explained && [400, 409, 422].includes(status))) return { state: "unfit", reason };
    if (status >= 500 && !COME_AGAIN.has(status)) return { state: "trouble", reason };
    return { state: COME_AGAIN.has(status) && explained ? "busy" : "offline" };
  }

  report(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}

// For whom this page was loaded: the cookie is shared by all tabs and may be somebody else's by now.
export const asPerson = (person) => ({ "X-Cairn-Person": String(person) });

function firstOf(records) {
  const until = records.findIndex((record) => record.op !== "judgment");
  return records.slice(0, until === 0 ? 1 : Math.min(until < 0 ? records.length : until, BATCH));
}

// What waits is said in words at the top of the page; a click on it shows what this browser holds.
export function showSaved(outbox, element) {
  const words = {
    "other-person": (n) => t("waiting_other", { n, name: outbox.signedIn }),
    offline: (n) => t(outbox.memory.length ? "waiting_unkept" : "waiting_offline", { n }),
    busy: (n) => t("waiting_busy", { n }),
  };
  const show = () => {
    const n = outbox.waiting;
    element.hidden = false;
    element.dataset.state = n ? outbox.state : "saved";
    element.dataset.waiting = n;
    element.dataset.unkept = outbox.memory.length; // would be lost with this page
    if (n && outbox.state === "signed-out") {
      const link = document.createElement("a");
      link.href = `/login?next=${encodeURIComponent(location.pathname)}`;
      link.textContent = t("waiting_signed_out", { n });
      element.replaceChildren(link);
      return;
    }
    element.textContent = n ? (words[outbox.state] ?? ((k) => t("waiting", { n: k })))(n) : `${t("saved")} ✓`;
  };
  outbox.addEventListener("change", show);
  show();
}
