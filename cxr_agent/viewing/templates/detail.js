/* The selected step: why it was taken, what went in, what came out, and who cites it. */
const NOT_KEPT = "Not kept: the run's privacy mode did not allow it.";

const detailOf = (data, chain, say) => {
  const { chips, pairs, value, table, block, events, sentence, citing, card } = say;

  const artifacts = (entry) => {
    const seen = new Set();
    const files = [];
    for (const place of entry.lines) {
      const event = data.lines[place].event;
      const found = event.type === "evidence_added" ? event.evidence.artifacts : event.artifacts;
      for (const [name, sha256] of Object.entries(isObject(found) ? found : {})) {
        if (seen.has(`${name} ${sha256}`)) continue;
        seen.add(`${name} ${sha256}`);
        files.push(
          el(
            "li",
            {},
            words(name),
            " ",
            el("code", { title: String(sha256) }, String(sha256).slice(0, 12)),
          ),
        );
      }
    }
    const faults = data.faults
      .filter((one) => entry.lines.includes(one.line))
      .map((one) => el("li", { class: "bad" }, `${words(one.what)}: ${one.why}`));
    return files.length || faults.length ? el("ul", { class: "files" }, files, faults) : null;
  };
  const exchange = (title, sha256) => {
    if (sha256 === null) return el("p", { class: "soft" }, `${title}: ${NOT_KEPT}`);
    const kept = has(data.texts, sha256) ? data.texts[sha256] : null;
    if (!kept) return el("p", { class: "bad" }, `${title}: the file is not in the trace.`);
    const details = el(
      "details",
      { class: "exchange" },
      el(
        "summary",
        {},
        title,
        " ",
        el("small", {}, plural(kept.text.length, "character"), kept.cut ? ", cut" : ""),
      ),
    );
    details.addEventListener("toggle", () => {
      if (details.open && details.children.length === 1)
        details.append(el("pre", { tabindex: "0" }, kept.text));
    });
    return details;
  };
  const raw = (entry) => {
    const details = el(
      "details",
      { class: "raw" },
      el("summary", {}, `Lines as recorded (${entry.lines.length})`),
    );
    details.addEventListener("toggle", () => {
      if (!details.open || details.children.length > 1) return;
      details.append(
        inParts(entry.lines, (place) => {
          const line = data.lines[place];
          return el(
            "div",
            { class: "line" },
            el("p", {}, `line ${line.seq}, ${line.event.type}, ${line.time}`),
            el("pre", { tabindex: "0" }, JSON.stringify(line.event, null, 1)),
            el("p", { class: "soft" }, `after ${line.previous.slice(0, 16)}`),
          );
        }),
      );
    });
    return details;
  };
  const gates = (entry) => {
    const all = events(entry, "gate_verdict");
    if (!all.length) return null;
    const sorted = [...all.filter((one) => !one.passed), ...all.filter((one) => one.passed)];
    return el(
      "table",
      { class: "gates" },
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          ["gate", "verdict", "sentence"].map((name) => el("th", { scope: "col" }, name)),
        ),
      ),
      inParts(
        sorted,
        (one) =>
          el(
            "tr",
            { class: one.passed ? "" : "against" },
            el("td", {}, words(one.gate)),
            el("td", {}, `${one.action}, ${words(one.reason)}`),
            el("td", {}, one.sentence ?? el("span", { class: "soft" }, "the whole report")),
          ),
        el("tbody"),
      ),
    );
  };
  const why = (entry) => {
    const [plan] = events(entry, "plan");
    const [called] = events(entry, "tool_called");
    const inputs = Object.entries((called ?? plan)?.arguments ?? {}).map(([key, raw]) => [
      words(key),
      value(raw),
    ]);
    const planned = plan
      ? [
          ["decided", plan.decision],
          ["by", plan.planner],
          ["because", words(plan.rationale)],
          ["model", plan.model],
          ["prompt", plan.prompt_id],
          ["thought for", plan.latency_s < 0.001 ? "" : duration(plan.latency_s)],
          ["tokens", plan.tokens_in === null ? "" : `${plan.tokens_in} in, ${plan.tokens_out} out`],
          ["cost", plan.cost === null ? "" : dollars(plan.cost)],
        ]
      : [];
    return [
      block("Why", pairs(planned)),
      block("Inputs", pairs([...inputs, ["tool version", called?.tool_version]])),
      called && !events(entry, "tool_returned").length
        ? el("p", { class: "warn" }, "The tool has not returned.")
        : null,
    ];
  };
  const outputs = (entry) =>
    events(entry, "tool_returned").map((event) =>
      block(
        "Outputs",
        event.cached ? pairs([["from", "the cache: the same call had given this before"]]) : null,
        event.codes.length ? pairs([["codes", event.codes.map(words).join(", ")]]) : null,
        table(event.result) ?? el("p", { class: "soft" }, `none: ${event.outcome}`),
      ),
    );
  const facts = {
    run: (entry) => {
      const event = data.lines[entry.lines[0]].event;
      return [
        block(
          "Run",
          pairs([
            ["planner", event.planner],
            ["program", event.program_version],
            ["status", event.status],
            ["code", words(event.code)],
            ["seed", event.seed],
            ["schema", event.schema_version],
          ]),
        ),
        block("Settings", event.config && table(event.config)),
        block("Versions", event.versions && table(event.versions)),
      ];
    },
    films: (entry) =>
      events(entry, "study_loaded")
        .flatMap((event) =>
          event.images.map((image) =>
            block(
              image.handle,
              pairs([
                ["view", image.view],
                ["size", `${image.columns} × ${image.rows} px`],
                [
                  "spacing",
                  image.spacing
                    ? `${number(image.spacing.column_mm)} mm, ${words(image.spacing.kind)}`
                    : "not known",
                ],
                ["days before", image.days_before],
                ["notices", image.notices.map(words).join(", ")],
                ["pixels", image.sha256.slice(0, 16)],
              ]),
            ),
          ),
        )
        .concat(
          events(entry, "study_loaded").map((event) =>
            event.indication ? block("Indication", el("blockquote", {}, event.indication)) : null,
          ),
        ),
    step: why,
    said: () => [],
    conflict: (entry) =>
      events(entry, "conflict").map((event) =>
        block(
          "Conflict",
          pairs([
            ["about", event.codes.map(words).join(", ")],
            ["between", chips(event.evidence)],
            ["decided by", words(event.rule)],
          ]),
        ),
      ),
    report: (entry) => [
      block("Gates", gates(entry)),
      block(
        "Draft",
        events(entry, "report_drafted").map((event) =>
          el(
            "details",
            {},
            el("summary", {}, plural(event.sentences.length, "sentence")),
            el(
              "ul",
              {},
              event.sentences.map((one) =>
                el("li", {}, String(one.text ?? ""), " ", chips(listOf(one.evidence).map(String))),
              ),
            ),
          ),
        ),
      ),
    ],
    model: (entry) =>
      events(entry, "model_called").map((event) => [
        block(
          "Exchange",
          pairs([
            ["for", event.purpose],
            ["model", event.model],
            ["outcome", words(event.outcome)],
            ["tokens", `${event.tokens_in} in, ${event.tokens_out} out`],
            ["cost", event.cost === null ? "price not known" : dollars(event.cost)],
            ["time", duration(event.seconds)],
            ["requests", event.attempts],
            ["pictures sent", event.images],
            ["prompt", event.prompt_id],
            ["prompt file", event.prompt_sha256.slice(0, 12)],
          ]),
        ),
        block(
          "What went over the wire",
          exchange("Sent", event.sent),
          exchange("Received", event.received),
        ),
      ]),
    asked: (entry) => [
      entry.turn.asked &&
        block(
          "Question",
          el("blockquote", {}, entry.turn.asked.text ?? NOT_KEPT),
          pairs([
            ["understood as", words(entry.turn.asked.intent)],
            ["about", entry.turn.asked.subjects.map(words).join(", ")],
          ]),
        ),
      entry.turn.answered &&
        block(
          `Answer, by ${entry.turn.answered.worded_by}`,
          el("ul", { class: "sentences" }, entry.turn.said.map(sentence)),
          entry.turn.answered.unsupported
            ? el(
                "p",
                { class: "warn" },
                plural(entry.turn.answered.unsupported, "sentence"),
                " of the model had no support and were kept back.",
              )
            : null,
        ),
    ],
    corrected: (entry) =>
      events(entry, "corrected").map((event) =>
        block(
          "Correction",
          pairs([
            ["of", `${event.kind} ${words(event.target)}`],
            ["on", event.film],
            ["by", event.who],
            ["why", event.why],
            ...Object.entries(event.value).map(([key, raw]) => [`now: ${words(key)}`, value(raw)]),
            ["no longer counts", entry.withdrawn.length ? chips(entry.withdrawn) : ""],
          ]),
        ),
      ),
    withdrawn: (entry) =>
      events(entry, "withdrawn").map((event) =>
        block(
          "Withdrawn",
          pairs([
            ["evidence", chips(event.evidence)],
            ["why", words(event.reason)],
          ]),
        ),
      ),
    issued: (entry) =>
      events(entry, "report_issued").map((event) =>
        block(
          "Report",
          pairs([
            ["status", event.status],
            ["file", event.report_sha256.slice(0, 16)],
          ]),
        ),
      ),
  };
  const detail = (entry) => {
    const given =
      entry.kind === "conflict" ? [] : entry.evidence.filter((id) => chain.evidence.has(id));
    const cited = given.flatMap((id) => chain.evidence.get(id)?.cited ?? []);
    const at = entry.session
      ? `${duration(entry.at) || "0 ms"} after resumption ${entry.session}`
      : `at ${duration(entry.at) || "0 ms"}`;
    return [
      el(
        "header",
        {},
        el(
          "h2",
          { tabindex: "-1" },
          entry.step === null ? null : el("span", { class: "step" }, `s${entry.step}`),
          entry.title,
        ),
        entry.state
          ? el(
              "span",
              { class: `pill ${entry.state}` },
              entry.state === "none" ? "done" : entry.state,
            )
          : null,
        el(
          "small",
          {},
          [
            at,
            duration(entry.seconds),
            entry.tokens ? `${entry.tokens} tokens` : "",
            entry.cost === null ? "" : dollars(entry.cost),
            plural(entry.lines.length, "line"),
          ]
            .filter(Boolean)
            .join(" · "),
        ),
      ),
      facts[entry.kind](entry),
      block("Evidence it gave", given.length ? inParts(given, card) : null),
      block(`Sentences that rest on it (${new Set(cited).size})`, citing([...new Set(cited)])),
      outputs(entry),
      block("Artifacts", artifacts(entry)),
      raw(entry),
    ];
  };
  return detail;
};
