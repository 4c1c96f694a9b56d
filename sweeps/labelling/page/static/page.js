"use strict";

// The server alone knows what is answered: this page shows its state and plays the next clip only once the
// answer before it is on disk.
const KEYS = "1234567890qwertyiopas";
const POLL = 2000;
const element = (id) => document.getElementById(id);
let state = null;
let busy = false;
let shown = null;
let timer = null;

async function ask(path, body) {
  const options = body === undefined ? {} : {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-After-Ray": "page" },
    body: JSON.stringify(body),
  };
  const response = await fetch(path, options);
  const values = await response.json();
  return { ok: response.ok, status: response.status, values };
}

async function act(path, body) {
  if (busy) return;
  busy = true;
  disable(true);
  try {
    const { ok, status, values } = await ask(path, body);
    if (ok || status === 409) show(values);
    else tell(values.told);
  } catch (error) {
    tell("The server does not answer, it may have been stopped. Try again: an answer counts once.");
  } finally {
    busy = false;
    disable(false);
  }
}

function tell(sentence) {
  element("told").textContent = sentence || "";
}

function disable(off) {
  for (const button of document.querySelectorAll("button")) button.disabled = off;
  if (!off && state) element("undo").disabled = !state.undo;
}

function answer(label) {
  if (!state || state.clip === null) return;
  const { annotator, clip, utterance } = state;
  act("/api/answers", { annotator, clip, utterance, label });
}

function undo() {
  if (state && state.undo) act("/api/undo", { annotator: state.annotator });
}

function show(next) {
  state = next;
  element("study").textContent = `${state.study}, round ${state.round} (${state.annotator})`;
  element("count").textContent = `${state.answered} of ${state.clips}`;
  element("progress").max = Math.max(state.clips, 1);
  element("progress").value = state.answered;
  element("desk").hidden = state.clips === 0;
  choices();
  element("undo").disabled = !state.undo;
  tell(news());
  if (state.clip === null) return silence();
  const name = `${state.round}:${state.utterance}`;
  if (name !== shown) {
    shown = name;
    element("picture").src = `/api/clips/${state.clip}/picture?of=${encodeURIComponent(name)}`;
    element("audio").src = `/api/clips/${state.clip}/audio?of=${encodeURIComponent(name)}`;
    element("audio").play().catch(() => tell("Press space, or the player's button, to listen."));
  }
}

function news() {
  if (state.finished) return "All rounds are labelled. Thank you.";
  if (state.training) return "The model is being trained on the answers; the next batch follows.";
  if (state.decided) return "All clips are answered; training begins in a few seconds (u takes the last answer back).";
  if (state.clip === null && state.tied > 0) {
    return `You have answered all your clips. Annotators disagree about ${state.tied}: one annotator more decides them (annotate serve --annotator NAME).`;
  }
  if (state.clip === null) return "You have answered all your clips; others still have some.";
  return state.told || "";
}

function silence() {
  shown = null;
  element("audio").pause();
  later();
}

function choices() {
  const labels = [...state.classes, null];
  const place = element("choices");
  if (place.childElementCount === labels.length) return;
  place.replaceChildren(...labels.map((label, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.label = label === null ? "" : label;
    button.append(label === null ? "cannot tell " : `${label} `, key(label === null ? "x" : KEYS[index]));
    button.addEventListener("click", () => answer(label));
    return button;
  }));
}

function key(text) {
  const found = document.createElement("kbd");
  found.textContent = text;
  return found;
}

function later() {
  clearTimeout(timer);
  timer = setTimeout(look, POLL);
}

async function look() {
  try {
    const { ok, values } = await ask("/api/state");
    if (ok) return show(values);
    tell(values.told);
    later();
  } catch (error) {
    tell("The server does not answer; start 'after-ray annotate serve' again.");
    later();
  }
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !state) return;
  const place = KEYS.indexOf(event.key.toLowerCase());
  if (event.key === " ") {
    event.preventDefault();
    const audio = element("audio");
    audio.currentTime = 0;
    audio.play().catch(() => {});
  } else if (event.key.toLowerCase() === "u") undo();
  else if (event.key.toLowerCase() === "x") answer(null);
  else if (place >= 0 && place < state.classes.length) answer(state.classes[place]);
});
element("undo").addEventListener("click", undo);
element("audio").addEventListener("timeupdate", () => {
  const audio = element("audio");
  element("cursor").style.left = `${audio.duration ? (100 * audio.currentTime) / audio.duration : 0}%`;
});
look();
