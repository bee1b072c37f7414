// The larger formats: XML edit lists of Sportscode, tasks of Label Studio.

const COLOURS = [
  [214, 69, 65], [46, 117, 182], [84, 150, 62], [237, 163, 49], [128, 90, 170], [30, 150, 150],
  [200, 90, 150], [120, 90, 60], [100, 110, 125], [170, 190, 50], [70, 80, 200], [230, 120, 80],
  [20, 100, 70], [160, 40, 90], [90, 170, 220], [200, 170, 110], [60, 60, 70], [150, 120, 230],
  [130, 160, 130], [245, 200, 80],
];
const NAMED = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

// ASCII alone: decimal references of code points, and of U+FFFD for what XML cannot hold.
function xmlText(text) {
  const held = (point) => !((point >= 0xd800 && point <= 0xdfff) || point === 0xfffe || point === 0xffff);
  return [...oneLine(text)].map((character) => {
    const point = character.codePointAt(0);
    if (point < 127) return NAMED[character] ?? character;
    return `&#${held(point) ? point : 0xfffd};`;
  }).join("");
}

function sportscode(moments, timing, classes) {
  const timed = sorted(moments, (moment) => fileMs(moment, timing));
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<file>", "    <ALL_INSTANCES>"];
  timed.forEach((moment, n) => lines.push(...xmlInstance(n + 1, moment, timing)));
  lines.push("    </ALL_INSTANCES>", "    <ROWS>");
  const codes = new Set(timed.map(({ label }) => label));
  const others = [...codes].filter((code) => !classes.includes(code));
  [...classes, ...others].forEach((code, n) => {
    if (codes.has(code)) lines.push(...xmlRow(code, COLOURS[n % COLOURS.length]));
  });
  return [...lines, "    </ROWS>", "</file>", ""].join("\n");
}

function xmlInstance(number, moment, timing) {
  const [start, end] = spanMs(moment, timing);
  const labels = {
    half: String(moment.half),
    clock: mmss(moment.ms),
    position: String(moment.ms),
    class: moment.label,
    confidence: confidenceText(moment.confidence),
    visibility: moment.visibility,
    team: moment.team,
  };
  const lines = [
    "        <instance>",
    `            <ID>${number}</ID>`,
    `            <start>${inSeconds(start)}</start>`,
    `            <end>${inSeconds(end)}</end>`,
    `            <code>${xmlText(moment.label)}</code>`,
  ];
  for (const [group, text] of Object.entries(labels))
    if (text)
      lines.push(
        "            <label>",
        `                <group>${group}</group>`,
        `                <text>${xmlText(text)}</text>`,
        "            </label>",
      );
  return [...lines, "        </instance>"];
}

function xmlRow(code, colour) {
  const shades = colour.map((shade, n) => `            <${"RGB"[n]}>${257 * shade}</${"RGB"[n]}>`);
  return ["        <row>", `            <code>${xmlText(code)}</code>`, ...shades, "        </row>"];
}

const rounded = (confidence) => Math.floor(confidence * 10000 + 0.5) / 10000;
const frameNumber = (ms, rate) => Math.floor((ms * rate) / 1000) + 1;

// films: [{ video, half, moments }], half null where all halves are in it.
function labelStudio(game, films, timing, rate, model) {
  return asJson(films.map((film) => labelTask(game, film, timing, rate, model)));
}

function labelTask(game, { video, half, moments }, timing, rate, model) {
  const ordered = sorted(moments, (moment) => fileMs(moment, timing));
  const numbered = ordered.map((moment, n) => [n + 1, moment]);
  const regions = (known) => numbered
    .filter(([, { confidence }]) => (confidence === null) === known)
    .map(([n, moment]) => labelRegion(n, moment, timing, rate));
  const exported = numbered.map(([n, moment]) => ({
    id: String(n),
    frame: frameNumber(fileMs(moment, timing), rate),
    half: moment.half,
    position: moment.ms,
    label: moment.label,
    confidence: moment.confidence === null ? null : rounded(moment.confidence),
    visibility: moment.visibility,
    team: moment.team,
  }));
  const [found, known] = [regions(false), regions(true)];
  const task = { data: { video, game, half, kick_off_ms: timing.kickOffs, frame_rate: rate, exported } };
  if (found.length || !known.length) task.predictions = [{ model_version: model, result: found }];
  if (known.length) task.annotations = [{ result: known }];
  return task;
}

function labelRegion(number, moment, timing, rate) {
  const frame = frameNumber(fileMs(moment, timing), rate);
  const region = {
    id: String(number),
    from_name: "spots",
    to_name: "video",
    type: "timelinelabels",
    value: { ranges: [{ start: frame, end: frame }], timelinelabels: [moment.label] },
    meta: { text: [`${moment.half} - ${mmss(moment.ms)}`] },
  };
  if (moment.confidence !== null) region.score = rounded(moment.confidence);
  return region;
}
