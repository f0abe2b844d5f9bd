// A pad for sound: record from the microphone, or choose a file; see the wave, play it, hand it over.

import { wave } from "./draw.js";
import { h, wav, watched } from "./widgets.js";

/** @typedef {{root: any, later: (f: () => void) => void, say: (words: string, error?: boolean) => void}} Place */

const INSTEAD = "Choose a sound file instead.";
const MOST = 100e6; // bytes of a file: more would fill the memory when it is decoded
const REFUSED = { NotAllowedError: "The microphone was not allowed.", NotFoundError: "There is no microphone.", NotReadableError: "The microphone is in use by something else." };

/** Any sound that the browser knows, as one channel at a rate. @param {ArrayBuffer} bytes @param {number} rate */
async function decoded(bytes, rate) {
  const sound = await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes), out = new Float32Array(sound.length);
  for (let c = 0; c < sound.numberOfChannels; c++) sound.getChannelData(c).forEach((v, k) => { out[k] += v / sound.numberOfChannels; });
  return out;
}

/** A recording of up to some seconds. @param {Place} place @param {{rate: number, seconds: number}} wanted
 * @param {(samples: Float32Array | null) => void} onchange */
export function soundPad(place, { rate, seconds }, onchange) {
  const { say, later } = place, WIDE = 280, HIGH = 56;
  /** @type {Float32Array | null} */ let now = null;
  /** @type {MediaRecorder | null} */ let recorder = null;
  /** @type {(() => void) | null} */ let hush = null; // ends what plays
  let timer = 0, asking = false, closed = false;
  const record = h("button", { type: "button", onclick: () => (recorder ? stop() : start()) }, "● record");
  const play = h("button", { type: "button", disabled: true, onclick: () => (hush ? hush() : sound()) }, "▶ play"), wipe = h("button", { type: "button", disabled: true, onclick: () => take(null) }, "clear sound");
  const time = h("progress", { max: seconds, value: 0, hidden: true, "aria-label": "seconds recorded" }), canvas = h("canvas", { class: "mm-wave", role: "img" });
  const file = h("input", { type: "file", accept: "audio/*,video/*", "aria-label": "sound file", onchange: () => { if (file.files?.[0]) read(file.files[0], file.files[0].name); file.value = ""; } });
  const el = h("div", { class: "mm-file", ondragover: (e) => { e.preventDefault(); el.classList.add("over"); }, ondragleave: () => el.classList.remove("over"), ondrop: dropped },
    h("div", { class: "mm-row" }, record, play, wipe, time), canvas, h("label", { class: "mm-field" }, h("span", {}, "or a sound file"), file));
  canvas.style.width = `${WIDE}px`;
  later(() => { closed = true; hush?.(); stop(); });
  watched(place, () => draw(), () => draw());
  queueMicrotask(draw);

  async function start() {
    if (asking) return;
    asking = true;
    try {
      if (!navigator.mediaDevices?.getUserMedia || !window.MediaRecorder) throw new DOMException("", "");
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true }), end = () => stream.getTracks().forEach((track) => track.stop());
      if (closed) return end();
      hush?.();
      /** @type {Blob[]} */ const parts = [], began = performance.now();
      recorder = new MediaRecorder(stream);
      recorder.ondataavailable = (e) => parts.push(e.data);
      recorder.onstop = () => { end(); recorder = null; clearInterval(timer); time.hidden = true; record.textContent = "● record"; if (!closed) read(new Blob(parts), "the recording"); };
      recorder.start();
      say(""); record.textContent = "■ stop"; time.value = 0; time.hidden = false;
      timer = window.setInterval(() => { time.value = (performance.now() - began) / 1000; if (time.value >= seconds) stop(); }, 100);
    } catch (error) {
      say(`${REFUSED[/** @type {DOMException} */ (error).name] ?? "This page has no way to a microphone."} ${INSTEAD}`, true);
    } finally { asking = false; }
  }

  function stop() { if (recorder?.state === "recording") recorder.stop(); }

  function dropped(e) {
    e.preventDefault();
    el.classList.remove("over");
    if (e.dataTransfer?.files[0]) read(e.dataTransfer.files[0], e.dataTransfer.files[0].name);
    else say("What was dropped is no file.", true);
  }

  /** @param {Blob} blob @param {string} name */
  async function read(blob, name) {
    if (blob.size > MOST) return say(`${name} has more than ${MOST / 1e6} MB.`, true);
    let samples;
    try { samples = await decoded(await blob.arrayBuffer(), rate); } catch { return say(`${name} is no sound that this browser can read.`, true); }
    if (closed) return undefined;
    if (!samples.length) return say(`${name} has no sound in it.`, true);
    const most = Math.round(seconds * rate), long = (samples.length / rate).toFixed(1);
    say(samples.length > most && name !== "the recording" ? `${name} lasts ${long} s; the first ${seconds} s are taken.` : "");
    return take(samples.slice(0, most));
  }

  /** @param {Float32Array | null} samples */
  function take(samples) {
    hush?.();
    now = samples;
    play.disabled = wipe.disabled = !now;
    draw();
    onchange(now);
  }

  const whole = () => Int16Array.from(now ?? [0], (v) => Math.round(Math.min(Math.max(v, -1), 1) * 32767));

  function draw() {
    wave(canvas, whole(), WIDE, HIGH, getComputedStyle(canvas).color || "#666");
    canvas.setAttribute("aria-label", now ? `wave of a sound of ${(now.length / rate).toFixed(2)} s` : "no sound yet");
  }

  function sound() {
    const url = URL.createObjectURL(wav(whole(), rate)), audio = new Audio(url);
    hush = () => { audio.pause(); URL.revokeObjectURL(url); hush = null; play.textContent = "▶ play"; };
    audio.onended = hush;
    play.textContent = "■ stop playing";
    audio.play().catch(hush);
  }

  return { el, read, get samples() { return now; } };
}

/** The pad alone. @param {import("./main.js").Host} page */
export function sound_pad(page) {
  const pad = soundPad(page, page.get("_data"), (samples) => { if (page.python) page.ask({ sound: !!samples }, () => {}, samples ? [samples] : []); });
  page.root.append(h("div", { class: "mm-pads" }, pad.el), page.saidEl);
  page.root.recorded = () => pad.samples; // for who scripts the page
}
