/* The page as a whole: its heading, how it begins, and how it is drawn anew. */

const facts = () => {
  const { started, finished, totals } = chain;
  const state = data.verification.intact
    ? "intact"
    : plural(data.verification.problems.length, "problem");
  const open = data.live?.questions && chain.versions.some((one) => one.sha256);
  const status = finished ? finished.status : open ? "open" : "not finished";
  byId("facts").replaceChildren(
    el("span", { class: `pill ${finished ? finished.status : open ? "ok" : "running"}` }, status),
    el(
      "span",
      {
        class: `pill ${data.verification.intact ? "ok" : "failed"}`,
        title: `head ${data.verification.head}`,
      },
      `chain ${state}`,
    ),
    el("span", {}, started ? started.planner : "no start"),
    el(
      "span",
      {},
      data.lines.length ? data.lines[0].time.slice(0, 19).replace("T", " ") + " UTC" : "",
    ),
    el("span", {}, plural(data.lines.length, "line")),
    el("span", {}, duration(chain.span.reduce((sum, one) => sum + one, 0))),
    el(
      "span",
      {},
      totals.exchanges || totals.tokens
        ? `${plural(totals.exchanges, "model exchange")}, ${totals.tokens} tokens, ` +
            (totals.priced ? dollars(totals.cost) : "price not known")
        : "no language model",
    ),
  );
};

/* What was unfolded and where it was scrolled to stays while its content is made anew. */
const undisturbed = (nodes, work) => {
  const open = (node) => [...node.querySelectorAll("details")];
  const before = nodes.map((node) => [node.scrollTop, open(node).map((one) => one.open)]);
  work();
  nodes.forEach((node, at) => {
    const [top, opened] = before[at];
    open(node).forEach((one, place) => (one.open = opened[place] ?? false));
    node.scrollTop = top;
  });
};

/* Anew after the data grew; what is selected stays. */
const refresh = (follow) => {
  const said = now.sentence === null ? null : chain.sentences[now.sentence];
  const newest = now.version === null || now.version >= chain.versions.length - 1;
  chain = chainOf(data);
  panes = panesOf();
  facts();
  if (newest) now.version = null;
  if (follow) {
    now.entry = Math.max(0, chain.entries.length - 1);
    now.evidence = new Set();
  }
  now.sentence =
    follow || !said
      ? null
      : (chain.sentences.findLast((one) => one.text === said.text && one.tab === said.tab)?.place ??
        null);
  sift();
  if (follow) draw();
  else undisturbed([byId("detail"), byId("pane")], draw);
};
const fromAddress = () => {
  const name = location.hash.slice(1);
  if (chain.evidence.has(name)) show.evidence(name);
  else if (/^line-\d+$/.test(name) && chain.ofLine[Number(name.slice(5)) - 1])
    show.entry(chain.ofLine[Number(name.slice(5)) - 1].place);
};
document.documentElement.classList.add("js");
facts();
sift();
now.entry =
  chain.entries.find((entry) => entry.kind === "step" && overlaysOf(entry.lines).length)?.place ??
  0;
go(now.entry);
draw();
fromAddress();
window.addEventListener("hashchange", fromAddress);
list.focus({ preventScroll: true });
performance.mark("ready");
