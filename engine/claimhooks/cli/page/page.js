"use strict";

const samples = [...document.querySelectorAll(".sample")];
const find = document.getElementById("find");
const tokens = document.getElementById("tokens");
const choices = [...document.querySelectorAll("input[name=show]")];
const texts = new WeakMap();

function text(sample) {
  if (!texts.has(sample)) texts.set(sample, sample.textContent.toLowerCase());
  return texts.get(sample);
}

function filter() {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  const kind = choices.find((choice) => choice.checked).value;
  let count = 0;
  for (const sample of samples) {
    const isShown =
      (kind === "all" || sample.classList.contains(kind)) &&
      words.every((word) => text(sample).includes(word));
    sample.hidden = !isShown;
    count += isShown;
  }
  const all = samples.length.toLocaleString("en");
  document.getElementById("shown").textContent =
    count === samples.length ? `${all} samples` : `${count.toLocaleString("en")} of ${all} samples`;
}

function show(kind) {
  choices.find((choice) => choice.value === kind).checked = true;
  filter();
}

function fold() {
  const isFolded = document.body.classList.toggle("folded");
  tokens.setAttribute("aria-pressed", String(!isFolded));
}

function current() {
  return document.activeElement?.closest(".sample");
}

/** The sample that reading has come to: the first that ends below the bar. */
function inSight() {
  const top = document.getElementById("tools").getBoundingClientRect().bottom;
  return samples.find((sample) => !sample.hidden && sample.getBoundingClientRect().bottom > top + 1);
}

function move(step) {
  const shown = samples.filter((sample) => !sample.hidden);
  const here = shown.indexOf(current());
  const next = here < 0 ? inSight() : shown[here + step];
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "start" });
}

const keys = {
  j: () => move(1),
  k: () => move(-1),
  "/": () => find.focus(),
  f: () => show(choices.find((choice) => choice.checked).value === "failing" ? "all" : "failing"),
  t: fold,
  Escape() {
    find.value = "";
    show("all");
    if (document.activeElement === find) find.blur();
  },
};

document.addEventListener("keydown", (event) => {
  const isTyping = event.target === find && event.key !== "Escape";
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, event.key)) {
    return;
  }
  event.preventDefault();
  keys[event.key]();
});

addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll(".sample details")) details.open = true;
});

find.addEventListener("input", filter);
for (const choice of choices) choice.addEventListener("change", filter);
tokens.addEventListener("click", fold);
// What fails can be gone to, whatever is shown.
for (const link of document.querySelectorAll("nav a")) link.addEventListener("click", keys.Escape);
filter();
document.getElementById("tools").hidden = false;
