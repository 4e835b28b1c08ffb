// The browser's own store (IndexedDB) of answers on their way. A write has succeeded only when its transaction is
// complete; whatever else happens (an error, an abort, a connection that was closed) is a failure all the same.

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

export class Kept {
  constructor() { this.db = null; this.opening = null; }

  async connection() {
    this.opening ??= openDatabase().then((db) => {
      db.onclose = () => { this.opening = null; };
      db.onversionchange = () => { db.close(); this.opening = null; };
      return (this.db = db);
    });
    try { return await this.opening; } catch (error) { this.opening = null; throw error; }
  }

  // `work(transaction)` makes one request, whose result this resolves to once all is on disk.
  async once(stores, mode, work) {
    const db = await this.connection();
    return new Promise((resolve, reject) => {
      let change;
      try { change = db.transaction(stores, mode, { durability: "strict" }); } catch (error) { this.opening = null; throw error; }
      const request = work(change);
      change.oncomplete = () => resolve(request?.result);
      change.onerror = change.onabort = () => reject(change.error ?? new Error("the browser did not keep it"));
    });
  }

  // A connection that was closed is opened anew, once.
  async transact(...what) {
    try { return await this.once(...what); } catch { return this.once(...what); }
  }

  add(record) { return this.transact("outbox", "readwrite", (change) => change.objectStore("outbox").add(record)); }
  refused() { return this.transact("refused", "readonly", (change) => change.objectStore("refused").getAll()); }
  forget(ids) {
    return this.transact("refused", "readwrite", (change) => { for (const id of ids) change.objectStore("refused").delete(id); });
  }
  all() { return this.transact("outbox", "readonly", (change) => change.objectStore("outbox").getAll()); }

  // The answers that have arrived go, and those refused are put aside, in one step.
  remove(seqs, refused) {
    return this.transact(["outbox", "refused"], "readwrite", (change) => {
      for (const seq of seqs) change.objectStore("outbox").delete(seq);
      for (const record of refused) change.objectStore("refused").put(record);
    });
  }
}
