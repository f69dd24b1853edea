/* A page that is served: further lines as they are acknowledged, and corrections by a reader. */
const pulse = byId("pulse");
let awaited = null;
/* A name out of a trace may be one that an assignment would act upon. */
const keep = (object, name, value) =>
  Object.defineProperty(object, name, {
    value,
    enumerable: true,
    writable: true,
    configurable: true,
  });
if (chain.finished === null) show.entry(Math.max(0, chain.entries.length - 1));
const stream = new EventSource(`${data.live.events}?after=${data.lines.length}`);
stream.addEventListener("open", () => {
  pulse.classList.remove("lost");
  pulse.textContent = "live";
});
stream.addEventListener("error", () => {
  pulse.classList.add("lost");
  pulse.textContent = "not connected";
});
window.addEventListener("pagehide", () => stream.close());
stream.addEventListener("again", () => location.reload());
stream.addEventListener("lines", (event) => {
  const more = JSON.parse(event.data);
  /* After a broken connection lines may come twice: each has its place. */
  const from = Number(event.lastEventId) - more.lines.length;
  more.lines.forEach((line, at) => {
    data.lines[from + at] = line;
  });
  for (const part of ["films", "drawn", "overlays", "pictures", "texts", "reports"]) {
    for (const [name, value] of Object.entries(more[part])) keep(data[part], name, value);
  }
  data.faults.push(...more.faults);
  if (more.verification) data.verification = more.verification;
  refresh(byId("follow").checked);
  const latest = chain.ofLine[data.lines.length - 1];
  if (latest)
    byId("told").textContent = [latest.title, latest.note, words(latest.state)]
      .filter(Boolean)
      .join(", ");
  const own =
    awaited === null
      ? -1
      : data.lines.findIndex(
          ({ event: one }, at) => at >= from && one.type === "corrected" && one.target === awaited,
        );
  if (own >= 0) {
    awaited = null;
    show.entry(chain.ofLine[own].place);
  }
  byId("unfinished")?.toggleAttribute("hidden", chain.finished !== null);
});

const correction = byId("correction");
const form = byId("correction-form");
const trouble = byId("correction-error");
fill(
  form.elements.code,
  Object.entries(data.live.findings)
    .sort((one, other) => one[1].localeCompare(other[1]))
    .map(([code, name]) => el("option", { value: code }, name)),
);
byId("correct").addEventListener("click", () => {
  form.elements.film.replaceChildren(
    ...Object.keys(data.films).map((handle) => el("option", { value: handle }, handle)),
  );
  const about = [...now.evidence]
    .map((id) => chain.evidence.get(id)?.item)
    .find((item) => item?.kind === "finding");
  if (about && has(data.live.findings, about.code)) {
    form.elements.code.value = about.code;
    form.elements.film.value = about.image;
    form.elements.side.value = ["right", "left", "bilateral"].includes(about.side)
      ? about.side
      : "";
  }
  trouble.hidden = true;
  correction.showModal();
});
byId("correction-cancel").addEventListener("click", () => correction.close());
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const given = Object.fromEntries(new FormData(form));
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  awaited = given.code;
  try {
    const answer = await fetch(data.live.corrections, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-Cxr-Page": data.live.page },
      body: JSON.stringify({ ...given, side: given.side || null }),
    });
    if (!answer.ok) throw new Error((await answer.text()).trim());
    correction.close();
    form.elements.why.value = "";
  } catch (error) {
    awaited = null;
    trouble.textContent = String(error.message);
    trouble.hidden = false;
  } finally {
    button.disabled = false;
  }
});
