// One lane per class on a time line of all halves: annotations above, detections below.

const TICKS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800];
const GAP = 0.015; // of a half, between two of them on the time line
const EDGE = 8; // seconds before the first and behind the last moment
const AXIS = 22; // pixels of the clock above the lanes
const MAP = 18; // pixels of the whole, above the clock
const CLOSE = 7; // pixels at which the pointer has a mark

class Lanes {
  constructor(app) {
    this.app = app;
    this.canvas = document.getElementById("lanes-canvas");
    this.axis = document.getElementById("axis-canvas");
    this.cursor = document.getElementById("cursor");
    this.tip = document.getElementById("tip");
    this.view = null; // [from, to] in seconds of the time line
    this.starts = []; // of each half on the time line
    this.marks = [];
    this.due = false;
    new ResizeObserver(() => this.resize()).observe(this.canvas.parentElement);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.resize());
  }

  // Where halves begin, and which class has which row.
  layout() {
    const { game, player } = this.app;
    const lengths = Array(game.halves).fill(60);
    for (const { half, ms } of game.spots.values())
      if (half <= game.halves) lengths[half - 1] = Math.max(lengths[half - 1], ms / 1000 + 5);
    let start = 0;
    this.lengths = lengths.map((seconds, n) => Math.max(seconds, player.length(n + 1)));
    this.gap = GAP * Math.max(...this.lengths);
    this.starts = this.lengths.map((seconds) => (start += seconds + this.gap) - seconds - this.gap);
    this.end = start - this.gap;
    if (this.view) this.show(...this.view);
    else this.whole();
  }

  whole() {
    this.show(-EDGE, this.end + EDGE);
  }

  show(from, to) {
    const span = Math.min(Math.max(to - from, 4), this.end + 2 * EDGE);
    const first = Math.min(Math.max(from, -EDGE), this.end + EDGE - span);
    this.view = [first, first + span];
    this.draw();
  }

  zoom(factor, at = this.time(this.app.player.place)) {
    const [from, to] = this.view;
    const fixed = at < from || at > to ? (from + to) / 2 : at;
    this.show(fixed - (fixed - from) * factor, fixed + (to - fixed) * factor);
  }

  pan(seconds) {
    this.show(this.view[0] + seconds, this.view[1] + seconds);
  }

  // Brings a moment into view, into the middle where it was out of it.
  reveal(place) {
    const [from, to] = this.view;
    const [t, span] = [this.time(place), to - from];
    if (t < from + span / 50 || t > to - span / 50) this.show(t - span / 2, t + span / 2);
    else this.moveCursor();
  }

  time({ half, seconds }) {
    return (this.starts[half - 1] ?? this.end) + seconds;
  }

  place(t) {
    const half = Math.max(1, this.starts.findLastIndex((start) => start - this.gap / 2 <= t) + 1);
    const seconds = t - this.starts[half - 1];
    return { half, seconds: Math.min(Math.max(seconds, 0), this.lengths[half - 1]) };
  }

  x(t) {
    return ((t - this.view[0]) / (this.view[1] - this.view[0])) * this.width;
  }

  t(x) {
    return this.view[0] + (x / this.width) * (this.view[1] - this.view[0]);
  }

  resize() {
    const style = getComputedStyle(document.documentElement);
    const names = ["ink", "muted", "line", "paper", "band", "one", "missed"];
    this.inks = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`)]));
    for (const name of [...KINDS, ACCEPTED, REJECTED, ADDED])
      this.inks[name] = style.getPropertyValue(`--${name.replace(" ", "-")}`);
    this.tall = parseFloat(style.getPropertyValue("--lane"));
    this.width = this.canvas.parentElement.clientWidth;
    this.draw();
  }

  draw() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      if (!this.width || !this.view) return;
      this.drawAxis();
      this.drawLanes();
      this.moveCursor();
    });
  }

  // A context in CSS pixels, cleared.
  context(canvas, height) {
    const scale = devicePixelRatio;
    const [wide, high] = [Math.round(this.width * scale), Math.round(height * scale)];
    if (canvas.width !== wide || canvas.height !== high) {
      Object.assign(canvas, { width: wide, height: high });
      canvas.style.height = `${height}px`;
    }
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, this.width, height);
    context.font = `11px ${getComputedStyle(document.body).fontFamily}`;
    return context;
  }

  drawAxis() {
    const context = this.context(this.axis, MAP + AXIS);
    this.drawMap(context);
    context.fillStyle = this.inks.muted;
    context.textAlign = "center";
    this.eachTick((x, second, start) => {
      if (start) this.halfName(context, x, start);
      else if (x > 12 && x < this.width - 12 && this.starts.every((t) => Math.abs(this.x(t) - x) > 42))
        context.fillText(clock(second * 1000, 0), x, MAP + 15);
    });
  }

  halfName(context, x, half) {
    context.textAlign = x < 30 ? "left" : "center";
    context.fillText(`half ${half}`, Math.max(x, 4), MAP + 15);
    context.textAlign = "center";
  }

  // The whole match in a strip: a stroke for each spot that is shown, and what of it is in view.
  drawMap(context) {
    const across = (t) => ((t + EDGE) / (this.end + 2 * EDGE)) * this.width;
    this.starts.forEach((start, n) => {
      context.fillStyle = this.inks.band;
      const x = across(start);
      context.fillRect(x, 3, across(start + this.lengths[n]) - x, MAP - 6);
    });
    context.fillStyle = this.inks.muted;
    context.globalAlpha = 0.55;
    for (const spot of this.app.shown)
      context.fillRect(across(this.time({ half: spot.half, seconds: spot.ms / 1000 })), 5, 1, MAP - 10);
    context.globalAlpha = 1;
    const [left, right] = this.view.map(across);
    context.strokeStyle = this.inks.one;
    context.lineWidth = 1.5;
    context.strokeRect(left + 1, 2, Math.max(right - left - 2, 4), MAP - 4);
  }

  // Calls draw(x, second of the half, number of the half where one begins) for each line.
  eachTick(draw) {
    const [from, to] = this.view;
    const step = TICKS.find((each) => (each / (to - from)) * this.width > 54) ?? TICKS.at(-1);
    this.starts.forEach((start, n) => {
      const first = Math.max(0, Math.ceil((from - start) / step) * step);
      const last = Math.min(this.lengths[n], to - start);
      for (let second = first; second <= last; second += step)
        draw(this.x(start + second), second, second ? 0 : n + 1);
    });
  }

  drawLanes() {
    const { tall, inks, width } = this;
    const height = Math.max(this.app.lanes.size, 1) * tall;
    const context = this.context(this.canvas, height);
    context.fillStyle = inks.band;
    this.starts.slice(1).forEach((start) => { // between the halves
      const x = this.x(start - this.gap);
      context.fillRect(x, 0, this.x(start) - x, height);
    });
    context.fillStyle = inks.line;
    this.eachTick((x) => context.fillRect(Math.round(x), 0, 1, height));
    for (let row = 1; row <= this.app.lanes.size; row += 1)
      context.fillRect(0, Math.round(row * tall) - 1, width, 1);
    this.marks = [];
    for (const spot of this.app.shown) {
      const x = this.x(this.time({ half: spot.half, seconds: spot.ms / 1000 }));
      const row = this.app.lanes.get(spot.event);
      if (x < -9 || x > width + 9 || row === undefined) continue;
      const top = row * tall;
      this.marks.push({ spot, x, y: top + (spot.source === "annotation" ? 7 : tall - 9) });
      drawMark(context, { spot, x, top, tall, inks, ink: this.inkOf(spot) });
    }
    const selected = this.marks.find(({ spot }) => spot.id === this.app.selected);
    if (selected) this.drawSelected(context, selected);
  }

  drawSelected(context, { x, y }) {
    context.strokeStyle = this.inks.ink;
    context.lineWidth = 1.5;
    context.beginPath();
    context.arc(x, y, 9, 0, 7);
    context.stroke();
  }

  inkOf(spot) {
    const kind = this.app.verdicts.get(spot.id)?.kind;
    if (spot.source === "annotation") return kind === MISSED ? this.inks.missed : this.inks.ink;
    if (spot.state === ADDED || spot.state === REJECTED) return this.inks[spot.state];
    return this.app.game.annotated ? (this.inks[kind] ?? this.inks.background) : this.inks.one;
  }

  moveCursor() {
    const x = this.x(this.time(this.app.player.place));
    this.cursor.hidden = x < 0 || x > this.width;
    this.cursor.style.transform = `translateX(${x}px)`;
  }

  // The mark under a place of the canvas, the nearest of several.
  markAt(x, y) {
    const distance = (mark) => Math.hypot(mark.x - x, (mark.y - y) / 1.6);
    const near = this.marks.filter((mark) => distance(mark) < CLOSE);
    return near.reduce((best, each) => (distance(each) < distance(best) ? each : best), near[0]);
  }
}
