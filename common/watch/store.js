// What the browser keeps of a page: changes, sliders, kick-offs; it says so where it cannot.

const STORE_KEY = `spots ${data.id}`; // of the content: another run's page has another
const WAIT_MS = 300;

class Store {
  constructor(say, onrefuse) {
    Object.assign(this, { say, onrefuse });
    this.content = { games: {}, thresholds: {}, kickOffs: {}, settings: {} };
    this.refused = false;
    this.timer = 0;
    addEventListener("pagehide", () => this.timer && this.write());
    addEventListener("storage", (event) => {
      if (event.key === STORE_KEY) this.say("changed in another tab: load this one anew");
    });
    this.read();
  }

  read() {
    let found = null;
    try {
      found = localStorage.getItem(STORE_KEY);
    } catch (error) {
      this.refuse(error);
    }
    try {
      found = JSON.parse(found);
    } catch {
      return; // nothing that a page has written
    }
    if (found === null || typeof found !== "object") return;
    for (const key of Object.keys(this.content)) {
      const same = found[key] !== null && typeof found[key] === "object";
      if (same) this.content[key] = found[key];
    }
  }

  // What somebody has set instead of what the page came with; a page that comes with something else
  // is a later word.
  kept(kind, key, given, isValid) {
    const entry = this.content[kind][key];
    const [instead, value] = Array.isArray(entry) ? entry : [];
    return JSON.stringify(instead) === JSON.stringify(given) && isValid(value) ? value : given;
  }

  keepInstead(kind, key, given, value) {
    this.keep((content) => (content[kind][key] = [given, value]));
  }

  keep(change) {
    change(this.content);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.write(), WAIT_MS);
  }

  write() {
    clearTimeout(this.timer);
    this.timer = 0;
    try {
      localStorage.setItem(STORE_KEY, JSON.stringify(this.content));
      this.refused = false;
    } catch (error) {
      this.refuse(error);
    }
  }

  refuse(error) {
    if (this.refused) return;
    this.refused = true;
    this.say(`this browser keeps nothing (${error.name}): save a file`);
    this.onrefuse();
  }
}
