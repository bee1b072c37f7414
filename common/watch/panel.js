// What stands around video and list: time, the selected spot, filters, counts.

const byId = (id) => document.getElementById(id);

class Settings {
  constructor(store) {
    const [before, goOn] = ["before", "goOn"].map((key) => store.known("settings", key));
    this.before = Number.isFinite(before) && before >= 0 && before <= 60 ? before : 3;
    this.goOn = goOn !== false;
    const [seconds, check] = [byId("before"), byId("go-on")];
    seconds.value = this.before;
    check.checked = this.goOn;
    seconds.onchange = () => {
      this.before = Math.min(Math.max(Number(seconds.value) || 0, 0), 60);
      seconds.value = this.before;
      store.keep("settings", "before", this.before);
    };
    check.onchange = () => {
      this.goOn = check.checked;
      store.keep("settings", "goOn", this.goOn);
    };
  }
}

class Panel {
  constructor(app) {
    this.app = app;
    const press = (id, act) => byId(id).addEventListener("click", act);
    press("play", () => app.player.toggle());
    press("replay", () => app.replay());
    press("previous", () => app.next(-1));
    press("next", () => app.next(1));
    press("second-back", () => app.step(-1));
    press("second-on", () => app.step(1));
    press("frame-back", () => app.stepFrames(-1));
    press("frame-on", () => app.stepFrames(1));
    press("accept", () => app.verdict(ACCEPTED));
    press("reject", () => app.verdict(REJECTED));
    press("class", () => app.chooseClass());
    press("here", () => app.moveHere());
    press("insert", () => app.chooseAdded());
    press("undo", () => app.undo());
    press("redo", () => app.redo());
    press("nearer", () => app.zoomKey("+"));
    press("farther", () => app.zoomKey("−"));
    press("whole", () => app.zoomKey("0"));
    for (const name of ["video", "save", "help"])
      press(`open-${name}`, () => openDialog(`${name}-dialog`));
    for (const button of document.querySelectorAll("dialog .close"))
      button.addEventListener("click", () => button.closest("dialog").close());
    byId("speed").onchange = () => app.setSpeed(Number(byId("speed").value));
    byId("speed").append(...SPEEDS.map((speed) => element("option", { value: speed }, `${speed}×`)));
    byId("game").append(...data.games.map(({ name }, n) => element("option", { value: n }, name)));
    byId("game").onchange = () => app.openGame(Number(byId("game").value));
    this.buildFilters();
    this.speed();
  }

  buildFilters() {
    const { app } = this;
    for (const name of ["event", "half", "state", "kind"]) {
      const select = byId(`filter-${name}`);
      select.onchange = () => {
        const number = name === "event" || name === "half";
        app.filter(name, select.value === "" ? null : number ? Number(select.value) : select.value);
      };
    }
    const options = (id, all, entries) =>
      byId(id).replaceChildren(element("option", { value: "" }, all),
        ...entries.map(([value, text]) => element("option", { value }, text)));
    options("filter-event", "all classes", data.classes.map((name, event) => [event, name]));
    options("filter-state", "any state", [...STATES, "changed"].map((state) => [state, state]));
    options("filter-kind", "any kind", [...KINDS, MISSED, "annotated", ADDED].map((kind) => [kind, kind]));
    this.options = options;
  }

  // What depends on the game alone.
  game() {
    const { game } = this.app;
    byId("game").value = game.number;
    byId("game").disabled = data.games.length < 2;
    const halves = Array.from({ length: game.halves }, (_, n) => [n + 1, `half ${n + 1}`]);
    this.options("filter-half", "all halves", halves);
    byId("filter-kind").hidden = !game.annotated;
    this.filters();
    this.place();
  }

  filters() {
    for (const [name, value] of Object.entries(this.app.filters)) byId(`filter-${name}`).value = value ?? "";
  }

  update() {
    const { app } = this;
    const { spot, game } = app;
    const changes = Object.keys(game.edits()).length;
    tell(byId("count"), `${app.shown.length} of ${game.spots.size} spots`);
    const where = app.unkept.has(game.number) ? ", kept nowhere: save a file" : "";
    tell(byId("changes"), changes ? `${changes} changed${where}` : "nothing changed");
    byId("undo").disabled = !game.done.length;
    byId("redo").disabled = !game.undone.length;
    tell(byId("spot-name"), spot ? data.classes[spot.event] : "no spot is selected");
    tell(byId("spot-words"), spot
      ? [`half ${spot.half}, ${clock(spot.ms)}`, ...app.words(spot).slice(1)].join(" · ")
      : "N and P go from spot to spot");
    byId("spot-words").title = byId("spot-words").textContent;
    for (const name of ["accept", "reject", "class", "here"]) byId(name).disabled = !spot;
    byId("accept").setAttribute("aria-pressed", String(spot?.state === ACCEPTED));
    byId("reject").setAttribute("aria-pressed", String(spot?.state === REJECTED));
  }

  place() {
    const { app } = this;
    const { half, seconds } = app.player.place;
    tell(byId("time"), `${half} · ${clock(seconds * 1000)}`);
    tell(byId("play"), app.player.video.paused ? "Play" : "Stop");
    if (!app.line.view) return;
    const t = app.line.time({ half, seconds });
    const [from, to] = app.line.view;
    if (app.player.playing && (t > to || t < from)) app.line.show(t, t + to - from);
    else app.line.moveCursor();
  }

  speed() {
    byId("speed").value = this.app.player.video.playbackRate;
  }

  missing(sentence) {
    byId("no-video").hidden = sentence === null;
    byId("no-video-words").textContent = sentence ?? "";
    byId("play").disabled = sentence !== null;
  }
}
