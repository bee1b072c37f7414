"use strict";
// The time line of a game: one lane per class, annotated spots above detections.

const data = JSON.parse(document.getElementById("data").textContent);
const tip = document.getElementById("tip");

function svgElement(name, attributes, parent, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  parent?.append(element);
  return element;
}

const clock = (frame) => {
  const seconds = frame / data.framerate, minutes = Math.floor(seconds / 60);
  const rest = (seconds - 60 * minutes).toFixed(seconds % 1 ? 1 : 0);
  return `${minutes}:${rest.padStart(seconds % 1 ? 4 : 2, "0")}`;
};
const steps = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1200];
const AXIS = 24, REACH = 14;

class Timeline {
  constructor(box, game) {
    this.game = game;
    this.half = 0;
    this.uncounted = false;
    this.pointers = new Map();
    this.buttons(box);
    this.svg = svgElement("svg", { role: "img", tabindex: "0" }, box);
    this.listen();
    this.width = box.clientWidth;
    this.whole();
    new ResizeObserver(() => {
      if (box.clientWidth !== this.width) { this.width = box.clientWidth; this.draw(); }
    }).observe(box);
  }

  buttons(box) {
    const bar = document.createElement("div");
    bar.className = "bar";
    const add = (text, label, act) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", textContent: text, ariaLabel: label, onclick: act });
      bar.append(button);
      return button;
    };
    this.tabs = this.game.halves.map((_, number) => add(`half ${number + 1}`, `half ${number + 1}`, () => {
      this.half = number;
      this.whole();
    }));
    add("−", "zoom out", () => this.zoom(2));
    add("+", "zoom in", () => this.zoom(0.5));
    add("whole half", "whole half", () => this.whole());
    const label = document.createElement("label"), check = document.createElement("input");
    check.type = "checkbox";
    check.onchange = () => { this.uncounted = check.checked; this.draw(); };
    label.append(check, " below the threshold, too");
    bar.append(label);
    box.append(bar);
  }

  whole() {
    const { spots, found, uncounted } = this.game.halves[this.half];
    this.end = Math.max(...spots[0], ...found[0], ...uncounted[0], 60) + 20 * data.framerate;
    this.view = [-10 * data.framerate, this.end];
    this.tabs.forEach((tab, number) => { tab.ariaPressed = number === this.half; });
    this.draw();
  }

  zoom(factor, at = 0.5) {
    const [from, to] = this.view, span = to - from, whole = this.end + 10 * data.framerate;
    const next = Math.min(Math.max(span * factor, 20 * data.framerate), whole);
    this.move(from + at * (span - next), next);
  }

  move(from, span) {
    const first = -10 * data.framerate;
    const start = Math.min(Math.max(from, first), this.end - span);
    this.view = [start, start + span];
    this.draw();
  }

  x(frame) {
    return this.gutter + ((frame - this.view[0]) / (this.view[1] - this.view[0])) * this.plot;
  }

  draw() {
    const { width } = this;
    if (!width) return;
    const narrow = width < 640;
    this.gutter = narrow ? 0 : 148;
    this.plot = width - this.gutter;
    const lanes = this.lanes(), tall = narrow ? 44 : 28, height = lanes.length * tall + AXIS;
    this.svg.replaceChildren();
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("height", height);
    const { spots, found } = this.game.halves[this.half];
    this.svg.setAttribute("aria-label", `half ${this.half + 1}: ${spots[0].length} spots, ${found[0].length} detections`);
    this.drawAxis(height);
    lanes.forEach((event, row) => {
      const top = row * tall;
      svgElement("line", { x1: 0, x2: width, y1: top + tall, y2: top + tall, stroke: "var(--line)" }, this.svg);
      svgElement("text", { class: "lane", x: 0, y: top + (narrow ? 12 : 18) }, this.svg, data.classes[event]);
    });
    const row = new Map(lanes.map((event, number) => [event, number]));
    this.marks = [];
    const middle = (event) => row.get(event) * tall + (narrow ? 31 : 14);
    if (this.uncounted) this.drawUncounted(middle);
    this.drawSpots(middle);
    this.drawFound(middle);
  }

  lanes() {
    const seen = new Set();
    for (const half of this.game.halves)
      for (const part of [half.spots, half.found, ...(this.uncounted ? [half.uncounted] : [])])
        part[1].forEach((event) => seen.add(event));
    return [...seen].sort((a, b) => a - b);
  }

  drawAxis(height) {
    const [from, to] = this.view.map((frame) => frame / data.framerate);
    const fits = (step) => (step / (to - from)) * this.plot > 58;
    const step = steps.find(fits) ?? steps.at(-1);
    for (let second = Math.max(0, Math.ceil(from / step) * step); second <= to; second += step) {
      const x = this.x(second * data.framerate);
      svgElement("line", { x1: x, x2: x, y1: 0, y2: height - AXIS, stroke: "var(--line)" }, this.svg);
      if (x > this.gutter + 14 && x < this.gutter + this.plot - 18)
        svgElement("text", { x, y: height - 7, "text-anchor": "middle" }, this.svg, clock(second * data.framerate));
    }
  }

  mark(x, y, words, partner) {
    this.marks.push({ x, y, words, partner });
  }

  visible(frame) {
    return frame >= this.view[0] && frame <= this.view[1];
  }

  drawSpots(middle) {
    const [frames, events, shown, taken] = this.game.halves[this.half].spots;
    const found = this.game.halves[this.half].found;
    frames.forEach((frame, number) => {
      if (!this.visible(frame)) return;
      const x = this.x(frame), y = middle(events[number]) - 5, missed = taken[number] < 0;
      const style = {
        fill: missed ? "var(--paper)" : "var(--ink)", "stroke-width": 1.6,
        stroke: missed ? "var(--missed)" : "var(--ink)", class: "spot",
      };
      if (shown[number]) svgElement("circle", { cx: x, cy: y, r: 4.2, ...style }, this.svg);
      else svgElement("path", { d: `M${x} ${y - 5}l5 5-5 5-5-5z`, ...style }, this.svg);
      const words = [`${data.classes[events[number]]}, annotated at ${clock(frame)}${shown[number] ? "" : ", not shown"}`];
      words.push(missed ? "missed" : `detected at ${clock(found[0][taken[number]])}`);
      this.mark(x, y, words);
    });
  }

  drawFound(middle) {
    const { spots, found } = this.game.halves[this.half];
    const [frames, events, percent, kinds, explained] = found;
    frames.forEach((frame, number) => {
      if (!this.visible(frame)) return;
      const x = this.x(frame), y = middle(events[number]) + 7, kind = data.kinds[kinds[number]];
      svgElement("path", {
        d: `M${x} ${y - 5}l4.6 8h-9.2z`, fill: `var(--${kind.replace(" ", "-")})`, class: "detection",
        "fill-opacity": 0.6 + 0.004 * percent[number],
      }, this.svg);
      const words = [`${data.classes[events[number]]}, detected at ${clock(frame)}, ${(percent[number] / 100).toFixed(2)}`];
      const spot = explained[number];
      words.push(spot < 0 ? kind : `${kind}: ${data.classes[spots[1][spot]]} annotated at ${clock(spots[0][spot])}`);
      this.mark(x, y, words, spot < 0 ? undefined : [this.x(spots[0][spot]), middle(spots[1][spot]) - 5]);
    });
  }

  drawUncounted(middle) {
    const [frames, events, percent] = this.game.halves[this.half].uncounted;
    frames.forEach((frame, number) => {
      if (!this.visible(frame)) return;
      const x = this.x(frame), y = middle(events[number]) + 7;
      svgElement("line", { x1: x, x2: x, y1: y - 4, y2: y + 3, stroke: "var(--muted)", "stroke-opacity": 0.6, class: "uncounted" }, this.svg);
      this.mark(x, y, [`${data.classes[events[number]]}, ${(percent[number] / 100).toFixed(2)} at ${clock(frame)}`, "below the threshold, not counted"]);
    });
  }

  listen() {
    const { svg } = this;
    const share = (x) => (x - svg.getBoundingClientRect().left - this.gutter) / this.plot;
    svg.addEventListener("pointerdown", (event) => {
      svg.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, event.clientX);
      this.hover(event);
    });
    svg.addEventListener("pointermove", (event) => {
      const before = this.pointers.get(event.pointerId);
      if (before === undefined) return this.hover(event);
      const span = this.view[1] - this.view[0], others = [...this.pointers].filter(([id]) => id !== event.pointerId);
      this.pointers.set(event.pointerId, event.clientX);
      if (others.length) {
        const other = others[0][1], apart = Math.max(Math.abs(event.clientX - other), 8);
        this.zoom(Math.max(Math.abs(before - other), 8) / apart, share((event.clientX + other) / 2));
      } else if (event.clientX !== before) {
        tip.hidden = true;
        this.move(this.view[0] - ((event.clientX - before) / this.plot) * span, span);
      }
    });
    for (const name of ["pointerup", "pointercancel"])
      svg.addEventListener(name, (event) => this.pointers.delete(event.pointerId));
    svg.addEventListener("pointerleave", () => this.leave());
    svg.addEventListener("dblclick", (event) => this.zoom(0.5, share(event.clientX)));
    svg.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      this.zoom(Math.exp(event.deltaY / 200), share(event.clientX));
    }, { passive: false });
    svg.addEventListener("keydown", (event) => {
      const span = this.view[1] - this.view[0];
      const act = {
        ArrowLeft: () => this.move(this.view[0] - span / 8, span), ArrowRight: () => this.move(this.view[0] + span / 8, span),
        "+": () => this.zoom(0.5), "-": () => this.zoom(2), 0: () => this.whole(),
      }[event.key];
      if (act) { event.preventDefault(); act(); }
    });
  }

  hover(event) {
    const frame = this.svg.getBoundingClientRect(), x = event.clientX - frame.left, y = event.clientY - frame.top;
    let best, least = REACH;
    for (const mark of this.marks ?? []) {
      const distance = Math.hypot(mark.x - x, mark.y - y);
      if (distance < least) [best, least] = [mark, distance];
    }
    this.leave();
    if (!best) return;
    this.highlight = svgElement("g", { fill: "none", stroke: "var(--ink)", "pointer-events": "none" }, this.svg);
    svgElement("circle", { cx: best.x, cy: best.y, r: 8.5 }, this.highlight);
    if (best.partner)
      svgElement("line", { x1: best.x, y1: best.y, x2: best.partner[0], y2: best.partner[1], "stroke-dasharray": "3 2" }, this.highlight);
    tip.textContent = best.words.join("\n");
    tip.hidden = false;
    const left = Math.min(Math.max(event.clientX + 14, 6), document.documentElement.clientWidth - tip.offsetWidth - 6);
    const above = event.clientY - tip.offsetHeight - 12;
    Object.assign(tip.style, { left: `${left}px`, top: `${above > 0 ? above : event.clientY + 16}px` });
  }

  leave() {
    this.highlight?.remove();
    tip.hidden = true;
  }
}
