/* The list of steps: only what is in view is in the page. */
const ROW = 46;
const SPARE = 8;
const rows = byId("rows");

const row = (entry, at) => {
  const span = chain.span[entry.session];
  const bar = el("i", { class: "bar" });
  bar.style.left = `${(100 * entry.from) / span}%`;
  bar.style.width = `${Math.max(1.5, (100 * (entry.took ?? 0)) / span)}%`;
  const node = el(
    "div",
    {
      class: `row k-${entry.kind} ${entry.state}`,
      role: "option",
      id: `row-${entry.place}`,
      "data-place": entry.place,
      "aria-selected": entry.place === now.entry ? "true" : "false",
      "aria-setsize": now.listed.length,
      "aria-posinset": at + 1,
    },
    el("span", { class: "step" }, entry.step === null ? "" : `s${entry.step}`),
    el("span", { class: "what" }, el("b", {}, words(entry.title)), el("small", {}, entry.note)),
    el(
      "span",
      { class: "took" },
      el(
        "span",
        {},
        [
          entry.evidence.length && entry.kind !== "conflict" ? `${entry.evidence.length} ev` : "",
          entry.cost === null ? (entry.tokens ? `${entry.tokens} tok` : "") : dollars(entry.cost),
          entry.seconds === null ? "" : duration(entry.seconds),
        ]
          .filter(Boolean)
          .join(" · "),
      ),
      el("span", { class: "time" }, bar),
    ),
  );
  node.style.top = `${at * ROW}px`;
  return node;
};
const drawList = () => {
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - SPARE);
  const last = Math.min(
    now.listed.length,
    Math.ceil((list.scrollTop + list.clientHeight) / ROW) + SPARE,
  );
  rows.style.height = `${now.listed.length * ROW}px`;
  rows.replaceChildren(
    ...now.listed.slice(first, last).map((place, at) => row(chain.entries[place], first + at)),
  );
  if (byId(`row-${now.entry}`)) list.setAttribute("aria-activedescendant", `row-${now.entry}`);
  else list.removeAttribute("aria-activedescendant");
};
const inView = () => {
  const at = now.listed.indexOf(now.entry);
  if (at < 0) return;
  if (at * ROW < list.scrollTop) list.scrollTop = at * ROW;
  else if ((at + 1) * ROW > list.scrollTop + list.clientHeight)
    list.scrollTop = (at + 1) * ROW - list.clientHeight;
};
const sift = () => {
  const wanted = search.value.trim().toLowerCase();
  now.listed = chain.entries
    .filter(
      (entry) =>
        (!kinds.value || entry.group === kinds.value) &&
        (!wanted || textOf(entry, data).includes(wanted)),
    )
    .map((entry) => entry.place);
  byId("count").textContent =
    now.listed.length === chain.entries.length
      ? `${chain.entries.length} in all`
      : `${now.listed.length} of ${chain.entries.length}`;
  inView();
  drawList();
};

list.addEventListener("click", (event) => {
  const found = event.target.closest("[data-place]");
  if (found) show.entry(Number(found.dataset.place));
});
list.addEventListener("scroll", drawList, { passive: true });
window.addEventListener("resize", drawList);
search.addEventListener("input", sift);
kinds.addEventListener("change", sift);
fill(kinds, [
  el("option", { value: "" }, "Everything"),
  Object.entries(KINDS).map(([key, name]) => el("option", { value: key }, name)),
]);
