"use strict";
// A game's spots, and what was done to them: each change is a step that can be taken back.

const data = JSON.parse(document.getElementById("data").textContent);
const [OPEN, ACCEPTED, REJECTED, ADDED] = ["open", "accepted", "rejected", "added"];
const LATEST_MS = 1000 * 60000 - 1; // a clock of labels has three digits of minutes
const STATES = [OPEN, ACCEPTED, REJECTED, ADDED];

// What a spot is that somebody adds, besides its place and its class.
const NEW = {
  source: "added", state: ADDED, confidence: null, visibility: null, team: null, from: null,
};

const byTime = (a, b) => a.half - b.half || a.ms - b.ms || a.event - b.event;
const rows = (columns) => columns[0].map((_, n) => columns.map((column) => column[n]));

class Game {
  // kept: the edits that the browser knows.
  constructor(number, kept) {
    const { name, halves, detections, annotations } = data.games[number];
    Object.assign(this, { number, name, halves, annotated: annotations !== null });
    this.spots = new Map();
    rows(detections).forEach(([half, ms, event, confidence], n) =>
      this.given(`d${n}`, { source: "detection", half, ms, event, confidence }));
    if (annotations)
      rows(annotations).forEach(([half, ms, event, visibility, team, written = null], n) =>
        this.given(`a${n}`, { source: "annotation", half, ms, event, visibility, team, written }));
    this.done = [];
    this.undone = [];
    this.additions = 0;
    this.onchange = () => {};
    this.kept = {};
    this.join(kept);
  }

  given(id, fields) {
    const { half, ms, event } = fields;
    const spot = { id, confidence: null, visibility: null, team: null, state: OPEN, ...fields };
    this.spots.set(id, { ...spot, from: { half, ms, event } });
  }

  // Changes some fields of a spot, as one step; nothing happens where they are so already.
  change(spot, after) {
    const now = this.spots.get(spot.id);
    const before = Object.fromEntries(Object.keys(after).map((key) => [key, now[key]]));
    if (Object.keys(after).some((key) => after[key] !== before[key]))
      this.take({ id: spot.id, before, after });
  }

  add(half, ms, event) {
    const id = `n${(this.additions += 1)}`;
    this.take({ id, before: null, after: { id, half, ms, event, ...NEW } });
    return this.spots.get(id);
  }

  remove(spot) {
    this.take({ id: spot.id, before: { ...spot }, after: null });
  }

  take(step) {
    this.done.push(step);
    this.undone = [];
    this.put(step.id, step.after);
  }

  undo() {
    const step = this.done.pop();
    if (!step) return null;
    this.undone.push(step);
    this.put(step.id, step.before);
    return step.id;
  }

  redo() {
    const step = this.undone.pop();
    if (!step) return null;
    this.done.push(step);
    this.put(step.id, step.after);
    return step.id;
  }

  put(id, fields) {
    if (fields === null) this.spots.delete(id);
    else this.spots.set(id, { ...this.spots.get(id), ...fields });
    this.onchange();
  }

  ordered() {
    return [...this.spots.values()].sort(byTime);
  }

  // What differs from what the page was made with: fields by the spot's name.
  edits() {
    const found = {};
    for (const spot of this.spots.values()) if (isChanged(spot)) found[spot.id] = essence(spot);
    return found;
  }

  // Takes over the edits that another tab has made since both knew `kept`. Returns of how many spots,
  // and of how many both tabs have made something else: these stay as they are here.
  join(theirs) {
    const mine = this.edits();
    const ids = new Set([...Object.keys(this.kept), ...Object.keys(theirs)]);
    const news = [...ids]
      .map((id) => ({ id, was: this.kept[id], here: mine[id], there: theirs[id] }))
      .filter(({ was, here, there }) => !isSame(there, was) && !isSame(there, here));
    const taken = news.filter(({ was, here }) => isSame(was, here));
    const others = news.filter(({ was, here }) => !isSame(was, here));
    // Both have added a spot, and called it alike.
    const added = others.filter(({ id, was, there }) => was === undefined && there && isAddition(id));
    for (const { id, there } of taken) this.restore(id, there);
    for (const { there } of added) this.restore(`n${this.additions + 1}`, there);
    // A step from what is no more leads nowhere.
    const replaced = new Set(taken.map(({ id }) => id));
    [this.done, this.undone] = [this.done, this.undone].map((steps) => steps.filter(({ id }) => !replaced.has(id)));
    this.kept = theirs;
    return [taken.length + added.length, others.length - added.length];
  }

  // Makes a spot what an edit says; without one it is as it came.
  restore(id, fields) {
    const known = this.spots.get(id);
    const isAdded = known ? known.source === "added" : isAddition(id);
    if (!fields && known)
      if (isAdded) this.spots.delete(id);
      else this.spots.set(id, { ...known, ...known.from, state: OPEN });
    else if (this.isEssence(fields, isAdded) && (known || isAdded)) {
      this.spots.set(id, { ...(known ?? { id, ...NEW }), ...essence(fields) });
      if (isAdded) this.additions = Math.max(this.additions, Number(id.slice(1)));
    }
  }

  // Whether something from a browser's memory or a file can be a spot's place, class and state.
  isEssence(fields, isAdded) {
    const whole = (value, least, most) => Number.isInteger(value) && value >= least && value <= most;
    return isObject(fields) && whole(fields.half, 1, this.halves)
      && whole(fields.ms, 0, LATEST_MS) && whole(fields.event, 0, data.classes.length - 1)
      && STATES.includes(fields.state) && (fields.state === ADDED) === isAdded;
  }
}

const isObject = (value) => value !== null && typeof value === "object";
const isSame = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const isAddition = (id) => /^n\d{1,9}$/.test(id);
const isMoved = ({ from, half, ms }) => from !== null && (from.half !== half || from.ms !== ms);
const isRelabelled = ({ from, event }) => from !== null && from.event !== event;
const isChanged = (spot) => spot.state !== OPEN || isMoved(spot) || isRelabelled(spot);
const essence = ({ half, ms, event, state }) => ({ half, ms, event, state });

// 12:05.3: minutes and seconds of a half.
function clock(ms, digits = 1) {
  const sign = ms < 0 ? "−" : "";
  const tenths = Math.floor(Math.abs(ms) / 100);
  const text = `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}`;
  return sign + text + (digits ? `.${tenths % 10}` : "");
}

const inWords = (spot) => `${data.classes[spot.event]}, half ${spot.half}, ${clock(spot.ms)}`;
