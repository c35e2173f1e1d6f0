// The Web Profile of SAMP (SAMP 1.3, section 5.2): tables and spectra go to the programs on the reader's desktop.
// A hub answers at a fixed address of the reader's own machine; TOPCAT and Aladin bring one along.

const HUBS = ["http://localhost:21012/", "http://127.0.0.1:21012/"];
const NO_HUB = "No SAMP hub answers. Start TOPCAT or Aladin on this computer and try again; " +
  "if the browser asks whether this page may reach devices of your network, allow it. " +
  "Or load the address yourself: ";

function encode(value) {
  if (Array.isArray(value)) return `<value><array><data>${value.map(encode).join("")}</data></array></value>`;
  if (typeof value === "object") {
    const members = Object.entries(value).map(([name, item]) => `<member><name>${escaped(name)}</name>${encode(item)}</member>`);
    return `<value><struct>${members.join("")}</struct></value>`;
  }
  return `<value><string>${escaped(String(value))}</string></value>`;
}

function escaped(text) {
  return text.replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);
}

function decode(value) {
  const typed = value.firstElementChild;
  if (!typed) return value.textContent;
  if (typed.tagName === "struct") {
    return Object.fromEntries([...typed.children].map((member) => [
      member.querySelector(":scope > name").textContent, decode(member.querySelector(":scope > value")),
    ]));
  }
  if (typed.tagName === "array") return [...typed.querySelectorAll(":scope > data > value")].map(decode);
  return typed.textContent;
}

async function call(hub, method, ...parameters) {
  const body = `<?xml version="1.0"?><methodCall><methodName>samp.webhub.${method}</methodName><params>` +
    `${parameters.map((item) => `<param>${encode(item)}</param>`).join("")}</params></methodCall>`;
  const answer = await fetch(hub, { method: "POST", body });
  const document = new DOMParser().parseFromString(await answer.text(), "text/xml");
  const fault = document.querySelector("fault > value");
  if (fault) throw new Error(decode(fault).faultString);
  const value = document.querySelector("params > param > value");
  return value ? decode(value) : "";
}

class Hub {
  static async connect(say) {
    for (const url of HUBS) {
      let found;
      try {
        await call(url, "ping");
        say("Allow this page in the window that your desktop shows…");
        found = await call(url, "register", { "samp.name": document.title.slice(0, 80) });
      } catch (error) {
        if (error instanceof TypeError) continue; // nobody listens there
        throw error;
      }
      return new Hub(url, found["samp.private-key"]);
    }
    return null;
  }

  constructor(url, key) {
    this.url = url;
    this.key = key;
    addEventListener("pagehide", () => this.call("unregister").catch(() => {}));
  }

  call(method, ...parameters) {
    return call(this.url, method, this.key, ...parameters);
  }

  async send(mtype, parameters) {
    const clients = Object.keys(await this.call("getSubscribedClients", mtype));
    await this.call("notifyAll", { "samp.mtype": mtype, "samp.params": parameters });
    return clients.length;
  }

  // What TOPCAT says of rows of the table that we sent.
  async listen(onMessage) {
    await this.call("allowReverseCallbacks", "1");
    await this.call("declareSubscriptions", { "table.highlight.row": {}, "samp.hub.event.shutdown": {} });
    for (;;) {
      for (const callback of await this.call("pullCallbacks", "20")) {
        const message = callback["samp.params"]?.find((item) => item?.["samp.mtype"]);
        if (message) onMessage(message["samp.mtype"], message["samp.params"]);
      }
    }
  }
}

let connected = null;

async function hub(say) {
  connected ??= await Hub.connect(say);
  return connected;
}

const MESSAGES = {
  table: (url, data) => ["table.load.votable", { url, name: data.name.trim(), "table-id": url }],
  spectrum: (url, data) => ["spectrum.load.ssa-generic", {
    url, name: data.name, "spectrum-id": url,
    meta: { "Access.Reference": url, "Access.Format": "application/x-votable+xml", "Target.Name": data.name },
  }],
};

const MOST_CHOSEN = 100; // names of a list

// The rows that are ticked: their links, in the order of the table that is made of them, which is that of names.
function chosen() {
  const rows = [...document.querySelectorAll("input[name=id]:checked")].map((box) => {
    const link = box.parentElement.querySelector("a[data-row]");
    const name = link.textContent;
    return { id: box.value, link, key: [name === box.value ? 1 : 0, name, box.value] };
  });
  return rows.sort((a, b) => {
    const place = a.key.findIndex((part, number) => part !== b.key[number]);
    return place < 0 ? 0 : a.key[place] < b.key[place] ? -1 : 1;
  });
}

async function send(button, status) {
  const say = (text) => { status.textContent = text; };
  const address = new URL(button.dataset.url, location.href);
  let number = (link) => Number(new URL(link.href).searchParams.get("at"));
  if ("chosen" in button.dataset) {
    const rows = chosen();
    if (!rows.length || rows.length > MOST_CHOSEN) {
      say(rows.length ? `${rows.length} rows are chosen; ${MOST_CHOSEN} can be sent at once.` :
        "No row is chosen: tick some in the table.");
      return;
    }
    address.search = new URLSearchParams({ list: rows.map((row) => row.id).join("\n"), all: "1", sort: "name" });
    number = (link) => rows.findIndex((row) => row.link === link);
  }
  const url = address.href;
  button.disabled = true;
  say("Looking for a SAMP hub…");
  try {
    const desktop = await hub(say);
    if (!desktop) {
      say(NO_HUB + url);
      return;
    }
    const kind = button.dataset.samp;
    let receivers = await desktop.send(...MESSAGES[kind](url, button.dataset));
    const asTable = kind === "spectrum" && !receivers; // TOPCAT takes spectra as tables
    if (asTable) receivers = await desktop.send(...MESSAGES.table(url, button.dataset));
    say(receivers ? `Sent to ${receivers} program${receivers > 1 ? "s" : ""}${asTable ? ", as a table" : ""}.` :
      "A hub answers, but no program there takes such data: start TOPCAT (tables) or SPLAT (spectra).");
    if (kind === "table" && receivers) listen(desktop, url, number);
  } catch (error) {
    connected = null;
    say(`The hub refused: ${error.message}`);
  } finally {
    button.disabled = false;
  }
}

// A row that is chosen in TOPCAT is shown here, and a row that is chosen here is highlighted there.
function listen(desktop, table, number) {
  const links = [...document.querySelectorAll("a[data-row]")].filter((link) => number(link) >= 0);
  let told = -1;
  for (const link of links) {
    link.addEventListener("focus", () => {
      if (number(link) === told) return;
      desktop.call("notifyAll", {
        "samp.mtype": "table.highlight.row", "samp.params": { "table-id": table, url: table, row: String(number(link)) },
      }).catch(() => {});
    });
  }
  desktop.listen((mtype, parameters) => {
    if (mtype !== "table.highlight.row" || parameters["table-id"] !== table) return;
    told = Number(parameters.row);
    links.find((link) => number(link) === told)?.focus();
  }).catch(() => { connected = null; });
}

export function start() {
  const status = document.querySelector("[data-samp-status]");
  for (const button of document.querySelectorAll("[data-samp]")) {
    button.hidden = false;
    button.addEventListener("click", () => send(button, status));
  }
}
