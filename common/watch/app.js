// The page as a whole: which game and spot, what is shown of them, and what is done.

const SPEEDS = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4];
const NEAR_MS = 1000; // from the moment of a link, at which a spot is meant

class App {
  constructor() {
    this.status = document.getElementById("status");
    this.store = new Store((words) => this.say(words), () => this.takeOver() && this.arrange());
    this.unkept = new Map(); // games with changes that the browser has refused, by number
    this.thresholds = data.classes.map((_, event) =>
      this.store.kept("thresholds", event, startingThreshold(event), Number.isFinite));
    this.filters = { event: null, half: null, state: null, kind: null };
    this.selected = null;
    [this.shown, this.lanes, this.verdicts] = [[], new Map(), new Map()];
    this.settings = new Settings(this.store);
    const video = document.getElementById("video");
    this.player = new Player(video, (why, what, name) => this.tellVideo(why, what, name));
    this.gutter = new Gutter(this);
    this.list = new List(this);
    this.line = new Lanes(this);
    this.videos = new Videos(this);
    this.panel = new Panel(this);
    this.chooser = new Chooser();
    this.saving = new Saving(this);
    this.player.onplace = () => this.panel.place();
    this.player.onlength = () => this.line.layout();
    listenTo(this.line);
  }

  openGame(number, place = { half: 1, seconds: 0 }) {
    this.game = this.unkept.get(number) ?? new Game(number, this.stored(number) ?? {});
    this.game.onchange = () => this.changed();
    Object.assign(this.filters, { event: null, half: null, state: null, kind: null });
    this.selected = null;
    this.line.view = null;
    this.player.at = place;
    this.takeOver();
    this.judge();
    this.arrange();
    this.videos.open(this.game);
    this.panel.game();
    this.saving.game();
    this.list.box.scrollTop = 0;
  }

  nextGame(steps) {
    const number = this.game.number + steps;
    if (number in data.games) this.openGame(number);
  }

  // The edits of a game that the browser has, whichever tab stored them.
  stored(number) {
    const edits = this.store.stored("games", number);
    return isObject(edits) ? edits : null;
  }

  // Each change is stored at once, together with what another tab has stored of the game.
  changed() {
    const { game } = this;
    this.takeOver();
    const edits = game.edits();
    if (this.store.keep("games", game.number, edits)) {
      game.kept = edits;
      this.unkept.delete(game.number);
    } else this.unkept.set(game.number, game);
    this.arrange();
  }

  // Takes over what another tab has made of the game, and says so; returns whether there was something.
  takeOver() {
    const theirs = this.stored(this.game.number);
    // Where nothing is stored somebody has emptied the browser, not the game.
    if (theirs === null || isSame(theirs, this.game.kept)) return false;
    const [taken, contested] = this.game.join(theirs);
    if (!this.game.spots.has(this.selected)) this.selected = null;
    const words = [];
    if (taken) words.push(`${taken} changed in another tab, and now here, too`);
    if (contested) words.push(`${contested} changed in another tab and here: as this tab has them`);
    // Behind what a change of this tab says.
    if (words.length) queueMicrotask(() => this.say(words.join("; ")));
    return words.length > 0;
  }

  // What detections are, which hangs on the sliders alone: corrections do not change what a run found.
  judge() {
    this.verdicts = this.game.annotated ? judge(this.game, this.thresholds) : new Map();
  }

  // Finds anew what is shown: after changes, with other sliders or filters.
  arrange() {
    const ordered = this.game.ordered();
    const classes = [...new Set(ordered.map(({ event }) => event))].sort((a, b) => a - b);
    const before = [...this.lanes.keys()].join();
    this.lanes = new Map(classes.map((event, row) => [event, row]));
    this.shown = ordered.filter((spot) => this.passes(spot));
    if (before !== classes.join() || !this.gutter.rows.size) this.gutter.build();
    else this.gutter.update();
    this.line.layout();
    this.list.update();
    this.panel.update();
  }

  // Draws anew what is shown.
  refresh() {
    this.line.draw();
    this.list.draw();
    this.panel.update();
  }

  passes(spot) {
    if (spot.id === this.selected) return true;
    const { event, half, state, kind } = this.filters;
    return this.isCounted(spot)
      && (event === null || spot.event === event)
      && (half === null || spot.half === half)
      && (state === null || (state === "changed" ? isChanged(spot) : spot.state === state))
      && (kind === null || this.kindOf(spot) === kind);
  }

  // A detection that nobody has touched counts from its slider on.
  isCounted(spot) {
    return spot.state !== OPEN || spot.source !== "detection"
      || spot.confidence >= this.thresholds[spot.event];
  }

  kindOf(spot) {
    if (spot.source === "added") return ADDED;
    const kind = this.verdicts.get(spot.id)?.kind ?? "";
    return spot.source === "annotation" ? (kind === MISSED ? MISSED : "annotated") : kind;
  }

  // What there is to say of a spot, in short lines.
  words(spot) {
    const lines = [inWords(spot)];
    if (spot.confidence !== null) lines.push(`detected with ${spot.confidence.toFixed(3)}`);
    const { kind, by } = this.verdicts.get(spot.id) ?? {};
    const reason = this.game.spots.get(by);
    if (spot.source !== "detection") lines.push(this.kindOf(spot));
    else if (kind)
      lines.push(reason ? `${kind}: ${data.classes[reason.from.event]} annotated at ${clock(reason.from.ms)}` : kind);
    if (spot.visibility === "not shown") lines.push("not shown");
    if (spot.state !== OPEN && spot.source !== "added") lines.push(spot.state);
    if (isMoved(spot)) lines.push(`moved from ${clock(spot.from.ms)}`);
    if (isRelabelled(spot)) lines.push(`was ${data.classes[spot.from.event]}`);
    return lines;
  }

  filter(name, value) {
    this.filters[name] = value;
    this.panel.filters();
    this.arrange();
  }

  setThreshold(event, threshold) {
    this.thresholds[event] = threshold;
    this.store.keepInstead("thresholds", event, startingThreshold(event), threshold);
    this.judge();
    this.arrange();
  }

  say(words) {
    this.status.textContent = words;
  }

  tellVideo(why, half, name) {
    const sentences = {
      none: "No video yet. Spots can be looked at and corrected without one.",
      half: `No video of half ${half}.`,
      broken: `${name} cannot be played here: it is not there, or this browser does not know its codec.`,
    };
    this.panel.missing(sentences[why] ?? null);
  }

  // ---- going to spots and moments

  get spot() {
    return this.game.spots.get(this.selected) ?? null;
  }

  select(id, seek = true) {
    const before = this.spot;
    this.selected = this.game.spots.has(id) ? id : null;
    const { spot } = this;
    // A selected spot is shown, whatever the filters say.
    if (spot !== before) {
      if ((before && !this.passes(before)) || (spot && !this.shown.includes(spot))) this.arrange();
      else this.refresh();
    }
    if (!spot) return;
    const lead = this.player.playing ? this.settings.before : 0;
    if (seek) this.player.seek(spot.half, spot.ms / 1000 - lead);
    this.line.reveal({ half: spot.half, seconds: spot.ms / 1000 });
    this.list.reveal();
  }

  goTo(place) {
    this.player.seek(place.half, place.seconds);
    this.select(null);
    this.line.reveal(place);
  }

  // The spot after or before the selected one, or where the video is; null at the ends.
  neighbour(steps) {
    const { spot } = this;
    const at = this.player.place;
    const here = spot ?? { half: at.half, ms: at.seconds * 1000, event: steps > 0 ? -1 : Infinity };
    const order = (a, b) => byTime(a, b) || (a.id < b.id ? -1 : Number(a.id > b.id));
    const others = this.shown.filter((each) => each.id !== this.selected);
    return steps > 0
      ? (others.find((each) => (spot ? order(each, here) : byTime(each, here)) > 0) ?? null)
      : (others.findLast((each) => (spot ? order(each, here) : byTime(each, here)) < 0) ?? null);
  }

  next(steps) {
    const found = this.neighbour(steps);
    if (found) this.select(found.id);
    else this.say(steps > 0 ? "that was the last spot" : "that is the first spot");
  }

  step(seconds) {
    this.player.step(seconds);
    this.line.reveal(this.player.place);
  }

  stepFrames(frames) {
    this.player.stepFrames(frames);
    this.line.reveal(this.player.place);
  }

  replay() {
    const { half, seconds } = this.spot ? { half: this.spot.half, seconds: this.spot.ms / 1000 } : this.player.place;
    this.player.seek(half, seconds - this.settings.before);
    this.player.play();
  }

  changeSpeed(steps) {
    const now = SPEEDS.indexOf(this.player.video.playbackRate);
    this.setSpeed(SPEEDS[Math.min(Math.max(now + steps, 0), SPEEDS.length - 1)]);
  }

  setSpeed(speed) {
    this.player.video.defaultPlaybackRate = this.player.video.playbackRate = speed;
    this.panel.speed();
  }

  zoomKey(key) {
    if (key === "0") this.line.whole();
    else this.line.zoom(key === "+" ? 1 / 1.6 : 1.6);
  }

  // The moment of an address: #t=312.4&half=1&game=0&class=3
  follow() {
    const given = new URLSearchParams(location.hash.slice(1));
    const number = (name, other) => (/^\d{1,6}(\.\d+)?$/.test(given.get(name)) ? Number(given.get(name)) : other);
    const game = number("game", this.game?.number ?? 0);
    const { halves } = data.games[game] ?? this.game;
    const half = number("half", 1);
    const isHalf = Number.isInteger(half) && half >= 1 && half <= halves;
    const place = { half: isHalf ? half : 1, seconds: Math.min(number("t", 0), LATEST_MS / 1000) };
    if (game in data.games && game !== this.game?.number) this.openGame(game, place);
    if (!given.has("t")) return;
    const [ms, event] = [place.seconds * 1000, number("class", null)];
    const away = (spot) => Math.abs(spot.ms - ms) + (event === null || spot.event === event ? 0 : NEAR_MS);
    const near = this.game.ordered().filter((spot) => spot.half === place.half && away(spot) < NEAR_MS);
    const rank = (spot) => away(spot) + (spot.source === given.get("of") ? 0 : NEAR_MS);
    const best = near.reduce((a, b) => (a && rank(a) <= rank(b) ? a : b), null);
    this.goTo(place);
    if (best) this.select(best.id);
  }
}
