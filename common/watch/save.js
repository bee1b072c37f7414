// What has been done, as files: labels, corrections, and the formats of other tools.

const CORRECTIONS = "soccer-spots-corrections";

// Python's order of texts: by code points, where JavaScript has halves of pairs.
function compareTexts(a, b) {
  const [left, right] = [[...a], [...b]].map((text) => text.map((each) => each.codePointAt(0)));
  const first = left.findIndex((point, n) => point !== right[n]);
  if (first < 0) return left.length - right.length;
  return first >= right.length ? 1 : left[first] - right[first];
}

const momentOf = ({ half, ms, event, confidence, visibility, team }) =>
  ({ half, ms, label: data.classes[event], confidence, visibility, team });
const inOrder = (moments) =>
  [...moments].sort((a, b) => a.half - b.half || a.ms - b.ms || compareTexts(a.label, b.label));

class Saving {
  constructor(app) {
    this.app = app;
    const actions = {
      labels: () => this.save("Labels-v2.json", labelFile(app.game.name, this.labels()), true),
      corrections: () => this.save("corrections.json", asJson(this.corrections())),
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

  // The annotations as they should be: kept and changed ones, what was added, what was accepted.
  labels() {
    const { app } = this;
    const spots = [...app.game.spots.values()].filter(({ state }) => state !== REJECTED);
    const known = spots.filter(({ source }) => source !== "detection");
    const reach = data.tolerance * 500; // half of it, to either side, in ms
    const isKnown = (spot) => known.some((each) =>
      each.event === spot.event && each.half === spot.half && Math.abs(each.ms - spot.ms) <= reach);
    const wanted = (spot) => spot.source === "detection" && app.isCounted(spot)
      && (spot.state !== OPEN || byId("open-too").checked) && !isKnown(spot);
    const others = data.games[app.game.number].others.map(([half, ms, label, visibility, team]) =>
      ({ half, ms, label, confidence: null, visibility, team }));
    return inOrder([...[...known, ...spots.filter(wanted)].map(momentOf), ...others]);
  }

  corrections() {
    const { game } = this.app;
    const spots = game.ordered().filter(isChanged).map((spot) => {
      const { half, ms, label, confidence, visibility, team } = momentOf(spot);
      const { state, from } = spot;
      const origin = from && { half: from.half, position: from.ms, label: data.classes[from.event] };
      return { half, position: ms, label, confidence, visibility, team, state, from: origin };
    });
    return { format: CORRECTIONS, version: 1, game: game.name, spots };
  }

  // What other tools get: detections from the sliders on and what was added, without the rejected.
  moments() {
    const { app } = this;
    const only = byId("checked-only").checked;
    const wanted = (spot) => spot.source !== "annotation" && spot.state !== REJECTED
      && app.isCounted(spot) && !(only && spot.state === OPEN);
    return inOrder([...app.game.spots.values()].filter(wanted).map(momentOf));
  }

  timing() {
    const ms = (id) => Math.max(0, Math.round((Number(byId(id).value) || 0) * 1000));
    const kickOffs = this.app.player.halves.map(({ kickOff }) => Math.round(kickOff * 1000));
    return { kickOffs, lead: ms("lead"), lag: ms("lag") };
  }

  // Videos and their moments: one for all halves, or one for each half.
  films() {
    const { player, game } = this.app;
    const moments = this.moments();
    const nameOf = (half) => player.files[player.halves[half - 1].file]?.name;
    const shared = new Set(player.halves.map(({ file }) => file)).size === 1 && player.halves[0].file >= 0;
    if (shared) return [{ video: nameOf(1), half: game.halves > 1 ? null : 1, moments }];
    return player.halves.map((_, n) => ({
      video: nameOf(n + 1) ?? `${n + 1}`, half: n + 1, moments: moments.filter(({ half }) => half === n + 1),
    }));
  }

  export(format) {
    const { game } = this.app;
    const timing = this.timing();
    if (format === "csv") return this.save("spots.csv", csvTable(game.name, this.moments(), timing));
    if (format === "labelstudio") {
      const rate = Math.round(1000 / this.app.player.frame) / 1000;
      return this.save("labelstudio.json", labelStudio(game.name, this.films(), timing, rate, data.run));
    }
    const [write, ending] = {
      sportscode: [(moments) => sportscode(moments, timing, data.classes), "xml"],
      webvtt: [(moments) => webvtt(moments, timing), "vtt"],
      srt: [(moments) => srt(moments, timing), "srt"],
      youtube: [(moments) => youtube(moments, timing), "txt"],
    }[format];
    for (const { half, moments } of this.films()) {
      const name = half === null || game.halves === 1 ? "spots" : `${half}_spots`;
      this.save(`${name}${format === "youtube" ? "_youtube" : ""}.${ending}`, write(moments));
    }
    return undefined;
  }

  // Offers a file. Its name begins with the game's, as a name that every system takes.
  save(name, content, plain = false) {
    const game = data.games[this.app.game.number].file;
    const link = element("a", { download: plain ? name : `${game}_${name}` });
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
    if (read.game !== game.name) return this.app.say(`${name} is of another game: ${read.game}`);
    const missed = read.spots.filter((entry) => !this.correct(entry)).length;
    return this.app.say(`${read.spots.length - missed} corrections taken, ${missed} of spots that are not here`);
  }

  correct({ half, position, label, confidence, state, from }) {
    const { game } = this.app;
    const fields = { half, ms: position, event: data.classes.indexOf(label), state };
    if (!isEssence(fields)) return false;
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
