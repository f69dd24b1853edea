// Tables are sorted by a click on, or Enter at, the head of a column; without this file they stay as they are.
const numberOf = (cell) => cell.dataset.value === undefined ? null : Number(cell.dataset.value);

const compare = (column, up) => (a, b) => {
  const one = a.cells[column], other = b.cells[column];
  const left = numberOf(one), right = numberOf(other);
  const order = left !== null && right !== null ? left - right : one.textContent.localeCompare(other.textContent, "en", { numeric: true });
  return up ? order : -order;
};

const sortBy = (table, head, column) => {
  const up = head.getAttribute("aria-sort") !== "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const body = table.tBodies[0];
  body.append(...[...body.rows].sort(compare(column, up)));
};

for (const table of document.querySelectorAll("table.sorts")) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sortBy(table, head, column));
  });
}
