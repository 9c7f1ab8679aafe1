// Makes the headings of the students' table sort it; the page is complete without this.
for (const table of document.querySelectorAll("table.students")) {
  const heads = [...table.tHead.rows[0].cells];
  const value = (row, i) => row.cells[i].dataset.sort ?? row.cells[i].textContent.trim();
  heads.forEach((head, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const order = new Intl.Collator(undefined, { numeric: true });
      const rows = [...table.tBodies[0].rows];
      const compare = (a, b) =>
        "sort" in a.cells[i].dataset ? value(a, i) - value(b, i) : order.compare(value(a, i), value(b, i));
      rows.sort((a, b) => (down ? -compare(a, b) : compare(a, b)));
      table.tBodies[0].append(...rows);
    });
  });
}
