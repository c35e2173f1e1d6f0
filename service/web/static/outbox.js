// Labels that wait: the browser keeps them on its disk until the service has said that it has them.
// Each has an identifier of its own, so that one that is sent twice is stored once.

const STORE = "waiting";
const PART = 200; // labels of one request
const PAUSES = [1, 2, 4, 8, 15]; // s, between attempts without a connection
const AGAIN = new Set([408, 425, 429, 500, 502, 503, 504]);

const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

function openDatabase() {
  const request = indexedDB.open("vo-emline-labels", 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "key", autoIncrement: true });
  return done(request);
}

export class Outbox {
  // url: where labels go; owner: whose they are (a browser may know several services and people);
  // told: called with what has changed: {waiting, problem, stored: labels, predictions, progress}.
  constructor({ url, owner, told }) {
    Object.assign(this, { url, owner, told });
    this.waiting = []; // {key, label}, in the order they were given
    this.refused = [];
    this.problem = "";
    this.running = false;
    this.wake = () => {};
    addEventListener("online", () => this.wake());
  }

  // What an earlier visit left behind; sent now.
  async open() {
    try {
      this.database = await openDatabase();
      const kept = await done(this.database.transaction(STORE).objectStore(STORE).getAll());
      this.waiting.unshift(...kept.filter((record) => record.owner === this.owner));
    } catch {
      this.database = null;
      this.problem = "This browser keeps nothing on its disk: do not close the page while labels wait.";
    }
    this.tell();
    this.send();
    return this.waiting.map((record) => record.label);
  }

  async add(label) {
    const record = { owner: this.owner, label };
    this.waiting.push(record);
    this.tell();
    if (this.database) {
      const kept = this.database.transaction(STORE, "readwrite", { durability: "strict" });
      try { record.key = await done(kept.objectStore(STORE).add(record)); } catch { this.problem = "The disk is full: do not close the page while labels wait."; }
    }
    this.send();
  }

  tell(more = {}) {
    this.told({ waiting: this.waiting.length, refused: this.refused, problem: this.problem, ...more });
  }

  // Forget what the service has.
  remove(records) {
    const gone = new Set(records);
    this.waiting = this.waiting.filter((record) => !gone.has(record));
    if (!this.database) return;
    const kept = this.database.transaction(STORE, "readwrite").objectStore(STORE);
    for (const record of records) if (record.key !== undefined) kept.delete(record.key);
  }

  async send() {
    if (this.running) { return; }
    this.running = true;
    let attempt = 0;
    let most = PART;
    while (this.waiting.length) {
      const part = this.waiting.slice(0, most);
      const answer = await this.post(part.map((record) => record.label));
      if (answer?.ok) {
        const found = await answer.json();
        this.remove(part);
        attempt = 0;
        this.problem = "";
        this.tell({ stored: part.map((record) => record.label), predictions: found.predictions, progress: found.progress });
      } else if (answer?.status === 400 && part.length > 1) {
        most = 1; // one of them is refused: find out which
      } else if (answer?.status === 400) {
        this.refused.push({ label: part[0].label, error: (await answer.json()).error });
        this.remove(part);
        this.tell();
      } else if (answer && !AGAIN.has(answer.status)) {
        this.problem = answer.status === 404 ? "You are not known here any more: ask for a new invitation." : `The service answers ${answer.status}.`;
        break; // they wait for the next visit
      } else {
        this.problem = answer ? "The service is busy." : "No connection: you can go on.";
        this.tell();
        await this.pause(PAUSES[Math.min(attempt++, PAUSES.length - 1)]);
      }
    }
    this.running = false;
    this.tell();
  }

  async post(labels) {
    try {
      return await fetch(this.url, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(labels),
        signal: AbortSignal.timeout(20000),
      });
    } catch {
      return null;
    }
  }

  pause(seconds) {
    return new Promise((resolve) => { this.wake = resolve; setTimeout(resolve, 1000 * seconds); });
  }
}
