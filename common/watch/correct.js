// What is done to spots: verdicts, other places and classes, new ones, and back again.

Object.assign(App.prototype, {
  // Does something to the selected spot, or says that there is none.
  withSpot(act) {
    if (this.spot) act(this.spot);
    else this.say("no spot is selected: N and P choose one");
  },

  verdict(state) {
    this.withSpot((spot) => {
      const following = this.neighbour(1);
      if (spot.source === "added") {
        if (state === ACCEPTED) return this.say("an added spot is accepted already");
        this.game.remove(spot);
        return this.say(`removed: ${inWords(spot)}`);
      }
      const next = spot.state === state ? OPEN : state;
      // What is rejected, or open again, is so where it came from.
      this.game.change(spot, next === ACCEPTED ? { state: next } : { ...spot.from, state: next });
      this.say(`${next}: ${inWords(spot)}`);
      if (this.settings.goOn && next !== OPEN && following) this.select(following.id);
      return undefined;
    });
  },

  // A spot that is moved or gets another class is accepted with it.
  correct(spot, fields, words) {
    if (!this.game.spots.has(spot.id)) return this.say("another tab has removed that spot");
    const state = spot.source === "added" ? ADDED : ACCEPTED;
    this.game.change(spot, { ...fields, state });
    const now = this.game.spots.get(spot.id);
    this.say(`${words}: ${inWords(now)}`);
    return this.select(now.id, false);
  },

  moveTo(spot, half, seconds) {
    const ms = Math.max(0, Math.round(seconds * 1000));
    this.correct(spot, { half, ms }, "moved");
  },

  moveHere() {
    const { half, seconds } = this.player.place;
    this.withSpot((spot) => this.moveTo(spot, half, seconds));
  },

  // By so many frames or seconds; the video follows.
  nudge(steps, frames = false) {
    this.withSpot((spot) => {
      const seconds = spot.ms / 1000 + steps * (frames ? this.player.frame : 1);
      this.player.pause();
      this.moveTo(spot, spot.half, seconds);
      this.player.seek(spot.half, this.spot.ms / 1000);
    });
  },

  relabel(spot, event) {
    this.correct(spot, { event }, "another class");
  },

  chooseClass() {
    this.withSpot((spot) => {
      const title = `Class of the spot at half ${spot.half}, ${clock(spot.ms)}`;
      this.chooser.open(title, spot.event, (event) => this.relabel(spot, event));
    });
  },

  add(event) {
    const { half, seconds } = this.player.place;
    const spot = this.game.add(half, Math.max(0, Math.round(seconds * 1000)), event);
    this.say(`added: ${inWords(spot)}`);
    this.select(spot.id, false);
  },

  chooseAdded() {
    this.player.pause();
    const { half, seconds } = this.player.place;
    const title = `Insert a spot at half ${half}, ${clock(seconds * 1000)}`;
    const current = this.spot?.event ?? this.filters.event;
    this.chooser.open(title, current, (event) => this.add(event));
  },

  undo() {
    this.turn(this.game.undo(), "undone");
  },

  redo() {
    this.turn(this.game.redo(), "done again");
  },

  turn(id, words) {
    if (id === null) return this.say(words === "undone" ? "nothing to undo" : "nothing to redo");
    const spot = this.game.spots.get(id);
    this.select(spot ? id : null);
    return this.say(spot ? `${words}: ${inWords(spot)}` : `${words}: the spot is gone`);
  },
});
