(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const cards = new Map(all(".card").map((card) => [card.dataset.ev, card]));
  let pinned = null;
  let together = [];

  /* Ids come from the page itself; a token list needs no selector built from them. */
  const speaksOf = (element, id) => (element.dataset.ev || "").split(" ").includes(id);

  const light = (id, ids = [id]) => {
    for (const element of all(".hot")) element.classList.remove("hot");
    for (const element of all(".card.open")) element.classList.remove("open");
    for (const element of all(".viewer.focus")) element.classList.remove("focus");
    if (id === null) return;
    for (const element of all(".viewer .overlay, .viewer .box, .chip, .sources tr, .course td")) {
      if (ids.some((one) => speaksOf(element, one))) element.classList.add("hot");
    }
    const card = cards.get(id);
    if (!card) return;
    card.classList.add("open");
    const viewer = card.closest(".viewer");
    if (viewer.querySelector(".overlay.hot, .box.hot")) viewer.classList.add("focus");
  };

  const pin = (id, ids = [id]) => {
    pinned = id;
    together = ids;
    for (const sentence of all(".sentence.pinned")) sentence.classList.remove("pinned");
    for (const chip of all(".chip")) {
      chip.classList.toggle("pinned", id !== null && chip.dataset.ev === id);
    }
    const viewer = id !== null && cards.has(id) ? cards.get(id).closest(".viewer") : null;
    const tab = viewer && document.getElementById("tab-" + viewer.dataset.key);
    if (tab) tab.checked = true;
    light(id, ids);
  };
  const back = () => light(pinned, together);

  /* A sentence shows all that it rests on; its first evidence gives the card and the film. */
  for (const sentence of all(".sentence")) {
    const ids = all("a.chip", sentence).map((chip) => chip.dataset.ev);
    if (!ids.length) continue;
    sentence.addEventListener("click", (event) => {
      if (event.target.closest("a, button") || String(getSelection())) return;
      const already = sentence.classList.contains("pinned");
      pin(already ? null : ids[0], already ? [] : ids);
      sentence.classList.toggle("pinned", !already);
    });
  }

  for (const chip of all("a.chip")) {
    const id = chip.dataset.ev;
    chip.addEventListener("mouseenter", () => light(id));
    chip.addEventListener("focus", () => light(id));
    chip.addEventListener("mouseleave", back);
    chip.addEventListener("blur", back);
    chip.addEventListener("click", (event) => {
      event.preventDefault();
      pin(pinned === id ? null : id);
    });
  }
  for (const button of all(".card .close")) button.addEventListener("click", () => pin(null));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") pin(null);
  });

  const apply = (slider) => {
    const value = Number(slider.value) / Number(slider.dataset.scale);
    slider.closest(".viewer").style.setProperty(slider.dataset.var, String(value));
  };
  for (const slider of all("input[type=range][data-var]")) {
    slider.addEventListener("input", () => apply(slider));
    apply(slider);
  }
  for (const button of all("button.reset")) {
    button.addEventListener("click", () => {
      const viewer = button.closest(".viewer");
      for (const input of all("input", viewer)) {
        input.checked = input.defaultChecked;
        if (input.type === "range") {
          input.value = input.defaultValue;
          apply(input);
        }
      }
    });
  }

  window.addEventListener("beforeprint", () => {
    for (const details of all(".sources details")) details.open = true;
  });
  const fromAddress = () => {
    const id = location.hash.replace(/^#card-/, "");
    if (cards.has(id)) pin(id);
  };
  window.addEventListener("hashchange", fromAddress);
  fromAddress();
})();
