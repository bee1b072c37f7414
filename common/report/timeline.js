"use strict";
// The time line of a game: one lane per class, annotated spots above detections.

const data = JSON.parse(document.getElementById("data").textContent);
const TICK_SECONDS = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1200];
const AXIS = 24; // pixels below the lanes
const MARGIN = 10 * data.framerate; // frames before the first and behind the last moment

function add(parent, name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

// 12:05 or 12:05.5
function clock(frame) {
  const seconds = frame / data.framerate;
  const minutes = Math.floor(seconds / 60);
  const digits = seconds % 1 ? 1 : 0;
  const rest = (seconds - 60 * minutes).toFixed(digits).padStart(digits ? 4 : 2, "0");
  return `${minutes}:${rest}`;
}

const confidence = (percent) => (percent / 100).toFixed(2);

class Timeline {
  constructor(box, game) {
    this.game = game;
    this.number = 0; // of the half
    this.withUncounted = false;
    this.addButtons(box);
    box.append(document.getElementById("legend").content.cloneNode(true));
    this.svg = add(box, "svg", { role: "img", tabindex: "0" });
    listenTo(this);
    this.width = box.clientWidth;
    this.showWhole();
    new ResizeObserver(() => {
      if (box.clientWidth === this.width) return;
      this.width = box.clientWidth;
      this.draw();
    }).observe(box);
  }

  get half() {
    return this.game.halves[this.number];
  }

  addButtons(box) {
    const bar = document.createElement("div");
    bar.className = "bar";
    const button = (text, label, onclick) => {
      const element = document.createElement("button");
      Object.assign(element, { type: "button", textContent: text, ariaLabel: label, onclick });
      bar.append(element);
      return element;
    };
    this.tabs = this.game.halves.map((_, number) => {
      const name = `half ${number + 1}`;
      return button(name, name, () => this.showHalf(number));
    });
    button("−", "zoom out", () => this.zoom(2));
    button("+", "zoom in", () => this.zoom(0.5));
    button("whole half", "whole half", () => this.showWhole());
    const label = document.createElement("label");
    const check = document.createElement("input");
    check.type = "checkbox";
    check.onchange = () => this.showUncounted(check.checked);
    label.append(check, " below the threshold, too");
    bar.append(label);
    box.append(bar);
  }

  showHalf(number) {
    this.number = number;
    this.showWhole();
  }

  showUncounted(shown) {
    this.withUncounted = shown;
    this.draw();
  }

  showWhole() {
    const { spots, found, uncounted } = this.half;
    this.end = Math.max(60, ...spots[0], ...found[0], ...uncounted[0]) + MARGIN;
    this.view = [-MARGIN, this.end];
    this.tabs.forEach((tab, number) => tab.setAttribute("aria-pressed", number === this.number));
    this.draw();
  }

  zoom(factor, at = 0.5) {
    const span = this.view[1] - this.view[0];
    const next = Math.min(Math.max(span * factor, 2 * MARGIN), this.end + MARGIN);
    this.move(at * (span - next), next);
  }

  // Moves the view by so many frames, and makes it as long as `span`.
  move(frames, span = this.view[1] - this.view[0]) {
    const start = Math.min(Math.max(this.view[0] + frames, -MARGIN), this.end - span);
    this.view = [start, start + span];
    this.draw();
  }

  x(frame) {
    return this.gutter + ((frame - this.view[0]) / (this.view[1] - this.view[0])) * this.plot;
  }

  y(event) {
    return this.rows.get(event) * this.tall + (this.narrow ? 31 : 14);
  }

  visible(frame) {
    return frame >= this.view[0] && frame <= this.view[1];
  }

  draw() {
    const { svg, width } = this;
    if (!width) return;
    this.narrow = width < 640; // names stand above their lanes instead of beside them
    this.tall = this.narrow ? 44 : 28;
    this.gutter = this.narrow ? 0 : 148;
    this.plot = width - this.gutter;
    this.rows = new Map(this.lanes().map((event, row) => [event, row]));
    this.marks = []; // what can be pointed at
    const height = this.rows.size * this.tall + AXIS;
    const words = `${this.half.spots[0].length} spots, ${this.half.found[0].length} detections`;
    svg.replaceChildren();
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("height", height);
    svg.setAttribute("aria-label", `half ${this.number + 1}: ${words}`);
    this.drawAxis(height);
    this.drawLanes();
    if (this.withUncounted) this.drawUncounted();
    this.drawSpots();
    this.drawFound();
  }

  // Classes with something to show in any half, so that lanes stay where they are.
  lanes() {
    const parts = this.withUncounted ? ["spots", "found", "uncounted"] : ["spots", "found"];
    const events = this.game.halves.flatMap((half) => parts.flatMap((part) => half[part][1]));
    return [...new Set(events)].sort((a, b) => a - b);
  }

  drawLanes() {
    for (const [event, row] of this.rows) {
      const top = row * this.tall;
      const y = top + this.tall;
      add(this.svg, "line", { x1: 0, x2: this.width, y1: y, y2: y, stroke: "var(--line)" });
      const place = { class: "lane", x: 0, y: top + (this.narrow ? 12 : 18) };
      add(this.svg, "text", place, data.classes[event]);
    }
  }

  drawAxis(height) {
    const [from, to] = this.view.map((frame) => frame / data.framerate);
    const fits = (step) => (step / (to - from)) * this.plot > 58;
    const step = TICK_SECONDS.find(fits) ?? TICK_SECONDS.at(-1);
    for (let second = Math.max(0, Math.ceil(from / step) * step); second <= to; second += step) {
      const x = this.x(second * data.framerate);
      const ends = { x1: x, x2: x, y1: 0, y2: height - AXIS };
      add(this.svg, "line", { ...ends, stroke: "var(--line)" });
      if (x < this.gutter + 14 || x > this.width - 18) continue;
      const place = { x, y: height - 7, "text-anchor": "middle" };
      add(this.svg, "text", place, clock(second * data.framerate));
    }
  }

  drawSpots() {
    const [frames, events, shown, taken] = this.half.spots;
    frames.forEach((frame, number) => {
      if (!this.visible(frame)) return;
      const [x, y] = [this.x(frame), this.y(events[number]) - 5];
      const missed = taken[number] < 0;
      const [fill, stroke] = missed ? ["paper", "missed"] : ["ink", "ink"];
      const look = { class: "spot", fill: `var(--${fill})`, stroke: `var(--${stroke})` };
      if (shown[number]) add(this.svg, "circle", { cx: x, cy: y, r: 4.2, ...look });
      else add(this.svg, "path", { d: `M${x} ${y - 5}l5 5-5 5-5-5z`, ...look });
      const where = `annotated at ${clock(frame)}${shown[number] ? "" : ", not shown"}`;
      const what = missed ? "missed" : `detected at ${clock(this.half.found[0][taken[number]])}`;
      this.marks.push({ x, y, words: [`${data.classes[events[number]]}, ${where}`, what] });
    });
  }

  drawFound() {
    const [frames, events, percent, kinds, explained] = this.half.found;
    frames.forEach((frame, number) => {
      if (!this.visible(frame)) return;
      const [x, y] = [this.x(frame), this.y(events[number]) + 7];
      const kind = data.kinds[kinds[number]];
      const fill = `var(--${kind.replace(" ", "-")})`;
      const opacity = 0.6 + 0.004 * percent[number];
      const look = { class: "detection", fill, "fill-opacity": opacity };
      add(this.svg, "path", { d: `M${x} ${y - 5}l4.6 8h-9.2z`, ...look });
      const where = `detected at ${clock(frame)}, ${confidence(percent[number])}`;
      const words = [`${data.classes[events[number]]}, ${where}`, kind];
      const mark = { x, y, words };
      if (explained[number] >= 0) {
        const spot = this.half.spots.map((column) => column[explained[number]]);
        words[1] = `${kind}: ${data.classes[spot[1]]} annotated at ${clock(spot[0])}`;
        mark.partner = { x2: this.x(spot[0]), y2: this.y(spot[1]) - 5 };
      }
      this.marks.push(mark);
    });
  }

  drawUncounted() {
    const [frames, events, percent] = this.half.uncounted;
    frames.forEach((frame, number) => {
      if (!this.visible(frame)) return;
      const [x, y] = [this.x(frame), this.y(events[number]) + 7];
      add(this.svg, "line", { class: "uncounted", x1: x, x2: x, y1: y - 4, y2: y + 3 });
      const where = `${confidence(percent[number])} at ${clock(frame)}`;
      const words = [`${data.classes[events[number]]}, ${where}`, "below the threshold"];
      this.marks.push({ x, y, words });
    });
  }
}
