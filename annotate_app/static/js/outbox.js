// Answers on their way: first into IndexedDB, then to the server, in order, as often as it takes.
// Every answer has its own id, so sending one twice is the same as once.

const BATCH = 100;
const RETRY_MS = [1000, 2000, 5000, 10000, 30000];

export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID(); // only in secure contexts
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = (b[6] & 0x0f) | 0x40;
  b[8] = (b[8] & 0x3f) | 0x80;
  const hex = [...b].map((x) => x.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

function openDatabase() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("cairn", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("outbox", { keyPath: "seq", autoIncrement: true });
      request.result.createObjectStore("refused", { keyPath: "id" });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

export class Outbox extends EventTarget {
  // Events: "change" (waiting, state), "refused" (detail: [{id, reason, item}]).
  constructor(person) {
    super();
    this.person = person;
    this.memory = []; // where there is no IndexedDB
    this.waiting = 0;
    this.state = "saved"; // saved | sending | offline | signed-out
    this.failures = 0;
    this.timer = null;
    this.flushing = null;
    this.ready = openDatabase().then((db) => { this.db = db; }, () => { this.db = null; });
    addEventListener("online", () => this.flush());
    addEventListener("offline", () => this.report("offline"));
    document.addEventListener("visibilitychange", () => this.flush());
    addEventListener("beforeunload", (event) => { if (!this.db && this.waiting) event.preventDefault(); });
  }

  async start() {
    await this.ready;
    this.waiting = (await this.pending()).length;
    this.report(this.waiting ? "sending" : "saved");
    await this.flush();
  }

  judge(body) { return this.add({ op: "judgment", body }); }
  undo(id) { return this.add({ op: "undo", body: { id } }); }

  async add(entry) {
    this.waiting += 1;
    this.report(this.state === "saved" ? "sending" : this.state);
    await this.ready;
    await this.store({ ...entry, person: this.person });
    this.schedule(150); // a few quick answers travel together
  }

  store(record) {
    if (!this.db) { this.memory.push({ ...record, seq: performance.now() + Math.random() }); return Promise.resolve(); }
    return new Promise((resolve, reject) => {
      const change = this.db.transaction("outbox", "readwrite", { durability: "strict" });
      change.objectStore("outbox").add(record);
      change.oncomplete = () => resolve();
      change.onerror = () => { this.memory.push({ ...record, seq: performance.now() }); reject(change.error); };
    });
  }

  pending() {
    if (!this.db) return Promise.resolve([...this.memory]);
    return new Promise((resolve, reject) => {
      const request = this.db.transaction("outbox").objectStore("outbox").getAll();
      request.onsuccess = () => resolve(request.result.filter((record) => record.person === this.person).concat(this.memory));
      request.onerror = () => reject(request.error);
    });
  }

  remove(records, refused = []) {
    const gone = new Set(records.map((record) => record.seq));
    this.memory = this.memory.filter((record) => !gone.has(record.seq));
    if (!this.db) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const change = this.db.transaction(["outbox", "refused"], "readwrite");
      for (const seq of gone) change.objectStore("outbox").delete(seq);
      for (const record of refused) change.objectStore("refused").put(record);
      change.oncomplete = () => resolve();
      change.onerror = () => reject(change.error);
    });
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
      if (!records.length) { this.failures = 0; this.report("saved"); return; }
      let outcome;
      try {
        outcome = records[0].op === "undo" ? await this.sendUndo(records[0]) : await this.sendJudgments(records);
      } catch { outcome = "offline"; } // no network, or the server is not there
      if (outcome === "signed-out") { this.report("signed-out"); return; }
      if (outcome === "offline") {
        this.report("offline");
        this.schedule(RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)]);
        return;
      }
      this.failures = 0;
    }
  }

  async sendUndo(record) {
    const response = await fetch(`/api/v1/judgments/${record.body.id}/undo?hold=true`, { method: "POST" });
    const failed = trouble(response);
    if (failed && response.status !== 404) return failed; // 404: that judgment had been refused
    await this.remove([record]);
    return "sent";
  }

  async sendJudgments(records) {
    const until = records.findIndex((record) => record.op !== "judgment");
    const batch = records.slice(0, Math.min(until < 0 ? records.length : until, BATCH));
    const response = await fetch("/api/v1/judgments", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(batch.map((record) => record.body)),
      keepalive: batch.length < 50,
    });
    const failed = trouble(response);
    if (failed) return failed;
    const outcomes = await response.json();
    const refused = outcomes
      .map((outcome, k) => ({ ...outcome, body: batch[k].body, person: this.person }))
      .filter((outcome) => outcome.status === "refused")
      .map((outcome) => ({ ...outcome, id: outcome.body.id }));
    await this.remove(batch, refused);
    if (refused.length) this.dispatchEvent(new CustomEvent("refused", { detail: refused }));
    return "sent";
  }

  report(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}

function trouble(response) {
  if (response.status === 401 || response.status === 403) return "signed-out";
  return response.ok ? null : "offline"; // a server in trouble is one to come back to
}

export function showSaved(outbox, element) {
  const show = () => {
    const n = outbox.waiting;
    element.hidden = false;
    element.dataset.state = n ? outbox.state : "saved";
    if (!n) { element.textContent = "saved ✓"; return; }
    if (outbox.state === "signed-out") {
      const link = document.createElement("a");
      link.href = `/login?next=${encodeURIComponent(location.pathname)}`;
      link.textContent = `${n} waiting – sign in again to send`;
      element.replaceChildren(link);
    } else if (outbox.state === "offline") {
      element.textContent = `${n} waiting – will send when the network is back`;
    } else {
      element.textContent = `${n} waiting`;
    }
  };
  outbox.addEventListener("change", show);
  show();
}
