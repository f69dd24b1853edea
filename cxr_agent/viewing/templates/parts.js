/* Building blocks of the page. Everything out of the trace goes through `textContent`. */
const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);

const fill = (node, children) => {
  for (const child of children.flat(4)) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
  return node;
};

const el = (name, attributes = {}, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "onclick") node.addEventListener("click", value);
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  return fill(node, children);
};

const svg = (name, attributes = {}, ...children) => {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  return fill(node, children);
};

const words = (code) => String(code ?? "").replaceAll("_", " ");
const plural = (count, one) => `${count} ${one}${count === 1 ? "" : "s"}`;
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
/* Names out of a trace may be those of an object's own machinery. */
const has = (object, key) => typeof key === "string" && Object.hasOwn(object, key);
const named = (names, key) => (has(names, key) ? names[key] : key);
const listOf = (value) => (Array.isArray(value) ? value : []);

const duration = (seconds) => {
  if (typeof seconds !== "number") return "";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 100) return `${seconds.toFixed(2)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
};
const dollars = (cost) => `$${cost < 0.01 ? cost.toFixed(4) : cost.toFixed(2)}`;
const number = (value) =>
  typeof value !== "number"
    ? ""
    : Number.isInteger(value)
      ? String(value)
      : String(Number(value.toPrecision(4)));

/* A list that shows its first part and gives the rest on demand: a run may have thousands. */
const PART = 120;
const inParts = (items, draw, into = el("div")) => {
  const more = (start) => {
    fill(into, items.slice(start, start + PART).map(draw));
    const left = items.length - start - PART;
    if (left > 0) {
      const button = el("button", { type: "button", class: "more" }, `${left} more`);
      button.addEventListener("click", () => {
        button.remove();
        more(start + PART);
      });
      into.append(button);
    }
  };
  more(0);
  return into;
};
