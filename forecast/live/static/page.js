"use strict";
const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const token = query.get("token"), wanted = query.get("source");
/* The server gave a cookie for it: it need not stand where shoulders and screenshots read it. */
if (token) history.replaceState(null, "", location.pathname + (wanted ? "?" + new URLSearchParams({source: wanted}) : ""));
const suffix = (extra = {}) => {
  const all = new URLSearchParams({...(token ? {token} : {}), ...(wanted ? {source: wanted} : {}), ...extra});
  return all.size ? "?" + all : "";
};

const view = {
  hello: null, moment: null, numbers: null, hidden: new Set(), horizon: 0, opacity: 0.6,
  moving: false, check: false, paused: false, held: false, socket: null, shown: 0, online: false, heard: 0,
};

/* Wire: uint32 length, JSON header, then the parts it lists. */
async function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let start = 4 + length;
  const parts = await Promise.all(header.parts.map(async (part) => {
    const bytes = new Uint8Array(buffer, start, part.length);
    start += part.length;
    const bitmap = await createImageBitmap(new Blob([bytes], {type: part.media}),
      {colorSpaceConversion: "none", premultiplyAlpha: "none"});
    return {...part, picture: part.kind === "frame" ? bitmap : readIds(bitmap)};
  }));
  const find = (kind, horizon) => parts.find((p) => p.kind === kind && p.horizon_s === horizon)?.picture;
  return {header, frame: find("frame", null), now: find("now", null), find};
}

const scratch = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
function readIds(bitmap) {
  const {width, height} = bitmap;
  scratch.canvas.width = width; scratch.canvas.height = height;
  scratch.drawImage(bitmap, 0, 0);
  const rgba = scratch.getImageData(0, 0, width, height).data;
  const ids = new Uint8Array(width * height);
  for (let i = 0; i < ids.length; i++) ids[i] = rgba[4 * i];
  bitmap.close();
  return {width, height, ids};
}

/* Class id -> little-endian RGBA. */
function colours() {
  const table = new Uint32Array(256), alpha = Math.round(255 * view.opacity);
  view.hello.classes.forEach(({colour: [r, g, b], moving}, id) => {
    const gone = view.hidden.has(id) || (view.moving && !moving);
    table[id] = gone ? 0 : (alpha << 24 | b << 16 | g << 8 | r) >>> 0;
  });
  return table;
}

const layer = document.createElement("canvas").getContext("2d");
function overlay(target, {width, height}, colourOf) {
  layer.canvas.width = width; layer.canvas.height = height;
  const image = layer.createImageData(width, height), pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < pixels.length; i++) pixels[i] = colourOf(i, width);
  layer.putImageData(image, 0, 0);
  target.imageSmoothingEnabled = true; target.imageSmoothingQuality = "high";
  target.drawImage(layer.canvas, 0, 0, target.canvas.width, target.canvas.height);
}

function background(context, frame, filter) {
  const {canvas} = context;
  if (canvas.width !== frame.width || canvas.height !== frame.height) {
    canvas.width = frame.width; canvas.height = frame.height;
    canvas.style.setProperty("--ratio", String(frame.width / frame.height));
  }
  context.filter = filter;
  context.drawImage(frame, 0, 0);
  context.filter = "none";
}

const contexts = {now: $("now").getContext("2d"), ahead: $("ahead").getContext("2d")};
function draw() {
  const {moment, hello} = view;
  if (!moment || !hello) return;
  const table = colours(), horizon = hello.horizons_s[view.horizon];
  background(contexts.now, moment.frame, "none");
  const {now} = moment, foreseen = moment.find("foreseen", horizon);
  if (view.check && foreseen) drawErrors(now, foreseen);
  else overlay(contexts.now, now, (i) => table[now.ids[i]]);
  background(contexts.ahead, moment.frame, "grayscale(.75) brightness(.75)");
  const ahead = moment.find("forecast", horizon);
  if (ahead) {
    overlay(contexts.ahead, ahead, (i) => table[ahead.ids[i]]);
    drawOutlines(now);
  }
  $("nowWhat").textContent = view.check
    ? (foreseen ? `red: not as foreseen ${horizon} s ago` : "no forecast for this moment")
    : `${moment.header.pts_s.toFixed(2)} s · frame ${moment.header.index}`;
}

function drawErrors(now, foreseen) {
  overlay(contexts.now, foreseen, (i, width) => {
    const x = Math.floor(((i % width) + 0.5) * now.width / width);
    const y = Math.floor((Math.floor(i / width) + 0.5) * now.height / foreseen.height);
    const seen = now.ids[y * now.width + x], said = foreseen.ids[i];
    const counts = !view.moving || view.hello.classes[seen]?.moving || view.hello.classes[said]?.moving;
    return seen !== said && counts ? (Math.round(255 * view.opacity) << 24 | 0x3c28e6) >>> 0 : 0;
  });
}

/* Lines between cells, as thin on a coarse grid as on a fine one. */
function drawOutlines({width, height, ids}) {
  const moves = view.hello.classes.map((c) => c.moving), context = contexts.ahead;
  const w = context.canvas.width / width, h = context.canvas.height / height;
  context.beginPath();
  for (let i = 0, y = 0; y < height; y++) for (let x = 0; x < width; x++, i++) {
    const here = moves[ids[i]];
    if (x + 1 < width && here !== moves[ids[i + 1]]) { context.moveTo((x + 1) * w, y * h); context.lineTo((x + 1) * w, (y + 1) * h); }
    if (y + 1 < height && here !== moves[ids[i + width]]) { context.moveTo(x * w, (y + 1) * h); context.lineTo((x + 1) * w, (y + 1) * h); }
  }
  context.lineWidth = Math.max(1, context.canvas.width / 520); context.lineCap = "square";
  context.strokeStyle = "#fff"; context.stroke();
}

const text = (id, value) => { const node = $(id); if (node.textContent !== value) node.textContent = value; };
const figure = (value, digits = 0) => value == null ? "–" : value.toFixed(digits);

function showNumbers() {
  const n = view.numbers;
  if (!n) return;
  const state = !view.online ? "offline" : view.paused ? "paused" : n.state;
  const badge = $("badge");
  if (badge.dataset.state !== state) { badge.dataset.state = state; badge.lastElementChild.textContent = state; }
  text("p50", figure(n.latency_ms?.p50)); text("p95", figure(n.latency_ms?.p95));
  text("fps", figure(n.fps, 1)); text("sourceFps", figure(n.source_fps, 1));
  text("drops", String(n.num_dropped)); text("reconnects", n.num_reconnects === 1 ? "1 reconnect" : `${n.num_reconnects} reconnects`);
  text("recovery", n.recovery_s == null ? "" : ` · last gap ${n.recovery_s.toFixed(1)} s`);
  text("thinned", n.num_thinned ? `${n.num_thinned} left out evenly · ` : "");
  text("lag", n.lag_s >= 0.1 ? ` · ${n.lag_s.toFixed(1)} s behind` : "");
  const lead = n.usable_lead_s?.[String(view.hello?.horizons_s[view.horizon])], late = lead != null && lead < 0;
  text("lead", figure(lead, 2)); $("lead").classList.toggle("late", late); $("leadNote").classList.toggle("late", late);
  text("leadNote", late ? "the forecast comes after its moment" : "horizon less p95 latency and lag");
  showCurve(n.latency_ms?.p50); showHorizon();
  $("warming").hidden = !(n.warming_up && view.moment && n.state === "live");
  showSilence(n, state);
  showScores(n.scores || []);
}

let curveAt = 0;
const curve = [];
function showCurve(latency) {
  if (latency == null || performance.now() - curveAt < 1000) return;
  curveAt = performance.now();
  curve.push(latency);
  if (curve.length > 180) curve.shift();
  const {width, height} = $("curve"), context = $("curve").getContext("2d"), most = Math.max(...curve, 1);
  context.clearRect(0, 0, width, height);
  context.beginPath();
  curve.forEach((value, i) => context.lineTo(i * width / 179, height - 1 - (height - 3) * value / most));
  context.strokeStyle = getComputedStyle($("curve")).getPropertyValue("--accent"); context.lineWidth = 1.5; context.stroke();
}

function showSilence(n, state) {
  if (view.unknown) return;
  const old = !view.paused && (!view.online || n.state !== "live");
  document.querySelector(".stage").classList.toggle("old", old && !!view.moment);
  const silence = $("silence");
  silence.hidden = !old;
  if (!old) return;
  const words = {
    offline: "This page has lost its server", connecting: view.moment ? "Reconnecting" : "Connecting",
    stalled: "The camera is silent", lost: "The source is lost", ended: "The source has ended",
  };
  const since = n.age_s == null ? null : n.age_s + (performance.now() - view.heard) / 1000;
  const age = since == null ? "" : `last frame ${since.toFixed(1)} s ago`;
  const line = [age, n.trouble, n.unwritten].filter(Boolean).join(" · ");
  silence.replaceChildren(words[state] || state, Object.assign(document.createElement("small"), {textContent: line}));
}

let scoresKey = "";
function showScores(scores) {
  const known = scores.filter((s) => s.miou != null || !s.checked);
  const key = JSON.stringify(known);
  if (key === scoresKey || !known.length) return;
  scoresKey = key;
  const horizons = [...new Set(known.map((s) => s.horizon_s))];
  $("scores").replaceChildren(...horizons.map((h) => scoreBlock(h, known.filter((s) => s.horizon_s === h))));
}

function scoreBlock(horizon, rows) {
  const block = element("div", "score");
  const [own, copy] = [rows.find((r) => r.predictor !== "copy-last") || rows[0], rows.at(-1)];
  const head = element("h3", "", `${horizon} s ahead`);
  head.append(element("span", "", own.checked ? `${own.num_compared} checked` : "not checked"));
  block.append(head);
  if (!own.checked) {
    block.append(element("p", "quiet", "Not checked at this pace: no frame is looked at when these forecasts come due."));
    return block;
  }
  if (copy !== own && own.miou < copy.miou) block.append(element("p", "quiet gain less", "Copying what is there now does better than the forecast here."));
  rows.forEach((row, place) => {
    const bar = element("div", place ? "bar reference" : "bar");
    const track = element("i"), fill = element("b");
    fill.style.width = `${100 * row.miou}%`;
    track.append(fill);
    const value = element("span", "", `${(100 * row.miou).toFixed(1)} `);
    if (!place && copy !== own) {
      const gain = 100 * (own.miou - copy.miou);
      value.append(element("em", gain < 0 ? "gain less" : "gain", `${gain < 0 ? "−" : "+"}${Math.abs(gain).toFixed(1)}`));
    } else value.append(element("em", "", "copying"));
    bar.append(element("span", "", row.predictor), track, value);
    block.append(bar);
  });
  const moving = own.miou_moving;
  if (moving != null) block.append(element("p", "quiet", `moving classes ${(100 * moving).toFixed(1)}` +
    (copy !== own && copy.miou_moving != null ? `, copying ${(100 * copy.miou_moving).toFixed(1)}` : "")));
  return block;
}

function element(tag, name = "", content = "") {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (content) node.textContent = content;
  return node;
}

/* Controls. */
function greet(hello) {
  const first = !view.hello;
  view.hello = hello;
  text("address", hello.shown); $("address").title = hello.shown;
  document.title = `${hello.source} · forecast, live`;
  const slider = $("horizon");
  slider.max = String(Math.max(0, hello.horizons_s.length - 1));
  slider.disabled = hello.horizons_s.length < 2;
  $("ticks").replaceChildren(...hello.horizons_s.map((h) => element("span", "", `${h}`)));
  if (first) {
    view.horizon = Math.max(0, hello.horizons_s.length - 1);
    slider.value = String(view.horizon);
    legend(hello.classes);
  }
  showHorizon();
}

function showHorizon() {
  const horizon = view.hello?.horizons_s[view.horizon];
  if (horizon == null) { text("aheadTitle", "No forecast"); return; }
  text("horizonOut", `${horizon} s`); text("aheadTitle", `In ${horizon} s`);
  $("horizon").setAttribute("aria-valuetext", `${horizon} seconds ahead`);
  const copied = view.numbers?.copied_horizons_s?.includes(horizon);
  text("aheadWhat", copied ? `a copy of now: it does better than ${view.hello.predictor}` : view.hello.predictor || "");
}

function legend(classes) {
  $("legend").replaceChildren(...classes.map(({name, colour, moving}, id) => {
    const button = element("button");
    button.type = "button"; button.setAttribute("aria-pressed", "true");
    const swatch = element("i"); swatch.style.background = `rgb(${colour})`;
    const share = element("small"); share.id = `share${id}`;
    button.append(swatch, moving ? `${name} ›` : name, share);
    button.title = moving ? `${name}, moves of itself` : name;
    button.addEventListener("click", () => {
      const hide = !view.hidden.has(id);
      if (hide) view.hidden.add(id); else view.hidden.delete(id);
      button.setAttribute("aria-pressed", String(!hide));
      draw();
    });
    return button;
  }));
}

let sharesAt = 0;
function showShares({ids}) {
  if (performance.now() - sharesAt < 700) return;
  sharesAt = performance.now();
  const counts = new Uint32Array(256);
  for (const id of ids) counts[id]++;
  view.hello.classes.forEach((_, id) => {
    const part = 100 * counts[id] / ids.length;
    text(`share${id}`, part >= 0.05 ? `${part.toFixed(part < 10 ? 1 : 0)}%` : "");
  });
}

function toggle(name) {
  view[name] = !view[name];
  $(name).setAttribute("aria-pressed", String(view[name]));
  draw();
}

function pause() {
  view.paused = !view.paused;
  $("pause").setAttribute("aria-pressed", String(view.paused));
  $("pause").lastElementChild.textContent = view.paused ? "Resume" : "Pause";
  if (!view.paused && view.held) { view.held = false; acknowledge(); }
  showNumbers();
}

function setHorizon(value) {
  const last = (view.hello?.horizons_s.length || 1) - 1;
  view.horizon = Math.min(last, Math.max(0, value));
  $("horizon").value = String(view.horizon);
  showHorizon(); showNumbers(); draw();
}

function setOpacity(percent) {
  const value = Math.min(100, Math.max(0, percent));
  view.opacity = value / 100; $("opacity").value = String(value);
  text("opacityOut", `${value} %`);
  draw();
}

function full() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.querySelector(".stage").requestFullscreen().catch(() => {});
}

/* Both pictures beside each other, as they are shown. */
function snap() {
  const [a, b] = [$("now"), $("ahead")], both = document.createElement("canvas");
  both.width = a.width + b.width; both.height = Math.max(a.height, b.height);
  const context = both.getContext("2d");
  context.drawImage(a, 0, 0); context.drawImage(b, a.width, 0);
  both.toBlob((blob) => {
    const link = element("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${view.hello?.source || "forecast"}-${view.moment?.header.index ?? 0}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 5000);
  }, "image/png");
}

$("full").addEventListener("click", full);
$("snap").addEventListener("click", snap);
$("pause").addEventListener("click", pause);
$("moving").addEventListener("click", () => toggle("moving"));
$("check").addEventListener("click", () => toggle("check"));
$("horizon").addEventListener("input", (e) => setHorizon(Number(e.target.value)));
$("opacity").addEventListener("input", (e) => setOpacity(Number(e.target.value)));
document.addEventListener("keydown", (event) => {
  const {key, target} = event;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = target.tagName === "INPUT", pressing = target.tagName === "BUTTON";
  if (key === " " && !pressing) { event.preventDefault(); pause(); }
  else if (key === "m") toggle("moving");
  else if (key === "e") toggle("check");
  else if (key === "f") full();
  else if (key === "s") snap();
  else if (key === "[") setOpacity(100 * view.opacity - 10);
  else if (key === "]") setOpacity(100 * view.opacity + 10);
  else if (key === "ArrowLeft" && !typing) setHorizon(view.horizon - 1);
  else if (key === "ArrowRight" && !typing) setHorizon(view.horizon + 1);
});

const nothing = "Point at a picture to read it; press a class to hide it; › moves of itself";
for (const canvas of [$("now"), $("ahead")]) {
  canvas.addEventListener("pointermove", (event) => {
    const {moment, hello} = view;
    if (!moment || !hello) return;
    const box = canvas.getBoundingClientRect();
    const at = (map) => map && hello.classes[map.ids[
      Math.floor((event.clientY - box.top) / box.height * map.height) * map.width +
      Math.floor((event.clientX - box.left) / box.width * map.width)]]?.name;
    const horizon = hello.horizons_s[view.horizon], then = at(moment.find("forecast", horizon));
    text("pointer", `now ${at(moment.now) ?? "–"}` + (then ? ` → in ${horizon} s ${then}` : ""));
  });
  canvas.addEventListener("pointerleave", () => text("pointer", nothing));
}

/* The socket. */
function acknowledge() {
  if (view.socket?.readyState === WebSocket.OPEN) view.socket.send(JSON.stringify({ack: view.shown}));
}

async function receive({data}) {
  view.heard = performance.now();
  if (typeof data === "string") {
    const said = JSON.parse(data);
    if (said.type === "hello") greet(said); else view.numbers = said;
    showNumbers();
    return;
  }
  const moment = await unpack(data);
  view.moment?.frame.close();
  view.moment = moment; view.numbers = moment.header; view.shown = moment.header.number;
  document.body.dataset.shown = String(view.shown);
  draw(); showNumbers();
  if (view.hello) showShares(moment.now);
  /* A hidden tab draws nothing, so it asks for nothing until it is seen again. */
  if (view.paused || document.hidden) view.held = true; else acknowledge();
}
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && view.held && !view.paused) { view.held = false; acknowledge(); }
});

let wait = 500;
function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const folder = location.pathname.replace(/[^/]*$/, "");
  const socket = new WebSocket(`${scheme}//${location.host}${folder}ws${suffix()}`);
  socket.binaryType = "arraybuffer";
  view.socket = socket;
  socket.onopen = () => { view.online = true; view.held = false; wait = 500; };
  socket.onmessage = receive;
  socket.onclose = () => {
    view.online = false;
    view.numbers ??= {state: "connecting", num_dropped: 0, num_reconnects: 0};
    showNumbers();
    if (!view.unknown) setTimeout(connect, wait);
    wait = Math.min(8000, wait * 2);
  };
}

async function listSources() {
  const answer = await fetch(`api/sources${suffix()}`);
  if (!answer.ok) return;
  const sources = await answer.json();
  const current = wanted || sources[0].source;
  view.unknown = !sources.some(({source}) => source === current);
  if (view.unknown) {
    $("silence").hidden = false;
    $("silence").replaceChildren(`There is no source ${current}`, element("small", "", `There are: ${sources.map(({source}) => source).join(", ")}`));
  } else if (sources.length < 2) return;
  $("sources").hidden = false;
  $("sources").replaceChildren(...sources.map(({source}) => {
    const link = element("a", "", source);
    link.href = "?" + new URLSearchParams({source});
    link.title = source;
    if (source === current) link.setAttribute("aria-current", "page");
    return link;
  }));
}

const plain = wanted ? "?" + new URLSearchParams({source: wanted}) : "";
$("apiLink").href = `api/latest${plain}`;
$("metricsLink").href = "metrics";
connect();
listSources();
setInterval(() => { if (!view.online) showNumbers(); }, 500);
