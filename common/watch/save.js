// What has been done, as files: labels, corrections, and the formats of other tools.

const LEAST_CHAPTERS = 3;
const SAME_MS = 1000; // what is accepted this near to an annotation of its class is that annotation
const CORRECTIONS = "soccer-spots-corrections";
const VERSION = 1;

// Python's order of texts: by code points, where JavaScript has halves of pairs.
function compareTexts(a, b) {
  const [left, right] = [[...a], [...b]].map((text) => text.map((each) => each.codePointAt(0)));
  const first = left.findIndex((point, n) => point !== right[n]);
  if (first < 0) return left.length - right.length;
  return first >= right.length ? 1 : left[first] - right[first];
}

const momentOf = ({ half, ms, event, confidence, visibility, team }) =>
  ({ half, ms, label: data.classes[event], confidence, visibility, team });
// As a label file has it: an annotation of SoccerNet-v1 stays "y-card" unless its class is another one.
const labelled = (spot) =>
  (spot.written && !isRelabelled(spot) ? { ...momentOf(spot), label: spot.written } : momentOf(spot));
const placeOf = ({ half, ms, event }) => [half, ms, event].join();
const inOrder = (moments) =>
  [...moments].sort((a, b) => a.half - b.half || a.ms - b.ms || compareTexts(a.label, b.label));

// Whether kick-offs are of one video: each lies behind the last moment of the half before.
function shareAFile(kickOffs, moments) {
  const last = Array(Math.max(2, kickOffs.length)).fill(0);
  for (const { half, ms } of moments)
    if (half <= last.length) last[half - 1] = Math.max(last[half - 1], ms);
  return kickOffs.length > 1
    && kickOffs.slice(1).every((kickOff, n) => kickOffs[n] + last[n] < kickOff);
}

class Saving {
  constructor(app) {
    this.app = app;
    const actions = {
      labels: () => this.save(data.labelFile, labelFile(app.game.name, this.labels())),
      corrections: () => this.save(
        `${data.games[app.game.number].file}.corrections.json`, asJson(this.corrections())),
    };
    for (const [name, act] of Object.entries(actions)) byId(`save-${name}`).addEventListener("click", act);
    for (const button of document.querySelectorAll("#formats button"))
      button.addEventListener("click", () => this.export(button.value));
    const picker = byId("corrections-file");
    byId("open-corrections").addEventListener("click", () => picker.click());
    picker.addEventListener("change", async () => {
      const [file] = picker.files;
      if (file) this.take(await file.text(), file.name);
      picker.value = "";
    });
    byId("save-dialog").addEventListener("toggle", () => this.tell());
    for (const id of ["open-too", "checked-only"]) byId(id).addEventListener("change", () => this.tell());
  }

  // A new game: detections alone are the labels of a game that nobody has annotated.
  game() {
    byId("open-too").checked = !this.app.game.annotated;
  }

  tell() {
    byId("labels-count").textContent = `${this.labels().length} annotations`;
    byId("corrections-count").textContent = `${this.corrections().spots.length} corrections`;
    byId("export-count").textContent = `${this.moments().length} spots`;
  }

  // The annotations as they should be, by the rules of common.relabel: those that were kept or changed;
  // what was added or accepted, unless an annotation that is of its class now is so near.
  labels() {
    const { app } = this;
    const spots = app.game.ordered().filter(({ state }) => state !== REJECTED);
    const known = spots.filter(({ source }) => source === "annotation");
    const free = new Set(known); // each stands for one
    const standsFor = (spot) => {
      const away = (each) => Math.abs(each.ms - spot.ms);
      const near = [...free].filter((each) =>
        each.event === spot.event && each.half === spot.half && away(each) <= SAME_MS);
      const best = near.reduce((a, b) => (a && away(a) <= away(b) ? a : b), null);
      return best !== null && free.delete(best);
    };
    const places = new Set(); // of what is new: two at the same time and of the same class are one
    const isNew = (spot) => places.size < places.add(placeOf(spot)).size;
    const wanted = (spot) => spot.source !== "annotation" && app.isCounted(spot)
      && (spot.state !== OPEN || byId("open-too").checked) && isNew(spot) && !standsFor(spot);
    const others = data.games[app.game.number].others.map(([half, ms, label, visibility, team]) =>
      ({ half, ms, label, confidence: null, visibility, team }));
    return inOrder([...[...known, ...spots.filter(wanted)].map(labelled), ...others]);
  }

  corrections() {
    const { game } = this.app;
    const spots = game.ordered().filter(isChanged).map((spot) => {
      const { half, ms, label, confidence, visibility, team } = momentOf(spot);
      const { state, from } = spot;
      const origin = from && { half: from.half, position: from.ms, label: data.classes[from.event] };
      return { half, position: ms, label, confidence, visibility, team, state, from: origin };
    });
    return { format: CORRECTIONS, version: VERSION, game: game.name, spots };
  }

  // What other tools get: detections from the sliders on and what was added, without the rejected.
  moments() {
    const { app } = this;
    const only = byId("checked-only").checked;
    const wanted = (spot) => spot.source !== "annotation" && spot.state !== REJECTED
      && app.isCounted(spot) && !(only && spot.state === OPEN);
    return inOrder([...app.game.spots.values()].filter(wanted).map(momentOf));
  }

  // Kick-offs, and what is shown around a spot; where nobody says it, what suits the format.
  timing(lead = 0, lag = 0) {
    const ms = (id, other) => (byId(id).value === "" ? other : Math.max(0, Math.round(byId(id).value * 1000)));
    const kickOffs = this.app.player.halves.map(({ kickOff }) => Math.round(kickOff * 1000));
    while (kickOffs.at(-1) === 0) kickOffs.pop();
    return { kickOffs, lead: ms("lead", lead), lag: ms("lag", lag) };
  }

  // Videos and their moments: one for all halves, under null, or one for each half that has any.
  films(moments = this.moments()) {
    const { halves, files } = this.app.player;
    const same = halves.length > 1 && halves.every(({ file }) => file === halves[0].file);
    const shared = files.length ? same && halves[0].file >= 0 : shareAFile(this.timing().kickOffs, moments);
    const groups = shared ? new Map([[null, moments]]) : Map.groupBy(moments, ({ half }) => half);
    if (!groups.size) groups.set(1, []);
    return [...groups].map(([half, own]) => ({ half, moments: own, tail: half === null ? "" : `_${half}` }));
  }

  export(format) {
    const { game, player } = this.app;
    const { file } = data.games[game.number];
    if (format === "csv") return this.save(`${file}.csv`, csvTable(game.name, this.moments(), this.timing()));
    if (format === "labelstudio") {
      const nameOf = (half) => player.files[player.halves[(half ?? 1) - 1]?.file]?.name;
      const films = this.films().map(({ half, moments, tail }) =>
        ({ video: nameOf(half) ?? `${file}${tail}.mp4`, half, moments }));
      const rate = Math.round(1000 / player.frame) / 1000;
      const text = labelStudio(game.name, films, this.timing(), rate, data.run);
      return this.save(`${file}.labelstudio.json`, text);
    }
    const [ending, write, ...around] = {
      sportscode: [".xml", (moments, timing) => sportscode(moments, timing, data.classes), 10000, 10000],
      webvtt: [".vtt", webvtt, 0, 4000],
      srt: [".srt", srt, 0, 4000],
      youtube: [".youtube.txt", youtube, 10000, 10000],
    }[format];
    for (const { moments, tail } of this.films()) {
      const text = write(moments, this.timing(...around));
      if (format !== "youtube" || text.split("\n").length > LEAST_CHAPTERS) this.save(`${file}${tail}${ending}`, text);
      else this.app.say(`YouTube shows chapters from ${LEAST_CHAPTERS} on: there are too few`);
    }
    return undefined;
  }

  save(name, content) {
    const link = element("a", { download: name });
    link.href = URL.createObjectURL(new Blob([content], { type: "application/octet-stream" }));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    this.app.say(`saved ${link.download}`);
  }

  // Does once more what a corrections file tells; each can be undone.
  take(text, name) {
    const { game } = this.app;
    let read = null;
    try {
      read = JSON.parse(text);
    } catch {
      // said below
    }
    if (read?.format !== CORRECTIONS || !Array.isArray(read.spots))
      return this.app.say(`${name} is no corrections file of this page`);
    if (read.version !== VERSION) return this.app.say(`${name} is of another version of this page`);
    if (read.game !== game.name) return this.app.say(`${name} is of another game: ${read.game}`);
    const missed = read.spots.filter((entry) => !this.correct(entry)).length;
    return this.app.say(`${read.spots.length - missed} corrections taken, ${missed} of spots that are not here`);
  }

  correct(entry) {
    const { half, position, label, confidence, state, from } = entry ?? {};
    const { game } = this.app;
    const fields = { half, ms: position, event: data.classes.indexOf(label), state };
    if (!game.isEssence(fields, from === null)) return false;
    const spots = [...game.spots.values()];
    if (from === null) {
      const there = spots.some((spot) => spot.source === "added"
        && spot.half === half && spot.ms === position && spot.event === fields.event);
      if (!there) game.add(half, position, fields.event);
      return true;
    }
    const source = confidence === null ? "annotation" : "detection";
    const meant = spots.find((spot) => spot.source === source && spot.from.half === from?.half
      && spot.from.ms === from.position && data.classes[spot.from.event] === from.label);
    if (meant) game.change(meant, fields);
    return Boolean(meant);
  }
}
