// A click on a column's head sorts its table, again reverses. Cells without a value stay last.
// A cell of a number has it in data-number, whatever it shows.

const valueOf = (cell) => ("number" in cell.dataset ? Number(cell.dataset.number) : cell.textContent.trim());
const isMissing = (cell) => "missing" in cell.dataset;

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return a.localeCompare(b, "en", { numeric: true });
}

function sort(table, column, descending) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  rows.sort((one, other) => {
    const [a, b] = [one.cells[column], other.cells[column]];
    if (isMissing(a) || isMissing(b)) return isMissing(a) - isMissing(b);
    return (descending ? -1 : 1) * compare(valueOf(a), valueOf(b));
  });
  body.append(...rows);
}

for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      sort(table, column, descending);
    });
  });
}
