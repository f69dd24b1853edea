/* Keys: the chain, the sentences, the films and the search without a mouse. */

const step = (by) => {
  if (!now.listed.length) return;
  const at = now.listed.indexOf(now.entry);
  const next = at < 0 ? 0 : Math.min(now.listed.length - 1, Math.max(0, at + by));
  show.entry(now.listed[next]);
};
const speak = (by) => {
  const said = chain.sentences.filter((one) => one.counts);
  said.sort((one, other) =>
    one.tab === other.tab ? one.place - other.place : one.tab === "report" ? -1 : 1,
  );
  if (!said.length) return;
  const at = said.findIndex((one) => one.place === now.sentence);
  show.sentence(
    said[at < 0 ? (by > 0 ? 0 : said.length - 1) : (at + by + said.length) % said.length],
  );
};
const keys = {
  j: () => step(1),
  k: () => step(-1),
  ArrowDown: () => step(1),
  ArrowUp: () => step(-1),
  PageDown: () => step(10),
  PageUp: () => step(-10),
  Home: () => step(-Infinity),
  End: () => step(Infinity),
  n: () => speak(1),
  p: () => speak(-1),
  1: () => show.tab("report"),
  2: () => show.tab("evidence"),
  3: () => show.tab("dialogue"),
  f: () => film.next(),
  o: () => film.toggle(),
  "/": () => {
    search.focus();
    search.select();
  },
  "?": () => byId("help").showModal(),
  Enter: () => byId("detail").querySelector("h2")?.focus(),
  Escape: () => {
    show.entry(now.entry);
    list.focus();
  },
};
const MOVES = new Set(["ArrowDown", "ArrowUp", "PageDown", "PageUp", "Home", "End", "Enter"]);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]"))
    return;
  const typing = event.target.closest(
    "input:not([type=checkbox],[type=radio],[type=range]), textarea, select",
  );
  if (
    typing &&
    event.key !== "Escape" &&
    !(event.target === search && (event.key === "Enter" || event.key === "ArrowDown"))
  )
    return;
  if (event.target === search && event.key !== "Escape") {
    list.focus();
    if (!now.listed.includes(now.entry)) step(0);
    event.preventDefault();
    return;
  }
  /* Where something else takes these keys, it keeps them. */
  if (MOVES.has(event.key) && event.target !== list && event.target !== document.body) return;
  if (!Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
});
byId("help-open").addEventListener("click", () => byId("help").showModal());
