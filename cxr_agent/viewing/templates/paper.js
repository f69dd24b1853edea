/* Paper takes no list that is only there where it is looked at. */
window.addEventListener("beforeprint", () => {
  const version = chain.versions.at(-1);
  byId("print").replaceChildren(
    el("h2", {}, "Report"),
    ...(version?.sections ?? []).map((section) =>
      el(
        "section",
        {},
        el("h3", {}, section.name),
        el(
          "ul",
          {},
          section.sentences.map((one) => el("li", {}, `${one.text} [${one.evidence.join(", ")}]`)),
        ),
      ),
    ),
    el("h2", {}, "Chain"),
    el(
      "table",
      {},
      el(
        "tbody",
        {},
        chain.entries.map((entry) =>
          el(
            "tr",
            {},
            el("td", {}, entry.step === null ? "" : `s${entry.step}`),
            el("td", {}, words(entry.title)),
            el("td", {}, duration(entry.seconds)),
            el(
              "td",
              {},
              el("p", {}, entry.note),
              entry.evidence.map((id) =>
                el("p", {}, `${id}: ${chain.evidence.get(id)?.item.reading ?? ""}`),
              ),
            ),
          ),
        ),
      ),
    ),
  );
  byId("print").hidden = false;
});
window.addEventListener("afterprint", () => {
  byId("print").hidden = true;
  byId("print").replaceChildren();
});
