/* The film pane: one film and what lies over it, as the selection asks for. */
const filmPane = (root, data) => {
  const state = {
    film: null,
    off: new Set(),
    on: true,
    wanted: { overlays: [], boxes: [], caption: "" },
  };
  const tabs = el("div", { class: "films", role: "radiogroup", "aria-label": "Film" });
  const canvas = el("div", { class: "canvas" });
  const stage = el("div", { class: "stage" }, canvas);
  const legend = el("ul", { class: "legend" });
  const caption = el("p", { class: "caption", role: "status" });
  const slider = (label, name, low, high, start, scale) => {
    const input = el("input", {
      type: "range",
      min: low,
      max: high,
      value: start,
      "aria-label": label,
    });
    input.addEventListener("input", () =>
      root.style.setProperty(name, String(input.value / scale)),
    );
    return el("label", { class: "slider" }, label, input);
  };
  const invert = el("input", { type: "checkbox" });
  invert.addEventListener("change", () =>
    root.style.setProperty("--invert", invert.checked ? "1" : "0"),
  );
  const shown = el("input", { type: "checkbox", checked: true, id: "overlays-on" });
  shown.addEventListener("change", () => {
    state.on = shown.checked;
    draw();
  });
  const strip = el(
    "div",
    { class: "strip" },
    el("label", { class: "switch" }, shown, "overlays"),
    legend,
    slider("opacity", "--fill", 0, 100, 35, 100),
    slider("bright", "--bright", 40, 200, 100, 100),
    slider("zoom", "--zoom", 100, 400, 100, 100),
    el("label", { class: "switch" }, invert, "invert"),
  );
  root.append(tabs, el("div", { class: "stage-and-strip" }, stage, strip), caption);

  const handles = () => Object.keys(data.films);
  const title = (film) => {
    const view = film.view === "UNKNOWN" ? "view unknown" : film.view;
    const before = film.days_before === null ? "" : `, ${plural(film.days_before, "day")} before`;
    return `${film.handle}, ${view}${before}`;
  };
  const drawTabs = () => {
    tabs.replaceChildren(
      ...handles().map((handle) => {
        const input = el("input", { type: "radio", name: "film", value: handle });
        input.checked = handle === state.film;
        input.addEventListener("change", () => choose(handle));
        return el("label", {}, input, el("span", {}, title(data.films[handle])));
      }),
    );
  };
  const picture = (id, box, name) =>
    svg("image", { href: data.pictures[id], ...box, preserveAspectRatio: "none", class: name });
  const lineShapes = (overlay, tick) =>
    overlay.lines.map((line) => {
      const points = line.points.map(([x, y]) => `${x},${y}`).join(" ");
      const shapes = [
        svg("polyline", { class: "halo", points }),
        svg("polyline", { class: "stroke", points }),
      ];
      if (line.points.length === 2) {
        const [[x0, y0], [x1, y1]] = line.points;
        const reach = Math.hypot(x1 - x0, y1 - y0) || 1;
        const [dx, dy] = [(-(y1 - y0) / reach) * tick, ((x1 - x0) / reach) * tick];
        for (const [x, y] of line.points)
          shapes.push(
            svg("polyline", { class: "stroke", points: `${x - dx},${y - dy} ${x + dx},${y + dy}` }),
          );
      }
      return shapes;
    });
  /* In turn above and below a line, and at the head of one that stands: they meet less. */
  const lineTags = (overlay, film) =>
    overlay.lines
      .filter((line) => line.label)
      .map((line, at) => {
        const [xs, ys] = [line.points.map(([x]) => x), line.points.map(([, y]) => y)];
        const [left, right, top, bottom] = [
          Math.min(...xs),
          Math.max(...xs),
          Math.min(...ys),
          Math.max(...ys),
        ];
        const stands = bottom - top > right - left;
        const tag = el("span", { class: at % 2 && !stands ? "tag below" : "tag" }, line.label);
        tag.style.left = `${(50 * (left + right)) / film.columns}%`;
        tag.style.top = `${(100 * (stands ? top : (top + bottom) / 2)) / film.rows}%`;
        return tag;
      });
  const visible = () =>
    state.wanted.overlays
      .map((id) => [id, data.overlays[id]])
      .filter(([, overlay]) => overlay && overlay.film === state.film);

  const draw = () => {
    const film = data.films[state.film];
    drawTabs();
    legend.replaceChildren();
    canvas.replaceChildren();
    if (!film || !film.picture) {
      canvas.append(
        el(
          "p",
          { class: "no-film" },
          film ? "The film's picture cannot be shown." : "This run has no film.",
        ),
      );
      caption.textContent = "";
      return;
    }
    const box = { x: 0, y: 0, width: film.columns, height: film.rows };
    const sheet = svg(
      "svg",
      { viewBox: `0 0 ${film.columns} ${film.rows}`, role: "img", "aria-label": title(film) },
      picture(film.picture, box, "base"),
    );
    canvas.style.setProperty("--ratio", String(film.columns / film.rows));
    canvas.append(sheet);
    const overlays = visible();
    const tick = Math.max(film.rows, film.columns) / 80;
    for (const [id, overlay] of overlays) {
      const checked = !state.off.has(id);
      if (state.on && checked) {
        const group = svg("g", { class: `overlay ${overlay.kind}`, "data-overlay": id });
        if (overlay.kind === "lines") fill(group, lineShapes(overlay, tick));
        if (overlay.fill) group.append(picture(overlay.fill, box, "fill"));
        if (overlay.edge) group.append(picture(overlay.edge, box, "edge"));
        sheet.append(group);
        canvas.append(...lineTags(overlay, film));
      }
      const input = el("input", { type: "checkbox" });
      input.checked = checked;
      input.addEventListener("change", () => {
        state.off[input.checked ? "delete" : "add"](id);
        draw();
      });
      const swatch = el("i", { class: `swatch ${overlay.kind}` });
      if (overlay.colour) swatch.style.background = overlay.colour;
      if (overlay.kind === "map")
        swatch.style.backgroundImage = `linear-gradient(to right, ${data.gradient})`;
      legend.append(el("li", {}, el("label", {}, input, swatch, words(overlay.name))));
    }
    if (state.on) {
      for (const {
        box: [left, top, right, bottom],
        id,
        boxed,
      } of state.wanted.boxes.filter((one) => one.film === state.film)) {
        sheet.append(
          svg("rect", {
            class: "box",
            x: left,
            y: top,
            width: right - left,
            height: bottom - top,
            "data-box": id,
          }),
        );
        if (boxed) continue;
        const tag = el("span", { class: "tag" }, id);
        tag.style.left = `${(100 * left) / film.columns}%`;
        tag.style.top = `${(100 * top) / film.rows}%`;
        canvas.append(tag);
      }
    }
    const nothing = !overlays.length && !state.wanted.boxes.some((one) => one.film === state.film);
    const means = overlays.some(([, overlay]) => overlay.kind === "map")
      ? ". A map shows what the classifier used, not where disease is."
      : "";
    caption.textContent =
      state.wanted.caption +
      (nothing && state.wanted.caption ? ": nothing was drawn on this film" : "") +
      means;
  };
  const choose = (handle) => {
    state.film = handle;
    draw();
  };
  return {
    /* Show these overlays and boxes; the film stays unless it has none of them. */
    show(wanted) {
      state.wanted = wanted;
      const films = new Set([
        ...wanted.overlays.map((id) => data.overlays[id]?.film),
        ...wanted.boxes.map((one) => one.film),
        wanted.film,
      ]);
      films.delete(undefined);
      films.delete(null);
      if (!has(data.films, state.film)) state.film = handles()[0] ?? null;
      if (has(data.films, wanted.film)) state.film = wanted.film;
      else if (films.size && !films.has(state.film))
        state.film = [...films].find((handle) => has(data.films, handle)) ?? state.film;
      draw();
    },
    next() {
      const all = handles();
      if (all.length) choose(all[(all.indexOf(state.film) + 1) % all.length]);
    },
    toggle() {
      shown.checked = !shown.checked;
      state.on = shown.checked;
      draw();
    },
  };
};
