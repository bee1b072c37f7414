// What the browser keeps of a page: changes, sliders, kick-offs; it says so where it cannot.
// Each game and each slider is an entry of its own: a tab writes over nothing that another one has
// stored of others.

const STORE_KEY = `spots ${data.id}`; // of the content: another run's page has another

class Store {
  constructor(say, onothers) {
    this.say = say;
    this.refused = false;
    this.unkept = new Map(); // what the browser has refused, by its name
    // The last two for a tab that slept: it hears of nothing meanwhile.
    for (const name of ["storage", "focus", "pageshow"]) addEventListener(name, onothers);
  }

  // What is stored, by whatever tab; null where there is nothing.
  stored(kind, key) {
    // Earlier pages had one entry for all.
    return this.parsed(`${STORE_KEY} ${kind} ${key}`) ?? this.parsed(STORE_KEY)?.[kind]?.[key] ?? null;
  }

  parsed(name) {
    let text = null;
    try {
      text = localStorage.getItem(name);
    } catch (error) {
      this.refuse(error);
    }
    try {
      return JSON.parse(text);
    } catch {
      return null; // nothing that a page has written
    }
  }

  // Returns whether the browser takes it; if not, this tab knows it until it is closed.
  keep(kind, key, value) {
    const name = `${STORE_KEY} ${kind} ${key}`;
    try {
      localStorage.setItem(name, JSON.stringify(value));
      this.unkept.delete(name);
      this.refused = false;
      return true;
    } catch (error) {
      this.unkept.set(name, value);
      this.refuse(error);
      return false;
    }
  }

  known(kind, key) {
    return this.unkept.get(`${STORE_KEY} ${kind} ${key}`) ?? this.stored(kind, key);
  }

  // What somebody has set instead of what the page came with; a page that comes with something else
  // is a later word.
  kept(kind, key, given, isValid) {
    const entry = this.known(kind, key);
    const [instead, value] = Array.isArray(entry) ? entry : [];
    return JSON.stringify(instead) === JSON.stringify(given) && isValid(value) ? value : given;
  }

  keepInstead(kind, key, given, value) {
    this.keep(kind, key, [given, value]);
  }

  refuse(error) {
    if (this.refused) return;
    this.refused = true;
    // Behind what the change itself says.
    queueMicrotask(() => this.say(`this browser keeps nothing (${error.name}): save a file`));
  }
}
