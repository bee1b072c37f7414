// What kind of mistake each detection is: the rule of the report, for the thresholds of the sliders.

const KINDS = ["correct", "early", "late", "duplicate", "wrong class", "background"];
const MISSED = "missed";
const frameOf = (ms) => Math.min(Math.trunc(data.framerate * (ms / 1000)), data.lastFrame);

// Of entries that share class, half and frame the last; groups of a class and half, by time.
function grouped(entries, key) {
  const cells = new Map(entries.map((entry) => [`${key(entry)} ${entry.event} ${entry.frame}`, entry]));
  const groups = new Map();
  for (const entry of cells.values()) {
    if (!groups.has(key(entry))) groups.set(key(entry), []);
    groups.get(key(entry)).push(entry);
  }
  for (const group of groups.values()) group.sort((a, b) => a.frame - b.frame || a.event - b.event);
  return groups;
}

// The nearest of a sorted group, of two equally near the earlier, and how many frames away.
function nearestOf(group, frame) {
  if (!group) return [null, Infinity];
  let [low, high] = [0, group.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (group[middle].frame < frame) low = middle + 1;
    else high = middle;
  }
  const distance = (entry) => (entry ? Math.abs(entry.frame - frame) : Infinity);
  const [before, after] = [group[low - 1], group[low]];
  const best = distance(before) <= distance(after) ? before : after;
  return [best ?? null, distance(best)];
}

// Spots in the order of time take the most confident free detection in reach.
function takePairs(targets, detections, reach) {
  const taker = new Map();
  let first = 0;
  for (const target of targets) {
    while (first < detections.length && detections[first].frame < target.frame - reach) first += 1;
    let best = null;
    for (let n = first; n < detections.length && detections[n].frame <= target.frame + reach; n += 1)
      if (!taker.has(detections[n]) && !(best?.confidence >= detections[n].confidence)) best = detections[n];
    if (best) taker.set(best, target);
  }
  return taker;
}

// What holds whatever the thresholds are: annotations and detections of each class and half, and
// what a detection is that no annotation takes.
function cellsOf(game) {
  const original = (spot) => ({
    id: spot.id, ...spot.from, frame: frameOf(spot.from.ms), confidence: spot.confidence,
  });
  const of = (source) => [...game.spots.values()].filter((s) => s.source === source).map(original);
  const own = (entry) => `${entry.event} ${entry.half}`;
  const targets = grouped(of("annotation"), own);
  const all = grouped([...targets.values()].flat(), (entry) => String(entry.half));
  const [reach, near] = [(data.tolerance * data.framerate) / 2, 60 * data.framerate];
  const groups = [...grouped(of("detection"), own)].map(([key, cells]) => {
    for (const each of cells) {
      const [same, distance] = nearestOf(targets.get(key), each.frame);
      const [other, away] = nearestOf(all.get(String(each.half)), each.frame);
      each.untaken = { kind: "background", by: null };
      if (away <= reach) each.untaken = { kind: "wrong class", by: other.id };
      if (distance <= near) {
        const side = each.frame > same.frame ? "late" : "early";
        each.untaken = { kind: distance <= reach ? "duplicate" : side, by: same.id };
      }
    }
    return [targets.get(key) ?? [], cells];
  });
  return { targets: [...targets.values()].flat(), groups, reach };
}

// Kind and explaining annotation of each counted detection and each annotation, by name.
function judge(game, thresholds) {
  game.cells ??= cellsOf(game);
  const { targets, groups, reach } = game.cells;
  const verdicts = new Map(targets.map(({ id }) => [id, { kind: MISSED }]));
  for (const [annotated, cells] of groups) {
    const found = cells.filter((each) => each.confidence >= Math.max(thresholds[each.event], 0));
    const taker = takePairs(annotated, found, reach);
    for (const each of found) {
      const by = taker.get(each)?.id;
      verdicts.set(each.id, by ? { kind: "correct", by } : each.untaken);
      if (by) verdicts.set(by, { kind: "found", by: each.id });
    }
  }
  return verdicts;
}
